//! Storage with stable indices and names that never come back.

use alloc::vec::Vec;

/// Values in slots. A value keeps its index for life; the index together with the slot's
/// generation is a [`SlotId`], which no later value of the same slot has.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
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

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Slab {
            slots: Vec::new(),
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
            && let Some(slot) = self.slots.get_mut(index as usize)
            && let Content::Vacant { next } = slot.content
        {
            self.vacant = next;
            slot.content = Content::Occupied(value);
            return SlotId {
                index,
                generation: slot.generation,
            };
        }
        let index = u32::try_from(self.slots.len())
            .expect("memory ends long before four thousand million slots");
        self.slots.push(Slot {
            generation: 0,
            content: Content::Occupied(value),
        });
        SlotId {
            index,
            generation: 0,
        }
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<T> {
        let slot = self.slots.get_mut(index as usize)?;
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
        match self.slots.get(index as usize)?.content {
            Content::Occupied(ref value) => Some(value),
            Content::Vacant { .. } => None,
        }
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        match self.slots.get_mut(index as usize)?.content {
            Content::Occupied(ref mut value) => Some(value),
            Content::Vacant { .. } => None,
        }
    }

    /// The value that `key` names, if it still exists.
    pub(super) fn get_key(&self, key: SlotId) -> Option<&T> {
        let slot = self.slots.get(key.index as usize)?;
        match slot.content {
            Content::Occupied(ref value) if slot.generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The full name of the value at `index`.
    pub(super) fn key(&self, index: u32) -> Option<SlotId> {
        let slot = self.slots.get(index as usize)?;
        matches!(slot.content, Content::Occupied(_)).then_some(SlotId {
            index,
            generation: slot.generation,
        })
    }

    /// Every value with its name, in the order of the slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SlotId, &T)> {
        (0u32..).zip(&self.slots).filter_map(|(index, slot)| {
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
        assert_eq!(slab.key(new.index), Some(new));
    }

    #[test]
    fn a_slot_without_generations_left_is_retired() {
        let mut slab = Slab::new();
        let first = slab.insert(());
        slab.slots[0].generation = u32::MAX;
        assert_eq!(slab.remove(first.index), Some(()));
        let second = slab.insert(());
        assert_ne!(first.index, second.index);
        assert_eq!(slab.get(first.index), None);
        assert_eq!(slab.remove(first.index), None);
        assert_eq!(slab.len(), 1);
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
