//! What a stack refuses, withholds and ends so that strangers cannot make it spend more than it may.

use super::*;
use crate::Shutdown;
use crate::config::{Limits, SynCookies, TcpConfig};
use crate::connection::State;
use crate::error::{ConnectError, ConnectionError, ReadError};

fn with_limits(limits: Limits) -> Pair {
    let server = StackConfig {
        limits,
        ..config(server_ip())
    };
    Pair::with(config(client_ip()), server)
}

fn stranger(port: u16) -> SocketAddr {
    SocketAddr::new(client_ip(), port)
}

#[test]
fn all_listeners_together_have_so_many_half_open_connections() {
    let mut pair = with_limits(Limits {
        half_open: 3,
        ..Limits::default()
    });
    let dropping = ListenConfig {
        syn_cookies: SynCookies::Never,
        ..ListenConfig::default()
    };
    pair.listen(dropping.clone());
    pair.server.stack.listen(on_port(81), dropping).unwrap();
    pair.server
        .stack
        .listen(on_port(82), ListenConfig::default())
        .unwrap();
    let mut answers = |from: u16, to: u16| {
        let to = SocketAddr::new(server_ip(), to);
        let answers = pair.server.answer(pair.now, stranger(from), to, syn(7));
        answers.len()
    };
    assert_eq!((1..=3).map(|from| answers(from, 80)).sum::<usize>(), 3);
    assert_eq!((answers(4, 80), answers(4, 81)), (0, 0), "no cookies here");
    assert_eq!(answers(4, 82), 1, "a cookie");
    let counters = pair.server.stack.counters();
    assert_eq!(counters.req_q_full_drop, 2);
    assert_eq!(counters.req_q_full_do_cookies, 1);
    assert_eq!(pair.server.sockets(), 3);
}

#[test]
fn connections_have_a_limit_from_both_sides() {
    let mut pair = with_limits(Limits {
        connections: 2,
        ..Limits::default()
    });
    let listener = pair.listen(ListenConfig::default());
    let (_, first) = pair.establish(listener);
    pair.establish(listener);
    let refused = pair.start_connect();
    pair.run();
    assert_eq!(pair.server.sockets(), 2, "not even a half-open one");
    let remote = stranger(9);
    let config = ValidConfig::default();
    let result = pair
        .server
        .stack
        .connect(pair.now, None, remote, config.clone());
    assert_eq!(result, Err(ConnectError::TooMany));
    assert_eq!(pair.server.stack.counters().too_many_connections, 2);
    assert_eq!(pair.server.stack.counters().listen_drops, 1);

    pair.server
        .stack
        .connection(pair.now, first)
        .unwrap()
        .abort();
    pair.server.close(pair.now, first);
    pair.sleep(Duration::from_secs(1));
    let state = pair.client.stack.connection(pair.now, refused).unwrap();
    assert_eq!(state.state(), State::Established, "the SYN sent again");
}

#[test]
fn a_handshake_that_completes_beyond_the_limit_waits() {
    let mut pair = with_limits(Limits {
        connections: 1,
        ..Limits::default()
    });
    pair.listen(ListenConfig::default());
    let ends = [pair.start_connect(), pair.start_connect()];
    pair.run();
    let half_open = pair.server.stack.half_opens.len();
    assert_eq!((pair.server.sockets(), half_open), (2, 1));
    assert_eq!(pair.server.stack.counters().too_many_connections, 1);
    pair.server.stack.set_limits(Limits::default());
    for end in ends {
        pair.client.write(pair.now, end, b"go on");
    }
    pair.run();
    assert_eq!(pair.server.stack.half_opens.len(), 0);
}

/// Closes one end, whose peer does not.
fn orphan(pair: &mut Pair, listener: ListenerId) -> ConnectionId {
    let (client, server) = pair.establish(listener);
    pair.server.close(pair.now, server);
    pair.run();
    client
}

#[test]
fn an_orphan_too_many_is_reset_at_once() {
    let mut pair = with_limits(Limits {
        orphans: 2,
        ..Limits::default()
    });
    let listener = pair.listen(ListenConfig::default());
    let clients: Vec<_> = (0..3).map(|_| orphan(&mut pair, listener)).collect();
    let counters = pair.server.stack.counters();
    assert_eq!((counters.orphans, counters.abort_on_memory), (2, 1));
    assert_eq!(pair.server.sockets(), 2);
    let mut states = clients.into_iter().map(|client| {
        let connection = pair.client.stack.connection(pair.now, client).unwrap();
        connection.state()
    });
    assert_eq!(states.next(), Some(State::CloseWait));
    assert_eq!(states.next(), Some(State::CloseWait));
    assert_eq!(states.next(), Some(State::Closed), "reset");
    drop(states);
    pair.sleep(Duration::from_secs(61));
    assert_eq!(
        pair.server.stack.counters().orphans,
        0,
        "FIN-WAIT-2 is over"
    );
}

#[test]
fn who_reads_on_after_shutdown_is_no_orphan_and_time_wait_has_none() {
    let mut pair = with_limits(Limits {
        orphans: 0,
        ..Limits::default()
    });
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    let mut connection = pair.server.stack.connection(pair.now, server).unwrap();
    connection.shutdown(Shutdown::Write);
    drop(connection);
    pair.client.close(pair.now, client);
    pair.run();
    pair.server.close(pair.now, server);
    pair.run();
    let counters = pair.server.stack.counters();
    assert_eq!((counters.orphans, counters.abort_on_memory), (0, 0));
    assert_eq!(pair.server.sockets(), 1, "TIME-WAIT");
}

/// Retransmissions until a connection ends whose peer is gone.
fn patience(orphan_retries: u8, close: bool) -> u64 {
    let mut pair = Pair::new();
    let tcp = TcpConfig {
        orphan_retries,
        ..TcpConfig::default()
    };
    let listener = pair.listen(ListenConfig {
        tcp: tcp.validate().unwrap(),
        ..ListenConfig::default()
    });
    let (_, server) = pair.establish(listener);
    pair.server.write(pair.now, server, b"anybody?");
    if close {
        pair.server.close(pair.now, server);
    }
    pair.server.drain(pair.now);
    while let Some(next) = pair.server.stack.poll_timeout() {
        pair.server.stack.handle_timeout(next);
        pair.server.drain(next);
    }
    pair.server.stack.counters().timeouts - 1
}

#[test]
fn an_orphan_gives_up_sooner() {
    assert_eq!(patience(0, false), 15, "R2");
    assert_eq!(patience(0, true), 8);
    assert_eq!(patience(3, true), 3);
    assert_eq!(patience(12, true), 12);
}

#[test]
fn what_lies_beyond_a_hole_has_limits_of_its_own() {
    let kept = |out_of_order_bytes, out_of_order_ranges| {
        let mut pair = Pair::new();
        let tcp = TcpConfig {
            out_of_order_bytes,
            out_of_order_ranges,
            ..TcpConfig::default()
        };
        let listener = pair.listen(ListenConfig {
            tcp: tcp.validate().unwrap(),
            ..ListenConfig::default()
        });
        let (client, server) = pair.establish(listener);
        pair.client.write(pair.now, client, &[3; 14_480]);
        let packets = pair.client_to_server();
        // Every second, and then those between but for the first.
        let odd = packets.iter().skip(1).step_by(2);
        for packet in odd.chain(packets.iter().skip(2).step_by(2)) {
            pair.server.handle(pair.now, packet);
        }
        pair.server.handle(pair.now, &packets[0]);
        let counters = pair.server.stack.counters();
        let (kept, dropped) = (counters.ofo_queue, counters.ofo_drop);
        pair.sleep(Duration::from_secs(5));
        assert_eq!(pair.server.read_all(pair.now, server), [3; 14_480]);
        (kept, dropped)
    };
    assert_eq!(kept(1 << 30, 16_384), (9, 0));
    // What joins ranges that are there is no range more.
    assert_eq!(kept(1 << 30, 2), (5, 4));
    assert_eq!(kept(3_000, 16_384), (1, 8));
}

#[test]
fn resets_of_nobody_have_a_rate() {
    let mut pair = with_limits(Limits {
        resets: 50,
        ..Limits::default()
    });
    let mut sent = |now| -> usize {
        let answers = (1..=1_000).map(|port| {
            let (from, to) = (stranger(port), server_addr());
            pair.server.answer(now, from, to, syn(7)).len()
        });
        answers.sum()
    };
    let first = sent(Instant::from_millis(0));
    assert!((25..=75).contains(&first), "{first}");
    assert_eq!(sent(Instant::from_millis(0)), 0);
    let next = sent(Instant::from_millis(1_000));
    let counters = pair.server.stack.counters();
    assert_eq!(counters.out_rsts, (first + next) as u64);
    assert_eq!(counters.reset_rate_limited, 3_000 - counters.out_rsts);
}

/// How many of `count` connections answer a blind SYN in their window by a challenge.
fn challenges(pair: &mut Pair, clients: &[SocketAddr]) -> usize {
    let answers = clients.iter().map(|&client| {
        let syn = header(Control::Syn, 1, None);
        let answers = pair.server.answer(pair.now, client, server_addr(), syn);
        answers.len()
    });
    answers.sum()
}

#[test]
fn challenges_have_a_budget_where_the_user_wants_one() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let clients: Vec<_> = (0..40)
        .map(|_| {
            let (client, _) = pair.establish(listener);
            pair.client_addr(client)
        })
        .collect();
    assert_eq!(challenges(&mut pair, &clients), 40, "one for each");
    assert_eq!(challenges(&mut pair, &clients), 0, "its own limit");
    pair.sleep(Duration::from_secs(1));
    pair.server.stack.set_limits(Limits {
        challenge_acks: Some(10),
        ..Limits::default()
    });
    let sent = challenges(&mut pair, &clients);
    assert!((5..15).contains(&sent), "{sent}");
    let counters = pair.server.stack.counters();
    assert_eq!(counters.challenge_ack, 40 + sent as u64);
    assert_eq!(counters.ack_skipped_challenge, 40 - sent as u64);
}

#[test]
fn a_challenge_that_is_withheld_takes_no_other_acknowledgement_with_it() {
    let mut pair = with_limits(Limits {
        challenge_acks: Some(0),
        ..Limits::default()
    });
    let listener = pair.listen(ListenConfig::default());
    let (client, _) = pair.establish(listener);
    let from = pair.client_addr(client);
    pair.client.write(pair.now, client, &[0; 3_000]);
    for packet in pair.client_to_server() {
        pair.server.handle(pair.now, &packet);
    }
    let syn = header(Control::Syn, 1, None);
    let answers = pair.server.answer(pair.now, from, server_addr(), syn);
    assert_eq!(answers.len(), 1, "for the data");
    assert_eq!(pair.server.stack.counters().ack_skipped_challenge, 1);
}

#[test]
fn who_is_ended_for_memory_learns_it_and_what_was_not_read_is_no_end() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    pair.client.write(pair.now, client, &[1; 50_000]);
    pair.run();
    pair.client.close(pair.now, client);
    pair.run();
    assert!(pair.server.stack.memory() >= 50_000);
    let mut limits = Limits::default();
    limits.memory.high = 40_000;
    pair.server.stack.set_limits(limits);
    assert_eq!(pair.server.stack.memory(), 0);
    assert_eq!(pair.server.stack.counters().abort_on_memory, 1);
    let mut connection = pair.server.stack.connection(pair.now, server).unwrap();
    let error = ReadError::Connection(ConnectionError::NoMemory);
    assert_eq!(connection.read(&mut [0; 100]), Err(error));
    assert_eq!(connection.read(&mut [0; 100]), Ok(0), "told once");
    drop(connection);
    pair.run();
    pair.server.close(pair.now, server);
    assert_eq!(pair.client.sockets(), 0, "the peer was reset");
}
