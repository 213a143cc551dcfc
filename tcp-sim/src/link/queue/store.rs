//! What waits in a queue, whatever decides about it.

use std::collections::VecDeque;

use tcp_core::Instant;

use crate::link::ecn;
use crate::link::passage::Passage;

/// What is done to packets that say they are ECN-capable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Marking {
    /// They are dropped like all others.
    Never,
    /// They are marked instead.
    Ecn,
}

/// A packet that waits.
#[derive(Clone, Debug)]
pub(in crate::link) struct Waiting {
    pub(in crate::link) packet: Vec<u8>,
    pub(in crate::link) passage: Passage,
    /// When it came.
    pub(in crate::link) since: Instant,
}

/// Packets in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Packets that were dropped at the head and not taken from here yet.
    pub(super) dropped: VecDeque<Waiting>,
    /// Packets that were marked at the head and not counted elsewhere yet.
    pub(super) marked: u64,
}

impl Store {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn first(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    pub(super) fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.packet.len();
        self.waiting.push_back(waiting);
    }

    /// Takes the first packet, and says how many bytes wait behind it.
    pub(super) fn pop(&mut self) -> Option<(Waiting, usize)> {
        let waiting = self.waiting.pop_front()?;
        self.bytes -= waiting.packet.len();
        Some((waiting, self.bytes))
    }

    /// Marks a packet if its sender can be told so that way.
    pub(super) fn mark(&mut self, waiting: &mut Waiting) -> bool {
        let marked = ecn::mark(&mut waiting.packet);
        self.marked += u64::from(marked);
        marked
    }
}
