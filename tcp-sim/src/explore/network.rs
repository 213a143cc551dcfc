//! One direction of the network.

use std::collections::VecDeque;

use super::machine::Packet;

/// What is under way to one side.
#[derive(Clone, Hash, Debug, Default)]
pub(super) struct Link {
    /// In the order in which they were sent.
    queue: VecDeque<Packet>,
    /// What may arrive at any time, in the order in which it was set aside.
    stragglers: Vec<Packet>,
}

impl Link {
    /// A segment was sent.
    pub(super) fn send(&mut self, packet: Packet) {
        self.queue.push_back(packet);
    }

    /// The segment that arrives next, if no straggler does.
    pub(super) fn oldest(&self) -> Option<&Packet> {
        self.queue.front()
    }

    pub(super) fn take_oldest(&mut self) -> Option<Packet> {
        self.queue.pop_front()
    }

    /// Sets a segment aside, to arrive at any later time.
    pub(super) fn detain(&mut self, packet: Packet) {
        self.stragglers.push(packet);
    }

    pub(super) fn straggler(&self, index: usize) -> Option<&Packet> {
        self.stragglers.get(index)
    }

    pub(super) fn take_straggler(&mut self, index: usize) -> Option<Packet> {
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
