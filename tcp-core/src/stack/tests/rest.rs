//! Connections at rest: that they are packed is nothing that anybody could see.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Host, Pair, client_ip, config, server_ip};
use crate::config::{CongestionAlgorithm, KeepAlive, ListenConfig, StackConfig};
use crate::connection::Shutdown;
use crate::error::ConnectionError;
use crate::event::{ConnectionEvent, ConnectionId};

const COUNT: usize = 6;

/// Two stacks of which each keeps so many connections at rest in full.
fn pair(awake_connections: usize) -> Pair {
    let keeping = |address| StackConfig {
        awake_connections,
        ..config(address)
    };
    Pair::with(keeping(client_ip()), keeping(server_ip()))
}

fn packed(host: &Host) -> usize {
    let connections = host.stack.connections.iter();
    connections
        .filter(|(_, entry)| entry.resident.awake().is_none())
        .count()
}

fn establish_some(pair: &mut Pair) -> Vec<(ConnectionId, ConnectionId)> {
    let listener = pair.listen(ListenConfig::default());
    (0..COUNT).map(|_| pair.establish(listener)).collect()
}

/// All that options, either side's end of stream and keep-alive can make of connections, with pauses.
/// Gives every variable of every connection, the events and the counters.
fn conversation(pair: &mut Pair) -> String {
    let ends = establish_some(pair);
    for (number, &(id, _)) in ends.iter().enumerate() {
        let mut client = pair.client.stack.connection(pair.now, id).unwrap();
        match number {
            0 => client.set_keep_alive(Some(KeepAlive::default())),
            1 => client.set_congestion(CongestionAlgorithm::Bbr),
            2 => client.shutdown(Shutdown::Write),
            3 => client.set_user_timeout(Some(Duration::from_secs(9))),
            4 => {
                client.set_dscp(7);
                client.set_nodelay(true);
            }
            _ => client.set_linger(Some(Duration::from_secs(3))),
        }
    }
    for round in 1..4 {
        for &(client, server) in &ends[round..] {
            pair.server.write(pair.now, server, &[b's'; 3_000]);
            pair.run();
            pair.client.read_all(pair.now, client);
        }
        pair.sleep(Duration::from_secs(3_600));
    }
    let mut seen = format!("{:?} {:?}", pair.client.events, pair.server.events);
    for host in [&pair.client, &pair.server] {
        seen += &format!("{:?}", host.stack.counters());
        for (_, local, remote, _) in host.stack.sockets() {
            let (_, connection) = host.stack.connection_between(local, remote).unwrap();
            seen += &format!("{connection:?}");
        }
    }
    seen
}

#[test]
fn a_conversation_is_the_same_whatever_is_packed() {
    let mut full = pair(COUNT);
    let expected = conversation(&mut full);
    assert_eq!((packed(&full.client), packed(&full.server)), (0, 0));
    for awake in 0..3 {
        let mut small = pair(awake);
        assert_eq!(conversation(&mut small), expected);
        let expected = COUNT - awake;
        assert_eq!(packed(&small.client), expected);
        assert_eq!(packed(&small.server), expected);
    }
}

#[test]
fn a_packed_connection_waits_for_nothing_but_keep_alive() {
    let mut pair = pair(0);
    let ends = establish_some(&mut pair);
    pair.sleep(Duration::from_millis(1));
    assert_eq!(packed(&pair.client), COUNT);
    assert_eq!(pair.client.stack.deadlines.len(), 0);
    assert_eq!(pair.client.stack.poll_timeout(), None);
    let mut client = pair.client.stack.connection(pair.now, ends[0].0).unwrap();
    client.set_keep_alive(Some(KeepAlive::default()));
    drop(client);
    let before = pair.server.stack.counters().in_segs;
    pair.sleep(Duration::from_secs(7_200));
    assert_eq!(packed(&pair.client), COUNT);
    assert_eq!(pair.server.stack.counters().in_segs, before + 1, "a probe");
}

#[test]
fn a_reset_wakes_a_packed_connection() {
    let mut pair = pair(0);
    let (client, server) = establish_some(&mut pair)[0];
    pair.sleep(Duration::from_secs(1));
    assert_eq!(packed(&pair.client), COUNT);
    let mut connection = pair.server.stack.connection(pair.now, server).unwrap();
    connection.abort();
    drop(connection);
    pair.run();
    let closed = ConnectionEvent::Closed(Some(ConnectionError::Reset));
    assert!(pair.client.events_of(client).contains(&closed));
}
