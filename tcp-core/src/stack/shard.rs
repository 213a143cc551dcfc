//! Several stacks behind one set of addresses: whose a flow is.

use core::net::SocketAddr;
use core::num::NonZeroU16;

use super::keys::Key;
use super::tuple::FourTuple;
use crate::wire;

/// How flows are divided among stacks that share their addresses, so that each can run on a processor of
/// its own: a flow belongs to one stack, by a keyed hash of its four-tuple, for as long as it is spoken of,
/// TIME-WAIT included. A peer that does not know the key cannot aim at one of them (as with the key of a
/// network card's receive-side scaling).
///
/// ```
/// use std::num::NonZeroU16;
/// use tcp_core::{Stack, StackConfig, Steering};
///
/// let steering = Steering::new(&[7; 32], NonZeroU16::new(2).unwrap());
/// let config = StackConfig { addresses: vec![[10, 0, 0, 1].into()], ..StackConfig::default() };
/// let stacks: Vec<Stack> = steering
///     .shards()
///     .map(|shard| Stack::sharded(config.clone(), [7; 32], shard))
///     .collect();
/// // A packet goes to `stacks[owner]`.
/// let owner = steering.owner("10.0.0.1:80".parse().unwrap(), "10.0.0.9:4000".parse().unwrap());
/// assert!(usize::from(owner) < stacks.len());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Steering {
    key: Key,
    stacks: NonZeroU16,
}

/// Which of several stacks one of them is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    steering: Steering,
    index: u16,
}

impl Steering {
    /// A division among so many stacks, under a key that derives from `secret`.
    pub fn new(secret: &[u8; 32], stacks: NonZeroU16) -> Steering {
        let key = Key::derive(secret, "steering");
        Steering { key, stacks }
    }

    /// The stack to which the flow between these addresses belongs, counted from 0. It does not matter
    /// which of the two is ours.
    pub fn owner(&self, one: SocketAddr, other: SocketAddr) -> u16 {
        let end = |addr: SocketAddr| (addr.ip(), addr.port());
        let (low, high) = match end(one) <= end(other) {
            true => (one, other),
            false => (other, one),
        };
        // No flow has addresses of two families.
        let hash = FourTuple::new(low, high).map_or(0, |tuple| tuple.hash(&self.key));
        // Below the number of stacks, which is a `u16`.
        (hash % u64::from(self.stacks.get())) as u16
    }

    /// The stack that is to take a packet; `None` where any will do, since the packet is about no
    /// connection: see [`wire::ends`].
    pub fn owner_of_packet(&self, packet: &[u8]) -> Option<u16> {
        let (one, other) = wire::ends(packet)?;
        Some(self.owner(one, other))
    }

    /// What each of the stacks is told, in their order.
    pub fn shards(self) -> impl Iterator<Item = Shard> {
        let shard = move |index| Shard {
            steering: self,
            index,
        };
        (0..self.stacks.get()).map(shard)
    }
}

impl Shard {
    /// The stack that the flow between these addresses belongs to, if that is another.
    pub(super) fn other_owner(&self, local: SocketAddr, remote: SocketAddr) -> Option<u16> {
        let owner = self.steering.owner(local, remote);
        (owner != self.index).then_some(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    fn steering(stacks: u16) -> Steering {
        let secret = core::array::from_fn(|i| i as u8);
        Steering::new(&secret, NonZeroU16::new(stacks).unwrap())
    }

    fn flows(count: u16) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
        (0..count).map(|i| {
            let [high, low] = i.to_be_bytes();
            let ours = SocketAddr::from(([10, 0, 0, 1], 80));
            (ours, SocketAddr::from(([10, 1, high, low], 30_000 + i)))
        })
    }

    #[test]
    fn both_ends_name_the_same_flow() {
        for (ours, theirs) in flows(500) {
            assert_eq!(
                steering(7).owner(ours, theirs),
                steering(7).owner(theirs, ours)
            );
        }
        let [a, b] = ["[fd00::1]:80", "[fd00::1]:81"].map(|text| text.parse().unwrap());
        assert_eq!(steering(256).owner(a, b), steering(256).owner(b, a));
    }

    #[test]
    fn flows_are_spread_evenly() {
        for stacks in [1, 2, 3, 256] {
            let mut counts = vec![0_u32; stacks.into()];
            for (ours, theirs) in flows(10_240) {
                counts[usize::from(steering(stacks).owner(ours, theirs))] += 1;
            }
            let mean = 10_240 / u32::from(stacks);
            let most = counts.iter().max().unwrap();
            assert!(*most < 2 * mean, "{most} of {mean} in the mean");
            assert!(counts.iter().all(|&count| count > mean / 4));
        }
    }

    #[test]
    fn the_same_secret_gives_the_same_owners_on_every_machine() {
        let owners: Vec<u16> = flows(8)
            .map(|(ours, theirs)| steering(256).owner(ours, theirs))
            .collect();
        assert_eq!(owners, [185, 3, 158, 51, 31, 41, 21, 53]);
    }
}
