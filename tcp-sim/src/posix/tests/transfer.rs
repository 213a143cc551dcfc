use super::super::constants::{
    F_SETFL, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_MORE, MSG_NOSIGNAL, MSG_PEEK, MSG_TRUNC,
    MSG_WAITALL, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SO_RCVBUF, SO_RCVLOWAT, SO_RCVTIMEO, SO_SNDBUF,
    SOL_TCP, TCP_CM_INQ, TCP_CORK, TCP_INQ, TCP_MAXSEG, TCP_NODELAY, TCP_NOTSENT_LOWAT,
};
use super::super::{ControlMessage, Message, Source};
use super::*;
use tcp_core::Offload;

#[test]
fn bytes_arrive_in_the_buffers_given() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    let iov = [Source::from(b"hello "), Source::from(b"world")];
    assert_eq!(value(rig.client.writev(rig.now, client, &iov)), 11);
    rig.exchange();
    let (host, now) = (&mut rig.server, rig.now);
    assert_eq!(host.ioctl(now, server, SIOCINQ, 0), Ok(11));
    assert_eq!(received(host.recv(now, server, 5, MSG_PEEK)).data, b"hello");
    assert_eq!(received(host.recv(now, server, 3, MSG_TRUNC)).value, 3);
    assert_eq!(received(host.readv(now, server, &[2, 1])).data, b"lo ");
    let rest = received(host.recv(now, server, 99, MSG_DONTWAIT));
    assert_eq!((rest.value, &rest.data[..]), (5, &b"world"[..]));
    fails(host.recv(now, server, 1, MSG_DONTWAIT), Errno::EAGAIN);
    fails(host.recv(now, server, 1, MSG_ERRQUEUE), Errno::EAGAIN);
}

#[test]
fn a_reader_sleeps_until_there_is_enough() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    let (host, now) = (&mut rig.server, rig.now);
    host.set_int_option(now, server, SOL_SOCKET, SO_RCVLOWAT, 4)
        .unwrap();
    let call = blocked(host.read(now, server, 100));
    let send = |rig: &mut Rig, bytes: &[u8]| {
        assert_eq!(
            value(rig.client.write(rig.now, client, bytes)),
            bytes.len() as i64
        );
        rig.exchange();
    };
    send(&mut rig, b"abc");
    assert!(!rig.server.is_ready(rig.now, &call));
    send(&mut rig, b"d");
    let reply = received(rig.server.resume(rig.now, call));
    assert_eq!(reply.data, b"abcd");

    let call = blocked(rig.server.recv(rig.now, server, 6, MSG_WAITALL));
    send(&mut rig, b"12345");
    let call = blocked(rig.server.resume(rig.now, call));
    rig.client.close(rig.now, client).done();
    rig.exchange();
    let reply = received(rig.server.resume(rig.now, call));
    assert_eq!(reply.data, b"12345", "the end is all that comes");
    assert_eq!(received(rig.server.read(rig.now, server, 1)).value, 0);
}

#[test]
fn a_reader_may_wait_no_longer() {
    let mut rig = Rig::new();
    let (_, server) = rig.connected();
    let second = [1u64.to_ne_bytes(), 0u64.to_ne_bytes()].concat();
    let (host, now) = (&mut rig.server, rig.now);
    host.setsockopt(now, server, SOL_SOCKET, SO_RCVTIMEO, &second)
        .unwrap();
    let call = blocked(host.read(now, server, 100));
    let then = now + Duration::from_secs(1);
    assert!(host.is_ready(then, &call));
    fails(host.resume(then, call), Errno::EAGAIN);
}

/// The rule of the kernel, and of everybody here: a writer that sleeps is woken at a third.
#[test]
fn a_writer_sleeps_until_a_third_is_free() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    let (host, now) = (&mut rig.client, rig.now);
    host.set_int_option(now, client, SOL_SOCKET, SO_SNDBUF, 21_000)
        .unwrap();
    let told = host.int_option(now, client, SOL_SOCKET, SO_SNDBUF);
    assert_eq!(told, Ok(42_000));
    let taken = value(host.write(now, client, &vec![7; 100_000][..]));
    assert_eq!(taken, 46_336, "chunks that begin below the buffer's size");
    host.fcntl(client, F_SETFL, 0).unwrap();
    let mut call = blocked(host.write(now, client, &vec![8; 20_000][..]));
    assert_eq!(
        host.ioctl(now, client, SIOCOUTQ, 0).map(i64::from),
        Ok(taken)
    );
    let mut left = taken;
    let mut buf = vec![0; 1 << 16];
    // Acknowledgements come one by one, and the writer is woken before all is gone.
    while !rig.client.is_ready(rig.now, &call) {
        assert!(left > 0, "it is woken too late");
        call = blocked(rig.client.resume(rig.now, call));
        if let Some(packet) = rig.client.poll_transmit(rig.now, &mut buf) {
            let meta = PacketMeta::default();
            rig.server.handle_packet(rig.now, &buf[..packet.len], meta);
        }
        while let Some(packet) = rig.server.poll_transmit(rig.now, &mut buf) {
            let meta = PacketMeta::default();
            rig.client.handle_packet(rig.now, &buf[..packet.len], meta);
        }
        left = rig
            .client
            .ioctl(rig.now, client, SIOCOUTQ, 0)
            .unwrap()
            .into();
    }
    // What is held counts 42000 at most, and its bytes are half of that.
    assert!(
        (taken / 2..taken * 3 / 4).contains(&left),
        "{left} of {taken}"
    );
    let mut call = Some(call);
    let mut read = 0;
    while read < taken + 20_000 {
        if let Some(sleeping) = call.take() {
            call = rig.client.resume(rig.now, sleeping).blocked();
        }
        rig.pass(Duration::from_millis(50));
        let bytes = rig.server.recv(rig.now, server, 1 << 16, MSG_DONTWAIT);
        read += bytes.value().unwrap_or(0);
    }
    assert_eq!(call, None);
}

/// With large segments: 60000 of 61000 bytes are taken, and two segments of 5000 go out in the midst of it.
#[test]
fn a_large_write_takes_whole_pieces_of_the_queue() {
    let mut rig = Rig::new();
    let config = HostConfig {
        addresses: vec!["10.0.0.1".parse().unwrap()],
        offload: Offload {
            max_packet: 65_535,
            checksum: false,
        },
        ..HostConfig::default()
    };
    rig.client = Host::new(config, [1; 32]);
    for (name, value) in [
        ("net.ipv4.tcp_timestamps", "0"),
        ("net.ipv4.tcp_min_tso_segs", "10"),
    ] {
        rig.client.set_sysctl(name, value).unwrap();
    }
    let listener = rig.listener();
    let (server, now) = (&mut rig.server, rig.now);
    server
        .set_int_option(now, listener, SOL_TCP, TCP_MAXSEG, 1_000)
        .unwrap();
    server
        .set_int_option(now, listener, SOL_SOCKET, SO_RCVBUF, 50_000)
        .unwrap();
    let fd = rig.connecting();
    rig.exchange();
    let (client, now) = (&mut rig.client, rig.now);
    client.fcntl(fd, F_SETFL, 0).unwrap();
    client
        .set_int_option(now, fd, SOL_SOCKET, SO_SNDBUF, 21_000)
        .unwrap();
    let call = blocked(client.write(now, fd, &[7; 61_000]));
    assert_eq!(client.ioctl(now, fd, SIOCOUTQ, 0), Ok(60_000));
    assert_eq!(client.ioctl(now, fd, SIOCOUTQNSD, 0), Ok(50_000));
    assert_eq!(sent(&mut rig), [5_040, 5_040]);
    assert!(!rig.client.is_ready(rig.now, &call));
}

#[test]
fn writers_are_held_where_too_little_is_sent() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected();
    let (host, now) = (&mut rig.client, rig.now);
    host.set_int_option(now, client, SOL_TCP, TCP_NOTSENT_LOWAT, 4_000)
        .unwrap();
    let count = value(host.write(now, client, &vec![7; 50_000][..]));
    // A chunk that begins below the mark is filled, and again as far as the initial window goes out of it.
    assert_eq!(count, (10 + 22) * 1_448);
    assert_eq!(host.ioctl(now, client, SIOCOUTQNSD, 0), Ok(22 * 1_448));
    fails(host.write(now, client, b"x"), Errno::EAGAIN);
    rig.pass(Duration::from_millis(100));
    let (host, now) = (&mut rig.client, rig.now);
    assert_eq!(host.ioctl(now, client, SIOCOUTQNSD, 0), Ok(0));
    assert!(value(host.write(now, client, &vec![7; 50_000][..])) > 4_000);
}

#[test]
fn a_bad_pointer_is_a_fault_where_it_is_read() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected();
    let (host, now) = (&mut rig.client, rig.now);
    fails(host.write(now, client, Source::Bad(1_000)), Errno::EFAULT);
    assert_eq!(value(host.write(now, client, Source::Bad(0))), 0);
    let iov = [Source::from(b"abc"), Source::Bad(3)];
    assert_eq!(value(host.writev(now, client, &iov)), 3);
    let name = Some(super::super::Address::Bad);
    let message = Message {
        name,
        ..Message::default()
    };
    fails(host.sendmsg(now, client, &message, 0), Errno::EFAULT);
    let control = [ControlMessage {
        level: SOL_TCP,
        kind: 1,
        data: Vec::new(),
    }];
    let message = Message {
        control: &control,
        ..Message::default()
    };
    fails(host.sendmsg(now, client, &message, 0), Errno::EINVAL);
    fails(host.send(now, client, b"x", MSG_FASTOPEN), Errno::EISCONN);
    let many = vec![Source::Bytes(&[]); 1_025];
    fails(host.writev(now, client, &many), Errno::EINVAL);
    let message = Message {
        iov: &many,
        ..Message::default()
    };
    fails(host.sendmsg(now, client, &message, 0), Errno::EMSGSIZE);
}

#[test]
fn what_is_left_is_told_beside_the_data() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    let (host, now) = (&mut rig.server, rig.now);
    host.set_int_option(now, server, SOL_TCP, TCP_INQ, 1)
        .unwrap();
    assert_eq!(
        host.set_int_option(now, server, SOL_TCP, TCP_INQ, 2),
        Err(Errno::EINVAL)
    );
    assert_eq!(
        value(
            rig.client
                .send(rig.now, client, b"0123456789", MSG_NOSIGNAL)
        ),
        10
    );
    rig.client.close(rig.now, client).done();
    rig.exchange();
    let mut inq = |len: usize, room: usize| {
        let reply = received(rig.server.recvmsg(rig.now, server, &[len], room, 0));
        let told = reply.control.first().map(|message| {
            assert_eq!((message.level, message.kind), (SOL_TCP, TCP_CM_INQ));
            i32::from_ne_bytes(message.data[..].try_into().unwrap())
        });
        (reply.value, told, reply.flags)
    };
    assert_eq!(inq(4, 64), (4, Some(6), 0));
    assert_eq!(inq(4, 8), (4, None, super::super::constants::MSG_CTRUNC));
    assert_eq!(inq(4, 64), (2, Some(1), 0), "the end");
}

/// Segments that leave the client, by their lengths with headers.
fn sent(rig: &mut Rig) -> Vec<usize> {
    let mut buf = vec![0; 1 << 16];
    let transmits = std::iter::from_fn(|| rig.client.poll_transmit(rig.now, &mut buf));
    transmits.map(|packet| packet.len).collect()
}

#[test]
fn more_and_cork_hold_a_partial_segment_back() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected();
    let (host, now) = (&mut rig.client, rig.now);
    host.set_int_option(now, client, SOL_TCP, TCP_NODELAY, 1)
        .unwrap();
    assert_eq!(value(host.send(now, client, &[1; 100], MSG_MORE)), 100);
    assert_eq!(sent(&mut rig), [0; 0]);
    assert_eq!(value(rig.client.send(rig.now, client, &[1; 100], 0)), 100);
    assert_eq!(sent(&mut rig), [252]);
    let (host, now) = (&mut rig.client, rig.now);
    host.set_int_option(now, client, SOL_TCP, TCP_CORK, 1)
        .unwrap();
    assert_eq!(value(host.write(now, client, &[1; 100])), 100);
    assert_eq!(sent(&mut rig), [0; 0]);
    rig.client
        .set_int_option(rig.now, client, SOL_TCP, TCP_CORK, 0)
        .unwrap();
    assert_eq!(sent(&mut rig), [152]);
    assert_eq!(
        value(rig.client.send(rig.now, client, &[1; 100], MSG_MORE)),
        100
    );
    assert_eq!(sent(&mut rig), [0; 0]);
    rig.now += Duration::from_millis(200);
    rig.client.handle_timeout(rig.now);
    assert_eq!(
        sent(&mut rig).last(),
        Some(&152),
        "as long as a cork holds, and no longer"
    );
}

#[test]
fn a_call_on_a_file_that_is_gone_fails() {
    let mut rig = Rig::new();
    let (_, server) = rig.connected();
    let call = blocked(rig.server.read(rig.now, server, 1));
    rig.server.close(rig.now, server).done();
    assert!(rig.server.is_ready(rig.now, &call));
    fails(rig.server.resume(rig.now, call), Errno::EBADF);
}
