//! A connection, a stack and a conversation under fire: what random tests and fuzzing do to them, and what
//! must hold all the while.
//!
//! A plan says what happens, and is drawn by proptest; whoever has bytes instead of a random generator draws it
//! by [`draw`].

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

/// The value that a strategy draws where its random numbers are these bytes, and zeros after them; `None` where
/// the strategy refuses what it has drawn.
pub fn draw<T: Debug>(strategy: &impl Strategy<Value = T>, bytes: &[u8]) -> Option<T> {
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = strategy.new_tree(&mut runner).ok()?;
    Some(tree.current())
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
