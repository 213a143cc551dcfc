//! What is dropped, and under which name it is counted; and the network's complaints.

use super::*;
use crate::error::ConnectionError;
use crate::stats::Counters;

const PEER: &str = "10.0.0.1:4000";

/// What a server with a listener counts of one packet.
fn counted(packet: &[u8]) -> Counters {
    let mut server = Host::new(config(server_ip()));
    server
        .stack
        .listen(ListenAddr::ANY, ListenConfig::default())
        .unwrap();
    server.handle(Instant::ZERO, packet);
    let answers = server.drain(Instant::ZERO);
    assert_eq!(answers.len(), 0, "silently");
    let counters = server.stack.counters().clone();
    assert_eq!(counters.ip_in_receives, 1);
    counters
}

fn syn_packet(src: &str, dst: &str) -> Vec<u8> {
    packet(addr(src), addr(dst), syn(1))
}

#[test]
fn destinations_that_are_not_ours_or_not_unicast() {
    for dst in ["10.0.0.9:80", "224.0.0.1:80", "255.255.255.255:80"] {
        let counters = counted(&syn_packet(PEER, dst));
        assert_eq!(counters.ip_in_addr_errors, 1, "{dst}");
        assert_eq!(counters.in_segs, 0, "{dst}");
    }
}

#[test]
fn sources_that_nobody_can_have() {
    for src in ["0.0.0.0:4000", "224.0.0.1:4000", "255.255.255.255:4000"] {
        let counters = counted(&syn_packet(src, "10.0.0.2:80"));
        assert_eq!(counters.ip_in_martians, 1, "{src}");
        assert_eq!(counters.in_segs, 0, "{src}");
    }
    let counters = counted(&syn_packet("[ff02::1]:4000", "[fd00::2]:80"));
    assert_eq!(counters.ip_in_martians, 1);
}

#[test]
fn any_address_does_not_mean_any_kind_of_address() {
    let any = StackConfig {
        any_address: true,
        ..StackConfig::default()
    };
    for (dst, answers) in [
        ("192.0.2.1:80", 1),
        ("224.0.0.1:80", 0),
        ("0.0.0.0:80", 0),
        ("255.255.255.255:80", 0),
    ] {
        let mut server = Host::new(any.clone());
        let answered = server.answer(Instant::ZERO, addr(PEER), addr(dst), syn(1));
        assert_eq!(answered.len(), answers, "{dst}");
    }
}

#[test]
fn malformed_packets_are_counted_by_reason() {
    let whole = syn_packet(PEER, "10.0.0.2:80");
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut packet = whole.clone();
        change(&mut packet);
        counted(&packet)
    };
    assert_eq!(changed(|p| p[0] = 0x55).ip_in_hdr_errors, 1);
    assert_eq!(changed(|p| p.truncate(30)).ip_in_truncated, 1);
    let bad_checksum = changed(|p| p[36] ^= 1);
    assert_eq!(bad_checksum.in_csum_errors, 1);
    assert_eq!((bad_checksum.in_segs, bad_checksum.in_errs), (1, 1));
    let other = counted(&icmp(17, 0, &[]));
    assert_eq!(other.ip_in_unknown_protos, 1);
    let cut = counted(&icmp(1, 3, &[1, 2]));
    assert_eq!((cut.icmp_in_msgs, cut.icmp_in_errors), (1, 1));
}

#[test]
fn a_device_that_has_checked_the_checksum_is_believed() {
    let mut packet = syn_packet(PEER, "10.0.0.2:80");
    packet[36] ^= 1;
    let mut server = Host::new(config(server_ip()));
    let meta = PacketMeta {
        checksum: ReceiveChecksum::Verified,
        ..PacketMeta::default()
    };
    server.stack.handle_packet(Instant::ZERO, &packet, meta);
    assert_eq!(server.stack.counters().in_errs, 0);
    assert_eq!(server.drain(Instant::ZERO).len(), 1);
}

/// An IPv4 packet from a router to the client, with an ICMP message of this type and code where
/// the protocol is 1. `about` is the packet that it complains about.
fn icmp(protocol: u8, code: u8, about: &[u8]) -> Vec<u8> {
    icmp_with(protocol, code, 0, about)
}

fn icmp_with(protocol: u8, code: u8, mtu: u16, about: &[u8]) -> Vec<u8> {
    let mut message = vec![3, code, 0, 0, 0, 0];
    message.extend_from_slice(&mtu.to_be_bytes());
    message.extend_from_slice(&about[..about.len().min(28)]);
    let sum = ones_complement(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let len = u16::try_from(20 + message.len()).unwrap().to_be_bytes();
    let mut packet = vec![
        0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 254, 10, 0, 0, 1,
    ];
    let sum = ones_complement(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend_from_slice(&message);
    packet
}

fn ones_complement(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| match *word {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

const HOST_UNREACHABLE: u8 = 1;
const PORT_UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;

#[test]
fn a_hard_error_reaches_the_connection_that_it_names() {
    let mut pair = Pair::new();
    let client = pair.start_connect();
    let other = pair.start_connect();
    let syns = pair.client_to_server();
    let complaint = icmp(1, PORT_UNREACHABLE, &syns[0]);
    pair.client.handle(pair.now, &complaint);
    pair.run();
    let prohibited = ConnectionEvent::Closed(Some(ConnectionError::Prohibited));
    assert!(pair.client.events_of(client).contains(&prohibited));
    assert_eq!(pair.client.events_of(other), []);
    assert_eq!(pair.client.stack.counters().icmp_in_msgs, 1);
    assert_eq!(pair.client.stack.counters().icmp_in_errors, 0);
}

#[test]
fn an_error_about_no_connection_is_counted() {
    let mut client = Host::new(config(client_ip()));
    let stray = packet(addr("10.0.0.1:5000"), addr("10.0.0.2:80"), syn(1));
    client.handle(Instant::ZERO, &icmp(1, PORT_UNREACHABLE, &stray));
    assert_eq!(client.stack.counters().icmp_in_errors, 1);
}

#[test]
fn an_error_about_nothing_outstanding_is_counted() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, _) = pair.establish(listener);
    let local = pair.client_addr(client);
    let stray = packet(local, server_addr(), syn(1));
    let complaint = icmp(1, HOST_UNREACHABLE, &stray);
    pair.client.handle(pair.now, &complaint);
    assert_eq!(pair.client.stack.counters().icmp_out_of_window, 1);
}

#[test]
fn a_smaller_path_mtu_makes_smaller_packets() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    pair.client.write(pair.now, client, &[7; 10_000]);
    let sent = pair.client_to_server();
    assert_eq!(sent[0].len(), 1_500);
    let complaint = icmp_with(1, FRAGMENTATION_NEEDED, 1_000, &sent[0]);
    pair.client.handle(pair.now, &complaint);
    let again = pair.client_to_server();
    assert!(!again.is_empty());
    assert!(again.iter().all(|packet| packet.len() <= 1_000));
    for packet in again {
        pair.server.handle(pair.now, &packet);
    }
    pair.sleep(Duration::from_secs(2));
    assert_eq!(pair.server.read_all(pair.now, server), [7; 10_000]);
}

#[test]
fn a_half_open_connection_ends_by_a_hard_error_about_its_syn_ack() {
    let mut pair = Pair::with(config(server_ip()), config(client_ip()));
    pair.listen(ListenConfig::default());
    let peer = addr("10.0.0.9:4000");
    let here = SocketAddr::new(client_ip(), PORT);
    pair.server.inject(pair.now, peer, here, syn(1));
    let syn_ack = pair.server_to_client();
    let mut forged = syn_ack[0].clone();
    forged[24] ^= 1;
    for (about, left) in [(&forged, 1), (&syn_ack[0], 0)] {
        pair.server
            .handle(pair.now, &icmp(1, PORT_UNREACHABLE, about));
        assert_eq!(pair.server.sockets(), left);
    }
    assert_eq!(pair.server.stack.counters().icmp_out_of_window, 1);
    assert_eq!(pair.server.stack.counters().attempt_fails, 1);
}
