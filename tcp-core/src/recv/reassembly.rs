//! Bytes received: those in order that wait to be read, and those beyond a hole.

use alloc::vec::Vec;
use core::ops::Range;

use crate::pack::Pack;
use crate::range_set::{RANGE_MEMORY, RangeSet};
use crate::ring::Ring;
use crate::wire::{Check, Payload};

/// The stream from the first unread byte to the furthest one received, in memory that grows as it must.
///
/// ```text
///     read            nxt
///      |   in order    |   hole   | beyond |   hole   | beyond |
///   ---+---------------+----------+--------+----------+--------+---
/// ```
///
/// Bytes once received never change, so overlapping segments with other contents alter nothing.
///
/// It stays when everything has been read, until somebody [asks for it](Reassembly::give_back_spare_memory).
#[derive(Debug)]
pub(crate) struct Reassembly {
    ring: Ring,
    read: u64,
    nxt: u64,
    beyond: RangeSet,
    /// Most separate ranges beyond holes.
    max_ranges: usize,
}

/// An empty one.
impl Pack for Reassembly {
    fn pack(&self, bytes: &mut Vec<u8>) {
        debug_assert!(self.is_empty(), "what is at rest holds nothing");
        (self.nxt, self.max_ranges).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (nxt, max_ranges) = Pack::unpack(bytes);
        Reassembly {
            ring: Ring::new(),
            read: nxt,
            nxt,
            beyond: RangeSet::default(),
            max_ranges,
        }
    }
}

/// What an insertion did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Inserted {
    /// So many bytes are newly in order, those behind a hole that it filled included.
    InOrder(u64),
    /// It lies beyond a hole, and is kept.
    Beyond,
    /// It lies beyond a hole, and is not kept: there are too many ranges.
    Refused,
}

impl Reassembly {
    /// An empty stream whose first byte has offset `start`. Ranges cost memory beside their bytes, so a peer that
    /// sends crumbs is held to `capacity / 128` of them, fewer than any honest sender's segments could make.
    pub(crate) fn new(start: u64, capacity: usize) -> Self {
        Reassembly {
            ring: Ring::new(),
            read: start,
            nxt: start,
            beyond: RangeSet::default(),
            max_ranges: most_ranges(capacity),
        }
    }

    /// The capacity has changed.
    pub(crate) fn resize(&mut self, capacity: usize) {
        self.max_ranges = most_ranges(capacity);
    }

    /// The offset of the first byte not received in order.
    pub(crate) fn nxt(&self) -> u64 {
        self.nxt
    }

    /// The offset of the first byte not read.
    pub(crate) fn read_offset(&self) -> u64 {
        self.read
    }

    /// Bytes in order that wait to be read.
    pub(crate) fn unread(&self) -> usize {
        (self.nxt - self.read) as usize
    }

    /// Whether nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.read == self.nxt && self.beyond.is_empty()
    }

    /// What was received beyond a hole.
    pub(crate) fn beyond(&self) -> &RangeSet {
        &self.beyond
    }

    /// Bytes of memory, with the records of ranges.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.ring.memory() + self.beyond.memory()
    }

    /// Bytes by which the memory grows where something up to `end` arrives beyond a hole.
    pub(crate) fn growth(&self, end: u64) -> usize {
        self.ring.growth(end.saturating_sub(self.read)) + RANGE_MEMORY
    }

    /// Takes the bytes of `payload`, which begin at `offset`. The caller has cut it to the window, so
    /// that what it can make us hold is bounded.
    pub(crate) fn insert(&mut self, offset: u64, payload: Payload<'_>) -> Inserted {
        let skip = self.nxt.saturating_sub(offset).min(payload.len() as u64);
        let start = offset + skip;
        let end = offset + payload.len() as u64;
        if start >= end {
            return Inserted::InOrder(0);
        }
        let is_new_range = start > self.nxt && self.is_alone(&(start..end));
        if is_new_range && self.beyond.len() >= self.max_ranges {
            return Inserted::Refused;
        }
        self.reserve(end);
        let payload = payload.slice(skip as usize, payload.len());
        if start == self.nxt && self.beyond.is_empty() {
            self.ring.copy_in(start, payload);
            self.nxt = end;
            return Inserted::InOrder(end - start);
        }
        if is_new_range {
            self.ring.copy_in(start, payload);
            self.beyond.insert_apart(start..end);
            return Inserted::Beyond;
        }
        for gap in gaps(&self.beyond, start..end) {
            let piece = payload.slice((gap.start - start) as usize, (gap.end - start) as usize);
            self.ring.copy_in(gap.start, piece);
        }
        self.beyond.insert(start..end);
        let before = self.nxt;
        self.nxt = self.beyond.pop_contiguous(self.nxt);
        match self.nxt - before {
            0 => Inserted::Beyond,
            count => Inserted::InOrder(count),
        }
    }

    /// The byte at this offset, where it is in order and not read.
    pub(crate) fn byte_at(&self, offset: u64) -> Option<u8> {
        let place = offset.checked_sub(self.read)?;
        let mut place = usize::try_from(place).ok()?;
        for chunk in self.chunks() {
            match chunk.get(place) {
                Some(byte) => return Some(*byte),
                None => place -= chunk.len(),
            }
        }
        None
    }

    /// Takes the bytes that come next, where nothing is beyond a hole, if they turn out to be intact as they
    /// are copied. They are cut to the window already.
    ///
    /// Where nothing is unread, the first of them go to `direct`, as many as fit, and count as read. Gives
    /// their number, or `None` where the bytes are damaged.
    pub(crate) fn append_checked(
        &mut self,
        payload: &[u8],
        check: Check,
        direct: &mut [u8],
    ) -> Option<usize> {
        debug_assert!(self.beyond.is_empty(), "what is there would be overwritten");
        let count = match self.unread() {
            0 => direct.len().min(payload.len()),
            _ => 0,
        };
        let (now, later) = payload.split_at(count);
        let check = check.copy(&mut direct[..count], now);
        let start = self.nxt + count as u64;
        let end = start + later.len() as u64;
        let check = match later {
            [] => check,
            _ => {
                if self.is_empty() {
                    self.ring.begin_at(start);
                }
                // What is read directly is never held.
                let first = if count > 0 { start } else { self.read };
                self.ring.reserve(first..self.nxt.max(first), end);
                self.ring.copy_in_checked(start, later, check)
            }
        };
        if !check.is_intact() {
            return None;
        }
        self.nxt = end;
        self.read += count as u64;
        Some(count)
    }

    /// The bytes in order, where they are.
    pub(crate) fn chunks(&self) -> [&[u8]; 2] {
        self.ring.chunks(self.read..self.nxt)
    }

    /// Copies bytes in order to `buf` and keeps them.
    pub(crate) fn peek(&self, buf: &mut [u8]) -> usize {
        let mut count = 0;
        for chunk in self.chunks() {
            let part = chunk.len().min(buf.len() - count);
            buf[count..count + part].copy_from_slice(&chunk[..part]);
            count += part;
        }
        count
    }

    /// Moves bytes in order to `buf`.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> usize {
        let count = self.peek(buf);
        self.skip(count as u64);
        count
    }

    /// Drops the first `count` bytes in order, or all where there are fewer; says how many.
    pub(crate) fn consume(&mut self, count: usize) -> usize {
        let count = count.min(self.unread());
        self.skip(count as u64);
        count
    }

    /// Drops every byte in order: nobody will read it.
    pub(crate) fn discard_unread(&mut self) {
        self.skip(self.nxt - self.read);
    }

    /// Drops what lies beyond a hole: nothing will fill it.
    pub(crate) fn forget_beyond(&mut self) {
        self.beyond = RangeSet::default();
    }

    /// Whether `range` neither overlaps nor touches what lies beyond holes.
    pub(crate) fn is_alone(&self, range: &Range<u64>) -> bool {
        !self.beyond.touches(range)
    }

    /// Makes room for the offsets up to `end`.
    #[inline]
    fn reserve(&mut self, end: u64) {
        if self.is_empty() {
            self.ring.begin_at(self.nxt);
        }
        self.ring.reserve(self.read..self.high(), end);
    }

    fn skip(&mut self, count: u64) {
        self.read += count;
    }

    /// Whether there is memory worth mentioning, and nothing in it.
    pub(crate) fn has_spare_memory(&self) -> bool {
        self.is_empty() && self.ring.has_much_memory()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.discard_unread();
        self.forget_beyond();
        self.ring.shed();
    }

    /// Gives up its memory for another, if that is little: nothing is held any more.
    pub(crate) fn take_memory(&mut self) -> Ring {
        self.ring.take_little()
    }

    /// Takes memory that another has given up, having none.
    pub(crate) fn give_memory(&mut self, memory: Ring) {
        self.ring = memory;
    }

    /// Gives the memory back where nothing is in it.
    pub(crate) fn give_back_spare_memory(&mut self) {
        if self.is_empty() {
            self.ring.clear();
        }
    }

    /// The offset after the furthest byte received.
    fn high(&self) -> u64 {
        self.beyond.last().map_or(self.nxt, |last| last.end)
    }
}

fn most_ranges(capacity: usize) -> usize {
    (capacity / 128).max(16)
}

/// The parts of `range` that are not in `set`, in order.
fn gaps(set: &RangeSet, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
    let mut at = range.start;
    core::iter::from_fn(move || {
        if let Some(held) = set.range_at(at) {
            at = held.end;
        }
        if at >= range.end {
            return None;
        }
        let end = set
            .next_after(at)
            .map_or(range.end, |next| next.start.min(range.end));
        let gap = at..end;
        at = end;
        Some(gap)
    })
}

/// A copy has no spare memory.
impl Clone for Reassembly {
    fn clone(&self) -> Self {
        let ring = match self.is_empty() {
            true => Ring::new(),
            false => self.ring.clone(),
        };
        Reassembly {
            ring,
            beyond: self.beyond.clone(),
            ..*self
        }
    }
}

/// Equal when they hold the same bytes, whatever the ring's length.
impl PartialEq for Reassembly {
    fn eq(&self, other: &Self) -> bool {
        (self.read, self.nxt, &self.beyond) == (other.read, other.nxt, &other.beyond)
            && self.held().eq(other.held())
    }
}

impl Eq for Reassembly {}

impl core::hash::Hash for Reassembly {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.read.hash(state);
        self.nxt.hash(state);
        self.beyond.hash(state);
        self.held().for_each(|byte| state.write_u8(byte));
    }
}

impl Reassembly {
    /// Every byte held, in order.
    fn held(&self) -> impl Iterator<Item = u8> + '_ {
        let ranges = core::iter::once(self.read..self.nxt).chain(self.beyond.iter());
        let chunks = ranges.flat_map(|range| self.ring.chunks(range));
        chunks.flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recv::naive;

    #[test]
    fn a_hole_is_filled_in_place() {
        let mut stream = Reassembly::new(1, 1 << 20);
        assert_eq!(stream.insert(3, b"cd"[..].into()), Inserted::Beyond);
        assert_eq!(stream.unread(), 0);
        assert_eq!(stream.insert(1, b"ab"[..].into()), Inserted::InOrder(4));
        let mut buf = [0; 9];
        assert_eq!(stream.peek(&mut buf), 4);
        stream.give_back_spare_memory();
        assert_eq!(stream.read(&mut buf), 4);
        assert_eq!(&buf[..4], b"abcd");
        assert!(!stream.has_spare_memory(), "none worth mentioning");
        stream.insert(5, [0; 1_000][..].into());
        assert!(!stream.has_spare_memory());
        stream.consume(1_000);
        assert!(stream.has_spare_memory());
        assert_eq!(stream.clone().ring.memory(), 0);
        stream.give_back_spare_memory();
        assert_eq!(stream.ring.memory(), 0);
    }

    #[test]
    fn overlapping_segments_cannot_change_what_was_received() {
        let mut stream = Reassembly::new(1, 1 << 20);
        stream.insert(3, b"cd"[..].into());
        stream.insert(2, b"XXXX"[..].into());
        stream.insert(1, b"a"[..].into());
        stream.insert(1, b"YYYYY"[..].into());
        let mut buf = [0; 9];
        assert_eq!(stream.read(&mut buf), 5);
        assert_eq!(&buf[..5], b"aXcdX");
    }

    #[test]
    fn crumbs_are_held_to_a_number() {
        let mut stream = Reassembly::new(1, 128 * 100);
        for n in 1..200 {
            stream.insert(1 + 2 * n, b"x"[..].into());
        }
        assert_eq!(stream.beyond.len(), 100);
        assert_eq!(stream.insert(301, b"y"[..].into()), Inserted::Refused);
        let joining = stream.insert(202, b"y"[..].into());
        assert_eq!(
            joining,
            Inserted::Beyond,
            "one that joins others still fits"
        );
        assert_eq!(
            stream.insert(1, [7; 500][..].into()),
            Inserted::InOrder(500)
        );
        assert!(stream.beyond.is_empty());
    }

    proptest! {
        /// Segments in any order, overlapping and contradicting each other, with reads between.
        #[test]
        fn it_does_as_a_stream_of_bytes(steps in naive::steps(80)) {
            naive::survive(&steps);
        }
    }

    #[test]
    fn streams_are_equal_when_they_hold_the_same() {
        let with = |segments: &[(u64, &[u8])]| {
            let mut stream = Reassembly::new(1, 1 << 20);
            for &(offset, data) in segments {
                stream.insert(offset, data.into());
            }
            stream
        };
        let stream = with(&[(1, b"ab"), (5, b"ef")]);
        assert_eq!(stream, with(&[(5, b"ef"), (1, b"ab")]));
        for other in [
            with(&[(1, b"ab"), (5, b"eX")]),
            with(&[(1, b"ab"), (6, b"ef")]),
            with(&[(1, b"Xb"), (5, b"ef")]),
            with(&[(1, b"ab")]),
        ] {
            assert_ne!(stream, other);
        }
    }

    #[test]
    fn a_larger_buffer_has_room_for_more_crumbs() {
        let mut stream = Reassembly::new(1, 128 * 100);
        stream.resize(128 * 200);
        for n in 1..=300 {
            stream.insert(1 + 2 * n, b"x"[..].into());
        }
        assert_eq!(stream.beyond.len(), 200);
        assert!(stream.memory() > stream.ring.memory());
    }
}
