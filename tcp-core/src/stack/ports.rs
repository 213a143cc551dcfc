//! Ephemeral ports that are hard to guess and slow to come round again (RFC 6056).

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::keys::{Key, Keys};

/// Counters: destinations that share one advance each other's ports. RFC 6056 §3.3.4 finds ten
/// enough; this many cost a kilobyte.
const TABLE_LENGTH: usize = 256;

/// Chooses ephemeral ports by RFC 6056's algorithm 4, double-hash port selection: for each
/// destination a search that starts at a secret place and moves on with every choice.
#[derive(Clone, Debug)]
pub(crate) struct EphemeralPorts {
    key: Key,
    counters: Vec<u32>,
}

impl EphemeralPorts {
    /// A chooser under these keys.
    pub(crate) fn new(keys: &Keys) -> EphemeralPorts {
        let counter = |index: u32| keys.port_counters.hash(&index.to_be_bytes()) as u32;
        EphemeralPorts {
            key: keys.ports,
            counters: (0..TABLE_LENGTH as u32).map(counter).collect(),
        }
    }

    /// A port of `first..=last` for a connection from `local` to `remote`, for which `is_free` says
    /// yes; `None` when each of them was tried once. Port 0 is never chosen.
    pub(crate) fn choose(
        &mut self,
        (first, last): (u16, u16),
        local: IpAddr,
        remote: SocketAddr,
        mut is_free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let first = u32::from(first.max(1));
        let count = (u32::from(last) + 1).saturating_sub(first);
        // The local port is what is sought, so it is not part of what is hashed.
        let local = SocketAddr::new(local, 0);
        let hash = self.key.hash_tuple(local, remote);
        let (offset, index) = (hash / TABLE_LENGTH as u64, hash as usize % TABLE_LENGTH);
        let counter = self.counters.get_mut(index)?;
        let place = offset
            .wrapping_add(u64::from(*counter))
            .checked_rem(u64::from(count))? as u32;
        for tried in 0..count {
            let port = (first + (place + tried) % count) as u16;
            if is_free(port) {
                *counter = counter.wrapping_add(tried + 1);
                return Some(port);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use core::cell::RefCell;
    use proptest::prelude::*;

    const LOCAL: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));
    const RANGE: (u16, u16) = (32_768, 60_999);

    fn ports() -> EphemeralPorts {
        EphemeralPorts::new(&Keys::new(&core::array::from_fn(|i| i as u8)))
    }

    fn remote(last: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], port))
    }

    #[test]
    fn one_destination_gets_ports_in_turn() {
        let mut ports = ports();
        let mut choose = || ports.choose((100, 199), LOCAL, remote(1, 80), |_| true);
        let first = u32::from(choose().unwrap());
        for i in 1..250 {
            let expected = 100 + (first - 100 + i) % 100;
            assert_eq!(choose().map(u32::from), Some(expected));
        }
    }

    #[test]
    fn destinations_start_in_different_places() {
        let mut ports = ports();
        let mut starts = BTreeSet::new();
        for last in 0..50 {
            starts.insert(ports.choose(RANGE, LOCAL, remote(last, 80), |_| true));
            starts.insert(ports.choose(RANGE, LOCAL, remote(last, 443), |_| true));
        }
        assert!(starts.len() >= 98, "{} of 100 differ", starts.len());
    }

    #[test]
    fn the_same_secret_gives_the_same_ports_on_every_machine() {
        let mut ports = ports();
        let mut choose = |last| ports.choose(RANGE, LOCAL, remote(last, 80), |_| true);
        assert_eq!(
            [choose(1), choose(1), choose(2)],
            [Some(40_030), Some(40_031), Some(44_527)]
        );
    }

    #[test]
    fn a_range_without_ports_has_none() {
        let choose = |range| ports().choose(range, LOCAL, remote(1, 80), |_| true);
        assert_eq!(choose((200, 100)), None);
        assert_eq!(choose((0, 0)), None);
        assert_eq!(choose((0, 1)), Some(1));
        assert_eq!(choose((u16::MAX, u16::MAX)), Some(u16::MAX));
    }

    proptest! {
        #[test]
        fn the_only_free_port_is_found_and_none_tried_twice(
            first in 0..=u16::MAX,
            len in 1u16..300,
            free: prop::sample::Index,
            choices in 0usize..10,
        ) {
            let last = first.saturating_add(len - 1);
            let mut ports = ports();
            for _ in 0..choices {
                ports.choose((first, last), LOCAL, remote(1, 80), |_| true);
            }
            let candidates: Vec<u16> = (first.max(1)..=last).collect();
            let tried = RefCell::new(BTreeSet::new());
            let only = (!candidates.is_empty()).then(|| *free.get(&candidates));
            let chosen = ports.choose((first, last), LOCAL, remote(1, 80), |port| {
                assert!(tried.borrow_mut().insert(port), "{port} tried twice");
                Some(port) == only
            });
            prop_assert_eq!(chosen, only);
            let none = ports.choose((first, last), LOCAL, remote(1, 80), |port| {
                assert!(candidates.contains(&port));
                false
            });
            prop_assert_eq!(none, None);
        }
    }
}
