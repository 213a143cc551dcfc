//! Initial sequence numbers: section 3.4.1.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tcp_core::{Instant, ValidConfig};
use tcp_sim::script::syn;
use tcp_sim::world::Host;

use crate::hosts::{HOMES, at, config, drained, peer_of, say};

/// The number of a connection between the same ends moves on with the clock, by one in four microseconds,
/// and from one start of the program to the next (§3.4.1).
#[test]
fn must_8_the_number_has_a_part_that_a_clock_drives() {
    for [home, _] in HOMES {
        let (ours, peer) = (at(home, 5_000), at(peer_of(home), 80));
        let first = active(&mut started(home, 1, 0), 0, ours, peer);
        for micros in [4, 400, 1_000_000, 60_000_000] {
            let later = active(&mut started(home, 1, 0), micros, ours, peer);
            assert_eq!(u64::from(later.wrapping_sub(first)), micros / 4, "active");
            let restarted = active(&mut started(home, 1, micros), 0, ours, peer);
            assert_eq!(restarted, later, "the clock outlives a restart");
        }
        let accepted = |micros| passive(&mut started(home, 1, 0), micros, ours, peer);
        let distance = accepted(1_000_000).wrapping_sub(accepted(0));
        assert_eq!(distance, 250_000, "passive");
    }
}

/// Who knows the number of one connection knows nothing of another's: how far they are apart is another for
/// each secret (§3.4.1).
#[test]
fn must_9_the_number_cannot_be_computed_from_outside() {
    for [home, _] in HOMES {
        let ours = at(home, 5_000);
        let distances: BTreeSet<u32> = (0..=255)
            .map(|secret| {
                let mut host = started(home, secret, 0);
                let known = active(&mut host, 0, ours, at(peer_of(home), 80));
                let other = active(&mut host, 0, ours, at(peer_of(home), 81));
                other.wrapping_sub(known)
            })
            .collect();
        assert!(distances.len() >= 255, "of 256: {}", distances.len());
        let widest = distances.iter().map(|distance| distance >> 28);
        let spread: BTreeSet<u32> = widest.collect();
        assert_eq!(spread.len(), 16, "over the whole space");
    }
}

/// Each four numbers have a place of their own on the ring, and the same place as long as the secret is
/// (§3.4.1, RFC 6528).
#[test]
fn shld_1_the_number_is_a_clock_and_a_keyed_hash_of_the_four_tuple() {
    for [home, other_home] in HOMES {
        let peer = peer_of(home);
        let mut numbers = BTreeSet::new();
        let tuples = [
            (at(home, 5_000), at(peer, 80)),
            (at(home, 5_001), at(peer, 80)),
            (at(home, 5_000), at(peer, 81)),
            (at(other_home, 5_000), at(peer, 80)),
        ];
        for (ours, peer) in tuples {
            let number = |micros| {
                let mut host = started(&ours.ip().to_string(), 9, 0);
                active(&mut host, micros, ours, peer)
            };
            assert_eq!(number(8_000), number(0).wrapping_add(2_000));
            numbers.insert(number(0));
        }
        assert_eq!(numbers.len(), tuples.len());
    }
}

/// A host with one address, all of whose choices derive from `secret`, and whose clock stood at `micros`
/// when it was started.
fn started(home: &str, secret: u8, micros: u64) -> Host {
    let mut config = config(&[home]);
    config.clock_offset = Duration::from_micros(micros);
    Host::with_config(config, [secret; 32])
}

/// The number of the SYN with which a connection is opened.
fn active(host: &mut Host, micros: u64, ours: SocketAddr, peer: SocketAddr) -> u32 {
    let now = Instant::from_nanos(micros * 1_000);
    let opened = host
        .stack
        .connect(now, Some(ours), peer, ValidConfig::default());
    opened.expect("the four numbers are free");
    drained(host, now)[0].header.seq.get()
}

/// The number of the SYN-ACK with which one is answered.
fn passive(host: &mut Host, micros: u64, ours: SocketAddr, peer: SocketAddr) -> u32 {
    let now = Instant::from_nanos(micros * 1_000);
    let listener = host.stack.listen(ours, tcp_core::ListenConfig::default());
    listener.expect("nobody else listens");
    say(host, now, peer, ours, &syn(100))[0].header.seq.get()
}
