//! What a router tells the sender of a packet that is larger than the next link carries.

use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{Icmpv4Type, Icmpv6Type, PacketBuilder};

use super::layout::ip_header_len;

const HOP_LIMIT: u8 = 64;
/// Bytes of an ICMP header, of either version.
const ICMP_HEADER: usize = 8;

/// ICMP 'fragmentation needed' (RFC 1191 §4) or ICMPv6 'packet too big' (RFC 4443 §3.2) about a
/// packet; `None` where there must be none: for ICMP itself, lest errors answer errors, and for
/// what is no IP packet.
///
/// A link has no address, so the packet's destination speaks for the router; hosts believe any
/// sender that quotes their own packet. A router would cut IPv4 packets without DF into fragments;
/// here they are refused like all others.
pub(crate) fn reply(packet: &[u8], mtu: u16) -> Option<Vec<u8>> {
    match packet.first()? >> 4 {
        4 => reply_v4(packet, mtu),
        6 => reply_v6(packet, mtu),
        _ => None,
    }
}

fn reply_v4(packet: &[u8], mtu: u16) -> Option<Vec<u8>> {
    const ICMP: u8 = 1;
    // RFC 1812 §4.3.2.3: as much of the packet as 576 bytes hold.
    const MOST: usize = 576 - 20 - ICMP_HEADER;
    if ip_header_len(packet) < 20 || *packet.get(9)? == ICMP {
        return None;
    }
    let src: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    let dst: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    let fragmentation_needed = DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: mtu };
    let kind = Icmpv4Type::DestinationUnreachable(fragmentation_needed);
    let builder = PacketBuilder::ipv4(dst, src, HOP_LIMIT).icmpv4(kind);
    let quoted = &packet[..packet.len().min(MOST)];
    let mut reply = Vec::with_capacity(builder.size(quoted.len()));
    builder.write(&mut reply, quoted).ok()?;
    Some(reply)
}

fn reply_v6(packet: &[u8], mtu: u16) -> Option<Vec<u8>> {
    const ICMPV6: u8 = 58;
    // RFC 4443 §2.4 (c): as much of the packet as the least MTU of IPv6 holds.
    const MOST: usize = 1_280 - 40 - ICMP_HEADER;
    if *packet.get(6)? == ICMPV6 {
        return None;
    }
    let src: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
    let dst: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
    let kind = Icmpv6Type::PacketTooBig { mtu: mtu.into() };
    let builder = PacketBuilder::ipv6(dst, src, HOP_LIMIT).icmpv6(kind);
    let quoted = &packet[..packet.len().min(MOST)];
    let mut reply = Vec::with_capacity(builder.size(quoted.len()));
    builder.write(&mut reply, quoted).ok()?;
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::layout::ACK;
    use crate::link::sample::{segment, segment_v6};
    use tcp_core::ReceiveChecksum;
    use tcp_core::seq::SeqNumber;
    use tcp_core::wire::{self, IcmpError, IcmpErrorKind, Incoming};

    #[test]
    fn the_core_understands_it() {
        for (write, ends) in [
            (
                segment as fn(u8, &[u8]) -> Vec<u8>,
                ["10.0.0.1:1000", "10.0.0.2:80"],
            ),
            (segment_v6, ["[fd00::1]:1000", "[fd00::2]:80"]),
        ] {
            for payload_len in [20, 5_000] {
                let packet = write(ACK, &vec![7; payload_len]);
                let reply = reply(&packet, 1_300).unwrap();
                assert!(reply.len() <= if packet[0] == 0x45 { 576 } else { 1_280 });
                let [local, remote] = ends.map(|it| it.parse().unwrap());
                let error = IcmpError {
                    kind: IcmpErrorKind::TooBig { mtu: 1_300 },
                    local,
                    remote,
                    seq: SeqNumber::new(1_000),
                };
                let parsed = wire::parse(&reply, ReceiveChecksum::Unchecked);
                assert_eq!(parsed, Ok(Incoming::IcmpError(error)));
            }
        }
    }

    #[test]
    fn as_much_is_quoted_as_fits() {
        let long = [7; 5_000];
        assert_eq!(reply(&segment(ACK, &long), 68).unwrap().len(), 576);
        assert_eq!(reply(&segment_v6(ACK, &long), 1_280).unwrap().len(), 1_280);
        let short = segment(ACK, b"short");
        assert!(reply(&short, 68).unwrap().ends_with(&short));
    }

    #[test]
    fn errors_are_not_answered_and_noise_neither() {
        for write in [segment, segment_v6] {
            let first = reply(&write(ACK, &[0; 2_000]), 500).unwrap();
            assert_eq!(reply(&first, 100), None);
        }
        for noise in [
            &b""[..],
            b"E",
            &[0x45; 19],
            &[0x44; 80],
            &[0x60; 39],
            b"\0\0",
        ] {
            assert_eq!(reply(noise, 100), None);
        }
    }
}
