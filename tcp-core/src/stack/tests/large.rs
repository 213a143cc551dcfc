//! Packets for a device that cuts them and completes their checksums.

use core::num::NonZeroU16;

use super::*;
use crate::config::TcpConfig;
use crate::event::{Transmit, TransmitChecksum};
use crate::stack::FourTuple;
use crate::wire::ParseError;

/// A client with such a device; a connection to the server, and what the client sends of `len` bytes.
fn sent(offload: Offload, ips: [&str; 2], len: usize) -> (Pair, Vec<(Vec<u8>, Transmit)>) {
    let [client_ip, server_ip] = ips.map(ip);
    let with_device = StackConfig {
        offload,
        ..config(client_ip)
    };
    let mut pair = Pair::with(with_device, config(server_ip));
    pair.listen(ListenConfig::default());
    let tcp = TcpConfig {
        pacing: false,
        ..TcpConfig::default()
    };
    let remote = SocketAddr::new(server_ip, PORT);
    let client = &mut pair.client.stack;
    let id = client.connect(pair.now, None, remote, tcp.validate().unwrap());
    for _ in 0..2 {
        for (packet, transmit) in drain(&mut pair.client.stack, pair.now) {
            pair.server.handle(pair.now, &completed(packet, transmit));
        }
        for packet in pair.server.drain(pair.now) {
            pair.client.handle(pair.now, &packet);
        }
    }
    let data: Vec<u8> = (0..len).map(|n| n as u8).collect();
    pair.client.write(pair.now, id.unwrap(), &data);
    let sent = drain(&mut pair.client.stack, pair.now);
    (pair, sent)
}

fn drain(stack: &mut Stack, now: Instant) -> Vec<(Vec<u8>, Transmit)> {
    let mut buf = vec![0; stack.config().largest_packet()];
    let mut packets = Vec::new();
    while let Some(transmit) = stack.poll_transmit(now, &mut buf) {
        packets.push((buf[..transmit.len].to_vec(), transmit));
    }
    packets
}

/// As a device completes it: the sum over all from the TCP header on, complemented.
fn completed(mut packet: Vec<u8>, transmit: Transmit) -> Vec<u8> {
    let TransmitChecksum::Partial { start, offset } = transmit.checksum else {
        return packet;
    };
    let (start, at) = (usize::from(start), usize::from(start + offset));
    let words = packet[start..].chunks(2).map(|word| {
        let low = word.get(1).copied().unwrap_or(0);
        u64::from(u16::from_be_bytes([word[0], low]))
    });
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    packet[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    packet
}

#[test]
fn a_large_packet_is_written_once_and_its_checksum_left_to_the_device() {
    for (ips, headers, piece) in [
        (["10.0.0.1", "10.0.0.2"], 52, 1_448),
        (["fd00::1", "fd00::2"], 72, 1_428),
    ] {
        let (_, sent) = sent(CARD, ips, 10 * piece - 1);
        let [(packet, transmit)] = &sent[..] else {
            panic!("{} packets", sent.len());
        };
        assert_eq!(transmit.len, headers + 10 * piece - 1);
        assert_eq!(transmit.segment_size, NonZeroU16::new(piece as u16));
        let parsed = wire::parse(packet, ReceiveChecksum::Unchecked);
        assert_eq!(parsed, Err(ParseError::TcpChecksum));
        let whole = completed(packet.clone(), *transmit);
        let tcp = parse(&whole);
        assert_eq!(tcp.segment.payload.len(), 10 * piece - 1);
    }
}

#[test]
fn no_packet_is_larger_than_the_device_takes() {
    for (ips, largest) in [
        (["10.0.0.1", "10.0.0.2"], 52 + 3 * 1_448),
        (["fd00::1", "fd00::2"], 72 + 3 * 1_428),
    ] {
        let offload = Offload {
            max_packet: 5_000,
            checksum: false,
        };
        let (_, sent) = sent(offload, ips, 9 * 1_428);
        let longest = sent.iter().map(|(packet, _)| packet.len()).max();
        assert_eq!(longest, Some(largest));
        for (packet, transmit) in &sent {
            assert_eq!(transmit.checksum, TransmitChecksum::Complete);
            assert!(!parse(packet).segment.payload.is_empty());
        }
    }
}

#[test]
fn a_packet_may_be_longer_than_an_ipv4_header_can_say() {
    let (v4, v6) = (["10.0.0.1", "10.0.0.2"], ["fd00::1", "fd00::2"]);
    for (ips, max_packet, largest, max_said) in [
        (v4, 60_000, 60_000 - 40, 60_000 - 40),
        (v4, 131_072, 131_072 - 40, 65_535 - 40),
        (v4, u32::MAX, 524_280 - 40, 65_535 - 40),
        // It would need a jumbogram's option.
        (v6, 131_072, 65_535 - 60, 65_535 - 60),
    ] {
        let [local, remote] = ips.map(ip);
        let config = StackConfig {
            offload: Offload { max_packet, ..CARD },
            ..config(local)
        };
        assert_eq!(config.largest_packet() as u32, max_packet.min(524_280));
        let stack = Stack::new(config, [0; 32]);
        let [local, remote] = [local, remote].map(|ip| SocketAddr::new(ip, PORT));
        let tuple = FourTuple::new(local, remote).unwrap();
        let setup = stack.setup(Instant::ZERO, &tuple);
        assert_eq!(setup.gso_max_size, largest.min(max_said));
        assert_eq!(stack.gso_max_size(&tuple, u32::MAX), largest);
    }
}

#[test]
fn a_packet_of_several_segments_is_taken_as_such() {
    let (mut pair, sent) = sent(CARD, ["10.0.0.1", "10.0.0.2"], 10_000);
    let before = pair.server.stack.counters().clone();
    let (packet, transmit) = sent[0].clone();
    let meta = PacketMeta {
        checksum: ReceiveChecksum::Verified,
        segment_size: transmit.segment_size,
        ..PacketMeta::default()
    };
    pair.server.stack.handle_packet(pair.now, &packet, meta);
    let counters = pair.server.stack.counters();
    assert_eq!(counters.ip_in_receives - before.ip_in_receives, 1);
    assert_eq!(counters.in_segs - before.in_segs, 7);
    assert_eq!(counters.in_no_ect_pkts - before.in_no_ect_pkts, 7);
    let answer = pair.server.drain(pair.now);
    assert_eq!(answer.len(), 1);
}

#[test]
fn answers_to_nobody_leave_their_checksum_to_the_device_too() {
    let mut host = Host::new(StackConfig {
        offload: CARD,
        ..config(server_ip())
    });
    let mut header = Header::new(SeqNumber::new(5));
    header.ack = Some(SeqNumber::new(7));
    host.inject(Instant::ZERO, addr("10.0.0.1:9"), server_addr(), header);
    let answers = drain(&mut host.stack, Instant::ZERO);
    let [(packet, transmit)] = &answers[..] else {
        panic!("a reset, and no more");
    };
    assert!(matches!(
        transmit.checksum,
        TransmitChecksum::Partial { .. }
    ));
    let reset = completed(packet.clone(), *transmit);
    assert_eq!(parse(&reset).segment.header.control, Control::Rst);
}
