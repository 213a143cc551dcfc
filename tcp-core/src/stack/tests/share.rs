//! Listeners that share a port, or leave a part of it to others; and what they may become later.

use super::*;
use crate::config::{Overflow, PortSharing};
use crate::error::ListenError;

fn shared() -> ListenConfig {
    ListenConfig {
        sharing: PortSharing::Shared,
        ..ListenConfig::default()
    }
}

#[test]
fn a_port_is_shared_only_by_those_who_all_say_so() {
    let mut pair = Pair::new();
    let first = pair.listen(shared());
    let listen = |pair: &mut Pair, config| pair.server.stack.listen(on_port(PORT), config);
    let alone = listen(&mut pair, ListenConfig::default());
    assert_eq!(alone, Err(ListenError::AddressInUse));
    let second = listen(&mut pair, shared()).unwrap();
    for _ in 0..16 {
        pair.start_connect();
    }
    pair.run();
    let queues = [first, second].map(|id| pair.server.stack.accept_queue_len(id));
    assert_eq!(queues[0] + queues[1], 16);
    assert!(queues.iter().all(|len| *len > 0), "{queues:?}");
    pair.server.stack.close_listener(pair.now, first);
    pair.run();
    for _ in 0..4 {
        pair.start_connect();
    }
    pair.run();
    assert_eq!(pair.server.stack.accept_queue_len(second), queues[1] + 4);
}

#[test]
fn one_family_leaves_the_port_to_the_other() {
    let mut server = Host::new(StackConfig {
        addresses: vec![server_ip(), ip("fd00::2")],
        ..StackConfig::default()
    });
    let of_family = |text: &str| ListenAddr {
        ip: Some(ip(text)),
        port: Some(PORT),
    };
    let mut listen = |text: &str| {
        server
            .stack
            .listen(of_family(text), ListenConfig::default())
            .unwrap()
    };
    let (four, six) = (listen("0.0.0.0"), listen("::"));
    for (local, peer) in [
        ("10.0.0.2:80", "10.0.0.9:7"),
        ("[fd00::2]:80", "[fd00::9]:7"),
    ] {
        let answer = server.answer(Instant::ZERO, addr(peer), addr(local), syn(1));
        assert_eq!(answer[0].control, Control::Syn, "{local}");
    }
    server.stack.close_listener(Instant::ZERO, six);
    let (local, peer) = (addr("[fd00::2]:80"), addr("[fd00::9]:8"));
    let answer = server.answer(Instant::ZERO, peer, local, syn(1));
    assert_eq!(answer[0].control, Control::Rst);
    assert_eq!(server.stack.listener_addr(four), Some(of_family("0.0.0.0")));
}

#[test]
fn what_overflows_is_ignored_or_reset() {
    for (overflow, resets) in [(Overflow::Ignore, 0), (Overflow::Reset, 1)] {
        let mut pair = Pair::new();
        pair.listen(ListenConfig {
            backlog: 0,
            overflow,
            ..ListenConfig::default()
        });
        let clients = [pair.start_connect(), pair.start_connect()];
        pair.run();
        let closed = clients.iter().filter(|id| {
            let events = pair.client.events_of(**id);
            let reset = Some(crate::ConnectionError::Reset);
            events.contains(&ConnectionEvent::Closed(reset))
        });
        assert_eq!(closed.count(), resets, "{overflow:?}");
        assert_eq!(pair.server.stack.counters().listen_overflows, 1);
    }
}

#[test]
fn a_listener_may_change_its_mind_but_not_its_place() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig {
        backlog: 0,
        ..ListenConfig::default()
    });
    let wider = ListenConfig {
        backlog: 5,
        ..shared()
    };
    assert!(pair.server.stack.set_listen_config(listener, wider));
    for _ in 0..4 {
        pair.start_connect();
        pair.run();
    }
    assert_eq!(pair.server.stack.accept_queue_len(listener), 4);
    let again = pair.server.stack.listen(on_port(PORT), shared());
    assert_eq!(again, Err(ListenError::AddressInUse));
    pair.server.stack.close_listener(pair.now, listener);
    let config = ListenConfig::default();
    assert!(!pair.server.stack.set_listen_config(listener, config));
}

#[test]
fn ephemeral_ports_are_those_that_the_caller_likes() {
    let mut pair = Pair::new();
    let stack = &mut pair.client.stack;
    stack.set_ephemeral_ports((50_000, 50_009));
    let port = stack.ephemeral_port(client_ip(), None, |port| port % 10 == 7);
    assert_eq!(port, Some(50_007));
    assert_eq!(stack.ephemeral_port(client_ip(), None, |_| false), None);
    let local = SocketAddr::new(client_ip(), 50_003);
    let config = ValidConfig::default();
    stack
        .connect(pair.now, Some(local), server_addr(), config)
        .unwrap();
    let is_three = |port: u16| port == 50_003;
    let taken = stack.ephemeral_port(client_ip(), Some(server_addr()), is_three);
    assert_eq!(taken, None, "it is connected there already");
    let elsewhere = Some(addr("10.0.0.2:81"));
    let port = stack.ephemeral_port(client_ip(), elsewhere, is_three);
    assert_eq!(port, Some(50_003));
}
