//! A decision becomes a segment: scoreboard, timers and counters take note of it.

use core::num::NonZeroU16;
use core::ops::Range;

use super::agreed;
use super::decision::{Decision, Shape};
use super::machine::{Connection, Reset};
use super::timers::Timer;
use crate::congestion::Phase;
use crate::recovery::ProbeKind;
use crate::recv::window::Turn;
use crate::send::scoreboard::Pieces;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Control, Header, Options, SackBlocks, Segment, Timestamps};

impl Connection {
    pub(super) fn commit(
        &mut self,
        decision: Decision,
        shape: &Shape,
        now: Instant,
        counters: &mut Counters,
    ) -> Segment<'_> {
        match decision {
            Decision::Reset(reset) => {
                self.pending.reset = None;
                self.count_out(1, counters);
                counters.out_rsts += 1;
                Segment::bare(self.reset_header(reset, now))
            }
            Decision::Syn => {
                let mut header = self.commit_syn(now);
                self.negotiate_ecn(&mut header);
                self.count_out(1, counters);
                let data = self.commit_fast_open(now, shape, &mut header);
                Segment::new(header, self.snd.buffer.slice(data))
            }
            Decision::Retransmit(range) => {
                let pieces = self.pieces_of(&range, shape);
                self.tally.segs_out += pieces.count();
                self.commit_retransmit(range.clone(), pieces, shape, now, counters);
                let push = self.wants_push_again(&self.data_of(&range), pieces);
                self.segment_of(range, pieces, push, shape, counters)
            }
            Decision::New(range) => {
                let pieces = self.pieces_of(&range, shape);
                self.new_segment(range, pieces, shape, now, counters)
            }
            Decision::MtuProbe(range) => {
                self.note_mtu_probe(range.clone(), shape);
                self.new_segment(range, Pieces::ONE, shape, now, counters)
            }
            Decision::Probe => {
                self.pending.probe = false;
                self.count_out(1, counters);
                Segment::bare(self.probe_header(now))
            }
            Decision::Ack => {
                self.count_out(1, counters);
                Segment::bare(self.header(self.snd.nxt, shape.options, counters))
            }
        }
    }

    /// So many segments go out, none of them again.
    fn count_out(&mut self, segments: u64, counters: &mut Counters) {
        self.tally.segs_out += segments;
        counters.out_segs += segments;
    }

    /// What the segment that carries `range` is cut into.
    fn pieces_of(&self, range: &Range<u64>, shape: &Shape) -> Pieces {
        let data = self.data_of(range);
        Pieces::of(data.end - data.start, shape.piece)
    }

    /// Sets the options of every segment after the SYN, of which there are none yet; SACK blocks as far as they fit.
    pub(super) fn set_segment_options(&self, now: Instant, options: &mut Options) {
        options.timestamps = self.timestamps(now);
        let holes = self.rcv.duplicate.is_some() || self.rcv.has_holes();
        if self.agreed.sack && holes {
            // 40 bytes of options hold four blocks, or three beside timestamps.
            let most = if self.agreed.timestamps {
                SackBlocks::MAX - 1
            } else {
                SackBlocks::MAX
            };
            options.sack = self.rcv.sack_blocks(most);
        }
    }

    /// The timestamps of a segment sent now, where they were agreed on.
    fn timestamps(&self, now: Instant) -> Option<Timestamps> {
        self.agreed.timestamps.then(|| self.clock.stamp(now))
    }

    fn commit_syn(&mut self, now: Instant) -> Header {
        self.pending.syn = false;
        self.snd.nxt = self.snd.nxt.max(1);
        if self.snd.retries == 0 {
            self.snd.last_sent = Some(now);
        }
        if !self.timers.is_armed(Timer::Retransmit) {
            self.arm_retransmit(now);
        }
        let answering = self.state == State::SynReceived;
        let ack = self.ack_offset();
        let options = if answering {
            self.rcv.acked = ack;
            self.rcv.ack_policy.on_ack_sent();
            self.timers.disarm(Timer::DelayedAck);
            self.pending.ack = false;
            Options {
                timestamps: self.timestamps(now),
                ..agreed::answer(&self.config, &self.setup, &self.agreed)
            }
        } else {
            let timestamps = self.config.timestamps.then(|| self.clock.stamp(now));
            Options {
                timestamps,
                ..agreed::offer(&self.config, &self.setup)
            }
        };
        Header {
            control: Control::Syn,
            ack: answering.then(|| self.rcv.irs.at_offset(ack)),
            window: self
                .rcv
                .window
                .announce_in_syn(ack, self.rcv.reassembly.read_offset()),
            options,
            ..Header::new(self.snd.isn)
        }
    }

    /// The segment that carries `range` for the first time.
    fn new_segment(
        &mut self,
        range: Range<u64>,
        pieces: Pieces,
        shape: &Shape,
        now: Instant,
        counters: &mut Counters,
    ) -> Segment<'_> {
        self.count_out(pieces.count(), counters);
        let push = self.wants_push(&self.data_of(&range), pieces);
        self.note_push(&self.data_of(&range));
        self.commit_new(range.clone(), pieces, shape, now, counters);
        let marks = self.mark_new(&self.data_of(&range));
        let mut segment = self.segment_of(range, pieces, push, shape, counters);
        (segment.header.ecn, segment.header.cwr) = marks;
        segment
    }

    fn commit_retransmit(
        &mut self,
        range: Range<u64>,
        pieces: Pieces,
        shape: &Shape,
        now: Instant,
        counters: &mut Counters,
    ) {
        let segments = pieces.count();
        let data = self.data_of(&range);
        let is_first = range.start == self.snd.una;
        self.take_tail_probe(self.snd.nxt, ProbeKind::Again, counters);
        let stamp = self.stamp_data(now, range.end - range.start, shape);
        let scoreboard = &mut self.snd.scoreboard;
        scoreboard.on_retransmit(range, pieces, now, stamp);
        self.recovery.on_retransmit(now, segments);
        self.pending.retransmit = false;
        if let Some(search) = &mut self.snd.mtu_search {
            search.on_retransmit();
        }
        counters.retrans_segs += segments;
        if self.recovery.phase() == Phase::Loss {
            counters.slow_start_retrans += segments;
        } else {
            counters.fast_retrans += segments;
        }
        self.tally.total_retrans += segments;
        self.tally.on_data_sent(data.end - data.start, segments);
        self.tally.bytes_retrans += data.end - data.start;
        self.after_data(now);
        if is_first {
            // What the peer waits for is under way anew.
            self.arm_retransmit(now);
        }
    }

    fn commit_new(
        &mut self,
        range: Range<u64>,
        pieces: Pieces,
        shape: &Shape,
        now: Instant,
        counters: &mut Counters,
    ) {
        let data = self.data_of(&range);
        let len = data.end - data.start;
        let last = len - pieces.boundary_by(len);
        if len > 0 && last < u64::from(self.full_payload()) {
            self.snd.small_end = data.end;
        }
        self.take_tail_probe(range.end, ProbeKind::New, counters);
        self.snd.usage.on_sent();
        let stamp = self.stamp_data(now, range.end - range.start, shape);
        let scoreboard = &mut self.snd.scoreboard;
        scoreboard.push(range.clone(), pieces, now, stamp);
        self.snd.nxt = range.end;
        if let Some(chunks) = &mut self.snd.chunks {
            chunks.on_sent(range.end);
        }
        self.timers.disarm(Timer::Persist);
        self.timers.disarm(Timer::Cork);
        self.snd.stalled_since.get_or_insert(now);
        self.tally.on_data_sent(len, pieces.count());
        if len > 0 {
            self.rcv.ack_policy.on_data_sent(now);
        }
        self.after_data(now);
    }

    /// A probe that is due is this segment.
    fn take_tail_probe(&mut self, nxt: u64, kind: ProbeKind, counters: &mut Counters) {
        if core::mem::take(&mut self.pending.tail_probe) {
            self.recovery.on_probe_sent(nxt, kind);
            counters.loss_probes += 1;
        }
    }

    fn after_data(&mut self, now: Instant) {
        self.snd.last_sent = Some(now);
        self.tally.last_data_sent = Some(now);
        if !self.timers.is_armed(Timer::Retransmit) {
            self.arm_retransmit(now);
        }
        self.plan_tail_probe(now);
    }

    /// The segment that carries `range`. FIN and PSH are for the last of its pieces.
    fn segment_of(
        &mut self,
        range: Range<u64>,
        pieces: Pieces,
        push: bool,
        shape: &Shape,
        counters: &mut Counters,
    ) -> Segment<'_> {
        let data = self.data_of(&range);
        let mut header = self.header(range.start, shape.options, counters);
        if range.end > data.end {
            header.control = Control::Fin;
        }
        header.urgent = self.urgent_pointer(range.start);
        header.push = push;
        if push && self.snd.chunks.is_none() {
            self.snd.pushed = data.end;
        }
        let size = pieces.size().and_then(|size| u16::try_from(size).ok());
        Segment {
            header,
            payload: self.snd.buffer.slice(data),
            segment_size: size.and_then(NonZeroU16::new),
        }
    }

    /// The part of `range` that is data, and not our FIN.
    fn data_of(&self, range: &Range<u64>) -> Range<u64> {
        let end = self.snd.fin.map_or(range.end, |fin| range.end.min(fin));
        range.start..end.max(range.start)
    }

    /// RFC 9293 MUST-61: on the last segment of what is buffered; and as Linux, whenever half of
    /// the largest window has gone without, lest the peer's reader sleep. Where Linux's send queue is asked for,
    /// as it was marked when it was written, and on every large segment.
    fn wants_push(&self, data: &Range<u64>, pieces: Pieces) -> bool {
        let end = self.snd.buffer.end();
        let marked = match &self.snd.chunks {
            Some(chunks) => pieces.count() > 1 || chunks.pushes_at(data.end, end),
            None => {
                let half = u64::from(self.snd.window.max() / 2);
                data.end == end || data.end.saturating_sub(self.snd.pushed) > half
            }
        };
        !data.is_empty() && marked
    }

    /// Remembers the mark of what goes for the first time. That of a large segment is not its own, and not kept.
    fn note_push(&mut self, data: &Range<u64>) {
        let end = self.snd.buffer.end();
        if let Some(chunks) = &mut self.snd.chunks
            && !data.is_empty()
            && chunks.pushes_at(data.end, end)
        {
            chunks.on_pushed(data.end);
        }
    }

    /// The same for what is sent again: as it went before, where that is known.
    fn wants_push_again(&self, data: &Range<u64>, pieces: Pieces) -> bool {
        let marked = match &self.snd.chunks {
            Some(chunks) => pieces.count() > 1 || chunks.was_pushed(data.start, data.end),
            None => data.end == self.snd.buffer.end(),
        };
        !data.is_empty() && marked
    }

    /// The header of any segment after the handshake, at offset `seq`: it acknowledges what there
    /// is to acknowledge, so that no bare ACK need follow.
    fn header(&mut self, seq: u64, options: Options, counters: &mut Counters) -> Header {
        let ack = self.ack_offset();
        let read = self.rcv.reassembly.read_offset();
        let mss = self.rcv.ack_policy.rcv_mss();
        let (window, turn) = self.rcv.window.announce(ack, read, mss);
        match turn {
            Turn::None => {}
            Turn::Closed => counters.to_zero_window += 1,
            Turn::Opened => counters.from_zero_window += 1,
        }
        if let Some(time_wait) = &mut self.time_wait {
            // The user may have read since the record was made: what it repeats is this.
            time_wait.window = window;
            time_wait.window_bytes = window.bytes(self.agreed.recv_scale());
        }
        if self.rcv.duplicate.take().is_some() {
            counters.dsack_sent += 1;
        }
        if ack > self.rcv.acked {
            self.rcv.ack_policy.on_ack_sent();
        }
        self.rcv.acked = ack;
        self.pending.ack = false;
        self.timers.disarm(Timer::DelayedAck);
        Header {
            ack: Some(self.rcv.irs.at_offset(ack)),
            ece: self.ecn.is_echoing(),
            window,
            options,
            ..Header::new(self.snd.isn.at_offset(seq))
        }
    }

    /// A segment before `una` makes the peer answer. It lies outside of the peer's window, so that
    /// nothing it says counts, and what is to be acknowledged still is.
    fn probe_header(&self, now: Instant) -> Header {
        let ack = self.ack_offset();
        Header {
            ack: Some(self.rcv.irs.at_offset(ack)),
            ece: self.ecn.is_echoing(),
            window: self.rcv.window.repeat(ack),
            options: Options {
                timestamps: self.timestamps(now),
                ..Options::NONE
            },
            ..Header::new(self.snd.isn.at_offset(self.snd.una.saturating_sub(1)))
        }
    }

    /// RFC 9293 §3.10.7.1 and §3.5.2; as Linux, with timestamps (RFC 7323 §3.2) where it is of this connection.
    fn reset_header(&self, reset: Reset, now: Instant) -> Header {
        match reset {
            Reset::Answer(ack) => Header {
                control: Control::Rst,
                ..Header::new(ack)
            },
            Reset::Ours { ack } => Header {
                control: Control::Rst,
                ack: Some(self.rcv.irs.at_offset(ack)),
                options: Options {
                    timestamps: self.timestamps(now),
                    ..Options::NONE
                },
                // Nobody heeds it; Linux says it.
                window: self.rcv.window.select(
                    ack,
                    self.rcv.reassembly.read_offset(),
                    self.rcv.ack_policy.rcv_mss(),
                ),
                ..Header::new(self.snd.isn.at_offset(self.snd.nxt))
            },
        }
    }
}
