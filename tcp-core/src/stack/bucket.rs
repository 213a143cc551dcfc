//! A token bucket: how often something may happen.

use crate::time::Instant;

/// Fills at a rate, up to what a second brings.
#[derive(Clone, Debug)]
pub(super) struct TokenBucket {
    /// Tokens, in parts of 1 / [`SECOND`]: so many as the rate are added with each nanosecond.
    filled: u64,
    /// Up to when it was filled; `None` before the first look, when it is full.
    at: Option<Instant>,
}

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

impl TokenBucket {
    /// A full one.
    pub(super) const fn new() -> Self {
        TokenBucket {
            filled: 0,
            at: None,
        }
    }

    /// Takes `cost` tokens, if there are so many, where `rate` come each second; says whether there were. One that is free
    /// needs one token to be there all the same.
    pub(super) fn take(&mut self, now: Instant, rate: u32, cost: u32) -> bool {
        let most = u64::from(rate) * SECOND;
        let passed = self.at.map_or(SECOND, |at| {
            let passed = now.saturating_duration_since(at).as_nanos();
            u64::try_from(passed).unwrap_or(SECOND).min(SECOND)
        });
        self.filled = (self.filled + passed * u64::from(rate)).min(most);
        self.at = Some(now);
        let is_there = self.filled >= u64::from(cost.max(1)) * SECOND;
        if is_there {
            self.filled -= u64::from(cost) * SECOND;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use proptest::prelude::*;

    fn taken(bucket: &mut TokenBucket, now: Instant, rate: u32, tries: u32) -> u32 {
        (0..tries)
            .map(|_| u32::from(bucket.take(now, rate, 1)))
            .sum()
    }

    #[test]
    fn a_second_is_there_at_once_and_then_it_fills_by_time() {
        let mut bucket = TokenBucket::new();
        let at = Instant::from_millis;
        assert_eq!(taken(&mut bucket, at(5), 100, 1_000), 100);
        assert_eq!(taken(&mut bucket, at(5), 100, 1_000), 0);
        assert_eq!(taken(&mut bucket, at(14), 100, 1_000), 0, "0.9 of a token");
        assert_eq!(taken(&mut bucket, at(15), 100, 1_000), 1);
        assert_eq!(taken(&mut bucket, at(1_015), 100, 1_000), 100);
        assert_eq!(taken(&mut bucket, at(100_000), 100, 1_000), 100);
    }

    #[test]
    fn what_is_free_needs_a_token_to_be_there() {
        let mut bucket = TokenBucket::new();
        assert!(bucket.take(Instant::ZERO, 2, 0));
        assert!(bucket.take(Instant::ZERO, 2, 2));
        assert!(!bucket.take(Instant::ZERO, 2, 0));
        assert!(!bucket.take(Instant::ZERO, 0, 0), "without a rate");
    }

    #[test]
    fn a_rate_that_falls_takes_back_what_is_too_much() {
        let mut bucket = TokenBucket::new();
        assert!(bucket.take(Instant::ZERO, u32::MAX, 1));
        assert_eq!(taken(&mut bucket, Instant::ZERO, 3, 10), 3);
    }

    proptest! {
        #[test]
        fn no_span_of_time_brings_more_than_its_share(
            rate in 1u32..2_000, waits in prop::collection::vec(0u64..400_000, 1..300),
        ) {
            let mut bucket = TokenBucket::new();
            let (mut now, mut count) = (Instant::ZERO, 0_u64);
            for wait in waits {
                now += Duration::from_micros(wait);
                count += u64::from(taken(&mut bucket, now, rate, 20));
                let share = u64::from(rate) + now.as_nanos() / 1_000 * u64::from(rate) / 1_000_000;
                prop_assert!(count <= share, "{count} of {share}");
            }
        }
    }
}
