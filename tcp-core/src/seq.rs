//! Sequence numbers: the one place that knows how they wrap.
//!
//! Everything above the wire counts a stream in `u64` *offsets* that never wrap. A connection's
//! SYN owns offset 0, its first byte of data offset 1, and its FIN the offset after the last byte:
//!
//! ```text
//!   offset   0     1     2           n     n+1
//!          +-----+-----+-----+-- --+-----+-----+
//!          | SYN |   n bytes of data     | FIN |
//!          +-----+-----+-----+-- --+-----+-----+
//!   seq     ISN  ISN+1                    ISN+n+1   (modulo 2^32)
//! ```

use alloc::vec::Vec;
use core::fmt;

use crate::pack::Pack;

/// A sequence number as a segment carries it (RFC 9293 §3.4).
///
/// There is deliberately no `Ord`: on a circle, "less than" has no meaning without a window.
/// Compare offsets instead, which [`offset_near`](SeqNumber::offset_near) recovers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNumber(u32);

impl Pack for SeqNumber {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.0.pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        SeqNumber(u32::unpack(bytes))
    }
}

impl SeqNumber {
    /// The sequence number with this value on the wire.
    pub const fn new(value: u32) -> Self {
        SeqNumber(value)
    }

    /// The value on the wire.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The sequence number of stream offset `offset`, where `self` is the initial sequence number.
    pub const fn at_offset(self, offset: u64) -> SeqNumber {
        SeqNumber(self.0.wrapping_add(offset as u32))
    }

    /// The sequence number `count` after this one.
    pub const fn advanced_by(self, count: u32) -> SeqNumber {
        SeqNumber(self.0.wrapping_add(count))
    }

    /// The sequence number `count` before this one.
    pub const fn retreated_by(self, count: u32) -> SeqNumber {
        SeqNumber(self.0.wrapping_sub(count))
    }

    /// The signed distance from `origin` to `self`, the shorter way round the circle.
    pub const fn distance_from(self, origin: SeqNumber) -> i32 {
        self.0.wrapping_sub(origin.0) as i32
    }

    /// The stream offset that `self` names, given the stream's initial sequence number and an
    /// offset within 2^31 of the answer. `None` where the answer would lie before the SYN.
    pub const fn offset_near(self, initial: SeqNumber, near: u64) -> Option<u64> {
        let distance = self.distance_from(initial.at_offset(near));
        near.checked_add_signed(distance as i64)
    }
}

impl fmt::Debug for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A half-open range `start..end` of sequence numbers, as a SACK block carries it (RFC 2018 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct SeqRange {
    /// The first sequence number in the range.
    pub start: SeqNumber,
    /// The sequence number after the last in the range.
    pub end: SeqNumber,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_offset_before_the_syn_has_no_name() {
        let isn = SeqNumber::new(5);
        assert_eq!(SeqNumber::new(4).offset_near(isn, 0), None);
        assert_eq!(SeqNumber::new(4).offset_near(isn, 3), None);
        assert_eq!(SeqNumber::new(5).offset_near(isn, 3), Some(0));
    }

    #[test]
    fn the_circle_closes() {
        let isn = SeqNumber::new(u32::MAX);
        assert_eq!(isn.at_offset(1), SeqNumber::new(0));
        assert_eq!(SeqNumber::new(0).distance_from(isn), 1);
        assert_eq!(isn.distance_from(SeqNumber::new(0)), -1);
    }

    proptest! {
        #[test]
        fn offsets_survive_the_wire(isn: u32, near in 0u64..1 << 40, delta in -(1i64 << 31)..1i64 << 31) {
            prop_assume!(near as i64 + delta >= 0);
            let offset = (near as i64 + delta) as u64;
            let isn = SeqNumber::new(isn);
            prop_assert_eq!(isn.at_offset(offset).offset_near(isn, near), Some(offset));
        }
    }
}
