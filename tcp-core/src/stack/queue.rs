//! A queue of slots in which each slot stands at most once, and which it can leave at any time.

use alloc::vec::Vec;
use core::iter;

/// First in, first out, over slot numbers. Its memory is bounded by the greatest slot number ever
/// queued, and every operation takes the same time however many are queued: the links of a doubly
/// linked list, kept in a vector.
#[derive(Clone, Debug)]
pub(super) struct SlotQueue {
    links: Vec<Link>,
    first: u32,
    last: u32,
    len: usize,
}

/// The neighbours of a slot in the queue: [`NIL`] where there is none.
#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
}

/// The number that stands for no slot.
const NIL: u32 = u32::MAX;

impl Link {
    /// Of a slot that is not queued: its own neighbour.
    const fn unqueued(slot: u32) -> Self {
        Link {
            previous: slot,
            next: NIL,
        }
    }
}

impl SlotQueue {
    pub(super) const fn new() -> Self {
        SlotQueue {
            links: Vec::new(),
            first: NIL,
            last: NIL,
            len: 0,
        }
    }

    pub(super) const fn front(&self) -> Option<u32> {
        if self.first == NIL {
            None
        } else {
            Some(self.first)
        }
    }

    /// The slots from the first to the last.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let next = |slot: &u32| {
            let link = self.links.get(*slot as usize)?;
            (link.next != NIL).then_some(link.next)
        };
        iter::successors(self.front(), next)
    }

    /// Number of slots queued.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether `slot` is queued.
    #[inline]
    pub(super) fn is_queued(&self, slot: u32) -> bool {
        let link = self.links.get(slot as usize);
        link.is_some_and(|link| link.previous != slot)
    }

    /// Appends `slot`, unless it is queued already: then it keeps its place.
    #[inline]
    pub(super) fn push_back(&mut self, slot: u32) {
        if !self.is_queued(slot) {
            self.append(slot);
        }
    }

    /// Appends `slot`, which is not queued.
    #[inline(never)]
    fn append(&mut self, slot: u32) {
        if slot as usize >= self.links.len() {
            let held = self.links.len() as u32;
            self.links.extend((held..=slot).map(Link::unqueued));
        }
        self.links[slot as usize] = Link {
            previous: self.last,
            next: NIL,
        };
        match self.links.get_mut(self.last as usize) {
            Some(last) => last.next = slot,
            None => self.first = slot,
        }
        self.last = slot;
        self.len += 1;
    }

    /// Appends `slot`; it gives up its place where it is queued already.
    pub(super) fn move_to_back(&mut self, slot: u32) {
        if self.last != slot {
            self.remove(slot);
            self.push_back(slot);
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<u32> {
        let slot = self.front()?;
        self.remove(slot);
        Some(slot)
    }

    /// Takes `slot` out; does nothing where it is not queued.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) {
        if self.is_queued(slot) {
            self.take_out(slot);
        }
    }

    #[inline(never)]
    fn take_out(&mut self, slot: u32) {
        let Some(link) = self.links.get_mut(slot as usize) else {
            return;
        };
        let Link { previous, next } = *link;
        *link = Link::unqueued(slot);
        match self.links.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => self.first = next,
        }
        match self.links.get_mut(next as usize) {
            Some(next) => next.previous = previous,
            None => self.last = previous,
        }
        self.len -= 1;
    }
}

impl Default for SlotQueue {
    fn default() -> Self {
        SlotQueue::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Push(u32),
        MoveToBack(u32),
        Pop,
        Remove(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u32..12).prop_map(Step::Push),
            (0u32..12).prop_map(Step::MoveToBack),
            Just(Step::Pop),
            (0u32..12).prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_deque_without_duplicates(steps in prop::collection::vec(step(), 0..200)) {
            let mut queue = SlotQueue::new();
            let mut model = VecDeque::new();
            for step in steps {
                match step {
                    Step::Push(slot) => {
                        queue.push_back(slot);
                        if !model.contains(&slot) {
                            model.push_back(slot);
                        }
                    }
                    Step::MoveToBack(slot) => {
                        queue.move_to_back(slot);
                        model.retain(|&other| other != slot);
                        model.push_back(slot);
                    }
                    Step::Pop => prop_assert_eq!(queue.pop_front(), model.pop_front()),
                    Step::Remove(slot) => {
                        queue.remove(slot);
                        model.retain(|&other| other != slot);
                    }
                }
                prop_assert_eq!(queue.front(), model.front().copied());
                prop_assert_eq!(queue.len(), model.len());
            }
            while let Some(slot) = queue.pop_front() {
                prop_assert_eq!(Some(slot), model.pop_front());
            }
            prop_assert!(model.is_empty());
        }
    }
}
