use super::super::PollFd;
use super::super::constants::{
    POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, SHUT_RD, SHUT_RDWR, SHUT_WR, SIOCOUTQ, SO_ERROR,
    SO_LINGER, SOL_TCP, TCP_LINGER2,
};
use super::*;

fn events(host: &mut Host, now: Instant, fd: i32) -> i16 {
    let fds = [PollFd {
        fd,
        events: POLLIN | POLLOUT | POLLRDHUP,
        revents: 0,
    }];
    match done(host.poll(now, &fds, 0)) {
        Reply::Polled(fds) => fds[0].revents,
        other => panic!("{other:?}"),
    }
}

fn linger(host: &mut Host, now: Instant, fd: i32, seconds: u32) {
    let value = [1u32.to_ne_bytes(), seconds.to_ne_bytes()].concat();
    host.setsockopt(now, fd, SOL_SOCKET, SO_LINGER, &value)
        .unwrap();
}

#[test]
fn the_end_of_one_direction_leaves_the_other() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    assert_eq!(events(&mut rig.server, rig.now, server), POLLOUT);
    assert_eq!(rig.client.shutdown(rig.now, client, SHUT_WR), Ok(()));
    assert_eq!(
        rig.client.ioctl(rig.now, client, SIOCOUTQ, 0),
        Ok(1),
        "the FIN"
    );
    fails(rig.client.write(rig.now, client, b"x"), Errno::EPIPE);
    rig.exchange();
    let half = POLLIN | POLLOUT | POLLRDHUP;
    assert_eq!(events(&mut rig.server, rig.now, server), half);
    assert_eq!(received(rig.server.read(rig.now, server, 9)).value, 0);
    assert_eq!(value(rig.server.write(rig.now, server, b"answer")), 6);
    rig.server.close(rig.now, server).done();
    rig.exchange();
    let whole = POLLIN | POLLOUT | POLLRDHUP | POLLHUP;
    assert_eq!(events(&mut rig.client, rig.now, client), whole);
    assert_eq!(
        received(rig.client.read(rig.now, client, 9)).data,
        b"answer"
    );
    assert_eq!(received(rig.client.read(rig.now, client, 9)).value, 0);
    assert_eq!(value(rig.client.close(rig.now, client)), 0);
}

#[test]
fn a_reader_that_has_shut_down_reads_what_is_there() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    assert_eq!(value(rig.client.write(rig.now, client, b"late")), 4);
    rig.exchange();
    assert_eq!(rig.server.shutdown(rig.now, server, SHUT_RD), Ok(()));
    assert_eq!(received(rig.server.read(rig.now, server, 9)).data, b"late");
    assert_eq!(received(rig.server.read(rig.now, server, 9)).value, 0);
    assert_eq!(rig.server.shutdown(rig.now, server, SHUT_RDWR), Ok(()));
    fails(rig.server.write(rig.now, server, b"x"), Errno::EPIPE);
}

#[test]
fn a_reset_is_told_once_and_then_the_end() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    linger(&mut rig.client, rig.now, client, 0);
    let call = blocked(rig.server.read(rig.now, server, 1));
    assert_eq!(value(rig.client.close(rig.now, client)), 0);
    rig.exchange();
    let all = POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR;
    assert_eq!(events(&mut rig.server, rig.now, server), all);
    fails(rig.server.resume(rig.now, call), Errno::ECONNRESET);
    assert_eq!(received(rig.server.read(rig.now, server, 1)).value, 0);
    fails(rig.server.write(rig.now, server, b"x"), Errno::EPIPE);
    let error = rig.server.int_option(rig.now, server, SOL_SOCKET, SO_ERROR);
    assert_eq!(error, Ok(0));
    assert_eq!(
        rig.server.shutdown(rig.now, server, SHUT_WR),
        Err(Errno::ENOTCONN)
    );
}

/// `tcp_reset`: who has read the end and is reset then gets EPIPE.
#[test]
fn a_reset_after_the_end_is_a_broken_pipe() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    rig.client.close(rig.now, client).done();
    rig.exchange();
    assert_eq!(
        value(rig.server.write(rig.now, server, b"nobody reads this")),
        17
    );
    rig.exchange();
    let error = rig.server.int_option(rig.now, server, SOL_SOCKET, SO_ERROR);
    assert_eq!(error, Ok(Errno::EPIPE.number()));
}

#[test]
fn unread_data_turns_close_into_a_reset() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    assert_eq!(value(rig.client.write(rig.now, client, b"unread")), 6);
    rig.exchange();
    assert_eq!(value(rig.server.close(rig.now, server)), 0);
    rig.exchange();
    fails(rig.client.recv(rig.now, client, 1, 0), Errno::ECONNRESET);
}

#[test]
fn close_may_linger_until_all_is_acknowledged() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected();
    linger(&mut rig.client, rig.now, client, 5);
    assert_eq!(value(rig.client.write(rig.now, client, b"last words")), 10);
    let call = blocked(rig.client.close(rig.now, client));
    fails(rig.client.read(rig.now, client, 1), Errno::EBADF);
    assert!(!rig.client.is_ready(rig.now, &call));
    rig.exchange();
    assert!(rig.client.is_ready(rig.now, &call));
    assert_eq!(value(rig.client.resume(rig.now, call)), 0);
}

#[test]
fn close_lingers_no_longer_than_it_was_told() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    linger(&mut rig.client, rig.now, client, 5);
    assert_eq!(value(rig.client.write(rig.now, client, b"last words")), 10);
    let call = blocked(rig.client.close(rig.now, client));
    rig.lose();
    rig.now = call.deadline().unwrap();
    assert_eq!(value(rig.client.resume(rig.now, call)), 0);
    // What is left is the stack's to deliver.
    rig.pass(Duration::from_secs(5));
    assert_eq!(
        received(rig.server.read(rig.now, server, 99)).data,
        b"last words"
    );
}

#[test]
fn linger2_bounds_the_wait_for_the_peers_end() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected();
    rig.client
        .set_int_option(rig.now, client, SOL_TCP, TCP_LINGER2, 3)
        .unwrap();
    rig.client.close(rig.now, client).done();
    rig.pass(Duration::from_secs(2));
    assert!(!rig.client.stack().is_idle());
    rig.pass(Duration::from_secs(2));
    assert!(rig.client.stack().is_idle());
    let (client, server) = rig.connected_again();
    rig.client
        .set_int_option(rig.now, client, SOL_TCP, TCP_LINGER2, -1)
        .unwrap();
    rig.client.close(rig.now, client).done();
    rig.exchange();
    assert!(rig.client.stack().is_idle());
    fails(rig.server.write(rig.now, server, b"x"), Errno::EPIPE);
}

impl Rig {
    /// Another connection to the listener that is there.
    fn connected_again(&mut self) -> (i32, i32) {
        let client = self.connecting();
        self.exchange();
        let server = value(self.server.accept(self.now, 3)) as i32;
        (client, server)
    }
}
