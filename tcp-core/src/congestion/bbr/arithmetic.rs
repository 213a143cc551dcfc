//! Sums over rates and times, in integers that saturate.

use core::time::Duration;

use crate::time::by_the_second;

/// A bound in bytes, or bytes a second, that binds nothing.
pub(super) const UNBOUNDED: u64 = u64::MAX;

const NANOS: u128 = 1_000_000_000;

/// `percent` hundredths of `value`.
pub(super) fn scaled(value: u64, percent: u64) -> u64 {
    narrowed(u128::from(value) * u128::from(percent) / 100)
}

/// Bytes that `rate` bytes a second are in `span`.
pub(super) fn bytes_over(rate: u64, span: Duration) -> u64 {
    narrowed(u128::from(rate) * u128::from(nanos(span)) / NANOS)
}

/// Bytes a second that `bytes` in `span` are.
pub(super) fn rate_over(bytes: u64, span: Duration) -> u64 {
    by_the_second(bytes, u128::from(nanos(span).max(1)))
}

fn nanos(span: Duration) -> u64 {
    narrowed(span.as_nanos())
}

fn narrowed(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_and_a_time_are_bytes_and_back() {
        let span = Duration::from_millis(200);
        assert_eq!(bytes_over(125_000_000, span), 25_000_000);
        assert_eq!(rate_over(25_000_000, span), 125_000_000);
        assert_eq!(scaled(1_000, 277), 2_770);
    }

    #[test]
    fn the_ends_of_the_range_saturate() {
        assert_eq!(bytes_over(u64::MAX, Duration::MAX), u64::MAX);
        assert_eq!(rate_over(u64::MAX, Duration::ZERO), u64::MAX);
        assert_eq!(scaled(u64::MAX, 101), u64::MAX);
    }
}
