//! Active and passive open.

use super::*;
use crate::connection::State;
use crate::error::{AcceptError, ConnectError, ConnectionError};

#[test]
fn a_connection_is_opened_and_carries_data_both_ways() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let client = pair.start_connect();
    assert_eq!(
        pair.server.stack.accept(listener),
        Err(AcceptError::WouldBlock)
    );
    pair.run();
    assert_eq!(pair.client.events_of(client), [ConnectionEvent::Connected]);
    assert_eq!(pair.server.events, [Event::Incoming { listener }]);

    let server = pair.server.stack.accept(listener).unwrap();
    let client_addr = pair.client_addr(client);
    let connection = pair.server.stack.connection(pair.now, server).unwrap();
    assert_eq!(connection.local_addr(), server_addr());
    assert_eq!(connection.remote_addr(), client_addr);
    assert_eq!(connection.state(), State::Established);
    drop(connection);

    pair.client.write(pair.now, client, b"ping");
    pair.run();
    assert_eq!(pair.server.read_all(pair.now, server), b"ping");
    pair.server.write(pair.now, server, b"pong");
    pair.run();
    assert_eq!(pair.client.read_all(pair.now, client), b"pong");

    let (client, server) = (pair.client.stack.counters(), pair.server.stack.counters());
    assert_eq!((client.active_opens, server.active_opens), (1, 0));
    assert_eq!((client.passive_opens, server.passive_opens), (0, 1));
    assert_eq!((client.curr_estab, server.curr_estab), (1, 1));
    assert_eq!((client.in_errs, server.in_errs), (0, 0));
}

#[test]
fn ipv6_is_no_different() {
    let mut pair = Pair::with(config(ip("fd00::1")), config(ip("fd00::2")));
    let listener = pair.listen(ListenConfig::default());
    let config = ValidConfig::default();
    let client = pair
        .client
        .stack
        .connect(pair.now, None, addr("[fd00::2]:80"), config)
        .unwrap();
    pair.run();
    let server = pair.server.stack.accept(listener).unwrap();
    pair.client.write(pair.now, client, b"ping");
    pair.run();
    assert_eq!(pair.server.read_all(pair.now, server), b"ping");
}

#[test]
fn where_nobody_listens_the_syn_is_refused() {
    let mut pair = Pair::new();
    let client = pair.start_connect();
    pair.run();
    let refused = ConnectionEvent::Closed(Some(ConnectionError::Refused));
    let events = pair.client.events_of(client);
    assert_eq!(events.last(), Some(&refused));
    assert!(!events.contains(&ConnectionEvent::Connected));
    assert_eq!(pair.server.stack.counters().out_rsts, 1);
    assert_eq!(pair.client.stack.counters().attempt_fails, 1);
    assert_eq!(pair.client.stack.counters().estab_resets, 0);

    let mut connection = pair.client.stack.connection(pair.now, client).unwrap();
    assert_eq!(connection.take_error(), Some(ConnectionError::Refused));
    connection.close();
    pair.run();
    assert_eq!(pair.client.sockets(), 0);
    assert_eq!(pair.server.sockets(), 0);
}

#[test]
fn impossible_remotes_are_refused_at_once() {
    let mut pair = Pair::new();
    for remote in [
        "0.0.0.0:80",
        "224.0.0.1:80",
        "255.255.255.255:80",
        "10.0.0.2:0",
        "[::]:80",
        "[ff02::1]:80",
    ] {
        let result =
            pair.client
                .stack
                .connect(pair.now, None, addr(remote), ValidConfig::default());
        assert_eq!(result, Err(ConnectError::InvalidRemote), "{remote}");
    }
}

#[test]
fn the_local_address_must_be_ours_and_of_the_right_family() {
    let mut pair = Pair::new();
    for (local, remote) in [
        (None, "[fd00::2]:80"),
        (Some("10.0.0.9:0"), "10.0.0.2:80"),
        (Some("[fd00::1]:0"), "10.0.0.2:80"),
        (Some("10.0.0.1:0"), "[fd00::2]:80"),
    ] {
        let config = ValidConfig::default();
        let result =
            pair.client
                .stack
                .connect(pair.now, local.map(addr), addr(remote), config.clone());
        assert_eq!(result, Err(ConnectError::NoLocalAddress), "{local:?}");
    }
}

#[test]
fn a_four_tuple_is_used_once() {
    let mut pair = Pair::new();
    let local = Some(addr("10.0.0.1:5000"));
    let mut connect = |remote| {
        let config = ValidConfig::default();
        pair.client
            .stack
            .connect(pair.now, local, addr(remote), config)
    };
    assert!(connect("10.0.0.2:80").is_ok());
    assert_eq!(connect("10.0.0.2:80"), Err(ConnectError::AddressInUse));
    assert!(connect("10.0.0.2:81").is_ok());
    assert!(connect("10.0.0.3:80").is_ok());
}

#[test]
fn ephemeral_ports_come_from_the_range_until_it_is_used_up() {
    let client = StackConfig {
        ephemeral_ports: (50_000, 50_002),
        ..config(client_ip())
    };
    let mut pair = Pair::with(client, config(server_ip()));
    let mut ports: Vec<u16> = (0..3)
        .map(|_| {
            let id = pair.start_connect();
            pair.client_addr(id).port()
        })
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [50_000, 50_001, 50_002]);
    let mut connect = |local: Option<&str>, remote| {
        let config = ValidConfig::default();
        pair.client
            .stack
            .connect(pair.now, local.map(addr), addr(remote), config)
    };
    assert_eq!(connect(None, "10.0.0.2:80"), Err(ConnectError::NoFreePort));
    assert!(
        connect(None, "10.0.0.2:81").is_ok(),
        "towards another remote"
    );
    assert_eq!(
        connect(Some("0.0.0.0:0"), "10.0.0.2:80"),
        Err(ConnectError::NoFreePort)
    );
    assert!(connect(Some("0.0.0.0:60000"), "10.0.0.2:80").is_ok());
}

#[test]
fn a_port_with_a_listener_is_not_ephemeral() {
    let client = StackConfig {
        ephemeral_ports: (50_000, 50_001),
        ..config(client_ip())
    };
    let mut pair = Pair::with(client, config(server_ip()));
    pair.client
        .stack
        .listen(on_port(50_000), ListenConfig::default())
        .unwrap();
    let id = pair.start_connect();
    assert_eq!(pair.client_addr(id).port(), 50_001);
}

#[test]
fn an_unanswered_syn_is_repeated_and_given_up() {
    let mut pair = Pair::with(config(client_ip()), config(ip("10.0.0.99")));
    let client = pair.start_connect();
    pair.sleep(Duration::from_secs(600));
    let events = pair.client.events_of(client);
    let timed_out = ConnectionEvent::Closed(Some(ConnectionError::TimedOut));
    assert_eq!(events.last(), Some(&timed_out));
    assert_eq!(pair.client.stack.counters().attempt_fails, 1);
    assert_eq!(pair.client.stack.counters().syn_retrans, 7);
    assert_eq!(pair.client.stack.poll_timeout(), None);
}

#[test]
fn both_may_open_at_once() {
    let mut pair = Pair::new();
    let (here, there) = (addr("10.0.0.1:5000"), addr("10.0.0.2:5000"));
    let config = ValidConfig::default();
    let client = pair
        .client
        .stack
        .connect(pair.now, Some(here), there, config.clone())
        .unwrap();
    let server = pair
        .server
        .stack
        .connect(pair.now, Some(there), here, config)
        .unwrap();
    pair.run();
    assert_eq!(pair.client.events_of(client), [ConnectionEvent::Connected]);
    assert_eq!(pair.server.events_of(server), [ConnectionEvent::Connected]);
    pair.client.write(pair.now, client, b"ping");
    pair.run();
    assert_eq!(pair.server.read_all(pair.now, server), b"ping");
}
