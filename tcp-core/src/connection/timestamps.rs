//! Timestamps and protection against wrapped sequence numbers (RFC 7323 §3 to §5).

use core::time::Duration;

use crate::pack::packs;
use crate::time::Instant;
use crate::wire::Timestamps;

/// Our timestamp clock, and the last timestamp of the peer's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TimestampClock {
    /// Added to milliseconds to make TSval, so that it tells a stranger nothing of our uptime.
    offset: u32,
    /// TS.Recent, and when it was taken.
    recent: Option<(u32, Instant)>,
}

packs!(TimestampClock { offset, recent });

/// RFC 7323 §5.5: after 24 days without a segment TS.Recent may have wrapped, and says nothing.
const RECENT_IS_OUTDATED: Duration = Duration::from_secs(24 * 24 * 3_600);

impl TimestampClock {
    pub(crate) fn new(offset: u32) -> Self {
        TimestampClock {
            offset,
            recent: None,
        }
    }

    /// The option of a segment sent now.
    pub(crate) fn stamp(&self, now: Instant) -> Timestamps {
        Timestamps {
            value: self.value(now),
            echo: self.recent.map_or(0, |(value, _)| value),
        }
    }

    /// Takes the peer's timestamp.
    pub(crate) fn take(&mut self, now: Instant, value: u32) {
        if !self.is_old(now, value) {
            self.recent = Some((value, now));
        }
    }

    /// The PAWS test: whether a segment with this timestamp is an old duplicate.
    pub(crate) fn is_old(&self, now: Instant, value: u32) -> bool {
        self.recent.is_some_and(|(recent, at)| {
            (value.wrapping_sub(recent) as i32) < 0
                && now.saturating_duration_since(at) < RECENT_IS_OUTDATED
        })
    }

    /// Whether `value` is later than the last one taken: proof of a new incarnation (RFC 6191).
    pub(crate) fn is_newer(&self, value: u32) -> bool {
        self.recent
            .is_some_and(|(recent, _)| value.wrapping_sub(recent) as i32 > 0)
    }

    /// The round-trip time that an echo shows, in whole milliseconds; `None` for an echo that was
    /// never sent (in the future, or older than the estimate could mean).
    pub(crate) fn measure(&self, now: Instant, echo: u32) -> Option<Duration> {
        let elapsed = self.value(now).wrapping_sub(echo);
        let plausible = elapsed < 1 << 24;
        // A span below the clock's unit is taken for one unit, as Linux does.
        plausible.then(|| Duration::from_millis(u64::from(elapsed.max(1))))
    }

    /// When what the echo names was sent, in milliseconds; `None` as for [`measure`](Self::measure).
    pub(crate) fn sent_at(&self, now: Instant, echo: u32) -> Option<u64> {
        let elapsed = self.value(now).wrapping_sub(echo);
        let plausible = elapsed < 1 << 24;
        plausible.then(|| now.as_millis().saturating_sub(u64::from(elapsed)))
    }

    fn value(&self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_timestamps_are_recognised_across_the_wrap() {
        let now = Instant::from_millis(5);
        let mut clock = TimestampClock::new(0);
        assert!(!clock.is_old(now, 7), "before the first one nothing is old");
        clock.take(now, u32::MAX);
        assert!(clock.is_old(now, u32::MAX - 1));
        assert!(!clock.is_old(now, u32::MAX));
        assert!(!clock.is_old(now, 3));
        clock.take(now, 3);
        assert!(clock.is_old(now, u32::MAX));
        let later = now + RECENT_IS_OUTDATED;
        assert!(!clock.is_old(later, u32::MAX));
        clock.take(later, u32::MAX);
        assert!(clock.is_old(later, u32::MAX - 1), "the test works again");
    }

    #[test]
    fn echoes_measure_the_round_trip() {
        let clock = TimestampClock::new(u32::MAX - 10);
        let sent = clock.stamp(Instant::from_millis(5)).value;
        let measured = clock.measure(Instant::from_millis(105), sent);
        assert_eq!(measured, Some(Duration::from_millis(100)));
        assert_eq!(
            clock.measure(Instant::from_millis(5), sent.wrapping_add(50)),
            None
        );
    }
}
