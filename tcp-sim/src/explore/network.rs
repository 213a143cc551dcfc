//! One direction of the network.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use super::digest::Digested;
use super::machine::Packet;

/// A segment under way, shared by all states that it is under way in.
pub(super) type Parcel = Arc<Digested<Packet>>;

/// What is under way to one side.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    /// In the order in which they were sent.
    queue: SmallVec<[Parcel; 4]>,
    /// What may arrive at any time: a multiset, in the order of digests.
    stragglers: SmallVec<[Parcel; 2]>,
}

impl Link {
    /// A segment was sent.
    pub(super) fn send(&mut self, parcel: Parcel) {
        self.queue.push(parcel);
    }

    /// The segment that arrives next, if no straggler does.
    pub(super) fn oldest(&self) -> Option<&Parcel> {
        self.queue.first()
    }

    pub(super) fn take_oldest(&mut self) -> Option<Parcel> {
        (!self.queue.is_empty()).then(|| self.queue.remove(0))
    }

    /// Sets a segment aside, to arrive at any later time.
    pub(super) fn detain(&mut self, parcel: Parcel) {
        let at = self
            .stragglers
            .partition_point(|it| it.digest() < parcel.digest());
        self.stragglers.insert(at, parcel);
    }

    pub(super) fn straggler(&self, index: u8) -> Option<&Parcel> {
        self.stragglers.get(usize::from(index))
    }

    pub(super) fn take_straggler(&mut self, index: u8) -> Option<Parcel> {
        let index = usize::from(index);
        (index < self.stragglers.len()).then(|| self.stragglers.remove(index))
    }

    /// One number for each straggler that is unlike the others.
    pub(super) fn distinct_stragglers(&self) -> impl Iterator<Item = u8> {
        let digest = |index: usize| self.stragglers[index].digest();
        (0..self.stragglers.len())
            .filter(move |&index| index == 0 || digest(index) != digest(index - 1))
            .map(|index| index as u8)
    }

    /// Segments under way.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + self.stragglers.len()
    }
}

impl Hash for Link {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.queue.len());
        state.write_usize(self.stragglers.len());
        for parcel in self.queue.iter().chain(&self.stragglers) {
            state.write_u128(parcel.digest());
        }
    }
}
