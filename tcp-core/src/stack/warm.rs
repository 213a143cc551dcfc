//! The memory of buffers in which nothing is.
//!
//! A flow that empties its buffers again and again would ask for their memory each time; a connection
//! that has fallen idle should hold none. Nobody can tell one from the other when a buffer runs empty,
//! so the last few connections keep their memory, and each that comes to them takes the place of one; none
//! does while memory is scarce.

use super::Stack;

/// So many connections may have buffers with nothing in them.
pub(super) const MOST: usize = 8;

/// The slots of connections that may hold memory of empty buffers.
#[derive(Clone, Debug)]
pub(super) struct Warm {
    slots: [Option<u32>; MOST],
    /// Who has been here longest.
    oldest: usize,
}

impl Warm {
    pub(super) fn new() -> Warm {
        Warm {
            slots: [None; MOST],
            oldest: 0,
        }
    }

    /// Adds a slot, if it is not there; gives the one that had to leave for it.
    fn add(&mut self, index: u32) -> Option<u32> {
        if self.slots.contains(&Some(index)) {
            return None;
        }
        let left = self.slots[self.oldest].replace(index);
        self.oldest = (self.oldest + 1) % MOST;
        left
    }
}

impl Stack {
    /// To be called when a connection has buffers with nothing in them.
    pub(super) fn keep_warm(&mut self, index: u32) {
        // Who is in that slot by now does not matter: it can get its memory anew.
        let left = if self.headroom().is_plenty() {
            self.warm.add(index)
        } else {
            Some(index)
        };
        // One that waits to be asked for what it has to say is looked at then: what it holds by now is not in the books,
        // and may be more than there is room for.
        if let Some(left) = left
            && (left == index || !self.is_to_be_noted(left))
        {
            self.cool(left);
        }
    }

    /// To be called when memory becomes scarce.
    pub(super) fn cool_all(&mut self) {
        let warm = core::mem::replace(&mut self.warm, Warm::new());
        for slot in warm.slots.into_iter().flatten() {
            self.cool(slot);
        }
    }

    fn cool(&mut self, slot: u32) {
        if let Some(entry) = self.connections.get_mut(slot) {
            entry.resident.give_back_spare_memory();
            self.note_held(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_there_longest_leaves() {
        let mut warm = Warm::new();
        for index in 0..MOST as u32 {
            assert_eq!(warm.add(index), None);
            assert_eq!(warm.add(0), None);
        }
        assert_eq!(warm.add(100), Some(0));
        assert_eq!(warm.add(0), Some(1));
    }
}
