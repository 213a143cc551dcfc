//! What a connection tells the network, and hears of it.

mod common;

use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::several::eventually;
use common::{SERVER, builder};
use tcp_tun::tcp_core::{
    self, ListenConfig, SoftError, Stack, StackConfig, Transmit, TransmitChecksum,
};
use tcp_tun::{Device, Interface, MemoryDevice, TcpStream};

/// Type of service and TTL of each packet with data that has been sent.
type Seen = Arc<Mutex<Vec<(u8, u8)>>>;

/// A connection to a peer that answers a handshake and no data: a router says that its host cannot be
/// reached.
fn connected_to_unreachable() -> (Interface, TcpStream, Seen) {
    let (device, far) = MemoryDevice::pair(1_500).unwrap();
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    thread::spawn(move || play_peer(far, &noted));
    let client = builder(device, 2).build().unwrap();
    let stream = TcpStream::connect(&client, SERVER).unwrap();
    (client, stream, seen)
}

/// Until the test has no use for what was seen any more.
fn play_peer(mut device: MemoryDevice, seen: &Seen) {
    let server: SocketAddr = SERVER.parse().unwrap();
    let config = StackConfig {
        addresses: vec![server.ip()],
        ..StackConfig::default()
    };
    let mut stack = Stack::new(config, [3; 32]);
    stack.listen(server, ListenConfig::default()).unwrap();
    let (start, mut buf) = (Instant::now(), vec![0; 2_000]);
    while Arc::strong_count(seen) > 1 {
        let Ok((len, meta)) = device.recv(&mut buf) else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        let packet = &buf[..len];
        let tcp_header = usize::from(packet[32] >> 4) * 4;
        if len > 20 + tcp_header {
            seen.lock().unwrap().push((packet[1], packet[8]));
            let complaint = host_unreachable(packet);
            let whole = Transmit {
                len: complaint.len(),
                segment_size: None,
                checksum: TransmitChecksum::Complete,
            };
            // A device without room loses it, as any network may.
            let _ = device.send(&complaint, &whole);
            continue;
        }
        let now = tcp_core::Instant::from_nanos(start.elapsed().as_nanos() as u64);
        stack.handle_packet(now, packet, meta);
        while let Some(transmit) = stack.poll_transmit(now, &mut buf) {
            let _ = device.send(&buf[..transmit.len], &transmit);
        }
    }
}

/// What a router on the way answers to this IPv4 packet (RFC 792).
fn host_unreachable(packet: &[u8]) -> Vec<u8> {
    let mut header = vec![0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 7, 0, 254];
    header.extend(&packet[12..16]);
    let mut message = vec![3, 1, 0, 0, 0, 0, 0, 0];
    message.extend(&packet[..28]);
    for (part, at) in [(&mut header, 10), (&mut message, 2)] {
        let words = part.chunks(2);
        let sum: u32 = words
            .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]))
            .sum();
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        part[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    header.extend(message);
    header
}

#[test]
fn a_soft_error_can_be_taken_and_ends_nothing() {
    let (_client, mut stream, _seen) = connected_to_unreachable();
    assert_eq!(stream.take_soft_error().unwrap(), None);
    stream.write_all(b"anybody?").unwrap();
    eventually("the complaint arrives", || {
        stream.take_soft_error().unwrap() == Some(SoftError::HostUnreachable)
    });
    stream.write_all(b"still trying").unwrap();
    eventually("nobody answers", || stream.is_unresponsive().unwrap());
    assert!(stream.take_error().unwrap().is_none());
}

#[test]
fn soft_errors_are_not_kept_for_who_does_not_want_them() {
    let (_client, mut stream, seen) = connected_to_unreachable();
    stream.set_soft_errors(false).unwrap();
    stream.write_all(b"anybody?").unwrap();
    eventually("there were three complaints", || {
        seen.lock().unwrap().len() > 3
    });
    assert_eq!(stream.take_soft_error().unwrap(), None);
}

#[test]
fn the_ip_header_has_what_the_user_sets() {
    let (_client, mut stream, seen) = connected_to_unreachable();
    let wrong = stream.set_dscp(64).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidInput);
    stream.write_all(b"anybody?").unwrap();
    eventually("it is sent", || {
        seen.lock().unwrap().last() == Some(&(0, 64))
    });
    stream.set_dscp(46).unwrap();
    stream.set_hop_limit(9).unwrap();
    eventually("it is sent again", || {
        seen.lock().unwrap().last() == Some(&(46 << 2, 9))
    });
}
