//! Which states have been reached, and how.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use super::action::Action;
use super::digest::{Low, SHARDS, shard_of};

/// How a state was reached: from the state with this number, by this action.
pub(super) type Origin = (u32, Action);

/// The digests of all states reached, in shards that threads fill at the same time.
pub(super) struct Seen {
    pub(super) shards: Vec<HashSet<u128, BuildHasherDefault<Low>>>,
}

impl Seen {
    pub(super) fn new() -> Seen {
        Seen {
            shards: (0..SHARDS).map(|_| HashSet::default()).collect(),
        }
    }

    pub(super) fn contains(&self, digest: u128) -> bool {
        self.shards[shard_of(digest)].contains(&digest)
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(HashSet::len).sum()
    }
}

/// The way to each state, by number; the first state has none.
#[derive(Default)]
pub(super) struct Origins(Vec<Origin>);

impl Origins {
    /// Numbers the next state.
    pub(super) fn push(&mut self, origin: Origin) -> u32 {
        self.0.push(origin);
        // The first state is number 0, and not in the list.
        self.0.len() as u32
    }

    /// The actions that lead to the state with this number.
    pub(super) fn way_to(&self, number: u32) -> Vec<Action> {
        let mut way = Vec::new();
        let mut at = number;
        while let Some((before, action)) = (at as usize).checked_sub(1).map(|index| self.0[index]) {
            way.push(action);
            at = before;
        }
        way.reverse();
        way
    }
}
