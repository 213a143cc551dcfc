//! Bytes of a stream in a circle of memory, found by their offset.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::wire::{Check, Payload};

/// Memory for a part of a stream that moves on: the byte at offset `o` is at `bytes[(o - base) % len]`. Which
/// offsets it holds is the user's to know; they span no more than the length, which is zero or a power of
/// two. The memory is initialised once, when the circle grows.
#[derive(Clone, Default)]
pub(crate) struct Ring {
    bytes: Vec<u8>,
    /// An offset whose byte is the first.
    base: u64,
}

/// The least circle: a short question or answer.
const LEAST: u64 = 256;

impl Ring {
    /// Without memory.
    pub(crate) const fn new() -> Self {
        Ring {
            bytes: Vec::new(),
            base: 0,
        }
    }

    /// Whether it has more than the least.
    pub(crate) fn has_much_memory(&self) -> bool {
        self.bytes.len() as u64 > LEAST
    }

    /// Bytes of memory.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len()
    }

    /// Gives the memory back.
    pub(crate) fn clear(&mut self) {
        self.bytes = Vec::new();
    }

    /// Gives the memory back where it is more than the least.
    pub(crate) fn shed(&mut self) {
        if self.has_much_memory() {
            self.clear();
        }
    }

    /// Its memory if that is the least, for another: what it held cannot be seen.
    pub(crate) fn take_little(&mut self) -> Ring {
        if self.has_much_memory() {
            return Ring::new();
        }
        let mut bytes = core::mem::take(&mut self.bytes);
        bytes.fill(0);
        Ring { bytes, base: 0 }
    }

    /// Begins anew, nothing being held: the byte at `offset` is the first. What is filled and emptied again and
    /// again is then the same memory, which is still in the processor's cache.
    #[inline]
    pub(crate) fn begin_at(&mut self, offset: u64) {
        self.base = offset;
    }

    /// Makes room for the offsets up to `end`, and keeps what is at those of `held`.
    #[inline]
    pub(crate) fn reserve(&mut self, held: Range<u64>, end: u64) {
        let need = end - held.start;
        if need > self.bytes.len() as u64 {
            self.grow(held, need);
        }
    }

    /// Bytes by which the memory grows where `need` bytes are to fit.
    pub(crate) fn growth(&self, need: u64) -> usize {
        len_for(need).saturating_sub(self.bytes.len())
    }

    /// Makes room for `need` bytes from the start of `held` on.
    #[cold]
    fn grow(&mut self, held: Range<u64>, need: u64) {
        let len = len_for(need);
        let mut larger = Ring {
            bytes: vec![0; len],
            base: self.base,
        };
        if !held.is_empty() {
            larger.copy_in(held.start, self.payload(held));
        }
        *self = larger;
    }

    /// Copies `payload` to where `offset` is.
    pub(crate) fn copy_in(&mut self, offset: u64, payload: Payload<'_>) {
        let mut at = offset;
        let parts = payload.parts().into_iter();
        for part in parts.filter(|part| !part.is_empty()) {
            let [first, second] = self.chunks_mut(at..at + part.len() as u64);
            let (left, right) = part.split_at(first.len());
            first.copy_from_slice(left);
            // Most often nothing: it would be a call.
            if !right.is_empty() {
                second.copy_from_slice(right);
            }
            at += part.len() as u64;
        }
    }

    /// Copies `payload` to where `offset` is, and verifies it on the way.
    pub(crate) fn copy_in_checked(&mut self, offset: u64, payload: &[u8], check: Check) -> Check {
        let [first, second] = self.chunks_mut(offset..offset + payload.len() as u64);
        let (left, right) = payload.split_at(first.len());
        let check = check.copy(first, left);
        match right {
            [] => check,
            _ => check.copy(second, right),
        }
    }

    /// The bytes of `range`, where they are.
    #[inline]
    pub(crate) fn chunks(&self, range: Range<u64>) -> [&[u8]; 2] {
        let [first, second] = self.places(range);
        [&self.bytes[first], &self.bytes[second]]
    }

    /// The same as a payload.
    #[inline]
    pub(crate) fn payload(&self, range: Range<u64>) -> Payload<'_> {
        let [first, second] = self.chunks(range);
        Payload::new(first, second)
    }

    /// The places of `range`, to be written to.
    pub(crate) fn chunks_mut(&mut self, range: Range<u64>) -> [&mut [u8]; 2] {
        let [first, second] = self.places(range);
        // The second part, if there is one, is at the start, and the first at the end.
        let (start, end) = self.bytes.split_at_mut(first.start);
        [&mut end[..first.len()], &mut start[second]]
    }

    #[inline]
    fn places(&self, range: Range<u64>) -> [Range<usize>; 2] {
        let count = (range.end - range.start) as usize;
        if count == 0 {
            return [0..0, 0..0];
        }
        let len = self.bytes.len();
        let at = range.start.wrapping_sub(self.base) & (len as u64).wrapping_sub(1);
        let at = at as usize;
        let first = count.min(len - at);
        [at..at + first, 0..count - first]
    }
}

/// The length of a circle for `need` bytes.
fn len_for(need: u64) -> usize {
    need.next_power_of_two().max(LEAST) as usize
}

/// What the memory holds means something only to who knows the offsets.
impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_held_survives_growth_around_the_end_of_the_circle() {
        let mut ring = Ring::new();
        let held = LEAST - 100..2 * LEAST - 100;
        ring.reserve(held.start..held.start, held.end);
        assert_eq!(ring.memory(), LEAST as usize);
        let data: Vec<u8> = held.clone().map(|offset| offset as u8).collect();
        ring.copy_in(held.start, data[..].into());
        assert_eq!(ring.chunks(held.clone())[0].len(), 100);
        ring.reserve(held.clone(), held.end + 1);
        assert_eq!(ring.memory(), 2 * LEAST as usize);
        assert_eq!(ring.payload(held), data[..].into());
        ring.clear();
        assert_eq!(ring.memory(), 0);
        assert!(ring.payload(7..7).is_empty());
    }

    #[test]
    fn what_the_memory_held_cannot_be_seen_by_who_inherits_it() {
        let mut old = Ring::new();
        old.reserve(0..0, 3);
        old.copy_in(0, b"old"[..].into());
        old.shed();
        let mut new = old.take_little();
        assert_eq!((old.memory(), new.memory()), (0, LEAST as usize));
        assert_eq!(new.payload(0..3), b"\0\0\0"[..].into());
        new.reserve(0..0, LEAST + 1);
        new.shed();
        assert_eq!(new.memory(), 0, "it was much");
    }

    proptest! {
        /// Whatever is written by two parts is found again, among what was written before.
        #[test]
        fn bytes_are_found_by_their_offset(
            start in 0u64..1 << 40, pieces in prop::collection::vec((1usize..3_000, 0usize..3_000), 1..8),
        ) {
            let mut ring = Ring::new();
            let mut model: Vec<u8> = Vec::new();
            for (len, cut) in pieces {
                let held = start..start + model.len() as u64;
                let data: Vec<u8> = (0..len).map(|at| (model.len() + at * 7) as u8).collect();
                let (left, right) = data.split_at(cut.min(len));
                ring.reserve(held.clone(), held.end + len as u64);
                ring.copy_in(held.end, Payload::new(left, right));
                model.extend(&data);
                let all = start..start + model.len() as u64;
                prop_assert_eq!(ring.payload(all), Payload::from(&model[..]));
            }
        }
    }
}
