//! One direction of a connection, as its sender sees it.

use std::net::SocketAddr;

use tcp_core::seq::{SeqNumber, SeqRange};
use tcp_core::wire::{Control, Header, SackBlocks, WindowScale};
use tcp_core::{Instant, TcpInfo};

use super::clock::Clock;
use super::line::Line;
use super::marks::{Mark, MarkKind, Range, Segment};
use super::thin::Thinned;
use crate::link::{DropReason, Fate};

/// One direction of a connection: what its sender sent and when, and which acknowledgements it
/// got and when.
///
/// Positions are offsets in the stream as `u64`, which never wrap: the SYN has offset 0, the first
/// byte 1.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The sender.
    pub src: SocketAddr,
    /// The receiver.
    pub dst: SocketAddr,
    /// Segments that were sent for the first time; merged where there are too many.
    pub fresh: Thinned<Segment>,
    /// Segments that were sent again.
    pub again: Thinned<Segment>,
    /// Segments that were dropped, at the time of sending.
    pub drops: Thinned<Range>,
    /// SACK blocks that were news.
    pub sacks: Thinned<Range>,
    /// SYN, FIN, RST and probes.
    pub marks: Thinned<Mark>,
    /// Up to where it has been acknowledged.
    pub acked: Line,
    /// Up to where the receiver lets it send.
    pub right_edge: Line,
    /// Congestion window in bytes.
    pub cwnd: Line,
    /// Slow start threshold in bytes; without a value before the first loss.
    pub ssthresh: Line,
    /// Bytes that the sender thinks are in the network.
    pub in_flight: Line,
    /// Round-trip times in nanoseconds, from first sending to cumulative acknowledgement.
    pub rtt: Line,
    /// Smoothed round-trip time in nanoseconds, as the sender has it.
    pub srtt: Line,
    /// Retransmission timeout in nanoseconds.
    pub rto: Line,
    /// Sums.
    pub totals: Totals,
    /// What the sender last said of itself.
    pub info: Option<TcpInfo>,
    /// When something was last heard of it.
    pub end: Instant,
    isn: SeqNumber,
    snd_una: u64,
    snd_max: u64,
    /// What the two SYNs said of window scaling: the sender's own, and the receiver's.
    scales: [Option<WindowScale>; 2],
    latest_sacks: SackBlocks,
    clock: Clock,
}

/// Sums over a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Payload bytes sent, each once.
    pub bytes: u64,
    /// Segments with data, SYN or FIN sent for the first time.
    pub segments: u64,
    /// Those sent again.
    pub segments_again: u64,
    /// Payload bytes of those.
    pub bytes_again: u64,
    /// Segments that were dropped on their way.
    pub dropped: u64,
}

impl Stream {
    /// A stream that begins with this SYN. `peer_scale` is what a SYN of the receiver's has said
    /// already.
    pub(super) fn new(
        [src, dst]: [SocketAddr; 2],
        syn: &Header,
        peer_scale: Option<WindowScale>,
        limit: usize,
    ) -> Stream {
        Stream {
            src,
            dst,
            fresh: Thinned::new(limit),
            again: Thinned::new(limit),
            drops: Thinned::new(limit),
            sacks: Thinned::new(limit),
            marks: Thinned::new(limit),
            acked: Line::new(limit),
            right_edge: Line::new(limit),
            cwnd: Line::new(limit),
            ssthresh: Line::new(limit),
            in_flight: Line::new(limit),
            rtt: Line::new(limit),
            srtt: Line::new(limit),
            rto: Line::new(limit),
            totals: Totals::default(),
            info: None,
            end: Instant::ZERO,
            isn: syn.seq,
            snd_una: 0,
            snd_max: 0,
            scales: [syn.options.window_scale, peer_scale],
            latest_sacks: SackBlocks::NONE,
            clock: Clock::default(),
        }
    }

    /// Up to where it was sent.
    pub fn snd_max(&self) -> u64 {
        self.snd_max
    }

    /// Keeps at most `limit` entries of each kind from now on.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.fresh.set_limit(limit);
        self.again.set_limit(limit);
        self.drops.set_limit(limit);
        self.sacks.set_limit(limit);
        self.marks.set_limit(limit);
        let lines = [
            &mut self.acked,
            &mut self.right_edge,
            &mut self.cwnd,
            &mut self.ssthresh,
            &mut self.in_flight,
            &mut self.rtt,
            &mut self.srtt,
            &mut self.rto,
        ];
        for line in lines {
            line.set_limit(limit);
        }
    }

    /// Whether segments were merged, or would be in a list of at most `limit`.
    pub fn is_merged_at(&self, limit: usize) -> bool {
        let is_merged = |list: &Thinned<Segment>| list.is_merged() || list.points().len() > limit;
        is_merged(&self.fresh) || is_merged(&self.again)
    }

    /// Whether this SYN opens another connection between the same addresses.
    pub(super) fn is_succeeded_by(&self, syn: &Header) -> bool {
        syn.seq != self.isn
    }

    /// The sender sent a segment with so much payload.
    pub(super) fn sent(&mut self, at: Instant, header: &Header, payload: usize, fate: &Fate) {
        self.end = at;
        let Some(start) = header.seq.offset_near(self.isn, self.snd_max) else {
            return;
        };
        let end = start + payload as u64 + u64::from(header.control.sequence_len());
        let mark = match header.control {
            Control::Syn => Some((MarkKind::Syn, start)),
            Control::Fin => Some((MarkKind::Fin, end)),
            Control::Rst => Some((MarkKind::Rst, end)),
            // What has no data and is no acknowledgement of the newest data asks for one.
            Control::None if end == start && start < self.snd_max => Some((MarkKind::Probe, start)),
            Control::None => None,
        };
        if let Some((kind, offset)) = mark {
            self.marks.push(Mark { at, offset, kind });
        }
        if end == start {
            return;
        }
        let segment = Segment::new(at, start..end, header, fate);
        if start < self.snd_max {
            self.totals.segments_again += 1;
            self.totals.bytes_again += payload as u64;
            self.clock.sent_again(start, end);
            self.again.push(segment);
        } else {
            self.totals.segments += 1;
            self.clock.sent(at, end);
            self.fresh.push(segment);
        }
        let data_end = end - u64::from(header.control.sequence_len());
        self.totals.bytes = self.totals.bytes.max(data_end.saturating_sub(1));
        self.snd_max = self.snd_max.max(end);
    }

    /// A segment with so much payload was dropped on its way. It is the latest one of its kind
    /// that is not known to be lost.
    pub(super) fn dropped(&mut self, header: &Header, payload: usize, reason: DropReason) {
        let Some(start) = header.seq.offset_near(self.isn, self.snd_max) else {
            return;
        };
        let end = start + payload as u64 + u64::from(header.control.sequence_len());
        if end == start {
            return;
        }
        self.totals.dropped += 1;
        let candidates = [&mut self.again, &mut self.fresh].into_iter();
        let candidates = candidates.filter_map(|list| {
            let mut latest_first = list.points_mut().iter_mut().rev();
            latest_first.find(|segment| segment.may_lose(start, end))
        });
        if let Some(segment) = candidates.max_by_key(|segment| segment.at) {
            segment.lose(reason);
            self.drops.insert(Range {
                at: segment.at,
                start,
                end,
                reason: Some(reason),
            });
        }
    }

    /// A SYN of the receiver's has come.
    pub(super) fn heard_syn(&mut self, syn: &Header) {
        self.scales[1] = syn.options.window_scale;
    }

    /// A segment of the receiver's has come.
    pub(super) fn heard(&mut self, at: Instant, header: &Header) {
        self.end = at;
        let ack = header
            .ack
            .and_then(|ack| ack.offset_near(self.isn, self.snd_una));
        let Some(ack) = ack.filter(|ack| *ack <= self.snd_max) else {
            return;
        };
        self.report_sacks(at, ack, &header.options.sack);
        if ack < self.snd_una {
            return;
        }
        if ack > self.snd_una
            && let Some(rtt) = self.clock.acknowledged(at, ack)
        {
            self.rtt.set(at, rtt.as_nanos() as u64);
        }
        self.snd_una = ack;
        self.acked.set(at, ack);
        let scale = match self.scales {
            [Some(_), Some(scale)] if header.control != Control::Syn => scale,
            _ => WindowScale::ZERO,
        };
        let right_edge = ack + u64::from(header.window.bytes(scale));
        self.right_edge.set(at, right_edge);
    }

    /// The sender says this of itself.
    pub(super) fn told(&mut self, at: Instant, info: &TcpInfo) {
        self.cwnd.set(at, info.tcpi_snd_cwnd.into());
        if info.tcpi_snd_ssthresh != u32::MAX {
            self.ssthresh.set(at, info.tcpi_snd_ssthresh.into());
        }
        self.in_flight.set(at, info.in_flight_bytes);
        if !info.tcpi_rtt.is_zero() {
            self.srtt.set(at, info.tcpi_rtt.as_nanos() as u64);
        }
        self.rto.set(at, info.tcpi_rto.as_nanos() as u64);
        self.info = Some(info.clone());
    }

    fn report_sacks(&mut self, at: Instant, ack: u64, sacks: &SackBlocks) {
        for block in sacks.as_slice() {
            if self.latest_sacks.as_slice().contains(block) {
                continue;
            }
            let offset = |seq: SeqNumber| seq.offset_near(self.isn, ack);
            let SeqRange { start, end } = *block;
            if let (Some(start), Some(end)) = (offset(start), offset(end)) {
                let reason = None;
                self.sacks.push(Range {
                    at,
                    start,
                    end,
                    reason,
                });
            }
        }
        self.latest_sacks = *sacks;
    }
}
