//! The queues of an interface, each with a stack of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tcp_core::ValidConfig;

use super::Shared;

/// One queue in the most cases; several share the interface's addresses, and each flow is one's own.
pub(crate) struct Queues {
    /// At least one.
    queues: Box<[Arc<Shared>]>,
    /// Where the next connection of ours is tried first.
    turn: AtomicUsize,
}

impl Queues {
    pub(super) fn new(queues: Vec<Arc<Shared>>) -> Queues {
        let turn = AtomicUsize::new(0);
        Queues {
            queues: queues.into(),
            turn,
        }
    }

    /// How connections and listeners behave that are not told otherwise.
    pub(crate) fn tcp_config(&self) -> &ValidConfig {
        &self.queues[0].tcp
    }

    /// In the order in which a flow's owner counts them.
    pub(crate) fn all(&self) -> &[Arc<Shared>] {
        &self.queues
    }

    /// All of them, beginning with another one each time.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = &Arc<Shared>> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.queues.len();
        let (before, after) = self.queues.split_at(first);
        after.iter().chain(before)
    }
}
