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
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tcp_core::BufferSize;

/// More random bytes than any plan takes.
const PADDING: usize = 1 << 16;

/// The value that a strategy draws where its random numbers are these bytes, and after them a sequence that is always the
/// same; `None` where the strategy refuses what it has drawn.
pub fn draw<T: Debug>(strategy: &impl Strategy<Value = T>, bytes: &[u8]) -> Option<T> {
    // Zeros without end, which is what the generator has after its bytes, some ranges refuse without end.
    static REST: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let rest = prop::collection::vec(any::<u8>(), PADDING);
        let tree = rest.new_tree(&mut TestRunner::deterministic());
        tree.expect("any bytes will do").current()
    });
    let seed = [bytes, &REST].concat();
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, &seed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide_what_is_drawn_and_few_are_enough() {
        let plan = prop::collection::vec(any::<plan::Step>(), 1..60);
        let drawn = |bytes: &[u8]| format!("{:?}", draw(&plan, bytes));
        assert_eq!(drawn(&[]), drawn(&[]));
        assert_ne!(drawn(&[0; 400]), drawn(&[255; 400]));
    }
}
