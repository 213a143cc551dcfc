//! The same secret and the same inputs give the same bytes out; another secret gives other numbers.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tcp_core::wire::Control;
use tcp_sim::Side;
use tcp_sim::app::{Closes, Talker, converse, pattern};
use tcp_sim::world::{Family, Fault, FaultPlan, Host, Pair, PairConfig, TraceEntry};

/// A conversation in which much goes wrong.
fn troubled(secret: [[u8; 32]; 2], family: Family) -> Pair {
    let plan = FaultPlan::on(3, Fault::Drop)
        .and(7, Fault::Duplicate)
        .and(11, Fault::PastNext(Duration::from_millis(50)))
        .and(30, Fault::Drop)
        .and(31, Fault::Drop)
        .and(40, Fault::Corrupt(77))
        .and(55, Fault::Delay(Duration::from_secs(1)));
    let mut pair = Pair::new(PairConfig {
        family,
        secret,
        plan: [plan.clone(), plan],
        ..PairConfig::default()
    });
    let [client, server] = converse(
        &mut pair,
        [
            Talker::new(pattern(1, 100_000), Closes::WhenSent),
            Talker::new(pattern(2, 200_000), Closes::AfterPeer),
        ],
    );
    assert_eq!((client.error(), server.error()), (None, None));
    pair
}

/// Every byte of every packet, and when it was sent.
fn fingerprint(pair: &Pair) -> [u8; 32] {
    let mut hash = Sha256::new();
    for entry in pair.trace().entries() {
        hash.update(entry.at.as_nanos().to_be_bytes());
        hash.update((entry.packet.len() as u64).to_be_bytes());
        hash.update(&entry.packet);
    }
    hash.finalize().into()
}

fn first_syn(pair: &Pair, side: Side) -> &TraceEntry {
    let mut sent = pair.trace().sent_by(side);
    let syn = sent.find(|entry| entry.header.control == Control::Syn);
    syn.expect("a handshake")
}

#[test]
fn the_same_secret_gives_the_same_bytes() {
    for family in [Family::V4, Family::V6] {
        let secret = [[1; 32], [2; 32]];
        let [first, second] = [0; 2].map(|_| troubled(secret, family));
        assert!(first.trace().entries().len() > 200, "much has happened");
        assert_eq!(fingerprint(&first), fingerprint(&second));
    }
}

/// What is random on the wire, ports, initial sequence numbers and timestamps, comes from the secret.
#[test]
fn another_secret_gives_other_numbers() {
    let one = troubled([[1; 32], [2; 32]], Family::V4);
    let other = troubled([[3; 32], [4; 32]], Family::V4);
    assert_ne!(fingerprint(&one), fingerprint(&other));
    for side in Side::BOTH {
        let (one, other) = (first_syn(&one, side), first_syn(&other, side));
        assert_ne!(one.header.seq, other.header.seq, "the number of {side:?}");
        let stamp = |entry: &TraceEntry| entry.header.options.timestamps.map(|it| it.value);
        assert_ne!(stamp(one), stamp(other), "the clock of {side:?}");
    }
    let port = |pair: &Pair| first_syn(pair, Side::A).src.port();
    assert_ne!(port(&one), port(&other), "the ephemeral port");
}

/// RFC 6056 and RFC 6528: neither ports nor initial sequence numbers of connections to different
/// peers follow from each other.
#[test]
fn numbers_do_not_follow_a_pattern() {
    let mut host = Host::new(Side::A, 1_500, [9; 32]);
    let tcp = tcp_core::ValidConfig::default();
    let mut ports = BTreeSet::new();
    let mut isns = BTreeSet::new();
    for port in 1..=100 {
        let remote = Side::B.addr(Family::V4, port);
        let now = tcp_core::Instant::ZERO;
        let made = host.stack.connect(now, None, remote, tcp.clone());
        made.expect("there are ports enough");
        for packet in host.drain(now) {
            let syn = tcp_sim::world::TcpPacket::parse(&packet).expect("a SYN");
            ports.insert(syn.src.port());
            isns.insert(syn.header.seq.get());
        }
    }
    assert_eq!(isns.len(), 100);
    // With neighbours one after the other, steps of one would be as many as connections.
    let steps = |numbers: &BTreeSet<u32>| {
        let pairs = numbers.iter().zip(numbers.iter().skip(1));
        pairs.filter(|(low, high)| *high - *low == 1).count()
    };
    assert!(steps(&isns) < 5);
    assert!(steps(&ports.iter().map(|port| u32::from(*port)).collect()) < 20);
}
