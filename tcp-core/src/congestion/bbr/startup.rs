//! When the pipe is full: the bandwidth no longer grows, or a round trip lost too much.

use super::arithmetic::scaled;

/// Growth of the bandwidth, in hundredths, that says that there is more.
const GROWTH: u64 = 125;
/// Rounds without such growth that say that there is not.
const ROUNDS: u8 = 3;
/// Acknowledgements with news of a loss that make a round one of high loss, if it also lost more than
/// the threshold: a single burst is no congestion yet.
const LOSS_EVENTS: u8 = 6;

/// Looks for the plateau of the bandwidth.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct FullBandwidth {
    /// The bandwidth that the last growth reached, in bytes a second.
    baseline: u64,
    /// Rounds since, at most [`ROUNDS`].
    rounds: u8,
    /// Whether the plateau was found since the last reset.
    now: bool,
    /// Whether it was ever found: Startup is over.
    reached: bool,
}

impl FullBandwidth {
    /// At the start of a round, with the rate that its first acknowledgement measured.
    pub(super) fn on_round(&mut self, rate: u64) {
        if self.now {
            return;
        }
        if rate >= scaled(self.baseline, GROWTH) {
            self.reset(rate);
            return;
        }
        self.rounds += 1;
        self.now = self.rounds >= ROUNDS;
        self.reached |= self.now;
    }

    /// Looks for a new plateau, at or above `baseline`.
    pub(super) fn reset(&mut self, baseline: u64) {
        self.baseline = baseline;
        self.rounds = 0;
        self.now = false;
    }

    /// The pipe is full for another reason.
    pub(super) fn mark_reached(&mut self) {
        self.reached = true;
    }

    /// It was not after all: Startup begins again.
    pub(super) fn mark_unknown(&mut self) {
        self.reset(0);
        self.reached = false;
    }

    pub(super) fn now(&self) -> bool {
        self.now
    }

    /// Whether the last round brought no growth.
    pub(super) fn has_stalled(&self) -> bool {
        self.rounds > 0
    }

    pub(super) fn reached(&self) -> bool {
        self.reached
    }
}

/// Counts the occasions at which losses were found in a round trip.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct LossEvents(u8);

impl LossEvents {
    pub(super) fn on_ack(&mut self, lost: u32) {
        if lost > 0 {
            self.0 = self.0.saturating_add(1);
        }
    }

    /// Whether there were many in the round that ends now; counts anew for the next.
    pub(super) fn end_round(&mut self) -> bool {
        core::mem::take(&mut self.0) >= LOSS_EVENTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_rounds_without_a_quarter_more_are_a_plateau() {
        let mut full = FullBandwidth::default();
        for rate in [100, 200, 250, 312] {
            full.on_round(rate);
        }
        assert!(!full.now());
        full.on_round(389);
        full.on_round(311);
        assert!(!full.reached());
        full.on_round(300);
        assert!(full.now() && full.reached());
    }

    #[test]
    fn growth_begins_the_count_anew() {
        let mut full = FullBandwidth::default();
        for rate in [100, 110, 110, 125, 130, 130] {
            full.on_round(rate);
        }
        assert!(!full.now());
        full.on_round(130);
        assert!(full.now());
    }

    #[test]
    fn a_reset_looks_for_another_plateau_and_remembers_that_there_was_one() {
        let mut full = FullBandwidth::default();
        for _ in 0..4 {
            full.on_round(100);
        }
        full.reset(100);
        assert!(!full.now() && full.reached());
        full.mark_unknown();
        assert!(!full.reached());
    }

    #[test]
    fn six_losses_apart_are_many_and_one_burst_is_not() {
        let mut events = LossEvents::default();
        events.on_ack(60_000);
        assert!(!events.end_round());
        for _ in 0..6 {
            events.on_ack(1_000);
            events.on_ack(0);
        }
        assert!(events.end_round());
        assert!(!events.end_round());
    }
}
