//! Thousands of sockets that are dropped at once: what they held is returned.

mod common;

use std::alloc::System;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, SERVER, interfaces, listen_with_backlog};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tcp_tun::tcp_core::State;
use tcp_tun::{Interface, TcpStream};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SOCKETS: usize = 5_000;
const THREADS: usize = 8;
/// Of each connection one end has written this, and the other has not read it.
const UNREAD: usize = 20_000;

/// Bytes that are held now and were not when `region` began.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated - change.bytes_deallocated
}

/// Connections with data in their buffers: the servers' ends and the clients'.
fn connect_all(server: &Interface, client: &Interface) -> (Vec<TcpStream>, Vec<TcpStream>) {
    let listener = listen_with_backlog(server, SOCKETS);
    let data = vec![b'x'; UNREAD];
    let mut ends = (Vec::new(), Vec::new());
    for _ in 0..SOCKETS {
        let mut ours = TcpStream::connect(client, SERVER).unwrap();
        let (theirs, _) = listener.accept_timeout(PATIENCE).unwrap();
        ours.write_all(&data).unwrap();
        ends.0.push(theirs);
        ends.1.push(ours);
    }
    ends
}

fn drop_by_many(sockets: Vec<TcpStream>) {
    let mut parts: Vec<Vec<TcpStream>> = (0..THREADS).map(|_| Vec::new()).collect();
    for (index, socket) in sockets.into_iter().enumerate() {
        parts[index % THREADS].push(socket);
    }
    let threads = parts.into_iter().map(|part| thread::spawn(|| drop(part)));
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}

/// Waits until nothing is left on either side but TIME-WAIT, which holds no buffer.
fn await_rest(interfaces: [&Interface; 2]) {
    let deadline = Instant::now() + PATIENCE;
    let is_over = |interface: &Interface| {
        let sockets = interface.sockets().unwrap();
        let over = |state| state == State::TimeWait;
        sockets.iter().all(|socket| over(socket.state)) && interface.memory() == 0
    };
    while !interfaces.iter().all(|interface| is_over(interface)) {
        assert!(Instant::now() < deadline, "connections are left");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_thousands_of_sockets_held_is_returned() {
    let (server, client) = interfaces();
    let region = Region::new(ALLOCATOR);
    let mut after = Vec::new();
    for _ in 0..3 {
        let (theirs, ours) = connect_all(&server, &client);
        let most = held(&region);
        assert!(server.memory() >= SOCKETS * UNREAD, "{}", server.memory());
        assert!(most >= SOCKETS * UNREAD, "{most}");
        let both = theirs.into_iter().chain(ours).collect();
        drop_by_many(both);
        await_rest([&server, &client]);
        let left = held(&region);
        // Tables that have grown stay, and so do records of TIME-WAIT: some hundred bytes for each connection.
        assert!(left < most / 10, "{left} of {most} bytes are left");
        after.push(left);
    }
    println!("left each time: {after:?}");
    assert!(
        after[2] < after[1] + after[1] / 10,
        "each time more is left: {after:?}"
    );
}
