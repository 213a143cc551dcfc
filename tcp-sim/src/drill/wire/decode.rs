//! What the stack sent, as a packet of a script.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, TcpHeader};

use super::{Ends, options};
use crate::drill::packet::{
    Body, Direction, EcnMark, Flags, IpInfo, OptionsSpec, Packet, SeqRange, TcpBody,
};
use crate::drill::span::Span;

/// A TCP packet that was seen, in the wire's numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Live {
    /// Who sent it to whom.
    pub ends: Ends,
    /// What its IP header says.
    pub ip: IpInfo,
    /// What it says.
    pub tcp: TcpBody,
}

impl Live {
    /// As a line of a script.
    pub fn packet(&self) -> Packet {
        Packet {
            direction: Direction::Outbound,
            outer: Vec::new(),
            ip: self.ip,
            ports: None,
            body: Body::Tcp(self.tcp.clone()),
            span: Span::default(),
        }
    }
}

/// The TCP packet that these bytes are; `None` where they are none.
pub fn decode(bytes: &[u8]) -> Option<Live> {
    let (src, dst, ip, segment) = match bytes.first()? >> 4 {
        4 => {
            let (header, payload) = Ipv4Header::from_slice(bytes).ok()?;
            let len = usize::from(header.payload_len().ok()?);
            if header.protocol != IpNumber::TCP {
                return None;
            }
            let ip = IpInfo {
                ecn: Some(mark(header.ecn.value())),
                tos: Some(header.dscp.value() << 2 | header.ecn.value()),
                ttl: Some(header.time_to_live),
                flow_label: None,
            };
            let (src, dst) = (
                IpAddr::from(header.source),
                IpAddr::from(header.destination),
            );
            (src, dst, ip, payload.get(..len)?)
        }
        _ => {
            let (header, payload) = Ipv6Header::from_slice(bytes).ok()?;
            if header.next_header != IpNumber::TCP {
                return None;
            }
            let ip = IpInfo {
                ecn: Some(mark(header.traffic_class & 3)),
                tos: Some(header.traffic_class),
                ttl: Some(header.hop_limit),
                flow_label: Some(header.flow_label.value()),
            };
            let (src, dst) = (
                IpAddr::from(header.source),
                IpAddr::from(header.destination),
            );
            let len = usize::from(header.payload_length);
            (src, dst, ip, payload.get(..len)?)
        }
    };
    let (header, payload) = TcpHeader::from_slice(segment).ok()?;
    Some(Live {
        ends: Ends {
            src: SocketAddr::new(src, header.source_port),
            dst: SocketAddr::new(dst, header.destination_port),
        },
        ip,
        tcp: body(&header, payload.len() as u32),
    })
}

fn mark(ecn: u8) -> EcnMark {
    match ecn & 3 {
        0 => EcnMark::NotEct,
        1 => EcnMark::Ect1,
        2 => EcnMark::Ect0,
        _ => EcnMark::Ce,
    }
}

fn body(header: &TcpHeader, len: u32) -> TcpBody {
    TcpBody {
        flags: flags(header),
        seq: SeqRange {
            start: header.sequence_number,
            end: header.sequence_number.wrapping_add(len),
        },
        ack: header.ack.then_some(header.acknowledgment_number),
        window: Some(header.window_size),
        urgent: (header.urg || header.urgent_pointer > 0).then_some(header.urgent_pointer),
        options: OptionsSpec::List(options::read(header.options.as_slice())),
    }
}

fn flags(header: &TcpHeader) -> Flags {
    let set = [
        (header.fin, Flags::FIN),
        (header.syn, Flags::SYN),
        (header.rst, Flags::RST),
        (header.psh, Flags::PSH),
        (header.ack, Flags::ACK),
        (header.urg, Flags::URG),
        (header.ece, Flags::ECE),
        (header.cwr, Flags::CWR),
        (header.ns, Flags::AE),
    ];
    set.into_iter()
        .filter(|(is_set, _)| *is_set)
        .fold(Flags::NONE, |all, (_, flag)| all | flag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::packet::TcpOption;
    use crate::drill::wire::tcp;
    use tcp_core::ReceiveChecksum;
    use tcp_core::wire::{Incoming, parse};

    fn body() -> TcpBody {
        TcpBody {
            flags: Flags::PSH | Flags::ACK | Flags::ECE,
            seq: SeqRange {
                start: u32::MAX,
                end: 999,
            },
            ack: Some(5),
            window: Some(257),
            urgent: None,
            options: OptionsSpec::List(vec![
                TcpOption::Nop,
                TcpOption::Nop,
                TcpOption::Timestamps { value: 7, echo: 8 },
            ]),
        }
    }

    #[test]
    fn what_was_written_is_read_by_us_and_by_the_stack() {
        for (src, dst) in [
            ("192.0.2.1:99", "192.168.0.1:8080"),
            ("[fd3d::2]:99", "[fd3d::1]:8080"),
        ] {
            let ends = Ends {
                src: src.parse().unwrap(),
                dst: dst.parse().unwrap(),
            };
            let ip = IpInfo {
                ecn: Some(EcnMark::Ce),
                tos: Some(0x13),
                ttl: Some(17),
                flow_label: ends.src.is_ipv6().then_some(0x12345),
            };
            let bytes = tcp(ends, ip, &body()).unwrap();
            let live = decode(&bytes).unwrap();
            assert_eq!((live.ends, live.ip, &live.tcp), (ends, ip, &body()));
            let Ok(Incoming::Tcp(packet)) = parse(&bytes, ReceiveChecksum::Unchecked) else {
                panic!("the stack does not take it");
            };
            assert_eq!((packet.hop_limit, packet.dscp), (17, 4));
            assert_eq!(packet.segment.payload.len(), 1_000);
        }
    }

    #[test]
    fn other_bytes_are_no_segment() {
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[0x45; 19]), None);
        assert_eq!(decode(&[0x60; 60]), None);
    }
}
