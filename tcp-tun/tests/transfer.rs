//! Much data, many threads, many connections.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Barrier};
use std::thread;

use common::{
    PATIENCE, SERVER, connect_pair, hash_of_noise, interfaces, interfaces_over,
    listen_with_backlog, receive, send_noise,
};
use tcp_tun::tcp_core::{TcpConfig, WindowScaling};
use tcp_tun::{Interface, MemoryDevice, TcpStream};

const MIB: usize = 1 << 20;

/// Sends `len` bytes both ways at once and checks them.
fn exchange((server, client): &(Interface, Interface), len: usize) -> (TcpStream, TcpStream) {
    let (theirs, ours) = connect_pair(server, client);
    thread::scope(|scope| {
        for (stream, own_seed, other_seed) in [(&theirs, 1, 2), (&ours, 2, 1)] {
            scope.spawn(move || {
                let hash = send_noise(stream, own_seed, len).unwrap();
                assert_eq!(hash, hash_of_noise(own_seed, len));
                stream.shutdown(Shutdown::Write).unwrap();
            });
            scope.spawn(move || {
                let expected = (len, hash_of_noise(other_seed, len));
                assert!(receive(stream).unwrap() == expected);
            });
        }
    });
    (theirs, ours)
}

#[test]
fn sixty_four_mebibytes_each_way() {
    let interfaces = interfaces();
    let (theirs, ours) = exchange(&interfaces, 64 * MIB);
    // A packet lost or overtaken on the way would have left a hole.
    assert_eq!(theirs.info().unwrap().tcpi_rcv_ooopack, 0);
    assert_eq!(ours.info().unwrap().tcpi_rcv_ooopack, 0);
}

#[test]
fn a_device_that_is_often_full_loses_nothing() {
    let link = MemoryDevice::pair_with_buffer(1_500, 1).unwrap();
    let interfaces = interfaces_over(link, |builder| builder);
    let (theirs, ours) = exchange(&interfaces, 8 * MIB);
    let counters = interfaces.0.device_counters();
    assert!(counters.tx_blocked > 0, "{counters:?}");
    assert_eq!(counters.tx_errors, 0);
    assert_eq!(theirs.info().unwrap().tcpi_rcv_ooopack, 0);
    assert_eq!(ours.info().unwrap().tcpi_rcv_ooopack, 0);
}

#[test]
fn packets_of_every_size_carry_the_same_bytes() {
    for mtu in [1_280, 9_000, 65_535] {
        let link = MemoryDevice::pair(mtu).unwrap();
        exchange(&interfaces_over(link, |builder| builder), 2 * MIB);
    }
}

#[test]
fn buffers_of_every_size_carry_the_same_bytes() {
    let sizes = [
        (3_000, WindowScaling::Off),
        (65_535, WindowScaling::Off),
        (65_536, WindowScaling::Fixed(14)),
        (4 * MIB, WindowScaling::Auto),
    ];
    for (buffer, window_scaling) in sizes {
        let tcp = TcpConfig {
            recv_buffer: buffer.into(),
            send_buffer: buffer.into(),
            window_scaling,
            nagle: false,
            ..TcpConfig::default()
        };
        let tcp = tcp.validate().unwrap();
        let link = MemoryDevice::pair(1_500).unwrap();
        let len = if buffer < 10_000 { MIB / 4 } else { 2 * MIB };
        exchange(
            &interfaces_over(link, |builder| builder.tcp(tcp.clone())),
            len,
        );
    }
}

#[test]
fn two_hundred_connections_at_once_from_sixteen_threads() {
    const THREADS: usize = 16;
    const CONNECTIONS: usize = 200;
    let (server, client) = interfaces();
    let listener = listen_with_backlog(&server, CONNECTIONS);
    let accepting = thread::spawn(move || {
        let echoes: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (mut stream, _) = listener.accept_timeout(PATIENCE).unwrap();
                thread::spawn(move || {
                    let mut data = Vec::new();
                    stream.read_to_end(&mut data).unwrap();
                    stream.write_all(&data).unwrap();
                })
            })
            .collect();
        echoes.into_iter().for_each(|echo| echo.join().unwrap());
    });
    let all_open = Arc::new(Barrier::new(THREADS));
    let clients: Vec<_> = (0..THREADS)
        .map(|index| {
            let (client, all_open) = (client.clone(), Arc::clone(&all_open));
            thread::spawn(move || {
                let numbers = (index..CONNECTIONS).step_by(THREADS);
                let streams: Vec<_> = numbers
                    .map(|number| (number, TcpStream::connect(&client, SERVER).unwrap()))
                    .collect();
                all_open.wait();
                for (number, stream) in &streams {
                    send_noise(stream, *number as u64, 20_000 + number).unwrap();
                    stream.shutdown(Shutdown::Write).unwrap();
                }
                for (number, stream) in &streams {
                    let expected = hash_of_noise(*number as u64, 20_000 + number);
                    assert!(receive(stream).unwrap() == (20_000 + number, expected));
                }
            })
        })
        .collect();
    clients
        .into_iter()
        .for_each(|client| client.join().unwrap());
    accepting.join().unwrap();
    let counters = server.counters();
    assert_eq!(counters.passive_opens, CONNECTIONS as u64);
    assert_eq!(counters.listen_overflows, 0);
    assert_eq!(client.counters().active_opens, CONNECTIONS as u64);
}

#[test]
fn two_threads_share_one_connection() {
    let (server, client) = interfaces();
    let (theirs, ours) = connect_pair(&server, &client);
    let echo = thread::spawn(move || {
        let (mut from, mut to) = (theirs.try_clone().unwrap(), theirs);
        std::io::copy(&mut from, &mut to).unwrap();
    });
    let writing = ours.try_clone().unwrap();
    let writer = thread::spawn(move || {
        let hash = send_noise(&writing, 5, 4 * MIB).unwrap();
        writing.shutdown(Shutdown::Write).unwrap();
        hash
    });
    let (len, hash) = receive(ours).unwrap();
    assert_eq!(len, 4 * MIB);
    assert!(writer.join().unwrap() == hash);
    echo.join().unwrap();
}

#[test]
fn many_short_connections_one_after_another() {
    let (server, client) = interfaces();
    let listener = listen_with_backlog(&server, 8);
    let echo = thread::spawn(move || {
        for _ in 0..500 {
            let (mut stream, _) = listener.accept_timeout(PATIENCE).unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            stream.write_all(&byte).unwrap();
        }
    });
    for number in 0..500_u32 {
        let mut stream = TcpStream::connect(&client, SERVER).unwrap();
        stream.write_all(&[number as u8]).unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], number as u8);
    }
    echo.join().unwrap();
}
