//! Listeners: who decides about a SYN, and what happens when the queues are full.

use std::time::Duration;

use tcp_core::{
    Admission, Event, ListenAddr, ListenConfig, StackConfig, State, SynCookies, SynDecision, SynId,
    TcpConfig,
};
use tcp_sim::Side;
use tcp_sim::script::{LoneStack, Tester, ack, rst, syn};
use tcp_sim::world::{Family, Pair, PairConfig};

/// A stack that takes any address and any port, and asks about each SYN.
fn catch_all() -> Tester<LoneStack> {
    let config = StackConfig {
        any_address: true,
        ..StackConfig::default()
    };
    let mut tester = Tester::new(LoneStack::with_config(config, Family::V4));
    let ask = ListenConfig {
        admission: Admission::Ask,
        ..ListenConfig::default()
    };
    tester.call(|end, _| {
        let listener = end.host.stack.listen(ListenAddr::ANY, ask);
        end.listener = Some(listener.expect("nothing else listens"));
    });
    tester
}

/// The SYNs that the user is asked about.
fn questions(tester: &mut Tester<LoneStack>) -> Vec<SynId> {
    let (local, remote) = (tester.end.local, tester.end.remote);
    let events = tester.end.host.take_events();
    let asked = events.into_iter().filter_map(|event| match event {
        Event::Syn {
            id,
            local: wanted,
            remote: peer,
            ..
        } => {
            assert_eq!(
                (wanted, peer),
                (local, remote),
                "the question names both ends"
            );
            Some(id)
        }
        _ => None,
    });
    asked.collect()
}

fn decide(tester: &mut Tester<LoneStack>, syn: SynId, decision: SynDecision) -> bool {
    tester.call(|end, now| end.host.stack.decide(now, syn, decision))
}

/// The peer's SYN arrives and the user is asked; nothing is sent before the answer.
#[track_caller]
fn asked() -> (Tester<LoneStack>, SynId) {
    let mut tester = catch_all();
    tester.inject(syn(100).mss(1_460));
    tester.expect_nothing();
    let questions = questions(&mut tester);
    assert_eq!(questions.len(), 1);
    (tester, questions[0])
}

#[test]
fn an_accepted_syn_is_answered() {
    let (mut tester, id) = asked();
    assert!(decide(&mut tester, id, SynDecision::Accept));
    tester.expect(syn(300).ack(101));
    tester.inject(ack(101, 301));
    tester.expect_state(State::Established);
    assert!(
        !decide(&mut tester, id, SynDecision::Refuse),
        "it is decided"
    );
}

/// The peer's retransmissions are absorbed until the user has made up their mind.
#[test]
fn a_deferred_syn_waits() {
    let (mut tester, id) = asked();
    assert!(decide(&mut tester, id, SynDecision::Defer));
    for _ in 0..3 {
        tester.advance(Duration::from_secs(1));
        tester.inject(syn(100).mss(1_460));
        tester.expect_nothing();
        assert_eq!(questions(&mut tester), [], "the user knows");
    }
    assert!(decide(&mut tester, id, SynDecision::Accept));
    tester.expect(syn(300).ack(101));
}

/// An undecided SYN does not stay for ever.
#[test]
fn an_undecided_syn_is_forgotten() {
    let (mut tester, id) = asked();
    tester.expect_nothing_for(Duration::from_secs(600));
    tester.expect_no_connection();
    assert!(!decide(&mut tester, id, SynDecision::Accept), "too late");
    tester.expect_nothing();
}

#[test]
fn a_refused_syn_gets_a_reset() {
    let (mut tester, id) = asked();
    assert!(decide(&mut tester, id, SynDecision::Refuse));
    tester.expect(rst(0).ack(101));
    tester.expect_no_connection();
}

/// A dropped SYN leaves nothing behind; the peer's next one asks again.
#[test]
fn a_dropped_syn_may_ask_again() {
    let (mut tester, id) = asked();
    assert!(decide(&mut tester, id, SynDecision::Drop));
    tester.expect_nothing();
    tester.expect_no_connection();
    tester.inject(syn(100).mss(1_460));
    assert_eq!(questions(&mut tester).len(), 1);
}

/// RFC 9293 MUST-42: listeners on one port with different addresses, and the most specific is taken.
#[test]
fn the_most_specific_listener_is_taken() {
    let mut pair = Pair::new(PairConfig::default());
    let listeners = pair.call(Side::B, |stack, _| {
        let ip = Side::B.ip(Family::V4);
        let addrs = [
            (None, None),
            (None, Some(80)),
            (Some(ip), Some(80)),
            (Some(ip), None),
        ];
        addrs.map(|(ip, port)| {
            let listener = stack.listen(ListenAddr { ip, port }, ListenConfig::default());
            listener.expect("four different addresses")
        })
    });
    let [_, _, exact, address] = listeners;
    for (port, expected) in [(80, exact), (81, address)] {
        pair.connect(Side::A, port);
        pair.run_for(Duration::from_millis(100));
        for listener in listeners {
            let found = pair.try_accept(Side::B, listener).is_some();
            assert_eq!(found, listener == expected, "port {port}");
        }
    }
}

/// As Linux: a full accept queue ignores the final ACK and sends the SYN-ACK again, so that a
/// connection is late and not lost.
#[test]
fn a_full_accept_queue_delays() {
    let mut pair = Pair::new(PairConfig::default());
    let config = ListenConfig {
        backlog: 1,
        ..ListenConfig::default()
    };
    let listener = pair.listen_with(Side::B, 80, config);
    let clients: Vec<_> = (0..5).map(|_| pair.connect(Side::A, 80)).collect();
    pair.run_for(Duration::from_millis(100));
    for client in &clients {
        assert_eq!(pair.state(Side::A, *client), State::Established);
    }
    // The queue is full when it holds more than the backlog: two.
    assert_eq!(pair.counters(Side::B).passive_opens, 2);
    assert_eq!(pair.counters(Side::B).listen_overflows, 3);
    assert_eq!(pair.counters(Side::B).listen_drops, 3);

    let mut accepted = Vec::new();
    pair.run_until_true(|pair| {
        accepted.extend(pair.try_accept(Side::B, listener));
        accepted.len() == clients.len()
    });
    // Data goes through each of them.
    for client in &clients {
        pair.write_all(Side::A, *client, b"at last");
    }
    // Open and silent connections need no timer.
    pair.run_until_idle();
    for server in accepted {
        let (bytes, _) = pair.read_available(Side::B, server).expect("all is well");
        assert_eq!(bytes, b"at last");
    }
}

/// A full SYN queue drops SYNs, which the peers send again.
#[test]
fn a_full_syn_queue_drops() {
    let mut pair = Pair::new(PairConfig::default());
    let config = ListenConfig {
        syn_backlog: 2,
        syn_cookies: SynCookies::Never,
        ..ListenConfig::default()
    };
    let listener = pair.listen_with(Side::B, 80, config);
    let clients: Vec<_> = (0..5).map(|_| pair.connect(Side::A, 80)).collect();
    pair.run_for(Duration::from_millis(500));
    assert!(pair.counters(Side::B).req_q_full_drop > 0);
    let mut accepted = 0;
    pair.run_until_true(|pair| {
        accepted += usize::from(pair.try_accept(Side::B, listener).is_some());
        accepted == clients.len()
    });
}

/// Closing a listener resets what waits to be accepted and forgets what is half-open.
#[test]
fn a_closed_listener_leaves_nothing() {
    let mut tester = Tester::established(TcpConfig::default());
    let listener = tester.end.listener.take().expect("it listens");
    let id = tester.end.id.take().expect("it was accepted");
    tester.call(|end, now| end.host.stack.close_listener(now, listener));
    tester.expect_nothing();
    tester.expect_state(State::Established);
    tester.end.id = Some(id);

    let mut pair = Pair::new(PairConfig::default());
    let listener = pair.listen(Side::B, 80);
    let waiting = pair.connect(Side::A, 80);
    pair.run_for(Duration::from_millis(100));
    let half_open = pair.connect(Side::A, 80);
    pair.run_for(Duration::from_millis(15));
    assert_eq!(pair.sockets(Side::B), 2);
    pair.call(Side::B, |stack, now| stack.close_listener(now, listener));
    pair.run_for(Duration::from_millis(100));
    assert_eq!(pair.sockets(Side::B), 0);
    for client in [waiting, half_open] {
        assert_eq!(pair.state(Side::A, client), State::Closed, "reset");
    }
}
