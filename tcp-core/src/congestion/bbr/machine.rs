//! What an acknowledgement teaches, and which state follows.

use super::Bbr;
use super::bounds::is_loss_too_high;
use super::probe_rtt::Step;
use super::state::State;
use crate::congestion::{AckSample, Phase, RateSample};
use crate::time::Instant;

impl Bbr {
    pub(super) fn update_model_and_state(&mut self, ack: &AckSample) {
        self.delivered = ack.total_delivered;
        let rate = ack.rate.map(|rate| RateSample {
            app_limited: rate.app_limited || self.probe_rtt.was_held_back(rate.prior_delivered),
            ..rate
        });
        let rate = rate.as_ref();
        self.update_rates(ack, rate);
        self.check_full_bw(ack, rate);
        self.end_loss_round(rate);
        self.leave_startup_or_drain(ack);
        if self.full_bw.reached() {
            self.update_probe_bw(ack, rate);
        }
        self.update_min_rtt(ack);
        self.check_probe_rtt(ack);
        self.bounds.end_ack(rate);
        self.bw = self.max_bw.max().min(self.bounds.bw_shortterm);
    }

    fn update_rates(&mut self, ack: &AckSample, rate: Option<&RateSample>) {
        self.bounds.on_ack(rate, self.delivered);
        self.rounds
            .on_ack(rate.map(|rate| rate.prior_delivered), self.delivered);
        self.loss_events.on_ack(ack.lost);
        if let Some(rate) = rate {
            // A rate that the application held down counts if it is a record even so.
            if !rate.app_limited || rate.rate() >= self.max_bw.max() {
                self.max_bw.take(rate.rate());
            }
        }
        if self.rounds.started() {
            self.aggregation.on_round();
        }
        self.aggregation
            .on_ack(ack.now, ack.delivered, self.bw, self.cwnd);
    }

    /// At the end of a round trip after a loss the bounds come down; Startup may have gone too far.
    fn end_loss_round(&mut self, rate: Option<&RateSample>) {
        if !self.bounds.round_ended() {
            return;
        }
        let many = self.loss_events.end_round();
        let too_high =
            rate.is_some_and(|rate| is_loss_too_high(rate.lost, u64::from(rate.tx_in_flight)));
        // While the rate still grows by a quarter, losses are random, or the first of those to come.
        if self.state == State::Startup && many && too_high && self.full_bw.has_stalled() {
            self.end_startup();
        }
        if !self.state.is_accelerating() {
            self.bounds
                .adapt_lower(self.delivered, self.max_bw.max(), self.cwnd);
        }
        self.bounds.forget_losses();
    }

    /// Startup met losses or marks: what was delivered in a round is what the path holds.
    pub(super) fn end_startup(&mut self) {
        self.full_bw.mark_reached();
        let inflight = self.inflight(self.bw).max(self.bounds.inflight_latest());
        self.bounds.lower_longterm(inflight, 0);
    }

    /// What the small window after a timeout measures is no plateau.
    fn check_full_bw(&mut self, ack: &AckSample, rate: Option<&RateSample>) {
        if let (true, Some(rate)) = (self.rounds.started(), rate)
            && !rate.app_limited
            && ack.phase != Phase::Loss
        {
            self.full_bw.on_round(rate.rate());
        }
    }

    fn leave_startup_or_drain(&mut self, ack: &AckSample) {
        if self.state == State::Startup && self.full_bw.reached() {
            self.state = State::Drain;
        }
        let drained = u64::from(ack.in_flight) <= self.inflight(self.bw);
        if self.state == State::Drain && drained {
            self.start_down(ack.now);
        }
    }

    fn update_min_rtt(&mut self, ack: &AckSample) {
        // The first that is known may be the handshake's.
        let rtt = match self.probe_rtt.min_rtt() {
            Some(_) => ack.rtt,
            None => ack.rtt.or(ack.min_rtt),
        };
        self.probe_rtt.on_ack(ack.now, rtt);
    }

    fn check_probe_rtt(&mut self, ack: &AckSample) {
        if self.state != State::ProbeRtt && self.probe_rtt.is_due() && !self.idle_restart {
            self.save_cwnd();
            self.state = State::ProbeRtt;
            self.probe_rtt.enter(self.delivered);
            self.cycle.interrupt();
            self.rounds.restart(self.delivered);
        }
        if self.state == State::ProbeRtt {
            self.probe_rtt.hold_back(self.delivered, ack.in_flight);
            let drained = u64::from(ack.in_flight) <= self.probe_rtt_cwnd();
            match self.probe_rtt.step(ack.now, drained, self.rounds.started()) {
                Step::Wait => {}
                Step::CountRound => self.rounds.restart(self.delivered),
                Step::Leave => self.leave_probe_rtt(ack.now),
            }
        }
        if ack.delivered > 0 {
            self.idle_restart = false;
        }
    }

    fn leave_probe_rtt(&mut self, now: Instant) {
        self.probe_rtt.schedule_next(now);
        self.bounds.reset_shortterm();
        if self.full_bw.reached() {
            // What was in the network is gone: there is no queue to drain.
            self.start_down(now);
            self.state = State::Cruise;
        } else {
            self.state = State::Startup;
        }
        self.restore_cwnd();
    }

    /// The network is empty for want of data, and a segment goes out.
    pub(super) fn restart_from_idle(&mut self, now: Instant) {
        self.idle_restart = true;
        self.aggregation.restart(now);
        if self.state.is_probe_bw() {
            self.set_pacing_rate(100);
        } else if self.state == State::ProbeRtt && self.probe_rtt.is_time_over(now) {
            self.leave_probe_rtt(now);
        }
    }
}
