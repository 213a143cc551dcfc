//! What a link has done so far, in numbers.

use serde::Serialize;

use super::fate::DropReason;

/// Counters of one direction of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct LinkStats {
    /// Packets that were sent, lost ones included.
    pub sent: u64,
    /// Bytes of them, IP headers included.
    pub sent_bytes: u64,
    /// Packets that arrived, duplicates included.
    pub delivered: u64,
    /// Bytes of them.
    pub delivered_bytes: u64,
    /// Packets that will not arrive, by reason.
    pub dropped: Drops,
    /// Copies that were made.
    pub duplicated: u64,
    /// Packets that were made late, so that others may pass them.
    pub reordered: u64,
    /// Packets with a bit inverted.
    pub corrupted: u64,
    /// Packets marked 'congestion experienced'.
    pub marked: u64,
    /// Packets whose header the middlebox changed.
    pub rewritten: u64,
    /// Packets that the middlebox made several of.
    pub split: u64,
    /// Packets that became part of another.
    pub merged: u64,
    /// Most packets that have waited at a time.
    pub max_queue_packets: usize,
    /// Most bytes that have waited at a time.
    pub max_queue_bytes: usize,
}

/// How much waits in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct QueueLen {
    /// Packets, without the one that is being sent.
    pub packets: usize,
    /// Bytes of them.
    pub bytes: usize,
}

/// Packets that did not arrive, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Drops {
    /// See [`DropReason::Script`].
    pub script: u64,
    /// See [`DropReason::Loss`].
    pub loss: u64,
    /// See [`DropReason::Blackhole`].
    pub blackhole: u64,
    /// See [`DropReason::QueueFull`].
    pub queue_full: u64,
    /// See [`DropReason::Aqm`].
    pub aqm: u64,
    /// See [`DropReason::TooBig`].
    pub too_big: u64,
}

impl Drops {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.script + self.loss + self.blackhole + self.queue_full + self.aqm + self.too_big
    }

    pub(super) fn count(&mut self, reason: DropReason) {
        *match reason {
            DropReason::Script => &mut self.script,
            DropReason::Loss => &mut self.loss,
            DropReason::Blackhole => &mut self.blackhole,
            DropReason::QueueFull => &mut self.queue_full,
            DropReason::Aqm => &mut self.aqm,
            DropReason::TooBig => &mut self.too_big,
        } += 1;
    }
}
