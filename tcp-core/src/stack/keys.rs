//! The keys of every random choice, derived from the one secret.

use core::fmt;
use core::hash::{BuildHasher, Hasher};
use core::net::{IpAddr, SocketAddr};

use siphasher::sip;
use siphasher::sip128::{self, Hasher128};

/// One key for each purpose, so that what one of them gives away says nothing about the others. Nor do parts of one
/// hash about each other.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Initial sequence numbers (RFC 6528) and where timestamp clocks start (RFC 7323 §5.4): the two halves of a hash.
    pub(crate) isn: Key,
    /// F and G of RFC 6056 §3.3.4, two parts of a hash: where the search for an ephemeral port starts, and which
    /// counter moves that start on.
    pub(crate) ports: Key,
    /// What those counters are to begin with.
    pub(crate) port_counters: Key,
    /// Fast open cookies, where no keys are configured (RFC 7413 §4.1.2).
    pub(crate) fast_open: Key,
    /// The hash map from four-tuples to connections, against chosen collisions.
    pub(crate) demux: Key,
    /// SYN cookies (RFC 4987).
    pub(crate) cookie: Key,
    /// How much of a budget is left.
    pub(crate) rates: Key,
}

impl Keys {
    /// The keys that follow from `secret`.
    pub(crate) fn new(secret: &[u8; 32]) -> Keys {
        let key = |label| Key::derive(secret, label);
        Keys {
            isn: key("isn"),
            ports: key("ports"),
            port_counters: key("port counters"),
            fast_open: key("fast open"),
            demux: key("demux"),
            cookie: key("cookie"),
            rates: key("rates"),
        }
    }
}

/// A key for SipHash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    k0: u64,
    k1: u64,
}

impl Key {
    /// SipHash-2-4-128 of the label under each half of the secret, added: unknown to whoever lacks
    /// either half. The halves hash different bytes, lest equal ones cancel out.
    pub(super) fn derive(secret: &[u8; 32], label: &str) -> Key {
        let half = |index: u8, bytes: &[u8]| {
            let mut key = [0; 16];
            key.copy_from_slice(bytes);
            let mut hasher = sip128::SipHasher24::new_with_key(&key);
            hasher.write(&[index]);
            hasher.write(label.as_bytes());
            hasher.finish128()
        };
        let (a, b) = (half(0, &secret[..16]), half(1, &secret[16..]));
        Key {
            k0: a.h1 ^ b.h1,
            k1: a.h2 ^ b.h2,
        }
    }

    /// The key of these bytes, the least first.
    pub(crate) fn from_bytes(bytes: &[u8; 16]) -> Key {
        let number = u128::from_le_bytes(*bytes);
        Key {
            k0: number as u64,
            k1: (number >> 64) as u64,
        }
    }

    /// Its bytes.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.k1) << 64 | u128::from(self.k0)).to_le_bytes()
    }

    /// SipHash-2-4 of `bytes`.
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        sip::SipHasher24::new_with_keys(self.k0, self.k1).hash(bytes)
    }

    /// A number below `bound`, which must not be 0: the `index`th that is drawn for this purpose.
    pub(crate) fn draw(&self, purpose: &[u8; 1], index: u64, bound: u64) -> u64 {
        let mut bytes = [purpose[0]; 9];
        bytes[1..].copy_from_slice(&index.to_be_bytes());
        self.hash(&bytes) % bound
    }

    /// SipHash-1-3 of `bytes`, for a table that this key protects: the hash stays within the machine, so
    /// the shorter one will do, as in std.
    pub(crate) fn hash_within(&self, bytes: &[u8]) -> u64 {
        sip::SipHasher13::new_with_keys(self.k0, self.k1).hash(bytes)
    }

    /// SipHash-2-4 of a four-tuple, the same on every machine.
    pub(crate) fn hash_tuple(&self, local: SocketAddr, remote: SocketAddr) -> u64 {
        match (local, remote) {
            (SocketAddr::V4(local), SocketAddr::V4(remote)) => {
                // In words of the size in which they are hashed.
                let (local_ip, remote_ip) = (local.ip().to_bits(), remote.ip().to_bits());
                let (local_port, remote_port) = (local.port(), remote.port());
                let first = u64::from(local_ip) << 32
                    | u64::from(local_port) << 16
                    | u64::from(remote_ip >> 16);
                let second = remote_ip << 16 | u32::from(remote_port);
                let mut bytes = [0; 12];
                bytes[..8].copy_from_slice(&first.to_be_bytes());
                bytes[8..].copy_from_slice(&second.to_be_bytes());
                self.hash(&bytes)
            }
            _ => {
                let mut bytes = [0; 36];
                let (first, second) = bytes.split_at_mut(18);
                for (out, addr) in [(first, local), (second, remote)] {
                    out[..16].copy_from_slice(&octets(addr.ip()));
                    out[16..].copy_from_slice(&addr.port().to_be_bytes());
                }
                self.hash(&bytes)
            }
        }
    }
}

/// For a map, as [`hash_within`](Key::hash_within).
impl BuildHasher for Key {
    type Hasher = sip::SipHasher13;

    fn build_hasher(&self) -> sip::SipHasher13 {
        sip::SipHasher13::new_with_keys(self.k0, self.k1)
    }
}

/// Says nothing: a key in a log is no key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Both families in one form, IPv4 as mapped addresses (RFC 4291 §2.5.5.2): where one end has another family.
fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::format;

    const SECRET: [u8; 32] = [7; 32];

    fn all(secret: &[u8; 32]) -> [Key; 5] {
        let keys = Keys::new(secret);
        [
            keys.isn,
            keys.ports,
            keys.port_counters,
            keys.demux,
            keys.cookie,
        ]
    }

    #[test]
    fn keys_differ_by_purpose_and_by_every_byte_of_the_secret() {
        let mut seen = BTreeSet::new();
        let mut secrets = [SECRET; 33];
        for (at, secret) in secrets.iter_mut().take(32).enumerate() {
            secret[at] ^= 1;
        }
        for secret in &secrets {
            for key in all(secret) {
                assert!(seen.insert((key.k0, key.k1)));
            }
        }
    }

    #[test]
    fn the_reference_vector_of_siphash_2_4() {
        // Aumasson and Bernstein, "SipHash", appendix A.
        let key = Key {
            k0: 0x0706_0504_0302_0100,
            k1: 0x0f0e_0d0c_0b0a_0908,
        };
        let bytes: [u8; 15] = core::array::from_fn(|i| i as u8);
        assert_eq!(key.hash(&bytes), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn the_keys_of_a_secret_never_change() {
        let hashes = all(&SECRET).map(|key| key.hash(b"x"));
        // Found by a second implementation of SipHash and of the derivation.
        let expected = [
            0xc511_d7eb_acf1_4a23,
            0x8d94_a534_8c61_a2ba,
            0xaa7b_0639_3bbc_33e3,
            0x72fe_4664_11a1_f68f,
            0xcdcf_f3a9_130a_7996,
        ];
        assert_eq!(hashes, expected);
    }

    #[test]
    fn a_four_tuple_is_hashed_as_its_bytes() {
        let [key, ..] = all(&SECRET);
        let v4 = key.hash_tuple(
            "1.2.3.4:258".parse().unwrap(),
            "5.6.7.8:772".parse().unwrap(),
        );
        assert_eq!(v4, key.hash(&[1, 2, 3, 4, 1, 2, 5, 6, 7, 8, 3, 4]));
        let mixed = key.hash_tuple(
            "1.2.3.4:258".parse().unwrap(),
            "[506:708::]:772".parse().unwrap(),
        );
        let bytes = [
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4, 1, 2, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 3, 4,
        ];
        assert_eq!(mixed, key.hash(&bytes));
    }

    #[test]
    fn debug_output_hides_the_key() {
        assert_eq!(format!("{:?}", all(&SECRET)[0]), "Key(..)");
    }
}
