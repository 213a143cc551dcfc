//! Opening connections: sections 3.5, 3.9.1.1 and 3.9.2.3.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use tcp_core::{ConnectError, Event, Instant, ListenAddr, ListenConfig, StackConfig, ValidConfig};
use tcp_sim::script::{ack, syn};
use tcp_sim::world::Host;

use crate::hosts::{HOMES, at, config, drained, host, open, parse, peer_of, say};
use crate::rig::script;

/// Both ends open at once: each answers the other's SYN, and the connection is one (§3.5).
#[test]
fn must_10_both_ends_may_open_at_once() {
    script(
        "
        `sysctl -q net.ipv4.tcp_timestamps=0`
        0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
        +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +.1 < S 0:0(0) win 5792 <mss 1000,nop,nop,sackOK,nop,wscale 7>
        +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +.1 < . 1:1(0) ack 1 win 257
        +0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
        +0 write(3, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        +0 < P. 1:501(500) ack 1001 win 257
        +0 > . 1001:1001(0) ack 501
        +0 read(3, ..., 1000) = 500
        ",
    );
}

/// The two SYN-ACKs may cross as well: the peer's completes the handshake (§3.5).
#[test]
fn must_10_the_answers_may_cross() {
    script(
        "
        `sysctl -q net.ipv4.tcp_timestamps=0`
        0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
        +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +.1 < S 0:0(0) win 5792 <mss 1000>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < S. 0:0(0) ack 1 win 5792 <mss 1000>
        +0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
        +0 write(3, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        ",
    );
}

/// RST in SYN-RECEIVED tells the user of an active open, for the open has failed (§3.5).
#[test]
fn must_11_reset_of_an_active_open_is_told() {
    script(
        "
        `sysctl -q net.ipv4.tcp_timestamps=0`
        0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
        +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0 > S 0:0(0) <...>
        +.1 < S 0:0(0) win 5792 <mss 1000>
        +0 > S. 0:0(0) ack 1 <...>
        +.1 < R 1:1(0) win 0
        +0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0
        ",
    );
}

/// RST in SYN-RECEIVED returns a passive open to LISTEN, and its user hears nothing (§3.5).
#[test]
fn must_11_reset_of_a_passive_open_returns_to_listen() {
    script(
        "
        0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 65535 <mss 1000>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < R 1:1(0) win 0
        +0 accept(3, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)
        +.1 < S 0:0(0) win 65535 <mss 1000>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        ",
    );
}

/// A second listen on a port leaves a connection of that port as it was (§3.9.1.1).
#[test]
fn must_41_a_passive_open_disturbs_no_connection() {
    script(
        "
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 65535 <mss 1000>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        +0 close(3) = 0
        +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
        +0 setsockopt(5, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
        +0 bind(5, ..., ...) = 0
        +0 listen(5, 1) = 0
        +0 < P. 1:101(100) ack 1 win 65535
        +0 > . 1:1(0) ack 101
        +0 read(4, ..., 1000) = 100
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 101
        ",
    );
}

/// Listeners at several addresses of one port exist beside each other, and each gets its own SYNs
/// (§3.9.1.1).
#[test]
fn must_42_one_port_may_have_listeners_at_several_addresses() {
    let now = Instant::ZERO;
    for homes in HOMES {
        let mut host = host(&homes);
        let listeners = homes.map(|home| {
            let listener = host.stack.listen(at(home, 80), ListenConfig::default());
            listener.expect("no other has this address")
        });
        for (home, expected) in homes.into_iter().zip(listeners) {
            let peer = at(peer_of(home), 4_000);
            let answers = say(&mut host, now, peer, at(home, 80), &syn(100));
            let ours = answers[0].header.seq.get();
            let last = ack(101, ours.wrapping_add(1));
            say(&mut host, now, peer, at(home, 80), &last);
            assert_eq!(host.take_events(), [Event::Incoming { listener: expected }]);
            let id = host.stack.accept(expected).expect("it waits there");
            let connection = host.stack.connection(now, id).expect("it is there");
            assert_eq!(connection.local_addr(), at(home, 80));
        }
    }
}

/// The user may say from which address a connection is opened (§3.9.1.1).
#[test]
fn must_43_open_takes_a_local_address() {
    for homes in HOMES {
        for home in homes {
            let mut host = host(&homes);
            let local = Some(at(home, 5_000));
            let packets = open(&mut host, local, at(peer_of(home), 80)).expect("it is ours");
            assert_eq!(packets[0].src, at(home, 5_000));
        }
        let stranger = Some(at(peer_of(homes[0]), 5_000));
        let result = open(&mut host(&homes), stranger, at(peer_of(homes[0]), 80));
        assert_eq!(result, Err(ConnectError::NoLocalAddress));
    }
}

/// Where the user does not, it is one of the host's, of the peer's family (§3.9.1.1).
#[test]
fn must_44_the_address_is_chosen_where_none_is_given() {
    let homes = [HOMES[0][0], HOMES[1][0]];
    for home in homes {
        for unspecified in [None, Some(home)] {
            let local = unspecified.map(|home| match parse(home) {
                IpAddr::V4(_) => at("0.0.0.0", 0),
                IpAddr::V6(_) => at("::", 0),
            });
            let mut host = host(&homes);
            let packets = open(&mut host, local, at(peer_of(home), 80)).expect("one fits");
            assert_eq!(packets[0].src.ip(), parse(home));
        }
    }
    let result = open(&mut host(&homes[..1]), None, at("fd00::9", 80));
    assert_eq!(result, Err(ConnectError::NoLocalAddress));
}

/// All that a connection sends, to its last retransmission, comes from that address (§3.9.1.1).
#[test]
fn must_45_the_address_stays_the_same_throughout() {
    for homes in HOMES {
        let mut host = host(&homes);
        let (local, peer) = (at(homes[1], 5_000), at(peer_of(homes[1]), 80));
        let mut now = Instant::ZERO;
        let stack = &mut host.stack;
        let id = stack
            .connect(now, Some(local), peer, ValidConfig::default())
            .unwrap();
        let mut sent = drained(&mut host, now);
        let ours = sent[0].header.seq.get().wrapping_add(1);
        sent.extend(say(&mut host, now, peer, local, &syn(100).ack(ours)));
        let mut connection = host.stack.connection(now, id).unwrap();
        assert_eq!(connection.write(&[7; 5_000]), Ok(5_000));
        drop(connection);
        sent.extend(drained(&mut host, now));
        for _ in 0..5 {
            now = host.stack.poll_timeout().expect("something is outstanding");
            host.stack.handle_timeout(now);
            sent.extend(drained(&mut host, now));
        }
        sent.extend(say(&mut host, now, peer, local, &syn(9_000)));
        host.stack.connection(now, id).unwrap().abort();
        sent.extend(drained(&mut host, now));
        assert!(sent.len() >= 10, "{}", sent.len());
        let ends: BTreeSet<_> = sent.iter().map(|packet| (packet.src, packet.dst)).collect();
        assert_eq!(ends, BTreeSet::from([(local, peer)]));
    }
}

/// A connection to a broadcast or multicast address is refused at once, and nothing is sent (§3.9.2.3).
/// Without a netmask the broadcast address of a subnet is one like any other.
#[test]
fn must_46_no_connection_is_opened_to_many() {
    for remote in [
        "255.255.255.255",
        "224.0.0.1",
        "239.1.2.3",
        "ff02::1",
        "ff0e::101",
    ] {
        let mut host = host(&[HOMES[0][0], HOMES[1][0]]);
        let result = open(&mut host, None, at(remote, 80));
        assert_eq!(result, Err(ConnectError::InvalidRemote), "{remote}");
        assert_eq!(drained(&mut host, Instant::ZERO), [], "{remote}");
    }
}

/// A segment to a broadcast or multicast address gets no answer, not even from a stack that takes packets
/// for any address (§3.9.2.3).
#[test]
fn must_57_segments_to_many_are_dropped_silently() {
    for (local, remote) in [
        ("255.255.255.255", "10.0.0.2"),
        ("224.0.0.1", "10.0.0.2"),
        ("ff02::1", "fd00::2"),
    ] {
        let mut host = Host::with_config(
            StackConfig {
                any_address: true,
                ..config(&[HOMES[0][0], HOMES[1][0]])
            },
            [1; 32],
        );
        host.stack
            .listen(ListenAddr::ANY, ListenConfig::default())
            .unwrap();
        for segment in [syn(1), ack(1, 1).data(b"x")] {
            let answers = say(
                &mut host,
                Instant::ZERO,
                at(remote, 4_000),
                at(local, 80),
                &segment,
            );
            assert_eq!(answers, [], "{local}");
        }
        assert_eq!(host.stack.counters().ip_in_addr_errors, 2);
        assert!(host.stack.is_idle());
    }
}

/// The broadcast address of a subnet is none of ours, whatever the netmask, and so gets no answer either
/// (§3.9.2.3).
#[test]
fn must_57_segments_to_a_subnet_are_dropped_silently() {
    let mut host = host(&["10.0.0.1"]);
    host.stack
        .listen(ListenAddr::ANY, ListenConfig::default())
        .unwrap();
    let (peer, everybody) = (at("10.0.0.2", 4_000), at("10.0.0.255", 80));
    let answers = say(&mut host, Instant::ZERO, peer, everybody, &syn(1));
    assert_eq!(answers, []);
    assert_eq!(host.stack.counters().ip_in_addr_errors, 1);
}

/// A SYN that comes from a broadcast, multicast or unspecified address gets no answer (§3.9.2.3).
#[test]
fn must_63_a_syn_from_an_impossible_source_is_dropped() {
    for (local, remote) in [
        ("10.0.0.1", "255.255.255.255"),
        ("10.0.0.1", "224.0.0.1"),
        ("10.0.0.1", "0.0.0.0"),
        ("fd00::1", "ff02::1"),
        ("fd00::1", "::"),
    ] {
        let mut host = host(&["10.0.0.1", "fd00::1"]);
        host.stack
            .listen(at(local, 80), ListenConfig::default())
            .unwrap();
        let answers = say(
            &mut host,
            Instant::ZERO,
            at(remote, 4_000),
            at(local, 80),
            &syn(1),
        );
        assert_eq!(answers, [], "{remote}");
        assert_eq!(host.stack.counters().ip_in_martians, 1);
        host.stack
            .handle_timeout(Instant::ZERO + Duration::from_secs(10));
        assert_eq!(
            drained(&mut host, Instant::ZERO + Duration::from_secs(10)),
            []
        );
    }
}
