//! Large packets in memory: two interfaces whose devices complete checksums, cut nothing and gather parts.

mod common;

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{builder, connect_pair, hash_of_noise, receive, send_noise};
use tcp_tun::device::MAX_PACKET;
use tcp_tun::tcp_core::{Offload, PacketMeta, ReceiveChecksum, Transmit};
use tcp_tun::{Device, Interface, MemoryDevice};

const MIB: usize = 1 << 20;

/// How Linux refuses what does not fit into one of its buffers.
const EMSGSIZE: i32 = 90;

/// A network card whose cable carries packets as they are.
struct Card {
    link: MemoryDevice,
    /// Packets that came in parts.
    gathered: Arc<AtomicU64>,
    /// What it says that it takes at once; in truth it is [`MAX_PACKET`].
    max_packet: u32,
}

impl Device for Card {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
        let (len, meta) = self.link.recv(buf)?;
        let checksum = ReceiveChecksum::Verified;
        Ok((len, PacketMeta { checksum, ..meta }))
    }

    fn send(&mut self, packet: &[u8], transmit: &Transmit) -> io::Result<()> {
        self.link.send(packet, transmit)
    }

    fn gathers(&self) -> bool {
        true
    }

    fn send_parts(&mut self, parts: [&[u8]; 3], transmit: &Transmit) -> io::Result<()> {
        let [_, first, second] = parts;
        let is_apart = !(first.is_empty() && second.is_empty());
        self.gathered
            .fetch_add(u64::from(is_apart), Ordering::Relaxed);
        if transmit.len > MAX_PACKET {
            return Err(io::Error::from_raw_os_error(EMSGSIZE));
        }
        self.link.send(&parts.concat(), transmit)
    }

    fn mtu(&self) -> u16 {
        1_500
    }

    fn offload(&self) -> Offload {
        Offload {
            max_packet: self.max_packet,
            checksum: true,
        }
    }
}

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }
}

/// Server and client, and how many of their packets came in parts.
fn interfaces(buffer: usize) -> ((Interface, Interface), Arc<AtomicU64>) {
    interfaces_that_take(MAX_PACKET as u32, buffer)
}

/// The same, with cards that say that they take so much at once.
fn interfaces_that_take(
    max_packet: u32,
    buffer: usize,
) -> ((Interface, Interface), Arc<AtomicU64>) {
    let (left, right) = MemoryDevice::pair_with_buffer(MAX_PACKET as u16, buffer).unwrap();
    let gathered = Arc::new(AtomicU64::new(0));
    let interface = |link, host| {
        let gathered = Arc::clone(&gathered);
        let card = Card {
            link,
            gathered,
            max_packet,
        };
        // Each other's: what goes there goes no further.
        let [one, two] = ["10.7.0.1/24", "10.7.0.2/24"].map(|cidr| cidr.parse().unwrap());
        let builder = builder(card, host).kernel_address(one).kernel_address(two);
        builder.build().unwrap()
    };
    ((interface(left, 1), interface(right, 2)), gathered)
}

#[test]
fn large_writes_both_ways_arrive_whole() {
    for buffer in [8 * MIB, 1] {
        let ((server, client), gathered) = interfaces(buffer);
        let (theirs, ours) = connect_pair(&server, &client);
        let len = 8 * MIB;
        thread::scope(|scope| {
            for (stream, own_seed, other_seed) in [(&theirs, 1, 2), (&ours, 2, 1)] {
                scope.spawn(move || {
                    let mut noise = common::Noise::new(own_seed);
                    let mut data = vec![0; len];
                    noise.fill(&mut data);
                    // In pieces of every size, small and large.
                    let mut rest = &data[..];
                    for at in 0.. {
                        let size = (1 << (at % 21)).min(rest.len());
                        let (piece, others) = rest.split_at(size);
                        (&*stream).write_all(piece).unwrap();
                        rest = others;
                        if rest.is_empty() {
                            break;
                        }
                    }
                    stream.shutdown(Shutdown::Write).unwrap();
                });
                scope.spawn(move || {
                    let mut expected = vec![0; len];
                    common::Noise::new(other_seed).fill(&mut expected);
                    let mut got = Vec::new();
                    (&*stream).read_to_end(&mut got).unwrap();
                    assert!(got == expected, "{} of {len} bytes", got.len());
                });
            }
        });
        let gathered = gathered.load(Ordering::Relaxed);
        assert!(gathered > 100, "{gathered}");
    }
}

#[test]
fn a_device_that_refuses_what_it_said_it_takes_is_asked_no_more() {
    let ((server, client), _) = interfaces_that_take(128 * 1024, 8 * MIB);
    for _ in 0..2 {
        let (theirs, ours) = connect_pair(&server, &client);
        let sender = thread::spawn(move || {
            let hash = send_noise(&ours, 1, 32 * MIB).unwrap();
            ours.shutdown(Shutdown::Write).unwrap();
            (hash, ours)
        });
        assert!(receive(&theirs).unwrap() == (32 * MIB, hash_of_noise(1, 32 * MIB)));
        sender.join().unwrap();
    }
    // As many as went before the first of them was noticed.
    let refused = client.device_counters().tx_errors;
    assert!((1..100).contains(&refused), "{refused}");
}

#[test]
fn who_never_waits_hears_the_acknowledgements_itself() {
    let ((server, client), _) = interfaces(8 * MIB);
    let (theirs, ours) = connect_pair(&server, &client);
    let len = 16 * MIB;
    let data = vec![7; len];
    ours.set_nonblocking(true).unwrap();
    let reader = thread::spawn(move || receive(&theirs).unwrap());
    let (mut rest, began) = (&data[..], Instant::now());
    while !rest.is_empty() {
        let most = rest.len().min(64 * 1024);
        match (&ours).write(&rest[..most]) {
            Ok(count) => rest = &rest[count..],
            // At once again: the interface's thread is not to be waited for.
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{} left",
            rest.len()
        );
    }
    ours.shutdown(Shutdown::Write).unwrap();
    assert_eq!(reader.join().unwrap().0, len);
}

#[test]
fn a_write_that_runs_out_of_time_tells_what_it_has_written() {
    let ((server, client), _) = interfaces(8 * MIB);
    let (theirs, ours) = connect_pair(&server, &client);
    ours.set_write_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let data: Vec<u8> = (0..4 * MIB).map(|at| (at / 7) as u8).collect();
    let reader = thread::spawn(move || {
        // Slowly, so that the writer waits again and again.
        let (mut got, mut buf) = (Vec::new(), vec![0; 100_000]);
        while let count @ 1.. = (&theirs).read(&mut buf).unwrap() {
            got.extend_from_slice(&buf[..count]);
            thread::sleep(Duration::from_millis(3));
        }
        got
    });
    let mut rest = &data[..];
    while !rest.is_empty() {
        match (&ours).write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    ours.shutdown(Shutdown::Write).unwrap();
    assert!(
        reader.join().unwrap() == data,
        "nothing twice, nothing lost"
    );
}

#[test]
fn noise_in_large_packets_is_the_same_noise() {
    let ((server, client), _) = interfaces(8 * MIB);
    let (theirs, ours) = connect_pair(&server, &client);
    let sender = thread::spawn(move || {
        let hash = send_noise(&ours, 3, 16 * MIB).unwrap();
        ours.shutdown(Shutdown::Write).unwrap();
        hash
    });
    assert!(receive(&theirs).unwrap() == (16 * MIB, hash_of_noise(3, 16 * MIB)));
    assert_eq!(sender.join().unwrap(), hash_of_noise(3, 16 * MIB));
}
