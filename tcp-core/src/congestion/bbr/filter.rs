//! Extremes over a sliding window.

use core::time::Duration;

use crate::time::Instant;

/// The largest value of the last `N` periods, where the caller says when a period ends.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct WindowedMax<const N: usize> {
    /// The largest value of each period, the present one first; zero where there was none.
    periods: [u64; N],
}

impl<const N: usize> WindowedMax<N> {
    pub(super) fn new() -> Self {
        WindowedMax { periods: [0; N] }
    }

    pub(super) fn take(&mut self, value: u64) {
        if let Some(present) = self.periods.first_mut() {
            *present = value.max(*present);
        }
    }

    pub(super) fn end_period(&mut self) {
        self.periods.rotate_right(1);
        if let Some(present) = self.periods.first_mut() {
            *present = 0;
        }
    }

    /// Ends the period, unless nothing was seen in it: what is known is not forgotten in silence.
    pub(super) fn end_period_if_used(&mut self) {
        if self.periods.first().is_some_and(|&present| present > 0) {
            self.end_period();
        }
    }

    pub(super) fn max(&self) -> u64 {
        self.max_of_last(N)
    }

    /// The largest value of the present period and of those before it, `periods` in all.
    pub(super) fn max_of_last(&self, periods: usize) -> u64 {
        self.periods.iter().take(periods).copied().fold(0, u64::max)
    }
}

/// The least time seen, until a given age; then the next one seen replaces it, whatever it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct ExpiringMin {
    least: Option<(Duration, Instant)>,
}

impl ExpiringMin {
    pub(super) fn get(&self) -> Option<Duration> {
        self.least.map(|(value, _)| value)
    }

    /// When the least was seen.
    pub(super) fn seen(&self) -> Option<Instant> {
        self.least.map(|(_, seen)| seen)
    }

    /// Whether what is kept is older than `age`.
    pub(super) fn is_expired(&self, now: Instant, age: Duration) -> bool {
        self.seen().is_some_and(|seen| now > seen + age)
    }

    /// Takes `value`, seen at `seen`, if it is less than what is kept or that has expired.
    pub(super) fn take(&mut self, value: Duration, seen: Instant, now: Instant, age: Duration) {
        let lower = self.get().is_none_or(|least| value < least);
        if lower || self.is_expired(now, age) {
            self.least = Some((value, seen));
        }
    }

    /// Lets what is kept live as if it had been seen `now`.
    pub(super) fn renew(&mut self, now: Instant) {
        if let Some((_, seen)) = &mut self.least {
            *seen = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_maximum_is_that_of_a_naive_window(
            steps in proptest::collection::vec(proptest::option::of(1_u64..1_000), 0..200),
        ) {
            let mut filter = WindowedMax::<4>::new();
            let mut periods: Vec<Vec<u64>> = vec![Vec::new()];
            for step in steps {
                match step {
                    Some(value) => {
                        filter.take(value);
                        periods.last_mut().unwrap().push(value);
                    }
                    None => {
                        filter.end_period();
                        periods.push(Vec::new());
                    }
                }
                for length in 1..=4 {
                    let naive = periods.iter().rev().take(length).flatten().max();
                    prop_assert_eq!(filter.max_of_last(length), naive.copied().unwrap_or(0));
                }
                prop_assert_eq!(filter.max(), filter.max_of_last(4));
            }
        }

        #[test]
        fn the_minimum_is_the_least_since_the_last_expiry(
            steps in proptest::collection::vec((0_u64..40, 1_u64..1_000), 1..200),
        ) {
            let age = Duration::from_millis(100);
            let mut filter = ExpiringMin::default();
            let mut now = Instant::ZERO;
            let mut kept: Vec<(u64, Instant)> = Vec::new();
            for (wait, value) in steps {
                now += Duration::from_millis(wait);
                let first_of_least = kept.iter().min_by_key(|(value, _)| *value);
                if first_of_least.is_some_and(|(_, seen)| now > *seen + age) {
                    kept.clear();
                }
                kept.push((value, now));
                filter.take(Duration::from_millis(value), now, now, age);
                let least = kept.iter().min_by_key(|(value, _)| *value).unwrap();
                prop_assert_eq!(filter.get(), Some(Duration::from_millis(least.0)));
                prop_assert_eq!(filter.seen(), Some(least.1));
            }
        }
    }

    #[test]
    fn a_period_without_a_value_does_not_end_when_it_is_asked_to_be_used() {
        let mut filter = WindowedMax::<2>::new();
        filter.take(7);
        for _ in 0..5 {
            filter.end_period_if_used();
        }
        assert_eq!(filter.max(), 7);
    }
}
