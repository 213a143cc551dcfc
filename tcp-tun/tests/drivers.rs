//! Who drives an interface: callers that wait, and the interface's thread where none does.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use common::PATIENCE;
use tcp_tun::{Direction, Interface, InterfaceBuilder, MemoryDevice, TcpListener, TcpStream};

const SERVER: &str = "10.0.0.1:7";

/// Two interfaces on one link; the client's as `option` makes it.
fn link(option: impl FnOnce(InterfaceBuilder) -> InterfaceBuilder) -> (Interface, Interface) {
    let (left, right) = MemoryDevice::pair(1_500).unwrap();
    let server = Interface::builder()
        .address("10.0.0.1/24".parse().unwrap())
        .device(left);
    let client = Interface::builder()
        .address("10.0.0.2/24".parse().unwrap())
        .device(right);
    (server.build().unwrap(), option(client).build().unwrap())
}

/// A connection: the server's end, then the client's.
fn pair(listener: &TcpListener, client: &Interface) -> (TcpStream, TcpStream) {
    let ours = TcpStream::connect(client, SERVER).unwrap();
    let (theirs, _) = listener.accept_timeout(PATIENCE).unwrap();
    for stream in [&ours, &theirs] {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    (theirs, ours)
}

/// Sends back what comes, in a thread of its own.
fn echo(mut stream: TcpStream) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut byte = [0];
        while stream.read(&mut byte).unwrap() > 0 {
            stream.write_all(&byte).unwrap();
        }
    })
}

fn round_trip(mut stream: &TcpStream, byte: u8) {
    stream.write_all(&[byte]).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [byte]);
}

#[test]
fn a_caller_receives_what_it_waits_for_itself() {
    for busy_poll in [Duration::ZERO, Duration::from_micros(50)] {
        let receivers: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
        let seen = Arc::clone(&receivers);
        let (server, client) = link(|builder| {
            builder
                .busy_poll(busy_poll)
                .on_packet(move |direction, _, _| {
                    if direction == Direction::Received {
                        seen.lock().unwrap().push(thread::current().id());
                    }
                })
        });
        let listener = TcpListener::bind(&server, SERVER).unwrap();
        let (theirs, ours) = pair(&listener, &client);
        let far = echo(theirs);
        for byte in 0..=255 {
            round_trip(&ours, byte);
        }
        ours.shutdown(Shutdown::Write).unwrap();
        far.join().unwrap();
        let receivers = receivers.lock().unwrap();
        let own = receivers.iter().filter(|&&id| id == thread::current().id());
        // On a busy machine the interface's thread steps in now and then.
        assert!(own.count() > 16, "of {}", receivers.len());
    }
}

#[test]
fn many_callers_pass_the_seat_to_each_other() {
    let (server, client) = link(|builder| builder);
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let pairs: Vec<_> = (0..8).map(|_| pair(&listener, &client)).collect();
    let finished = AtomicUsize::new(0);
    thread::scope(|scope| {
        for (theirs, ours) in pairs {
            let finished = &finished;
            scope.spawn(move || {
                let far = echo(theirs);
                for byte in 0..=255 {
                    round_trip(&ours, byte);
                }
                ours.shutdown(Shutdown::Write).unwrap();
                far.join().unwrap();
                finished.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(finished.into_inner(), 8);
}

/// After a caller has driven, its next answer may be long in coming to it: the peer's data is taken,
/// and acknowledged, without it.
#[test]
fn the_seat_does_not_stay_free() {
    let (server, client) = link(|builder| builder);
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let (mut theirs, ours) = pair(&listener, &client);
    let mut far = theirs.try_clone().unwrap();
    let echoing = thread::spawn(move || {
        let mut byte = [0];
        far.read_exact(&mut byte).unwrap();
        far.write_all(&byte).unwrap();
    });
    round_trip(&ours, 7);
    echoing.join().unwrap();
    theirs.set_write_timeout(Some(PATIENCE)).unwrap();
    // As much as our first window lets in, since nobody reads it.
    theirs.write_all(&[0; 50_000]).unwrap();
    theirs.flush().unwrap();
    assert_eq!(ours.info().unwrap().tcpi_bytes_received, 50_001);
}

#[test]
fn a_driver_heeds_what_others_do_to_its_connection() {
    let (server, client) = link(|builder| builder);
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let (_theirs, ours) = pair(&listener, &client);
    let mut reading = ours.try_clone().unwrap();
    let reader = thread::spawn(move || reading.read(&mut [0]));
    thread::sleep(Duration::from_millis(50));
    ours.shutdown(Shutdown::Read).unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), 0);
}

#[test]
fn a_driver_s_patience_ends() {
    let (server, client) = link(|builder| builder);
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let (_theirs, mut ours) = pair(&listener, &client);
    ours.set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    for _ in 0..3 {
        let error = ours.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}

#[test]
fn a_shutdown_reaches_a_driver() {
    let (server, client) = link(|builder| builder);
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let (_theirs, mut ours) = pair(&listener, &client);
    let reader = thread::spawn(move || ours.read(&mut [0]));
    thread::sleep(Duration::from_millis(50));
    client.shutdown().unwrap();
    let error = reader.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}

/// An observer may panic in a caller's thread, which then drives no more: everybody else learns it.
#[test]
fn a_driver_s_panic_ends_the_interface() {
    let armed = Arc::new(AtomicBool::new(false));
    let trap = Arc::clone(&armed);
    let (server, client) = link(|builder| {
        builder.on_packet(move |direction, _, _| {
            let caught = direction == Direction::Received && trap.load(Ordering::Relaxed);
            assert!(!caught, "this panic is part of the test");
        })
    });
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let (mut theirs, mut ours) = pair(&listener, &client);
    let (_other_end, mut other) = pair(&listener, &client);
    let waiting = thread::spawn(move || other.read(&mut [0]));
    let reader = thread::spawn(move || ours.read(&mut [0]));
    thread::sleep(Duration::from_millis(50));
    armed.store(true, Ordering::Relaxed);
    theirs.write_all(b"x").unwrap();
    // One of the two drove, and has panicked; the other has an error to tell.
    let results = [waiting.join(), reader.join()];
    let told: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
    assert!(!told.is_empty());
    for read in told {
        assert_eq!(read.unwrap_err().kind(), ErrorKind::NotConnected);
    }
    assert!(client.shutdown().is_err());
}
