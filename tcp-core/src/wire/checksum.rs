//! The Internet checksum (RFC 1071): the one's complement sum of 16-bit words.
//!
//! The sum does not depend on byte order (RFC 1071 §2 (B)), so words are read in the machine's own
//! order and the result is written back in the same. Thirty-two bits are added at a time into 64, in
//! a loop that does nothing else: compilers make one of vectors of it, wherever it is inlined. (Lanes
//! spelled out in an array are hardly faster at best, and with other code around them a third as fast.)
//!
//! Payloads are summed by the widest vectors that the processor at hand has (`pulp` compiles the same loop
//! for each kind and chooses when it runs): to copy and sum then takes hardly longer than to copy.

use core::net::IpAddr;

use pulp::Arch;

/// A sum over the bytes so far, at whatever offset they end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    /// Sum of 16-bit words in native byte order, not folded.
    words: u64,
    /// Whether an odd number of bytes was added: the next byte is the second of its word.
    odd: bool,
}

impl Sum {
    /// The sum of a pseudo-header for `len` bytes of upper-layer packet (RFC 9293 §3.1,
    /// RFC 8200 §8.1). Addresses of different families give a sum that matches nothing.
    pub(super) fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, len: usize) -> Sum {
        let addresses = match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => whole(&src.octets()) + whole(&dst.octets()),
            (IpAddr::V6(src), IpAddr::V6(dst)) => whole(&src.octets()) + whole(&dst.octets()),
            _ => 0,
        };
        // IPv4 has sixteen bits of length and IPv6 thirty-two; the sum is the same.
        let rest = whole(&(len as u32).to_be_bytes()) + whole(&[0, 0, 0, protocol]);
        Sum {
            words: addresses + rest,
            odd: false,
        }
    }

    /// Appends bytes.
    #[inline]
    pub(super) fn add(self, bytes: &[u8]) -> Sum {
        let words = match bytes.len() {
            0..LONG => sum_words(bytes),
            _ => sum_long(bytes),
        };
        self.append(words, bytes.len())
    }

    /// Appends bytes of which this is the [sum](whole); an even number of bytes was added before.
    #[inline]
    pub(super) fn add_words(self, words: u64) -> Sum {
        Sum {
            words: self.words + words,
            ..self
        }
    }

    /// Copies `from` to the start of `to`, as much as fits, and appends what was copied: the bytes
    /// pass through the processor once.
    #[inline]
    pub(super) fn add_copied(self, to: &mut [u8], from: &[u8]) -> Sum {
        let len = to.len().min(from.len());
        let (Some(to), Some(from)) = (to.get_mut(..len), from.get(..len)) else {
            return self;
        };
        let words = match len {
            0 => return self,
            1..LONG => copy_and_sum(to, from),
            _ => copy_and_sum_long(to, from),
        };
        self.append(words, len)
    }

    /// The checksum field for what was summed with that field as zero, in network byte order.
    pub(super) fn checksum(self) -> [u8; 2] {
        (!fold(self.words)).to_ne_bytes()
    }

    /// The sum itself, in network byte order, for who goes on adding to it.
    pub(super) fn partial(self) -> [u8; 2] {
        fold(self.words).to_ne_bytes()
    }

    /// Whether what was summed, checksum field included, is intact.
    pub(super) fn is_intact(self) -> bool {
        fold(self.words) == 0xffff
    }

    #[inline]
    fn append(self, words: u64, len: usize) -> Sum {
        let part = if self.odd {
            // Bytes that start in the middle of a word count in the other half (RFC 1071 §2 (B)).
            u64::from(fold(words).swap_bytes())
        } else {
            words
        };
        Sum {
            // As in `with`.
            words: self.words.wrapping_add(part),
            odd: self.odd ^ (len % 2 == 1),
        }
    }
}

/// The sum of a few whole words: their number is known where this is compiled, so that no loop is left.
#[inline]
pub(super) fn whole<const N: usize>(bytes: &[u8; N]) -> u64 {
    const { assert!(N.is_multiple_of(4), "words of 32 bits") };
    let (words, _) = bytes.as_chunks::<4>();
    words
        .iter()
        .map(|word| u64::from(u32::from_ne_bytes(*word)))
        .sum()
}

/// Bytes from which on it is worth asking for the processor's kind.
const LONG: usize = 128;

/// As [`sum_words`].
fn sum_long(bytes: &[u8]) -> u64 {
    Arch::new().dispatch(
        #[inline(always)]
        || sum_words(bytes),
    )
}

/// As [`copy_and_sum`].
fn copy_and_sum_long(to: &mut [u8], from: &[u8]) -> u64 {
    Arch::new().dispatch(
        #[inline(always)]
        || copy_and_sum(to, from),
    )
}

/// The sum of `bytes` as native 16-bit words, the last one padded with zero (RFC 1071 §1).
#[inline(always)]
fn sum_words(bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<4>();
    let sum = words.iter().fold(0, with);
    sum.wrapping_add(sum_tail(tail))
}

/// Copies between slices of equal length and sums as [`sum_words`].
#[inline(always)]
fn copy_and_sum(to: &mut [u8], from: &[u8]) -> u64 {
    let (from_words, from_tail) = from.as_chunks::<4>();
    let (to_words, to_tail) = to.as_chunks_mut::<4>();
    let mut sum = 0;
    for (to, from) in to_words.iter_mut().zip(from_words) {
        *to = *from;
        sum = with(sum, from);
    }
    for (to, from) in to_tail.iter_mut().zip(from_tail) {
        *to = *from;
    }
    sum.wrapping_add(sum_tail(from_tail))
}

/// The sum and 32 bits more. It would need 2^32 of them (16 GiB) to overflow, so the addition wraps
/// without a check, which keeps the loop vectorisable in checked builds.
#[inline(always)]
fn with(sum: u64, word: &[u8; 4]) -> u64 {
    sum.wrapping_add(u64::from(u32::from_ne_bytes(*word)))
}

/// The sum of less than four bytes.
#[inline(always)]
fn sum_tail(tail: &[u8]) -> u64 {
    let (halves, last) = tail.as_chunks::<2>();
    let mut sum = 0;
    for half in halves {
        sum += u64::from(u16::from_ne_bytes(*half));
    }
    for byte in last {
        sum += u64::from(u16::from_ne_bytes([*byte, 0]));
    }
    sum
}

/// The sum modulo 2^16 - 1, with zero only for zero: carries are added back in.
#[inline]
fn fold(words: u64) -> u16 {
    let words = (words & 0xffff_ffff) + (words >> 32);
    let words = (words & 0xffff) + (words >> 16);
    let words = (words & 0xffff) + (words >> 16);
    let words = (words & 0xffff) + (words >> 16);
    words as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;

    /// RFC 1071 §4.1, word by word.
    fn naive(bytes: &[u8]) -> [u8; 2] {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        (!(sum as u16)).to_be_bytes()
    }

    #[test]
    fn the_example_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::default().add(&bytes).checksum(), [0x22, 0x0d]);
    }

    #[test]
    fn all_ones_fold_without_losing_a_carry() {
        let bytes = vec![0xff; 65_535];
        assert_eq!(Sum::default().add(&bytes).checksum(), naive(&bytes));
        assert_eq!(fold(u64::MAX), 0xffff);
        assert_eq!(fold(0), 0);
    }

    #[test]
    fn pseudo_headers_are_those_of_the_rfcs() {
        let (a, b) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(192, 168, 7, 9));
        let bytes = [10, 0, 0, 1, 192, 168, 7, 9, 0, 6, 0x12, 0x34];
        assert_eq!(
            Sum::pseudo_header(a.into(), b.into(), 6, 0x1234).checksum(),
            naive(&bytes)
        );
        let (a, b) = (Ipv6Addr::LOCALHOST, Ipv6Addr::from_bits(0x1234_5678 << 90));
        let mut bytes = Vec::from(a.octets());
        bytes.extend(b.octets());
        bytes.extend([0, 0, 0x12, 0x34, 0, 0, 0, 58]);
        assert_eq!(
            Sum::pseudo_header(a.into(), b.into(), 58, 0x1234).checksum(),
            naive(&bytes)
        );
    }

    proptest! {
        #[test]
        fn cutting_changes_nothing(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            cuts in prop::array::uniform2(0usize..300),
        ) {
            let mut cuts = cuts.map(|cut| cut.min(bytes.len()));
            cuts.sort_unstable();
            let mut copy = vec![0; bytes.len()];
            let sum = Sum::default()
                .add(&bytes[..cuts[0]])
                .add_copied(&mut copy[cuts[0]..cuts[1]], &bytes[cuts[0]..cuts[1]])
                .add_copied(&mut copy[cuts[1]..], &bytes[cuts[1]..]);
            prop_assert_eq!(sum.checksum(), naive(&bytes));
            prop_assert_eq!(&copy[cuts[0]..], &bytes[cuts[0]..]);
        }

        #[test]
        fn what_was_summed_with_its_checksum_is_intact(
            mut bytes in prop::collection::vec(any::<u8>(), 1..200),
        ) {
            if bytes.len() % 2 == 1 {
                bytes.push(0);
            }
            let checksum = Sum::default().add(&bytes).checksum();
            prop_assert!(Sum::default().add(&bytes).add(&checksum).is_intact());
        }
    }
}
