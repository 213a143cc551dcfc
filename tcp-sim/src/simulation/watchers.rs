//! Those who watch a simulation.

use tcp_core::Instant;

use super::hash::TraceHash;
use crate::record::{Event, Observer};

/// The hash of the trace, and whoever else wants to see.
#[derive(Default)]
pub(super) struct Watchers {
    pub(super) hash: TraceHash,
    pub(super) others: Vec<Box<dyn Observer>>,
}

impl Observer for Watchers {
    fn observe(&mut self, at: Instant, event: &Event<'_>) {
        self.hash.observe(at, event);
        for other in &mut self.others {
            other.observe(at, event);
        }
    }

    fn wants_connections(&self) -> bool {
        self.others.iter().any(|other| other.wants_connections())
    }
}
