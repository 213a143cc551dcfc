//! Spreading what is sent over the round trip.

use core::time::Duration;

use crate::pack::packs;
use crate::time::{Instant, by_the_second};

/// When the next burst may go. A burst is what goes out in a millisecond at the rate, so that one
/// wake-up serves it; the time that its bytes take at the rate then passes before the next.
///
/// ```text
///   bytes   ####          ####          ####
///   time    +-------------+-------------+-------------
///            burst / rate
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Pacer {
    /// When what was sent so far has had its time.
    ready_at: Instant,
    /// What is left of the burst, in bytes.
    burst: u64,
}

packs!(Pacer { ready_at, burst });

/// The span whose bytes go out at once, as a part of a second.
const BURSTS_PER_SECOND: u64 = 1_000;

impl Pacer {
    /// Bytes that go out at once at `rate` bytes a second: two segments at least.
    pub(crate) fn quantum(rate: u64, mss: u32) -> u64 {
        (rate / BURSTS_PER_SECOND).max(2 * u64::from(mss))
    }

    /// What is left of the burst that is under way; `None` where the next segment begins one.
    pub(crate) fn left(&self) -> Option<u64> {
        (self.burst > 0).then_some(self.burst)
    }

    /// When a segment may go; in the past, or now, where it may at once.
    pub(crate) fn ready_at(&self, now: Instant) -> Instant {
        if self.burst > 0 { now } else { self.ready_at }
    }

    /// `bytes` went out, of what may go at `rate` bytes a second in bursts of `quantum`.
    pub(crate) fn on_sent(&mut self, now: Instant, bytes: u64, rate: u64, quantum: u64) {
        if self.burst == 0 && now >= self.ready_at {
            self.burst = quantum;
            // Half a burst's time at most is made up for when the caller was late.
            self.ready_at = self.ready_at.max(now - span(quantum / 2, rate));
        }
        self.ready_at += span(bytes, rate);
        self.burst = self.burst.saturating_sub(bytes);
    }

    /// Nothing was sent for long, or the rate is a new one: no burst is under way.
    pub(crate) fn end_burst(&mut self) {
        self.burst = 0;
    }
}

/// The time that `bytes` take.
fn span(bytes: u64, rate: u64) -> Duration {
    Duration::from_nanos(by_the_second(bytes, u128::from(rate.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends segments of 1,000 bytes as soon as they may go until `end`; gives the times.
    fn run(rate: u64, end: Instant, lateness: Duration) -> alloc::vec::Vec<u64> {
        let mut pacer = Pacer::default();
        let mut now = Instant::from_millis(1_000);
        let mut sent = alloc::vec::Vec::new();
        while now < end {
            let ready = pacer.ready_at(now);
            if ready > now {
                now = ready + lateness;
                continue;
            }
            sent.push(now.as_nanos() / 1_000 - 1_000_000);
            pacer.on_sent(now, 1_000, rate, Pacer::quantum(rate, 1_000));
        }
        sent
    }

    #[test]
    fn a_slow_rate_goes_by_pairs_and_keeps_the_rate() {
        let sent = run(100_000, Instant::from_millis(2_000), Duration::ZERO);
        assert!((100..=102).contains(&sent.len()), "{}", sent.len());
        let gap = sent.iter().zip(&sent[2..]).map(|(a, b)| b - a).min();
        assert!(gap >= Some(10_000), "no more than a pair in 10 ms: {gap:?}");
    }

    #[test]
    fn a_fast_rate_goes_by_milliseconds() {
        let sent = run(100_000_000, Instant::from_millis(1_010), Duration::ZERO);
        assert!((1_000..=1_150).contains(&sent.len()), "{}", sent.len());
        let mut wakes = sent.clone();
        wakes.dedup();
        assert!(wakes.len() <= 12, "{} bursts", wakes.len());
    }

    #[test]
    fn a_late_caller_loses_nothing_up_to_half_a_burst() {
        let late = Duration::from_micros(400);
        let sent = run(100_000_000, Instant::from_millis(1_100), late);
        assert!(sent.len() >= 9_900, "{}", sent.len());
    }

    #[test]
    fn a_rate_of_nothing_waits_and_does_not_divide_by_it() {
        let mut pacer = Pacer::default();
        pacer.on_sent(Instant::ZERO, u64::MAX, 0, 1);
        assert!(pacer.ready_at(Instant::ZERO) > Instant::from_millis(1_000_000));
    }

    #[test]
    fn what_is_left_of_a_burst_is_known_while_it_lasts() {
        let (mut pacer, now) = (Pacer::default(), Instant::from_millis(1_000));
        assert_eq!(pacer.left(), None);
        pacer.on_sent(now, 1_000, 1_000_000, 3_000);
        assert_eq!(pacer.left(), Some(2_000));
        pacer.on_sent(now, 2_000, 1_000_000, 3_000);
        assert_eq!(pacer.left(), None);
    }

    #[test]
    fn more_bytes_than_nanoseconds_can_count_take_their_time() {
        // Where bytes times 10^9 do not fit into 64 bits.
        let bytes = 1 << 40;
        assert_eq!(span(bytes, 1 << 30), Duration::from_secs(1 << 10));
        assert_eq!(span(bytes / 256, 1 << 30), Duration::from_secs(4));
        assert_eq!(span(u64::MAX, 1), Duration::from_nanos(u64::MAX));
    }
}
