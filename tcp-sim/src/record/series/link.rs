//! One direction of a link.

use std::collections::BTreeMap;

use tcp_core::Instant;

use super::line::Line;
use crate::link::{DropReason, Fate};

/// What one direction of a link did.
#[derive(Clone, Debug)]
pub struct LinkSeries {
    /// Packets that were put on it.
    pub packets: u64,
    /// Bytes of them, IP headers included.
    pub bytes: u64,
    /// Packets that came to its end.
    pub arrived: u64,
    /// Packets that it dropped, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Packets in its queue.
    pub queue: Line,
    /// The most bytes that were in its queue.
    pub queue_bytes: u64,
}

impl LinkSeries {
    /// A link that nothing has passed.
    pub(super) fn new(limit: usize) -> LinkSeries {
        LinkSeries {
            packets: 0,
            bytes: 0,
            arrived: 0,
            dropped: BTreeMap::new(),
            queue: Line::new(limit),
            queue_bytes: 0,
        }
    }

    /// A packet was put on it.
    pub(super) fn sent(&mut self, packet: &[u8], fate: &Fate) {
        self.packets += 1;
        self.bytes += packet.len() as u64;
        if let Some(reason) = fate.dropped {
            self.dropped(reason);
        }
    }

    /// It dropped a packet.
    pub(super) fn dropped(&mut self, reason: DropReason) {
        *self.dropped.entry(reason).or_default() += 1;
    }

    /// Its queue holds so much.
    pub(super) fn queued(&mut self, at: Instant, packets: usize, bytes: usize) {
        self.queue.set(at, packets as u64);
        self.queue_bytes = self.queue_bytes.max(bytes as u64);
    }
}
