//! Listeners, their queues, and what they do when those are full.

use super::*;
use crate::config::SynCookies;
use crate::error::{AcceptError, ListenError};

fn queues(backlog: usize, syn_backlog: usize) -> ListenConfig {
    ListenConfig {
        backlog,
        syn_backlog,
        ..ListenConfig::default()
    }
}

#[test]
fn one_port_may_be_listened_on_at_several_addresses() {
    let mut server = Host::new(StackConfig {
        addresses: vec![server_ip(), ip("10.0.0.3")],
        ..StackConfig::default()
    });
    let mut listen = |text: &str| server.stack.listen(addr(text), ListenConfig::default());
    assert!(listen("10.0.0.2:80").is_ok());
    assert!(listen("10.0.0.3:80").is_ok());
    assert!(listen("0.0.0.0:80").is_ok());
    assert_eq!(listen("10.0.0.2:80"), Err(ListenError::AddressInUse));
    assert_eq!(
        listen("[::]:80"),
        Err(ListenError::AddressInUse),
        "every address of both families"
    );
}

#[test]
fn only_our_own_addresses_may_be_listened_on() {
    let mut server = Host::new(config(server_ip()));
    let mut listen = |text: &str| server.stack.listen(addr(text), ListenConfig::default());
    for stranger in [
        "10.0.0.9:80",
        "224.0.0.1:80",
        "255.255.255.255:80",
        "[fd00::9]:80",
    ] {
        assert_eq!(
            listen(stranger),
            Err(ListenError::NoLocalAddress),
            "{stranger}"
        );
    }
    let mut proxy = Host::new(StackConfig {
        any_address: true,
        ..config(server_ip())
    });
    let mut listen = |text: &str| proxy.stack.listen(addr(text), ListenConfig::default());
    assert!(listen("10.0.0.9:80").is_ok(), "a proxy takes any");
    assert_eq!(listen("224.0.0.1:80"), Err(ListenError::NoLocalAddress));
}

#[test]
fn port_zero_chooses_one_that_is_free() {
    let mut server = Host::new(StackConfig {
        ephemeral_ports: (50_000, 50_001),
        ..config(server_ip())
    });
    let mut ports = Vec::new();
    for _ in 0..2 {
        let id = server
            .stack
            .listen(addr("10.0.0.2:0"), ListenConfig::default())
            .unwrap();
        ports.push(server.stack.listener_addr(id).unwrap().port.unwrap());
    }
    ports.sort_unstable();
    assert_eq!(ports, [50_000, 50_001]);
    let third = server
        .stack
        .listen(addr("10.0.0.2:0"), ListenConfig::default());
    assert_eq!(third, Err(ListenError::NoFreePort));
}

#[test]
fn connections_are_accepted_in_the_order_in_which_they_completed() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let mut expected = Vec::new();
    for _ in 0..3 {
        let id = pair.start_connect();
        pair.run();
        expected.push(pair.client_addr(id));
    }
    let incoming = Event::Incoming { listener };
    assert_eq!(pair.server.events, [incoming; 3]);
    for remote in expected {
        let id = pair.server.stack.accept(listener).unwrap();
        let connection = pair.server.stack.connection(pair.now, id).unwrap();
        assert_eq!(connection.remote_addr(), remote);
    }
    assert_eq!(
        pair.server.stack.accept(listener),
        Err(AcceptError::WouldBlock)
    );
}

#[test]
fn incoming_is_told_once_for_many_and_not_for_none() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let connect_unseen = |pair: &mut Pair| {
        pair.start_connect();
        for _ in 0..2 {
            for packet in pair.client_to_server() {
                pair.server.handle(pair.now, &packet);
            }
            let mut buf = [0; 1_500];
            while let Some(transmit) = pair.server.stack.poll_transmit(pair.now, &mut buf) {
                pair.client.handle(pair.now, &buf[..transmit.len]);
            }
        }
    };
    connect_unseen(&mut pair);
    connect_unseen(&mut pair);
    assert_eq!(
        pair.server.stack.poll_event(),
        Some(Event::Incoming { listener })
    );
    assert_eq!(pair.server.stack.poll_event(), None);

    connect_unseen(&mut pair);
    while pair.server.stack.accept(listener).is_ok() {}
    assert_eq!(pair.server.stack.poll_event(), None);
}

#[test]
fn a_final_ack_that_finds_the_accept_queue_full_is_ignored_and_may_come_again() {
    let mut pair = Pair::new();
    let listener = pair.listen(queues(0, 10));
    let first = pair.start_connect();
    let second = pair.start_connect();
    pair.run();
    let counters = pair.server.stack.counters();
    assert_eq!(counters.passive_opens, 1);
    assert_eq!((counters.listen_overflows, counters.listen_drops), (1, 1));
    for id in [first, second] {
        let connected = [ConnectionEvent::Connected];
        assert_eq!(pair.client.events_of(id), connected, "as far as it knows");
    }

    pair.server.stack.accept(listener).unwrap();
    pair.sleep(Duration::from_secs(2));
    assert!(pair.server.stack.counters().syn_retrans >= 1);
    let late = pair.server.stack.accept(listener).unwrap();
    pair.client.write(pair.now, second, b"late");
    pair.run();
    assert_eq!(pair.server.read_all(pair.now, late), b"late");
}

#[test]
fn a_syn_that_finds_the_accept_queue_full_is_dropped() {
    let mut pair = Pair::new();
    pair.listen(queues(0, 10));
    pair.start_connect();
    pair.run();
    pair.start_connect();
    pair.run();
    let counters = pair.server.stack.counters();
    assert_eq!((counters.listen_overflows, counters.listen_drops), (1, 1));
    assert_eq!(pair.server.sockets(), 1, "nothing half open");
}

#[test]
fn a_syn_that_finds_the_syn_queue_full_is_dropped() {
    let mut pair = Pair::new();
    pair.listen(ListenConfig {
        syn_cookies: SynCookies::Never,
        ..queues(10, 2)
    });
    for port in 1..=3 {
        let peer = SocketAddr::new(client_ip(), port);
        pair.server.inject(pair.now, peer, server_addr(), syn(1));
    }
    assert_eq!(pair.server.drain(pair.now).len(), 2, "two SYN-ACKs");
    let counters = pair.server.stack.counters();
    assert_eq!((counters.req_q_full_drop, counters.listen_drops), (1, 1));
    assert_eq!(pair.server.sockets(), 2);

    // The client keeps silent: both expire, and there is room again.
    pair.client = Host::new(config(ip("10.0.0.77")));
    pair.sleep(Duration::from_secs(64));
    assert_eq!(pair.server.sockets(), 0);
    assert_eq!(pair.server.stack.counters().syn_retrans, 10);
    assert_eq!(pair.server.stack.counters().attempt_fails, 2);
    assert_eq!(pair.server.stack.poll_timeout(), None);
}

#[test]
fn a_reset_ends_a_half_open_connection() {
    let mut pair = Pair::new();
    pair.listen(ListenConfig::default());
    let peer = SocketAddr::new(client_ip(), 4_000);
    let answers = pair.server.answer(pair.now, peer, server_addr(), syn(99));
    assert_eq!(answers[0].control, Control::Syn);
    assert_eq!(answers[0].ack, Some(SeqNumber::new(100)));
    pair.server.inject(
        pair.now,
        peer,
        server_addr(),
        header(Control::Rst, 100, None),
    );
    assert_eq!(pair.server.sockets(), 0);
    assert_eq!(pair.server.stack.counters().attempt_fails, 1);
}

#[test]
fn a_closed_listener_forgets_and_resets() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let queued = pair.start_connect();
    pair.run();
    let peer = SocketAddr::new(client_ip(), 4_000);
    let syn_acks = pair.server.answer(pair.now, peer, server_addr(), syn(99));

    pair.server.stack.close_listener(pair.now, listener);
    pair.run();
    let reset = ConnectionEvent::Closed(Some(crate::ConnectionError::Reset));
    assert_eq!(pair.client.events_of(queued).last(), Some(&reset));
    assert_eq!(pair.server.sockets(), 0);
    assert_eq!(pair.server.stack.counters().curr_estab, 0);
    assert_eq!(
        pair.server.stack.accept(listener),
        Err(AcceptError::NoSuchListener)
    );
    assert_eq!(pair.server.stack.listener_addr(listener), None);

    let ack = header(Control::None, 100, Some(syn_acks[0].seq.get() + 1));
    let answers = pair.server.answer(pair.now, peer, server_addr(), ack);
    assert_eq!(answers[0].control, Control::Rst);

    let again = pair.listen(ListenConfig::default());
    assert_ne!(again, listener, "a stale id names nobody");
}

#[test]
fn a_listener_is_deaf_to_what_is_no_syn() {
    let mut pair = Pair::new();
    pair.listen(ListenConfig::default());
    let peer = SocketAddr::new(client_ip(), 4_000);
    let mut answer = |control, ack| {
        let header = header(control, 5, ack);
        pair.server.answer(pair.now, peer, server_addr(), header)
    };
    assert_eq!(answer(Control::Rst, None), []);
    assert_eq!(answer(Control::Rst, Some(7)), []);
    assert_eq!(answer(Control::None, None), []);
    assert_eq!(answer(Control::Fin, None), []);
    for control in [Control::None, Control::Syn, Control::Fin] {
        let answers = answer(control, Some(7));
        assert_eq!(answers[0].control, Control::Rst);
        assert_eq!(answers[0].seq, SeqNumber::new(7));
    }
}

#[test]
fn a_catch_all_takes_every_address_and_port() {
    let server = StackConfig {
        any_address: true,
        ..StackConfig::default()
    };
    let mut pair = Pair::with(config(client_ip()), server);
    let listener = pair
        .server
        .stack
        .listen(ListenAddr::ANY, ListenConfig::default())
        .unwrap();
    for remote in ["192.0.2.1:443", "198.51.100.7:25"] {
        let config = ValidConfig::default();
        let remote = addr(remote);
        pair.client
            .stack
            .connect(pair.now, None, remote, config)
            .unwrap();
        pair.run();
        let id = pair.server.stack.accept(listener).unwrap();
        let connection = pair.server.stack.connection(pair.now, id).unwrap();
        assert_eq!(connection.local_addr(), remote);
    }
}

#[test]
fn a_connection_reset_before_it_is_accepted_is_given_out_with_its_error() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let client = pair.start_connect();
    pair.run();
    pair.client
        .stack
        .connection(pair.now, client)
        .unwrap()
        .abort();
    pair.run();
    assert_eq!(pair.server.events, [Event::Incoming { listener }]);

    let server = pair.server.stack.accept(listener).unwrap();
    pair.run();
    let reset = crate::ConnectionError::Reset;
    let closed = ConnectionEvent::Closed(Some(reset));
    assert!(pair.server.events_of(server).contains(&closed));
    let mut connection = pair.server.stack.connection(pair.now, server).unwrap();
    let read = connection.read(&mut [0; 8]);
    assert_eq!(read, Err(crate::ReadError::Connection(reset)));
    connection.close();
    pair.run();
    assert_eq!(pair.server.sockets(), 0);
}

#[test]
fn what_arrived_before_accept_is_told_after_it() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let client = pair.start_connect();
    pair.run();
    pair.client.write(pair.now, client, b"early");
    pair.run();
    let server = pair.server.stack.accept(listener).unwrap();
    pair.run();
    let events = pair.server.events_of(server);
    assert!(events.contains(&ConnectionEvent::Readable));
    assert!(!events.contains(&ConnectionEvent::Connected));
    assert_eq!(pair.server.read_all(pair.now, server), b"early");
}
