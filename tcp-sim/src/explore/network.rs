//! One direction of the network.

use std::collections::VecDeque;
use std::sync::Arc;

use super::machine::Packet;

/// What is under way to one side; states share the segments.
#[derive(Clone, Hash, Debug, Default)]
pub(super) struct Link {
    /// In the order in which they were sent.
    queue: VecDeque<Arc<Packet>>,
    /// What may arrive at any time, in the order in which it was set aside.
    stragglers: Vec<Arc<Packet>>,
}

impl Link {
    /// A segment was sent.
    pub(super) fn send(&mut self, packet: Arc<Packet>) {
        self.queue.push_back(packet);
    }

    /// The segment that arrives next, if no straggler does.
    pub(super) fn oldest(&self) -> Option<&Arc<Packet>> {
        self.queue.front()
    }

    pub(super) fn take_oldest(&mut self) -> Option<Arc<Packet>> {
        self.queue.pop_front()
    }

    /// Sets a segment aside, to arrive at any later time.
    pub(super) fn detain(&mut self, packet: Arc<Packet>) {
        self.stragglers.push(packet);
    }

    pub(super) fn straggler(&self, index: usize) -> Option<&Arc<Packet>> {
        self.stragglers.get(index)
    }

    pub(super) fn take_straggler(&mut self, index: usize) -> Option<Arc<Packet>> {
        (index < self.stragglers.len()).then(|| self.stragglers.remove(index))
    }

    pub(super) fn stragglers(&self) -> usize {
        self.stragglers.len()
    }

    /// Segments under way.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + self.stragglers.len()
    }
}
