use super::super::Address;
use super::super::constants::{
    AF_UNIX, F_DUPFD, IPPROTO_MPTCP, IPPROTO_TCP, IPPROTO_UDP, IPV6_V6ONLY, SO_REUSEPORT,
    SOCK_DGRAM, SOL_IPV6,
};
use super::*;

#[test]
fn only_tcp_sockets_are_made() {
    let mut rig = Rig::new();
    for (domain, kind, protocol, errno) in [
        (AF_UNIX, SOCK_STREAM, 0, Errno::EAFNOSUPPORT),
        (AF_INET, SOCK_DGRAM, 0, Errno::ESOCKTNOSUPPORT),
        (AF_INET, 9, 0, Errno::EINVAL),
        (AF_INET, SOCK_STREAM | 0x100, 0, Errno::EINVAL),
        (AF_INET, SOCK_STREAM, IPPROTO_UDP, Errno::EPROTONOSUPPORT),
        (AF_INET, SOCK_STREAM, IPPROTO_MPTCP, Errno::EPROTONOSUPPORT),
        (AF_INET, SOCK_STREAM, -1, Errno::EINVAL),
    ] {
        let result = rig.client.socket(domain, kind, protocol);
        assert_eq!(result, Err(errno), "{domain} {kind} {protocol}");
    }
    assert_eq!(rig.client.socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP), Ok(3));
}

#[test]
fn a_name_is_given_once_and_must_be_ours() {
    let mut rig = Rig::new();
    let fd = rig.server.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let server = &mut rig.server;
    assert_eq!(server.getsockname(rig.now, fd), Ok(addr("0.0.0.0:0")));
    assert_eq!(
        server.bind(fd, addr("10.9.9.9:80")),
        Err(Errno::EADDRNOTAVAIL)
    );
    assert_eq!(
        server.bind(fd, addr("[fd00::2]:80")),
        Err(Errno::EAFNOSUPPORT)
    );
    assert_eq!(server.bind(fd, Address::Bad), Err(Errno::EFAULT));
    assert_eq!(server.bind(fd, Address::Short), Err(Errno::EINVAL));
    assert_eq!(server.bind(99, server_addr()), Err(Errno::EBADF));
    assert_eq!(server.bind(fd, server_addr()), Ok(()));
    assert_eq!(server.bind(fd, addr("10.0.0.2:81")), Err(Errno::EINVAL));
    assert_eq!(server.getsockname(rig.now, fd), Ok(server_addr()));
    assert_eq!(server.getpeername(rig.now, fd), Err(Errno::ENOTCONN));
}

#[test]
fn a_port_is_shared_by_those_who_say_so() {
    let mut rig = Rig::new();
    let now = rig.now;
    let server = &mut rig.server;
    let mut socket = |name: i32, value: i32| {
        let fd = server.socket(AF_INET, SOCK_STREAM, 0).unwrap();
        server
            .set_int_option(now, fd, SOL_SOCKET, name, value)
            .unwrap();
        fd
    };
    let plain = socket(SO_REUSEADDR, 0);
    let (one, two) = (socket(SO_REUSEADDR, 1), socket(SO_REUSEADDR, 1));
    assert_eq!(server.bind(one, addr("0.0.0.0:80")), Ok(()));
    assert_eq!(server.bind(plain, server_addr()), Err(Errno::EADDRINUSE));
    assert_eq!(server.bind(two, server_addr()), Ok(()));
    assert_eq!(server.listen(now, one, 5), Ok(()));
    assert_eq!(server.listen(now, two, 5), Err(Errno::EADDRINUSE));
    assert_eq!(server.bind(plain, addr("10.0.0.2:81")), Ok(()));
}

#[test]
fn several_listen_on_one_port() {
    let mut rig = Rig::new();
    let mut listeners = Vec::new();
    for _ in 0..2 {
        let (server, now) = (&mut rig.server, rig.now);
        let fd = server
            .socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)
            .unwrap();
        server
            .set_int_option(now, fd, SOL_SOCKET, SO_REUSEPORT, 1)
            .unwrap();
        server.bind(fd, server_addr()).unwrap();
        server.listen(now, fd, 64).unwrap();
        listeners.push(fd);
    }
    for _ in 0..32 {
        rig.connecting();
    }
    rig.exchange();
    let mut accepted = |fd| std::iter::from_fn(|| rig.server.accept(rig.now, fd).value()).count();
    let counts: Vec<usize> = listeners.into_iter().map(&mut accepted).collect();
    assert_eq!(counts[0] + counts[1], 32);
    assert!(counts.iter().all(|count| *count > 4), "{counts:?}");
}

#[test]
fn the_ports_of_a_small_range_run_out() {
    let mut rig = Rig::new();
    let range = "net.ipv4.ip_local_port_range";
    rig.client.set_sysctl(range, "40000 40002").unwrap();
    rig.listener();
    for _ in 0..3 {
        rig.connecting();
    }
    let fd = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let outcome = rig.client.connect(rig.now, fd, server_addr());
    fails(outcome, Errno::EADDRNOTAVAIL);
    let other = rig.client.connect(rig.now, fd, addr("10.0.0.2:81"));
    assert_eq!(
        blocked(other).name(),
        "connect",
        "to another there are ports"
    );
    let bound = rig.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let any = addr("0.0.0.0:0");
    assert_eq!(rig.client.bind(bound, any), Err(Errno::EADDRINUSE));
}

#[test]
fn port_zero_chooses_one_of_the_range() {
    let mut rig = Rig::new();
    let (client, now) = (&mut rig.client, rig.now);
    let fd = client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    client.bind(fd, addr("10.0.0.1:0")).unwrap();
    let name = client.getsockname(now, fd).unwrap();
    assert!((32_768..=60_999).contains(&name.port()), "{name}");
    let listener = client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    client.listen(now, listener, 1).unwrap();
    let other = client.getsockname(now, listener).unwrap();
    assert!(other.ip().is_unspecified() && other.port() != name.port());
}

#[test]
fn ipv6_and_mapped_addresses() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected_to("[fd00::2]:80");
    let peer = rig.server.getpeername(rig.now, server).unwrap();
    assert_eq!(peer.ip().to_string(), "fd00::1");
    assert_eq!(
        rig.client.getpeername(rig.now, client),
        Ok(addr("[fd00::2]:80"))
    );

    let mut rig = Rig::new();
    let (client, server) = rig.connected_to("[::ffff:10.0.0.2]:80");
    let peer = rig.server.getpeername(rig.now, server).unwrap();
    assert_eq!(peer.ip().to_string(), "::ffff:10.0.0.1");
    let name = rig.client.getsockname(rig.now, client).unwrap();
    assert_eq!(name.ip().to_string(), "::ffff:10.0.0.1");
    assert_eq!(value(rig.client.write(rig.now, client, b"mapped")), 6);
    rig.exchange();
    assert_eq!(
        received(rig.server.read(rig.now, server, 9)).data,
        b"mapped"
    );
}

#[test]
fn a_socket_of_ipv6_alone_leaves_ipv4_to_others() {
    let mut rig = Rig::new();
    let (server, now) = (&mut rig.server, rig.now);
    let six = server.socket(AF_INET6, SOCK_STREAM, 0).unwrap();
    server
        .set_int_option(now, six, SOL_IPV6, IPV6_V6ONLY, 1)
        .unwrap();
    let mapped = addr("[::ffff:10.0.0.2]:80");
    assert_eq!(server.bind(six, mapped), Err(Errno::EINVAL));
    assert_eq!(server.bind(six, addr("[::]:80")), Ok(()));
    let late = server.set_int_option(now, six, SOL_IPV6, IPV6_V6ONLY, 0);
    assert_eq!(late, Err(Errno::EINVAL));
    server.listen(now, six, 5).unwrap();
    let fd = rig.connecting();
    rig.exchange();
    let refused = rig.client.connect(rig.now, fd, server_addr());
    fails(refused, Errno::ECONNREFUSED);
    rig.connected();
}

#[test]
fn two_descriptors_may_name_one_socket() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    let copy = rig.client.dup(client).unwrap();
    assert_eq!(rig.client.fcntl(client, F_DUPFD, 20), Ok(20));
    assert_eq!(value(rig.client.close(rig.now, client)), 0);
    assert_eq!(value(rig.client.write(rig.now, copy, b"still")), 5);
    rig.exchange();
    assert_eq!(received(rig.server.read(rig.now, server, 9)).data, b"still");
    assert_eq!(value(rig.client.close(rig.now, copy)), 0);
    assert_eq!(value(rig.client.close(rig.now, 20)), 0);
    rig.exchange();
    assert_eq!(received(rig.server.read(rig.now, server, 9)).value, 0);
    fails(rig.client.close(rig.now, 20), Errno::EBADF);
}

#[test]
fn a_port_is_free_once_nothing_is_left_of_its_connections() {
    let mut rig = Rig::new();
    let (client, server) = rig.connected();
    for fd in [server, server - 1] {
        assert_eq!(value(rig.server.close(rig.now, fd)), 0);
    }
    rig.exchange();
    assert_eq!(value(rig.client.close(rig.now, client)), 0);
    rig.exchange();
    let (server, now) = (&mut rig.server, rig.now);
    let fd = server.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    assert_eq!(
        server.bind(fd, server_addr()),
        Err(Errno::EADDRINUSE),
        "TIME-WAIT"
    );
    server
        .set_int_option(now, fd, SOL_SOCKET, SO_REUSEADDR, 1)
        .unwrap();
    assert_eq!(server.bind(fd, server_addr()), Ok(()));
    rig.pass(Duration::from_secs(61));
    let other = rig.server.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    assert_eq!(value(rig.server.close(rig.now, fd)), 0);
    assert_eq!(rig.server.bind(other, server_addr()), Ok(()));
}
