//! Packets that are longer than their IPv4 header can say, to the kernel.

mod common;

use std::io::{self, Write};
use std::net::{self, IpAddr, Shutdown};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use common::namespace::in_namespace;
use common::{Noise, PATIENCE, hash_of_noise, receive};
use tcp_tun::device::MAX_PACKET;
use tcp_tun::device::config::{self, LinkConfig};
use tcp_tun::tcp_core::{Offload, PacketMeta, Transmit};
use tcp_tun::{Device, Interface, TcpListener, TunDevice};

const LEN: usize = 64 << 20;

/// A TUN device that notes the length of the longest packet that it is given.
struct Noting {
    tun: TunDevice,
    longest: Arc<AtomicUsize>,
}

impl Device for Noting {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
        self.tun.recv(buf)
    }

    fn send(&mut self, packet: &[u8], transmit: &Transmit) -> io::Result<()> {
        self.tun.send(packet, transmit)?;
        self.longest.fetch_max(transmit.len, Ordering::Relaxed);
        Ok(())
    }

    fn gathers(&self) -> bool {
        self.tun.gathers()
    }

    fn send_parts(&mut self, parts: [&[u8]; 3], transmit: &Transmit) -> io::Result<()> {
        self.tun.send_parts(parts, transmit)?;
        self.longest.fetch_max(transmit.len, Ordering::Relaxed);
        Ok(())
    }

    fn mtu(&self) -> u16 {
        self.tun.mtu()
    }

    fn offload(&self) -> Offload {
        self.tun.offload()
    }
}

impl AsFd for Noting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tun.as_fd()
    }
}

/// What an interface may be told.
#[derive(Clone, Copy)]
struct Limits {
    gso_max_size: u32,
    watched: bool,
    /// It does not know that the address is the kernel's own.
    beyond: bool,
}

const ANY: Limits = Limits {
    gso_max_size: u32::MAX,
    watched: false,
    beyond: false,
};

/// Sends the kernel as much as shows what is largest, to its address of this network, and says how long the longest packet
/// was.
fn longest_packet(ours: &str, kernels: &str, limits: Limits) -> usize {
    let mut tun = TunDevice::open_with_offload("big%d").unwrap();
    let link = LinkConfig {
        mtu: Some(1_500),
        addresses: vec![kernels.parse().unwrap()],
    };
    config::configure(tun.name(), &link).unwrap();
    tun.refresh_mtu().unwrap();
    let longest = Arc::new(AtomicUsize::new(0));
    let device = Noting {
        tun,
        longest: Arc::clone(&longest),
    };
    let mut builder = Interface::builder()
        .address(ours.parse().unwrap())
        .gso_max_size(limits.gso_max_size)
        .device(device);
    if !limits.beyond {
        builder = builder.kernel_address(kernels.parse().unwrap());
    }
    if limits.watched {
        builder = builder.on_packet(|_, _, packet| {
            let said = u16::from_be_bytes([packet[2], packet[3]]);
            assert!(packet[0] >> 4 == 6 || usize::from(said) == packet.len());
        });
    }
    let interface = builder.build().unwrap();
    let ip: IpAddr = ours.split('/').next().unwrap().parse().unwrap();
    let listener = TcpListener::bind(&interface, (ip, 7)).unwrap();
    let kernel = net::TcpStream::connect((ip, 7)).unwrap();
    let (ours, _) = listener.accept_timeout(PATIENCE).unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&kernel).unwrap());
        let mut noise = Noise::new(1);
        let mut piece = vec![0; 1 << 20];
        for _ in 0..LEN / piece.len() {
            noise.fill(&mut piece);
            (&ours).write_all(&piece).unwrap();
        }
        ours.shutdown(Shutdown::Write).unwrap();
        assert!(receiver.join().unwrap() == (LEN, hash_of_noise(1, LEN)));
    });
    let refused = interface.device_counters().tx_errors;
    assert!(refused == 0 || !is_known_to_the_kernel(), "{refused}");
    drop((ours, kernel, listener));
    interface.shutdown().unwrap();
    longest.load(Ordering::Relaxed)
}

/// Linux takes them from TUN devices since 6.6.
fn is_known_to_the_kernel() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next().and_then(|number| number.parse().ok());
    let version: (u32, u32) = (next().unwrap(), next().unwrap());
    version >= (6, 6)
}

#[test]
fn a_kernel_with_big_tcp_is_given_more_than_64_kib_at_once() {
    in_namespace(
        "a_kernel_with_big_tcp_is_given_more_than_64_kib_at_once",
        || {
            let longest = longest_packet("10.7.0.2/24", "10.7.0.1/24", ANY);
            let most = if is_known_to_the_kernel() {
                assert!(longest > MAX_PACKET, "{longest}");
                128 * 1024
            } else {
                MAX_PACKET
            };
            assert!(longest <= most, "{longest}");
        },
    );
}

#[test]
fn no_packet_is_longer_than_is_wanted_nor_than_ipv6_can_say() {
    in_namespace(
        "no_packet_is_longer_than_is_wanted_nor_than_ipv6_can_say",
        || {
            let v4 = ("10.7.0.2/24", "10.7.0.1/24");
            let asked = |gso_max_size| Limits {
                gso_max_size,
                ..ANY
            };
            let watched = Limits {
                watched: true,
                ..ANY
            };
            let beyond = Limits {
                beyond: true,
                ..ANY
            };
            for ((ours, kernels), limits, most) in [
                (v4, asked(20_000), 20_000),
                (v4, asked(65_535), MAX_PACKET),
                (v4, watched, MAX_PACKET),
                (v4, beyond, MAX_PACKET),
                (("fd07::2/64", "fd07::1/64"), ANY, MAX_PACKET),
            ] {
                let longest = longest_packet(ours, kernels, limits);
                assert!((most / 2..=most).contains(&longest), "{longest} of {most}");
            }
        },
    );
}
