//! How interfaces and listeners begin and end, and what the device may do meanwhile.

mod common;

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    PATIENCE, SERVER, builder, connect_pair, connected, hash_of_noise, interfaces, interfaces_over,
    receive, send_noise,
};
use tcp_tun::tcp_core::seq::SeqNumber;
use tcp_tun::tcp_core::wire::{self, Control, Fragments, Header, IpFields, Segment};
use tcp_tun::tcp_core::{
    Admission, BufferSize, ListenAddr, ListenConfig, PacketMeta, TcpConfig, Transmit,
};
use tcp_tun::{Device, Direction, Interface, MemoryDevice, TcpListener, TcpStream};

#[test]
fn calls_that_wait_fail_when_the_interface_ends() {
    // What is written fits into both buffers, and what is not read does not fit into one.
    let tcp = TcpConfig {
        send_buffer: BufferSize::Fixed(1 << 20),
        recv_buffer: BufferSize::Fixed(1 << 20),
        ..TcpConfig::default()
    };
    let tcp = tcp.validate().unwrap();
    let link = MemoryDevice::pair(1_500).unwrap();
    let (server, client) = interfaces_over(link, |builder| builder.tcp(tcp.clone()));
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let quiet = TcpListener::bind(&server, "10.7.0.1:8").unwrap();
    let streams: Vec<_> = (0..3)
        .map(|_| {
            let ours = TcpStream::connect(&client, SERVER).unwrap();
            (listener.accept().unwrap().0, ours)
        })
        .collect();
    let started = Barrier::new(5);
    thread::scope(|scope| {
        let (started, streams) = (&started, &streams);
        let reader = scope.spawn(move || {
            started.wait();
            (&streams[0].0).read(&mut [0])
        });
        let writer = scope.spawn(move || {
            started.wait();
            send_noise(&streams[1].0, 1, usize::MAX)
        });
        let flusher = scope.spawn(move || {
            (&streams[2].0).write_all(&vec![0; 5 << 19])?;
            started.wait();
            (&streams[2].0).flush()
        });
        // A peer that reads some, but never all.
        scope.spawn(move || (&streams[2].1).read_exact(&mut vec![0; 1 << 20]));
        let acceptor = scope.spawn(|| {
            started.wait();
            quiet.accept()
        });
        started.wait();
        server.shutdown().unwrap();
        let kind = |error: io::Error| error.kind();
        assert_eq!(
            kind(reader.join().unwrap().unwrap_err()),
            ErrorKind::NotConnected
        );
        assert_eq!(
            kind(writer.join().unwrap().unwrap_err()),
            ErrorKind::BrokenPipe
        );
        assert_eq!(
            kind(flusher.join().unwrap().unwrap_err()),
            ErrorKind::BrokenPipe
        );
        assert_eq!(
            kind(acceptor.join().unwrap().unwrap_err()),
            ErrorKind::NotConnected
        );
        client.shutdown().unwrap();
    });
}

#[test]
fn a_connect_that_waits_fails_when_the_interface_ends() {
    let (device, _nobody) = MemoryDevice::pair(1_500).unwrap();
    let client = builder(device, 2).build().unwrap();
    let clone = client.clone();
    let connecting = thread::spawn(move || TcpStream::connect(&clone, SERVER));
    client.shutdown().unwrap();
    let error = connecting.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}

#[test]
fn nothing_hangs_after_the_end() {
    let ((server, client), theirs, ours) = connected();
    let listener = TcpListener::bind(&server, "10.7.0.1:8").unwrap();
    server.shutdown().unwrap();
    server.shutdown().unwrap();
    let kind = |error: io::Error| error.kind();
    assert_eq!(
        kind((&theirs).read(&mut [0]).unwrap_err()),
        ErrorKind::NotConnected
    );
    assert_eq!(
        kind((&theirs).write(&[0]).unwrap_err()),
        ErrorKind::BrokenPipe
    );
    assert_eq!(kind((&theirs).flush().unwrap_err()), ErrorKind::BrokenPipe);
    assert_eq!(kind(theirs.info().unwrap_err()), ErrorKind::NotConnected);
    assert_eq!(
        kind(listener.accept().unwrap_err()),
        ErrorKind::NotConnected
    );
    assert_eq!(
        kind(TcpListener::bind(&server, "10.7.0.1:9").unwrap_err()),
        ErrorKind::NotConnected
    );
    assert_eq!(
        kind(TcpStream::connect(&server, "10.7.0.2:9").unwrap_err()),
        ErrorKind::NotConnected
    );
    assert_eq!(server.counters().passive_opens, 1);
    assert!(server.sockets().is_err());
    // The client's interface is another one, and has seen a proper close.
    assert_eq!((&ours).read(&mut [0]).unwrap(), 0);
    drop((theirs, listener, ours));
    drop(client);
}

#[test]
fn the_last_handle_ends_the_interface_and_streams_do_not_keep_it() {
    let ((server, client), theirs, mut ours) = connected();
    let clone = server.clone();
    drop(server);
    assert!(theirs.info().is_ok());
    drop(clone);
    assert!(theirs.info().is_err());
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
    drop(client);
}

#[test]
fn what_was_written_before_the_end_is_delivered() {
    let (left, right) = MemoryDevice::pair(1_500).unwrap();
    let len = 600_000;
    let tcp = TcpConfig {
        send_buffer: BufferSize::Fixed(len),
        ..TcpConfig::default()
    };
    let server = builder(left, 1).tcp(tcp.validate().unwrap());
    let server = server.shutdown_timeout(PATIENCE).build().unwrap();
    let client = builder(right, 2).build().unwrap();
    let (theirs, ours) = connect_pair(&server, &client);
    send_noise(&theirs, 3, len).unwrap();
    let receiver = thread::spawn(move || receive(ours));
    drop(server);
    assert!(receiver.join().unwrap().unwrap() == (len, hash_of_noise(3, len)));
    drop(client);
}

#[test]
fn the_end_does_not_wait_for_ever_for_a_peer_that_reads_nothing() {
    let link = MemoryDevice::pair(1_500).unwrap();
    let timeout = Duration::from_millis(50);
    let (server, client) = interfaces_over(link, |builder| builder.shutdown_timeout(timeout));
    let (theirs, _ours) = connect_pair(&server, &client);
    theirs.set_write_timeout(Some(timeout)).unwrap();
    while (&theirs).write(&[0; 65_536]).is_ok() {}
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() >= timeout);
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_listener_that_is_dropped_listens_no_more() {
    let (server, client) = interfaces();
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let error = TcpListener::bind(&server, SERVER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let mut waiting = TcpStream::connect(&client, SERVER).unwrap();
    drop(listener);
    // Nobody accepted it.
    let error = waiting.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let error = TcpStream::connect(&client, SERVER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    TcpListener::bind(&server, SERVER).unwrap();
}

#[test]
fn a_listener_tells_the_port_that_was_chosen() {
    let (server, client) = interfaces();
    let listener = TcpListener::bind(&server, "0.0.0.0:0").unwrap();
    let local = listener.local_addr().unwrap();
    assert!(local.ip().is_unspecified() && local.is_ipv4());
    assert_ne!(local.port(), 0);
    TcpStream::connect(&client, ("10.7.0.1", local.port())).unwrap();
    assert!(listener.incoming().next().unwrap().is_ok());
}

#[test]
fn an_accept_gives_up_after_its_timeout() {
    let (server, _client) = interfaces();
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let error = listener
        .accept_timeout(Duration::from_millis(10))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_catch_all_listener_decides_about_each_syn() {
    let link = MemoryDevice::pair(1_500).unwrap();
    let (server, client) = interfaces_over(link, |builder| builder.any_address(true));
    let config = ListenConfig {
        admission: Admission::Ask,
        ..ListenConfig::default()
    };
    let listener = TcpListener::bind_with(&server, ListenAddr::ANY, config).unwrap();
    let connect = |addr: &'static str| {
        let client = client.clone();
        thread::spawn(move || TcpStream::connect(&client, addr))
    };

    let refused = connect("192.0.2.1:25");
    let syn = listener.next_syn().unwrap();
    assert_eq!(syn.local_addr(), "192.0.2.1:25".parse().unwrap());
    assert!(syn.refuse().unwrap());
    let error = refused.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);

    let accepted = connect("198.51.100.7:443");
    let syn = listener.next_syn().unwrap();
    let peer = syn.peer_addr();
    assert!(syn.accept().unwrap());
    let (theirs, from) = listener.accept_timeout(PATIENCE).unwrap();
    assert_eq!(from, peer);
    assert_eq!(
        theirs.local_addr().unwrap(),
        "198.51.100.7:443".parse().unwrap()
    );
    accepted.join().unwrap().unwrap();
}

#[test]
fn syns_that_are_withdrawn_do_not_push_out_one_that_lives() {
    let (left, mut wire) = MemoryDevice::pair(1_500).unwrap();
    let server = builder(left, 1).build().unwrap();
    let config = ListenConfig {
        admission: Admission::Ask,
        syn_backlog: 2,
        ..ListenConfig::default()
    };
    let addr: SocketAddr = SERVER.parse().unwrap();
    let listener = TcpListener::bind_with(&server, ListenAddr::from(addr), config).unwrap();
    listener.set_nonblocking(true).unwrap();

    let mut send = |port: u16, control, seq| {
        let fields = IpFields {
            src: SocketAddr::from(([10, 7, 0, 2], port)),
            dst: addr,
            dscp: 0,
            hop_limit: 64,
            identification: 0,
            fragments: Fragments::Forbidden,
        };
        let mut header = Header::new(SeqNumber::new(seq));
        header.control = control;
        let segment = Segment::bare(header);
        let mut buf = [0; 1_500];
        let transmit = wire::emit(&fields, &segment, &mut buf).unwrap();
        wire.send(&buf[..transmit.len], &transmit).unwrap();
    };
    send(1_000, Control::Syn, 7);
    for port in [1_001, 1_002] {
        send(port, Control::Syn, 7);
        send(port, Control::Rst, 8);
    }
    let start = Instant::now();
    while server.device_counters().rx_packets < 5 {
        assert!(start.elapsed() < PATIENCE);
        thread::yield_now();
    }

    let syn = listener.next_syn().unwrap();
    assert_eq!(syn.peer_addr().port(), 1_000);
    assert!(syn.accept().unwrap());
    let error = listener.next_syn().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn an_observer_sees_every_packet() {
    let seen = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let dropped = Arc::new(());
    let (counting, held) = (Arc::clone(&seen), Arc::clone(&dropped));
    let (left, right) = MemoryDevice::pair(1_500).unwrap();
    let server = builder(left, 1)
        .on_packet(move |direction, _, packet| {
            assert_eq!(packet[0] >> 4, 4, "not IPv4");
            let _ = &held;
            counting[usize::from(direction == Direction::Sent)].fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    let client = builder(right, 2).build().unwrap();
    let (theirs, ours) = connect_pair(&server, &client);
    send_noise(&theirs, 1, 50_000).unwrap();
    (&theirs).flush().unwrap();
    drop((ours, theirs, client));
    server.shutdown().unwrap();
    let counters = server.device_counters();
    assert_eq!(seen[0].load(Ordering::Relaxed), counters.rx_packets);
    assert_eq!(seen[1].load(Ordering::Relaxed), counters.tx_packets);
    assert!(counters.tx_bytes > 50_000);
    assert_eq!(
        Arc::strong_count(&dropped),
        1,
        "the observer outlives the loop"
    );
}

/// A device whose calls are interrupted by signals every other time, and that can be made to fail.
struct Shaky {
    device: MemoryDevice,
    interrupt: bool,
    broken: Arc<AtomicBool>,
}

impl Shaky {
    fn interrupted(&mut self) -> io::Result<()> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(ErrorKind::Interrupted.into());
        }
        Ok(())
    }
}

impl Device for Shaky {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(io::Error::other("pulled out"));
        }
        self.interrupted()?;
        self.device.recv(buf)
    }

    fn send(&mut self, packet: &[u8], transmit: &Transmit) -> io::Result<()> {
        self.interrupted()?;
        self.device.send(packet, transmit)
    }

    fn mtu(&self) -> u16 {
        self.device.mtu()
    }
}

impl AsFd for Shaky {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

#[test]
fn signals_do_no_harm_and_a_device_that_fails_ends_the_interface() {
    let (left, right) = MemoryDevice::pair(1_500).unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let shaky = Shaky {
        device: left,
        interrupt: false,
        broken: Arc::clone(&broken),
    };
    let server = builder(shaky, 1).build().unwrap();
    let client = builder(right, 2).build().unwrap();
    let (theirs, ours) = connect_pair(&server, &client);
    let mut buf = [0; 5];
    (&ours).write_all(b"hello").unwrap();
    (&theirs).read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"hello");

    broken.store(true, Ordering::Relaxed);
    let reader = thread::spawn(move || (&theirs).read(&mut [0]));
    (&ours).write_all(b"x").unwrap();
    let error = reader.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    assert!(error.to_string().contains("pulled out"), "{error}");
    assert!(
        server
            .shutdown()
            .unwrap_err()
            .to_string()
            .contains("pulled out")
    );
}

#[test]
fn an_interface_without_an_address_is_refused() {
    let build = |mtu: u16, address: Option<&str>| {
        let (device, _other) = MemoryDevice::pair(mtu).unwrap();
        let mut builder = Interface::builder().device(device);
        if let Some(address) = address {
            builder = builder.address(address.parse().unwrap());
        }
        builder.build().map(drop).map_err(|error| error.kind())
    };
    assert_eq!(build(1_500, None), Err(ErrorKind::InvalidInput));
    assert_eq!(
        build(1_500, Some("0.0.0.0/0")),
        Err(ErrorKind::InvalidInput)
    );
    assert_eq!(
        build(575, Some("10.7.0.1/24")),
        Err(ErrorKind::InvalidInput)
    );
    assert_eq!(
        build(1_279, Some("fd07::1/64")),
        Err(ErrorKind::InvalidInput)
    );
    assert_eq!(build(576, Some("10.7.0.1/24")), Ok(()));
}
