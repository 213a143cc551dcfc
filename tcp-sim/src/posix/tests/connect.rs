use super::super::constants::{
    MSG_DONTWAIT, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, SHUT_RDWR, SO_ERROR, SO_SNDTIMEO,
};
use super::super::{Address, PollFd};
use super::*;

fn poll(host: &mut Host, now: Instant, fd: i32) -> i16 {
    let events = POLLIN | POLLOUT | POLLRDHUP;
    let fds = [PollFd {
        fd,
        events,
        revents: 0,
    }];
    match done(host.poll(now, &fds, 0)) {
        Reply::Polled(fds) => fds[0].revents,
        other => panic!("{other:?}"),
    }
}

fn pending_error(host: &mut Host, now: Instant, fd: i32) -> i32 {
    host.int_option(now, fd, SOL_SOCKET, SO_ERROR).unwrap()
}

#[test]
fn a_connection_in_progress_is_already_so() {
    let mut rig = Rig::new();
    rig.listener();
    let fd = rig.connecting();
    let again = |rig: &mut Rig| rig.client.connect(rig.now, fd, server_addr());
    fails(again(&mut rig), Errno::EALREADY);
    assert_eq!(poll(&mut rig.client, rig.now, fd), 0);
    assert_eq!(rig.client.getpeername(rig.now, fd), Err(Errno::ENOTCONN));
    fails(rig.client.write(rig.now, fd, b"x"), Errno::EAGAIN);
    fails(rig.client.recv(rig.now, fd, 1, 0), Errno::EAGAIN);
    rig.exchange();
    assert_eq!(poll(&mut rig.client, rig.now, fd), POLLOUT);
    assert_eq!(pending_error(&mut rig.client, rig.now, fd), 0);
    assert_eq!(value(again(&mut rig)), 0);
    fails(again(&mut rig), Errno::EISCONN);
    assert_eq!(rig.client.getpeername(rig.now, fd), Ok(server_addr()));
}

#[test]
fn a_refusal_is_told_once() {
    let mut rig = Rig::new();
    let fd = rig.connecting();
    rig.exchange();
    let events = poll(&mut rig.client, rig.now, fd);
    assert_eq!(events, POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    let refused = Errno::ECONNREFUSED.number();
    assert_eq!(pending_error(&mut rig.client, rig.now, fd), refused);
    assert_eq!(pending_error(&mut rig.client, rig.now, fd), 0);
    let again = rig.client.connect(rig.now, fd, server_addr());
    fails(again, Errno::ECONNABORTED);
    // The socket is as good as new.
    rig.listener();
    let again = rig.client.connect(rig.now, fd, server_addr());
    fails(again, Errno::EINPROGRESS);
    rig.exchange();
    assert_eq!(poll(&mut rig.client, rig.now, fd), POLLOUT);
}

#[test]
fn a_blocking_connect_sleeps_until_the_answer() {
    let mut rig = Rig::new();
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let call = blocked(rig.client.connect(rig.now, fd, server_addr()));
    assert_eq!(call.name(), "connect");
    assert!(!rig.client.is_ready(rig.now, &call));
    let call = blocked(rig.client.resume(rig.now, call));
    rig.exchange();
    assert!(rig.client.is_ready(rig.now, &call));
    fails(rig.client.resume(rig.now, call), Errno::ECONNREFUSED);
}

#[test]
fn nobody_answers() {
    let mut rig = Rig::new();
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let call = blocked(rig.client.connect(rig.now, fd, server_addr()));
    let mut syns = 0;
    while !rig.client.is_ready(rig.now, &call) {
        syns += rig.lose();
        rig.now = rig.client.poll_timeout().unwrap();
        rig.client.handle_timeout(rig.now);
    }
    assert_eq!(syns, 7, "one, and net.ipv4.tcp_syn_retries more");
    fails(rig.client.resume(rig.now, call), Errno::ETIMEDOUT);
}

#[test]
fn a_send_timeout_ends_the_wait_and_not_the_handshake() {
    let mut rig = Rig::new();
    rig.listener();
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let second = [1u64.to_ne_bytes(), 0u64.to_ne_bytes()].concat();
    let (client, now) = (&mut rig.client, rig.now);
    client
        .setsockopt(now, fd, SOL_SOCKET, SO_SNDTIMEO, &second)
        .unwrap();
    let call = blocked(client.connect(now, fd, server_addr()));
    let deadline = now + Duration::from_secs(1);
    assert_eq!(call.deadline(), Some(deadline));
    assert!(!client.is_ready(now, &call));
    assert!(client.is_ready(deadline, &call));
    fails(client.resume(deadline, call), Errno::EINPROGRESS);
    rig.now = deadline;
    rig.exchange();
    assert_eq!(value(rig.client.connect(rig.now, fd, server_addr())), 0);
}

#[test]
fn an_association_can_be_dissolved() {
    let mut rig = Rig::new();
    let (fd, server) = rig.connected();
    let outcome = rig.client.connect(rig.now, fd, Address::Unspecified);
    assert_eq!(value(outcome), 0);
    rig.exchange();
    fails(rig.server.recv(rig.now, server, 1, 0), Errno::ECONNRESET);
    let reset = Errno::ECONNRESET.number();
    assert_eq!(pending_error(&mut rig.client, rig.now, fd), reset);
    assert_eq!(rig.client.getpeername(rig.now, fd), Err(Errno::ENOTCONN));
    fails(
        rig.client.connect(rig.now, fd, server_addr()),
        Errno::EINPROGRESS,
    );
}

#[test]
fn shutting_a_handshake_down_undoes_it() {
    let mut rig = Rig::new();
    let fd = rig.connecting();
    assert_eq!(rig.client.shutdown(rig.now, fd, SHUT_RDWR), Ok(()));
    let reset = Errno::ECONNRESET.number();
    assert_eq!(pending_error(&mut rig.client, rig.now, fd), reset);
    fails(
        rig.client.connect(rig.now, fd, server_addr()),
        Errno::EINPROGRESS,
    );
}

#[test]
fn addresses_that_cannot_be_connected_to() {
    let mut rig = Rig::new();
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let now = rig.now;
    let mut connect = |address: Address| rig.client.connect(now, fd, address).errno();
    for (address, errno) in [
        (Address::Bad, Errno::EFAULT),
        (Address::Short, Errno::EINVAL),
        (Address::Other(1), Errno::EAFNOSUPPORT),
        (addr("[fd00::2]:80").into(), Errno::EAFNOSUPPORT),
        (addr("224.0.0.1:80").into(), Errno::ENETUNREACH),
    ] {
        assert_eq!(connect(address), Some(errno), "{address:?}");
    }
}

#[test]
fn a_socket_without_a_connection_cannot_talk() {
    let mut rig = Rig::new();
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let (client, now) = (&mut rig.client, rig.now);
    fails(client.recv(now, fd, 1, 0), Errno::ENOTCONN);
    fails(client.recv(now, fd, 1, MSG_DONTWAIT), Errno::ENOTCONN);
    fails(client.write(now, fd, b"x"), Errno::EPIPE);
    assert_eq!(client.shutdown(now, fd, SHUT_RDWR), Err(Errno::ENOTCONN));
    assert_eq!(client.shutdown(now, fd, 7), Err(Errno::EINVAL));
    assert_eq!(poll(client, now, fd) & POLLHUP, POLLHUP);
}
