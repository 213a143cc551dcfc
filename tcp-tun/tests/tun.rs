//! Against the kernel, through a TUN device in a network namespace of its own.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{self, Shutdown};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use common::namespace::in_namespace;
use common::{PATIENCE, hash_of_noise, receive, send_noise};
use tcp_tun::device::config::{self, LinkConfig};
use tcp_tun::tcp_core::ReceiveChecksum;
use tcp_tun::tcp_core::wire::{self, Incoming, ParseError};
use tcp_tun::{Direction, Interface, TcpListener, TcpStream, TunMode};

fn interface() -> Interface {
    let addresses = ["10.7.0.2/24", "fd07::2/64"].map(|text| text.parse().unwrap());
    Interface::new("tcptun", &addresses).unwrap()
}

#[test]
fn the_device_is_configured() {
    in_namespace("the_device_is_configured", || {
        let interface = Interface::builder()
            .name("tcptun%d")
            .address("10.7.0.2/24".parse().unwrap())
            .kernel_address("10.7.0.1/24".parse().unwrap())
            .kernel_address("10.8.0.1/16".parse().unwrap())
            .kernel_address("fd07::1/64".parse().unwrap())
            .kernel_address("fd08::1/64".parse().unwrap())
            .mtu(1_400)
            .build()
            .unwrap();
        assert_eq!(interface.name(), Some("tcptun0"));
        assert_eq!(interface.mtu(), 1_400);
        assert_eq!(config::mtu("tcptun0").unwrap(), 1_400);
        // Binding shows that the kernel has the addresses, and that it uses them at once.
        for address in ["10.7.0.1:0", "10.8.0.1:0", "[fd07::1]:0", "[fd08::1]:0"] {
            net::TcpListener::bind(address).unwrap();
        }
        let again = LinkConfig {
            mtu: Some(1_300),
            addresses: vec![
                "10.7.0.1/24".parse().unwrap(),
                "fd07::1/64".parse().unwrap(),
            ],
        };
        config::configure("tcptun0", &again).unwrap();
        assert_eq!(config::mtu("tcptun0").unwrap(), 1_300);
        let busy = Interface::builder()
            .name("tcptun0")
            .address("10.7.0.3/24".parse().unwrap())
            .build();
        assert_eq!(busy.unwrap_err().kind(), ErrorKind::ResourceBusy);
        interface.shutdown().unwrap();
        assert_eq!(
            config::mtu("tcptun0").unwrap_err().kind(),
            ErrorKind::NotFound
        );
    });
}

#[test]
fn the_kernel_connects_to_us() {
    in_namespace("the_kernel_connects_to_us", || {
        let interface = interface();
        for addr in ["10.7.0.2:7", "[fd07::2]:7"] {
            let listener = TcpListener::bind(&interface, addr).unwrap();
            let kernel = net::TcpStream::connect(addr).unwrap();
            let (ours, peer) = listener.accept_timeout(PATIENCE).unwrap();
            assert_eq!(peer, kernel.local_addr().unwrap());
            exchange(&ours, &kernel);
        }
    });
}

#[test]
fn we_connect_to_the_kernel() {
    in_namespace("we_connect_to_the_kernel", || {
        let interface = interface();
        for addr in ["10.7.0.1:7", "[fd07::1]:7"] {
            let listener = net::TcpListener::bind(addr).unwrap();
            let ours = TcpStream::connect(&interface, addr).unwrap();
            let (kernel, peer) = listener.accept().unwrap();
            assert_eq!(peer, ours.local_addr().unwrap());
            exchange(&ours, &kernel);
        }
        let error = TcpStream::connect(&interface, "10.7.0.1:9").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

/// 16 MiB each way, one after the other, checked.
fn exchange(ours: &TcpStream, mut kernel: &net::TcpStream) {
    const LEN: usize = 16 << 20;
    thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(kernel).unwrap());
        send_noise(ours, 1, LEN).unwrap();
        ours.shutdown(Shutdown::Write).unwrap();
        assert!(receiver.join().unwrap() == (LEN, hash_of_noise(1, LEN)));
        let receiver = scope.spawn(|| receive(ours).unwrap());
        send_noise(kernel, 2, LEN).unwrap();
        kernel.shutdown(Shutdown::Write).unwrap();
        assert!(receiver.join().unwrap() == (LEN, hash_of_noise(2, LEN)));
    });
    assert_eq!(kernel.read(&mut [0]).unwrap(), 0);
}

/// Large packets pass whole, both ways, and whoever watches sees them with good checksums. On the plain
/// device there are none.
#[test]
fn large_packets_pass_whole() {
    in_namespace("large_packets_pass_whole", || {
        for mode in [TunMode::Offload, TunMode::Plain] {
            let seen = Arc::new(Mutex::new(Seen::default()));
            let watched = Arc::clone(&seen);
            let mut builder = Interface::builder()
                .name("tcptun")
                .tun_mode(mode)
                .on_packet(move |direction, _, packet| {
                    watched.lock().unwrap().watch(direction, packet);
                });
            for (ours, kernels) in [("10.7.0.2/24", "10.7.0.1/24"), ("fd07::2/64", "fd07::1/64")] {
                builder = builder.address(ours.parse().unwrap());
                builder = builder.kernel_address(kernels.parse().unwrap());
            }
            let interface = builder.build().unwrap();
            assert_eq!(interface.mtu(), 1_500);
            for addr in ["10.7.0.2:7", "[fd07::2]:7"] {
                *seen.lock().unwrap() = Seen::default();
                let listener = TcpListener::bind(&interface, addr).unwrap();
                let kernel = net::TcpStream::connect(addr).unwrap();
                let (ours, _) = listener.accept_timeout(PATIENCE).unwrap();
                exchange(&ours, &kernel);
                let seen = seen.lock().unwrap();
                assert_eq!(seen.bad, 0, "{mode:?} {addr}");
                let large = (seen.largest_received > 1_500, seen.largest_sent > 1_500);
                let expected = mode == TunMode::Offload;
                assert_eq!(large, (expected, expected), "{mode:?} {addr} {seen:?}");
            }
            interface.shutdown().unwrap();
        }
    });
}

/// What an observer has seen.
#[derive(Debug, Default)]
struct Seen {
    largest_received: usize,
    largest_sent: usize,
    /// Packets of TCP with a bad checksum, or none at all.
    bad: usize,
}

impl Seen {
    fn watch(&mut self, direction: Direction, packet: &[u8]) {
        let largest = match direction {
            Direction::Received => &mut self.largest_received,
            Direction::Sent => &mut self.largest_sent,
        };
        *largest = packet.len().max(*largest);
        let parsed = wire::parse(packet, ReceiveChecksum::Unchecked);
        // The kernel's neighbour discovery is none of ours.
        let is_other = matches!(parsed, Err(ParseError::Protocol) | Ok(Incoming::IcmpOther));
        self.bad += usize::from(!is_other && !matches!(parsed, Ok(Incoming::Tcp(_))));
    }
}

#[test]
fn a_device_that_is_deleted_ends_the_interface() {
    in_namespace("a_device_that_is_deleted_ends_the_interface", || {
        let interface = interface();
        let listener = TcpListener::bind(&interface, "10.7.0.2:7").unwrap();
        let mut kernel = net::TcpStream::connect("10.7.0.2:7").unwrap();
        let (mut ours, _) = listener.accept_timeout(PATIENCE).unwrap();
        kernel.write_all(b"x").unwrap();
        ours.read_exact(&mut [0]).unwrap();
        let reader = thread::spawn(move || ours.read(&mut [0]));
        let deleted = Command::new("ip").args(["link", "del", "tcptun"]).status();
        assert!(deleted.unwrap().success());
        let error = reader.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert!(interface.shutdown().is_err());
    });
}
