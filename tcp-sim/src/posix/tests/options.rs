use super::super::constants::*;
use super::*;
use crate::Side;

fn int(host: &mut Host, now: Instant, fd: i32, level: i32, name: i32) -> Result<i32, Errno> {
    host.int_option(now, fd, level, name)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn options_begin_as_linuxs_do() {
    let mut rig = Rig::new();
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    for (level, name, expected) in [
        (SOL_SOCKET, SO_TYPE, SOCK_STREAM),
        (SOL_SOCKET, SO_DOMAIN, AF_INET),
        (SOL_SOCKET, SO_PROTOCOL, IPPROTO_TCP),
        (SOL_SOCKET, SO_SNDBUF, 16_384),
        (SOL_SOCKET, SO_RCVBUF, 131_072),
        (SOL_SOCKET, SO_RCVLOWAT, 1),
        (SOL_SOCKET, SO_REUSEADDR, 0),
        (SOL_TCP, TCP_NODELAY, 0),
        (SOL_TCP, TCP_MAXSEG, 536),
        (SOL_TCP, TCP_KEEPIDLE, 7_200),
        (SOL_TCP, TCP_KEEPINTVL, 75),
        (SOL_TCP, TCP_KEEPCNT, 9),
        (SOL_TCP, TCP_SYNCNT, 6),
        (SOL_TCP, TCP_LINGER2, 60),
        (SOL_TCP, TCP_DEFER_ACCEPT, 0),
        (SOL_TCP, TCP_USER_TIMEOUT, 0),
        (SOL_TCP, TCP_NOTSENT_LOWAT, 0),
        (SOL_TCP, TCP_QUICKACK, 1),
        (SOL_IP, IP_TOS, 0),
        (SOL_IP, IP_TTL, 64),
        (SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT),
    ] {
        let value = int(&mut rig.client, rig.now, fd, level, name);
        assert_eq!(value, Ok(expected), "{level} {name}");
    }
}

#[test]
fn what_is_set_is_told() {
    let mut rig = Rig::new();
    let listener = rig.listener();
    let unconnected = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let connecting = rig.connecting();
    rig.exchange();
    let server = value(rig.server.accept(rig.now, listener)) as i32;
    for (level, name, set, expected) in [
        (SOL_SOCKET, SO_SNDBUF, 21_000, 42_000),
        (SOL_SOCKET, SO_SNDBUF, 1, 4_608),
        (SOL_SOCKET, SO_SNDBUF, -1, 425_984),
        (SOL_SOCKET, SO_RCVBUF, 10_000, 20_000),
        (SOL_SOCKET, SO_RCVBUF, 0, 2_304),
        (SOL_SOCKET, SO_RCVBUF, i32::MAX, 425_984),
        (SOL_SOCKET, SO_RCVLOWAT, -1, i32::MAX),
        (SOL_SOCKET, SO_RCVLOWAT, 0, 1),
        (SOL_SOCKET, SO_KEEPALIVE, 5, 1),
        (SOL_TCP, TCP_NODELAY, 9, 1),
        (SOL_TCP, TCP_CORK, 1, 1),
        (SOL_TCP, TCP_KEEPIDLE, 5, 5),
        (SOL_TCP, TCP_KEEPINTVL, 6, 6),
        (SOL_TCP, TCP_KEEPCNT, 1, 1),
        (SOL_TCP, TCP_SYNCNT, 3, 3),
        (SOL_TCP, TCP_LINGER2, -5, -1),
        (SOL_TCP, TCP_LINGER2, 500, 120),
        (SOL_TCP, TCP_USER_TIMEOUT, 1_500, 1_500),
        (SOL_TCP, TCP_NOTSENT_LOWAT, 9_000, 9_000),
        (SOL_TCP, TCP_WINDOW_CLAMP, 1, 1_152),
        (SOL_IP, IP_TOS, 0xff, 0xfc),
        (SOL_IP, IP_TTL, 7, 7),
        (SOL_IP, IP_TTL, -1, 64),
        (SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_PMTUDISC_DO),
        (SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DONT),
        (SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT, IP_PMTUDISC_OMIT),
        (SOL_SOCKET, SO_MAX_PACING_RATE, 100_000, 100_000),
        (SOL_SOCKET, SO_MAX_PACING_RATE, -1, -1),
    ] {
        let sockets = [
            (Side::A, unconnected),
            (Side::A, connecting),
            (Side::B, listener),
            (Side::B, server),
        ];
        for (side, fd) in sockets {
            let host = match side {
                Side::A => &mut rig.client,
                Side::B => &mut rig.server,
            };
            let result = host.set_int_option(rig.now, fd, level, name, set);
            assert_eq!(result, Ok(()), "{level} {name} {set}");
            let told = int(host, rig.now, fd, level, name);
            assert_eq!(told, Ok(expected), "{level} {name} {set}");
        }
    }
}

#[test]
fn a_pacing_rate_has_32_bits_or_64() {
    let mut rig = Rig::new();
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let rate = 5_000_000_000_u64;
    let host = &mut rig.client;
    host.setsockopt(
        rig.now,
        fd,
        SOL_SOCKET,
        SO_MAX_PACING_RATE,
        &rate.to_ne_bytes(),
    )
    .unwrap();
    let told =
        |host: &mut Host, len| host.getsockopt(rig.now, fd, SOL_SOCKET, SO_MAX_PACING_RATE, len);
    assert_eq!(told(host, 8), Ok(rate.to_ne_bytes().to_vec()));
    assert_eq!(told(host, 4), Ok(u32::MAX.to_ne_bytes().to_vec()));
}

#[test]
fn a_host_without_path_mtu_discovery_begins_with_none() {
    let mut rig = Rig::new();
    rig.client
        .set_sysctl("net.ipv4.ip_no_pmtu_disc", "1")
        .unwrap();
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let mode = int(&mut rig.client, rig.now, fd, SOL_IP, IP_MTU_DISCOVER);
    assert_eq!(mode, Ok(IP_PMTUDISC_DONT));
}

#[test]
fn a_buffer_that_nobody_has_set_grows() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    let (host, now) = (&mut rig.client, rig.now);
    let before = int(host, now, client, SOL_SOCKET, SO_SNDBUF).unwrap();
    assert_eq!(before, 87_040, "an initial window of segments, twice");
    let mut left = 2_000_000;
    while left > 0 {
        let bytes = vec![0; left.min(100_000) as usize];
        let written = rig.client.write(rig.now, client, &bytes[..]);
        left -= written.value().unwrap_or(0);
        rig.pass(Duration::from_millis(1));
        let _ = rig.server.recv(rig.now, server, 1 << 20, MSG_DONTWAIT);
    }
    let after = int(&mut rig.client, rig.now, client, SOL_SOCKET, SO_SNDBUF);
    assert!(after.unwrap() > before, "{after:?}");
}

#[test]
fn a_buffer_may_be_forced_beyond_the_bound() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected();
    let (host, now) = (&mut rig.client, rig.now);
    for (force, name) in [(SO_SNDBUFFORCE, SO_SNDBUF), (SO_RCVBUFFORCE, SO_RCVBUF)] {
        host.set_int_option(now, client, SOL_SOCKET, force, 1_000_000)
            .unwrap();
        assert_eq!(int(host, now, client, SOL_SOCKET, name), Ok(2_000_000));
    }
}

#[test]
fn what_there_is_not_is_refused() {
    let mut rig = Rig::new();
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let (host, now) = (&mut rig.client, rig.now);
    for (level, name, value, errno) in [
        (SOL_SOCKET, SO_INCOMING_CPU, 1, Errno::ENOPROTOOPT),
        (SOL_SOCKET, SO_ZEROCOPY, 2, Errno::EINVAL),
        (SOL_SOCKET, SO_TIMESTAMPING, 1, Errno::EINVAL),
        (SOL_SOCKET, SO_ERROR, 1, Errno::ENOPROTOOPT),
        (SOL_SOCKET, 9_999, 1, Errno::ENOPROTOOPT),
        (SOL_TCP, TCP_INFO, 1, Errno::ENOPROTOOPT),
        (SOL_TCP, TCP_FASTOPEN, -1, Errno::EINVAL),
        (SOL_TCP, TCP_FASTOPEN_CONNECT, 2, Errno::EINVAL),
        (SOL_TCP, TCP_FASTOPEN_NO_COOKIE, 2, Errno::EINVAL),
        (SOL_TCP, TCP_FASTOPEN_KEY, 1, Errno::EINVAL),
        (SOL_TCP, TCP_MD5SIG, 1, Errno::ENOPROTOOPT),
        (SOL_TCP, TCP_ULP, 1, Errno::ENOPROTOOPT),
        (SOL_TCP, TCP_MAXSEG, 87, Errno::EINVAL),
        (SOL_TCP, TCP_MAXSEG, 32_768, Errno::EINVAL),
        (SOL_TCP, TCP_KEEPIDLE, 0, Errno::EINVAL),
        (SOL_TCP, TCP_KEEPINTVL, 32_768, Errno::EINVAL),
        (SOL_TCP, TCP_KEEPCNT, 128, Errno::EINVAL),
        (SOL_TCP, TCP_SYNCNT, 0, Errno::EINVAL),
        (SOL_TCP, TCP_USER_TIMEOUT, -1, Errno::EINVAL),
        (SOL_TCP, 9_999, 1, Errno::ENOPROTOOPT),
        (SOL_IP, IP_TTL, 0, Errno::EINVAL),
        (SOL_IP, IP_TTL, 256, Errno::EINVAL),
        (SOL_IP, IP_MTU_DISCOVER, 6, Errno::EINVAL),
        (SOL_IP, IP_RECVTOS, 1, Errno::ENOPROTOOPT),
        (SOL_IPV6, IPV6_TCLASS, 0, Errno::ENOPROTOOPT),
        (255, 1, 1, Errno::ENOPROTOOPT),
    ] {
        let result = host.set_int_option(now, fd, level, name, value);
        assert_eq!(result, Err(errno), "{level} {name} {value}");
    }
    for (level, name, errno) in [
        (SOL_SOCKET, SO_INCOMING_CPU, Errno::ENOPROTOOPT),
        (SOL_TCP, TCP_MD5SIG, Errno::ENOPROTOOPT),
        (SOL_IP, IP_MTU, Errno::ENOTCONN),
        (SOL_IPV6, IPV6_V6ONLY, Errno::ENOPROTOOPT),
        (255, 1, Errno::ENOPROTOOPT),
    ] {
        assert_eq!(
            int(host, now, fd, level, name),
            Err(errno),
            "{level} {name}"
        );
    }
    let short = host.setsockopt(now, fd, SOL_TCP, TCP_NODELAY, &[1]);
    assert_eq!(short, Err(Errno::EINVAL));
    let epoll = host.epoll_create(1).unwrap();
    assert_eq!(
        int(host, now, epoll, SOL_SOCKET, SO_TYPE),
        Err(Errno::ENOTSOCK)
    );
    assert_eq!(int(host, now, 99, SOL_SOCKET, SO_TYPE), Err(Errno::EBADF));
}

#[test]
fn congestion_control_goes_by_name() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected();
    let (host, now) = (&mut rig.client, rig.now);
    let name = |host: &mut Host| {
        host.getsockopt(now, client, SOL_TCP, TCP_CONGESTION, 16)
            .unwrap()
    };
    assert_eq!(&name(host)[..6], b"cubic\0");
    host.setsockopt(now, client, SOL_TCP, TCP_CONGESTION, b"reno\0junk")
        .unwrap();
    assert_eq!(&name(host)[..5], b"reno\0");
    let unknown = host.setsockopt(now, client, SOL_TCP, TCP_CONGESTION, b"vegas");
    assert_eq!(unknown, Err(Errno::ENOENT));
    let nothing = host.setsockopt(now, client, SOL_TCP, TCP_CONGESTION, b"");
    assert_eq!(nothing, Err(Errno::EINVAL));
}

#[test]
fn the_segment_size_is_what_is_agreed_on() {
    let mut rig = Rig::new();
    let listener = rig.listener();
    rig.server
        .set_int_option(rig.now, listener, SOL_TCP, TCP_MAXSEG, 1_000)
        .unwrap();
    let told = int(&mut rig.server, rig.now, listener, SOL_TCP, TCP_MAXSEG);
    assert_eq!(told, Ok(1_000));
    let client = rig.connecting();
    rig.exchange();
    let told = int(&mut rig.client, rig.now, client, SOL_TCP, TCP_MAXSEG);
    assert_eq!(told, Ok(988), "timestamps take 12");
    assert_eq!(
        int(&mut rig.client, rig.now, client, SOL_IP, IP_MTU),
        Ok(1_500)
    );
}

#[test]
fn info_tells_of_the_connection() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    assert_eq!(value(rig.client.write(rig.now, client, &[1; 5_000])), 5_000);
    rig.lose();
    let info = rig
        .client
        .getsockopt(rig.now, client, SOL_TCP, TCP_INFO, 1_000)
        .unwrap();
    assert_eq!(info.len(), 248);
    assert_eq!(i32::from(info[0]), TCP_ESTABLISHED);
    assert_eq!(u32_at(&info, 24), 4, "segments not acknowledged");
    assert_eq!(u32_at(&info, 60), 1_500, "MTU of the path");
    assert_eq!(u32_at(&info, 80), 10, "segments of the window");
    let some = rig
        .client
        .getsockopt(rig.now, client, SOL_TCP, TCP_INFO, 104)
        .unwrap();
    assert_eq!(some, info[..104]);
    let listener = server - 1;
    let info = rig
        .server
        .getsockopt(rig.now, listener, SOL_TCP, TCP_INFO, 32)
        .unwrap();
    assert_eq!((i32::from(info[0]), u32_at(&info, 28)), (TCP_LISTEN, 16));
}

/// TOS byte and TTL of the next IPv4 packet.
fn marks(rig: &mut Rig) -> (u8, u8) {
    let mut buf = vec![0; 1 << 16];
    assert!(rig.client.poll_transmit(rig.now, &mut buf).is_some());
    assert_eq!(buf[0] >> 4, 4);
    (buf[1], buf[8])
}

#[test]
fn packets_are_marked_as_the_options_say() {
    let mut rig = Rig::new();
    rig.listener();
    let fd = rig
        .client
        .socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)
        .unwrap();
    let set = |rig: &mut Rig, name, value| {
        rig.client
            .set_int_option(rig.now, fd, SOL_IP, name, value)
            .unwrap();
    };
    set(&mut rig, IP_TOS, 0x28);
    set(&mut rig, IP_TTL, 9);
    fails(
        rig.client.connect(rig.now, fd, server_addr()),
        Errno::EINPROGRESS,
    );
    assert_eq!(marks(&mut rig), (0x28, 9));
    rig.pass(Duration::from_secs(2));
    set(&mut rig, IP_TOS, 0x48);
    set(&mut rig, IP_TTL, -1);
    assert_eq!(value(rig.client.write(rig.now, fd, b"x")), 1);
    assert_eq!(marks(&mut rig), (0x48, 64));
}

#[test]
fn a_mapped_connection_is_marked_as_ipv4() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected_to("[::ffff:10.0.0.2]:80");
    let (host, now) = (&mut rig.client, rig.now);
    host.set_int_option(now, client, SOL_IPV6, IPV6_TCLASS, 0x10)
        .unwrap();
    assert_eq!(int(host, now, client, SOL_IPV6, IPV6_TCLASS), Ok(0x10));
    host.set_int_option(now, client, SOL_IP, IP_TOS, 0x20)
        .unwrap();
    assert_eq!(value(host.write(now, client, b"x")), 1);
    assert_eq!(marks(&mut rig), (0x20, 64));
}

#[test]
fn keep_alive_finds_a_dead_peer() {
    let mut rig = Rig::new();
    let (client, _) = rig.connected();
    for (level, name, value) in [
        (SOL_TCP, TCP_KEEPIDLE, 10),
        (SOL_TCP, TCP_KEEPINTVL, 1),
        (SOL_TCP, TCP_KEEPCNT, 1),
        (SOL_SOCKET, SO_KEEPALIVE, 1),
    ] {
        rig.client
            .set_int_option(rig.now, client, level, name, value)
            .unwrap();
    }
    let start = rig.now;
    let mut packets = 0;
    while rig.client.recv(rig.now, client, 1, 0).errno() == Some(Errno::EAGAIN) {
        rig.now = rig.client.poll_timeout().expect("keep-alive is armed");
        rig.client.handle_timeout(rig.now);
        packets += rig.lose();
    }
    assert_eq!(rig.now, start + Duration::from_secs(11));
    assert_eq!(packets, 2, "a probe and the reset");
}

#[test]
fn quick_acknowledgements_are_sent_at_once() {
    let mut rig = Rig::new();
    let (_, server) = rig.connected();
    let (host, now) = (&mut rig.server, rig.now);
    host.set_int_option(now, server, SOL_TCP, TCP_QUICKACK, 0)
        .unwrap();
    assert_eq!(int(host, now, server, SOL_TCP, TCP_QUICKACK), Ok(0));
    host.set_int_option(now, server, SOL_TCP, TCP_QUICKACK, 1)
        .unwrap();
    assert_eq!(int(host, now, server, SOL_TCP, TCP_QUICKACK), Ok(1));
}
