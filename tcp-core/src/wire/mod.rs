//! Bytes to typed segments, and back.
//!
//! [`parse`] turns an IP packet into an [`Incoming`]: a TCP [`Segment`] or an [`IcmpError`], checked
//! as far as bytes alone can tell. [`emit`] writes a [`Segment`] into a caller's buffer. What is
//! malformed is a [`ParseError`] with its reason; nothing here can panic on any input.

mod checksum;
mod fast_open;
mod fields;
mod flow;
mod icmp;
mod ip;
mod options;
mod plain;
mod segment;
mod tcp;
mod template;

use core::net::{IpAddr, SocketAddr};

pub use fast_open::{Cookie, FastOpenForm, FastOpenOption};
pub use fields::{Fragments, IpFields};
pub use flow::ends;
pub(crate) use plain::{Check, Plain, read as read_plain};
pub(crate) use segment::pieces;
pub use segment::{
    Control, Ecn, Header, Options, Payload, SackBlocks, Segment, Timestamps, WindowScale,
    WireWindow,
};
pub(crate) use tcp::Summed;
pub(crate) use template::{Template, Wagon};

use etherparse::IpNumber;

use crate::error::SoftError;
use crate::event::{ReceiveChecksum, Transmit};
use crate::seq::SeqNumber;
use ip::Extent;

/// What an IP packet turned out to hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Incoming<'a> {
    /// A TCP segment.
    Tcp(TcpPacket<'a>),
    /// An ICMP error about a TCP segment of ours.
    IcmpError(IcmpError),
    /// An ICMP message that is no error about TCP; nothing to do.
    IcmpOther,
}

/// A TCP segment and what its IP header said.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TcpPacket<'a> {
    /// The sender.
    pub src: SocketAddr,
    /// The destination.
    pub dst: SocketAddr,
    /// Diffserv code point, 0 to 63.
    pub dscp: u8,
    /// TTL or hop limit as it arrived.
    pub hop_limit: u8,
    /// The segment.
    pub segment: Segment<'a>,
    /// Whether an option was malformed; those before it are in the segment.
    pub bad_option: bool,
}

/// An ICMP error about a TCP segment that we sent (RFC 792, RFC 4443).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IcmpError {
    /// What happened.
    pub kind: IcmpErrorKind,
    /// Source of the segment that caused it: one of our addresses.
    pub local: SocketAddr,
    /// Destination of the segment that caused it.
    pub remote: SocketAddr,
    /// Sequence number of the segment that caused it.
    pub seq: SeqNumber,
}

/// What an ICMP error says (RFC 9293 §3.9.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IcmpErrorKind {
    /// Network, host or route unreachable, time exceeded, parameter problem: may pass.
    Soft(SoftError),
    /// Protocol or port unreachable, or administratively prohibited: will not pass.
    Hard,
    /// Fragmentation needed, or packet too big: the largest IP packet that passes. A router older
    /// than RFC 1191 says 0.
    TooBig {
        /// Bytes of the largest IP packet.
        mtu: u32,
    },
    /// Source quench, dropped silently (RFC 6633, RFC 9293 MUST-55).
    SourceQuench,
}

/// Why a packet could not be parsed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ParseError {
    /// Neither IPv4 nor IPv6, a header length that cannot be, or a wrong IPv4 header checksum.
    IpHeader,
    /// Shorter than its headers say.
    Truncated,
    /// A fragment of a datagram.
    Fragment,
    /// Neither TCP nor ICMP.
    Protocol,
    /// An ICMP message too short, or with a wrong checksum.
    Icmp,
    /// A TCP header that cannot be: data offset, SYN with FIN, or port 0.
    TcpHeader,
    /// A wrong TCP checksum.
    TcpChecksum,
}

/// Parses an IP packet, up to the length that its header says; what follows is ignored.
///
/// Every checksum is verified (RFC 9293 MUST-3, RFC 1122 §3.2.1.2), except that
/// [`ReceiveChecksum::Verified`] takes the device's word for that of TCP.
pub fn parse(packet: &[u8], checksum: ReceiveChecksum) -> Result<Incoming<'_>, ParseError> {
    let ip = ip::read(packet, Extent::Whole)?;
    match (ip.src, ip.protocol) {
        (_, IpNumber::TCP) => tcp::read(&ip, checksum),
        (IpAddr::V4(_), IpNumber::ICMP) => icmp::read_v4(&ip),
        (IpAddr::V6(_), IpNumber::IPV6_ICMP) => icmp::read_v6(&ip),
        _ => Err(ParseError::Protocol),
    }
}

/// Writes a segment as an IP packet to the start of `buf`, its TCP checksum complete; `None` where
/// it does not fit, or the addresses are of different families.
///
/// Of the SACK blocks, those that find no room beside the other options are left out.
///
/// A segment of several pieces is written as one packet, of the bytes and the length of all of them.
pub fn emit(fields: &IpFields, segment: &Segment<'_>, buf: &mut [u8]) -> Option<Transmit> {
    write(fields, segment, Summed::All, buf)
}

/// As [`emit`], but leaves the TCP checksum to the device: the field holds the pseudo-header's sum, and
/// the payload is copied without being looked at.
pub fn emit_partial(fields: &IpFields, segment: &Segment<'_>, buf: &mut [u8]) -> Option<Transmit> {
    write(fields, segment, Summed::PseudoHeader, buf)
}

/// As [`emit`] or [`emit_partial`].
pub(crate) fn write(
    fields: &IpFields,
    segment: &Segment<'_>,
    summed: Summed,
    buf: &mut [u8],
) -> Option<Transmit> {
    let tcp_len = tcp::len(segment);
    let (header_len, out) = ip::write(fields, segment.header.ecn, tcp_len, buf)?;
    tcp::write(fields, segment, summed, out)?;
    Some(Transmit {
        len: header_len + tcp_len,
        segment_size: segment.segment_size,
        checksum: summed.transmit(header_len),
    })
}

/// Bytes that these options take in a TCP header, padding included; at most 40.
pub fn options_len(options: &Options) -> usize {
    options::len(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TransmitChecksum;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// A segment that owns its bytes.
    #[derive(Clone, Debug)]
    struct Sample {
        fields: IpFields,
        header: Header,
        payload: Vec<u8>,
        /// Where the payload is cut in two.
        cut: usize,
    }

    impl Sample {
        fn segment(&self) -> Segment<'_> {
            let (first, second) = self.payload.split_at(self.cut);
            Segment::new(self.header, Payload::new(first, second))
        }

        fn emit(&self) -> Vec<u8> {
            let mut buf = vec![0xa5; 2_000];
            let transmit = emit(&self.fields, &self.segment(), &mut buf).expect("it fits");
            assert_eq!(transmit.segment_size, None);
            assert_eq!(transmit.checksum, TransmitChecksum::Complete);
            buf.truncate(transmit.len);
            buf
        }
    }

    fn any_fields() -> impl Strategy<Value = IpFields> {
        let pair = prop_oneof![
            any::<[[u8; 4]; 2]>().prop_map(|pair| pair.map(IpAddr::from)),
            any::<[[u8; 16]; 2]>().prop_map(|pair| pair.map(IpAddr::from)),
        ];
        let ports = (1..=u16::MAX, 1..=u16::MAX);
        let fragments = prop_oneof![Just(Fragments::Forbidden), Just(Fragments::Allowed)];
        let identification = (any::<u16>(), fragments);
        (pair, ports, 0u8..64, any::<u8>(), identification).prop_map(
            |([src, dst], ports, dscp, hop_limit, (identification, fragments))| IpFields {
                src: SocketAddr::new(src, ports.0),
                dst: SocketAddr::new(dst, ports.1),
                dscp,
                hop_limit,
                identification,
                fragments,
            },
        )
    }

    fn any_header() -> impl Strategy<Value = Header> {
        let control = prop::sample::select(vec![
            Control::None,
            Control::Syn,
            Control::Fin,
            Control::Rst,
        ]);
        let numbers = any::<(u32, Option<u32>, Option<u16>, u16)>();
        let flags = any::<(bool, bool, bool)>();
        (
            control,
            numbers,
            flags,
            0u8..4,
            options::tests::any_options(),
        )
            .prop_map(
                |(control, (seq, ack, urgent, window), (push, ece, cwr), ecn, options)| Header {
                    control,
                    seq: SeqNumber::new(seq),
                    ack: ack.map(SeqNumber::new),
                    push,
                    urgent,
                    ece,
                    cwr,
                    window: WireWindow::new(window),
                    options,
                    ecn: Ecn::from_bits(ecn),
                },
            )
    }

    fn any_sample(max_payload: usize) -> impl Strategy<Value = Sample> {
        let payload = prop::collection::vec(any::<u8>(), 0..=max_payload);
        (any_fields(), any_header(), payload, 0..=max_payload).prop_map(
            |(fields, header, payload, cut)| Sample {
                fields,
                header,
                cut: cut.min(payload.len()),
                payload,
            },
        )
    }

    /// A SYN as Linux 6 sends it over a TUN device.
    #[rustfmt::skip]
    const LINUX_SYN_V4: [u8; 60] = [
        0x45, 0x00, 0x00, 0x3c, 0xd1, 0x5b, 0x40, 0x00, 0x40, 0x06, 0x55, 0x4c, 0x0a, 0x09, 0x00, 0x01,
        0x0a, 0x09, 0x00, 0x02, 0x8b, 0x0c, 0x00, 0x50, 0x60, 0x4f, 0x43, 0x8e, 0x00, 0x00, 0x00, 0x00,
        0xa0, 0x02, 0xfa, 0xf0, 0xb9, 0x61, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a,
        0x74, 0x6e, 0xdb, 0xed, 0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x0a,
    ];

    /// The same over IPv6.
    #[rustfmt::skip]
    const LINUX_SYN_V6: [u8; 80] = [
        0x60, 0x01, 0x4a, 0x29, 0x00, 0x28, 0x06, 0x40, 0xfd, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xfd, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x8d, 0x08, 0x00, 0x50, 0x4a, 0xcb, 0xea, 0x29,
        0x00, 0x00, 0x00, 0x00, 0xa0, 0x02, 0xfd, 0x20, 0x6f, 0xc6, 0x00, 0x00, 0x02, 0x04, 0x05, 0xa0,
        0x04, 0x02, 0x08, 0x0a, 0xca, 0x68, 0x54, 0x5d, 0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x0a,
    ];

    fn parse_tcp(packet: &[u8]) -> TcpPacket<'_> {
        match parse(packet, ReceiveChecksum::Unchecked) {
            Ok(Incoming::Tcp(packet)) => packet,
            other => panic!("not a segment: {other:?}"),
        }
    }

    fn syn(mss: u16, seq: u32, window: u16, ts: u32) -> Header {
        Header {
            control: Control::Syn,
            window: WireWindow::new(window),
            options: Options {
                mss: Some(mss),
                window_scale: Some(WindowScale::clamped(10)),
                sack_permitted: true,
                timestamps: Some(Timestamps { value: ts, echo: 0 }),
                ..Options::NONE
            },
            ..Header::new(SeqNumber::new(seq))
        }
    }

    #[test]
    fn a_syn_of_linux_is_read_and_written_to_the_byte() {
        let packet = parse_tcp(&LINUX_SYN_V4);
        assert_eq!(packet.src, "10.9.0.1:35596".parse().unwrap());
        assert_eq!(packet.dst, "10.9.0.2:80".parse().unwrap());
        assert_eq!((packet.dscp, packet.hop_limit), (0, 64));
        let header = syn(1_460, 0x604f_438e, 64_240, 0x746e_dbed);
        assert_eq!(packet.segment.header, header);
        assert!(packet.segment.payload.is_empty() && !packet.bad_option);
        let sample = Sample {
            fields: IpFields {
                src: packet.src,
                dst: packet.dst,
                dscp: 0,
                hop_limit: 64,
                identification: 0xd15b,
                fragments: Fragments::Forbidden,
            },
            header,
            payload: vec![],
            cut: 0,
        };
        assert_eq!(sample.emit(), LINUX_SYN_V4);
    }

    #[test]
    fn a_syn_of_linux_over_ipv6_is_read() {
        let packet = parse_tcp(&LINUX_SYN_V6);
        assert_eq!(packet.src, "[fd09::1]:36104".parse().unwrap());
        assert_eq!(packet.dst, "[fd09::2]:80".parse().unwrap());
        assert_eq!((packet.dscp, packet.hop_limit), (0, 64));
        let header = syn(1_440, 0x4acb_ea29, 64_800, 0xca68_545d);
        assert_eq!(packet.segment.header, header);
    }

    #[test]
    fn a_verified_checksum_is_not_looked_at() {
        let mut packet = LINUX_SYN_V4;
        packet[36] ^= 1;
        let unchecked = parse(&packet, ReceiveChecksum::Unchecked);
        assert_eq!(unchecked, Err(ParseError::TcpChecksum));
        let verified = parse(&packet, ReceiveChecksum::Verified);
        assert!(matches!(verified, Ok(Incoming::Tcp(_))));
    }

    #[test]
    fn other_protocols_are_told_apart_from_bad_packets() {
        let mut packet = LINUX_SYN_V6;
        for (protocol, error) in [(17, ParseError::Protocol), (1, ParseError::Protocol)] {
            packet[6] = protocol;
            assert_eq!(parse(&packet, ReceiveChecksum::Unchecked), Err(error));
        }
        packet[6] = 58;
        let icmp = parse(&packet, ReceiveChecksum::Unchecked);
        assert_eq!(icmp, Err(ParseError::Icmp));
    }

    #[test]
    fn a_malformed_option_is_reported_beside_the_segment() {
        let mut packet = LINUX_SYN_V4;
        packet[41] = 0;
        let Ok(Incoming::Tcp(packet)) = parse(&packet, ReceiveChecksum::Verified) else {
            panic!("the segment itself is good");
        };
        assert!(packet.bad_option);
        assert_eq!(packet.segment.header.options, Options::NONE);
    }

    proptest! {
        #[test]
        fn what_is_emitted_parses_to_the_same(sample in any_sample(1_500)) {
            let packet = sample.emit();
            let parsed = parse_tcp(&packet);
            prop_assert_eq!(parsed.src, sample.fields.src);
            prop_assert_eq!(parsed.dst, sample.fields.dst);
            prop_assert_eq!(parsed.dscp, sample.fields.dscp);
            prop_assert_eq!(parsed.hop_limit, sample.fields.hop_limit);
            prop_assert_eq!(parsed.segment, sample.segment());
            prop_assert!(!parsed.bad_option);
        }

        #[test]
        fn a_partial_checksum_is_completed_by_adding_the_rest(sample in any_sample(300)) {
            let whole = sample.emit();
            let mut packet = vec![0xa5; 2_000];
            let transmit = emit_partial(&sample.fields, &sample.segment(), &mut packet);
            let transmit = transmit.expect("it fits");
            packet.truncate(transmit.len);
            let TransmitChecksum::Partial { start, offset } = transmit.checksum else {
                panic!("complete");
            };
            let (start, offset) = (usize::from(start), usize::from(offset));
            let sum = checksum::Sum::default().add(&packet[start..]).checksum();
            packet[start + offset..start + offset + 2].copy_from_slice(&sum);
            prop_assert_eq!(packet, whole);
        }

        /// etherparse reads the same fields and computes the same checksums.
        #[test]
        fn another_parser_agrees(mut sample in any_sample(300)) {
            use etherparse::{NetSlice, SlicedPacket, TransportSlice};

            // It does not know that option.
            sample.header.options.fast_open = None;
            let packet = sample.emit();
            let sliced = SlicedPacket::from_ip(&packet).expect("a valid packet");
            let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
                panic!("not TCP");
            };
            let checksum = match sliced.net {
                Some(NetSlice::Ipv4(ip)) => {
                    let ip = ip.header();
                    let forbids = sample.fields.fragments == Fragments::Forbidden;
                    prop_assert_eq!(ip.dont_fragment(), forbids);
                    prop_assert_eq!(ip.identification(), sample.fields.identification);
                    prop_assert_eq!(ip.header_checksum(), ip.to_header().calc_header_checksum());
                    prop_assert_eq!(ip.dcp().value(), sample.fields.dscp);
                    tcp.calc_checksum_ipv4(ip.source(), ip.destination())
                }
                Some(NetSlice::Ipv6(ip)) => {
                    let ip = ip.header();
                    prop_assert_eq!(ip.dscp().value(), sample.fields.dscp);
                    tcp.calc_checksum_ipv6(ip.source(), ip.destination())
                }
                _ => panic!("not IP"),
            };
            prop_assert_eq!(Ok(tcp.checksum()), checksum);
            prop_assert_eq!(tcp.payload(), &sample.payload[..]);
            let header = &sample.header;
            prop_assert_eq!(tcp.sequence_number(), header.seq.get());
            prop_assert_eq!(tcp.ack(), header.ack.is_some());
            prop_assert_eq!(tcp.window_size(), header.window.get());
            prop_assert_eq!(tcp.options().len(), options_len(&header.options));
            let known = tcp.options_iterator().all(|option| option.is_ok());
            prop_assert!(known, "etherparse understands every option");
        }

        #[test]
        fn any_bytes_parse_without_panic(
            mut packet in prop::collection::vec(any::<u8>(), 0..200),
            version in prop::sample::select(vec![4u8, 6]),
            protocol in prop::sample::select(vec![0u8, 1, 6, 43, 44, 58, 60]),
        ) {
            if let Some(first) = packet.first_mut() {
                *first = version << 4 | (*first & 7).max(5);
            }
            // A length, a protocol and a checksum that lead past the first checks.
            let len = packet.len() as u16;
            if version == 4 && packet.len() >= 28 {
                packet[2..4].copy_from_slice(&len.to_be_bytes());
                packet[6..8].copy_from_slice(&[0, 0]);
                packet[9] = protocol;
                packet[10..12].copy_from_slice(&[0, 0]);
                let header = usize::from(packet[0] & 15) * 4;
                let sum = checksum::Sum::default().add(&packet[..header.min(28)]);
                packet[10..12].copy_from_slice(&sum.checksum());
            } else if version == 6 && packet.len() >= 40 {
                packet[4..6].copy_from_slice(&(len - 40).to_be_bytes());
                packet[6] = protocol;
            }
            for checksum in [ReceiveChecksum::Unchecked, ReceiveChecksum::Verified] {
                if let Ok(Incoming::Tcp(parsed)) = parse(&packet, checksum) {
                    prop_assert!(parsed.segment.payload.len() < packet.len());
                }
            }
        }

        #[test]
        fn a_flipped_bit_does_not_pass(sample in any_sample(100), bit: prop::sample::Index) {
            let mut packet = sample.emit();
            let start = packet.len() - tcp::len(&sample.segment());
            let bit = start * 8 + bit.index((packet.len() - start) * 8);
            packet[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(parse(&packet, ReceiveChecksum::Unchecked).is_err());
        }

        #[test]
        fn no_buffer_is_too_short_to_ask(sample in any_sample(100), room in 0usize..200) {
            let len = sample.emit().len();
            let mut buf = vec![0; room];
            let transmit = emit(&sample.fields, &sample.segment(), &mut buf);
            prop_assert_eq!(transmit.map(|transmit| transmit.len), (room >= len).then_some(len));
        }
    }
}
