//! Numbers of several runs as one. Only operations that IEEE 754 fixes: the same on every machine.

use std::time::Duration;

/// Bytes a second, to two decimals.
pub(crate) fn bytes_per_second(bytes: u64, elapsed: Duration) -> f64 {
    let nanos = elapsed.as_nanos().max(1);
    let hundredths = u128::from(bytes) * 100_000_000_000 / nanos;
    hundredths as f64 / 100.0
}

/// A share of a whole, to four decimals; 0 of nothing.
pub(crate) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (part / whole * 10_000.0).round() / 10_000.0
    } else {
        0.0
    }
}

/// The one in the middle, or the mean of the two there; 0 of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[upper],
        _ => (values[upper - 1] + values[upper]) / 2.0,
    }
}

/// Jain's index: 1 when all are equal, one over their number when one has everything.
pub(crate) fn jain(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|it| it * it).sum();
    share(sum * sum, values.len() as f64 * squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_what_they_are_called() {
        let third = bytes_per_second(1, Duration::from_secs(3));
        assert_eq!(third, 0.33);
        assert_eq!(share(1.0, 3.0), 0.3333);
        assert_eq!(share(1.0, 0.0), 0.0);
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(jain(&[5.0, 5.0, 5.0, 5.0]), 1.0);
        assert_eq!(jain(&[5.0, 0.0, 0.0, 0.0]), 0.25);
    }
}
