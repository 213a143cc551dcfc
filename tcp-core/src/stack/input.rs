//! A packet comes in: checked, counted, and given to whom it belongs.

use core::net::IpAddr;

use super::Stack;
use super::demux::Record;
use super::tuple::{FourTuple, is_unicast};
use crate::connection::Predicted;
use crate::event::{PacketMeta, PostedRead};
use crate::time::Instant;
use crate::wire::{self, Control, Ecn, Incoming, ParseError, Segment, TcpPacket};

impl Stack {
    pub(super) fn take_packet(
        &mut self,
        now: Instant,
        packet: &[u8],
        meta: PacketMeta,
        posted: Option<&mut PostedRead<'_>>,
    ) {
        self.counters.ip_in_receives += 1;
        if self.take_predicted(now, packet, meta, posted) {
            return;
        }
        self.settle_touched();
        // What is read stays where it is: it is too large to be moved for every packet.
        match &mut wire::parse(packet, meta.checksum) {
            Ok(Incoming::Tcp(packet)) => {
                packet.segment.segment_size = meta.segment_size;
                self.count_marks(packet.segment.header.ecn, packet.segment.pieces());
                self.handle_tcp(now, meta.arrived.unwrap_or(now), packet);
            }
            Ok(Incoming::IcmpError(error)) => {
                self.counters.icmp_in_msgs += 1;
                self.handle_icmp_error(now, error);
            }
            Ok(Incoming::IcmpOther) => self.counters.icmp_in_msgs += 1,
            Err(error) => self.count_malformed(*error),
        }
    }

    /// Takes a packet by the short way, if it is what its connection's peer was to send next; says whether it
    /// is done with.
    fn take_predicted(
        &mut self,
        now: Instant,
        packet: &[u8],
        meta: PacketMeta,
        posted: Option<&mut PostedRead<'_>>,
    ) -> bool {
        let Some(plain) = wire::read_plain(packet, meta.checksum) else {
            return false;
        };
        let tuple = FourTuple::new(plain.dst, plain.src);
        let Some(Record::Connection(index)) = tuple.and_then(|tuple| self.look(&tuple)) else {
            return false;
        };
        let Some((key, entry)) = self.connections.named_mut(index) else {
            return false;
        };
        let posted = posted.filter(|posted| key == posted.connection.into());
        let connection = entry.resident.rouse();
        let (mut nobody, mut nothing) = (0, [0; 0]);
        let (filled, room) = match posted {
            Some(posted) => posted.split(),
            None => (&mut nobody, &mut nothing[..]),
        };
        connection.set_headroom(self.holdings.headroom());
        let arrived = meta.arrived.unwrap_or(now).min(now);
        let size = meta.segment_size;
        let counters = &mut self.counters;
        match connection.take_predicted(now, arrived, (&plain, size), room, counters) {
            Predicted::Other => return false,
            Predicted::Damaged => self.count_malformed(ParseError::TcpChecksum),
            Predicted::Taken(read) => {
                *filled += read;
                let pieces = wire::pieces(plain.payload.len(), size);
                self.count_marks(plain.ecn, pieces);
                self.counters.in_segs += pieces;
            }
        }
        self.touch(index);
        true
    }

    fn count_marks(&mut self, ecn: Ecn, segments: u64) {
        let counters = &mut self.counters;
        *match ecn {
            Ecn::NotCapable => &mut counters.in_no_ect_pkts,
            Ecn::Capable1 => &mut counters.in_ect1_pkts,
            Ecn::Capable0 => &mut counters.in_ect0_pkts,
            Ecn::CongestionExperienced => &mut counters.in_ce_pkts,
        } += segments;
    }

    fn count_malformed(&mut self, error: ParseError) {
        let counters = &mut self.counters;
        match error {
            ParseError::IpHeader => counters.ip_in_hdr_errors += 1,
            ParseError::Truncated => counters.ip_in_truncated += 1,
            ParseError::Fragment => counters.ip_fragments_refused += 1,
            ParseError::Protocol => counters.ip_in_unknown_protos += 1,
            ParseError::Icmp => {
                counters.icmp_in_msgs += 1;
                counters.icmp_in_errors += 1;
            }
            ParseError::TcpHeader => {
                counters.in_segs += 1;
                counters.in_errs += 1;
            }
            ParseError::TcpChecksum => {
                counters.in_segs += 1;
                counters.in_errs += 1;
                counters.in_csum_errors += 1;
            }
        }
    }

    fn handle_tcp(&mut self, now: Instant, arrived: Instant, packet: &TcpPacket<'_>) {
        let Some(tuple) = FourTuple::between(&packet.dst, &packet.src) else {
            return;
        };
        debug_assert!(
            self.other_owner(packet.dst, packet.src).is_none(),
            "the flow of {} and {} is another stack's",
            packet.dst,
            packet.src
        );
        let segment = &packet.segment;
        // A tuple that has a record passed the checks of its addresses when the record was made.
        let record = self.look(&tuple);
        if record.is_none() && !self.is_deliverable(&tuple) {
            return;
        }
        self.counters.in_segs += segment.pieces();
        if packet.bad_option {
            self.counters.bad_options += 1;
        }
        match record {
            Some(Record::Connection(index)) => {
                self.handle_connection_segment(now, arrived, index, segment);
            }
            Some(Record::HalfOpen(slot)) => self.handle_half_open_segment(now, slot, segment),
            Some(Record::TimeWait(slot)) => self.handle_time_wait_segment(now, slot, segment),
            None => self.handle_unknown_segment(now, tuple, segment),
        }
    }

    /// Whether the addresses may be those of a connection; counts the reason where they may not.
    /// Nothing is answered then (RFC 9293 MUST-57, MUST-63).
    fn is_deliverable(&mut self, tuple: &FourTuple) -> bool {
        if !is_unicast(tuple.remote().ip()) {
            self.counters.ip_in_martians += 1;
            return false;
        }
        let local = tuple.local().ip();
        if !is_unicast(local) || !self.is_local(local) {
            self.counters.ip_in_addr_errors += 1;
            return false;
        }
        true
    }

    /// Whether packets to this address are for us.
    pub(super) fn is_local(&self, ip: IpAddr) -> bool {
        self.config.any_address || self.config.addresses.contains(&ip)
    }

    pub(super) fn handle_connection_segment(
        &mut self,
        now: Instant,
        arrived: Instant,
        index: u32,
        segment: &Segment<'_>,
    ) {
        if let Some(entry) = self.connections.get_mut(index) {
            let connection = entry.resident.rouse();
            connection.set_headroom(self.holdings.headroom());
            let (owed, challenged) = (connection.owes_ack(), self.counters.challenge_ack);
            connection.handle_arrival(now, arrived, segment, &mut self.counters);
            let lesson = connection.take_fast_open_lesson();
            if let Some(lesson) = lesson {
                self.learn_of_fast_open(now, index, lesson);
            }
            if self.counters.challenge_ack != challenged {
                self.allow_challenge(now, index, owed);
            }
            self.settle(index);
        }
    }

    /// LISTEN (RFC 9293 §3.10.7.2) where there is a listener, else CLOSED (§3.10.7.1).
    fn handle_unknown_segment(&mut self, now: Instant, tuple: FourTuple, segment: &Segment<'_>) {
        let header = &segment.header;
        if header.control == Control::Rst {
            return;
        }
        match (self.demux.listener(&tuple), header.ack) {
            (None, _) => self.refuse(now, tuple, segment),
            (Some(listener), Some(_)) => {
                if !self.take_cookie(now, listener, tuple, segment) {
                    self.refuse(now, tuple, segment);
                }
            }
            (Some(listener), None) if header.control == Control::Syn => {
                self.handle_syn(now, listener, tuple, segment, None);
            }
            (Some(_), None) => {}
        }
    }
}
