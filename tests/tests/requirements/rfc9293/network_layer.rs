//! What lies below: section 3.9.2.

use tcp_core::{Instant, ListenConfig, TcpConfig};
use tcp_sim::drill::Family;
use tcp_sim::world::Host;

use crate::hosts::config;
use crate::raw::{ACK, Raw, SYN, drain, ends, give, listening, shake_hands};
use crate::rig::served_over;

/// TTL and hop limit are the user's choice, for one connection and at any time; the default is 64 (§3.9.2).
#[test]
fn must_49_the_hop_limit_is_configurable() {
    for (family, option) in [
        (Family::V4, "SOL_IP, IP_TTL"),
        (Family::V6, "SOL_IPV6, IPV6_UNICAST_HOPS"),
    ] {
        served_over(
            family,
            &format!(
                "
                +0 write(4, ..., 100) = 100
                +0 > [ttl 64] P. 1:101(100) ack 1
                +0 setsockopt(4, {option}, [7], 4) = 0
                +.1 < . 1:1(0) ack 101 win 65535
                +0 write(4, ..., 100) = 100
                +0 > [ttl 7] P. 101:201(100) ack 1
                "
            ),
        );
    }
}

/// By the configuration it holds for the SYN-ACK as well (§3.9.2).
#[test]
fn must_49_the_hop_limit_holds_from_the_first_packet_on() {
    for (ours, peers) in ends() {
        let mut host = Host::with_config(config(&[&ours.ip().to_string()]), [7; 32]);
        let tcp = TcpConfig {
            hop_limit: 255,
            ..TcpConfig::default()
        };
        let listen = ListenConfig {
            tcp: tcp.validate().expect("within bounds"),
            ..ListenConfig::default()
        };
        host.stack
            .listen(ours, listen)
            .expect("nobody else listens");
        let first = Raw::new(peers, ours, SYN, 100);
        let answers = give(&mut host, Instant::ZERO, &first.packet());
        assert_eq!(answers[0].hop_limit, 255);
    }
}

/// A segment under IP options, or extension headers, that nobody here understands is taken as any other
/// (§3.9.2).
#[test]
fn must_50_options_that_are_not_understood_are_ignored() {
    let [(ours_v4, peers_v4), (ours_v6, peers_v6)] = ends();
    // Router alert; an experimental option; no-operations and the end of the list.
    for options in [
        &[148, 4, 0, 0][..],
        &[30, 6, 1, 2, 3, 4, 0, 0],
        &[1, 1, 1, 0],
    ] {
        accepts(Raw {
            ip_options: options.to_vec(),
            ..Raw::new(peers_v4, ours_v4, SYN, 100)
        });
    }
    // An option that says by its two highest bits that it may be skipped, under each kind of header.
    for extension in [0, 60] {
        accepts(Raw {
            ip_options: vec![0, 0, 0x1e, 4, 1, 2, 3, 4],
            extension,
            ..Raw::new(peers_v6, ours_v6, SYN, 100)
        });
    }
}

/// A timestamp option of IP is passed over, and our packets have none (§3.9.2, RFC 7126).
#[test]
fn may_10_no_ip_timestamps_are_sent() {
    let (ours, peers) = ends()[0];
    accepts(Raw {
        ip_options: vec![68, 8, 5, 0, 0, 0, 0, 0],
        ..Raw::new(peers, ours, SYN, 100)
    });
}

/// A record of the route is passed over, and our packets have none (§3.9.2, RFC 7126).
#[test]
fn may_11_no_route_is_recorded() {
    let (ours, peers) = ends()[0];
    accepts(Raw {
        ip_options: vec![7, 7, 4, 0, 0, 0, 0, 0],
        ..Raw::new(peers, ours, SYN, 100)
    });
}

/// A connection that we open goes the way that routers choose: no packet has a source route (§3.9.2.1,
/// RFC 7126, RFC 5095).
#[test]
fn must_51_no_source_route_is_sent() {
    for (ours, peers) in ends() {
        let mut host = Host::with_config(config(&[&ours.ip().to_string()]), [7; 32]);
        let opened = host.stack.connect(
            Instant::ZERO,
            Some(ours),
            peers,
            TcpConfig::default()
                .validate()
                .expect("the defaults are valid"),
        );
        opened.expect("the four numbers are free");
        let sent = drain(&mut host, Instant::ZERO);
        assert_eq!(sent[0].ip_options, [0; 0]);
    }
}

/// Nor has one that answers a segment which came by a source route (§3.9.2.1).
#[test]
fn must_52_a_source_route_that_arrives_is_not_used() {
    for route in ROUTES {
        let (ours, peers) = ends()[0];
        let mut host = listening(ours);
        let next = shake_hands(&mut host, Instant::ZERO, &Raw::new(peers, ours, SYN, 100));
        let data = Raw {
            ip_options: route.to_vec(),
            payload: b"by a detour".to_vec(),
            ..next
        };
        let answers = give(&mut host, Instant::ZERO, &data.packet());
        assert_eq!(answers[0].ack, 112, "it is taken");
        assert_eq!(
            (answers[0].dst, &answers[0].ip_options[..]),
            (peers, &[][..])
        );
    }
}

/// A passive open keeps no return route: who came by one is answered straight (§3.9.2.1).
#[test]
fn must_53_no_return_route_is_kept() {
    for route in ROUTES {
        let (ours, peers) = ends()[0];
        accepts(Raw {
            ip_options: route.to_vec(),
            ..Raw::new(peers, ours, SYN, 100)
        });
    }
}

/// Over IPv6 a routing header that leads on from us is refused, and one that ends here means nothing
/// (§3.9.2.1, RFC 5095).
#[test]
fn must_53_a_routing_header_that_leads_on_is_refused() {
    const ROUTING: u8 = 43;
    let (ours, peers) = ends()[1];
    let routed = |segments_left: u8| Raw {
        ip_options: vec![0, 2, 0, segments_left, 0, 0, 0, 0]
            .into_iter()
            .chain([0xfd; 16])
            .collect(),
        extension: ROUTING,
        ..Raw::new(peers, ours, SYN, 100)
    };
    accepts(routed(0));
    let mut host = listening(ours);
    assert_eq!(give(&mut host, Instant::ZERO, &routed(1).packet()), []);
    assert_eq!(host.stack.counters().ip_in_hdr_errors, 1);
}

/// A second route is ignored as the first was (§3.9.2.1).
#[test]
fn shld_24_a_later_source_route_changes_nothing() {
    let (ours, peers) = ends()[0];
    let mut host = listening(ours);
    let first = Raw {
        ip_options: ROUTES[0].to_vec(),
        ..Raw::new(peers, ours, SYN, 100)
    };
    let next = shake_hands(&mut host, Instant::ZERO, &first);
    let data = Raw {
        ip_options: ROUTES[1].to_vec(),
        payload: b"by another".to_vec(),
        ..next
    };
    let answers = give(&mut host, Instant::ZERO, &data.packet());
    assert_eq!(
        (answers[0].dst, &answers[0].ip_options[..]),
        (peers, &[][..])
    );
}

/// The Diffserv field that arrives is not looked at: what we send has our own (§3.9.2).
#[test]
fn may_9_the_diffserv_field_that_arrives_changes_nothing() {
    for (ours, peers) in ends() {
        for dscp in [0, 8, 46, 63] {
            let mut host = listening(ours);
            let first = Raw {
                dscp,
                ..Raw::new(peers, ours, SYN, 100)
            };
            let next = shake_hands(&mut host, Instant::ZERO, &first);
            let data = Raw {
                dscp,
                payload: b"marked".to_vec(),
                ..next
            };
            let answers = give(&mut host, Instant::ZERO, &data.packet());
            assert_eq!((answers[0].ack, answers[0].dscp), (107, 0));
        }
    }
}

/// A loose and a strict source route by way of 10.0.0.99, both at their end.
const ROUTES: [&[u8]; 2] = [&[131, 7, 8, 10, 0, 0, 99, 0], &[137, 7, 8, 10, 0, 0, 99, 0]];

/// The SYN is answered straight to its sender, by packets without IP options, and so is the data after it.
fn accepts(first: Raw) {
    let mut host = listening(first.dst);
    let options = first.ip_options.clone();
    let answers = give(&mut host, Instant::ZERO, &first.packet());
    let [answer] = &answers[..] else {
        panic!("{options:?}: {answers:?}");
    };
    assert_eq!((answer.flags, answer.dst), (SYN | ACK, first.src));
    assert_eq!(answer.ip_options, [0; 0]);
    let data = Raw {
        seq: first.seq + 1,
        ack: answer.seq.wrapping_add(1),
        flags: ACK,
        payload: b"hello".to_vec(),
        ..first
    };
    let answers = give(&mut host, Instant::ZERO, &data.packet());
    assert_eq!(answers[0].ack, data.seq + 5);
    assert_eq!(answers[0].ip_options, [0; 0]);
}
