//! Interfaces with several queues: whichever a packet comes by, all is as with one.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use common::several::{Link, SECRETS, accept, builder, connect, eventually, link, link_with};
use common::spray::{self, Spray};
use common::{SERVER, hash_of_noise, receive, send_noise};
use proptest::prelude::*;
use tcp_tun::tcp_core::{State, Steering};
use tcp_tun::{ConnectOptions, Direction, Interface, TcpListener, TcpStream};

/// So many connections, half of them made by each side: pairs of their ends.
fn connections(link: &Link, count: usize) -> Vec<(TcpStream, TcpStream)> {
    let listeners = [
        TcpListener::bind(&link.server, SERVER).unwrap(),
        TcpListener::bind(&link.client, "10.7.0.2:7").unwrap(),
    ];
    (0..count)
        .map(|at| {
            let ours = match at % 2 {
                0 => connect(&link.client, SERVER),
                _ => connect(&link.server, "10.7.0.2:7"),
            };
            let theirs = accept(&listeners[at % 2]);
            assert_eq!(ours.peer_addr().unwrap(), theirs.local_addr().unwrap());
            assert_eq!(theirs.peer_addr().unwrap(), ours.local_addr().unwrap());
            (ours, theirs)
        })
        .collect()
}

/// Sends noise both ways at once, and checks what arrives.
fn exchange(one: &TcpStream, other: &TcpStream, seed: u64, len: usize) {
    thread::scope(|scope| {
        for (from, to, seed) in [(one, other, seed), (other, one, seed + 1)] {
            scope.spawn(move || send_noise(from, seed, len).unwrap());
            scope.spawn(move || {
                let received = receive(to.take(len as u64)).unwrap();
                assert!(received == (len, hash_of_noise(seed, len)));
            });
        }
    });
}

/// Says the end both ways, and hears it.
fn close(one: &TcpStream, other: &TcpStream) {
    one.shutdown(Shutdown::Write).unwrap();
    for (mut reader, writer) in [(other, other), (one, one)] {
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        // The first has said it already.
        let _ = writer.shutdown(Shutdown::Write);
    }
}

/// Each connection is where its addresses say.
fn assert_owned(interface: &Interface, secret: &[u8; 32]) {
    let queues = u16::try_from(interface.queues()).unwrap();
    let steering = Steering::new(secret, NonZeroU16::new(queues).unwrap());
    for socket in interface.sockets().unwrap() {
        let owner = steering.owner(socket.local, socket.remote);
        assert_eq!(socket.queue, usize::from(owner), "{socket:?}");
    }
}

fn any_spray() -> impl Strategy<Value = Spray> {
    prop_oneof![
        4 => any::<u64>().prop_map(Spray::Random),
        1 => Just(Spray::InTurn),
        1 => (0_usize..4).prop_map(Spray::Only),
        1 => Just(Spray::Right),
        1 => Just(Spray::Wrong),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A packet that reached another stack than its flow's would be answered by a reset there.
    #[test]
    fn whichever_queue_packets_come_by_all_connections_work(
        server_queues in 1_u16..=4,
        client_queues in 1_u16..=4,
        spray in any_spray(),
        count in 1_usize..12,
        len in 0_usize..200_000,
    ) {
        let link = link([server_queues, client_queues], spray);
        let pairs = connections(&link, count);
        assert_owned(&link.server, &SECRETS[0]);
        assert_owned(&link.client, &SECRETS[1]);
        thread::scope(|scope| {
            for (seed, (ours, theirs)) in pairs.iter().enumerate() {
                scope.spawn(move || exchange(ours, theirs, seed as u64 * 2, len));
            }
        });
        let (mut active, mut passive) = (0, 0);
        for interface in [&link.server, &link.client] {
            let counters = interface.counters();
            active += counters.active_opens;
            passive += counters.passive_opens;
            prop_assert_eq!(counters.out_rsts, 0);
            prop_assert_eq!(counters.attempt_fails, 0);
        }
        prop_assert_eq!((active, passive), (count as u64, count as u64));
        for (ours, theirs) in &pairs {
            close(ours, theirs);
        }
        // A packet that is late may find nobody any more.
        if spray.keeps_order() {
            prop_assert_eq!(link.server.counters().out_rsts, 0);
            prop_assert_eq!(link.client.counters().out_rsts, 0);
        }
    }
}

#[test]
fn packets_are_handed_over_where_they_come_by_the_wrong_queue_and_only_there() {
    for (spray, expected) in [(Spray::Right, false), (Spray::Wrong, true)] {
        let link = link([2, 2], spray);
        for (ours, theirs) in connections(&link, 4) {
            exchange(&ours, &theirs, 7, 10_000);
        }
        for interface in [&link.server, &link.client] {
            let device = interface.device_counters();
            assert!(device.rx_packets > 0);
            let all = if expected { device.rx_packets } else { 0 };
            assert_eq!(device.rx_handed_over, all, "{spray:?}");
            assert_eq!(device.rx_handover_drops, 0);
            eventually("each is taken in once", || {
                let taken = interface.counters().ip_in_receives;
                taken == interface.device_counters().rx_packets
            });
        }
    }
}

#[test]
fn connections_of_ours_are_spread_over_the_queues() {
    let link = link([4, 4], Spray::Random(7));
    let _pairs = connections(&link, 64);
    for interface in [&link.server, &link.client] {
        let mut counts = [0; 4];
        for socket in interface.sockets().unwrap() {
            counts[socket.queue] += 1;
        }
        assert!(counts.iter().all(|&count| count >= 4), "{counts:?}");
    }
}

#[test]
fn a_port_of_ours_leads_to_the_stack_that_it_belongs_to() {
    let link = link([3, 4], Spray::InTurn);
    let listener = TcpListener::bind(&link.server, SERVER).unwrap();
    for port in 2_000..2_020 {
        let local = SocketAddr::from(([10, 7, 0, 2], port));
        let ours = TcpStream::connect_from(&link.client, local, SERVER.parse().unwrap()).unwrap();
        assert_eq!(ours.local_addr().unwrap(), local);
        let again = TcpStream::connect_from(&link.client, local, SERVER.parse().unwrap());
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrInUse);
        exchange(&ours, &accept(&listener), 3, 5_000);
    }
    assert_owned(&link.client, &SECRETS[1]);
}

#[test]
fn every_port_can_be_used_and_none_twice() {
    let ([clients, _servers], _) = spray::link(SECRETS, [4, 1], Spray::InTurn);
    let client = builder(clients, 1)
        .ephemeral_ports(50_000, 50_019)
        .build()
        .unwrap();
    // Nobody answers; each connection keeps its port meanwhile.
    thread::scope(|scope| {
        let attempts: Vec<_> = (0..21)
            .map(|_| {
                scope.spawn(|| {
                    let options = ConnectOptions {
                        timeout: Some(Duration::from_secs(2)),
                        ..ConnectOptions::default()
                    };
                    let remote = "10.7.0.9:80".parse().unwrap();
                    TcpStream::connect_with(&client, remote, options)
                        .unwrap_err()
                        .kind()
                })
            })
            .collect();
        let errors: Vec<_> = attempts
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        let count = |kind| errors.iter().filter(|&&error| error == kind).count();
        assert_eq!(count(ErrorKind::TimedOut), 20, "{errors:?}");
        assert_eq!(count(ErrorKind::AddrNotAvailable), 1, "{errors:?}");
    });
}

/// The network's complaint about a packet finds the stack that sent the packet, by whichever queue.
#[test]
fn a_complaint_finds_its_connection() {
    for queue in 0..3 {
        let last_sent = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&last_sent);
        let link = link_with([3, 1], Spray::Right, |builder| {
            builder.on_packet(move |direction, _, packet| {
                if direction == Direction::Sent {
                    *seen.lock().unwrap() = packet.to_vec();
                }
            })
        });
        let listener = TcpListener::bind(&link.server, SERVER).unwrap();
        let ours = connect(&link.client, SERVER);
        let theirs = accept(&listener);
        assert_eq!(theirs.info().unwrap().tcpi_snd_mss, 1_448);
        // Nothing is acknowledged any more, so what is complained about is outstanding.
        link.client.shutdown().unwrap();
        drop(ours);
        (&theirs).write_all(&[7; 5_000]).unwrap();
        let sent = last_sent.lock().unwrap().clone();
        link.to_server.put(queue, &too_big(&sent, 1_200));
        eventually("it is heard", || {
            theirs.info().unwrap().tcpi_snd_mss == 1_148
        });
    }
}

/// "Fragmentation needed" about an IPv4 packet (RFC 1191).
fn too_big(packet: &[u8], mtu: u16) -> Vec<u8> {
    let checksum = |bytes: &[u8]| {
        let words = bytes
            .chunks(2)
            .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
        let sum: u32 = words.sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        (!(folded + (folded >> 16)) as u16).to_be_bytes()
    };
    let mut message = vec![3, 4, 0, 0, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend(&packet[..28]);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum);
    let mut header = vec![0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1];
    header.extend(&packet[12..16]);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum);
    [header, message].concat()
}

/// Whoever watches sees every packet of all queues, each once, and in the order of time.
#[test]
fn an_observer_sees_all_queues() {
    let seen: Arc<Mutex<Vec<(SystemTime, usize)>>> = Arc::default();
    let watched = Arc::clone(&seen);
    let link = link_with([4, 1], Spray::Random(3), |builder| {
        builder.on_packet(move |_, time, packet| {
            watched.lock().unwrap().push((time, packet.len()));
        })
    });
    let pairs = connections(&link, 8);
    thread::scope(|scope| {
        for (ours, theirs) in &pairs {
            scope.spawn(|| exchange(ours, theirs, 5, 50_000));
        }
    });
    drop(pairs);
    link.server.shutdown().unwrap();
    let device = link.server.device_counters();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len() as u64, device.rx_packets + device.tx_packets);
    let bytes: usize = seen.iter().map(|(_, len)| len).sum();
    assert_eq!(bytes as u64, device.rx_bytes + device.tx_bytes);
    assert!(seen.is_sorted_by_key(|(time, _)| *time));
}

#[test]
fn who_closed_first_waits_in_the_stack_of_the_flow() {
    let link = link([3, 3], Spray::Wrong);
    let listener = TcpListener::bind(&link.server, SERVER).unwrap();
    for _ in 0..12 {
        let ours = connect(&link.client, SERVER);
        close(&ours, &accept(&listener));
    }
    eventually("all wait", || {
        let sockets = link.client.sockets().unwrap();
        let waiting = sockets
            .iter()
            .filter(|socket| socket.state == State::TimeWait);
        sockets.len() == 12 && waiting.count() == 12
    });
    assert_owned(&link.client, &SECRETS[1]);
    assert_eq!(link.client.counters().time_wait, 12);
}
