//! The four-tuples that were looked for last, and what was found: at any time few flows are busy.

use alloc::vec;
use alloc::vec::Vec;

use super::tuple::FourTuple;

/// A table in which each four-tuple has one place, which it shares with many. Who chooses tuples that share one
/// makes others be looked for anew, and no more.
#[derive(Clone, Debug)]
pub(super) struct Recent<R> {
    looks: Vec<Option<Look<R>>>,
}

/// What is known of a four-tuple.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<R> {
    pub(super) tuple: FourTuple,
    /// Under the demultiplexer's key.
    pub(super) hash: u64,
    /// Where its segments go.
    pub(super) record: Option<R>,
}

/// Places, as a power of two.
const BITS: u32 = 7;

impl<R: Copy> Recent<R> {
    pub(super) fn new() -> Self {
        Recent {
            looks: vec![None; 1 << BITS],
        }
    }

    #[inline]
    pub(super) fn get(&self, tuple: &FourTuple) -> Option<&Look<R>> {
        let look = self.looks[place(tuple)].as_ref();
        look.filter(|look| look.tuple == *tuple)
    }

    #[inline]
    pub(super) fn put(&mut self, look: Look<R>) {
        self.looks[place(&look.tuple)] = Some(look);
    }
}

/// By Fibonacci hashing.
#[inline]
fn place(tuple: &FourTuple) -> usize {
    (tuple.mixed().wrapping_mul(0x9e37_79b9) >> (u32::BITS - BITS)) as usize
}
