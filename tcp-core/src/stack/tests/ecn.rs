//! ECN in IP headers, and SYNs that ask for it (RFC 3168).

use super::*;
use crate::config::{Admission, EcnMode, TcpConfig};
use crate::event::SynDecision;
use crate::wire::Ecn;

fn asking() -> ValidConfig {
    let config = TcpConfig {
        ecn: EcnMode::Request,
        ..TcpConfig::default()
    };
    config.validate().unwrap()
}

/// The two low bits of the second byte in IPv4, and of the traffic class in IPv6.
fn field(packet: &[u8]) -> u8 {
    match packet[0] >> 4 {
        4 => packet[1] & 3,
        _ => packet[1] >> 4 & 3,
    }
}

/// Sets the field as a router does, with the checksum that IPv4 has over it.
fn mark(packet: &mut [u8]) {
    if packet[0] >> 4 == 4 {
        packet[1] |= 3;
        packet[10..12].fill(0);
        let words = packet[..20].chunks(2);
        let sum: u32 = words
            .map(|it| u32::from(it[0]) << 8 | u32::from(it[1]))
            .sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = !(folded as u16);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    } else {
        packet[1] |= 3 << 4;
    }
}

#[test]
fn the_bits_of_the_ip_header_come_through_both_ways() {
    for (near, far) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
        let mut pair = Pair::with(config(ip(near)), config(ip(far)));
        let listener = pair.listen(ListenConfig::default());
        let remote = SocketAddr::new(ip(far), PORT);
        let client = pair.client.stack.connect(pair.now, None, remote, asking());
        let client = client.unwrap();
        let mut said = Vec::new();
        for _ in 0..3 {
            for packet in pair.client_to_server() {
                said.push(field(&packet));
                pair.server.handle(pair.now, &packet);
            }
            for packet in pair.server_to_client() {
                said.push(field(&packet));
                pair.client.handle(pair.now, &packet);
            }
        }
        assert_eq!(said, [0, 0, 0], "SYN, SYN-ACK, ACK");
        let server = pair.server.stack.accept(listener).unwrap();

        pair.client.write(pair.now, client, b"data");
        let mut data = pair.client_to_server().remove(0);
        assert_eq!(field(&data), 2, "ECT(0)");
        mark(&mut data);
        pair.server.handle(pair.now, &data);
        assert_eq!(pair.server.read_all(pair.now, server), b"data");
        let answer = pair.server_to_client().remove(0);
        assert_eq!(field(&answer), 0);
        assert!(parse(&answer).segment.header.ece);
        pair.client.handle(pair.now, &answer);
        pair.client.write(pair.now, client, b"more");
        let more = pair.client_to_server().remove(0);
        assert!(parse(&more).segment.header.cwr);
        pair.server.handle(pair.now, &more);

        let counters = pair.server.stack.counters();
        let arrived = [
            counters.in_no_ect_pkts,
            counters.in_ect1_pkts,
            counters.in_ect0_pkts,
            counters.in_ce_pkts,
        ];
        assert_eq!(arrived, [2, 0, 1, 1], "SYN and ACK; the rest; the mark");
        assert_eq!(pair.client.stack.counters().delivered_ce, 1);
    }
}

fn plain(header: Header) -> Header {
    Header {
        ece: false,
        cwr: false,
        ecn: Ecn::NotCapable,
        ..header
    }
}

/// Leads a host to where this peer finds it.
type Prepare = fn(SocketAddr) -> Host;

/// What a stack in each state says to a SYN that asks, in every way that bits can be set, is what it
/// says without them; but for ECE in the SYN-ACK.
#[test]
fn the_bits_of_a_syn_change_no_answer() {
    let peer = addr("10.0.0.1:4000");
    let hosts: [(&str, Prepare); 5] = [
        ("nobody listens", |_| Host::new(config(server_ip()))),
        ("a listener", |_| listening(Admission::Accept)),
        ("a half-open connection", |peer| {
            let mut host = listening(Admission::Accept);
            host.answer(Instant::ZERO, peer, server_addr(), syn(7));
            host
        }),
        ("an undecided SYN", |peer| {
            let mut host = listening(Admission::Ask);
            host.answer(Instant::ZERO, peer, server_addr(), syn(7));
            host
        }),
        ("TIME-WAIT", waiting),
    ];
    for (name, host) in hosts {
        let host = host(peer);
        for seq in [7, 8, 5_000_000] {
            let answers = |header| {
                let mut host = host.clone();
                let answers = host.answer(Instant::ZERO, peer, server_addr(), header);
                (answers, host.sockets())
            };
            let (expected, sockets) = answers(syn(seq));
            for bits in 1..16 {
                let (said, left) = answers(Header {
                    ece: bits & 1 != 0,
                    cwr: bits & 2 != 0,
                    ecn: Ecn::from_bits(bits >> 2),
                    ..syn(seq)
                });
                let capable = said.iter().any(|said| said.ecn != Ecn::NotCapable);
                assert!(!capable, "{name}");
                let said: Vec<_> = said.into_iter().map(plain).collect();
                assert_eq!(said, expected, "{name}, SEQ={seq}");
                assert_eq!(left, sockets, "{name}");
            }
        }
    }
}

fn listening(admission: Admission) -> Host {
    let mut host = Host::new(config(server_ip()));
    let config = ListenConfig {
        admission,
        ..ListenConfig::default()
    };
    host.stack.listen(on_port(PORT), config).unwrap();
    host
}

/// A server that has closed first, and the client after it.
fn waiting(peer: SocketAddr) -> Host {
    let mut host = listening(Admission::Accept);
    let say = |host: &mut Host, header| host.answer(Instant::ZERO, peer, server_addr(), header);
    let syn_ack = say(&mut host, syn(7)).remove(0);
    let ours = |offset| Some(syn_ack.seq.advanced_by(offset).get());
    say(&mut host, header(Control::None, 8, ours(1)));
    let server = match host.events.pop() {
        Some(Event::Incoming { listener }) => host.stack.accept(listener).unwrap(),
        other => panic!("{other:?}"),
    };
    host.close(Instant::ZERO, server);
    host.drain(Instant::ZERO);
    say(&mut host, header(Control::Fin, 8, ours(2)));
    assert_eq!(host.stack.counters().time_wait, 1);
    host
}

/// RFC 3168 §6.1.1: a SYN repeated without the bits takes back what the first asked, also while the user
/// has not decided.
#[test]
fn an_undecided_syn_that_comes_again_without_asking_is_answered_plainly() {
    let peer = addr("10.0.0.1:4000");
    let asks = Header {
        ece: true,
        cwr: true,
        ..syn(7)
    };
    for (again, ece) in [(asks, true), (syn(7), false)] {
        let mut host = listening(Admission::Ask);
        for header in [asks, again] {
            assert_eq!(
                host.answer(Instant::ZERO, peer, server_addr(), header),
                [],
                "before the decision"
            );
        }
        let Some(Event::Syn { id, .. }) = host.events.pop() else {
            panic!("{:?}", host.events)
        };
        assert!(host.stack.decide(Instant::ZERO, id, SynDecision::Accept));
        let answers = host.drain(Instant::ZERO);
        let header = parse(&answers[0]).segment.header;
        assert_eq!(
            (header.control, header.ece, header.cwr),
            (Control::Syn, ece, false)
        );
    }
}
