//! One stage of congestion avoidance (RFC 9438 §4.2 to §4.5): the curve, how far it was followed,
//! and what Reno would have by now.

use core::time::Duration;

use super::curve::{Curve, refit};
use crate::time::Instant;

/// What a stage of congestion avoidance knows, from its first acknowledgement to the next reduction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Epoch {
    curve: Curve,
    /// t of RFC 9438: the time in which the window was allowed to grow.
    elapsed: Duration,
    /// Up to when `elapsed` was counted.
    counted_to: Instant,
    /// `W_est`, in bytes times `EST_UNIT`; at most `u32::MAX` bytes.
    w_est: u64,
    /// What the last division by the window left over, below the window; bytes times the window.
    rest: u64,
}

/// What an acknowledgement finds: sizes are bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    /// The congestion window.
    pub(super) cwnd: u32,
    /// The window before the last reduction.
    pub(super) cwnd_prior: u32,
    /// Bytes delivered.
    pub(super) acked: u32,
    /// The smoothed round-trip time.
    pub(super) srtt: Duration,
    /// Bytes in a segment.
    pub(super) mss: u32,
}

/// Fractions of a byte that `W_est` is counted in.
const EST_UNIT: u64 = 1 << 16;
/// alpha_cubic, 3 * (1 - beta) / (1 + beta) with beta 0.7, as a fraction.
const ALPHA: (u64, u64) = (9, 17);

impl Epoch {
    /// It begins at `now`, with a window of `cwnd`, and heads for `w_max`.
    pub(super) fn begin(now: Instant, cwnd: u32, w_max: u32, mss: u32) -> Self {
        Epoch {
            curve: Curve::new(w_max, cwnd, mss),
            elapsed: Duration::ZERO,
            counted_to: now,
            w_est: u64::from(cwnd) * EST_UNIT,
            rest: 0,
        }
    }

    /// The time until `now` was used in full.
    pub(super) fn run_to(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted_to);
        self.elapsed = self.elapsed.saturating_add(passed);
        self.pause_to(now);
    }

    /// The time until `now` does not count: the application, the peer's window or a repair kept the
    /// window as it was (RFC 9438 §4.2, §5.8).
    pub(super) fn pause_to(&mut self, now: Instant) {
        self.counted_to = self.counted_to.max(now);
    }

    /// The window after an acknowledgement, no less than it was.
    pub(super) fn grow(&mut self, growth: &Growth) -> u32 {
        let cwnd = growth.cwnd.max(1);
        self.advance_w_est(growth);
        let w_est = (self.w_est / EST_UNIT) as u32;
        if self.curve.at(self.elapsed) < w_est {
            return cwnd.max(w_est);
        }
        // §4.4 and §4.5: (target - cwnd) / cwnd for each byte, towards where the curve will be when
        // this is acknowledged.
        let ahead = self.elapsed.saturating_add(growth.srtt);
        let most = u64::from(cwnd) + u64::from(cwnd / 2);
        let target = u64::from(self.curve.at(ahead)).clamp(u64::from(cwnd), most);
        let distance = target - u64::from(cwnd);
        let earned = distance * u64::from(growth.acked) + self.rest;
        self.rest = earned % u64::from(cwnd);
        let window = u64::from(cwnd) + (earned / u64::from(cwnd)).min(distance);
        u32::try_from(window).unwrap_or(u32::MAX)
    }

    /// The same stage with segments of `to` bytes in place of `from`.
    pub(super) fn with_mss(self, from: u32, to: u32) -> Self {
        let w_est = refit((self.w_est / EST_UNIT) as u32, from, to);
        Epoch {
            curve: self.curve.with_mss(to),
            w_est: u64::from(w_est) * EST_UNIT,
            rest: 0,
            ..self
        }
    }

    /// §4.3, equation 4: alpha segments for each window, and one, as Reno has it, from where the
    /// window last was.
    fn advance_w_est(&mut self, growth: &Growth) {
        let (numerator, denominator) = if self.w_est / EST_UNIT < u64::from(growth.cwnd_prior) {
            ALPHA
        } else {
            (1, 1)
        };
        let earned = u128::from(numerator * u64::from(growth.mss))
            * u128::from(u64::from(growth.acked) * EST_UNIT);
        let step = earned / u128::from(denominator * u64::from(growth.cwnd.max(1)));
        let most = u64::from(u32::MAX) * EST_UNIT;
        let step = u64::try_from(step).unwrap_or(most).min(most);
        self.w_est = (self.w_est + step).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const MSS: u32 = 1_000;

    /// Acknowledges a window in each round trip of `rtt`, segment by segment, and gives the window
    /// after each.
    fn rounds(epoch: &mut Epoch, start: u32, cwnd_prior: u32, rtt: Duration, n: u32) -> Vec<u32> {
        let mut cwnd = start;
        let mut now = epoch.counted_to;
        (0..n)
            .map(|_| {
                now += rtt;
                epoch.run_to(now);
                for _ in 0..cwnd / MSS {
                    cwnd = epoch.grow(&Growth {
                        cwnd,
                        cwnd_prior,
                        acked: MSS,
                        srtt: rtt,
                        mss: MSS,
                    });
                }
                cwnd
            })
            .collect()
    }

    #[test]
    fn a_large_window_follows_the_curve_first_concave_then_convex() {
        let (w_max, start) = (1_000 * MSS, 700 * MSS);
        let mut epoch = Epoch::begin(Instant::ZERO, start, w_max, MSS);
        let curve = epoch.curve;
        let windows = rounds(&mut epoch, start, w_max, Duration::from_millis(100), 200);
        // K is cubic_root(300 / 0.4) = 9.09 s: 91 round trips.
        let steps: Vec<_> = windows.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps[10] > steps[40] && steps[40] > steps[80]);
        assert!(steps[100] < steps[140] && steps[140] < steps[190]);
        for (round, window) in (1_u32..).zip(&windows) {
            let exact = curve.at(Duration::from_millis(100) * round);
            let error = window.abs_diff(exact);
            assert!(error < exact / 100, "round {round}: {window}, not {exact}");
        }
    }

    #[test]
    fn a_small_window_grows_as_reno_would_on_average() {
        let start = 7 * MSS;
        let mut epoch = Epoch::begin(Instant::ZERO, start, 10 * MSS, MSS);
        let rtt = Duration::from_millis(10);
        let windows = rounds(&mut epoch, start, 10 * MSS, rtt, 20);
        // 9/17 of a segment in each round trip until 10 are reached, in the 7th; then one
        // (less, where the whole segments of a round are not all of the window).
        assert!(windows[1].abs_diff(7_993) < 10, "{}", windows[1]);
        assert!(windows[4].abs_diff(9_398) < 10, "{}", windows[4]);
        let later = (windows[19] - windows[9]) / 10;
        assert!((850..=1_000).contains(&later), "{later}");
    }

    #[test]
    fn the_window_grows_by_half_in_a_round_trip_at_most() {
        let start = 100 * MSS;
        let mut epoch = Epoch::begin(Instant::ZERO, start, start, MSS);
        epoch.run_to(Instant::from_millis(3_600_000));
        let growth = Growth {
            cwnd: start,
            cwnd_prior: start,
            acked: start,
            srtt: Duration::from_millis(100),
            mss: MSS,
        };
        assert_eq!(epoch.grow(&growth), 150 * MSS);
        // Nor does an acknowledgement of more than a window lead beyond the target.
        let more = Growth {
            acked: 3 * start,
            ..growth
        };
        assert_eq!(epoch.grow(&more), 150 * MSS);
    }

    #[test]
    fn what_a_division_leaves_is_not_lost() {
        let mut epoch = Epoch::begin(Instant::ZERO, 1_000, 1_000, 1);
        epoch.run_to(Instant::from_millis(3_600_000));
        // Half a window away: half a byte for each byte.
        let growth = Growth {
            cwnd: 1_000,
            cwnd_prior: 1_000,
            acked: 1,
            srtt: Duration::ZERO,
            mss: 1,
        };
        assert_eq!(epoch.grow(&growth), 1_000);
        assert_eq!(epoch.grow(&growth), 1_001);
    }

    #[test]
    fn time_that_was_not_used_does_not_count() {
        let mut used = Epoch::begin(Instant::ZERO, 70 * MSS, 100 * MSS, MSS);
        let mut paused = used;
        used.run_to(Instant::from_millis(300));
        paused.run_to(Instant::from_millis(100));
        paused.pause_to(Instant::from_millis(5_100));
        paused.run_to(Instant::from_millis(5_300));
        assert_eq!(used.elapsed, paused.elapsed);
        // Time does not go back.
        paused.pause_to(Instant::ZERO);
        assert_eq!(paused.counted_to, Instant::from_millis(5_300));
    }
}
