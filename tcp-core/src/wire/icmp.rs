//! ICMP errors about segments of ours (RFC 792, RFC 4443).
//!
//! What an error means to a connection follows RFC 9293 §3.9.2.2 and RFC 1122 §4.2.3.9: soft errors
//! are advice, hard ones may end a connection. RFC 5461 explains why a code that is not known to be
//! hard had better be soft.

use core::net::SocketAddr;

use etherparse::IpNumber;

use super::checksum::Sum;
use super::ip::{self, Extent, IpPacket};
use super::{IcmpError, IcmpErrorKind, Incoming, ParseError};
use crate::error::SoftError;
use crate::seq::SeqNumber;

/// Reads an ICMPv4 message.
pub(super) fn read_v4(packet: &IpPacket<'_>) -> Result<Incoming<'static>, ParseError> {
    check(packet.payload, Sum::default())?;
    interpret_v4(packet)
}

/// Reads an ICMPv6 message, whose checksum covers a pseudo-header (RFC 4443 §2.3).
pub(super) fn read_v6(packet: &IpPacket<'_>) -> Result<Incoming<'static>, ParseError> {
    let protocol = IpNumber::IPV6_ICMP.0;
    let pseudo = Sum::pseudo_header(packet.src, packet.dst, protocol, packet.payload.len());
    check(packet.payload, pseudo)?;
    interpret_v6(packet)
}

/// As [`read_v4`], but takes the checksum for good.
pub(super) fn interpret_v4(packet: &IpPacket<'_>) -> Result<Incoming<'static>, ParseError> {
    let message = Message::read(packet.payload)?;
    match kind_v4(&message) {
        Some(kind) => read_quoted(packet, kind, message.quoted),
        None => Ok(Incoming::IcmpOther),
    }
}

/// As [`read_v6`], but takes the checksum for good.
pub(super) fn interpret_v6(packet: &IpPacket<'_>) -> Result<Incoming<'static>, ParseError> {
    let message = Message::read(packet.payload)?;
    match kind_v6(&message) {
        Some(kind) => read_quoted(packet, kind, message.quoted),
        None => Ok(Incoming::IcmpOther),
    }
}

fn check(message: &[u8], pseudo: Sum) -> Result<(), ParseError> {
    match pseudo.add(message).is_intact() {
        true => Ok(()),
        false => Err(ParseError::Icmp),
    }
}

/// An ICMP message as both versions lay it out.
struct Message<'a> {
    kind: u8,
    code: u8,
    /// The word after the checksum, whose meaning depends on the type.
    word: [u8; 4],
    /// In an error: the beginning of the packet that caused it.
    quoted: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Message<'a>, ParseError> {
        match *bytes {
            [kind, code, _, _, a, b, c, d, ref quoted @ ..] => Ok(Message {
                kind,
                code,
                word: [a, b, c, d],
                quoted,
            }),
            _ => Err(ParseError::Icmp),
        }
    }
}

/// What an ICMPv4 error says; `None` for other messages.
fn kind_v4(message: &Message<'_>) -> Option<IcmpErrorKind> {
    const DESTINATION_UNREACHABLE: u8 = 3;
    const SOURCE_QUENCH: u8 = 4;
    const TIME_EXCEEDED: u8 = 11;
    const PARAMETER_PROBLEM: u8 = 12;
    match (message.kind, message.code) {
        // Fragmentation needed and DF set; the lower half is the next hop's MTU (RFC 1191 §4).
        (DESTINATION_UNREACHABLE, 4) => {
            let [_, _, high, low] = message.word;
            Some(IcmpErrorKind::TooBig {
                mtu: u32::from(u16::from_be_bytes([high, low])),
            })
        }
        // Protocol, port; network, host and communication administratively prohibited.
        (DESTINATION_UNREACHABLE, 2 | 3 | 9 | 10 | 13) => Some(IcmpErrorKind::Hard),
        // Network unreachable, unknown, unreachable for this type of service.
        (DESTINATION_UNREACHABLE, 0 | 6 | 11) => soft(SoftError::NetworkUnreachable),
        (DESTINATION_UNREACHABLE, _) => soft(SoftError::HostUnreachable),
        (TIME_EXCEEDED, _) => soft(SoftError::TimeExceeded),
        (PARAMETER_PROBLEM, _) => soft(SoftError::ParameterProblem),
        (SOURCE_QUENCH, _) => Some(IcmpErrorKind::SourceQuench),
        _ => None,
    }
}

/// What an ICMPv6 error says; `None` for other messages.
fn kind_v6(message: &Message<'_>) -> Option<IcmpErrorKind> {
    const DESTINATION_UNREACHABLE: u8 = 1;
    const PACKET_TOO_BIG: u8 = 2;
    const TIME_EXCEEDED: u8 = 3;
    const PARAMETER_PROBLEM: u8 = 4;
    match (message.kind, message.code) {
        // Administratively prohibited, port.
        (DESTINATION_UNREACHABLE, 1 | 4) => Some(IcmpErrorKind::Hard),
        // No route.
        (DESTINATION_UNREACHABLE, 0) => soft(SoftError::NetworkUnreachable),
        (DESTINATION_UNREACHABLE, _) => soft(SoftError::HostUnreachable),
        (TIME_EXCEEDED, _) => soft(SoftError::TimeExceeded),
        (PARAMETER_PROBLEM, _) => soft(SoftError::ParameterProblem),
        (PACKET_TOO_BIG, _) => Some(IcmpErrorKind::TooBig {
            mtu: u32::from_be_bytes(message.word),
        }),
        _ => None,
    }
}

fn soft(error: SoftError) -> Option<IcmpErrorKind> {
    Some(IcmpErrorKind::Soft(error))
}

/// Reads what an error quotes: our IP header and at least eight bytes of our TCP header
/// (RFC 792), which hold the ports and the sequence number.
fn read_quoted(
    packet: &IpPacket<'_>,
    kind: IcmpErrorKind,
    quoted: &[u8],
) -> Result<Incoming<'static>, ParseError> {
    let ip = ip::read(quoted, Extent::Quoted).map_err(|_| ParseError::Icmp)?;
    if ip.src.is_ipv4() != packet.src.is_ipv4() {
        return Err(ParseError::Icmp);
    }
    if ip.protocol != IpNumber::TCP {
        return Ok(Incoming::IcmpOther);
    }
    match *ip.payload {
        [s0, s1, d0, d1, q0, q1, q2, q3, ..] => Ok(Incoming::IcmpError(IcmpError {
            kind,
            local: SocketAddr::new(ip.src, u16::from_be_bytes([s0, s1])),
            remote: SocketAddr::new(ip.dst, u16::from_be_bytes([d0, d1])),
            seq: SeqNumber::new(u32::from_be_bytes([q0, q1, q2, q3])),
        })),
        _ => Err(ParseError::Icmp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Ecn;
    use alloc::vec::Vec;
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    const OUR_PORT: u16 = 40_000;
    const SEQ: u32 = 0x1234_5678;
    const ROUTER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254));
    const LOCAL_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const REMOTE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
    const LOCAL_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    const REMOTE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 7));

    /// Ports and sequence number: the eight bytes of TCP that an error must quote.
    fn tcp_start() -> Vec<u8> {
        let mut bytes = Vec::from(OUR_PORT.to_be_bytes());
        bytes.extend(80u16.to_be_bytes());
        bytes.extend(SEQ.to_be_bytes());
        bytes
    }

    /// A quoted IPv4 packet: TTL changed on the way, so its checksum is stale; with one word of
    /// options; longer than what is quoted.
    fn quoted_v4() -> Vec<u8> {
        let mut bytes = Vec::from([0x46, 0, 5, 0xdc, 0, 1, 0x40, 0, 3, 6, 0xab, 0xcd]);
        bytes.extend([192, 0, 2, 1, 198, 51, 100, 7]);
        bytes.extend([1, 1, 1, 0]);
        bytes.extend(tcp_start());
        bytes
    }

    /// A quoted IPv6 packet with a destination options header before TCP.
    fn quoted_v6() -> Vec<u8> {
        let mut bytes = Vec::from([0x60, 0, 0, 0, 5, 0xdc, 60, 3]);
        for addr in [LOCAL_V6, REMOTE_V6] {
            if let IpAddr::V6(addr) = addr {
                bytes.extend(addr.octets());
            }
        }
        bytes.extend([6, 0, 1, 4, 0, 0, 0, 0]);
        bytes.extend(tcp_start());
        bytes
    }

    fn packet(src: IpAddr, dst: IpAddr, payload: &[u8]) -> IpPacket<'_> {
        IpPacket {
            src,
            dst,
            dscp: 0,
            ecn: Ecn::NotCapable,
            hop_limit: 64,
            protocol: IpNumber::ICMP,
            payload,
        }
    }

    fn message(kind: u8, code: u8, word: u32, quoted: &[u8], pseudo: Sum) -> Vec<u8> {
        let mut bytes = Vec::from([kind, code, 0, 0]);
        bytes.extend(word.to_be_bytes());
        bytes.extend(quoted);
        let checksum = pseudo.add(&bytes).checksum();
        bytes[2..4].copy_from_slice(&checksum);
        bytes
    }

    fn v4(kind: u8, code: u8, word: u32, quoted: &[u8]) -> Result<Incoming<'static>, ParseError> {
        let bytes = message(kind, code, word, quoted, Sum::default());
        read_v4(&packet(ROUTER_V4, LOCAL_V4, &bytes))
    }

    fn v6(kind: u8, code: u8, word: u32, quoted: &[u8]) -> Result<Incoming<'static>, ParseError> {
        let pseudo = Sum::pseudo_header(REMOTE_V6, LOCAL_V6, 58, 8 + quoted.len());
        let bytes = message(kind, code, word, quoted, pseudo);
        read_v6(&packet(REMOTE_V6, LOCAL_V6, &bytes))
    }

    fn error_v4(kind: IcmpErrorKind) -> Result<Incoming<'static>, ParseError> {
        Ok(Incoming::IcmpError(IcmpError {
            kind,
            local: SocketAddr::new(LOCAL_V4, OUR_PORT),
            remote: SocketAddr::new(REMOTE_V4, 80),
            seq: SeqNumber::new(SEQ),
        }))
    }

    fn error_v6(kind: IcmpErrorKind) -> Result<Incoming<'static>, ParseError> {
        Ok(Incoming::IcmpError(IcmpError {
            kind,
            local: SocketAddr::new(LOCAL_V6, OUR_PORT),
            remote: SocketAddr::new(REMOTE_V6, 80),
            seq: SeqNumber::new(SEQ),
        }))
    }

    #[test]
    fn icmpv4_errors_are_soft_or_hard_as_rfc_9293_says() {
        for code in 0..=16 {
            let kind = match code {
                4 => IcmpErrorKind::TooBig { mtu: 1_400 },
                2 | 3 | 9 | 10 | 13 => IcmpErrorKind::Hard,
                0 | 6 | 11 => IcmpErrorKind::Soft(SoftError::NetworkUnreachable),
                _ => IcmpErrorKind::Soft(SoftError::HostUnreachable),
            };
            assert_eq!(v4(3, code, 1_400, &quoted_v4()), error_v4(kind), "{code}");
        }
        for (kind, soft) in [
            (11, SoftError::TimeExceeded),
            (12, SoftError::ParameterProblem),
        ] {
            let soft = error_v4(IcmpErrorKind::Soft(soft));
            assert_eq!(v4(kind, 0, 0, &quoted_v4()), soft);
            assert_eq!(v4(kind, 1, 0, &quoted_v4()), soft);
        }
        let quench = error_v4(IcmpErrorKind::SourceQuench);
        assert_eq!(v4(4, 0, 0, &quoted_v4()), quench);
    }

    #[test]
    fn icmpv6_errors_are_soft_or_hard_as_rfc_9293_says() {
        for code in 0..=8 {
            let kind = match code {
                1 | 4 => IcmpErrorKind::Hard,
                0 => IcmpErrorKind::Soft(SoftError::NetworkUnreachable),
                _ => IcmpErrorKind::Soft(SoftError::HostUnreachable),
            };
            assert_eq!(v6(1, code, 0, &quoted_v6()), error_v6(kind), "{code}");
        }
        for (kind, soft) in [
            (3, SoftError::TimeExceeded),
            (4, SoftError::ParameterProblem),
        ] {
            let soft = error_v6(IcmpErrorKind::Soft(soft));
            assert_eq!(v6(kind, 0, 0, &quoted_v6()), soft);
        }
        let too_big = IcmpErrorKind::TooBig { mtu: 70_000 };
        assert_eq!(v6(2, 0, 70_000, &quoted_v6()), error_v6(too_big));
    }

    #[test]
    fn other_messages_are_left_alone() {
        assert_eq!(v4(8, 0, 1, b"ping"), Ok(Incoming::IcmpOther));
        assert_eq!(v4(5, 1, 1, &quoted_v4()), Ok(Incoming::IcmpOther));
        assert_eq!(v6(128, 0, 1, b"ping"), Ok(Incoming::IcmpOther));
        let mut udp = quoted_v4();
        udp[9] = 17;
        assert_eq!(v4(3, 3, 0, &udp), Ok(Incoming::IcmpOther));
    }

    #[test]
    fn what_is_too_short_is_malformed() {
        for quoted in [&quoted_v4(), &quoted_v6()] {
            let len = quoted.len();
            assert_eq!(v4(3, 0, 0, &quoted[..len - 1]), Err(ParseError::Icmp));
            assert_eq!(v6(1, 0, 0, &quoted[..len - 1]), Err(ParseError::Icmp));
        }
        assert_eq!(v4(3, 0, 0, &[]), Err(ParseError::Icmp));
        for len in 0..8 {
            let bytes = [0xff; 8];
            let short = packet(ROUTER_V4, LOCAL_V4, &bytes[..len]);
            assert_eq!(read_v4(&short), Err(ParseError::Icmp));
        }
    }

    #[test]
    fn a_version_that_is_not_the_messages_own_is_malformed() {
        assert_eq!(v4(3, 0, 0, &quoted_v6()), Err(ParseError::Icmp));
        assert_eq!(v6(1, 0, 0, &quoted_v4()), Err(ParseError::Icmp));
    }

    #[test]
    fn a_flipped_bit_is_malformed() {
        let bytes = message(3, 1, 0, &quoted_v4(), Sum::default());
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let packet = packet(ROUTER_V4, LOCAL_V4, &bytes);
            assert_eq!(read_v4(&packet), Err(ParseError::Icmp));
        }
    }

    #[test]
    fn the_icmpv6_checksum_covers_the_addresses() {
        let pseudo = Sum::pseudo_header(REMOTE_V6, LOCAL_V6, 58, 8 + quoted_v6().len());
        let bytes = message(1, 0, 0, &quoted_v6(), pseudo);
        assert_eq!(
            read_v6(&packet(REMOTE_V6, REMOTE_V6, &bytes)),
            Err(ParseError::Icmp)
        );
    }
}
