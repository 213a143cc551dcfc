//! Which connection a packet is about, before it is parsed.

use core::net::{IpAddr, SocketAddr};

use etherparse::IpNumber;

use super::ip::{self, Extent};
use super::{Incoming, icmp};

/// The two ends of the connection that a packet is about, in some order: of a TCP segment its own, of an
/// ICMP error those of the segment that it quotes. `None` for all else, fragments and malformed packets
/// included.
///
/// No checksum is looked at, so this costs little; whoever has the packet in the end
/// [parses](super::parse) it. Where that finds a segment or an error about one, this has told its ends.
pub fn ends(packet: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let ip = ip::read(packet, Extent::Quoted).ok()?;
    let message = match (ip.src, ip.protocol) {
        (_, IpNumber::TCP) => {
            let [s0, s1, d0, d1, ..] = *ip.payload else {
                return None;
            };
            let src = SocketAddr::new(ip.src, u16::from_be_bytes([s0, s1]));
            let dst = SocketAddr::new(ip.dst, u16::from_be_bytes([d0, d1]));
            return Some((src, dst));
        }
        (IpAddr::V4(_), IpNumber::ICMP) => icmp::interpret_v4(&ip),
        (IpAddr::V6(_), IpNumber::IPV6_ICMP) => icmp::interpret_v6(&ip),
        _ => return None,
    };
    match message {
        Ok(Incoming::IcmpError(error)) => Some((error.local, error.remote)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ReceiveChecksum;
    use crate::seq::SeqNumber;
    use crate::wire::checksum::Sum;
    use crate::wire::{self, Fragments, Header, IpFields, Payload, Segment};
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// What [`wire::parse`] finds of the ends.
    fn parsed(packet: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
        match wire::parse(packet, ReceiveChecksum::Verified) {
            Ok(Incoming::Tcp(packet)) => Some((packet.src, packet.dst)),
            Ok(Incoming::IcmpError(error)) => Some((error.local, error.remote)),
            _ => None,
        }
    }

    fn segment(src: SocketAddr, dst: SocketAddr) -> Vec<u8> {
        let fields = IpFields {
            src,
            dst,
            dscp: 0,
            hop_limit: 64,
            identification: 0,
            fragments: Fragments::Forbidden,
        };
        let segment = Segment::new(Header::new(SeqNumber::new(7)), Payload::EMPTY);
        let mut buf = vec![0; 200];
        let len = wire::emit(&fields, &segment, &mut buf).unwrap().len;
        buf.truncate(len);
        buf
    }

    /// A router's complaint about a packet of ours (RFC 792, "fragmentation needed"; RFC 4443, "packet
    /// too big").
    fn complaint(v6: bool, quoted: &[u8]) -> Vec<u8> {
        let router: IpAddr = if v6 {
            [0xfd; 16].into()
        } else {
            [192, 0, 2, 1].into()
        };
        let (kind, code) = if v6 { (2, 0) } else { (3, 4) };
        let mut message = vec![kind, code, 0, 0, 0, 0, 5, 0];
        message.extend(quoted);
        let pseudo = match v6 {
            true => Sum::pseudo_header(router, router, 58, message.len()),
            false => Sum::default(),
        };
        let checksum = pseudo.add(&message).checksum();
        message[2..4].copy_from_slice(&checksum);
        let mut packet = match v6 {
            false => {
                let len = 20 + message.len() as u8;
                let mut header = vec![0x45, 0, 0, len, 0, 0, 0, 0, 64, 1, 0, 0];
                header.extend([192, 0, 2, 1, 10, 0, 0, 1]);
                let checksum = Sum::default().add(&header).checksum();
                header[10..12].copy_from_slice(&checksum);
                header
            }
            true => {
                let mut header = vec![0x60, 0, 0, 0, 0, message.len() as u8, 58, 64];
                header.extend([0xfd; 32]);
                header
            }
        };
        packet.extend(message);
        packet
    }

    fn ports_apart(v6: bool) -> (SocketAddr, SocketAddr) {
        let addr = |text: &str| text.parse().unwrap();
        match v6 {
            false => (addr("10.0.0.1:80"), addr("10.0.0.2:4000")),
            true => (addr("[fd00::1]:80"), addr("[fd00::2]:4000")),
        }
    }

    #[test]
    fn segments_and_complaints_about_them_have_the_same_ends() {
        for v6 in [false, true] {
            let (ours, theirs) = ports_apart(v6);
            let packet = segment(ours, theirs);
            assert_eq!(ends(&packet), Some((ours, theirs)));
            assert_eq!(ends(&complaint(v6, &packet)), Some((ours, theirs)));
            assert_eq!(parsed(&complaint(v6, &packet)), Some((ours, theirs)));
            // A router quotes as little as this.
            let header_len = packet.len() - 20;
            let quoted = &packet[..header_len + 8];
            assert_eq!(ends(&complaint(v6, quoted)), Some((ours, theirs)));
            assert_eq!(ends(&complaint(v6, &quoted[..header_len + 7])), None);
        }
    }

    #[test]
    fn what_is_about_no_connection_has_no_ends() {
        let (ours, theirs) = ports_apart(false);
        let mut fragment = segment(ours, theirs);
        fragment[6] = 0x20;
        let mut datagram = segment(ours, theirs);
        datagram[9] = 17;
        let mut echo = complaint(false, &segment(ours, theirs));
        echo[20] = 8;
        for packet in [&fragment[..], &datagram, &echo, &[], &[0x45], &[0xff; 60]] {
            assert_eq!(ends(packet), None, "{packet:?}");
        }
    }

    proptest! {
        /// So nobody gets a packet whose connection is somebody else's.
        #[test]
        fn what_parses_has_these_ends(
            v6: bool,
            is_complaint: bool,
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            len in any::<prop::sample::Index>(),
            is_cut: bool,
        ) {
            let (ours, theirs) = ports_apart(v6);
            let mut packet = segment(ours, theirs);
            for (at, value) in flips {
                let at = at.index(packet.len());
                packet[at] = value;
            }
            if is_cut {
                packet.truncate(len.index(packet.len()));
            }
            if is_complaint {
                packet = complaint(v6, &packet);
            }
            if let Some(parsed) = parsed(&packet) {
                prop_assert_eq!(ends(&packet), Some(parsed));
            }
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            if let Some(parsed) = parsed(&bytes) {
                prop_assert_eq!(ends(&bytes), Some(parsed));
            }
        }
    }
}
