//! What one connection does: the calls of `std::net::TcpStream`, one by one.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, SERVER, builder, connect_pair, connected, interfaces};
use tcp_tun::tcp_core::{CongestionAlgorithm, State};
use tcp_tun::{MemoryDevice, TcpListener, TcpStream};

#[test]
fn both_ends_know_their_addresses() {
    let ((_server, client), theirs, ours) = connected();
    assert_eq!(ours.peer_addr().unwrap(), SERVER.parse().unwrap());
    assert_eq!(ours.local_addr().unwrap(), theirs.peer_addr().unwrap());
    assert_eq!(ours.peer_addr().unwrap(), theirs.local_addr().unwrap());
    assert_eq!(
        ours.local_addr().unwrap().ip(),
        client.addresses()[0].addr()
    );
}

#[test]
fn an_echo_comes_back() {
    let (_interfaces, mut theirs, mut ours) = connected();
    let echo = thread::spawn(move || {
        let mut buf = [0; 64];
        loop {
            match theirs.read(&mut buf).unwrap() {
                0 => return,
                len => theirs.write_all(&buf[..len]).unwrap(),
            }
        }
    });
    for text in ["one", "two", "three"] {
        ours.write_all(text.as_bytes()).unwrap();
        let mut answer = vec![0; text.len()];
        ours.read_exact(&mut answer).unwrap();
        assert_eq!(answer, text.as_bytes());
    }
    drop(ours);
    echo.join().unwrap();
}

#[test]
fn ipv6_works_as_well() {
    let (server, client) = interfaces();
    let listener = TcpListener::bind(&server, "[fd07::1]:7").unwrap();
    let mut ours = TcpStream::connect(&client, "[fd07::1]:7").unwrap();
    let (mut theirs, _) = listener.accept_timeout(PATIENCE).unwrap();
    ours.write_all(b"six").unwrap();
    let mut buf = [0; 3];
    theirs.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"six");
}

#[test]
fn a_connection_can_choose_its_own_address_and_port() {
    let (server, client) = interfaces();
    let _listener = TcpListener::bind(&server, SERVER).unwrap();
    let local: SocketAddr = "10.7.0.2:4321".parse().unwrap();
    let ours = TcpStream::connect_from(&client, local, SERVER.parse().unwrap()).unwrap();
    assert_eq!(ours.local_addr().unwrap(), local);
    let again = TcpStream::connect_from(&client, local, SERVER.parse().unwrap());
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[test]
fn reads_take_what_is_there_and_what_fits() {
    let (_interfaces, mut theirs, mut ours) = connected();
    ours.write_all(b"0123456789").unwrap();
    ours.flush().unwrap();
    let mut buf = [0; 4];
    assert_eq!(theirs.read(&mut []).unwrap(), 0);
    assert_eq!(theirs.peek(&mut buf).unwrap(), 4);
    assert_eq!(&buf, b"0123");
    assert_eq!(theirs.read(&mut buf).unwrap(), 4);
    assert_eq!(&buf, b"0123");
    let mut rest = [0; 64];
    assert_eq!(theirs.read(&mut rest).unwrap(), 6);
    assert_eq!(&rest[..6], b"456789");
}

#[test]
fn a_full_buffer_takes_part_of_a_write_and_then_none() {
    let (_interfaces, mut theirs, mut ours) = connected();
    ours.set_nonblocking(true).unwrap();
    let data: Vec<u8> = (0..8 << 20).map(|i: u32| i as u8).collect();
    let mut writes = Vec::new();
    let mut sent = 0;
    let error = loop {
        match ours.write(&data[sent..]) {
            Ok(len) => {
                writes.push(len);
                sent += len;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(sent < data.len(), "a buffer without end: {writes:?}");
    ours.set_nonblocking(false).unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    let mut received = Vec::new();
    theirs.read_to_end(&mut received).unwrap();
    assert!(received == data[..sent]);
}

#[test]
fn a_read_gives_up_after_its_timeout() {
    let (_interfaces, _theirs, mut ours) = connected();
    let timeout = Duration::from_millis(30);
    assert_eq!(ours.read_timeout().unwrap(), None);
    ours.set_read_timeout(Some(timeout)).unwrap();
    assert_eq!(ours.read_timeout().unwrap(), Some(timeout));
    let start = Instant::now();
    let error = ours.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(start.elapsed() >= timeout);
    let error = ours.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_write_and_a_flush_give_up_after_their_timeout() {
    let (_interfaces, _theirs, mut ours) = connected();
    let timeout = Duration::from_millis(30);
    ours.set_write_timeout(Some(timeout)).unwrap();
    let data = vec![0; 1 << 20];
    let error = loop {
        if let Err(error) = ours.write(&data) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let error = ours.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn without_blocking_nothing_waits() {
    let (server, client) = interfaces();
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(listener);
    let (_theirs, mut ours) = connect_pair(&server, &client);
    ours.set_nonblocking(true).unwrap();
    let error = ours.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn nobody_listens_so_the_connection_is_refused() {
    let (_server, client) = interfaces();
    let error = TcpStream::connect(&client, SERVER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_silent_peer_is_given_up_after_the_timeout() {
    let (device, _nobody) = MemoryDevice::pair(1_500).unwrap();
    let client = builder(device, 2).build().unwrap();
    let timeout = Duration::from_millis(50);
    let start = Instant::now();
    let error = TcpStream::connect_timeout(&client, &SERVER.parse().unwrap(), timeout).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= timeout);
    assert!(start.elapsed() < PATIENCE);
    assert!(client.sockets().unwrap().is_empty());
}

#[test]
fn what_cannot_be_connected_to_is_refused_at_once() {
    let (_server, client) = interfaces();
    let error = TcpStream::connect(&client, "224.0.0.1:7").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_flush_returns_when_the_peer_has_everything() {
    let (_interfaces, theirs, mut ours) = connected();
    ours.flush().unwrap();
    let data = vec![1; 60_000];
    ours.write_all(&data).unwrap();
    ours.flush().unwrap();
    assert_eq!(theirs.info().unwrap().unread_bytes, data.len());
    assert_eq!(ours.info().unwrap().unacked_bytes, 0);
}

#[test]
fn a_half_closed_connection_still_carries_the_answer() {
    let (_interfaces, mut theirs, mut ours) = connected();
    ours.write_all(b"question").unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    let error = ours.write(b"more").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let mut question = String::new();
    theirs.read_to_string(&mut question).unwrap();
    assert_eq!(question, "question");
    theirs.write_all(b"answer").unwrap();
    drop(theirs);
    let mut answer = String::new();
    ours.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer");
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
}

#[test]
fn shutdown_of_the_reading_side_ends_a_read_that_waits() {
    let (_interfaces, _theirs, ours) = connected();
    let mut clone = ours.try_clone().unwrap();
    let reader = thread::spawn(move || clone.read(&mut [0]));
    ours.shutdown(Shutdown::Read).unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), 0);
}

#[test]
fn a_drop_closes() {
    let ((server, _client), mut theirs, mut ours) = connected();
    ours.write_all(b"last words").unwrap();
    drop(ours);
    let mut text = String::new();
    theirs.read_to_string(&mut text).unwrap();
    assert_eq!(text, "last words");
    drop(theirs);
    // The client closed first, so TIME-WAIT is its.
    let sockets = server.sockets().unwrap();
    assert!(
        sockets.iter().all(|s| s.state == State::LastAck),
        "{sockets:?}"
    );
}

#[test]
fn only_the_last_handle_closes() {
    let (_interfaces, mut theirs, ours) = connected();
    let mut clone = ours.try_clone().unwrap();
    drop(ours);
    clone.write_all(b"still here").unwrap();
    let mut buf = [0; 10];
    theirs.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"still here");
    drop(clone);
    assert_eq!(theirs.read(&mut buf).unwrap(), 0);
}

#[test]
fn a_linger_of_zero_resets() {
    let (_interfaces, mut theirs, ours) = connected();
    ours.set_linger(Some(Duration::ZERO)).unwrap();
    assert_eq!(ours.linger().unwrap(), Some(Duration::ZERO));
    drop(ours);
    let error = theirs.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let error = theirs.write(b"anyone?").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_linger_waits_for_the_acknowledgement() {
    let (_interfaces, theirs, mut ours) = connected();
    ours.set_linger(Some(PATIENCE)).unwrap();
    let data = vec![1; 60_000];
    ours.write_all(&data).unwrap();
    drop(ours);
    assert_eq!(theirs.info().unwrap().unread_bytes, data.len());
    assert_eq!(theirs.info().unwrap().tcpi_state, State::CloseWait);
}

#[test]
fn a_linger_waits_without_blocking_too() {
    let (_interfaces, _theirs, mut ours) = connected();
    let linger = Duration::from_millis(30);
    ours.set_linger(Some(linger)).unwrap();
    ours.set_nonblocking(true).unwrap();
    // More than the peer's window holds: it cannot all be acknowledged.
    while ours.info().unwrap().tcpi_snd_wnd > 0 {
        let _ = ours.write(&[0; 65_536]);
    }
    while ours.write(&[0; 65_536]).is_ok() {}
    let start = Instant::now();
    drop(ours);
    assert!(start.elapsed() >= linger);
}

#[test]
fn nothing_is_left_to_shut_down_in_time_wait() {
    let (_interfaces, theirs, mut ours) = connected();
    ours.shutdown(Shutdown::Write).unwrap();
    drop(theirs);
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
    let start = Instant::now();
    while ours.info().unwrap().tcpi_state != State::TimeWait {
        assert!(start.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        let error = ours.shutdown(how).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    }
}

#[test]
fn a_linger_ends_when_its_time_is_over() {
    let (_interfaces, _theirs, mut ours) = connected();
    let linger = Duration::from_millis(30);
    ours.set_linger(Some(linger)).unwrap();
    ours.set_write_timeout(Some(linger)).unwrap();
    // More than the peer's window holds: it cannot all be acknowledged.
    while ours.write(&[0; 65_536]).is_ok() {}
    let start = Instant::now();
    drop(ours);
    assert!(start.elapsed() >= linger);
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_close_with_data_unread_resets() {
    let (_interfaces, mut theirs, mut ours) = connected();
    ours.write_all(b"never read").unwrap();
    ours.flush().unwrap();
    drop(theirs.try_clone().unwrap());
    theirs.write_all(b"x").unwrap();
    drop(theirs);
    let mut buf = [0; 2];
    let error = loop {
        match ours.read(&mut buf) {
            Ok(len) => assert_ne!(len, 0, "the reset was taken for an end of stream"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn an_abort_fails_both_ends() {
    let (_interfaces, mut theirs, mut ours) = connected();
    ours.abort().unwrap();
    let error = ours.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    let error = theirs.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(theirs.take_error().unwrap().is_none());
}

#[test]
fn an_error_can_be_taken_in_place_of_being_reported() {
    let (_interfaces, mut theirs, ours) = connected();
    assert!(theirs.take_error().unwrap().is_none());
    ours.abort().unwrap();
    let error = loop {
        if let Some(error) = theirs.take_error().unwrap() {
            break error;
        }
        thread::yield_now();
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
}

#[test]
fn connections_are_listed_with_what_is_known_of_them() {
    let ((server, client), theirs, mut ours) = connected();
    ours.write_all(&[0; 1_000]).unwrap();
    ours.flush().unwrap();
    for (interface, stream) in [(&server, &theirs), (&client, &ours)] {
        let [socket] = &interface.sockets().unwrap()[..] else {
            panic!("not one connection: {:?}", interface.sockets());
        };
        assert_eq!(socket.local, stream.local_addr().unwrap());
        assert_eq!(socket.remote, stream.peer_addr().unwrap());
        assert_eq!(socket.state, State::Established);
        let info = socket.info.as_ref().unwrap();
        assert_eq!(info.tcpi_bytes_acked + info.tcpi_bytes_received, 1_000);
    }
}

#[test]
fn options_are_kept_and_shared_by_clones() {
    let (_interfaces, _theirs, ours) = connected();
    let clone = ours.try_clone().unwrap();
    assert!(!ours.nodelay().unwrap());
    clone.set_nodelay(true).unwrap();
    assert!(ours.nodelay().unwrap());
    clone.set_write_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(ours.write_timeout().unwrap(), Some(PATIENCE));
    assert_eq!(ours.linger().unwrap(), None);
    ours.set_keep_alive(Some(Default::default())).unwrap();
}

#[test]
fn the_congestion_control_is_changed_while_data_flows() {
    let (_interfaces, mut theirs, mut ours) = connected();
    let total = 4 << 20;
    let reader = thread::spawn(move || {
        let mut data = Vec::new();
        theirs.read_to_end(&mut data).unwrap();
        data.len()
    });
    for name in ["cubic", "reno", "bbr", "cubic"] {
        ours.set_congestion(CongestionAlgorithm::by_name(name).unwrap())
            .unwrap();
        ours.write_all(&vec![7; total / 4]).unwrap();
        assert_eq!(ours.info().unwrap().congestion, name);
    }
    assert_eq!(ours.congestion().unwrap(), CongestionAlgorithm::CUBIC);
    drop(ours);
    assert_eq!(reader.join().unwrap(), total);
}
