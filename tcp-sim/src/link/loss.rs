//! Loss at random: by itself, or in bursts.

use super::config::{GilbertElliott, LossConfig};
use super::random::{Feature, Random};
use crate::units::Probability;

/// Which packets are lost.
#[derive(Clone, Debug)]
pub(super) enum Loss {
    /// None.
    Never,
    /// Each by itself.
    Independent(Probability, Random),
    /// By the state of the channel.
    GilbertElliott(GilbertElliott, Channel, Random),
}

/// The state of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Channel {
    Good,
    Bad,
}

impl Loss {
    pub(super) fn new(config: LossConfig, seed: u64) -> Loss {
        let random = Random::new(seed, Feature::Loss);
        match config {
            LossConfig::Independent(Probability::ZERO) => Loss::Never,
            LossConfig::Independent(probability) => Loss::Independent(probability, random),
            LossConfig::GilbertElliott(model) => Loss::GilbertElliott(model, Channel::Good, random),
        }
    }

    /// Whether the next packet is lost.
    pub(super) fn next(&mut self) -> bool {
        match self {
            Loss::Never => false,
            Loss::Independent(probability, random) => random.happens(*probability),
            Loss::GilbertElliott(model, channel, random) => {
                let (change, other) = match channel {
                    Channel::Good => (model.to_bad, Channel::Bad),
                    Channel::Bad => (model.to_good, Channel::Good),
                };
                if random.happens(change) {
                    *channel = other;
                }
                random.happens(match channel {
                    Channel::Good => model.in_good,
                    Channel::Bad => model.in_bad,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(value: f64) -> Probability {
        Probability::new(value).unwrap()
    }

    fn fates(config: LossConfig, seed: u64, packets: usize) -> Vec<bool> {
        let mut loss = Loss::new(config, seed);
        (0..packets).map(|_| loss.next()).collect()
    }

    fn count(fates: &[bool]) -> usize {
        fates.iter().filter(|lost| **lost).count()
    }

    #[test]
    fn independent_losses_are_as_many_as_said() {
        let half_percent = fates(LossConfig::Independent(p(0.005)), 1, 1_000_000);
        // Four standard deviations of a binomial distribution are 282.
        assert!(count(&half_percent).abs_diff(5_000) < 282);
        // Two in a row are as rare as chance has it: 25 on average.
        let pairs = half_percent.windows(2).filter(|it| it[0] && it[1]).count();
        assert!((8..45).contains(&pairs), "{pairs}");
        let never = fates(LossConfig::default(), 1, 1_000);
        assert_eq!(count(&never), 0);
        let always = fates(LossConfig::Independent(Probability::ONE), 1, 1_000);
        assert_eq!(count(&always), 1_000);
    }

    #[test]
    fn bursts_are_as_long_and_as_many_as_said() {
        let model = GilbertElliott {
            to_bad: p(0.01),
            to_good: p(0.25),
            in_bad: Probability::ONE,
            in_good: Probability::ZERO,
        };
        let fates = fates(LossConfig::GilbertElliott(model), 5, 1_000_000);
        let lost = count(&fates);
        let bursts = fates.windows(2).filter(|it| !it[0] && it[1]).count();
        // The channel is bad for 0.01 / (0.01 + 0.25) of the time: 38,462 packets, in bursts of 4.
        assert!(lost.abs_diff(38_462) < 1_600, "{lost}");
        let mean = lost as f64 / bursts as f64;
        assert!((mean - 4.0).abs() < 0.15, "{mean}");
    }

    #[test]
    fn each_state_loses_its_own_share() {
        let model = GilbertElliott {
            to_bad: p(0.5),
            to_good: p(0.5),
            in_bad: p(0.3),
            in_good: p(0.1),
        };
        let lost = count(&fates(LossConfig::GilbertElliott(model), 6, 1_000_000));
        assert!(lost.abs_diff(200_000) < 2_500, "{lost}");
    }

    #[test]
    fn the_seed_decides() {
        let config = LossConfig::Independent(p(0.5));
        assert_eq!(fates(config, 1, 100), fates(config, 1, 100));
        assert_ne!(fates(config, 1, 100), fates(config, 2, 100));
    }
}
