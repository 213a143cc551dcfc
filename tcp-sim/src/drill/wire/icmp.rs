//! ICMP errors of a script as bytes (RFC 792, RFC 4443).

use std::net::IpAddr;

use etherparse::{Icmpv4Type, Icmpv6Type, IpNumber};

use super::encode::{header, ipv4, ipv6};
use super::{BuildError, Ends};
use crate::drill::packet::{IpInfo, TcpBody};

/// As much of a TCP header as an error must quote, and here does.
const QUOTED: usize = 8;

/// The segment that an error quotes: its ends, and what it said.
pub struct Quote<'a> {
    /// The sender, who gets the error, and whom it was for.
    pub ends: Ends,
    /// The segment.
    pub body: &'a TcpBody,
}

/// An ICMP error of this type, code and MTU, from the quoted segment's destination.
pub fn icmp(
    numbers: (u8, u8),
    mtu: u32,
    ip: IpInfo,
    quote: &Quote<'_>,
) -> Result<Vec<u8>, BuildError> {
    let Ends { src, dst } = quote.ends;
    let tcp = header(quote.ends, quote.body)?;
    let quoted_len = tcp.header_len() + quote.body.seq.len() as usize;
    let tcp = &tcp.to_bytes()[..QUOTED];
    let plain = IpInfo::default();
    match (src.ip(), dst.ip()) {
        (IpAddr::V4(local), IpAddr::V4(remote)) => {
            let (local, remote) = (local.octets(), remote.octets());
            let quoted = ipv4(local, remote, plain, IpNumber::TCP, quoted_len)?;
            let payload = [&quoted.to_bytes()[..], tcp].concat();
            let mtu = u16::try_from(mtu).unwrap_or(u16::MAX).to_be_bytes();
            let message = Icmpv4Type::Unknown {
                type_u8: numbers.0,
                code_u8: numbers.1,
                bytes5to8: [0, 0, mtu[0], mtu[1]],
            };
            let message = etherparse::Icmpv4Header::with_checksum(message, &payload);
            let len = message.header_len() + payload.len();
            let ip = ipv4(remote, local, ip, IpNumber::ICMP, len)?;
            Ok([&ip.to_bytes()[..], &message.to_bytes(), &payload].concat())
        }
        (IpAddr::V6(local), IpAddr::V6(remote)) => {
            let (local, remote) = (local.octets(), remote.octets());
            let quoted = ipv6(local, remote, plain, IpNumber::TCP, quoted_len)?;
            let payload = [&quoted.to_bytes()[..], tcp].concat();
            let message = Icmpv6Type::Unknown {
                type_u8: numbers.0,
                code_u8: numbers.1,
                bytes5to8: mtu.to_be_bytes(),
            };
            let message = etherparse::Icmpv6Header::with_checksum(message, remote, local, &payload)
                .map_err(|_| BuildError::Payload(payload.len()))?;
            let len = message.header_len() + payload.len();
            let ip = ipv6(remote, local, ip, IpNumber::IPV6_ICMP, len)?;
            Ok([&ip.to_bytes()[..], &message.to_bytes(), &payload].concat())
        }
        (src, dst) => Err(BuildError::Versions(src, dst)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::packet::{Flags, OptionsSpec, SeqRange};
    use tcp_core::ReceiveChecksum;
    use tcp_core::wire::{IcmpErrorKind, Incoming, parse};

    #[test]
    fn the_stack_understands_what_is_quoted() {
        let body = TcpBody {
            flags: Flags::ACK,
            seq: SeqRange {
                start: 77,
                end: 1_537,
            },
            ack: Some(1),
            window: None,
            urgent: None,
            options: OptionsSpec::List(vec![]),
        };
        let cases = [
            ("192.168.0.1:8080", "192.0.2.1:99", (3, 4)),
            ("[fd3d::1]:8080", "[fd3d::2]:99", (2, 0)),
        ];
        for (src, dst, numbers) in cases {
            let ends = Ends {
                src: src.parse().unwrap(),
                dst: dst.parse().unwrap(),
            };
            let quote = Quote { ends, body: &body };
            let bytes = icmp(numbers, 1_300, IpInfo::default(), &quote).unwrap();
            let Ok(Incoming::IcmpError(error)) = parse(&bytes, ReceiveChecksum::Unchecked) else {
                panic!("{bytes:x?}");
            };
            assert_eq!(error.kind, IcmpErrorKind::TooBig { mtu: 1_300 });
            assert_eq!((error.local, error.remote), (ends.src, ends.dst));
            assert_eq!(error.seq.get(), 77);
        }
    }
}
