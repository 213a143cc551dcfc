//! Bytes written by the user that the peer has not acknowledged.

use alloc::collections::VecDeque;
use core::ops::Range;

use crate::wire::Payload;

/// The stream from the first unacknowledged byte to the last one written.
///
/// ```text
///        start                       end             start + capacity
///          | sent, unacked | unsent   |    room             |
///   -------+---------------+----------+---------------------+---
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SendBuffer {
    bytes: VecDeque<u8>,
    /// Stream offset of the first byte held.
    start: u64,
    /// Most bytes held.
    capacity: usize,
}

/// Room in bytes that is worth waking a writer for, if it is also a thirty-second of the buffer.
const WORTHWHILE: usize = 16 * 1_024;

impl SendBuffer {
    pub(crate) fn new(start: u64, capacity: usize) -> Self {
        SendBuffer {
            bytes: VecDeque::new(),
            start,
            capacity,
        }
    }

    /// The offset after the last byte written.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len())
    }

    /// Whether a writer that found no room should be woken: as Linux's `sk_stream_write_space`,
    /// when the room is at least half of what is held, so a third of the buffer. Of a large buffer
    /// a thirty-second will do: a lost segment holds all of it, and a third that waits for its writer
    /// would be missing from what is under way.
    pub(crate) fn has_worthwhile_room(&self) -> bool {
        let room = self.room();
        let third = room > 0 && room >= self.bytes.len() / 2;
        third || room >= (self.capacity / 32).max(WORTHWHILE)
    }

    /// Takes as much of `data` as fits; says how much.
    pub(crate) fn write(&mut self, data: &[u8]) -> usize {
        let count = data.len().min(self.room());
        self.bytes.extend(&data[..count]);
        count
    }

    /// The bytes of `range`, cut to what is held.
    pub(crate) fn slice(&self, range: Range<u64>) -> Payload<'_> {
        let (first, second) = self.bytes.as_slices();
        let start = range.start.saturating_sub(self.start) as usize;
        let end = range.end.saturating_sub(self.start) as usize;
        Payload::new(first, second).slice(start, end)
    }

    /// Forgets what lies before `una`. The memory stays, for the next write.
    pub(crate) fn release(&mut self, una: u64) {
        let count = una.saturating_sub(self.start).min(self.bytes.len() as u64);
        self.start += count;
        if count as usize == self.bytes.len() {
            // What is written next starts where the memory does, in the part that was used last.
            self.bytes.clear();
        } else {
            self.bytes.drain(..count as usize);
        }
    }

    /// Whether there is memory and nothing in it.
    pub(crate) fn has_spare_memory(&self) -> bool {
        self.bytes.is_empty() && self.bytes.capacity() > 0
    }

    /// Gives the memory back where nothing is in it.
    pub(crate) fn give_back_spare_memory(&mut self) {
        if self.has_spare_memory() {
            self.bytes = VecDeque::new();
        }
    }

    /// Forgets everything: the connection is dead.
    pub(crate) fn clear(&mut self) {
        self.start = self.end();
        self.bytes = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_and_gives_it_back_by_offset() {
        let mut buffer = SendBuffer::new(1, 8);
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
    fn a_writer_is_woken_at_a_third() {
        let mut buffer = SendBuffer::new(1, 42_000);
        assert_eq!(buffer.write(&[0; 60_000]), 42_000);
        buffer.release(1 + 13_999);
        assert!(!buffer.has_worthwhile_room());
        buffer.release(1 + 14_000);
        assert!(buffer.has_worthwhile_room());
    }

    #[test]
    fn the_writer_of_a_large_buffer_is_woken_at_a_thirty_second() {
        let mut buffer = SendBuffer::new(1, 1 << 20);
        buffer.write(&[0; 1 << 20]);
        buffer.release(1 << 15);
        assert!(!buffer.has_worthwhile_room());
        buffer.release(1 + (1 << 15));
        assert!(buffer.has_worthwhile_room());
    }

    #[test]
    fn spare_memory_is_given_back_when_nothing_is_in_it() {
        let mut buffer = SendBuffer::new(1, 1 << 20);
        assert!(!buffer.has_spare_memory());
        buffer.write(&[0; 1000]);
        buffer.release(1_000);
        buffer.give_back_spare_memory();
        assert_eq!(buffer.slice(1_000..1_001), Payload::from(&[0][..]));
        buffer.release(1_001);
        assert!(buffer.has_spare_memory());
        buffer.give_back_spare_memory();
        assert_eq!(buffer.bytes.capacity(), 0);
        assert_eq!(buffer.end(), 1_001);
    }
}
