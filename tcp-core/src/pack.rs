//! Values in few bytes: how what is at rest is kept.
//!
//! A number takes seven bits a byte, the least first, so that the many zeros of an idle connection
//! take one byte each. The bytes never leave the process: there is no version, and nothing in them
//! can be wrong.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use crate::time::Instant;

/// What can be turned to bytes and back. [`packs!`] implements it for a structure by naming its
/// fields; one that is left out does not compile.
pub(crate) trait Pack: Sized {
    /// Appends the value.
    fn pack(&self, bytes: &mut Vec<u8>);

    /// Takes off the front what [`pack`](Pack::pack) appended.
    fn unpack(bytes: &mut &[u8]) -> Self;
}

/// Implements [`Pack`] for structures, and for enums without fields, which must be `Copy`.
macro_rules! packs {
    (enum $name:ident { $first:ident $(, $rest:ident)* $(,)? }) => {
        impl $crate::pack::Pack for $name {
            fn pack(&self, bytes: &mut alloc::vec::Vec<u8>) {
                match self {
                    $name::$first $(| $name::$rest)* => bytes.push(*self as u8),
                }
            }

            fn unpack(bytes: &mut &[u8]) -> Self {
                let index = <u8 as $crate::pack::Pack>::unpack(bytes);
                $(
                    if index == $name::$rest as u8 {
                        return $name::$rest;
                    }
                )*
                $name::$first
            }
        }
    };
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::pack::Pack for $name {
            fn pack(&self, bytes: &mut alloc::vec::Vec<u8>) {
                let $name { $($field),* } = self;
                $($crate::pack::Pack::pack($field, bytes);)*
            }

            fn unpack(bytes: &mut &[u8]) -> Self {
                $(let $field = $crate::pack::Pack::unpack(bytes);)*
                $name { $($field),* }
            }
        }
    };
}
pub(crate) use packs;

impl Pack for u64 {
    fn pack(&self, bytes: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let mut value = 0;
        let mut shift = 0;
        while let Some((&byte, rest)) = bytes.split_first() {
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        value
    }
}

macro_rules! packs_as_u64 {
    ($($number:ty)*) => {
        $(
            impl Pack for $number {
                fn pack(&self, bytes: &mut Vec<u8>) {
                    (*self as u64).pack(bytes);
                }

                fn unpack(bytes: &mut &[u8]) -> Self {
                    u64::unpack(bytes) as $number
                }
            }
        )*
    };
}

packs_as_u64!(u8 u16 u32 usize);

impl Pack for bool {
    fn pack(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        u8::unpack(bytes) != 0
    }
}

impl Pack for Instant {
    fn pack(&self, bytes: &mut Vec<u8>) {
        // One that never comes, as most deadlines, is short this way.
        self.as_nanos().wrapping_add(1).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        Instant::from_nanos(u64::unpack(bytes).wrapping_sub(1))
    }
}

impl Pack for Duration {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.subsec_nanos().pack(bytes);
        self.as_secs().pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let nanos = u32::unpack(bytes);
        Duration::new(u64::unpack(bytes), nanos)
    }
}

impl<T: Pack> Pack for Box<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        T::pack(&**self, bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        Box::new(T::unpack(bytes))
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.is_some().pack(bytes);
        if let Some(value) = self {
            value.pack(bytes);
        }
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        bool::unpack(bytes).then(|| T::unpack(bytes))
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.0.pack(bytes);
        self.1.pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        (A::unpack(bytes), B::unpack(bytes))
    }
}

impl<T: Pack> Pack for Range<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.start.pack(bytes);
        self.end.pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        T::unpack(bytes)..T::unpack(bytes)
    }
}

impl<T: Pack, const N: usize> Pack for [T; N] {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.iter().for_each(|value| value.pack(bytes));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        core::array::from_fn(|_| T::unpack(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Debug;
    use proptest::prelude::*;

    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Kind {
        A,
        B,
        C,
    }
    packs!(
        enum Kind {
            A,
            B,
            C,
        }
    );

    #[derive(PartialEq, Debug)]
    struct Record {
        number: u16,
        kinds: [Kind; 3],
    }
    packs!(Record { number, kinds });

    fn check<T: Pack + PartialEq + Debug>(value: T) {
        let mut bytes = Vec::new();
        value.pack(&mut bytes);
        bytes.push(7);
        let mut rest = &bytes[..];
        assert_eq!(T::unpack(&mut rest), value);
        assert_eq!(rest, [7], "it takes its own bytes and no more");
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(a: u64, b: u32, c: bool, d: (u64, u32), e: Option<u16>) {
            check(a);
            check((b, c));
            check(Duration::new(d.0, d.1 % 1_000_000_000));
            check(e);
            check(Instant::from_nanos(a));
            check(a..u64::from(b));
        }
    }

    #[test]
    fn the_ends_of_every_range_come_back() {
        [0, 127, 128, u64::MAX].into_iter().for_each(check);
        [Instant::ZERO, Instant::FAR_FUTURE]
            .into_iter()
            .for_each(check);
        [Duration::ZERO, Duration::MAX].into_iter().for_each(check);
        check(Record {
            number: u16::MAX,
            kinds: [Kind::C, Kind::A, Kind::B],
        });
    }

    #[test]
    fn what_is_zero_or_never_comes_takes_one_byte() {
        let mut bytes = Vec::new();
        (0u64, Instant::FAR_FUTURE).pack(&mut bytes);
        (None::<u64>, false).pack(&mut bytes);
        assert_eq!(bytes.len(), 4);
    }
}
