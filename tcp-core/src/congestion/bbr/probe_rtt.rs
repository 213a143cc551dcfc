//! The least round-trip time, and the moments of quiet in which it is measured.

use core::time::Duration;

use super::filter::ExpiringMin;
use crate::time::Instant;

/// How long the least round-trip time is believed.
const MIN_RTT_FILTER_LENGTH: Duration = Duration::from_secs(10);
/// How long after the last low round-trip time a moment of quiet is due.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long it is quiet, at least; and for at least a round trip.
const DURATION: Duration = Duration::from_millis(200);

/// What ProbeRTT does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It waits: for the network to empty, or for the time to pass.
    Wait,
    /// It has become quiet: the round trip that must pass begins now.
    CountRound,
    /// It is over.
    Leave,
}

/// The round-trip times seen, and where ProbeRTT is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct ProbeRtt {
    /// The least since a quiet moment was last due.
    recent: ExpiringMin,
    /// The least that the model uses.
    lasting: ExpiringMin,
    /// Whether the acknowledgement being processed came when a quiet moment was due.
    due: bool,
    /// When the quiet has lasted long enough; `None` while it is not quiet yet.
    done_at: Option<Instant>,
    round_done: bool,
    /// Packets sent when as many bytes had been delivered as lie from the first of these on and
    /// below the second went out in a quiet moment: they measure no bandwidth.
    held_back: (u64, u64),
}

impl ProbeRtt {
    pub(super) fn min_rtt(&self) -> Option<Duration> {
        self.lasting.get()
    }

    /// An acknowledgement, with the round-trip time that it measured.
    pub(super) fn on_ack(&mut self, now: Instant, rtt: Option<Duration>) {
        self.due = self.recent.is_expired(now, INTERVAL);
        if let Some(rtt) = rtt {
            self.recent.take(rtt, now, now, INTERVAL);
        }
        if let (Some(least), Some(seen)) = (self.recent.get(), self.recent.seen()) {
            self.lasting.take(least, seen, now, MIN_RTT_FILTER_LENGTH);
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// ProbeRTT begins, with `delivered` bytes delivered so far.
    pub(super) fn enter(&mut self, delivered: u64) {
        self.done_at = None;
        self.round_done = false;
        self.held_back = (delivered, delivered);
    }

    /// An acknowledgement in ProbeRTT. `drained` is whether as little is in the network as is meant
    /// to be; `round_started` whether a round trip began.
    pub(super) fn step(&mut self, now: Instant, drained: bool, round_started: bool) -> Step {
        match self.done_at {
            None if drained => {
                self.done_at = Some(now + DURATION);
                self.round_done = false;
                Step::CountRound
            }
            None => Step::Wait,
            Some(_) => {
                self.round_done |= round_started;
                if self.round_done && self.is_time_over(now) {
                    Step::Leave
                } else {
                    Step::Wait
                }
            }
        }
    }

    /// Whether it has been quiet for long enough.
    pub(super) fn is_time_over(&self, now: Instant) -> bool {
        self.done_at.is_some_and(|done_at| now > done_at)
    }

    /// The next quiet moment is due [`INTERVAL`] from now.
    pub(super) fn schedule_next(&mut self, now: Instant) {
        self.recent.renew(now);
    }

    /// In ProbeRTT, with `delivered` bytes delivered and `in_flight` in the network.
    pub(super) fn hold_back(&mut self, delivered: u64, in_flight: u32) {
        self.held_back.1 = delivered.saturating_add(u64::from(in_flight)).max(1);
    }

    /// Whether what was sent when `prior_delivered` bytes had been delivered was held back.
    pub(super) fn was_held_back(&self, prior_delivered: u64) -> bool {
        let (from, until) = self.held_back;
        (from..until).contains(&prior_delivered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_quiet_moment_is_due_five_seconds_after_the_last_low_round_trip_time() {
        let mut probe = ProbeRtt::default();
        probe.on_ack(at(0), Some(RTT));
        probe.on_ack(at(3_000), Some(RTT - Duration::from_millis(1)));
        for now in [4_000, 8_000] {
            probe.on_ack(at(now), Some(RTT));
            assert!(!probe.is_due(), "{now}");
        }
        probe.on_ack(at(8_001), Some(RTT));
        assert!(probe.is_due());
        assert_eq!(probe.min_rtt(), Some(RTT - Duration::from_millis(1)));
        probe.on_ack(at(8_002), Some(RTT));
        assert!(!probe.is_due());
    }

    #[test]
    fn the_least_is_believed_for_ten_seconds() {
        let mut probe = ProbeRtt::default();
        probe.on_ack(at(0), Some(RTT));
        for now in 1..=10 {
            probe.on_ack(at(now * 1_000), Some(2 * RTT));
            assert_eq!(probe.min_rtt(), Some(RTT), "{now}");
        }
        probe.on_ack(at(10_001), Some(2 * RTT));
        assert_eq!(probe.min_rtt(), Some(2 * RTT));
    }

    #[test]
    fn quiet_lasts_two_hundred_milliseconds_and_a_round() {
        let mut probe = ProbeRtt::default();
        probe.enter(0);
        assert_eq!(probe.step(at(0), false, true), Step::Wait);
        assert_eq!(probe.step(at(10), true, true), Step::CountRound);
        assert_eq!(probe.step(at(205), true, true), Step::Wait);
        assert_eq!(probe.step(at(210), true, false), Step::Wait);
        assert_eq!(probe.step(at(211), true, false), Step::Leave);

        probe.enter(0);
        assert_eq!(probe.step(at(0), true, false), Step::CountRound);
        assert_eq!(probe.step(at(300), true, false), Step::Wait);
        assert_eq!(probe.step(at(301), true, true), Step::Leave);
    }

    #[test]
    fn what_goes_out_in_quiet_measures_no_bandwidth() {
        let mut probe = ProbeRtt::default();
        assert!(!probe.was_held_back(0));
        probe.enter(1_000);
        probe.hold_back(1_500, 500);
        let held = [999, 1_000, 1_999, 2_000].map(|prior| probe.was_held_back(prior));
        assert_eq!(held, [false, true, true, false]);
    }
}
