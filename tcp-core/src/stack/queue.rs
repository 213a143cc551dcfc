//! A queue of slots in which each slot stands at most once, and which it can leave at any time.

use alloc::vec::Vec;

/// First in, first out, over slot numbers. Its memory is bounded by the greatest slot number ever
/// queued, and every operation takes the same time however many are queued: the links of a doubly
/// linked list, kept in a vector.
#[derive(Clone, Debug, Default)]
pub(super) struct SlotQueue {
    links: Vec<Link>,
    first: Option<u32>,
    last: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    queued: bool,
    previous: Option<u32>,
    next: Option<u32>,
}

impl SlotQueue {
    pub(super) const fn new() -> Self {
        SlotQueue {
            links: Vec::new(),
            first: None,
            last: None,
        }
    }

    pub(super) const fn front(&self) -> Option<u32> {
        self.first
    }

    /// Appends `slot`, unless it is queued already: then it keeps its place.
    pub(super) fn push_back(&mut self, slot: u32) {
        let index = slot as usize;
        if index >= self.links.len() {
            self.links.resize(index + 1, Link::default());
        }
        if self.links[index].queued {
            return;
        }
        self.links[index] = Link {
            queued: true,
            previous: self.last,
            next: None,
        };
        match self.last {
            Some(last) => self.links[last as usize].next = Some(slot),
            None => self.first = Some(slot),
        }
        self.last = Some(slot);
    }

    pub(super) fn pop_front(&mut self) -> Option<u32> {
        let slot = self.first?;
        self.remove(slot);
        Some(slot)
    }

    /// Takes `slot` out; does nothing where it is not queued.
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(link) = self.links.get_mut(slot as usize) else {
            return;
        };
        let Link {
            queued: true,
            previous,
            next,
        } = core::mem::take(link)
        else {
            return;
        };
        match previous {
            Some(previous) => self.links[previous as usize].next = next,
            None => self.first = next,
        }
        match next {
            Some(next) => self.links[next as usize].previous = previous,
            None => self.last = previous,
        }
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
        Pop,
        Remove(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u32..12).prop_map(Step::Push),
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
                    Step::Pop => prop_assert_eq!(queue.pop_front(), model.pop_front()),
                    Step::Remove(slot) => {
                        queue.remove(slot);
                        model.retain(|&other| other != slot);
                    }
                }
                prop_assert_eq!(queue.front(), model.front().copied());
            }
            while let Some(slot) = queue.pop_front() {
                prop_assert_eq!(Some(slot), model.pop_front());
            }
            prop_assert!(model.is_empty());
        }
    }
}
