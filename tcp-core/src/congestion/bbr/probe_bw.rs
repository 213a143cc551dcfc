//! ProbeBW: the steps through Down, Cruise, Refill and Up, and what they do to the long-term bound.

use super::Bbr;
use super::arithmetic::{UNBOUNDED, scaled};
use super::bounds::{BETA, inflight_at_loss, is_loss_too_high};
use super::state::State;
use crate::congestion::{AckSample, LostSample, RateSample};
use crate::time::Instant;

impl Bbr {
    pub(super) fn update_probe_bw(&mut self, ack: &AckSample, rate: Option<&RateSample>) {
        let held = ack.cwnd_limited && self.cwnd >= self.bounds.inflight_longterm;
        self.adapt_longterm(ack, rate, held);
        match self.state {
            State::Down | State::Cruise => self.check_cruise_and_probe(ack),
            State::Refill if self.rounds.started() => {
                self.start_up(rate.map_or(0, RateSample::rate));
            }
            // A window that the bound holds down proves nothing.
            State::Up if held => self.full_bw.reset(rate.map_or(0, RateSample::rate)),
            State::Up if self.full_bw.now() => self.start_down(ack.now),
            _ => {}
        }
    }

    fn check_cruise_and_probe(&mut self, ack: &AckSample) {
        let segments = self.target_inflight() / self.mss;
        if self.cycle.is_time_to_probe(ack.now, segments) {
            self.start_refill();
        } else if self.state == State::Down {
            let in_flight = u64::from(ack.in_flight);
            let has_room = in_flight <= self.inflight_with_headroom();
            if has_room && in_flight <= self.inflight(self.max_bw.max()) {
                self.state = State::Cruise;
            }
        }
    }

    /// What this acknowledgement says of how much the path holds. `held` is whether the bound is
    /// used in full.
    fn adapt_longterm(&mut self, ack: &AckSample, rate: Option<&RateSample>, held: bool) {
        if self.rounds.started() && self.cycle.on_round() {
            let app_limited = rate.is_some_and(|rate| rate.app_limited);
            if self.state.is_probe_bw() && !app_limited {
                self.max_bw.end_period_if_used();
            }
        }
        let Some(rate) = rate else {
            return;
        };
        let inflight = u64::from(rate.tx_in_flight);
        if is_loss_too_high(rate.lost, inflight) {
            if self.is_probed_by(inflight) {
                self.on_probe_too_high(ack.now, inflight, rate.app_limited);
            }
            return;
        }
        if self.bounds.inflight_longterm == UNBOUNDED {
            return;
        }
        self.bounds.raise_longterm(inflight);
        if self.state == State::Up && held {
            let growth = self.cycle.growth(ack.delivered);
            let grown = self.bounds.inflight_longterm.saturating_add(growth);
            // The last value of the type means that there is no bound.
            self.bounds.inflight_longterm = grown.min(UNBOUNDED - 1);
            if self.rounds.started() {
                self.cycle.raise_slope(self.cwnd, self.mss);
            }
        }
    }

    /// A segment was lost: while probing, perhaps one too many.
    pub(super) fn check_inflight_at_loss(&mut self, lost: &LostSample) {
        let inflight = u64::from(lost.tx_in_flight);
        if self.is_probed_by(inflight) && is_loss_too_high(lost.lost_since_sent, inflight) {
            self.on_probe_too_high(lost.now, inflight_at_loss(lost), lost.app_limited);
        }
    }

    /// Whether losses of a probe with `inflight` bytes in the network are of a probe that is not yet
    /// answered, and of as much as the bound may come down to: a few packets say nothing of a share
    /// that is lost, and nothing of more.
    fn is_probed_by(&self, inflight: u64) -> bool {
        self.cycle.probing && inflight >= scaled(self.target_inflight(), BETA)
    }

    /// The network marked packets: as too much loss with `inflight` bytes in the network.
    pub(super) fn on_mark(&mut self, now: Instant, inflight: u64) {
        match self.state {
            State::Startup => self.end_startup(),
            State::Refill | State::Up => self.on_probe_too_high(now, inflight, false),
            _ => {}
        }
    }

    /// A probe is answered by too much loss, once. `inflight` was in the network; if the application
    /// held it down, it is no measure of what the path holds.
    fn on_probe_too_high(&mut self, now: Instant, inflight: u64, app_limited: bool) {
        self.cycle.probing = false;
        if !app_limited {
            let target = self.target_inflight();
            self.bounds.lower_longterm(inflight, target);
        }
        if self.state == State::Up {
            self.start_down(now);
        }
    }

    pub(super) fn start_down(&mut self, now: Instant) {
        self.bounds.reset_signals();
        self.cycle.start_down(now, self.delivered);
        self.rounds.restart(self.delivered);
        self.state = State::Down;
    }

    fn start_refill(&mut self) {
        self.bounds.reset_shortterm();
        self.cycle.start_refill();
        self.rounds.restart(self.delivered);
        self.state = State::Refill;
    }

    /// `rate` is what was last measured: growth counts from there.
    pub(super) fn start_up(&mut self, rate: u64) {
        self.cycle.start_up(self.cwnd, self.mss);
        self.rounds.restart(self.delivered);
        self.full_bw.reset(rate);
        self.state = State::Up;
    }
}
