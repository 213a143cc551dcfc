use super::super::PollFd;
use super::super::constants::{
    MSG_DONTWAIT, MSG_EOR, MSG_OOB, MSG_PEEK, POLLIN, POLLPRI, SIOCATMARK, SIOCINQ, SO_OOBINLINE,
    SOL_TCP, TCP_NODELAY,
};
use super::*;

fn events(host: &mut Host, now: Instant, fd: i32) -> i16 {
    let fds = [PollFd {
        fd,
        events: POLLIN | POLLPRI,
        revents: 0,
    }];
    match done(host.poll(now, &fds, 0)) {
        Reply::Polled(fds) => fds[0].revents,
        other => panic!("{other:?}"),
    }
}

/// A server that has been sent "ab", an urgent "!", and "cd".
fn urged() -> (Rig, i32) {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    fails(rig.server.recv(rig.now, server, 1, MSG_OOB), Errno::EINVAL);
    for (bytes, flags) in [(&b"ab!"[..], MSG_OOB), (b"cd", 0)] {
        let count = bytes.len() as i64;
        assert_eq!(value(rig.client.send(rig.now, client, bytes, flags)), count);
        rig.exchange();
    }
    rig.pass(Duration::from_millis(300));
    (rig, server)
}

#[test]
fn the_urgent_octet_is_read_apart() {
    let (mut rig, fd) = urged();
    let (host, now) = (&mut rig.server, rig.now);
    assert_eq!(events(host, now, fd), POLLIN | POLLPRI);
    assert_eq!(host.ioctl(now, fd, SIOCINQ, 0), Ok(2), "up to the mark");
    assert_eq!(host.ioctl(now, fd, SIOCATMARK, 0), Ok(0));
    assert_eq!(received(host.recv(now, fd, 9, 0)).data, b"ab");
    assert_eq!(host.ioctl(now, fd, SIOCATMARK, 0), Ok(1));
    assert_eq!(
        received(host.recv(now, fd, 9, MSG_OOB | MSG_PEEK)).data,
        b"!"
    );
    let octet = received(host.recv(now, fd, 9, MSG_OOB));
    assert_eq!((&octet.data[..], octet.flags), (&b"!"[..], MSG_OOB));
    fails(host.recv(now, fd, 9, MSG_OOB), Errno::EINVAL);
    assert_eq!(events(host, now, fd), POLLIN, "it is not urgent any more");
    assert_eq!(received(host.recv(now, fd, 9, MSG_PEEK)).data, b"cd");
    assert_eq!(received(host.recv(now, fd, 9, 0)).data, b"cd");
    fails(host.recv(now, fd, 9, MSG_DONTWAIT), Errno::EAGAIN);
}

#[test]
fn the_urgent_octet_is_read_in_line() {
    let (mut rig, fd) = urged();
    let (host, now) = (&mut rig.server, rig.now);
    host.set_int_option(now, fd, SOL_SOCKET, SO_OOBINLINE, 1)
        .unwrap();
    fails(host.recv(now, fd, 9, MSG_OOB), Errno::EINVAL);
    assert_eq!(host.ioctl(now, fd, SIOCINQ, 0), Ok(5));
    assert_eq!(
        received(host.recv(now, fd, 9, 0)).data,
        b"ab",
        "to the mark"
    );
    assert_eq!(received(host.recv(now, fd, 9, 0)).data, b"!cd");
}

#[test]
fn who_reads_on_passes_over_it() {
    let (mut rig, fd) = urged();
    let (host, now) = (&mut rig.server, rig.now);
    assert_eq!(received(host.recv(now, fd, 2, 0)).data, b"ab");
    assert_eq!(received(host.recv(now, fd, 9, 0)).data, b"cd");
    fails(host.recv(now, fd, 9, MSG_OOB), Errno::EINVAL);
}

#[test]
fn records_go_in_segments_of_their_own() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected();
    let (host, now) = (&mut rig.client, rig.now);
    host.set_int_option(now, client, SOL_TCP, TCP_NODELAY, 1)
        .unwrap();
    for flags in [MSG_EOR, 0, 0] {
        assert_eq!(value(host.send(now, client, &[1; 100], flags)), 100);
    }
    let mut buf = vec![0; 1 << 16];
    let packets = std::iter::from_fn(|| rig.client.poll_transmit(rig.now, &mut buf));
    let lens: Vec<usize> = packets.map(|packet| packet.len - 52).collect();
    assert_eq!(lens, [100, 200]);
}
