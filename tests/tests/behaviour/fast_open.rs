//! TCP Fast Open (RFC 7413) over a link that fails at random: what goes with the SYN arrives once and in its place,
//! whatever becomes of SYN and SYN-ACK.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use tcp_core::{ConnectionId, FastOpenConfig, ListenConfig, ListenFastOpen, ListenerId};
use tcp_sim::Side;
use tcp_sim::app::{Closes, Talker, pattern};
use tcp_sim::world::{Family, Fault, FaultPlan, Pair, PairConfig};

const PORT: u16 = 80;

/// Faults among the first packets of one direction. No SYN comes after its connection has ended: that would open
/// another (RFC 7413 §6.2).
fn faults() -> impl Strategy<Value = BTreeMap<u64, Fault>> {
    let fault = prop_oneof![
        4 => Just(Fault::Drop),
        1 => Just(Fault::Duplicate),
        1 => (1u64..200).prop_map(|millis| Fault::PastNext(Duration::from_millis(millis))),
        1 => (0usize..12_000).prop_map(Fault::Corrupt),
    ];
    prop::collection::btree_map(1u64..12, fault, 0..5)
}

/// Two hosts that both open fast, and a listener at B.
fn pair(family: Family) -> (Pair, ListenerId) {
    let mut pair = Pair::new(PairConfig {
        family,
        ..PairConfig::default()
    });
    let allowed = FastOpenConfig {
        server: true,
        ..FastOpenConfig::default()
    };
    for side in Side::BOTH {
        pair.call(side, |stack, _| stack.set_fast_open(allowed.clone()));
    }
    let config = ListenConfig {
        fast_open: ListenFastOpen {
            queue: 8,
            ..ListenFastOpen::default()
        },
        ..ListenConfig::default()
    };
    let listener = pair.listen_with(Side::B, PORT, config);
    (pair, listener)
}

/// Both talk until everything has come to its end.
fn converse(pair: &mut Pair, listener: ListenerId, talkers: [Talker; 2]) -> [Talker; 2] {
    let [mut a, mut b] = talkers;
    let client = pair.connect_fast(Side::A, PORT);
    let mut server: Option<ConnectionId> = None;
    let mut released = false;
    loop {
        a.act(pair, Side::A, client);
        if !released {
            released = true;
            pair.with(Side::A, client, |connection| connection.release_syn());
        }
        server = server.or_else(|| pair.try_accept(Side::B, listener));
        if let Some(server) = server {
            b.act(pair, Side::B, server);
        }
        if !pair.step() {
            return [a, b];
        }
    }
}

/// A conversation without faults, by which A learns B's cookie.
fn learn(pair: &mut Pair, listener: ListenerId) {
    let talkers = [1, 2].map(|seed| Talker::new(pattern(seed, 10), Closes::WhenSent));
    let [a, b] = converse(pair, listener, talkers);
    assert!(a.is_done() && b.is_done());
    assert_eq!(pair.counters(Side::B).fast_open_cookie_reqd, 1);
}

#[test]
fn without_faults_data_arrives_half_a_round_trip_after_connect() {
    let (mut pair, listener) = pair(Family::V4);
    learn(&mut pair, listener);
    let began = pair.now();
    let client = pair.connect_fast(Side::A, PORT);
    pair.write_all(Side::A, client, b"hello");
    let mut server = None;
    pair.run_until_true(|pair| {
        server = pair.try_accept(Side::B, listener);
        server.is_some()
    });
    let server = server.unwrap();
    assert_eq!(pair.now(), began + Duration::from_millis(10));
    let (bytes, _) = pair.read_available(Side::B, server).unwrap();
    assert_eq!(bytes, b"hello");
    pair.write_all(Side::B, server, b"world");
    pair.run_until_true(|pair| {
        let read = pair.read_available(Side::A, client);
        read.unwrap().0 == b"world"
    });
    assert_eq!(
        pair.now(),
        began + Duration::from_millis(20),
        "one round trip"
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        // The input is large and a panic prints its trace: where it fails says enough.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_fast_open_survives_the_network(
        family in prop_oneof![Just(Family::V4), Just(Family::V6)],
        faults in [faults(), faults()],
        lens in (prop_oneof![0usize..3_000, 0usize..40_000], 0usize..40_000),
        closes in prop::sample::select(vec![
            [Closes::WhenSent, Closes::AfterPeer],
            [Closes::AfterPeer, Closes::WhenSent],
            [Closes::WhenSent, Closes::WhenSent],
        ]),
    ) {
        let (mut pair, listener) = pair(family);
        learn(&mut pair, listener);
        for (side, faults) in Side::BOTH.into_iter().zip(faults) {
            let link = pair.link(side);
            let before = link.sent();
            let plan = faults.into_iter().fold(FaultPlan::none(), |plan, (number, fault)| {
                plan.and(before + number, fault)
            });
            link.set_plan(plan);
        }
        let data = [pattern(1, lens.0), pattern(2, lens.1)];
        let [a, b] = converse(&mut pair, listener, [
            Talker::new(data[0].clone(), closes[0]),
            Talker::new(data[1].clone(), closes[1]),
        ]);
        prop_assert_eq!((a.error(), b.error()), (None, None));
        prop_assert!(a.is_done() && b.is_done(), "both have closed");
        prop_assert!(b.received() == data[0] && a.received() == data[1], "the data is whole");
        for side in Side::BOTH {
            prop_assert_eq!(pair.sockets(side), 0);
            prop_assert_eq!(pair.counters(side).curr_estab, 0);
            prop_assert_eq!(pair.counters(side).estab_resets, 0);
        }
    }
}
