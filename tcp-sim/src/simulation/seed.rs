//! One seed for each thing that is random, all from that of the scenario.

use crate::pattern::mix;

/// What a seed is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Secret = 1,
    Link = 2,
    Pattern = 3,
}

/// The seed of the `index`th thing of a kind; no two are alike, and none tells of another.
pub(super) fn split(seed: u64, purpose: Purpose, index: u64) -> u64 {
    mix(mix(mix(seed) ^ purpose as u64).wrapping_add(index))
}

/// The secret of a host's stack.
pub(super) fn secret(seed: u64, host: usize) -> [u8; 32] {
    let mut secret = [0; 32];
    let (words, _) = secret.as_chunks_mut::<8>();
    for (index, word) in words.iter_mut().enumerate() {
        *word = split(seed, Purpose::Secret, (host * 4 + index) as u64).to_le_bytes();
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_seeds_are_alike() {
        let mut seeds = BTreeSet::new();
        for seed in 0..10 {
            for purpose in [Purpose::Secret, Purpose::Link, Purpose::Pattern] {
                seeds.extend((0..10).map(|index| split(seed, purpose, index)));
            }
        }
        assert_eq!(seeds.len(), 300);
        assert_ne!(secret(1, 0), secret(1, 1));
    }
}
