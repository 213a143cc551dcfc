//! Connections that begin and end, by the thousand and in unfriendly ways, between our stack and the
//! kernel's.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use integration_tests::kernel::{
    self, Family, Options, PATIENCE, accept, accept_ours, connect, connect_ours, eventually,
};
use integration_tests::noise;
use socket2::SockRef;
use tcp_tun::Interface;
use tcp_tun::tcp_core::{ConnectionError, ListenConfig, State};

/// Makes the kernel's end of a connection reset it when it is dropped.
fn reset_on_drop(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// Listens on our stack at a port of its choice, with room for many.
fn listen(interface: &Interface, family: Family) -> tcp_tun::TcpListener {
    let config = ListenConfig {
        backlog: 1_024,
        ..ListenConfig::default()
    };
    tcp_tun::TcpListener::bind_with(interface, family.ours(0), config).unwrap()
}

/// Sends back what comes until its end, then ends as well.
fn echo(mut stream: impl Read + Write) {
    let mut data = Vec::new();
    stream.read_to_end(&mut data).unwrap();
    stream.write_all(&data).unwrap();
}

#[test]
fn a_thousand_connections_to_us_one_after_another() {
    let name = "a_thousand_connections_to_us_one_after_another";
    kernel::run(name, &Options::default(), |interface| {
        let listener = listen(interface, Family::V4);
        let addr = listener.local_addr().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    echo(accept_ours(&listener));
                }
            });
            for number in 0..1_000_u32 {
                let mut stream = connect(addr);
                stream.write_all(&number.to_be_bytes()).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).unwrap();
                assert_eq!(answer, number.to_be_bytes());
            }
        });
        assert_eq!(interface.counters().passive_opens, 1_000);
        // The kernel closed first each time, so nothing of it is left with us.
        eventually("every connection is gone", || {
            interface.sockets().unwrap().is_empty()
        });
    });
}

#[test]
fn a_thousand_connections_of_ours_one_after_another() {
    let name = "a_thousand_connections_of_ours_one_after_another";
    kernel::run(name, &Options::default(), |interface| {
        let listener = TcpListener::bind(Family::V6.kernel(0)).unwrap();
        let addr = listener.local_addr().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    echo(accept(&listener));
                }
            });
            for number in 0..1_000_u32 {
                let mut stream = connect_ours(interface, addr);
                stream.write_all(&number.to_be_bytes()).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).unwrap();
                assert_eq!(answer, number.to_be_bytes());
            }
        });
        assert_eq!(interface.counters().active_opens, 1_000);
        // We closed first each time.
        eventually("every connection is in TIME-WAIT", || {
            let sockets = interface.sockets().unwrap();
            let waiting = |state| state == State::TimeWait;
            sockets.len() == 1_000 && sockets.iter().all(|socket| waiting(socket.state))
        });
    });
}

#[test]
fn two_hundred_connections_to_us_at_once() {
    let name = "two_hundred_connections_to_us_at_once";
    kernel::run(name, &Options::default(), |interface| {
        let listener = listen(interface, Family::V6);
        let addr = listener.local_addr().unwrap();
        let all = Barrier::new(200);
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200 {
                    let stream = accept_ours(&listener);
                    scope.spawn(move || echo(stream));
                }
            });
            for seed in 0..200 {
                let all = &all;
                scope.spawn(move || {
                    let mut stream = connect(addr);
                    // Nobody begins before everybody is connected.
                    all.wait();
                    exchange(&mut stream, seed, TcpStream::shutdown);
                });
            }
        });
        assert_eq!(interface.counters().passive_opens, 200);
    });
}

#[test]
fn two_hundred_connections_of_ours_at_once() {
    let name = "two_hundred_connections_of_ours_at_once";
    kernel::run(name, &Options::default(), |interface| {
        let listener = TcpListener::bind(Family::V4.kernel(0)).unwrap();
        SockRef::from(&listener).listen(1_024).unwrap();
        let addr = listener.local_addr().unwrap();
        let all = Barrier::new(200);
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200 {
                    let stream = accept(&listener);
                    scope.spawn(move || echo(stream));
                }
            });
            for seed in 0..200 {
                let all = &all;
                scope.spawn(move || {
                    let mut stream = connect_ours(interface, addr);
                    all.wait();
                    exchange(&mut stream, seed, tcp_tun::TcpStream::shutdown);
                });
            }
        });
        assert_eq!(interface.counters().active_opens, 200);
    });
}

/// Sends 100 kB to an echo and takes them back.
fn exchange<S: Read + Write>(
    stream: &mut S,
    seed: u64,
    shutdown: fn(&S, Shutdown) -> std::io::Result<()>,
) {
    let data = noise::bytes(100_000, seed);
    stream.write_all(&data).unwrap();
    shutdown(stream, Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer == data, "connection {seed} got other data back");
}

#[test]
fn refusals() {
    kernel::run("refusals", &Options::default(), |interface| {
        for family in Family::BOTH {
            let error = TcpStream::connect_timeout(&family.ours(9), PATIENCE).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{family:?}");
            let addr = family.kernel(9);
            let error = tcp_tun::TcpStream::connect(interface, addr).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{family:?}");
        }
        let counters = interface.counters();
        assert_eq!(counters.out_rsts, 2);
        assert_eq!(counters.attempt_fails, 2);
    });
}

#[test]
fn the_kernel_resets_while_we_read() {
    let name = "the_kernel_resets_while_we_read";
    kernel::run(name, &Options::default(), |interface| {
        let listener = listen(interface, Family::V4);
        let kernel = connect(listener.local_addr().unwrap());
        let mut ours = accept_ours(&listener);
        reset_on_drop(&kernel);
        thread::scope(|scope| {
            let reading = scope.spawn(|| ours.read(&mut [0; 16]));
            // So that it most likely waits in its read; the outcome is the same if not.
            thread::sleep(Duration::from_millis(50));
            drop(kernel);
            let error = reading.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        });
        assert_eq!(interface.counters().estab_resets, 1);
    });
}

#[test]
fn the_kernel_resets_while_we_write() {
    let name = "the_kernel_resets_while_we_write";
    kernel::run(name, &Options::default(), |interface| {
        let listener = listen(interface, Family::V6);
        let kernel = connect(listener.local_addr().unwrap());
        let mut ours = accept_ours(&listener);
        reset_on_drop(&kernel);
        thread::scope(|scope| {
            let writing = scope.spawn(|| {
                // Until there is no more room, and on.
                let chunk = [0; 65_536];
                loop {
                    if let Err(error) = ours.write_all(&chunk) {
                        return (error.kind(), ours.write(&chunk).unwrap_err().kind());
                    }
                }
            });
            thread::sleep(Duration::from_millis(50));
            drop(kernel);
            let (first, second) = writing.join().unwrap();
            assert_eq!(first, ErrorKind::ConnectionReset);
            assert_eq!(second, ErrorKind::BrokenPipe);
        });
    });
}

#[test]
fn we_reset_while_the_kernel_reads_and_writes() {
    let name = "we_reset_while_the_kernel_reads_and_writes";
    kernel::run(name, &Options::default(), |interface| {
        let listener = TcpListener::bind(Family::V4.kernel(0)).unwrap();
        let addr = listener.local_addr().unwrap();

        let ours = connect_ours(interface, addr);
        let mut kernel = accept(&listener);
        ours.abort().unwrap();
        let error = kernel.read(&mut [0; 16]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);

        let ours = connect_ours(interface, addr);
        let mut kernel = accept(&listener);
        thread::scope(|scope| {
            let writing = scope.spawn(move || {
                let chunk = [0; 65_536];
                loop {
                    if let Err(error) = kernel.write_all(&chunk) {
                        return error.kind();
                    }
                }
            });
            thread::sleep(Duration::from_millis(50));
            // Data is unread, so that to close is to reset (RFC 9293, §3.10.4; RFC 2525, §2.17).
            drop(ours);
            assert_eq!(writing.join().unwrap(), ErrorKind::ConnectionReset);
        });
    });
}

#[test]
fn a_backlog_that_overflows_is_counted_and_recovers() {
    let name = "a_backlog_that_overflows_is_counted_and_recovers";
    kernel::run(name, &Options::default(), |interface| {
        let config = ListenConfig {
            backlog: 2,
            ..ListenConfig::default()
        };
        let listener =
            tcp_tun::TcpListener::bind_with(interface, Family::V4.ours(0), config).unwrap();
        let addr = listener.local_addr().unwrap();
        thread::scope(|scope| {
            let clients: Vec<_> = (0..12_u8)
                .map(|number| {
                    scope.spawn(move || {
                        let mut stream = connect(addr);
                        stream.write_all(&[number]).unwrap();
                        let mut answer = [0];
                        stream.read_exact(&mut answer).unwrap();
                        assert_eq!(answer, [number]);
                    })
                })
                .collect();
            eventually("the overflow is counted", || {
                let counters = interface.counters();
                counters.listen_overflows > 0 && counters.listen_drops > 0
            });
            // What the overflow kept out comes in by retransmission, once there is room.
            for _ in 0..clients.len() {
                let mut stream = accept_ours(&listener);
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                stream.write_all(&byte).unwrap();
                stream.flush().unwrap();
            }
        });
        let counters = interface.counters();
        assert_eq!(counters.passive_opens, 12);
        assert!(counters.listen_drops >= counters.listen_overflows);
    });
}

#[test]
fn an_error_tells_its_reason() {
    kernel::run(
        "an_error_tells_its_reason",
        &Options::default(),
        |interface| {
            let addr = Family::V4.kernel(9);
            let error = tcp_tun::TcpStream::connect(interface, addr).unwrap_err();
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
            assert_eq!(inner, Some(&ConnectionError::Refused));
        },
    );
}
