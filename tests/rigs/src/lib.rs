//! A connection, a stack and a conversation under fire: what random tests and fuzzing do to them, and what
//! must hold all the while.
//!
//! A plan says what happens, and is drawn by proptest; whoever has bytes instead of a random generator draws it
//! by [`draw`] and [`draw_each`].

#![allow(missing_docs, reason = "parts of tests, whose names say what they are")]

pub mod connection;
pub mod conversation;
pub mod plan;
pub mod stack;

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tcp_core::BufferSize;

/// Bytes that decide one draw of many.
pub const SEED: usize = 8;

/// The value that a strategy draws where these bytes are the seed of its random numbers, those that are missing zeros;
/// `None` where the strategy refuses what it has drawn.
pub fn draw<T: Debug>(strategy: &impl Strategy<Value = T>, bytes: &[u8]) -> Option<T> {
    let mut seed = [0; 32];
    let len = bytes.len().min(seed.len());
    seed[..len].copy_from_slice(&bytes[..len]);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = strategy.new_tree(&mut runner).ok()?;
    Some(tree.current())
}

/// One value for every [`SEED`] bytes: who changes some of them changes one value and leaves the others, who moves them
/// moves values.
pub fn draw_each<T: Debug>(strategy: &impl Strategy<Value = T>, bytes: &[u8]) -> Vec<T> {
    let seeds = bytes.chunks(SEED);
    seeds.filter_map(|seed| draw(strategy, seed)).collect()
}

/// Of any two sizes that follow each other, one may grow to eight times itself.
pub fn buffer_size(initial: usize) -> BufferSize {
    if initial.is_multiple_of(2) {
        BufferSize::Auto {
            initial,
            max: 8 * initial,
        }
    } else {
        BufferSize::Fixed(initial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seed_decides_one_draw() {
        let drawn = |bytes: &[u8]| -> Vec<String> {
            let steps = draw_each(&any::<plan::Step>(), bytes);
            steps.iter().map(|step| format!("{step:?}")).collect()
        };
        let [zeros, ones] = [[0; SEED], [1; SEED]];
        let (first, second) = (drawn(&zeros), drawn(&ones));
        assert_ne!(first, second);
        assert_eq!(drawn(&[zeros, ones].concat()), [first, second].concat());
    }
}
