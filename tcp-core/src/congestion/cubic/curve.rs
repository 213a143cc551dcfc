//! The cubic function of RFC 9438 §4.2, in integers.

use core::time::Duration;

/// `W_cubic(t) = C * (t - K)^3 + W_max` (RFC 9438 §4.2, equation 1), with windows in bytes.
///
/// C is 0.4 segments a second cubed. Times are whole microseconds: an error of one moves the window
/// by less than a thousandth of a segment for as long as `t` is within half a minute of K.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Curve {
    /// Where the curve is flat, in bytes.
    w_max: u32,
    /// K: when the curve is there, in microseconds from its beginning.
    k: u64,
    /// Bytes in a segment, by which C turns from segments to bytes; above zero.
    mss: u32,
}

/// C, as a fraction.
const C_NUMERATOR: u128 = 4;
const C_DENOMINATOR: u128 = 10;
/// Cubic microseconds in a cubic second.
const CUBIC_SECOND: u128 = 1_000_000_000_000_000_000;
/// Microseconds after which the curve is beyond any window, even with segments of one byte.
const LONGEST: u64 = 4_096_000_000;

impl Curve {
    /// The curve that begins at `cwnd_epoch` and is flat at `w_max`; where that is no higher, it
    /// begins flat at `cwnd_epoch` (RFC 9438 §4.8 and §4.10: K is 0).
    pub(super) fn new(w_max: u32, cwnd_epoch: u32, mss: u32) -> Self {
        let mss = mss.max(1);
        // Equation 2: K = cubic_root((W_max - cwnd_epoch) / C).
        let below = u128::from(w_max.saturating_sub(cwnd_epoch));
        let cubed = below * C_DENOMINATOR * CUBIC_SECOND / (C_NUMERATOR * u128::from(mss));
        Curve {
            w_max: w_max.max(cwnd_epoch),
            k: cube_root(cubed),
            mss,
        }
    }

    /// The window at `t` from the beginning, in bytes.
    pub(super) fn at(&self, t: Duration) -> u32 {
        let t = u64::try_from(t.as_micros()).unwrap_or(u64::MAX);
        let away = u128::from(t.abs_diff(self.k).min(LONGEST));
        let bytes = C_NUMERATOR * u128::from(self.mss) * (away * away * away)
            / (C_DENOMINATOR * CUBIC_SECOND);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if t < self.k {
            self.w_max.saturating_sub(bytes)
        } else {
            self.w_max.saturating_add(bytes)
        }
    }

    /// The same curve for segments of `mss` bytes.
    pub(super) fn with_mss(self, mss: u32) -> Self {
        let mss = mss.max(1);
        Curve {
            w_max: refit(self.w_max, self.mss, mss),
            k: self.k,
            mss,
        }
    }
}

/// What a window of `bytes`, of segments of `from` bytes, is with segments of `to` bytes: as many of them where they
/// are smaller. What is proven to pass in a round trip is bytes, so larger ones make it no larger.
pub(super) fn refit(bytes: u32, from: u32, to: u32) -> u32 {
    if to > from {
        bytes
    } else {
        rescale(bytes, from, to)
    }
}

/// `bytes` that were counted in segments of `from` bytes, as many segments of `to` bytes.
pub(super) fn rescale(bytes: u32, from: u32, to: u32) -> u32 {
    let scaled = u64::from(bytes) * u64::from(to) / u64::from(from.max(1));
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

/// The greatest integer whose cube is no more than `n`, found bit by bit.
fn cube_root(mut n: u128) -> u64 {
    let mut root: u128 = 0;
    for shift in (0..=126).rev().step_by(3) {
        root *= 2;
        // What (root + 1)^3 has more than root^3.
        let more = 3 * root * (root + 1) + 1;
        if n >> shift >= more {
            n -= more << shift;
            root += 1;
        }
    }
    root as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MSS: u32 = 1_000;

    #[test]
    fn k_is_the_cubic_root_of_the_segments_to_regain_over_c() {
        // 100 segments, reduced to 70: cubic_root(30 / 0.4) = 4.217163 s.
        assert_eq!(Curve::new(100 * MSS, 70 * MSS, MSS).k, 4_217_163);
        // 17,000 to 11,900: cubic_root(5,100 / 0.4) = 23.361643 s.
        assert_eq!(Curve::new(17_000 * MSS, 11_900 * MSS, MSS).k, 23_361_643);
    }

    #[test]
    fn the_window_follows_the_formula_below_and_above_its_plateau() {
        let curve = Curve::new(100 * MSS, 70 * MSS, MSS);
        let at = |millis| curve.at(Duration::from_millis(millis));
        // 0.4 * (t - 4.217163)^3 + 100 segments; what is below the plateau is rounded down.
        assert_eq!(at(0), 70_001);
        assert_eq!(at(1_000), 86_681);
        assert_eq!(at(2_000), 95_641);
        assert_eq!(at(4_217), 100_000);
        assert_eq!(at(5_000), 100_191);
        assert_eq!(at(10_000), 177_354);
    }

    #[test]
    fn a_curve_that_has_nothing_to_regain_begins_flat() {
        let curve = Curve::new(0, 50 * MSS, MSS);
        assert_eq!(curve, Curve::new(50 * MSS, 50 * MSS, MSS));
        assert_eq!(curve.at(Duration::ZERO), 50 * MSS);
        assert_eq!(curve.at(Duration::from_secs(5)), 100 * MSS);
    }

    #[test]
    fn it_ends_at_the_largest_window_rather_than_overflow() {
        let curve = Curve::new(u32::MAX, 0, 1);
        assert_eq!(curve.at(Duration::MAX), u32::MAX);
        assert_eq!(Curve::new(0, 1, 1).at(Duration::from_secs(4_000)), u32::MAX);
        assert!(curve.at(Duration::ZERO) < 10);
        assert_eq!(Curve::new(u32::MAX, 0, 0), curve);
    }

    #[test]
    fn segments_of_another_size_stretch_it() {
        let curve = Curve::new(100 * MSS, 70 * MSS, MSS).with_mss(500);
        assert_eq!(curve, Curve::new(50 * MSS, 35 * MSS, 500));
        assert_eq!(rescale(u32::MAX, 1, 2), u32::MAX);
        assert_eq!(rescale(3, 0, 2), 6);
    }

    proptest! {
        #[test]
        fn a_cube_root_is_the_greatest_whose_cube_fits(n: u128, shift in 0_u32..128) {
            let n = n >> shift;
            let root = u128::from(cube_root(n));
            prop_assert!(root * root * root <= n);
            let next = root + 1;
            prop_assert!((next * next).checked_mul(next).is_none_or(|cube| cube > n));
        }

        #[test]
        fn a_cube_has_its_root(root in 0_u64..6_981_463_658_331) {
            let cube = u128::from(root).pow(3);
            prop_assert_eq!(cube_root(cube), root);
            prop_assert_eq!(cube_root(cube.saturating_sub(1)), root.saturating_sub(1));
        }

        #[test]
        fn a_curve_never_falls_and_begins_where_it_should(
            w_max in 0_u32..1 << 30,
            start in 1_u32..1 << 30,
            mss in 1_u32..=65_536,
            times in (0_u64..100_000_000_000, 0_u64..1_000_000_000),
        ) {
            let curve = Curve::new(w_max, start, mss);
            let first = Duration::from_micros(times.0);
            let second = first + Duration::from_micros(times.1);
            prop_assert!(curve.at(first) <= curve.at(second));
            // What rounding K down to a microsecond is worth at its steepest.
            let k = curve.k as u128;
            let slack = 12 * u128::from(mss) * k * k / (10 * CUBIC_SECOND) + 1;
            let began = u128::from(curve.at(Duration::ZERO));
            prop_assert!(began >= u128::from(start) && began <= u128::from(start) + slack);
        }
    }
}
