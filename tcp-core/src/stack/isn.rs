//! Initial sequence numbers and timestamp offsets: unpredictable from outside, monotonic for one
//! four-tuple.

use core::net::SocketAddr;

use super::keys::Keys;
use crate::seq::SeqNumber;
use crate::time::Instant;

/// Nanoseconds for the initial sequence number to advance by one, so that it goes round in 4.77
/// hours (RFC 9293 MUST-8).
const TICK_NANOS: u64 = 4_000;

/// The numbers that a connection begins with. `clock` is the time since an epoch that outlives restarts.
///
/// The initial sequence number is that clock plus a keyed hash of the four-tuple (RFC 6528 §3, RFC 9293 SHLD-1). The
/// second is what is added to the clock to make a TSval (RFC 7323 §5.4). The same four-tuple has the same offset, so
/// timestamps still tell a new connection from an old one in TIME-WAIT (RFC 6191); different ones tell nothing of the
/// uptime, nor of each other.
pub(crate) fn first_numbers(
    keys: &Keys,
    clock: Instant,
    local: SocketAddr,
    remote: SocketAddr,
) -> (SeqNumber, u32) {
    let hash = keys.isn.hash_tuple(local, remote);
    let isn = SeqNumber::new(hash as u32).at_offset(clock.as_nanos() / TICK_NANOS);
    (isn, (hash >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    const ADDRS: [&str; 8] = [
        "10.0.0.1:80",
        "10.0.0.1:81",
        "10.0.0.2:80",
        "10.0.0.2:81",
        "[fd00::1]:80",
        "[fd00::1]:81",
        "[fd00::2]:80",
        "[::]:80",
    ];

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_clock_ticks_every_four_microseconds() {
        let keys = Keys::new(&[1; 32]);
        let [a, b] = [addr(ADDRS[0]), addr(ADDRS[1])];
        let isn = |nanos| first_numbers(&keys, Instant::from_nanos(nanos), a, b).0;
        assert_eq!(isn(3_999), isn(0));
        assert_eq!(isn(4_000), isn(0).advanced_by(1));
        assert_eq!(isn(1_000_000_000), isn(0).advanced_by(250_000));
        assert_eq!(isn(4_000 << 32), isn(0));
    }

    #[test]
    fn four_tuples_and_secrets_differ() {
        let mut isns = BTreeSet::new();
        let mut offsets = BTreeSet::new();
        for secret in 0..4 {
            let keys = Keys::new(&[secret; 32]);
            for local in ADDRS.map(addr) {
                for remote in ADDRS.map(addr) {
                    let (isn, offset) = first_numbers(&keys, Instant::ZERO, local, remote);
                    assert!(isns.insert(isn.get()));
                    assert!(offsets.insert(offset));
                }
            }
        }
        assert!(isns.is_disjoint(&offsets));
    }

    #[test]
    fn the_same_secret_gives_the_same_numbers_on_every_machine() {
        let keys = Keys::new(&core::array::from_fn(|i| i as u8));
        let numbers = |local: &str, remote: &str| {
            let (local, remote) = (addr(local), addr(remote));
            let (isn, offset) = first_numbers(&keys, Instant::ZERO, local, remote);
            (isn.get(), offset)
        };
        assert_eq!(
            numbers("10.0.0.1:80", "10.0.0.2:4711"),
            (692_858_310, 4_214_950_967)
        );
        assert_eq!(
            numbers("[fd00::1]:80", "[fd00::2]:4711"),
            (1_922_019_243, 1_515_772_796)
        );
    }
}
