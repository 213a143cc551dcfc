//! Bytes written by the user that the peer has not acknowledged.

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::ops::Range;

use crate::pack::Pack;
use crate::ring::Ring;
use crate::wire::Payload;

/// The stream from the first unacknowledged byte to the last one written.
///
/// ```text
///        start                       end             start + capacity
///          | sent, unacked | unsent   |    room             |
///   -------+---------------+----------+---------------------+---
/// ```
#[derive(Debug)]
pub(crate) struct SendBuffer {
    ring: Ring,
    /// Stream offset of the first byte held.
    start: u64,
    /// The offset after the last byte written.
    end: u64,
    /// Most bytes held.
    capacity: usize,
    /// What that may grow to.
    max: usize,
    /// Offsets at which the user has ended a record, of what is held; no segment goes beyond one.
    records: Vec<u64>,
}

/// An empty one.
impl Pack for SendBuffer {
    fn pack(&self, bytes: &mut Vec<u8>) {
        debug_assert!(self.len() == 0, "what is at rest holds nothing");
        (self.start, (self.capacity, self.max)).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (start, (capacity, max)) = Pack::unpack(bytes);
        SendBuffer::new(start, capacity, max)
    }
}

impl SendBuffer {
    /// For `capacity` bytes at first and `max` at most.
    pub(crate) fn new(start: u64, capacity: usize, max: usize) -> Self {
        SendBuffer {
            ring: Ring::new(),
            start,
            end: start,
            capacity,
            max: max.max(capacity),
            records: Vec::new(),
        }
    }

    /// The offset after the last byte written.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Ends a record with the last byte written.
    pub(crate) fn end_record(&mut self) {
        if self.len() > 0 && self.records.last() != Some(&self.end) {
            self.records.push(self.end);
        }
    }

    /// Where the record of the byte at `offset` ends, if the user has ended it.
    pub(crate) fn record_end(&self, offset: u64) -> Option<u64> {
        let place = self.records.partition_point(|end| *end <= offset);
        self.records.get(place).copied()
    }

    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.len())
    }

    /// Most bytes held.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes it hold `wanted` bytes, or as many as it may; it does not shrink by that.
    pub(crate) fn grow(&mut self, wanted: usize) {
        self.capacity = self.capacity.max(wanted.min(self.max));
    }

    /// From now on it holds `capacity` bytes, and may grow to `max`. What is held stays.
    pub(crate) fn resize(&mut self, capacity: usize, max: usize) {
        self.capacity = capacity;
        self.max = max.max(capacity);
    }

    /// Takes as much of `data` as fits; says how much.
    #[cfg(test)]
    pub(crate) fn write(&mut self, data: &[u8]) -> usize {
        let data = &data[..data.len().min(self.room())];
        self.append(data);
        data.len()
    }

    /// Takes all of `data`, for which the caller knows that there is room.
    pub(crate) fn append(&mut self, data: &[u8]) {
        let end = self.end + data.len() as u64;
        self.reserve(end);
        self.ring.copy_in(self.end, data.into());
        self.end = end;
    }

    /// The place of the next `count` bytes, for which the caller knows that there is room, to be written to.
    /// What it holds until then means nothing.
    pub(crate) fn spare(&mut self, count: usize) -> [&mut [u8]; 2] {
        let end = self.end + count as u64;
        self.reserve(end);
        self.ring.chunks_mut(self.end..end)
    }

    /// Counts `count` bytes as written that were put into [`spare`](SendBuffer::spare)'s place.
    pub(crate) fn commit(&mut self, count: usize) {
        let end = self.end + count as u64;
        self.ring.reserve(self.start..self.end, end);
        self.end = end;
    }

    /// Puts `data` in the place of what is held from `start` on, as far as that is still held.
    pub(crate) fn overwrite(&mut self, start: u64, data: &[u8]) {
        let held = start.max(self.start)..(start + data.len() as u64).min(self.end);
        if !held.is_empty() {
            let data = &data[(held.start - start) as usize..(held.end - start) as usize];
            self.ring.copy_in(held.start, data.into());
        }
    }

    /// Makes room for the offsets up to `end`.
    fn reserve(&mut self, end: u64) {
        if self.start == self.end {
            self.ring.begin_at(self.end);
        }
        self.ring.reserve(self.start..self.end, end);
    }

    /// The bytes of `range`, cut to what is held.
    #[inline]
    pub(crate) fn slice(&self, range: Range<u64>) -> Payload<'_> {
        let start = range.start.clamp(self.start, self.end);
        let end = range.end.clamp(start, self.end);
        self.ring.payload(start..end)
    }

    /// Forgets what lies before `una`. The memory stays, for the next write.
    pub(crate) fn release(&mut self, una: u64) {
        self.start = una.clamp(self.start, self.end);
        let start = self.start;
        self.records.retain(|end| *end > start);
    }

    /// Bytes of memory.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.ring.memory() + self.records.capacity() * size_of::<u64>()
    }

    /// Whether there is memory worth mentioning, and nothing in it.
    pub(crate) fn has_spare_memory(&self) -> bool {
        self.len() == 0 && self.ring.has_much_memory()
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
        if self.len() == 0 {
            self.ring.clear();
        }
    }

    /// Forgets everything: the connection is dead.
    pub(crate) fn clear(&mut self) {
        self.start = self.end;
        self.records = Vec::new();
        self.ring.shed();
    }
}

/// A copy has no spare memory.
impl Clone for SendBuffer {
    fn clone(&self) -> Self {
        let ring = match self.len() {
            0 => Ring::new(),
            _ => self.ring.clone(),
        };
        let records = self.records.clone();
        SendBuffer {
            ring,
            records,
            ..*self
        }
    }
}

/// Equal when they hold the same bytes, wherever.
impl PartialEq for SendBuffer {
    fn eq(&self, other: &Self) -> bool {
        let of = |it: &Self| (it.start, it.end, it.capacity, it.max);
        of(self) == of(other)
            && self.records == other.records
            && self.slice(self.start..self.end) == other.slice(other.start..other.end)
    }
}

impl Eq for SendBuffer {}

impl Hash for SendBuffer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.start, self.end, self.capacity, self.max).hash(state);
        self.records.hash(state);
        self.slice(self.start..self.end).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_and_gives_it_back_by_offset() {
        let mut buffer = SendBuffer::new(1, 8, 8);
        assert_eq!(buffer.write(b"abcdef"), 6);
        assert_eq!(buffer.write(b"ghijkl"), 2);
        assert_eq!(buffer.room(), 0);
        assert_eq!(buffer.slice(3..5), Payload::from(&b"cd"[..]));
        buffer.release(4);
        assert_eq!(buffer.slice(1..6), Payload::from(&b"de"[..]));
        assert_eq!(buffer.write(b"xyz"), 3);
        assert_eq!(buffer.slice(4..12), Payload::from(&b"defghxyz"[..]));
        assert_eq!(buffer.end(), 12);
    }

    #[test]
    fn it_grows_up_to_its_limit_and_keeps_what_it_holds_when_cut() {
        let mut buffer = SendBuffer::new(1, 100, 400);
        assert_eq!(buffer.write(&[0; 1_000]), 100);
        buffer.grow(50);
        assert_eq!(buffer.room(), 0);
        buffer.grow(10_000);
        assert_eq!(buffer.room(), 300);
        buffer.resize(60, 60);
        buffer.grow(400);
        assert_eq!((buffer.len(), buffer.room()), (100, 0));
        buffer.release(61);
        assert_eq!(buffer.room(), 20);
    }

    #[test]
    fn bytes_may_be_written_in_place() {
        let mut buffer = SendBuffer::new(1, 2_048, 2_048);
        assert_eq!(buffer.write(&[0; 2_042]), 2_042);
        buffer.release(1 + 2_040);
        let [first, second] = buffer.spare(14);
        assert_eq!((first.len(), second.len()), (6, 8));
        first.copy_from_slice(b"cdefgh");
        second[..2].copy_from_slice(b"ij");
        buffer.commit(8);
        assert_eq!(
            buffer.slice(2_041..3_000),
            Payload::from(&b"\0\0cdefghij"[..])
        );
    }

    #[test]
    fn records_are_kept_until_they_are_acknowledged() {
        let mut buffer = SendBuffer::new(1, 100, 100);
        buffer.end_record();
        assert_eq!(buffer.record_end(1), None, "there is nothing to end");
        buffer.write(b"abc");
        buffer.end_record();
        buffer.end_record();
        buffer.write(b"defg");
        buffer.end_record();
        buffer.write(b"h");
        assert_eq!(buffer.record_end(1), Some(4));
        assert_eq!(buffer.record_end(4), Some(8));
        assert_eq!(buffer.record_end(8), None);
        buffer.release(4);
        assert_eq!(buffer.records, [8]);
        buffer.release(9);
        assert_eq!(buffer.records, [0; 0]);
    }

    #[test]
    fn spare_memory_is_given_back_when_nothing_is_in_it() {
        let mut buffer = SendBuffer::new(1, 1 << 20, 1 << 20);
        assert!(!buffer.has_spare_memory());
        buffer.write(&[0; 1000]);
        buffer.release(1_000);
        buffer.give_back_spare_memory();
        assert_eq!(buffer.slice(1_000..1_001), Payload::from(&[0][..]));
        buffer.release(1_001);
        assert!(buffer.has_spare_memory());
        buffer.give_back_spare_memory();
        assert_eq!(buffer.ring.memory(), 0);
        assert_eq!(buffer.end(), 1_001);
    }

    fn hash_of(buffer: &SendBuffer) -> u64 {
        // FNV-1a: enough to see what goes in.
        struct Fnv(u64);
        impl Hasher for Fnv {
            fn finish(&self) -> u64 {
                self.0
            }
            fn write(&mut self, bytes: &[u8]) {
                for byte in bytes {
                    self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
                }
            }
        }
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        buffer.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn buffers_are_equal_when_they_hold_the_same_wherever_it_lies() {
        let with = |capacity, data: &[u8]| {
            let mut buffer = SendBuffer::new(1, capacity, 64);
            buffer.write(data);
            buffer
        };
        let buffer = with(8, b"abcd");
        let same = with(8, b"abcd");
        assert_eq!((&buffer, hash_of(&buffer)), (&same, hash_of(&same)));
        let mut recorded = buffer.clone();
        recorded.end_record();
        for other in [
            with(8, b"abcx"),
            with(8, b"abc"),
            with(9, b"abcd"),
            recorded,
        ] {
            assert_ne!(buffer, other);
            assert_ne!(hash_of(&buffer), hash_of(&other));
        }
        // Round the end of the ring.
        let mut turned = SendBuffer::new(1, 8, 64);
        let mut straight = turned.clone();
        turned.write(b"123456");
        turned.release(7);
        turned.write(b"abcd");
        straight.start = 7;
        straight.end = 7;
        straight.write(b"abcd");
        assert_eq!((&turned, hash_of(&turned)), (&straight, hash_of(&straight)));
        let copy = turned.clone();
        assert_eq!(copy.slice(7..11), Payload::from(&b"abcd"[..]));
    }

    #[test]
    fn what_it_holds_counts_with_its_records() {
        let mut buffer = SendBuffer::new(1, 1 << 20, 1 << 20);
        assert_eq!(buffer.memory(), 0);
        buffer.end_record();
        assert_eq!(buffer.memory(), 0, "nothing is written, no record ends");
        buffer.write(&[0; 10_000]);
        let bytes = buffer.memory();
        assert!((10_000..=20_000).contains(&bytes), "{bytes}");
        for _ in 0..100 {
            buffer.write(&[0]);
            buffer.end_record();
            buffer.end_record();
        }
        let records = buffer.memory() - bytes;
        assert!((800..=2_400).contains(&records), "{records}");
        buffer.clear();
        assert!(buffer.memory() < 10_000);
    }
}
