//! What one end of a connection may send, judged from outside.

use std::collections::VecDeque;

use tcp_core::config::MIN_MSS;
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header, WindowScale};

use super::ecn::EcnConduct;
use super::peer::Peer;
use super::{Violation, rule};

/// Watches one end of a connection: every segment that it sends, and every segment that it is
/// handed. Offsets count as in [`tcp_core::seq`]: the SYN owns 0, the first byte 1.
///
/// ```text
///     sent by this end                          offered by this end
///
///   0 1      acked        snd_max             0 1      ack        right edge
///   +-+--------+-----------+ . . . +          +-+--------+----------+
///   |S|  kept to compare   |       |          |S| handed |  room    |
///   +-+--------+-----------+ . . . +          +-+--------+----------+
///                          ^       ^                     never goes back, never beyond what
///               nothing sent yet   granted by the peer   was handed in without a hole
/// ```
///
/// Segments that this end was handed count whether or not it accepted them: that can only hide a
/// fault behind another segment, and never finds one where there is none.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Conduct {
    /// Our initial sequence number, and the shift count that our SYN offered.
    isn: Option<(SeqNumber, Option<WindowScale>)>,
    /// The offset after the last one sent.
    snd_max: u64,
    /// The offset of our FIN, once it was sent.
    fin: Option<u64>,
    /// The payload from offset `kept_from` to `snd_max`.
    kept: VecDeque<u8>,
    kept_from: u64,
    /// The highest offset that we acknowledged, and the highest right edge that we offered.
    ack: u64,
    right_edge: u64,
    /// The SYNs that we were handed; which of them we took is known when we acknowledge it.
    syns: Vec<Handed>,
    /// What else we were handed before that.
    unplaced: Vec<Handed>,
    peer: Option<Peer>,
    ecn: EcnConduct,
}

/// What matters of a segment that this end was handed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Handed {
    header: Header,
    payload_len: u32,
}

impl Conduct {
    /// Whether `header` opens another connection than the one watched: a SYN with a number of its
    /// own, or one that acknowledges another SYN.
    pub fn is_reborn_by(&self, header: &Header) -> bool {
        let other_isn = self.isn.is_some_and(|(isn, _)| isn != header.seq);
        let other_peer = match (header.ack, &self.peer) {
            (Some(ack), Some(peer)) => !peer.has_sent_before(ack),
            _ => false,
        };
        header.control == Control::Syn && (other_isn || other_peer)
    }

    /// Forgets the connection but not the SYNs that were handed in, one of which may have opened
    /// the next.
    pub fn reborn(self) -> Conduct {
        Conduct {
            syns: self.syns,
            ecn: self.ecn.reborn(),
            ..Conduct::default()
        }
    }

    /// The initial sequence number of the peer's SYN that this end took, once it has acknowledged
    /// one.
    pub fn peer_isn(&self) -> Option<SeqNumber> {
        self.peer.as_ref().map(|peer| peer.isn)
    }

    /// Whether a segment takes sequence numbers that this end has used already: it is sent again.
    pub fn is_repeat(&self, header: &Header, payload_len: usize) -> bool {
        let len = payload_len as u64 + u64::from(header.control.sequence_len());
        let start = self
            .isn
            .and_then(|(isn, _)| header.seq.offset_near(isn, self.snd_max));
        len > 0 && start.is_some_and(|start| start < self.snd_max)
    }

    /// This end was handed a segment.
    pub fn handed(&mut self, header: &Header, payload_len: usize) {
        let handed = Handed {
            header: *header,
            payload_len: payload_len as u32,
        };
        self.ecn.handed(header, payload_len);
        let is_syn = header.control == Control::Syn;
        if is_syn && !self.syns.contains(&handed) {
            self.syns.push(handed);
        }
        if self.peer.is_some() {
            self.place(handed);
        } else if !is_syn {
            self.unplaced.push(handed);
        }
    }

    /// This end sent a segment.
    pub fn sent(&mut self, header: &Header, payload: &[u8]) -> Result<(), Violation> {
        // A reset takes its numbers from what it answers (RFC 9293 §3.10.7.1).
        if header.control == Control::Rst {
            rule!(payload.is_empty(), "a RST with data");
            return Ok(());
        }
        self.check_acknowledgement(header)?;
        self.check_stream(header, payload)
    }

    fn check_stream(&mut self, header: &Header, payload: &[u8]) -> Result<(), Violation> {
        if self.isn.is_none() {
            rule!(
                header.control == Control::Syn,
                "the first segment is no SYN"
            );
            self.isn = Some((header.seq, header.options.window_scale));
            self.kept_from = 1;
        }
        let (isn, _) = self.isn.expect("it was just set");
        let start = header.seq.offset_near(isn, self.snd_max);
        rule!(
            start.is_some(),
            "sequence number {:?} is before our SYN",
            header.seq
        );
        let start = start.unwrap_or_default();
        let is_syn = header.control == Control::Syn;
        rule!(!is_syn || start == 0, "a SYN at offset {start}");
        rule!(
            is_syn || start > 0 || payload.is_empty(),
            "data at offset 0"
        );
        rule!(
            start <= self.snd_max,
            "sent from offset {start}, but nothing from {} on yet",
            self.snd_max
        );
        self.ecn.sent(header, payload.len(), start < self.snd_max)?;
        let data = start + u64::from(is_syn);
        let end = data + payload.len() as u64;
        if header.control == Control::Fin {
            let fin = *self.fin.get_or_insert(end);
            rule!(fin == end, "the FIN moved from offset {fin} to {end}");
        }
        if let Some(fin) = self.fin
            && !payload.is_empty()
        {
            rule!(end <= fin, "data up to offset {end}, past the FIN at {fin}");
        }
        self.check_bytes(data, payload)?;
        self.check_limits(end, payload.len(), header.control)?;
        let end = end + u64::from(header.control == Control::Fin);
        self.snd_max = self.snd_max.max(end);
        Ok(())
    }

    /// The same offset always carries the same byte.
    fn check_bytes(&mut self, data: u64, payload: &[u8]) -> Result<(), Violation> {
        // What is acknowledged is not kept, and cannot be compared.
        let forgotten = self
            .kept_from
            .saturating_sub(data)
            .min(payload.len() as u64);
        let known = &payload[forgotten as usize..];
        let from = (data + forgotten).saturating_sub(self.kept_from) as usize;
        let again = known.len().min(self.kept.len().saturating_sub(from));
        let (again, fresh) = known.split_at(again);
        if !again.is_empty() && !holds_at(&self.kept, from, again) {
            let mut kept = self.kept.iter().skip(from).zip(again);
            let index = kept.position(|(kept, byte)| kept != byte);
            let offset = data + forgotten + index.unwrap_or(0) as u64;
            return Err(Violation(format!(
                "another byte at offset {offset} than before"
            )));
        }
        self.kept.extend(fresh);
        Ok(())
    }

    /// The peer's window and MSS. Beyond the window goes nothing but a probe: one byte, by itself,
    /// when all that was granted is used up (RFC 9293 §3.8.6.1).
    fn check_limits(
        &self,
        end: u64,
        payload_len: usize,
        control: Control,
    ) -> Result<(), Violation> {
        if payload_len == 0 {
            return Ok(());
        }
        let Some(peer) = &self.peer else {
            rule!(
                control == Control::Syn,
                "data before the peer's SYN, and not with ours"
            );
            return Ok(());
        };
        let is_probe = payload_len == 1 && end == peer.granted + 1;
        rule!(
            end <= peer.granted || is_probe,
            "data up to offset {end}, but the window ends at {}",
            peer.granted
        );
        // MUST-15: 536 or 1220 bytes where the peer announces nothing.
        let mss = peer.mss.map_or(1_220, |mss| mss.max(MIN_MSS));
        rule!(
            payload_len <= usize::from(mss),
            "{payload_len} bytes in a segment, the peer's MSS is {mss}"
        );
        Ok(())
    }

    /// The acknowledgement and the window.
    fn check_acknowledgement(&mut self, header: &Header) -> Result<(), Violation> {
        let Some(number) = header.ack else {
            rule!(
                header.control == Control::Syn,
                "only a SYN or a RST goes without ACK"
            );
            return Ok(());
        };
        if self.peer.is_none() {
            self.take_syn(number)?;
        }
        let (our_scale, peer) = match (&self.isn, &self.peer) {
            (isn, Some(peer)) => (isn.and_then(|(_, scale)| scale), peer),
            (_, None) => return Ok(()),
        };
        let ack = number.offset_near(peer.isn, self.ack).unwrap_or(0);
        let handed = peer.handed_without_hole();
        rule!(
            ack >= self.ack,
            "the acknowledgement went from {} back to {ack}",
            self.ack
        );
        rule!(
            ack <= handed,
            "acknowledged up to {ack}, but was handed {handed}"
        );
        self.ack = ack;

        // Both scale or neither does (RFC 7323 §2.2); the window of a SYN is never scaled.
        let scale = match (our_scale, peer.scale) {
            (Some(scale), Some(_)) if header.control != Control::Syn => scale,
            _ => WindowScale::ZERO,
        };
        let edge = ack + u64::from(header.window.bytes(scale));
        // A SYN that is sent again can say no more than 65,535, whatever other segments said.
        rule!(
            edge + u64::from(scale.unit()) > self.right_edge || header.control == Control::Syn,
            "the window's right edge went from {} back to {edge}",
            self.right_edge
        );
        self.right_edge = self.right_edge.max(edge);
        Ok(())
    }

    /// Finds the SYN that `number` acknowledges, and places what was handed in before.
    fn take_syn(&mut self, number: SeqNumber) -> Result<(), Violation> {
        // A SYN that acknowledges anything but our SYN opens nothing.
        let is_ours = |ack: SeqNumber| {
            let offset = ack.offset_near(self.isn?.0, self.snd_max)?;
            Some((1..=self.snd_max).contains(&offset))
        };
        let believable =
            |syn: &&Handed| syn.header.ack.is_none_or(|ack| is_ours(ack) == Some(true));
        let distance = |syn: &&Handed| number.distance_from(syn.header.seq);
        let mut candidates: Vec<Handed> = self.syns.iter().filter(believable).copied().collect();
        candidates.retain(|syn| distance(&syn) > 0);
        // Of several with the same number the one that answers our SYN has opened this connection,
        // where there is one; else the first.
        let nearest = candidates
            .iter()
            .min_by_key(|syn| (distance(syn), syn.header.ack.is_none()));
        let Some(opening) = nearest.copied() else {
            return Err(Violation(format!(
                "acknowledges {number:?}, but was handed no such SYN"
            )));
        };
        self.peer = Some(Peer::new(&opening.header));
        // What the others brought may have been taken as well: data, for one (RFC 7413).
        let same_number = |syn: &Handed| syn.header.seq == opening.header.seq;
        for syn in candidates.into_iter().filter(same_number) {
            self.place(syn);
        }
        for handed in std::mem::take(&mut self.unplaced) {
            self.place(handed);
        }
        Ok(())
    }

    /// Notes what a segment that was handed in brought: offsets, an acknowledgement, a window.
    fn place(&mut self, segment: Handed) {
        let Some(peer) = &mut self.peer else { return };
        let header = &segment.header;
        let near = peer.handed_without_hole();
        if let Some(start) = header.seq.offset_near(peer.isn, near) {
            let len = segment.payload_len + header.control.sequence_len();
            peer.note(start, start + u64::from(len));
        }
        let our_scale = self.isn.and_then(|(_, scale)| scale);
        // A SYN without ACK grants its window from our first byte on. Before our own SYN is out,
        // our shift count is unknown; only the peer's matters here.
        let ack = match (header.ack, self.isn) {
            (Some(ack), Some((isn, _))) => ack.offset_near(isn, self.snd_max).unwrap_or(0),
            _ => 1,
        };
        let scale = match (our_scale, peer.scale) {
            (Some(_), Some(scale)) if header.control != Control::Syn => scale,
            _ => WindowScale::ZERO,
        };
        if header.control != Control::Rst && ack <= self.snd_max.max(1) {
            let granted = ack + u64::from(header.window.bytes(scale));
            peer.granted = peer.granted.max(granted);
            let acknowledged = ack.saturating_sub(self.kept_from);
            let acknowledged = acknowledged.min(self.kept.len() as u64);
            self.kept.drain(..acknowledged as usize);
            self.kept_from += acknowledged;
        }
    }
}

/// Whether `kept` has `bytes` at `index`, where it is long enough.
fn holds_at(kept: &VecDeque<u8>, index: usize, bytes: &[u8]) -> bool {
    let (first, second) = kept.as_slices();
    match index.checked_sub(first.len()) {
        Some(index) => second[index..].starts_with(bytes),
        None => {
            let (head, tail) = bytes.split_at(bytes.len().min(first.len() - index));
            first[index..].starts_with(head) && second.starts_with(tail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Side;
    use crate::script::{Numbering, Seg, ack, fin, rst, syn};

    /// Peer's SYN is 100, ours 300.
    struct Bench(Conduct);

    impl Bench {
        /// After a handshake in which the peer granted a window of 1,000.
        fn established() -> Bench {
            let mut bench = Bench(Conduct::default());
            bench.handed(syn(100).window(1_000).mss(500));
            bench.sends(syn(300).ack(101).window(1_000));
            bench.handed(ack(101, 301).window(1_000));
            bench
        }

        fn handed(&mut self, seg: Seg) {
            let (header, payload) = seg.to_wire(Side::B, &Numbering::default());
            self.0.handed(&header, payload.len());
        }

        fn try_send(&mut self, seg: Seg) -> Result<(), Violation> {
            let (header, payload) = seg.to_wire(Side::A, &Numbering::default());
            self.0.sent(&header, &payload)
        }

        #[track_caller]
        fn sends(&mut self, seg: Seg) {
            assert_eq!(self.try_send(seg), Ok(()));
        }

        #[track_caller]
        fn may_not_send(&mut self, seg: Seg, why: &str) {
            let Violation(found) = self.try_send(seg).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }

    #[test]
    fn an_ordinary_exchange_passes() {
        let mut bench = Bench::established();
        bench.sends(ack(301, 101).window(1_000).data(b"hello"));
        bench.sends(ack(301, 101).window(1_000).data(b"hello again"));
        bench.handed(ack(101, 312).data(b"hi"));
        bench.sends(ack(312, 103).window(998));
        bench.sends(fin(312, 103).window(998));
        bench.sends(ack(313, 103).window(998));
        bench.sends(rst(0));
        bench.handed(fin(103, 313));
        bench.sends(ack(313, 104).window(998));
    }

    #[test]
    fn of_syns_with_one_number_each_may_have_brought_the_data() {
        let mut bench = Bench(Conduct::default());
        bench.handed(syn(100));
        bench.sends(syn(300).window(1_000));
        bench.handed(syn(100).ack(301).window(1_000).data(b"hello"));
        bench.may_not_send(ack(301, 107).window(1_000), "was handed");
        bench.sends(ack(301, 106).window(1_000));
    }

    #[test]
    fn sequence_space_is_guarded() {
        let mut bench = Bench::established();
        bench.sends(ack(301, 101).window(1_000).data(b"hello"));
        bench.may_not_send(ack(301, 101).window(1_000).data(b"jello"), "another byte");
        bench.may_not_send(ack(307, 101).window(1_000).data(b"o"), "nothing from");
        bench.may_not_send(ack(306, 101).window(1_000).len(501), "MSS");
        bench.sends(fin(306, 101).window(1_000));
        bench.may_not_send(ack(306, 101).window(1_000).data(b"!"), "past the FIN");
        bench.may_not_send(fin(305, 101).window(1_000), "the FIN moved");
        bench.may_not_send(syn(301).ack(101).window(1_000), "a SYN at offset");
    }

    #[test]
    fn acknowledgements_and_windows_are_guarded() {
        let mut bench = Bench::established();
        bench.handed(ack(101, 301).window(1_000).data(b"hello"));
        bench.handed(ack(111, 301).window(1_000).data(b"a hole before"));
        bench.may_not_send(ack(301, 124).window(1_000), "was handed");
        bench.sends(ack(301, 106).window(1_000));
        bench.may_not_send(ack(301, 105).window(1_001), "back");
        bench.may_not_send(ack(301, 106).window(999), "right edge");
        bench.handed(ack(106, 301).window(1_000).data(b"......"));
        bench.sends(ack(301, 124).window(982));
    }

    #[test]
    fn the_peers_window_is_respected_but_for_a_probe() {
        let mut bench = Bench(Conduct::default());
        bench.handed(syn(100).window(4).mss(500));
        bench.sends(syn(300).ack(101));
        bench.handed(ack(101, 301).window(4));
        bench.may_not_send(ack(301, 101).data(b"12345"), "the window ends");
        bench.sends(ack(301, 101).data(b"1234"));
        bench.may_not_send(ack(304, 101).data(b"45"), "the window ends");
        bench.may_not_send(ack(305, 101).data(b"56"), "the window ends");
        bench.sends(ack(305, 101).data(b"5"));
        bench.may_not_send(ack(306, 101).data(b"6"), "the window ends");
    }

    #[test]
    fn a_new_connection_starts_afresh() {
        let bench = Bench::established();
        let (header, _) = syn(9_000).ack(201).to_wire(Side::A, &Numbering::default());
        assert!(bench.0.is_reborn_by(&header));
        let mut bench = Bench(bench.0.reborn());
        bench.handed(syn(200).window(1_000));
        bench.sends(syn(9_000).ack(201));
        bench.may_not_send(ack(9_001, 203), "was handed");
    }
}
