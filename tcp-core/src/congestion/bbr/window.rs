//! What the model asks of the sender: a rate, a burst, and a window.

use core::time::Duration;

use super::Bbr;
use super::arithmetic::{bytes_over, rate_over, scaled};
use super::state::{PROBE_RTT_CWND_GAIN, STARTUP_PACING_GAIN, State};
use crate::congestion::{AckSample, Phase};

/// Taken for the round-trip time before one is measured.
pub(super) const UNMEASURED_RTT: Duration = Duration::from_millis(1);

/// The rate stays this much below the model's, in hundredths, so that queues drain.
const WITHOUT_PACING_MARGIN: u64 = 99;
/// The least window, in segments: enough that acknowledgements, delayed ones too, keep coming.
const LEAST_SEGMENTS: u64 = 4;
/// A burst is what the rate sends in this time, within its bounds.
const QUANTUM_TIME: Duration = Duration::from_millis(1);
const MOST_QUANTUM: u64 = 64 * 1_024;
const LEAST_QUANTUM_SEGMENTS: u64 = 2;
/// Bursts that the window leaves room for: one here, one on the way, one at the receiver.
const OFFLOAD_QUANTA: u64 = 3;

impl Bbr {
    /// The window at Startup's gain in `rtt`.
    pub(super) fn set_initial_pacing_rate(&mut self, rtt: Duration) {
        self.pacing_rate = rate_over(scaled(self.cwnd, STARTUP_PACING_GAIN), rtt).max(1);
    }

    pub(super) fn update_pacing_rate(&mut self, ack: &AckSample) {
        if let (false, Some(rtt)) = (self.has_measured, ack.rtt) {
            self.has_measured = true;
            self.set_initial_pacing_rate(rtt.max(Duration::from_micros(1)));
        }
        self.set_pacing_rate(self.state.pacing_gain());
    }

    /// Paces at `gain` hundredths of the bandwidth. A segment in the least round-trip time is sent
    /// whatever was measured: a flow that has only ever waited for timeouts would believe in a rate
    /// that makes it wait longer.
    pub(super) fn set_pacing_rate(&mut self, gain: u64) {
        let rate = scaled(scaled(self.bw, gain), WITHOUT_PACING_MARGIN);
        if self.full_bw.reached() || rate > self.pacing_rate {
            let least = match self.probe_rtt.min_rtt() {
                Some(min_rtt) => rate_over(self.mss, min_rtt.max(UNMEASURED_RTT)),
                None => 0,
            };
            self.pacing_rate = rate.max(least).max(1);
        }
    }

    /// Bytes that may go out at once.
    pub(super) fn quantum(&self) -> u64 {
        bytes_over(self.pacing_rate, QUANTUM_TIME)
            .min(MOST_QUANTUM)
            .max(LEAST_QUANTUM_SEGMENTS * self.mss)
    }

    pub(super) fn update_cwnd(&mut self, ack: &AckSample) {
        let newly = u64::from(ack.delivered);
        let most = self.max_inflight();
        let grown = self.cwnd.saturating_add(newly);
        if self.full_bw.reached() {
            self.cwnd = grown.min(most);
        } else if self.cwnd < most || self.delivered < self.initial_window {
            self.cwnd = grown;
        }
        if ack.phase == Phase::Loss {
            // After a timeout what is delivered may be replaced.
            let conserved = u64::from(ack.in_flight).saturating_add(newly);
            self.cwnd = self.cwnd.max(conserved.min(most));
        }
        self.cwnd = self.cwnd.max(self.least_cwnd());
        self.bound_cwnd();
    }

    /// No wider than ProbeRTT and the bounds of the model let it be.
    fn bound_cwnd(&mut self) {
        let longterm = match self.state {
            State::Startup | State::Drain => u64::MAX,
            State::Down | State::Refill | State::Up => self.bounds.inflight_longterm,
            State::Cruise | State::ProbeRtt => self.inflight_with_headroom(),
        };
        let mut most = longterm.min(self.bounds.inflight_shortterm);
        if self.state == State::ProbeRtt {
            most = most.min(self.probe_rtt_cwnd());
        }
        self.cwnd = self.cwnd.min(most.max(self.least_cwnd()));
    }

    /// Remembers the window, for when the present disturbance is over.
    pub(super) fn save_cwnd(&mut self) {
        let undisturbed = !self.repairing && self.state != State::ProbeRtt;
        self.prior_cwnd = if undisturbed {
            self.cwnd
        } else {
            self.cwnd.max(self.prior_cwnd)
        };
    }

    /// Losses are repaired, by whatever means.
    pub(super) fn end_repair(&mut self) {
        if self.repairing {
            self.repairing = false;
            self.restore_cwnd();
        }
    }

    pub(super) fn restore_cwnd(&mut self) {
        self.cwnd = self.cwnd.max(self.prior_cwnd);
        self.bound_cwnd();
    }

    pub(super) fn least_cwnd(&self) -> u64 {
        LEAST_SEGMENTS * self.mss
    }

    pub(super) fn probe_rtt_cwnd(&self) -> u64 {
        self.bdp(self.bw, PROBE_RTT_CWND_GAIN)
            .max(self.least_cwnd())
    }

    pub(super) fn inflight_with_headroom(&self) -> u64 {
        self.bounds
            .inflight_with_headroom(self.mss, self.least_cwnd())
    }

    /// What is meant to be in the network.
    pub(super) fn target_inflight(&self) -> u64 {
        self.bdp(self.bw, 100).min(self.cwnd)
    }

    /// What keeps a path of rate `bw` busy, with room for the bursts of this sender.
    pub(super) fn inflight(&self, bw: u64) -> u64 {
        self.with_budget(self.bdp(bw, 100))
    }

    fn max_inflight(&self) -> u64 {
        let bdp = self.bdp(self.bw, self.state.cwnd_gain());
        let extra = self.aggregation.extra(self.full_bw.reached());
        self.with_budget(bdp.saturating_add(extra))
    }

    fn with_budget(&self, inflight: u64) -> u64 {
        let least = (OFFLOAD_QUANTA * self.quantum()).max(self.least_cwnd());
        let probe = if self.state == State::Up {
            2 * self.mss
        } else {
            0
        };
        inflight.max(least).saturating_add(probe)
    }

    /// `gain` hundredths of the bandwidth-delay product at rate `bw`.
    fn bdp(&self, bw: u64, gain: u64) -> u64 {
        match self.probe_rtt.min_rtt() {
            Some(min_rtt) => scaled(bytes_over(bw, min_rtt), gain),
            None => self.initial_window,
        }
    }
}
