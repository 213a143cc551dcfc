//! Seventh and eighth step of RFC 9293 §3.10.7.4: the segment's text, and FIN.

use core::ops::Range;

use super::machine::{Connection, Reset};
use super::time_wait::TimeWait;
use super::timers::{Timer, Timers};
use crate::config::{AckMode, CloseMode};
use crate::error::ConnectionError;
use crate::recv::ack::{AckWhen, Arrival};
use crate::recv::reassembly::Inserted;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Control, Segment};

impl Connection {
    /// The payload of a segment at offset `seq` goes into reassembly.
    pub(super) fn receive_text(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        seq: u64,
        counters: &mut Counters,
    ) {
        // A SYN comes before the text.
        let seq = if segment.header.control == Control::Syn {
            seq.max(1)
        } else {
            seq
        };
        let len = segment.payload.len() as u64;
        if len == 0 || self.state == State::Closed {
            return;
        }
        let rcv_nxt = self.rcv.nxt();
        let end = seq + len;
        if seq < rcv_nxt {
            self.report_duplicate(seq..end.min(rcv_nxt));
        }
        if !self.may_receive() || end <= rcv_nxt {
            self.pending.ack = true;
            return;
        }
        if self.will_never_read() {
            // The peer must learn that it is lost (RFC 9293 §3.6, SHLD-3).
            counters.abort_on_data += 1;
            self.pending.reset = segment.header.ack.map(Reset::Answer);
            return self.die(Some(ConnectionError::Reset), counters);
        }
        let limit = self.rcv.window.edge().min(self.rcv.fin.unwrap_or(u64::MAX));
        if seq >= limit {
            counters.rcv_q_drop += 1;
            self.pending.ack = true;
            return;
        }
        self.hear_marks(&segment.header);
        let text = segment.payload.slice(0, (limit - seq).min(len) as usize);
        let had_holes = !self.rcv.reassembly.beyond().is_empty();
        let range = seq..seq + text.len() as u64;
        if self.refuses_beyond(&range) {
            counters.ofo_drop += 1;
            self.pending.ack = true;
            return;
        }
        self.note_overlap(range);
        match self.rcv.reassembly.insert(seq, text) {
            Inserted::InOrder(count) => {
                let echo = segment.header.options.timestamps.map(|it| it.echo);
                self.measure_arrival(now, segment.payload.len(), echo);
                let (size, push) = (segment.segment_size, segment.header.push);
                let arrival = Arrival::new(text.len() as u32, size, push);
                self.on_in_order(now, count, arrival, had_holes);
            }
            Inserted::Beyond => self.on_hole(seq, segment, counters),
            Inserted::Refused => {
                counters.rcv_q_drop += 1;
                self.pending.ack = true;
            }
        }
    }

    /// Whether what arrives is of no use to anybody, ever: we have finished, and the user does not read.
    fn will_never_read(&self) -> bool {
        let finished = matches!(self.state, State::FinWait1 | State::FinWait2);
        self.user.closed || (finished && self.user.refuses_text)
    }

    /// FIN counts once everything before it has arrived.
    pub(super) fn receive_fin(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        seq: u64,
        counters: &mut Counters,
    ) {
        if segment.header.control == Control::Fin && self.may_receive() {
            let offset = seq + segment.payload.len() as u64;
            let in_window = (self.rcv.nxt()..=self.rcv.window.edge()).contains(&offset);
            let beyond = self.rcv.reassembly.beyond().last().map(|range| range.end);
            if in_window && self.rcv.fin.is_none() && beyond.is_none_or(|end| end <= offset) {
                self.rcv.fin = Some(offset);
                if offset > self.rcv.reassembly.nxt() {
                    // The last byte before it leads to the block that it ends, if there is one.
                    let led_to = beyond == Some(offset);
                    self.rcv.note_arrival(offset - u64::from(led_to));
                }
            }
            self.pending.ack = true;
        }
        if self.rcv.has_ended() {
            // With acknowledgement on read, this may be before the state changes.
            self.events.readable = true;
            self.take_end_of_stream(now, counters);
        }
    }

    /// The peer's FIN takes effect once it may be acknowledged: at once, or when all has been read.
    pub(super) fn take_end_of_stream(&mut self, now: Instant, counters: &mut Counters) {
        if self.is_end_of_stream_due() {
            self.on_end_of_stream(now, counters);
        }
    }

    /// Whether the peer's FIN may be acknowledged, and has not taken effect yet.
    pub(super) fn is_end_of_stream_due(&self) -> bool {
        self.rcv.has_ended() && self.may_receive() && self.ack_offset() == self.rcv.nxt()
    }

    /// The peer's FIN is in order (RFC 9293 §3.10.7.4, eighth).
    fn on_end_of_stream(&mut self, now: Instant, counters: &mut Counters) {
        self.pending.ack = true;
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(now, counters),
            _ => {}
        }
    }

    /// Both FINs are acknowledged, and the peer may need our last acknowledgement again.
    pub(super) fn enter_time_wait(&mut self, now: Instant, counters: &mut Counters) {
        if self.config.close_mode == CloseMode::Reset {
            self.reset_peer();
            return self.die(None, counters);
        }
        counters.time_wait += 1;
        self.state = State::TimeWait;
        self.timers = Timers::new();
        self.judge_fast_open();
        self.events.closed = Some(None);
        // What the acknowledgement that is due now will announce.
        let read = self.rcv.reassembly.read_offset();
        let mss = self.rcv.ack_policy.rcv_mss();
        let window = self.rcv.window.select(self.rcv.nxt(), read, mss);
        self.time_wait = Some(TimeWait {
            expires_at: now + self.config.time_wait,
            span: self.config.time_wait,
            snd_nxt: self.snd.isn.at_offset(self.snd.nxt),
            rcv_nxt: self.rcv.irs.at_offset(self.rcv.nxt()),
            window,
            window_bytes: window.bytes(self.agreed.recv_scale()),
            clock: self.agreed.timestamps.then_some(self.clock),
            last_rebuke: None,
            rfc1337: self.config.rfc1337,
        });
    }

    /// Remembers a range that arrived twice, for DSACK (RFC 2883); the acknowledgement goes at once.
    pub(super) fn report_duplicate(&mut self, range: Range<u64>) {
        self.pending.ack = true;
        self.rcv.ack_policy.enter_quick(self.window_offered());
        if self.config.dsack && self.agreed.sack && !range.is_empty() {
            self.rcv.duplicate = Some(range);
        }
    }

    /// A segment beyond a hole that is there already is a duplicate as well.
    fn note_overlap(&mut self, range: Range<u64>) {
        let held = self.rcv.reassembly.beyond().range_at(range.start);
        if let Some(held) = held
            && held.contains(&range.start)
        {
            self.report_duplicate(range.start..range.end.min(held.end));
        }
    }

    /// Out of order: the peer hears of it at once (RFC 5681 §4.2).
    fn on_hole(&mut self, seq: u64, segment: &Segment<'_>, counters: &mut Counters) {
        counters.ofo_queue += 1;
        self.tally.rcv_ooopack += segment.pieces();
        let mss = self.rcv.ack_policy.rcv_mss();
        self.rcv.window.open(segment.payload.len(), mss);
        self.rcv.note_arrival(seq.max(self.rcv.nxt()));
        self.rcv.ack_policy.enter_quick(self.window_offered());
        // With acknowledgement on read, a duplicate would say that what is unread is missing.
        self.pending.ack |= self.ack_offset() == self.rcv.nxt();
    }

    pub(super) fn on_in_order(
        &mut self,
        now: Instant,
        count: u64,
        arrival: Arrival,
        had_holes: bool,
    ) {
        self.tally.bytes_received += count;
        let mss = self.rcv.ack_policy.rcv_mss();
        self.rcv.window.open(count as usize, mss);
        let window = self.window_offered();
        self.rcv
            .ack_policy
            .on_data(now, arrival, window, self.rtt.rto());
        if self.user.read_shut {
            self.rcv.reassembly.discard_unread();
        } else {
            self.events.readable = true;
        }
        if had_holes {
            // RFC 5681 §4.2: a segment that fills a hole, wholly or in part.
            self.pending.ack = true;
        } else if self.config.ack_mode == AckMode::Normal || self.user.read_shut {
            self.schedule_ack(now);
        }
    }

    /// The round trip as the receiver sees it, where its buffer is sized by that: `len` bytes arrived, and
    /// echoed this timestamp.
    pub(super) fn measure_arrival(&mut self, now: Instant, len: usize, echo: Option<u32>) {
        let Some(sizing) = &mut self.rcv.sizing else {
            return;
        };
        sizing.on_arrival(now, self.rcv.reassembly.nxt(), self.rcv.window.edge());
        let is_full = len >= self.rcv.ack_policy.rcv_mss() as usize;
        if let Some(echo) = echo
            && is_full
            && self.agreed.timestamps
            && let Some(sample) = self.clock.measure(now, echo)
        {
            sizing.on_echo(echo, sample);
        }
    }

    /// Acknowledges what arrived now or later, as the policy says.
    pub(super) fn schedule_ack(&mut self, now: Instant) {
        let unacknowledged = self.ack_offset().saturating_sub(self.rcv.acked);
        if unacknowledged == 0 || self.pending.ack {
            return;
        }
        match self
            .rcv
            .ack_policy
            .when(now, unacknowledged, self.rtt.srtt())
        {
            AckWhen::Now => self.pending.ack = true,
            AckWhen::At(_) if self.timers.is_armed(Timer::DelayedAck) => {}
            AckWhen::At(at) => self.timers.arm(Timer::DelayedAck, at),
        }
    }

    /// What our acknowledgements say: all that arrived in order, or all that was read.
    pub(super) fn ack_offset(&self) -> u64 {
        let everything_read = self.rcv.reassembly.unread() == 0;
        match self.config.ack_mode {
            AckMode::OnRead if !everything_read => self.rcv.reassembly.read_offset(),
            AckMode::OnRead | AckMode::Normal => self.rcv.nxt(),
        }
    }

    /// The window that the peer still has, in bytes.
    pub(super) fn window_offered(&self) -> u32 {
        let bytes = self.rcv.window.edge().saturating_sub(self.rcv.nxt());
        bytes.min(u64::from(u32::MAX)) as u32
    }
}
