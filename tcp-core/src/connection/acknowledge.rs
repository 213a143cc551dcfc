//! Fifth step of RFC 9293 §3.10.7.4: what an acknowledgement acknowledges, selectively reports, and
//! opens.

use super::machine::Connection;
use super::timers::Timer;
use crate::config::CloseMode;
use crate::congestion::{AckSample, CongestionEvent, CongestionSignal, Phase};
use crate::recovery::newreno::{AckView, Verdict};
use crate::send::scoreboard::Delivered;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Control, Segment};

impl Connection {
    /// An acceptable acknowledgement of everything before offset `ack`, in a segment at `seq`.
    pub(super) fn process_ack(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        seq: u64,
        ack: u64,
        counters: &mut Counters,
    ) {
        if segment.payload.is_empty() && segment.header.control == Control::None {
            counters.pure_acks += 1;
        }
        let prior_in_flight = self.in_flight();
        let prior_outstanding = self.snd.outstanding();
        let had_no_window = self.snd.window.bytes() == 0;
        let was_closed = had_no_window || self.timers.is_armed(Timer::Persist);
        let mut delivered = self.take_sack(segment, ack, counters);
        let reported = delivered.bytes > 0;
        let advanced = ack > self.snd.una;
        if advanced {
            delivered.join(self.advance_una(ack));
        }
        let rtt = self.measure_rtt(now, segment, advanced, delivered);
        let window_changed = self.snd.window.update(segment.header.window, seq, ack);
        let duplicate = if self.agreed.sack {
            reported
        } else {
            !advanced && !window_changed && self.is_duplicate(segment, ack, prior_outstanding)
        };
        let view = AckView {
            una: self.snd.una,
            nxt: self.snd.nxt,
            advanced,
            duplicate,
            sack: self.agreed.sack,
            mss: self.full_payload(),
        };
        let verdict = self.recovery.on_ack(view, &mut self.snd.scoreboard);
        if self.is_ecn_echo(&segment.header, ack) {
            self.count_marked(delivered.segments, counters);
            if verdict != Verdict::Entered {
                self.on_ecn_echo(now, prior_outstanding);
            }
        }
        let sample = AckSample {
            now,
            delivered: delivered.bytes.min(u64::from(u32::MAX)) as u32,
            prior_in_flight,
            in_flight: self.in_flight(),
            rtt,
            cwnd_limited: self.is_cwnd_limited(prior_in_flight),
            lost: 0,
            una: self.snd.una,
            nxt: self.snd.nxt,
            min_rtt: self.rtt.min_rtt(),
            paced: false,
            phase: Phase::Open,
            rate: None,
            total_delivered: 0,
            total_lost: 0,
        };
        self.apply_verdict(verdict, &sample, prior_outstanding, counters);
        if was_closed && self.snd.window.bytes() > 0 {
            if had_no_window {
                // Where the window is too small to be filled, it is armed anew, not backed off.
                self.timers.disarm(Timer::Persist);
            }
            self.on_window_opened(now);
        }
        self.after_ack(now, advanced);
        if advanced {
            self.on_fin_acknowledged(now, counters);
        }
    }

    /// The SACK blocks (RFC 2018), the first of which may report a duplicate (RFC 2883).
    fn take_sack(&mut self, segment: &Segment<'_>, ack: u64, counters: &mut Counters) -> Delivered {
        let mut delivered = Delivered::default();
        if !self.agreed.sack {
            return delivered;
        }
        let blocks = segment.header.options.sack;
        for (index, block) in blocks.as_slice().iter().enumerate() {
            let start = block.start.offset_near(self.snd.isn, self.snd.una);
            let end = block.end.offset_near(self.snd.isn, self.snd.una);
            let (Some(start), Some(end)) = (start, end) else {
                continue;
            };
            if index == 0 && end <= ack && start < end {
                counters.dsack_recv += 1;
                self.tally.dsack_dups += 1;
            }
            // What lies outside of the outstanding range reports nothing.
            let start = start.max(self.snd.una).max(ack);
            if start < end && end <= self.snd.nxt {
                delivered.join(self.snd.scoreboard.sack(start..end));
            }
        }
        delivered
    }

    fn advance_una(&mut self, ack: u64) -> Delivered {
        let delivered = self.snd.scoreboard.acknowledge(ack);
        let fin_acknowledged = self.snd.fin.is_some_and(|fin| ack > fin);
        self.tally.bytes_acked += ack - self.snd.una - u64::from(fin_acknowledged);
        self.snd.una = ack;
        self.snd.buffer.release(ack);
        delivered
    }

    /// RFC 6298 §3 and RFC 7323 §4.1: a sample from what was sent once, or from the echo when the
    /// acknowledgement is of something sent again.
    fn measure_rtt(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        advanced: bool,
        delivered: Delivered,
    ) -> Option<core::time::Duration> {
        let echoed = || {
            let timestamps = segment.header.options.timestamps?;
            let usable = self.agreed.timestamps && advanced && timestamps.echo != 0;
            if usable {
                self.clock.measure(now, timestamps.echo)
            } else {
                None
            }
        };
        // Without SACK, what a repair uncovers may have arrived long ago.
        let uncovered = delivered.resent && !self.agreed.sack;
        let rtt = match delivered.sent_at {
            Some(sent_at) if !uncovered => Some(now.saturating_duration_since(sent_at)),
            _ => echoed(),
        };
        if let Some(rtt) = rtt {
            self.rtt.on_measurement(rtt);
        }
        rtt
    }

    /// RFC 5681 §2: the definition of a duplicate acknowledgement.
    fn is_duplicate(&self, segment: &Segment<'_>, ack: u64, prior_outstanding: u32) -> bool {
        ack == self.snd.una
            && prior_outstanding > 0
            && segment.payload.is_empty()
            && segment.header.control == Control::None
    }

    /// Whether the window was what held the sender: in slow start from half of it on, as Linux.
    fn is_cwnd_limited(&self, prior_in_flight: u32) -> bool {
        let window = self.congestion.window();
        if window < self.congestion.ssthresh() {
            return prior_in_flight.saturating_mul(2) >= window;
        }
        prior_in_flight.saturating_add(self.full_payload()) > window
    }

    fn apply_verdict(
        &mut self,
        verdict: Verdict,
        sample: &AckSample,
        prior_outstanding: u32,
        counters: &mut Counters,
    ) {
        match verdict {
            Verdict::Open if sample.delivered > 0 => self.congestion.on_ack(sample),
            Verdict::Open => {}
            Verdict::Entered => {
                if self.agreed.sack {
                    counters.sack_recovery += 1;
                } else {
                    counters.reno_recovery += 1;
                }
                self.congestion.remember();
                self.congestion.on_congestion(&CongestionEvent {
                    now: sample.now,
                    signal: CongestionSignal::Loss,
                    flight_size: prior_outstanding,
                });
                self.note_reduction();
                self.pending.retransmit = true;
                self.arm_retransmit(sample.now);
            }
            Verdict::Repairing { resend } => self.pending.retransmit |= resend,
            Verdict::Left => self.congestion.on_recovery_end(sample.now),
        }
    }

    /// Probing is over, and its backoff with it; the user timeout counts anew.
    fn on_window_opened(&mut self, now: Instant) {
        self.rtt.end_probing();
        let outstanding = !self.snd.scoreboard.is_empty();
        self.snd.stalled_since = outstanding.then_some(now);
        if outstanding {
            self.arm_retransmit(now);
        }
    }

    /// Timers and events that depend on what is outstanding (RFC 6298 §5.2, §5.3).
    fn after_ack(&mut self, now: Instant, advanced: bool) {
        if self.snd.window.bytes() == 0 {
            // The peer answers, if with a closed window: it may do so for ever (MUST-37).
            self.snd.retries = 0;
        }
        self.snd.probes = 0;
        if !advanced {
            return;
        }
        self.snd.retries = 0;
        self.soft_error = None;
        let outstanding = !self.snd.scoreboard.is_empty();
        self.snd.stalled_since = outstanding.then_some(now);
        if outstanding {
            self.arm_retransmit(now);
        } else {
            self.timers.disarm(Timer::Retransmit);
        }
        if self.user.wants_room && self.snd.buffer.has_worthwhile_room() {
            self.user.wants_room = false;
            self.events.writable = true;
        }
        if self.user.wants_flush && self.is_flushed() {
            self.user.wants_flush = false;
            self.events.flushed = true;
        }
    }

    /// Our FIN is acknowledged: on to the next state (RFC 9293 §3.10.7.4, fifth).
    fn on_fin_acknowledged(&mut self, now: Instant, counters: &mut Counters) {
        if self.snd.fin.is_none_or(|fin| self.snd.una <= fin) {
            return;
        }
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                self.wait_for_peer_fin(now, counters);
            }
            State::Closing => self.enter_time_wait(now, counters),
            State::LastAck => self.die(None, counters),
            _ => {}
        }
    }

    /// In FIN-WAIT-2: for ever while the user may read, else for a while (Linux's
    /// `tcp_fin_timeout`), or not at all.
    pub(super) fn wait_for_peer_fin(&mut self, now: Instant, counters: &mut Counters) {
        if !self.user.closed {
            return;
        }
        match self.config.close_mode {
            CloseMode::TimeWait => {
                self.timers
                    .arm(Timer::FinWait, now + self.config.fin_timeout);
            }
            CloseMode::Reset => {
                self.reset_peer();
                self.die(None, counters);
            }
        }
    }
}
