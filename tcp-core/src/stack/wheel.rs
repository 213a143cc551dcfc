//! Deadlines of many connections: a hierarchical timer wheel.
//!
//! Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 7. Time is counted in
//! ticks of 1,024 ns. Written in base 64, a tick has nine digits; a timer waits on the level of the
//! highest digit in which its tick differs from the wheel's, in the slot that this digit names:
//!
//! ```text
//!   wheel at tick            . . .  4 17 33
//!   timer at tick            . . .  4 17 50    level 0, slot 50
//!                            . . .  4 20  0    level 1, slot 20
//!                            . . .  9  1  2    level 2, slot  9
//! ```
//!
//! So whatever is on a lower level is due before whatever is on a higher one, and within a level the
//! slots are in order. When the wheel reaches a slot of a higher level, its timers move down, at
//! most eight times before they fire.

use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::time::Instant;

/// Nanoseconds of a tick, as a power of two.
const TICK_BITS: u32 = 10;
/// Slots of a level, as a power of two: one bit of a `u64` for each.
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Enough for every `u64` of nanoseconds.
const LEVELS: usize = (u64::BITS - TICK_BITS).div_ceil(SLOT_BITS) as usize;
/// The index that stands for no entry.
const NIL: u32 = u32::MAX;

/// Timers with keys of type `K`. Arming and cancelling cost O(1), firing O(1) amortised, and a
/// sort of those that fire in the same microsecond.
#[derive(Clone, Debug)]
pub(crate) struct Wheel<K> {
    /// How far the wheel has turned: no timer is in a slot before this tick.
    tick: u64,
    /// For each level, a bit for each slot that is not empty.
    occupied: [u64; LEVELS],
    /// The slots, level by level. None before the first timer is armed.
    slots: Vec<Slot>,
    /// Timers, linked into their slots, and free entries, linked from `free`.
    entries: Vec<Entry<K>>,
    /// The first free entry.
    free: u32,
    /// Timers that left their slots to be fired, the latest first. Those that were cancelled since
    /// are still named here, but no longer exist.
    due: Vec<(Instant, TimerHandle)>,
    /// Number of timers.
    len: usize,
}

/// Names one timer of a [`Wheel`]. Generational: after the timer has fired or was cancelled, the
/// handle names no other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TimerHandle {
    index: u32,
    /// Never zero, so that where there may be none a handle takes no more room.
    generation: NonZeroU32,
}

/// A doubly linked list of entries, in the order in which they were armed.
#[derive(Clone, Copy, Debug)]
struct Slot {
    head: u32,
    tail: u32,
    /// The earliest deadline of those that are or, since it was last empty, were in the list.
    earliest: Instant,
}

impl Slot {
    const EMPTY: Slot = Slot {
        head: NIL,
        tail: NIL,
        earliest: Instant::FAR_FUTURE,
    };
}

#[derive(Clone, Debug)]
struct Entry<K> {
    key: K,
    at: Instant,
    /// Counts the timers that this entry has held.
    generation: NonZeroU32,
    place: Place,
    prev: u32,
    next: u32,
}

/// Where an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In this slot's list.
    Slot(u16),
    /// Named in the queue of those to be fired.
    Due,
    /// In the list of free entries, which is linked by `next` alone.
    Free,
}

impl<K: Copy> Wheel<K> {
    /// A wheel without timers.
    pub(crate) const fn new() -> Wheel<K> {
        Wheel {
            tick: 0,
            occupied: [0; LEVELS],
            slots: Vec::new(),
            entries: Vec::new(),
            free: NIL,
            due: Vec::new(),
            len: 0,
        }
    }

    /// Starts a timer that fires at `at`; at once if that is past.
    pub(crate) fn arm(&mut self, key: K, at: Instant) -> TimerHandle {
        if self.slots.is_empty() {
            self.slots = vec![Slot::EMPTY; LEVELS * SLOTS];
        }
        let index = self.allocate(key, at);
        self.link(index);
        self.len += 1;
        TimerHandle {
            index,
            generation: self.entries[index as usize].generation,
        }
    }

    /// Stops a timer; says whether it was still running.
    pub(crate) fn cancel(&mut self, timer: TimerHandle) -> bool {
        if !self.is_running(timer) {
            return false;
        }
        if let Place::Slot(slot) = self.entries[timer.index as usize].place {
            self.unlink(timer.index, usize::from(slot));
        }
        self.release(timer.index);
        true
    }

    /// The earliest deadline. After the timer with the earliest was cancelled it may be that of the
    /// cancelled one, until [`pop_due`](Wheel::pop_due) has been asked at that time; it is never
    /// later than the earliest.
    pub(crate) fn next(&self) -> Option<Instant> {
        let due = self.due.last().map(|(at, _)| *at);
        let waiting = self
            .first_occupied()
            .map(|(level, slot)| self.slots[level * SLOTS + slot].earliest);
        match (due, waiting) {
            (Some(due), Some(waiting)) => Some(due.min(waiting)),
            (due, waiting) => due.or(waiting),
        }
    }

    /// Takes a timer that is due at `now`, with its deadline; to be called until `None`. Timers come
    /// in the order of their deadlines, those with equal deadlines in the order in which they were
    /// armed; but one armed in between comes after those that were due already.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(K, Instant)> {
        loop {
            while let Some((at, timer)) = self.due.pop() {
                if self.is_running(timer) {
                    let key = self.entries[timer.index as usize].key;
                    self.release(timer.index);
                    return Some((key, at));
                }
            }
            self.turn(now);
            if self.due.is_empty() {
                return None;
            }
        }
    }

    /// Number of timers that run.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Turns the wheel towards `now`, as far as the first timers that are due.
    fn turn(&mut self, now: Instant) {
        let now_tick = tick_of(now);
        while let Some((level, slot)) = self.first_occupied() {
            let start = self.start_of(level, slot);
            let index = level * SLOTS + slot;
            let reached = match level {
                0 => self.slots[index].earliest <= now,
                _ => start <= now_tick,
            };
            // The wheel stops at the first timers, so that none is ever in a slot behind it.
            self.tick = self.tick.max(start.min(now_tick));
            if !reached {
                return;
            }
            self.spread(index, level, now);
            if !self.due.is_empty() {
                return;
            }
        }
        self.tick = self.tick.max(now_tick);
    }

    /// Empties a slot that the wheel has reached: timers of a higher level move down, those of the
    /// lowest level that are due are queued to be fired.
    fn spread(&mut self, slot: usize, level: usize, now: Instant) {
        let mut index = self.slots[slot].head;
        self.clear(slot);
        while index != NIL {
            let entry = &mut self.entries[index as usize];
            let (at, generation, next) = (entry.at, entry.generation, entry.next);
            if level == 0 && at <= now {
                entry.place = Place::Due;
                self.due.push((at, TimerHandle { index, generation }));
            } else {
                self.link(index);
            }
            index = next;
        }
        // They are taken from the end, so the latest comes first; and of equal ones, since the sort
        // is stable, the one armed last.
        self.due.reverse();
        self.due.sort_by(|(a, _), (b, _)| b.cmp(a));
    }

    /// The first slot, in the order of time, that is not empty.
    #[inline]
    fn first_occupied(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// The first tick of a slot.
    fn start_of(&self, level: usize, slot: usize) -> u64 {
        let shift = SLOT_BITS * level as u32;
        let above = shift + SLOT_BITS;
        self.tick >> above << above | (slot as u64) << shift
    }

    /// The slot for a deadline; a past one is for the slot that the wheel is at.
    #[inline]
    fn slot_for(&self, at: Instant) -> usize {
        let tick = tick_of(at).max(self.tick);
        let level = (tick ^ self.tick).checked_ilog2().unwrap_or(0) / SLOT_BITS;
        let slot = tick >> (SLOT_BITS * level) & (SLOTS as u64 - 1);
        level as usize * SLOTS + slot as usize
    }

    /// Appends an entry to the list of the slot that its deadline asks for.
    fn link(&mut self, index: u32) {
        let at = self.entries[index as usize].at;
        let slot_index = self.slot_for(at);
        let slot = &mut self.slots[slot_index];
        let prev = slot.tail;
        slot.tail = index;
        slot.earliest = slot.earliest.min(at);
        if prev == NIL {
            slot.head = index;
            self.occupied[slot_index / SLOTS] |= 1 << (slot_index % SLOTS);
        } else {
            self.entries[prev as usize].next = index;
        }
        let entry = &mut self.entries[index as usize];
        entry.place = Place::Slot(slot_index as u16);
        (entry.prev, entry.next) = (prev, NIL);
    }

    /// Takes an entry out of the list of `slot`, where it is.
    fn unlink(&mut self, index: u32, slot: usize) {
        let Entry { prev, next, .. } = self.entries[index as usize];
        match self.entries.get_mut(prev as usize) {
            Some(prev) => prev.next = next,
            None => self.slots[slot].head = next,
        }
        match self.entries.get_mut(next as usize) {
            Some(next) => next.prev = prev,
            None => self.slots[slot].tail = prev,
        }
        if self.slots[slot].head == NIL {
            self.clear(slot);
        }
    }

    /// Makes a slot empty.
    fn clear(&mut self, slot: usize) {
        self.slots[slot] = Slot::EMPTY;
        self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
    }

    /// An entry that holds this timer and is in no list.
    fn allocate(&mut self, key: K, at: Instant) -> u32 {
        match self.entries.get_mut(self.free as usize) {
            Some(entry) => {
                let index = self.free;
                self.free = entry.next;
                (entry.key, entry.at) = (key, at);
                index
            }
            None => {
                debug_assert!(self.entries.len() < NIL as usize, "an index is below NIL");
                self.entries.push(Entry {
                    key,
                    at,
                    generation: NonZeroU32::MIN,
                    place: Place::Free,
                    prev: NIL,
                    next: NIL,
                });
                self.entries.len() as u32 - 1
            }
        }
    }

    /// Ends a timer whose entry is in no slot.
    fn release(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        entry.place = Place::Free;
        entry.next = self.free;
        self.free = index;
        self.len -= 1;
    }

    fn is_running(&self, timer: TimerHandle) -> bool {
        self.entries
            .get(timer.index as usize)
            .is_some_and(|entry| entry.generation == timer.generation && entry.place != Place::Free)
    }
}

fn tick_of(at: Instant) -> u64 {
    at.as_nanos() >> TICK_BITS
}

#[cfg(test)]
mod tests;
