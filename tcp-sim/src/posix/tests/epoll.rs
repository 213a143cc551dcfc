use super::super::constants::{
    EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP,
    EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLRDHUP, POLLIN, POLLNVAL, SO_SNDBUF,
};
use super::super::{EpollEvent, PollFd};
use super::*;

fn interest(events: u32) -> Option<EpollEvent> {
    Some(EpollEvent { events, data: 42 })
}

/// The events that a wait tells at once.
fn wait(host: &mut Host, now: Instant, epfd: i32) -> Vec<u32> {
    match done(host.epoll_wait(now, epfd, 8, 0)) {
        Reply::Events(events) => events.iter().map(|event| event.events).collect(),
        other => panic!("{other:?}"),
    }
}

fn watched(rig: &mut Rig, events: u32) -> (i32, i32, i32) {
    let (client, server) = rig.connected();
    let epfd = rig.server.epoll_create(1).unwrap();
    rig.server
        .epoll_ctl(rig.now, epfd, EPOLL_CTL_ADD, server, interest(events))
        .unwrap();
    (client, server, epfd)
}

fn send(rig: &mut Rig, client: i32) {
    assert_eq!(value(rig.client.write(rig.now, client, b"x")), 1);
    rig.exchange();
}

#[test]
fn a_level_is_told_until_it_is_gone() {
    let mut rig = Rig::new();
    let (client, server, epfd) = watched(&mut rig, EPOLLIN);
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [0; 0]);
    let call = blocked(rig.server.epoll_wait(rig.now, epfd, 8, -1));
    send(&mut rig, client);
    assert!(rig.server.is_ready(rig.now, &call));
    let Reply::Events(events) = done(rig.server.resume(rig.now, call)) else {
        panic!("events were waited for");
    };
    assert_eq!(events, interest(EPOLLIN).into_iter().collect::<Vec<_>>());
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [EPOLLIN]);
    assert_eq!(value(rig.server.read(rig.now, server, 9)), 1);
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [0; 0]);
}

#[test]
fn an_edge_is_told_for_each_arrival() {
    let mut rig = Rig::new();
    let (client, server, epfd) = watched(&mut rig, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    let wait = |rig: &mut Rig| wait(&mut rig.server, rig.now, epfd);
    assert_eq!(
        wait(&mut rig),
        [EPOLLOUT],
        "what was there when it was added"
    );
    assert_eq!(wait(&mut rig), [0; 0]);
    for _ in 0..2 {
        send(&mut rig, client);
        assert_eq!(wait(&mut rig), [EPOLLIN | EPOLLOUT]);
        assert_eq!(wait(&mut rig), [0; 0]);
    }
    rig.client.close(rig.now, client).done();
    rig.exchange();
    assert_eq!(wait(&mut rig), [EPOLLIN | EPOLLOUT | EPOLLRDHUP]);
    assert_eq!(value(rig.server.read(rig.now, server, 9)), 2);
    assert_eq!(wait(&mut rig), [0; 0], "reading is no edge");
}

#[test]
fn one_shot_is_told_once_until_it_is_armed_again() {
    let mut rig = Rig::new();
    let (client, server, epfd) = watched(&mut rig, EPOLLIN | EPOLLONESHOT);
    send(&mut rig, client);
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [EPOLLIN]);
    send(&mut rig, client);
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [0; 0]);
    let again = interest(EPOLLIN | EPOLLONESHOT);
    rig.server
        .epoll_ctl(rig.now, epfd, EPOLL_CTL_MOD, server, again)
        .unwrap();
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [EPOLLIN]);
}

#[test]
fn room_is_an_edge_after_a_writer_found_none() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    let (host, now) = (&mut rig.client, rig.now);
    host.set_int_option(now, client, SOL_SOCKET, SO_SNDBUF, 10_000)
        .unwrap();
    let epfd = host.epoll_create(1).unwrap();
    let events = interest(EPOLLOUT | EPOLLET);
    host.epoll_ctl(now, epfd, EPOLL_CTL_ADD, client, events)
        .unwrap();
    assert_eq!(wait(host, now, epfd), [EPOLLOUT]);
    // A chunk that begins below the buffer's size is filled, and again as far as it is sent at once.
    let taken = value(host.write(now, client, &[7; 60_000]));
    assert_eq!(taken, 46_336);
    assert_eq!(wait(host, now, epfd), [0; 0]);
    rig.pass(Duration::from_millis(100));
    assert_eq!(value(rig.server.read(rig.now, server, 1 << 20)), taken);
    assert_eq!(wait(&mut rig.client, rig.now, epfd), [EPOLLOUT]);
}

#[test]
fn a_reset_is_told_whatever_is_asked_for() {
    let mut rig = Rig::new();
    let (client, _, epfd) = watched(&mut rig, 0);
    assert_eq!(
        value(
            rig.client
                .connect(rig.now, client, super::super::Address::Unspecified)
        ),
        0
    );
    rig.exchange();
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [EPOLLERR | EPOLLHUP]);
}

#[test]
fn a_listener_is_readable_while_somebody_waits() {
    let mut rig = Rig::new();
    let listener = rig.listener();
    let epfd = rig.server.epoll_create1(0).unwrap();
    rig.server
        .epoll_ctl(rig.now, epfd, EPOLL_CTL_ADD, listener, interest(EPOLLIN))
        .unwrap();
    let asked = PollFd {
        fd: listener,
        events: POLLIN,
        revents: 0,
    };
    let bad = PollFd { fd: 77, ..asked };
    let none = PollFd { fd: -1, ..asked };
    let Reply::Polled(fds) = done(rig.server.poll(rig.now, &[asked, bad, none], -1)) else {
        panic!("a bad descriptor is told at once");
    };
    assert_eq!(
        [fds[0].revents, fds[1].revents, fds[2].revents],
        [0, POLLNVAL, 0]
    );
    let call = blocked(rig.server.poll(rig.now, &[asked], 1_000));
    rig.connecting();
    rig.exchange();
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [EPOLLIN]);
    assert_eq!(value(rig.server.resume(rig.now, call)), 1);
    assert!(value(rig.server.accept(rig.now, listener)) > 0);
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [0; 0]);
}

#[test]
fn a_wait_that_is_in_vain_ends_with_nothing() {
    let mut rig = Rig::new();
    let (_, _, epfd) = watched(&mut rig, EPOLLIN);
    let call = blocked(rig.server.epoll_wait(rig.now, epfd, 1, 30));
    let then = rig.now + Duration::from_millis(30);
    assert_eq!(call.deadline(), Some(then));
    assert_eq!(value(rig.server.resume(then, call)), 0);
}

#[test]
fn what_epoll_refuses() {
    let mut rig = Rig::new();
    let (_, server, epfd) = watched(&mut rig, EPOLLIN);
    let (host, now) = (&mut rig.server, rig.now);
    let other = host.epoll_create(7).unwrap();
    let mut ctl = |epfd, op, fd, event| host.epoll_ctl(now, epfd, op, fd, event);
    let any = interest(EPOLLIN);
    let exclusive = interest(EPOLLIN | EPOLLEXCLUSIVE);
    let odd = interest(EPOLLRDHUP | EPOLLEXCLUSIVE);
    for (result, errno) in [
        (ctl(epfd, EPOLL_CTL_ADD, server, any), Errno::EEXIST),
        (ctl(epfd, EPOLL_CTL_ADD, server, None), Errno::EFAULT),
        (ctl(epfd, EPOLL_CTL_ADD, 99, any), Errno::EBADF),
        (ctl(epfd, EPOLL_CTL_ADD, epfd, any), Errno::EINVAL),
        (ctl(epfd, EPOLL_CTL_ADD, other, any), Errno::ELOOP),
        (ctl(server, EPOLL_CTL_ADD, epfd, any), Errno::EINVAL),
        (ctl(other, EPOLL_CTL_MOD, server, any), Errno::ENOENT),
        (ctl(other, EPOLL_CTL_DEL, server, None), Errno::ENOENT),
        (ctl(epfd, EPOLL_CTL_MOD, server, exclusive), Errno::EINVAL),
        (ctl(other, EPOLL_CTL_ADD, server, odd), Errno::EINVAL),
        (ctl(epfd, 9, server, any), Errno::EINVAL),
    ] {
        assert_eq!(result, Err(errno));
    }
    assert_eq!(ctl(epfd, EPOLL_CTL_DEL, server, None), Ok(()));
    assert_eq!(host.epoll_create(0), Err(Errno::EINVAL));
    assert_eq!(host.epoll_create1(1), Err(Errno::EINVAL));
    fails(host.epoll_wait(now, epfd, 0, 0), Errno::EINVAL);
    fails(host.epoll_wait(now, server, 1, 0), Errno::EINVAL);
    fails(host.epoll_wait(now, 99, 1, 0), Errno::EBADF);
    fails(host.read(now, epfd, 1), Errno::EINVAL);
    fails(host.recv(now, epfd, 1, 0), Errno::ENOTSOCK);
}

#[test]
fn a_closed_socket_is_watched_no_more() {
    let mut rig = Rig::new();
    let (client, server, epfd) = watched(&mut rig, EPOLLIN);
    send(&mut rig, client);
    rig.server.close(rig.now, server).done();
    assert_eq!(wait(&mut rig.server, rig.now, epfd), [0; 0]);
    assert_eq!(value(rig.server.close(rig.now, epfd)), 0);
}
