use super::super::Limits;
use super::super::constants::{
    F_GETFD, F_GETFL, FD_CLOEXEC, O_NONBLOCK, O_RDWR, SHUT_RD, SO_ACCEPTCONN, SO_RCVTIMEO,
    SOCK_CLOEXEC, SOL_TCP, TCP_DEFER_ACCEPT, TCP_NODELAY,
};
use super::*;

#[test]
fn accept_sleeps_until_a_connection_comes() {
    let mut rig = Rig::new();
    let listener = rig.listener();
    let call = blocked(rig.server.accept(rig.now, listener));
    let client = rig.connecting();
    rig.exchange();
    assert!(rig.server.is_ready(rig.now, &call));
    let Reply::Accepted { fd, peer } = done(rig.server.resume(rig.now, call)) else {
        panic!("a connection was there");
    };
    assert_eq!(fd, listener + 1);
    assert_eq!(Ok(peer), rig.client.getsockname(rig.now, client));
    assert_eq!(rig.server.getpeername(rig.now, fd), Ok(peer));
    assert_eq!(rig.server.getsockname(rig.now, fd), Ok(server_addr()));
    fails(rig.server.accept(rig.now, fd), Errno::EINVAL);
}

#[test]
fn what_accept_is_asked_on_must_listen() {
    let mut rig = Rig::new();
    let listener = rig.listener();
    let fd = rig.server.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let epoll = rig.server.epoll_create(1).unwrap();
    let (server, now) = (&mut rig.server, rig.now);
    fails(server.accept(now, fd), Errno::EINVAL);
    fails(server.accept(now, epoll), Errno::ENOTSOCK);
    fails(server.accept(now, 99), Errno::EBADF);
    fails(server.accept4(now, listener, 1), Errno::EINVAL);
    fails(server.recv(now, listener, 1, 0), Errno::ENOTCONN);
    fails(server.write(now, listener, b"x"), Errno::EPIPE);
    let accepts = |server: &mut Host, fd| server.int_option(now, fd, SOL_SOCKET, SO_ACCEPTCONN);
    assert_eq!(accepts(server, listener), Ok(1));
    assert_eq!(accepts(server, fd), Ok(0));
    assert_eq!(server.shutdown(now, listener, SHUT_RD), Ok(()));
    assert_eq!(accepts(server, listener), Ok(0), "it has stopped listening");
    assert_eq!(server.listen(now, listener, 5), Ok(()));
}

#[test]
fn an_accepted_socket_inherits_options_and_not_flags() {
    let mut rig = Rig::new();
    let listener = rig.listener();
    let (server, now) = (&mut rig.server, rig.now);
    server
        .set_int_option(now, listener, SOL_TCP, TCP_NODELAY, 1)
        .unwrap();
    server
        .fcntl(listener, super::super::constants::F_SETFL, O_NONBLOCK)
        .unwrap();
    fails(server.accept(now, listener), Errno::EAGAIN);
    rig.connecting();
    rig.connecting();
    rig.exchange();
    let (server, now) = (&mut rig.server, rig.now);
    let plain = value(server.accept(now, listener)) as i32;
    let special = value(server.accept4(now, listener, SOCK_NONBLOCK | SOCK_CLOEXEC)) as i32;
    assert_eq!(server.int_option(now, plain, SOL_TCP, TCP_NODELAY), Ok(1));
    assert_eq!(server.fcntl(plain, F_GETFL, 0), Ok(O_RDWR));
    assert_eq!(server.fcntl(plain, F_GETFD, 0), Ok(0));
    assert_eq!(server.fcntl(special, F_GETFL, 0), Ok(O_RDWR | O_NONBLOCK));
    assert_eq!(server.fcntl(special, F_GETFD, 0), Ok(FD_CLOEXEC));
}

#[test]
fn a_full_table_leaves_the_connection_in_the_queue() {
    let mut rig = Rig::new();
    let config = HostConfig {
        addresses: vec!["10.0.0.2".parse().unwrap()],
        limits: Limits {
            open_files: 5,
            ..Limits::default()
        },
        ..HostConfig::default()
    };
    rig.server = Host::new(config, [2; 32]);
    let listener = rig.listener();
    let other = rig.server.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    rig.connecting();
    rig.exchange();
    fails(rig.server.accept(rig.now, listener), Errno::EMFILE);
    assert_eq!(
        rig.server.socket(AF_INET, SOCK_STREAM, 0),
        Err(Errno::EMFILE)
    );
    assert_eq!(value(rig.server.close(rig.now, other)), 0);
    assert_eq!(
        value(rig.server.accept(rig.now, listener)),
        i64::from(other)
    );
}

#[test]
fn the_wait_for_a_connection_may_be_bounded() {
    let mut rig = Rig::new();
    let listener = rig.listener();
    let half = [0u64.to_ne_bytes(), 500_000u64.to_ne_bytes()].concat();
    let (server, now) = (&mut rig.server, rig.now);
    server
        .setsockopt(now, listener, SOL_SOCKET, SO_RCVTIMEO, &half)
        .unwrap();
    let call = blocked(server.accept(now, listener));
    let then = call.deadline().unwrap();
    assert_eq!(then, now + Duration::from_millis(500));
    fails(server.resume(then, call), Errno::EAGAIN);
}

#[test]
fn a_backlog_holds_one_more_and_somaxconn_bounds_it() {
    let mut rig = Rig::new();
    rig.server.set_sysctl("net.core.somaxconn", "1").unwrap();
    let listener = rig.listener();
    for _ in 0..4 {
        rig.connecting();
    }
    rig.exchange();
    for _ in 0..2 {
        assert!(value(rig.server.accept(rig.now, listener)) > 0);
    }
    let call = blocked(rig.server.accept(rig.now, listener));
    rig.pass(Duration::from_secs(2));
    assert!(
        rig.server.is_ready(rig.now, &call),
        "a repeated SYN finds room"
    );
}

#[test]
fn what_overflows_may_be_reset() {
    let mut rig = Rig::new();
    let (server, now) = (&mut rig.server, rig.now);
    server
        .set_sysctl("net.ipv4.tcp_abort_on_overflow", "1")
        .unwrap();
    let listener = rig.listener();
    rig.server.listen(now, listener, 0).unwrap();
    // Two handshakes begin together, of which one ends first.
    let (one, two) = (rig.connecting(), rig.connecting());
    rig.exchange();
    let mut resets = 0;
    for fd in [one, two] {
        let error = rig.client.recv(rig.now, fd, 1, 0).errno();
        resets += usize::from(error == Some(Errno::ECONNRESET));
    }
    assert_eq!(resets, 1);
}

#[test]
fn a_deferred_accept_waits_for_data() {
    let mut rig = Rig::new();
    let listener = rig.listener();
    let (server, now) = (&mut rig.server, rig.now);
    server
        .set_int_option(now, listener, SOL_TCP, TCP_DEFER_ACCEPT, 5)
        .unwrap();
    assert_eq!(
        server.int_option(now, listener, SOL_TCP, TCP_DEFER_ACCEPT),
        Ok(7)
    );
    let client = rig.connecting();
    rig.exchange();
    let call = blocked(rig.server.accept(rig.now, listener));
    assert_eq!(value(rig.client.write(rig.now, client, b"hello")), 5);
    rig.exchange();
    let fd = value(rig.server.resume(rig.now, call)) as i32;
    assert_eq!(received(rig.server.read(rig.now, fd, 9)).data, b"hello");
    // Another peer never says anything: after three timeouts it is asked again, and let in.
    rig.connecting();
    let call = blocked(rig.server.accept(rig.now, listener));
    rig.pass(Duration::from_secs(6));
    assert!(!rig.server.is_ready(rig.now, &call));
    rig.pass(Duration::from_secs(2));
    assert!(rig.server.is_ready(rig.now, &call));
}
