//! Random numbers of a link: each feature has its own, so that turning one on leaves what the
//! others draw as it was.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::units::Probability;

/// Who draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Feature {
    Loss,
    Duplicate,
    Reorder,
    Corrupt,
    Jitter,
    Red,
}

/// The numbers of one feature.
#[derive(Clone, Debug)]
pub(super) struct Random(Xoshiro256PlusPlus);

impl Random {
    pub(super) fn new(seed: u64, feature: Feature) -> Random {
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
        // A jump passes over 2^128 numbers, so no two features ever share one.
        for _ in 0..feature as usize {
            generator.jump();
        }
        Random(generator)
    }

    /// Whether something with this probability happens this time.
    pub(super) fn happens(&mut self, probability: Probability) -> bool {
        probability.draw(self.0.next_u64())
    }

    /// A number from 0 to below `bound`, evenly but for a share of 2^-64 × `bound`; 0 for 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(seed: u64, feature: Feature) -> Vec<u64> {
        let mut random = Random::new(seed, feature);
        (0..8).map(|_| random.below(u64::MAX)).collect()
    }

    #[test]
    fn seed_and_feature_decide() {
        assert_eq!(draws(1, Feature::Loss), draws(1, Feature::Loss));
        assert_ne!(draws(1, Feature::Loss), draws(2, Feature::Loss));
        assert_ne!(draws(1, Feature::Loss), draws(1, Feature::Red));
    }

    #[test]
    fn numbers_below_a_bound_are_even() {
        let mut random = Random::new(3, Feature::Jitter);
        let mut counts = [0u32; 10];
        for _ in 0..100_000 {
            counts[random.below(10) as usize] += 1;
        }
        // Ten thousand each; four standard deviations are 380.
        assert!(
            counts.iter().all(|it| it.abs_diff(10_000) < 380),
            "{counts:?}"
        );
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
    }
}
