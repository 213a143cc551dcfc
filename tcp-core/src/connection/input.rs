//! A segment arrives at a connection that has seen both SYNs: RFC 9293 §3.10.7.4, in its order.

use super::machine::{Connection, Origin, Reset};
use super::rebuke::may_rebuke;
use super::time_wait::TimeWaitOutcome;
use crate::error::ConnectionError;
use crate::seq::SeqNumber;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Control, Segment};

/// Whether to go on with the steps.
enum Step {
    Continue,
    Done,
}

impl Connection {
    /// A segment arrived, and is to be looked at as RFC 9293 §3.10.7 says for the state.
    pub fn handle_segment(&mut self, now: Instant, segment: &Segment<'_>, counters: &mut Counters) {
        self.handle_arrival(now, now, segment, counters);
    }

    /// As [`handle_segment`](Connection::handle_segment), for a segment that arrived at `arrived`, no
    /// later than now: round-trip times and the order of arrival are judged by that.
    pub fn handle_arrival(
        &mut self,
        now: Instant,
        arrived: Instant,
        segment: &Segment<'_>,
        counters: &mut Counters,
    ) {
        let pieces = segment.pieces();
        self.tally.segs_in += pieces;
        if !segment.payload.is_empty() {
            self.tally.data_segs_in += pieces;
            self.tally.last_data_received = Some(arrived);
        }
        match self.state {
            State::Closed => {}
            State::SynSent => self.on_segment_in_syn_sent(now, segment, counters),
            State::TimeWait => self.on_segment_in_time_wait(now, segment, counters),
            _ => self.on_segment_in_window(now, arrived.min(now), segment, counters),
        }
    }

    fn on_segment_in_window(
        &mut self,
        now: Instant,
        arrived: Instant,
        segment: &Segment<'_>,
        counters: &mut Counters,
    ) {
        let Some(seq) = self.check_sequence(now, segment, counters) else {
            return;
        };
        if let Step::Done = self.check_reset(now, segment, seq, counters) {
            return;
        }
        if let Step::Done = self.check_syn(now, segment, seq, counters) {
            return;
        }
        // Fifth, ACK; RFC 9293 drops a segment without it.
        let Some(ack) = segment.header.ack else {
            return;
        };
        self.last_heard = now;
        self.keep_alive_probes = 0;
        if let Step::Done = self.check_ack(now, arrived, segment, seq, ack, counters) {
            return;
        }
        self.take_timestamp(now, segment, seq);
        // Sixth, URG; the urgent octet is read in line as the rest, unless the user takes it before.
        self.receive_urgent(segment, seq);
        // Seventh, the text; eighth, FIN.
        self.receive_text(now, segment, seq, counters);
        self.receive_fin(now, segment, seq, counters);
    }

    /// First, sequence number: PAWS (RFC 7323 §5.3), then the window. Gives the segment's offset.
    fn check_sequence(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        counters: &mut Counters,
    ) -> Option<u64> {
        let header = &segment.header;
        let is_reset = header.control == Control::Rst;
        if let (true, Some(timestamps)) = (self.agreed.timestamps, header.options.timestamps)
            && !is_reset
            && self.clock.is_old(now, timestamps.value)
        {
            counters.paws_estab += 1;
            self.report_old_text(
                segment,
                header.seq.offset_near(self.rcv.irs, self.rcv.nxt()),
            );
            self.rebuke(now, segment, counters);
            return None;
        }
        let seq = header.seq.offset_near(self.rcv.irs, self.rcv.nxt());
        if let Some(seq) = seq
            && self.is_acceptable(seq, segment)
        {
            return Some(seq);
        }
        if is_reset {
            return None;
        }
        if header.control == Control::Syn {
            self.on_syn_outside(now, segment, seq, counters);
            return None;
        }
        if !self.report_old_text(segment, seq) && !segment.payload.is_empty() {
            counters.rcv_q_drop += 1;
        }
        self.rebuke(now, segment, counters);
        None
    }

    /// Reports the text of a segment that is not acceptable as a duplicate, as far as it has arrived before; says
    /// whether it has.
    fn report_old_text(&mut self, segment: &Segment<'_>, seq: Option<u64>) -> bool {
        let rcv_nxt = self.rcv.nxt();
        let Some(seq) = seq.filter(|&seq| !segment.payload.is_empty() && seq < rcv_nxt) else {
            return false;
        };
        self.report_duplicate(seq..(seq + segment.payload.len() as u64).min(rcv_nxt));
        true
    }

    /// The window test as Linux widens it: a segment may begin at the right edge, so that ACK and
    /// RST are seen when the window is closed (MUST-66), and a reordered acknowledgement from
    /// before our last one is not lost. Data that ends where our last acknowledgement stands is
    /// data whose acknowledgement was lost: its timestamp must be echoed, or the peer would take the
    /// time until it sent it again for a round trip.
    fn is_acceptable(&self, seq: u64, segment: &Segment<'_>) -> bool {
        if seq == 0 && self.state == State::SynReceived {
            return self.is_crossing_syn_ack(segment);
        }
        let end = seq + u64::from(segment.sequence_len());
        let oldest = self.rcv.acked.min(self.rcv.nxt());
        let is_data = !segment.payload.is_empty()
            && matches!(segment.header.control, Control::None | Control::Fin);
        let reaches = end > oldest || (end == oldest && (seq == end || is_data));
        reaches && seq <= self.rcv.window.edge()
    }

    /// The SYN-ACK of a simultaneous open (RFC 9293 figure 7): its SYN lies before the window, and
    /// yet its acknowledgement is the one we wait for.
    fn is_crossing_syn_ack(&self, segment: &Segment<'_>) -> bool {
        self.origin == Origin::Active
            && segment.header.control == Control::Syn
            && self.acknowledges_syn(segment.header.ack).is_some()
    }

    /// The offset up to which our SYN, and what was sent with it, is acknowledged.
    pub(super) fn acknowledges_syn(&self, ack: Option<SeqNumber>) -> Option<u64> {
        let offset = ack?.offset_near(self.snd.isn, self.snd.una)?;
        (1..=self.snd.nxt).contains(&offset).then_some(offset)
    }

    /// Second, RST, as RFC 5961 §3.2 has it: exact, or else challenged.
    fn check_reset(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        seq: u64,
        counters: &mut Counters,
    ) -> Step {
        if segment.header.control != Control::Rst {
            return Step::Continue;
        }
        if seq != self.rcv.nxt() {
            self.challenge(now, counters);
            return Step::Done;
        }
        let error = match self.state {
            State::SynReceived if !self.is_early() => Some(ConnectionError::Refused),
            State::Closing | State::LastAck if self.has_all_data(segment) => None,
            _ => Some(ConnectionError::Reset),
        };
        self.die(error, counters);
        Step::Done
    }

    /// Whether all our data is acknowledged, if by this very segment: then nothing is lost.
    fn has_all_data(&self, reset: &Segment<'_>) -> bool {
        let ack = reset.header.ack;
        let ack = ack.and_then(|ack| ack.offset_near(self.snd.isn, self.snd.una));
        let acked = ack.filter(|&ack| ack <= self.snd.nxt).unwrap_or_default();
        acked.max(self.snd.una) >= self.snd.buffer.end()
    }

    /// Fourth, SYN, as RFC 5961 §4.2 has it: challenged.
    fn check_syn(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        seq: u64,
        counters: &mut Counters,
    ) -> Step {
        if segment.header.control != Control::Syn || (seq == 0 && self.is_crossing_syn_ack(segment))
        {
            return Step::Continue;
        }
        self.challenge(now, counters);
        Step::Done
    }

    /// A SYN outside of the window: in a simultaneous open the peer repeats its SYN when our
    /// SYN-ACK was lost; else it is challenged like one inside (RFC 5961 §4.2).
    fn on_syn_outside(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        seq: Option<u64>,
        counters: &mut Counters,
    ) {
        let repeated = seq == Some(0) && segment.header.ack.is_none();
        if self.state == State::SynReceived && repeated {
            self.hear_syn_again(&segment.header);
            self.pending.syn = true;
            counters.syn_retrans += 1;
        } else {
            self.challenge(now, counters);
        }
    }

    /// Fifth, ACK.
    fn check_ack(
        &mut self,
        now: Instant,
        arrived: Instant,
        segment: &Segment<'_>,
        seq: u64,
        ack: SeqNumber,
        counters: &mut Counters,
    ) -> Step {
        let offset = ack.offset_near(self.snd.isn, self.snd.una);
        if self.state == State::SynReceived {
            let Some(offset) = self.acknowledges_syn(Some(ack)) else {
                counters.ack_unacceptable += 1;
                self.pending.reset = Some(Reset::Answer(ack));
                return Step::Done;
            };
            self.complete_handshake(now, segment, seq, offset, counters);
            let reports = !segment.header.options.sack.is_empty();
            if offset > self.snd.una || (reports && !self.snd.scoreboard.is_empty()) {
                // What was sent before the handshake was complete.
                self.process_ack(now, arrived, segment, seq, offset, counters);
            }
            return if self.state == State::Closed {
                Step::Done
            } else {
                Step::Continue
            };
        }
        // RFC 5961 §5.2: not beyond what we sent, and not older than a window.
        let oldest = self
            .snd
            .una
            .saturating_sub(u64::from(self.snd.window.max()));
        match offset {
            Some(offset) if (oldest..=self.snd.nxt).contains(&offset) => {
                self.process_ack(now, arrived, segment, seq, offset, counters)
            }
            _ => {
                counters.ack_unacceptable += 1;
                self.challenge(now, counters);
                return Step::Done;
            }
        }
        if self.state == State::Closed {
            Step::Done
        } else {
            Step::Continue
        }
    }

    /// RFC 7323 §4.3: TS.Recent follows segments that cover what we last acknowledged.
    fn take_timestamp(&mut self, now: Instant, segment: &Segment<'_>, seq: u64) {
        if let (true, Some(timestamps)) =
            (self.agreed.timestamps, segment.header.options.timestamps)
            && seq <= self.rcv.acked
        {
            self.clock.take(now, timestamps.value);
        }
    }

    /// Answers an unacceptable segment with an acknowledgement; one without data, or with SYN, not too often (Linux,
    /// `tcp_oow_rate_limited`).
    fn rebuke(&mut self, now: Instant, segment: &Segment<'_>, counters: &mut Counters) {
        let is_limited = segment.sequence_len() == 0 || segment.header.control == Control::Syn;
        if is_limited && !self.may_rebuke(now, counters) {
            return;
        }
        self.pending.ack = true;
    }

    /// RFC 5961: an acknowledgement that makes an honest peer say what it meant.
    fn challenge(&mut self, now: Instant, counters: &mut Counters) {
        if self.may_rebuke(now, counters) {
            counters.challenge_ack += 1;
            self.pending.ack = true;
        }
    }

    /// The limit of RFC 5961 §7, as Linux has it per connection.
    fn may_rebuke(&mut self, now: Instant, counters: &mut Counters) -> bool {
        let allowed = may_rebuke(&mut self.last_rebuke, now);
        counters.ack_skipped += u64::from(!allowed);
        allowed
    }

    fn on_segment_in_time_wait(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        counters: &mut Counters,
    ) {
        let Some(time_wait) = &mut self.time_wait else {
            return;
        };
        match time_wait.handle_segment(now, segment) {
            TimeWaitOutcome::Ignore => {}
            TimeWaitOutcome::Reply(_) => {
                self.pending.ack = true;
                self.clock = time_wait.clock.unwrap_or(self.clock);
            }
            // A connection by itself has no listener that could take the new SYN.
            TimeWaitOutcome::Reopen(_) | TimeWaitOutcome::Drop => self.die(None, counters),
        }
    }
}
