//! Storage with stable indices and names that never come back.

use alloc::vec::Vec;

/// Values in slots. A value keeps its index for life; the index together with the slot's
/// generation is a [`SlotId`], which no later value of the same slot has.
///
/// Slots come in pages, so that growing moves nothing and leaves no more than a page unused.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    pages: Vec<Vec<Slot<T>>>,
    /// The first of the chain of vacant slots.
    vacant: Option<u32>,
    len: usize,
}

/// Names one value of a slab for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SlotId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    /// How many values the slot has held before the present or next one.
    generation: u32,
    content: Content<T>,
}

#[derive(Clone, Debug)]
enum Content<T> {
    Occupied(T),
    Vacant { next: Option<u32> },
}

/// Slots of a page.
const PAGE_LEN: usize = 64;

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Slab {
            pages: Vec::new(),
            vacant: None,
            len: 0,
        }
    }

    /// Number of values.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, value: T) -> SlotId {
        self.len += 1;
        if let Some(index) = self.vacant
            && let Some(slot) = self.slot_mut(index)
            && let Content::Vacant { next } = slot.content
        {
            slot.content = Content::Occupied(value);
            let generation = slot.generation;
            self.vacant = next;
            return SlotId { index, generation };
        }
        self.append(Slot {
            generation: 0,
            content: Content::Occupied(value),
        })
    }

    fn append(&mut self, slot: Slot<T>) -> SlotId {
        let generation = slot.generation;
        let full = self.pages.last().is_none_or(|page| page.len() == PAGE_LEN);
        if full {
            // The first grows as it must: most slabs stay small.
            let capacity = if self.pages.is_empty() { 0 } else { PAGE_LEN };
            self.pages.push(Vec::with_capacity(capacity));
        }
        let before = (self.pages.len() - 1) * PAGE_LEN;
        let page = self
            .pages
            .last_mut()
            .expect("one was pushed if there was none");
        let index = u32::try_from(before + page.len())
            .expect("memory ends long before four thousand million slots");
        page.push(slot);
        SlotId { index, generation }
    }

    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        let index = index as usize;
        self.pages.get(index / PAGE_LEN)?.get(index % PAGE_LEN)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        let index = index as usize;
        self.pages
            .get_mut(index / PAGE_LEN)?
            .get_mut(index % PAGE_LEN)
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<T> {
        let page = self.pages.get_mut(index as usize / PAGE_LEN)?;
        let slot = page.get_mut(index as usize % PAGE_LEN)?;
        if matches!(slot.content, Content::Vacant { .. }) {
            return None;
        }
        // A slot whose generations are used up is never filled again: it stays out of the chain.
        let next = match slot.generation.checked_add(1) {
            Some(generation) => {
                slot.generation = generation;
                self.vacant.replace(index)
            }
            None => None,
        };
        self.len -= 1;
        match core::mem::replace(&mut slot.content, Content::Vacant { next }) {
            Content::Occupied(value) => Some(value),
            Content::Vacant { .. } => None,
        }
    }

    pub(super) fn get(&self, index: u32) -> Option<&T> {
        match self.slot(index)?.content {
            Content::Occupied(ref value) => Some(value),
            Content::Vacant { .. } => None,
        }
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        match self.slot_mut(index)?.content {
            Content::Occupied(ref mut value) => Some(value),
            Content::Vacant { .. } => None,
        }
    }

    /// The value that `key` names, if it still exists.
    pub(super) fn get_key(&self, key: SlotId) -> Option<&T> {
        let slot = self.slot(key.index)?;
        match slot.content {
            Content::Occupied(ref value) if slot.generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The value that `key` names, if it still exists.
    pub(super) fn get_key_mut(&mut self, key: SlotId) -> Option<&mut T> {
        let slot = self.slot_mut(key.index)?;
        match slot.content {
            Content::Occupied(ref mut value) if slot.generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The value at `index`, with its full name.
    pub(super) fn named_mut(&mut self, index: u32) -> Option<(SlotId, &mut T)> {
        let slot = self.slot_mut(index)?;
        let generation = slot.generation;
        match slot.content {
            Content::Occupied(ref mut value) => Some((SlotId { index, generation }, value)),
            Content::Vacant { .. } => None,
        }
    }

    /// The full name of the value at `index`.
    pub(super) fn key(&self, index: u32) -> Option<SlotId> {
        let slot = self.slot(index)?;
        matches!(slot.content, Content::Occupied(_)).then_some(SlotId {
            index,
            generation: slot.generation,
        })
    }

    /// Every value with its name, in the order of the slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SlotId, &T)> {
        (0u32..)
            .zip(self.pages.iter().flatten())
            .filter_map(|(index, slot)| {
                let Content::Occupied(value) = &slot.content else {
                    return None;
                };
                let generation = slot.generation;
                Some((SlotId { index, generation }, value))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[test]
    fn a_key_does_not_outlive_its_value() {
        let mut slab = Slab::new();
        let old = slab.insert('a');
        assert_eq!(slab.remove(old.index), Some('a'));
        let new = slab.insert('b');
        assert_eq!(old.index, new.index, "slots are used again");
        assert_eq!(slab.get_key(old), None);
        assert_eq!(slab.get_key(new), Some(&'b'));
        assert_eq!(slab.get_key_mut(old), None);
        assert_eq!(slab.get_key_mut(new), Some(&mut 'b'));
        assert_eq!(slab.named_mut(new.index), Some((new, &mut 'b')));
        assert_eq!(slab.key(new.index), Some(new));
    }

    #[test]
    fn a_slot_without_generations_left_is_retired() {
        let mut slab = Slab::new();
        let first = slab.insert(());
        slab.pages[0][0].generation = u32::MAX;
        assert_eq!(slab.remove(first.index), Some(()));
        let second = slab.insert(());
        assert_ne!(first.index, second.index);
        assert_eq!(slab.get(first.index), None);
        assert_eq!(slab.remove(first.index), None);
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn slots_of_every_page_are_found_and_used_again() {
        let mut slab = Slab::new();
        let count = 3 * PAGE_LEN as u32 + 1;
        for number in 0..count {
            assert_eq!(slab.insert(number).index, number);
        }
        assert!(slab.iter().map(|(_, &number)| number).eq(0..count));
        for number in (0..count).rev() {
            assert_eq!(slab.remove(number), Some(number));
        }
        assert_eq!(slab.get(count), None);
        assert!((0..count).all(|number| slab.insert(number).index == number));
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_map_from_keys(steps in prop::collection::vec(prop::option::of(0u32..8), 0..200)) {
            let mut slab = Slab::new();
            let mut model = BTreeMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    None => {
                        let key = slab.insert(number);
                        prop_assert!(model.insert(key.index, (key, number)).is_none());
                    }
                    Some(index) => {
                        let expected = model.remove(&index).map(|(_, value)| value);
                        prop_assert_eq!(slab.remove(index), expected);
                    }
                }
                prop_assert_eq!(slab.len(), model.len());
                let seen: Vec<_> = slab.iter().map(|(key, value)| (key, *value)).collect();
                let expected: Vec<_> = model.values().copied().collect();
                prop_assert_eq!(seen, expected);
            }
        }
    }
}
