//! How much of the congestion window is used: only a window that is used may grow (RFC 7661).

use core::time::Duration;

use crate::pack::packs;
use crate::time::Instant;

/// The use of the window in the last round trip, as Linux judges it (`tcp_cwnd_validate`).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct WindowUsage {
    /// Whether the window kept the sender from sending.
    limited: bool,
    /// The most that was in the network, where it did not.
    most: u32,
    /// SND.NXT when the round trip began.
    round: u64,
    /// The most that was in the network since the window was last used in full.
    used: u32,
    /// When it was.
    full_at: Instant,
    /// Whether new data was sent since the last look.
    sent: bool,
}

packs!(WindowUsage {
    limited,
    most,
    round,
    used,
    full_at,
    sent
});

/// The state of the sender when it can send no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    pub(crate) now: Instant,
    pub(crate) una: u64,
    pub(crate) nxt: u64,
    pub(crate) in_flight: u32,
    /// Whether the congestion window keeps it from sending, or is full.
    pub(crate) limited: bool,
    /// Whether anything waits to be sent for the first time.
    pub(crate) waiting: bool,
}

impl WindowUsage {
    /// New data was sent.
    pub(crate) fn on_sent(&mut self) {
        self.sent = true;
    }

    /// No more can be sent now.
    pub(crate) fn on_rest(&mut self, rest: Rest) {
        let sent = core::mem::take(&mut self.sent);
        // A repair alone says nothing of how much of the window the application uses.
        let limited = rest.limited && (sent || rest.waiting);
        if !sent && !limited {
            return;
        }
        let higher = !self.limited && rest.in_flight > self.most;
        if rest.una >= self.round || limited || higher {
            self.limited = limited;
            self.most = rest.in_flight;
            self.round = rest.nxt;
        }
        if self.limited {
            self.used = 0;
            self.full_at = rest.now;
        } else {
            self.used = self.used.max(rest.in_flight);
        }
    }

    /// Whether the window was what kept the sender from sending: in slow start from half of it on.
    pub(crate) fn is_limited(&self, window: u32, ssthresh: u32) -> bool {
        self.limited || (window < ssthresh && window < self.most.saturating_mul(2))
    }

    /// The most that was used, once the window was not used in full for `rto`; begins anew then.
    pub(crate) fn take_unused(&mut self, now: Instant, rto: Duration) -> Option<u32> {
        let unused = !self.limited && self.used > 0;
        if !unused || now.saturating_duration_since(self.full_at) < rto {
            return None;
        }
        self.full_at = now;
        Some(core::mem::take(&mut self.used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(millis: u64, una: u64, nxt: u64, limited: bool) -> Rest {
        Rest {
            now: Instant::from_millis(millis),
            una,
            nxt,
            in_flight: (nxt - una) as u32,
            limited,
            waiting: false,
        }
    }

    #[test]
    fn a_window_that_was_full_once_in_a_round_trip_may_grow() {
        let mut usage = WindowUsage::default();
        usage.on_sent();
        usage.on_rest(rest(0, 0, 1_000, true));
        usage.on_sent();
        usage.on_rest(rest(1, 500, 1_200, false));
        assert!(usage.is_limited(1_000, 0), "in this round trip");
        usage.on_sent();
        usage.on_rest(rest(2, 1_000, 1_300, false));
        assert!(!usage.is_limited(1_000, 0));
        assert!(usage.is_limited(599, u32::MAX), "half of it, in slow start");
        assert!(!usage.is_limited(600, u32::MAX));
    }

    #[test]
    fn what_is_unused_for_a_timeout_is_told_once() {
        let rto = Duration::from_millis(300);
        let mut usage = WindowUsage::default();
        usage.on_sent();
        usage.on_rest(rest(0, 0, 1_000, true));
        usage.on_sent();
        usage.on_rest(rest(100, 1_000, 1_400, false));
        assert_eq!(usage.take_unused(Instant::from_millis(299), rto), None);
        assert_eq!(usage.take_unused(Instant::from_millis(300), rto), Some(400));
        assert_eq!(usage.take_unused(Instant::from_millis(900), rto), None);
    }

    #[test]
    fn a_repair_that_fills_a_small_window_does_not_use_it() {
        let mut usage = WindowUsage::default();
        usage.on_rest(rest(0, 0, 1_000, true));
        assert!(!usage.is_limited(1_000, 0));
        let waiting = Rest {
            waiting: true,
            ..rest(0, 0, 1_000, true)
        };
        usage.on_rest(waiting);
        assert!(usage.is_limited(1_000, 0));
    }

    #[test]
    fn a_look_without_sending_changes_nothing() {
        let mut usage = WindowUsage::default();
        usage.on_rest(rest(0, 0, 1_000, false));
        assert_eq!(usage, WindowUsage::default());
    }
}
