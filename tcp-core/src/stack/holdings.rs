//! The memory of all connections' buffers: how much it is, and who holds the most.

use alloc::vec::Vec;

use crate::config::MemoryLimits;
use crate::connection::Headroom;

/// The account. Connections that hold anything stand in lists by the power of two of their bytes, so that one that
/// holds at least half as much as any other is found without a search.
#[derive(Clone, Debug)]
pub(super) struct Holdings {
    total: usize,
    headroom: Headroom,
    /// Slots; those in the list at `n` hold less than 2^n bytes, and half of that at least.
    by_size: [Vec<u32>; CLASSES],
}

/// What the books say of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Held {
    pub(super) bytes: u32,
    /// Its place in its list, where it holds anything.
    place: u32,
}

const CLASSES: usize = 33;

/// So many places an empty list may have.
const KEPT: usize = 64;

/// The list of who holds so many bytes; the first is for nobody.
const fn class(bytes: u32) -> usize {
    (u32::BITS - bytes.leading_zeros()) as usize
}

impl Held {
    /// Of a connection that has moved to the place that another has left.
    pub(super) fn in_place_of(self, left: Held) -> Held {
        Held {
            place: left.place,
            ..self
        }
    }
}

impl Holdings {
    pub(super) fn new() -> Self {
        Holdings {
            total: 0,
            headroom: Headroom::PLENTY,
            by_size: [const { Vec::new() }; CLASSES],
        }
    }

    /// Bytes of all.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// How much is left for a buffer.
    #[inline]
    pub(super) fn headroom(&self) -> Headroom {
        self.headroom
    }

    /// Whether connections have to be ended.
    pub(super) fn is_over(&self, limits: &MemoryLimits) -> bool {
        self.total > limits.high
    }

    /// Whether there is room for new connections.
    pub(super) fn admits_connections(&self, limits: &MemoryLimits) -> bool {
        self.total <= limits.high - limits.high / 8
    }

    /// One of those that hold the most.
    pub(super) fn worst(&self) -> Option<u32> {
        let lists = self.by_size.iter().rev();
        lists.into_iter().find_map(|list| list.first().copied())
    }

    /// The connection in `slot`, of which the books say `held`, holds `bytes`. Gives what they say from now on, and
    /// the slot, if there is one, that has [moved](Held::in_place_of) to its place in the list.
    pub(super) fn note(&mut self, slot: u32, held: Held, bytes: u32) -> (Held, Option<u32>) {
        self.total -= held.bytes as usize;
        self.total += bytes as usize;
        let (old, new) = (class(held.bytes), class(bytes));
        if old == new {
            return (Held { bytes, ..held }, None);
        }
        let moved = if old == 0 {
            None
        } else {
            self.leave(old, held.place)
        };
        let place = if new == 0 { 0 } else { self.join(new, slot) };
        (Held { bytes, place }, moved)
    }

    /// Judges the pressure by what is held now; says whether it has just begun.
    pub(super) fn judge(&mut self, limits: &MemoryLimits) -> bool {
        let was_plenty = self.headroom.is_plenty();
        let bound = if was_plenty {
            limits.pressure
        } else {
            limits.low
        };
        let is_plenty = self.total <= bound;
        self.headroom = if is_plenty {
            Headroom::PLENTY
        } else {
            Headroom::scarce(limits.high.saturating_sub(self.total))
        };
        was_plenty && !is_plenty
    }

    fn join(&mut self, class: usize, slot: u32) -> u32 {
        let list = &mut self.by_size[class];
        list.push(slot);
        (list.len() - 1) as u32
    }

    /// The last of the list takes the place that is left.
    fn leave(&mut self, class: usize, place: u32) -> Option<u32> {
        let list = &mut self.by_size[class];
        list.swap_remove(place as usize);
        let moved = list.get(place as usize).copied();
        if list.is_empty() && list.capacity() > KEPT {
            *list = Vec::new();
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: MemoryLimits = MemoryLimits {
        low: 1_000,
        pressure: 2_000,
        high: 4_000,
    };

    #[test]
    fn pressure_begins_above_its_bound_and_ends_at_the_lower() {
        let mut holdings = Holdings::new();
        let mut held = Held::default();
        for (bytes, begins, headroom) in [
            (2_000, false, Headroom::PLENTY),
            (2_001, true, Headroom::scarce(1_999)),
            (1_001, false, Headroom::scarce(2_999)),
            (5_000, false, Headroom::scarce(0)),
            (1_000, false, Headroom::PLENTY),
            (2_000, false, Headroom::PLENTY),
        ] {
            held = holdings.note(0, held, bytes).0;
            assert_eq!(holdings.judge(&LIMITS), begins, "{bytes}");
            assert_eq!(holdings.headroom(), headroom, "{bytes}");
        }
    }

    #[test]
    fn new_connections_are_refused_before_any_is_ended() {
        let mut holdings = Holdings::new();
        let mut held = Held::default();
        for (bytes, admits, is_over) in [
            (3_500, true, false),
            (3_501, false, false),
            (4_000, false, false),
            (4_001, false, true),
        ] {
            held = holdings.note(0, held, bytes).0;
            assert_eq!(holdings.admits_connections(&LIMITS), admits, "{bytes}");
            assert_eq!(holdings.is_over(&LIMITS), is_over, "{bytes}");
        }
    }

    proptest! {
        #[test]
        fn the_worst_holds_half_as_much_as_any_at_least(
            steps in prop::collection::vec((0usize..20, prop_oneof![Just(0), 1u32..64, any::<u32>()]), 1..200),
        ) {
            let mut holdings = Holdings::new();
            let mut books = [Held::default(); 20];
            for (slot, bytes) in steps {
                let (held, moved) = holdings.note(slot as u32, books[slot], bytes);
                if let Some(moved) = moved {
                    books[moved as usize] = books[moved as usize].in_place_of(books[slot]);
                }
                books[slot] = held;
                let most = books.iter().map(|held| held.bytes).max().unwrap();
                let total: usize = books.iter().map(|held| held.bytes as usize).sum();
                prop_assert_eq!(holdings.total(), total);
                let worst = holdings.worst().map_or(0, |slot| books[slot as usize].bytes);
                prop_assert!(worst > most / 2 || most == 0, "{} of {}", worst, most);
            }
        }
    }
}
