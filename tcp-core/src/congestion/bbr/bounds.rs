//! What losses taught: bounds on the rate and on what is in the network.
//!
//! The long-term bound is what a probe found to be too much, and is moved by probes alone. The
//! short-term bounds react to losses between probes, and are dropped at the next probe.

use super::arithmetic::{UNBOUNDED, scaled};
use super::rounds::Rounds;
use crate::congestion::{LostSample, RateSample};

/// What remains of a bound after congestion, in hundredths.
pub(super) const BETA: u64 = 70;
/// What a round trip may lose, in hundredths of what was in the network.
const LOSS_THRESHOLD: u64 = 2;
/// What Cruise leaves of the long-term bound, in hundredths, so that others find room.
const WITHOUT_HEADROOM: u64 = 85;

/// The bounds, and the signals of the round trip that they are taken from. Bytes, and bytes a second;
/// [`UNBOUNDED`] where nothing is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Bounds {
    /// In the network without too much loss, as of the last probe.
    pub(super) inflight_longterm: u64,
    pub(super) bw_shortterm: u64,
    pub(super) inflight_shortterm: u64,
    /// The highest rate measured in this round.
    bw_latest: u64,
    /// The most delivered within a sample of this round.
    inflight_latest: u64,
    /// Whether something was lost or marked since this round began.
    loss_in_round: bool,
    mark_in_round: bool,
    /// Bytes lost in this round.
    lost: u64,
    /// Bytes delivered when this round began.
    began: u64,
    /// Rounds that a first loss restarts, so that each reduction answers a whole round trip.
    rounds: Rounds,
}

impl Bounds {
    pub(super) fn new() -> Self {
        Bounds {
            inflight_longterm: UNBOUNDED,
            bw_shortterm: UNBOUNDED,
            inflight_shortterm: UNBOUNDED,
            bw_latest: 0,
            inflight_latest: 0,
            loss_in_round: false,
            mark_in_round: false,
            lost: 0,
            began: 0,
            rounds: Rounds::default(),
        }
    }

    /// Takes the signals of an acknowledgement. To be followed by
    /// [`end_ack`](Bounds::end_ack) once all have acted on them.
    pub(super) fn on_ack(&mut self, rate: Option<&RateSample>, delivered: u64) {
        self.rounds
            .on_ack(rate.map(|rate| rate.prior_delivered), delivered);
        if let Some(rate) = rate {
            self.bw_latest = self.bw_latest.max(rate.rate());
            self.inflight_latest = self.inflight_latest.max(rate.delivered);
        }
    }

    /// A round that has ended leaves its signals to none but the next acknowledgement's.
    pub(super) fn end_ack(&mut self, rate: Option<&RateSample>) {
        if let (true, Some(rate)) = (self.rounds.started(), rate) {
            self.bw_latest = rate.rate();
            self.inflight_latest = rate.delivered;
        }
    }

    /// Whether the present acknowledgement ended a round of these.
    pub(super) fn round_ended(&self) -> bool {
        self.rounds.started()
    }

    /// `lost` bytes were, with `delivered` bytes delivered so far.
    pub(super) fn note_loss(&mut self, lost: u64, delivered: u64) {
        if !self.loss_in_round {
            self.rounds.restart(delivered);
            self.began = delivered;
        }
        self.loss_in_round = true;
        self.lost = self.lost.saturating_add(lost);
    }

    /// The network marked packets. RFC 3168 wants that answered as a loss is, while nothing was
    /// lost: what may be in the network shrinks whatever was delivered.
    pub(super) fn note_mark(&mut self, delivered: u64) {
        self.note_loss(0, delivered);
        self.mark_in_round = true;
    }

    /// At the end of a round, with `delivered` bytes delivered so far: the short-term bounds come down
    /// to what was delivered in it, if it lost too much, and by no more than [`BETA`] at once.
    pub(super) fn adapt_lower(&mut self, delivered: u64, max_bw: u64, cwnd: u64) {
        let passed = delivered
            .saturating_sub(self.began)
            .saturating_add(self.lost);
        if self.mark_in_round || is_loss_too_high(self.lost, passed) {
            let bw = self.bw_shortterm.min(max_bw);
            self.bw_shortterm = self.bw_latest.max(scaled(bw, BETA));
            let inflight = scaled(self.inflight_shortterm.min(cwnd), BETA);
            self.inflight_shortterm = if self.mark_in_round {
                inflight
            } else {
                self.inflight_latest.max(inflight)
            };
        }
    }

    pub(super) fn forget_losses(&mut self) {
        self.loss_in_round = false;
        self.mark_in_round = false;
        self.lost = 0;
    }

    pub(super) fn reset_signals(&mut self) {
        self.forget_losses();
        self.bw_latest = 0;
        self.inflight_latest = 0;
    }

    pub(super) fn reset_shortterm(&mut self) {
        self.bw_shortterm = UNBOUNDED;
        self.inflight_shortterm = UNBOUNDED;
    }

    /// The long-term bound, less the room that is left to others, and at least `least`.
    pub(super) fn inflight_with_headroom(&self, mss: u64, least: u64) -> u64 {
        if self.inflight_longterm == UNBOUNDED {
            return UNBOUNDED;
        }
        let room = self.inflight_longterm.saturating_sub(mss);
        scaled(self.inflight_longterm, WITHOUT_HEADROOM)
            .min(room)
            .max(least)
    }

    /// A probe, or Startup, lost too much with `inflight` bytes in the network; `target` is what is
    /// meant to be there.
    pub(super) fn lower_longterm(&mut self, inflight: u64, target: u64) {
        self.inflight_longterm = inflight.max(scaled(target, BETA));
    }

    /// This much in the network lost little.
    pub(super) fn raise_longterm(&mut self, inflight: u64) {
        self.inflight_longterm = self.inflight_longterm.max(inflight);
    }

    /// The most delivered within a sample of this round, in bytes.
    pub(super) fn inflight_latest(&self) -> u64 {
        self.inflight_latest
    }
}

/// Whether `lost` bytes are too many out of `in_flight`.
pub(super) fn is_loss_too_high(lost: u64, in_flight: u64) -> bool {
    lost > scaled(in_flight, LOSS_THRESHOLD)
}

/// What was in the network, of what there was when `lost` was sent, when the losses passed the
/// threshold: bytes of the one segment count in part.
pub(super) fn inflight_at_loss(lost: &LostSample) -> u64 {
    let size = u64::from(lost.bytes);
    let before = u64::from(lost.tx_in_flight).saturating_sub(size);
    let lost_before = lost.lost_since_sent.saturating_sub(size);
    // The share x of the segment with (lost_before + x) = threshold * (before + x).
    let allowed = before * LOSS_THRESHOLD;
    let prefix = allowed.saturating_sub(lost_before.saturating_mul(100)) / (100 - LOSS_THRESHOLD);
    before + prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;
    use core::time::Duration;

    fn sample(delivered: u64, prior_delivered: u64) -> RateSample {
        RateSample {
            delivered,
            interval: Duration::from_secs(1),
            prior_delivered,
            tx_in_flight: 100_000,
            lost: 0,
            rtt: Duration::from_millis(10),
            app_limited: false,
        }
    }

    fn lost(tx_in_flight: u32, lost_since_sent: u64) -> LostSample {
        LostSample {
            now: Instant::ZERO,
            bytes: 1_000,
            tx_in_flight,
            lost_since_sent,
            prior_delivered: 0,
            total_delivered: 0,
            app_limited: false,
        }
    }

    #[test]
    fn two_in_a_hundred_may_be_lost() {
        assert!(!is_loss_too_high(2_000, 100_000));
        assert!(is_loss_too_high(2_001, 100_000));
        assert!(is_loss_too_high(1, 0));
    }

    #[test]
    fn the_threshold_is_found_within_the_segment_that_passed_it() {
        // (1,500 + x) / (98,000 + x) = 2 % at x = 469.
        assert_eq!(inflight_at_loss(&lost(99_000, 2_500)), 98_469);
        // Passed before it.
        assert_eq!(inflight_at_loss(&lost(99_000, 9_000)), 98_000);
        assert_eq!(inflight_at_loss(&lost(500, 1_000)), 0);
    }

    #[test]
    fn a_round_with_losses_lowers_the_bounds_to_what_was_delivered() {
        let mut bounds = Bounds::new();
        bounds.note_loss(3_000, 50_000);
        bounds.on_ack(Some(&sample(90_000, 60_000)), 100_000);
        assert!(bounds.round_ended());
        bounds.adapt_lower(100_000, 100_000, 200_000);
        assert_eq!(bounds.bw_shortterm, 90_000);
        assert_eq!(bounds.inflight_shortterm, 140_000);
        bounds.end_ack(Some(&sample(50_000, 60_000)));
        bounds.adapt_lower(100_000, 100_000, 200_000);
        assert_eq!(bounds.bw_shortterm, 63_000);
        bounds.forget_losses();
        bounds.adapt_lower(100_000, 100_000, 200_000);
        assert_eq!(bounds.bw_shortterm, 63_000);
        bounds.reset_shortterm();
        assert_eq!(bounds.inflight_shortterm, UNBOUNDED);
    }

    #[test]
    fn a_round_with_few_losses_lowers_nothing() {
        for (lost, bound) in [(1_000, UNBOUNDED), (1_100, 90_000)] {
            let mut bounds = Bounds::new();
            bounds.note_loss(lost / 2, 50_000);
            bounds.note_loss(lost / 2, 50_000);
            bounds.on_ack(Some(&sample(90_000, 50_000)), 100_000);
            bounds.adapt_lower(100_000, 100_000, 200_000);
            assert_eq!(bounds.bw_shortterm, bound);
        }
    }

    #[test]
    fn a_mark_takes_what_is_in_the_network_down_whatever_was_delivered() {
        let mut bounds = Bounds::new();
        bounds.on_ack(Some(&sample(100_000, 0)), 100_000);
        bounds.note_mark(100_000);
        bounds.adapt_lower(100_000, 100_000, 100_000);
        assert_eq!(bounds.inflight_shortterm, 70_000);
        assert_eq!(bounds.bw_shortterm, 100_000);
    }

    #[test]
    fn headroom_is_fifteen_in_a_hundred_and_at_least_a_segment() {
        let mut bounds = Bounds::new();
        assert_eq!(bounds.inflight_with_headroom(1_000, 4_000), UNBOUNDED);
        bounds.lower_longterm(100_000, 0);
        assert_eq!(bounds.inflight_with_headroom(1_000, 4_000), 85_000);
        bounds.lower_longterm(5_500, 0);
        assert_eq!(bounds.inflight_with_headroom(1_000, 4_000), 4_500);
        bounds.lower_longterm(1_000, 100_000);
        assert_eq!(bounds.inflight_longterm, 70_000);
    }
}
