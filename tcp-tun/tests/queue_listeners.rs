//! A listener of an interface with several queues, and the end of such an interface.

mod common;

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use common::SERVER;
use common::several::{SECRETS, accept, builder, connect, link};
use common::spray::{self, Spray};
use tcp_tun::tcp_core::{Admission, ListenAddr, ListenConfig};
use tcp_tun::{TcpListener, TcpStream};

#[test]
fn a_listener_is_one_whatever_the_queues() {
    let link = link([4, 1], Spray::InTurn);
    let listener = link.server.listen("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let addr = format!("10.7.0.1:{port}");
    assert_eq!(
        link.server.listen(("0.0.0.0", port)).unwrap_err().kind(),
        ErrorKind::AddrInUse
    );

    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    listener.set_nonblocking(false).unwrap();
    let error = listener
        .accept_timeout(Duration::from_millis(20))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);

    // Each of several that wait gets one.
    let (sender, accepted) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..16 {
            let sender = sender.clone();
            let listener = &listener;
            scope.spawn(move || sender.send(accept(listener).peer_addr().unwrap()).unwrap());
        }
        let streams: Vec<_> = (0..16).map(|_| connect(&link.client, &addr)).collect();
        let mut made: Vec<_> = streams
            .iter()
            .map(|ours| ours.local_addr().unwrap())
            .collect();
        let mut taken: Vec<_> = accepted.iter().take(16).collect();
        made.sort();
        taken.sort();
        assert_eq!(made, taken);
    });

    // Who is not accepted is reset when the listener goes, and whoever comes later is refused.
    let waiting: Vec<_> = (0..16).map(|_| connect(&link.client, &addr)).collect();
    drop(listener);
    for mut stream in waiting {
        assert_eq!(
            stream.read(&mut [0]).unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    }
    for _ in 0..16 {
        let error = TcpStream::connect(&link.client, &*addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    assert!(link.server.listen(("0.0.0.0", port)).is_ok());
}

#[test]
fn a_listener_s_user_decides_about_the_syns_of_all_queues() {
    let link = link([4, 1], Spray::Wrong);
    let config = ListenConfig {
        admission: Admission::Ask,
        ..ListenConfig::default()
    };
    let addr: SocketAddr = SERVER.parse().unwrap();
    let listener = TcpListener::bind_with(&link.server, ListenAddr::from(addr), config).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for at in 0..16 {
                let syn = listener.next_syn().unwrap();
                let decided = if at % 2 == 0 {
                    syn.accept()
                } else {
                    syn.refuse()
                };
                assert!(decided.unwrap());
            }
        });
        let outcomes: Vec<bool> = (0..16)
            .map(|_| TcpStream::connect(&link.client, SERVER).is_ok())
            .collect();
        let expected: Vec<bool> = (0..16).map(|at| at % 2 == 0).collect();
        assert_eq!(outcomes, expected);
    });
    for _ in 0..8 {
        accept(&listener);
    }
}

#[test]
fn a_shutdown_ends_all_that_waits() {
    let link = link([4, 2], Spray::InTurn);
    let listener = TcpListener::bind(&link.server, SERVER).unwrap();
    let pairs: Vec<_> = (0..8)
        .map(|_| (connect(&link.client, SERVER), accept(&listener)))
        .collect();
    thread::scope(|scope| {
        let accepting = scope.spawn(|| listener.accept().unwrap_err());
        let deciding = scope.spawn(|| listener.next_syn().unwrap_err());
        let reading: Vec<_> = pairs
            .iter()
            .map(|(_, theirs)| scope.spawn(|| (&*theirs).read(&mut [0]).unwrap_err()))
            .collect();
        thread::sleep(Duration::from_millis(50));
        link.server.shutdown().unwrap();
        for thread in reading.into_iter().chain([accepting, deciding]) {
            assert_eq!(thread.join().unwrap().kind(), ErrorKind::NotConnected);
        }
    });
    // The peers have heard of it.
    for (mut ours, _) in pairs {
        assert_eq!(ours.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn a_queue_that_fails_ends_the_interface() {
    let ([servers, clients], to_server) = spray::link(SECRETS, [3, 1], Spray::Right);
    let broken = Arc::clone(&servers[1].broken);
    let server = builder(servers, 1).build().unwrap();
    let client = builder(clients, 2).build().unwrap();
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let pairs: Vec<_> = (0..12)
        .map(|_| (connect(&client, SERVER), accept(&listener)))
        .collect();
    thread::scope(|scope| {
        let accepting = scope.spawn(|| listener.accept().unwrap_err());
        let reading: Vec<_> = pairs
            .iter()
            .map(|(_, theirs)| scope.spawn(|| (&*theirs).read(&mut [0]).unwrap_err()))
            .collect();
        thread::sleep(Duration::from_millis(50));
        broken.store(true, Ordering::Relaxed);
        to_server.put(1, b"it is looked at");
        for thread in reading.into_iter().chain([accepting]) {
            let error = thread.join().unwrap();
            assert_eq!(error.kind(), ErrorKind::NotConnected);
            assert!(error.to_string().contains("pulled out"), "{error}");
        }
    });
    let error = server.shutdown().unwrap_err();
    assert!(error.to_string().contains("pulled out"), "{error}");
}
