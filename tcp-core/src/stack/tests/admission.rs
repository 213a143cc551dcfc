//! Listeners whose user decides on each SYN.

use super::*;
use crate::config::Admission;
use crate::error::ConnectionError;
use crate::event::{SynDecision, SynId};

fn asking() -> ListenConfig {
    ListenConfig {
        admission: Admission::Ask,
        ..ListenConfig::default()
    }
}

/// A pair whose server has been asked about the client's SYN.
fn asked() -> (Pair, ListenerId, ConnectionId, SynId) {
    let mut pair = Pair::new();
    let listener = pair.listen(asking());
    let client = pair.start_connect();
    pair.run();
    let remote = pair.client_addr(client);
    let [
        Event::Syn {
            id,
            listener: of,
            local,
            remote: from,
        },
    ] = pair.server.events[..]
    else {
        panic!("expected one question: {:?}", pair.server.events);
    };
    assert_eq!((of, local, from), (listener, server_addr(), remote));
    assert_eq!(pair.server.stack.counters().out_segs, 0);
    (pair, listener, client, id)
}

fn decide(pair: &mut Pair, syn: SynId, decision: SynDecision) -> bool {
    let there = pair.server.stack.decide(pair.now, syn, decision);
    pair.run();
    there
}

#[test]
fn an_accepted_syn_is_answered() {
    let (mut pair, listener, client, syn) = asked();
    assert!(decide(&mut pair, syn, SynDecision::Accept));
    assert_eq!(pair.client.events_of(client), [ConnectionEvent::Connected]);
    assert!(pair.server.stack.accept(listener).is_ok());
    assert!(
        !decide(&mut pair, syn, SynDecision::Accept),
        "decided once is decided"
    );
}

#[test]
fn a_refused_syn_is_reset() {
    let (mut pair, _, client, syn) = asked();
    assert!(decide(&mut pair, syn, SynDecision::Refuse));
    let refused = ConnectionEvent::Closed(Some(ConnectionError::Refused));
    assert_eq!(pair.client.events_of(client).last(), Some(&refused));
    assert_eq!(pair.server.sockets(), 0);
    assert!(!decide(&mut pair, syn, SynDecision::Refuse));
    assert_eq!(pair.server.stack.counters().attempt_fails, 0);
}

#[test]
fn a_dropped_syn_is_forgotten_and_the_next_asks_again() {
    let (mut pair, _, client, syn) = asked();
    assert!(decide(&mut pair, syn, SynDecision::Drop));
    assert_eq!(pair.client.events_of(client), []);
    assert_eq!(pair.server.sockets(), 0);
    pair.sleep(Duration::from_millis(1_500));
    let [_, Event::Syn { id: again, .. }] = pair.server.events[..] else {
        panic!("expected a second question: {:?}", pair.server.events);
    };
    assert_ne!(again, syn);
    assert!(!decide(&mut pair, syn, SynDecision::Accept));
    assert!(decide(&mut pair, again, SynDecision::Accept));
    assert_eq!(pair.client.events_of(client), [ConnectionEvent::Connected]);
}

#[test]
fn a_deferred_syn_waits_and_absorbs_its_repetitions() {
    let (mut pair, listener, client, syn) = asked();
    assert!(decide(&mut pair, syn, SynDecision::Defer));
    pair.sleep(Duration::from_secs(10));
    assert!(pair.client.stack.counters().syn_retrans >= 3);
    assert_eq!(pair.server.events.len(), 1, "asked once");
    assert_eq!(pair.server.stack.counters().out_segs, 0);
    assert!(decide(&mut pair, syn, SynDecision::Accept));
    let told = [ConnectionEvent::Unresponsive, ConnectionEvent::Connected];
    assert_eq!(pair.client.events_of(client), told);
    assert!(pair.server.stack.accept(listener).is_ok());
}

#[test]
fn an_undecided_syn_expires() {
    let (mut pair, _, _, syn) = asked();
    pair.client = Host::new(config(client_ip()));
    pair.sleep(Duration::from_secs(62));
    assert_eq!(pair.server.sockets(), 1);
    pair.sleep(Duration::from_secs(2));
    assert_eq!(pair.server.sockets(), 0);
    assert!(!decide(&mut pair, syn, SynDecision::Accept));
    assert_eq!(pair.server.stack.poll_timeout(), None);
}

#[test]
fn a_different_syn_takes_the_place_of_an_undecided_one() {
    let mut pair = Pair::new();
    pair.listen(asking());
    let peer = SocketAddr::new(client_ip(), 4_000);
    for seq in [1, 1, 77] {
        let answers = pair.server.answer(pair.now, peer, server_addr(), syn(seq));
        assert_eq!(answers, []);
    }
    let [Event::Syn { id: first, .. }, Event::Syn { id: second, .. }] = pair.server.events[..]
    else {
        panic!("expected two questions: {:?}", pair.server.events);
    };
    let now = pair.now;
    assert!(!pair.server.stack.decide(now, first, SynDecision::Accept));
    assert!(pair.server.stack.decide(now, second, SynDecision::Accept));
    let syn_ack = pair.server_to_client();
    let ack = parse(&syn_ack[0]).segment.header.ack;
    assert_eq!(ack, Some(SeqNumber::new(78)));
}

#[test]
fn an_undecided_syn_is_still_in_listen() {
    let mut pair = Pair::new();
    pair.listen(asking());
    let peer = SocketAddr::new(client_ip(), 4_000);
    let mut answer = |header| pair.server.answer(pair.now, peer, server_addr(), header);
    assert_eq!(answer(syn(1)), []);
    assert_eq!(answer(header(Control::Fin, 2, None)), []);
    assert_eq!(answer(header(Control::Rst, 9, None)), []);
    let answers = answer(header(Control::None, 2, Some(5)));
    assert_eq!(answers[0].control, Control::Rst);
    assert_eq!(answers[0].seq, SeqNumber::new(5));
    assert_eq!(pair.server.sockets(), 1);
    let _ = pair
        .server
        .answer(pair.now, peer, server_addr(), header(Control::Rst, 2, None));
    assert_eq!(pair.server.sockets(), 0, "the peer has given up");
}

#[test]
fn undecided_syns_count_against_the_syn_queue() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig {
        syn_backlog: 1,
        ..asking()
    });
    for port in 1..=2 {
        let peer = SocketAddr::new(client_ip(), port);
        pair.server.inject(pair.now, peer, server_addr(), syn(1));
    }
    assert_eq!(pair.server.stack.counters().req_q_full_drop, 1);
    pair.server.stack.close_listener(pair.now, listener);
    assert_eq!(pair.server.sockets(), 0);
    assert_eq!(pair.server.stack.poll_event(), None, "nothing to ask about");
}
