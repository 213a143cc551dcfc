//! Ends of connections: TIME-WAIT, its limits and its reopening, and slots that come free.

use super::*;
use crate::connection::State;
use crate::error::ConnectionError;
use crate::stack::slab::SlotId;

const MINUTE: Duration = Duration::from_secs(60);

/// Two ends that have closed, the client first, so that it is in TIME-WAIT.
fn closed_pair() -> (Pair, ConnectionId, ConnectionId, SocketAddr) {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    let client_addr = pair.client_addr(client);
    pair.client.close(pair.now, client);
    pair.run();
    pair.server.close(pair.now, server);
    pair.run();
    (pair, client, server, client_addr)
}

fn states(host: &Host) -> Vec<State> {
    host.stack.sockets().map(|(_, _, _, state)| state).collect()
}

#[test]
fn who_closes_first_waits_for_two_msl_in_a_record() {
    let (mut pair, client, server, client_addr) = closed_pair();
    let sockets: Vec<_> = pair.client.stack.sockets().collect();
    assert_eq!(
        sockets,
        [(None, client_addr, server_addr(), State::TimeWait)]
    );
    assert_eq!(pair.client.stack.connections.len(), 0, "only the record");
    assert_eq!(pair.server.sockets(), 0);
    assert!(pair.client.stack.connection(pair.now, client).is_none());
    assert!(pair.server.stack.connection(pair.now, server).is_none());
    assert_eq!(pair.client.stack.counters().time_wait, 1);
    assert_eq!(pair.client.stack.counters().curr_estab, 0);
    assert_eq!(pair.server.stack.counters().curr_estab, 0);

    pair.sleep(MINUTE - Duration::from_millis(10));
    assert_eq!(pair.client.sockets(), 1);
    pair.sleep(Duration::from_millis(20));
    assert_eq!(pair.client.sockets(), 0);
    assert_eq!(pair.client.stack.poll_timeout(), None);
}

#[test]
fn a_connection_is_found_by_its_addresses_whoever_holds_it() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let client = pair.start_connect();
    let client_addr = pair.client_addr(client);
    pair.run();
    let state_of = |host: &Host, local, remote| {
        let (id, connection) = host.stack.connection_between(local, remote)?;
        Some((id, connection.state()))
    };
    let waiting = state_of(&pair.server, server_addr(), client_addr);
    let server = pair.server.stack.accept(listener).unwrap();
    assert_eq!(waiting, Some((server, State::Established)), "not accepted");
    assert_eq!(state_of(&pair.server, client_addr, server_addr()), None);

    pair.client.close(pair.now, client);
    pair.run();
    let orphan = state_of(&pair.client, client_addr, server_addr());
    assert_eq!(orphan, Some((client, State::FinWait2)), "closed");
    pair.server.close(pair.now, server);
    pair.run();
    assert_eq!(states(&pair.client), [State::TimeWait]);
    assert_eq!(state_of(&pair.client, client_addr, server_addr()), None);
}

#[test]
fn a_connection_in_time_wait_can_still_be_read() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    pair.client
        .stack
        .connection(pair.now, client)
        .unwrap()
        .shutdown(crate::Shutdown::Write);
    pair.run();
    pair.server.write(pair.now, server, b"last words");
    pair.server.close(pair.now, server);
    pair.run();
    assert_eq!(states(&pair.client), [State::TimeWait], "shown once");
    let closed = ConnectionEvent::Closed(None);
    assert!(pair.client.events_of(client).contains(&closed));
    assert_eq!(pair.client.read_all(pair.now, client), b"last words");

    pair.sleep(2 * MINUTE);
    assert_eq!(states(&pair.client), [State::Closed], "until it is closed");
    pair.client.close(pair.now, client);
    pair.run();
    assert_eq!(pair.client.sockets(), 0);
}

#[test]
fn closing_a_connection_in_time_wait_leaves_the_record() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    let mut connection = pair.client.stack.connection(pair.now, client).unwrap();
    connection.shutdown(crate::Shutdown::Write);
    drop(connection);
    pair.run();
    pair.server.close(pair.now, server);
    pair.run();
    pair.client.close(pair.now, client);
    assert_eq!(pair.client.stack.connections.len(), 0);
    assert_eq!(states(&pair.client), [State::TimeWait]);
    pair.sleep(2 * MINUTE);
    assert_eq!(pair.client.sockets(), 0);
}

#[test]
fn a_repeated_fin_is_acknowledged_by_the_record_which_waits_anew() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    pair.client.close(pair.now, client);
    pair.run();
    pair.server.close(pair.now, server);
    let fin = pair.server_to_client();
    pair.client.handle(pair.now, &fin[0]);
    let first = pair.client_to_server();
    pair.server.handle(pair.now, &first[0]);
    assert_eq!(pair.server.sockets(), 0);
    pair.sleep(MINUTE / 2);
    pair.client.handle(pair.now, &fin[0]);
    let second = pair.client_to_server();
    let acks = [&first, &second].map(|packets| parse(&packets[0]).segment.header.ack);
    assert_eq!(acks[0], acks[1]);
    pair.sleep(MINUTE - Duration::from_millis(10));
    assert_eq!(states(&pair.client), [State::TimeWait]);
}

/// The server closes first, so that its TIME-WAIT meets the client's next SYN from the same port.
fn reopen(listen_again: bool) -> (Pair, ListenerId, ConnectionId) {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    let client_addr = pair.client_addr(client);
    pair.server.close(pair.now, server);
    pair.run();
    pair.client.close(pair.now, client);
    pair.run();
    assert_eq!(states(&pair.server), [State::TimeWait]);
    assert_eq!(pair.client.sockets(), 0);
    if !listen_again {
        pair.server.stack.close_listener(pair.now, listener);
    }
    pair.sleep(Duration::from_secs(1));
    let config = ValidConfig::default();
    let again = pair
        .client
        .stack
        .connect(pair.now, Some(client_addr), server_addr(), config)
        .unwrap();
    pair.run();
    (pair, listener, again)
}

#[test]
fn a_new_syn_reopens_a_connection_in_time_wait() {
    let (mut pair, listener, client) = reopen(true);
    assert_eq!(pair.client.events_of(client), [ConnectionEvent::Connected]);
    let server = pair.server.stack.accept(listener).unwrap();
    assert_eq!(states(&pair.server), [State::Established]);
    assert_eq!(pair.server.stack.counters().time_wait_recycled, 1);
    pair.client.write(pair.now, client, b"again");
    pair.run();
    assert_eq!(pair.server.read_all(pair.now, server), b"again");
    pair.sleep(2 * MINUTE);
    assert_eq!(
        states(&pair.server),
        [State::Established],
        "nothing of the record is left to end it"
    );
}

/// The first segment of the server, answering the first of the client.
fn syn_ack(pair: &mut Pair) -> Header {
    for packet in pair.client_to_server() {
        pair.server.handle(pair.now, &packet);
    }
    let packets = pair.server_to_client();
    for packet in &packets {
        pair.client.handle(pair.now, packet);
    }
    parse(&packets[0]).segment.header
}

#[test]
fn a_reopened_connection_begins_beyond_the_old_one() {
    const LEN: usize = 60_000;
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let client = pair.start_connect();
    let local = pair.client_addr(client);
    let old = syn_ack(&mut pair).seq;
    pair.run();
    let server = pair.server.stack.accept(listener).unwrap();
    pair.server.write(pair.now, server, &[7; LEN]);
    pair.server.close(pair.now, server);
    pair.run();
    assert_eq!(pair.client.read_all(pair.now, client).len(), LEN);
    pair.client.close(pair.now, client);
    pair.run();

    // Time for 2,500 numbers of the clock, far fewer than the old connection has used.
    pair.sleep(Duration::from_millis(10));
    let config = ValidConfig::default();
    let connect = pair
        .client
        .stack
        .connect(pair.now, Some(local), server_addr(), config);
    connect.unwrap();
    let new = syn_ack(&mut pair).seq;
    assert!(new.distance_from(old) > LEN as i32);
    assert_eq!(pair.server.stack.counters().time_wait_recycled, 1);
}

#[test]
fn without_a_listener_the_new_syn_is_refused() {
    let (pair, _, client) = reopen(false);
    let refused = ConnectionEvent::Closed(Some(ConnectionError::Refused));
    assert_eq!(pair.client.events_of(client).last(), Some(&refused));
    assert_eq!(states(&pair.server), [State::TimeWait]);
    assert_eq!(pair.server.stack.counters().time_wait_recycled, 0);
}

#[test]
fn the_oldest_record_makes_room_for_the_newest() {
    let client = StackConfig {
        max_time_wait: 2,
        ..config(client_ip())
    };
    let mut pair = Pair::with(client, config(server_ip()));
    let listener = pair.listen(ListenConfig::default());
    let mut ports = Vec::new();
    let mut wait = |pair: &mut Pair| {
        let (client, server) = pair.establish(listener);
        ports.push(pair.client_addr(client).port());
        pair.client.close(pair.now, client);
        pair.run();
        pair.server.close(pair.now, server);
        pair.run();
    };
    wait(&mut pair);
    wait(&mut pair);
    // Those that have expired are not among the oldest any more.
    pair.sleep(2 * MINUTE);
    assert_eq!(pair.client.sockets(), 0);
    for _ in 0..3 {
        wait(&mut pair);
    }
    let left: Vec<_> = pair
        .client
        .stack
        .sockets()
        .map(|(_, local, _, _)| local.port())
        .collect();
    assert_eq!(left, ports[3..]);
    assert_eq!(pair.client.stack.counters().time_wait_overflow, 1);
}

#[test]
fn without_room_for_records_there_are_none() {
    let client = StackConfig {
        max_time_wait: 0,
        ..config(client_ip())
    };
    let mut pair = Pair::with(client, config(server_ip()));
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    pair.client.close(pair.now, client);
    pair.run();
    pair.server.close(pair.now, server);
    pair.run();
    assert_eq!((pair.client.sockets(), pair.server.sockets()), (0, 0));
    assert_eq!(pair.client.stack.counters().time_wait_overflow, 1);
}

#[test]
fn a_connection_that_died_stays_until_its_user_closes_it() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    let client_addr = pair.client_addr(client);
    let mut connection = pair.server.stack.connection(pair.now, server).unwrap();
    connection.abort();
    assert_eq!(connection.state(), State::Closed);
    drop(connection);
    pair.run();
    let reset = ConnectionEvent::Closed(Some(ConnectionError::Reset));
    assert!(pair.client.events_of(client).contains(&reset));
    assert_eq!(pair.client.stack.counters().estab_resets, 1);
    assert_eq!(pair.server.stack.counters().estab_resets, 1);
    assert_eq!(pair.server.stack.counters().out_rsts, 1);

    // The four-tuple is free although the client's user still holds the dead connection.
    let config = ValidConfig::default();
    let again = pair
        .client
        .stack
        .connect(pair.now, Some(client_addr), server_addr(), config)
        .unwrap();
    pair.run();
    assert_eq!(pair.client.events_of(again), [ConnectionEvent::Connected]);
    pair.client.close(pair.now, client);
    pair.server.close(pair.now, server);
    pair.run();
    assert_eq!(states(&pair.client), [State::Established]);
    assert_eq!(states(&pair.server), [State::Established]);
}

#[test]
fn a_slot_is_used_again_under_another_id() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, _) = pair.establish(listener);
    pair.client
        .stack
        .connection(pair.now, client)
        .unwrap()
        .abort();
    pair.client.close(pair.now, client);
    pair.run();
    let (next, _) = pair.establish(listener);
    assert_eq!(SlotId::from(next).index, SlotId::from(client).index);
    assert_ne!(next, client);
    assert!(pair.client.stack.connection(pair.now, client).is_none());
    assert!(pair.client.stack.connection(pair.now, next).is_some());
}

#[test]
fn close_delivers_what_was_written() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    pair.client.write(pair.now, client, &[7; 60_000]);
    pair.client.close(pair.now, client);
    assert!(pair.client.stack.connection(pair.now, client).is_none());
    pair.run();
    assert_eq!(pair.server.read_all(pair.now, server), [7; 60_000]);
    pair.server.close(pair.now, server);
    pair.run();
    assert_eq!(states(&pair.client), [State::TimeWait]);
}

#[test]
fn an_orphan_tells_nothing() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    let told = pair.client.events.len();
    pair.client.close(pair.now, client);
    pair.server.write(pair.now, server, b"anyone?");
    pair.run();
    pair.sleep(2 * MINUTE);
    assert_eq!(pair.client.events.len(), told);
}
