//! Values known by a hash of theirs.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::ops::Deref;

use siphasher::sip128::{Hasher128, SipHasher13};

/// A 128-bit hash that is the same on every machine: numbers are hashed as little-endian, and
/// those of the machine's word size as 64 bits.
pub(super) struct Digester(SipHasher13);

impl Digester {
    pub(super) fn new() -> Digester {
        Digester(SipHasher13::new())
    }

    pub(super) fn digest(&self) -> u128 {
        self.0.finish128().as_u128()
    }
}

/// The digest of one value.
pub(super) fn digest_of(value: &impl Hash) -> u128 {
    let mut digester = Digester::new();
    value.hash(&mut digester);
    digester.digest()
}

macro_rules! write_little_endian {
    ($($name:ident: $number:ty as $wide:ty),* $(,)?) => {
        $(fn $name(&mut self, number: $number) {
            self.0.write(&(number as $wide).to_le_bytes());
        })*
    };
}

impl Hasher for Digester {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    write_little_endian! {
        write_u16: u16 as u16,
        write_u32: u32 as u32,
        write_u64: u64 as u64,
        write_u128: u128 as u128,
        write_usize: usize as u64,
        write_i16: i16 as i16,
        write_i32: i32 as i32,
        write_i64: i64 as i64,
        write_i128: i128 as i128,
        write_isize: isize as i64,
    }
}

/// A value with its digest, computed once.
#[derive(Clone, Debug)]
pub(super) struct Digested<T> {
    value: T,
    digest: u128,
}

impl<T: Hash> Digested<T> {
    pub(super) fn new(value: T) -> Digested<T> {
        let digest = digest_of(&value);
        Digested { value, digest }
    }
}

impl<T> Digested<T> {
    pub(super) fn digest(&self) -> u128 {
        self.digest
    }
}

impl<T> Deref for Digested<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A map from digests, which need not be hashed again.
pub(super) type DigestMap<T> = HashMap<u128, T, BuildHasherDefault<Low>>;

/// The low half of a digest. The high one decides between shards.
#[derive(Default)]
pub(super) struct Low(u64);

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }
}

/// Into how many parts a set of digests is cut, so that threads do not wait for each other. Fixed:
/// the order in which states are numbered depends on it.
pub(super) const SHARDS: usize = 64;

/// Which part a digest belongs to.
pub(super) fn shard_of(digest: u128) -> usize {
    (digest >> 64) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_same_on_every_machine() {
        let value = (1_usize, -2_isize, [3_u16, 4], "five", Some(6_u128));
        assert_eq!(digest_of(&value), DIGEST);
    }

    /// Of the numbers above as little-endian, words as 64 bits: SipHash-1-3 with a key of zeros.
    const DIGEST: u128 = 86_838_557_405_180_012_159_961_955_523_498_580_318;

    #[test]
    fn every_shard_is_used() {
        let mut used = [false; SHARDS];
        (0..2_000_u32).for_each(|number| used[shard_of(digest_of(&number))] = true);
        assert!(used.iter().all(|used| *used));
    }
}
