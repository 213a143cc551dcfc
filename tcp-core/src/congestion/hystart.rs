//! HyStart++ (RFC 9406): slow start that ends when the round-trip time grows, before packets are lost.

use core::time::Duration;

use super::sample::AckSample;

/// Samples of the round-trip time that a round must have before it is judged.
const N_RTT_SAMPLE: u32 = 8;
/// Growth of the round-trip time that tells of a queue: an eighth, between these two.
const MIN_RTT_DIVISOR: u32 = 8;
const MIN_RTT_THRESH: Duration = Duration::from_millis(4);
const MAX_RTT_THRESH: Duration = Duration::from_millis(16);
/// By how much slower than slow start the conservative one grows.
const CSS_GROWTH_DIVISOR: u32 = 4;
/// Rounds of conservative slow start after which slow start is over, the one it began in included.
const CSS_ROUNDS: u32 = 5;
/// Segments that one acknowledgement may add where sending is not paced.
const L: u32 = 8;

/// The state of HyStart++ in one slow start.
///
/// ```text
///              the round-trip time grows               five rounds
///  SlowStart ----------------------------> Conservative ----------> Over
///            <----------------------------
///              it falls below what it was
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct HyStart {
    stage: Stage,
    /// `SND.NXT` when the round began: its acknowledgement ends the round. `None` before the first.
    window_end: Option<u64>,
    /// The least round-trip time of the round before this one, where it had a sample.
    last_round_min: Option<Duration>,
    /// The least of this round, where it has a sample yet.
    round_min: Option<Duration>,
    /// Samples of this round.
    samples: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
enum Stage {
    #[default]
    SlowStart,
    Conservative {
        /// The round-trip time that led here; a lower one leads back.
        baseline: Duration,
        /// Rounds that ended here; below `CSS_ROUNDS`.
        rounds: u32,
    },
    Over,
}

impl HyStart {
    /// Takes note of an acknowledgement (RFC 9406 §4.2), also of one that may not grow the window.
    pub(super) fn on_ack(&mut self, sample: &AckSample) {
        if self.window_end.is_none_or(|end| sample.una >= end) {
            self.begin_round(sample.nxt);
        }
        let Some(rtt) = sample.rtt else {
            return;
        };
        let round_min = self.round_min.map_or(rtt, |least| least.min(rtt));
        self.round_min = Some(round_min);
        self.samples = self.samples.saturating_add(1);
        if self.samples >= N_RTT_SAMPLE {
            self.judge(round_min);
        }
    }

    /// Whether slow start is to end: the threshold becomes the window.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Bytes by which the window grows for this acknowledgement, with segments of `mss` bytes.
    pub(super) fn growth(&self, sample: &AckSample, mss: u32) -> u32 {
        let limit = if sample.paced {
            u32::MAX
        } else {
            mss.saturating_mul(L)
        };
        let growth = sample.delivered.min(limit);
        match self.stage {
            Stage::SlowStart => growth,
            Stage::Conservative { .. } => growth / CSS_GROWTH_DIVISOR,
            Stage::Over => 0,
        }
    }

    fn begin_round(&mut self, nxt: u64) {
        if let Stage::Conservative { rounds, .. } = &mut self.stage {
            *rounds += 1;
            if *rounds >= CSS_ROUNDS {
                self.stage = Stage::Over;
            }
        }
        self.window_end = Some(nxt);
        self.last_round_min = self.round_min.take();
        self.samples = 0;
    }

    fn judge(&mut self, round_min: Duration) {
        match self.stage {
            Stage::SlowStart => {
                let Some(last) = self.last_round_min else {
                    return;
                };
                let grown = (last / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESH, MAX_RTT_THRESH);
                if round_min >= last.saturating_add(grown) {
                    self.stage = Stage::Conservative {
                        baseline: round_min,
                        rounds: 0,
                    };
                }
            }
            Stage::Conservative { baseline, .. } if round_min < baseline => {
                self.stage = Stage::SlowStart;
            }
            Stage::Conservative { .. } | Stage::Over => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    const MSS: u32 = 1_000;

    /// A round of `samples` acknowledgements with a round-trip time of `millis`.
    fn round(hystart: &mut HyStart, samples: u64, millis: u64) {
        let una = hystart.window_end.unwrap_or(0);
        for offset in 0..samples {
            let una = una + offset;
            hystart.on_ack(&AckSample {
                rtt: Some(Duration::from_millis(millis)),
                ..AckSample::of_round(Instant::ZERO, una, una + samples)
            });
        }
    }

    /// What comes of rounds, each given as its samples and its round-trip time in milliseconds.
    fn after_rounds(rounds: &[(u64, u64)]) -> HyStart {
        let mut hystart = HyStart::default();
        for &(samples, millis) in rounds {
            round(&mut hystart, samples, millis);
        }
        hystart
    }

    fn delivered(bytes: u32) -> AckSample {
        AckSample {
            delivered: bytes,
            ..AckSample::of_round(Instant::ZERO, 0, 0)
        }
    }

    fn is_conservative(hystart: &HyStart) -> bool {
        matches!(hystart.stage, Stage::Conservative { .. })
    }

    #[test]
    fn a_steady_path_stays_in_slow_start() {
        let hystart = after_rounds(&[(10, 100), (20, 100), (40, 105), (80, 110), (160, 121)]);
        assert_eq!(hystart.stage, Stage::SlowStart);
    }

    #[test]
    fn a_delay_grown_by_an_eighth_enters_the_conservative_slow_start() {
        assert!(!is_conservative(&after_rounds(&[(10, 80), (20, 89)])));
        assert!(is_conservative(&after_rounds(&[(10, 80), (20, 90)])));
    }

    #[test]
    fn the_growth_asked_for_lies_between_four_and_sixteen_milliseconds() {
        assert!(!is_conservative(&after_rounds(&[(10, 8), (20, 11)])));
        assert!(is_conservative(&after_rounds(&[(10, 8), (20, 12)])));
        assert!(!is_conservative(&after_rounds(&[(10, 400), (20, 415)])));
        assert!(is_conservative(&after_rounds(&[(10, 400), (20, 416)])));
    }

    #[test]
    fn fewer_than_eight_samples_decide_nothing() {
        assert!(!is_conservative(&after_rounds(&[(10, 80), (7, 200)])));
        assert!(is_conservative(&after_rounds(&[(10, 80), (8, 200)])));
        let mut hystart = after_rounds(&[(10, 80), (8, 200)]);
        round(&mut hystart, 7, 80);
        assert!(is_conservative(&hystart));
    }

    #[test]
    fn the_least_of_a_round_is_what_counts() {
        let mut hystart = after_rounds(&[(10, 80)]);
        round(&mut hystart, 1, 80);
        // Of the same round: the window's end is not reached.
        hystart.window_end = Some(u64::MAX);
        for _ in 0..20 {
            hystart.on_ack(&AckSample {
                rtt: Some(Duration::from_millis(200)),
                ..AckSample::of_round(Instant::ZERO, 1, 2)
            });
        }
        assert_eq!(hystart.stage, Stage::SlowStart);
    }

    #[test]
    fn a_delay_that_falls_again_returns_to_slow_start() {
        let mut hystart = after_rounds(&[(10, 80), (20, 100), (20, 100)]);
        assert!(is_conservative(&hystart));
        round(&mut hystart, 20, 99);
        assert_eq!(hystart.stage, Stage::SlowStart);
        assert!(!hystart.is_over());
    }

    #[test]
    fn five_rounds_end_it() {
        let mut hystart = after_rounds(&[(10, 80), (20, 100)]);
        for rounds in 1..5 {
            round(&mut hystart, 20, 100);
            assert!(!hystart.is_over(), "after {rounds} rounds");
        }
        round(&mut hystart, 1, 100);
        assert!(hystart.is_over());
        // For good.
        round(&mut hystart, 20, 10);
        assert!(hystart.is_over());
        assert_eq!(hystart.growth(&delivered(MSS), MSS), 0);
    }

    #[test]
    fn an_acknowledgement_without_a_measurement_ends_a_round_and_is_no_sample() {
        let mut hystart = after_rounds(&[(10, 80), (20, 100)]);
        for _ in 0..5 {
            let end = hystart.window_end.unwrap_or(0);
            hystart.on_ack(&AckSample::of_round(Instant::ZERO, end, end + 1));
        }
        assert!(hystart.is_over());
        assert_eq!(hystart.samples, 0);
    }

    #[test]
    fn growth_is_limited_unless_paced_and_a_quarter_when_conservative() {
        let burst = delivered(20 * MSS);
        let paced = AckSample {
            paced: true,
            ..burst
        };
        let hystart = HyStart::default();
        assert_eq!(hystart.growth(&delivered(2 * MSS), MSS), 2 * MSS);
        assert_eq!(hystart.growth(&burst, MSS), 8 * MSS);
        assert_eq!(hystart.growth(&paced, MSS), 20 * MSS);
        let hystart = after_rounds(&[(10, 80), (20, 100)]);
        assert_eq!(hystart.growth(&burst, MSS), 2 * MSS);
        assert_eq!(hystart.growth(&paced, MSS), 5 * MSS);
    }
}
