//! IPv4 and IPv6 headers (RFC 791, RFC 8200).

use core::net::IpAddr;

use etherparse::{
    IpDscp, IpEcn, IpNumber, Ipv4Header, Ipv4HeaderSlice, Ipv6FlowLabel, Ipv6FragmentHeaderSlice,
    Ipv6Header, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, err,
};

use super::checksum::Sum;
use super::{Ecn, Fragments, IpFields, ParseError};

/// Extension headers that a packet may have. Honest ones have one or two; a bound keeps a packet
/// full of them from costing more than others.
const MAX_EXTENSIONS: usize = 8;

/// DF in the byte that holds an IPv4 header's flags.
const DONT_FRAGMENT: u8 = 0x40;

/// An IP packet with its header read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct IpPacket<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// Diffserv code point, 0 to 63.
    pub(super) dscp: u8,
    pub(super) ecn: Ecn,
    pub(super) hop_limit: u8,
    /// What the payload is, extension headers passed.
    pub(super) protocol: IpNumber,
    /// What follows the headers, up to where the packet ends by its own account.
    pub(super) payload: &'a [u8],
}

/// How much of a packet there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// Its beginning, as an ICMP error quotes it: the length field promises more than there is, and
    /// routers on the way have changed what the header checksum covers.
    Quoted,
}

/// Reads the IP header; fragments are refused, trailing bytes ignored.
pub(super) fn read(packet: &[u8], extent: Extent) -> Result<IpPacket<'_>, ParseError> {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => read_v4(packet, extent),
        Some(6) => read_v6(packet, extent),
        _ => Err(ParseError::IpHeader),
    }
}

fn read_v4(packet: &[u8], extent: Extent) -> Result<IpPacket<'_>, ParseError> {
    let header = Ipv4HeaderSlice::from_slice(packet).map_err(|error| match error {
        err::ipv4::HeaderSliceError::Len(_) => ParseError::Truncated,
        err::ipv4::HeaderSliceError::Content(_) => ParseError::IpHeader,
    })?;
    let header_len = header.slice().len();
    let end = match extent {
        Extent::Whole => {
            // RFC 1122 §3.2.1.2: a wrong checksum means the packet may not even be for us.
            if !Sum::default().add(header.slice()).is_intact() {
                return Err(ParseError::IpHeader);
            }
            v4_end(header.total_len(), packet)
        }
        Extent::Quoted => packet.len(),
    };
    if end < header_len {
        return Err(ParseError::IpHeader);
    }
    let payload = packet.get(header_len..end).ok_or(ParseError::Truncated)?;
    if header.is_fragmenting_payload() {
        return Err(ParseError::Fragment);
    }
    Ok(IpPacket {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        dscp: header.dcp().value(),
        ecn: Ecn::from_bits(header.ecn().value()),
        hop_limit: header.ttl(),
        protocol: header.protocol(),
        payload,
    })
}

/// What the header of an IPv4 packet of `len` bytes says of its length: of one that is longer than it can say, nothing
/// (Linux's BIG TCP).
fn v4_length(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(0)
}

/// Where an IPv4 packet ends by its own account.
fn v4_end(total_len: u16, packet: &[u8]) -> usize {
    match total_len {
        0 if packet.len() > usize::from(u16::MAX) => packet.len(),
        len => len.into(),
    }
}

fn read_v6(packet: &[u8], extent: Extent) -> Result<IpPacket<'_>, ParseError> {
    let header = Ipv6HeaderSlice::from_slice(packet).map_err(|error| match error {
        err::ipv6::HeaderSliceError::Len(_) => ParseError::Truncated,
        err::ipv6::HeaderSliceError::Content(_) => ParseError::IpHeader,
    })?;
    let end = match extent {
        Extent::Whole => Ipv6Header::LEN + usize::from(header.payload_length()),
        Extent::Quoted => packet.len(),
    };
    let payload = packet
        .get(Ipv6Header::LEN..end)
        .ok_or(ParseError::Truncated)?;
    let (protocol, payload) = skip_extensions(header.next_header(), payload)?;
    Ok(IpPacket {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        dscp: header.dscp().value(),
        ecn: Ecn::from_bits(header.ecn().value()),
        hop_limit: header.hop_limit(),
        protocol,
        payload,
    })
}

/// Walks IPv6 extension headers (RFC 8200 §4) to the upper layer's protocol and bytes.
fn skip_extensions(first: IpNumber, bytes: &[u8]) -> Result<(IpNumber, &[u8]), ParseError> {
    let mut next = first;
    let mut rest = bytes;
    for position in 0..=MAX_EXTENSIONS {
        let (after, len) = match next {
            // RFC 8200 §4.1: hop-by-hop options come first or not at all.
            IpNumber::IPV6_HEADER_HOP_BY_HOP if position == 0 => skip_options(rest)?,
            IpNumber::IPV6_DESTINATION_OPTIONS => skip_options(rest)?,
            IpNumber::IPV6_ROUTE_HEADER => skip_routing(rest)?,
            IpNumber::IPV6_FRAGMENTATION_HEADER => skip_atomic_fragment(rest)?,
            _ => return Ok((next, rest)),
        };
        next = after;
        rest = rest.get(len..).ok_or(ParseError::Truncated)?;
    }
    Err(ParseError::IpHeader)
}

/// What follows an options header, and the header's length. An option that asks for the packet to
/// be discarded by who does not know it has its way (RFC 8200 §4.2); we know none but padding.
fn skip_options(bytes: &[u8]) -> Result<(IpNumber, usize), ParseError> {
    const PAD1: u8 = 0;
    let header = Ipv6RawExtHeaderSlice::from_slice(bytes).map_err(|_| ParseError::Truncated)?;
    let mut rest = header.payload();
    loop {
        rest = match rest {
            [] => return Ok((header.next_header(), header.slice().len())),
            [PAD1, after @ ..] => after,
            // The two highest bits say what to do: 00 is to skip over it.
            [0..=0x3f, len, after @ ..] => {
                after.get(usize::from(*len)..).ok_or(ParseError::IpHeader)?
            }
            _ => return Err(ParseError::IpHeader),
        };
    }
}

/// What follows a routing header, and its length. One with segments left is for a router that we
/// are not (RFC 8200 §4.4).
fn skip_routing(bytes: &[u8]) -> Result<(IpNumber, usize), ParseError> {
    let header = Ipv6RawExtHeaderSlice::from_slice(bytes).map_err(|_| ParseError::Truncated)?;
    match header.payload() {
        [_, 0, ..] => Ok((header.next_header(), header.slice().len())),
        _ => Err(ParseError::IpHeader),
    }
}

/// What follows a fragment header, and its length, if the fragment is the whole packet (RFC 6946).
fn skip_atomic_fragment(bytes: &[u8]) -> Result<(IpNumber, usize), ParseError> {
    let header = Ipv6FragmentHeaderSlice::from_slice(bytes).map_err(|_| ParseError::Truncated)?;
    if header.is_fragmenting_payload() {
        return Err(ParseError::Fragment);
    }
    Ok((header.next_header(), header.slice().len()))
}

/// Writes the header of a packet with `tcp_len` bytes of TCP, and gives its length and the room for
/// the segment. `None` where the packet does not fit into `buf` or, with IPv6, into the length field, or
/// the addresses are of different families.
pub(super) fn write<'b>(
    fields: &IpFields,
    ecn: Ecn,
    tcp_len: usize,
    buf: &'b mut [u8],
) -> Option<(usize, &'b mut [u8])> {
    // Both values are masked to what their types hold.
    let dscp = IpDscp::try_new(fields.dscp & 0x3f).ok()?;
    let ecn = IpEcn::try_new(ecn.bits()).ok()?;
    match (fields.src.ip(), fields.dst.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let (header_buf, rest) = buf.split_at_mut_checked(Ipv4Header::MIN_LEN)?;
            let segment = rest.get_mut(..tcp_len)?;
            let [len_high, len_low] = v4_length(Ipv4Header::MIN_LEN + tcp_len).to_be_bytes();
            let flags = match fields.fragments {
                Fragments::Forbidden => DONT_FRAGMENT,
                Fragments::Allowed => 0,
            };
            let [id_high, id_low] = fields.identification.to_be_bytes();
            // By hand, as RFC 791 draws it: the writer of etherparse, which provides for options,
            // costs 20 ns more a packet, half of what writing a bare ACK takes.
            let mut words = [
                [0x45, dscp.value() << 2 | ecn.value(), len_high, len_low],
                [id_high, id_low, flags, 0],
                [fields.hop_limit, IpNumber::TCP.0, 0, 0],
                src.octets(),
                dst.octets(),
            ];
            let [high, low] = Sum::default().add(words.as_flattened()).checksum();
            words[2] = [fields.hop_limit, IpNumber::TCP.0, high, low];
            header_buf.copy_from_slice(words.as_flattened());
            Some((Ipv4Header::MIN_LEN, segment))
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let (header_buf, rest) = buf.split_at_mut_checked(Ipv6Header::LEN)?;
            let segment = rest.get_mut(..tcp_len)?;
            let header = Ipv6Header {
                traffic_class: dscp.value() << 2 | ecn.value(),
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: u16::try_from(tcp_len).ok()?,
                next_header: IpNumber::TCP,
                hop_limit: fields.hop_limit,
                source: src.octets(),
                destination: dst.octets(),
            };
            header_buf.copy_from_slice(&header.to_bytes());
            Some((Ipv6Header::LEN, segment))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, SocketAddr};

    /// An IPv4 packet with these options, flags and fragment offset, and payload.
    fn v4(options: &[u8], fragment: u16, payload: &[u8]) -> Vec<u8> {
        let len = 20 + options.len() + payload.len();
        let mut bytes = vec![0; 20];
        bytes[0] = 0x45 + (options.len() / 4) as u8;
        bytes[1] = 46 << 2 | 1;
        bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        bytes[6..8].copy_from_slice(&fragment.to_be_bytes());
        bytes[8] = 63;
        bytes[9] = 6;
        bytes[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend(options);
        let checksum = Sum::default().add(&bytes).checksum();
        bytes[10..12].copy_from_slice(&checksum);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn an_ipv4_packet_that_says_no_length_is_longer_than_could_be_said() {
        let mut bytes = v4(&[], 0, &[7; 65_516]);
        bytes[2..4].copy_from_slice(&[0, 0]);
        let restore = |bytes: &mut Vec<u8>| {
            bytes[10..12].copy_from_slice(&[0, 0]);
            let checksum = Sum::default().add(&bytes[..20]).checksum();
            bytes[10..12].copy_from_slice(&checksum);
        };
        restore(&mut bytes);
        assert_eq!(read(&bytes, Extent::Whole).unwrap().payload.len(), 65_516);
        bytes.pop();
        assert_eq!(read(&bytes, Extent::Whole), Err(ParseError::IpHeader));
        // One that says its length ends there, whatever follows.
        bytes[2..4].copy_from_slice(&[0, 24]);
        bytes.extend([7; 100]);
        restore(&mut bytes);
        assert_eq!(read(&bytes, Extent::Whole).unwrap().payload.len(), 4);
    }

    /// An IPv6 packet that starts with the header `next`.
    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 40];
        bytes[0] = 0x6b;
        bytes[1] = 0x90;
        bytes[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
        bytes[6] = next;
        bytes[7] = 63;
        bytes[23] = 1;
        bytes[39] = 2;
        bytes.extend(payload);
        bytes
    }

    fn whole(bytes: &[u8]) -> Result<IpPacket<'_>, ParseError> {
        read(bytes, Extent::Whole)
    }

    fn payload_v6(next: u8, payload: &[u8]) -> Result<Vec<u8>, ParseError> {
        let packet = v6(next, payload);
        let read = whole(&packet)?;
        assert_eq!(read.protocol, IpNumber::TCP);
        Ok(read.payload.to_vec())
    }

    #[test]
    fn ipv4_fields_are_read_and_options_and_trailing_bytes_skipped() {
        let mut packet = v4(&[1, 1, 1, 0], 0x4000, b"payload");
        packet.extend(b"padding of a short frame");
        let read = whole(&packet).unwrap();
        assert_eq!(read.src, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(read.dst, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)));
        assert_eq!((read.dscp, read.ecn), (46, Ecn::Capable1));
        assert_eq!((read.hop_limit, read.protocol), (63, IpNumber::TCP));
        assert_eq!(read.payload, b"payload");
    }

    #[test]
    fn ipv6_fields_are_read_and_trailing_bytes_skipped() {
        let mut packet = v6(6, b"payload");
        packet.extend(b"padding");
        let read = whole(&packet).unwrap();
        assert_eq!(read.src, IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]));
        assert_eq!(read.dst, IpAddr::from([0, 0, 0, 0, 0, 0, 0, 2]));
        assert_eq!((read.dscp, read.ecn), (46, Ecn::Capable1));
        assert_eq!((read.hop_limit, read.protocol), (63, IpNumber::TCP));
        assert_eq!(read.payload, b"payload");
    }

    #[test]
    fn headers_that_cannot_be_are_refused() {
        assert_eq!(whole(&[]), Err(ParseError::IpHeader));
        assert_eq!(whole(&[0x50; 40]), Err(ParseError::IpHeader));
        assert_eq!(whole(&[0x44; 40]), Err(ParseError::IpHeader));
        let good = v4(&[], 0, b"");
        assert!(whole(&good).is_ok());
        for bit in 0..20 * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(whole(&bad).is_err(), "bit {bit}");
        }
        let mut short = good.clone();
        short[3] = 19;
        short[11] += 1;
        assert_eq!(whole(&short), Err(ParseError::IpHeader));
    }

    #[test]
    fn packets_shorter_than_they_say_are_truncated() {
        for packet in [v4(&[], 0, b"payload"), v6(6, b"payload")] {
            for len in 1..packet.len() {
                assert_eq!(whole(&packet[..len]), Err(ParseError::Truncated), "{len}");
            }
        }
    }

    #[test]
    fn fragments_are_refused_but_for_atomic_ones() {
        assert_eq!(whole(&v4(&[], 0x2000, b"x")), Err(ParseError::Fragment));
        assert_eq!(whole(&v4(&[], 0x0001, b"x")), Err(ParseError::Fragment));
        let fragment = |offset_and_more: u8| [6, 0, 0, offset_and_more, 0, 0, 0, 1, b'x'];
        assert_eq!(payload_v6(44, &fragment(0)), Ok(vec![b'x']));
        assert_eq!(payload_v6(44, &fragment(1)), Err(ParseError::Fragment));
        assert_eq!(payload_v6(44, &fragment(8)), Err(ParseError::Fragment));
    }

    #[test]
    fn extension_headers_are_walked() {
        let hop_by_hop = [43, 0, 5, 2, 0, 0, 0, 0];
        let routing = [60, 0, 0, 0, 9, 9, 9, 9];
        let destination = [6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut bytes = Vec::from(hop_by_hop);
        bytes.extend(routing);
        bytes.extend(destination);
        bytes.extend(b"tcp");
        assert_eq!(payload_v6(0, &bytes), Ok(b"tcp".to_vec()));
        for len in 0..bytes.len() - 3 {
            assert_eq!(payload_v6(0, &bytes[..len]), Err(ParseError::Truncated));
        }
    }

    #[test]
    fn extension_headers_that_are_not_for_us_are_refused() {
        let segments_left = [6, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(payload_v6(43, &segments_left), Err(ParseError::IpHeader));
        let discard_if_unknown = [6, 0, 0x41, 4, 0, 0, 0, 0];
        assert_eq!(
            payload_v6(60, &discard_if_unknown),
            Err(ParseError::IpHeader)
        );
        let option_past_the_end = [6, 0, 1, 5, 0, 0, 0, 0];
        assert_eq!(
            payload_v6(60, &option_past_the_end),
            Err(ParseError::IpHeader)
        );
        let option_without_length = [6, 0, 1, 3, 0, 0, 0, 1];
        assert_eq!(
            payload_v6(60, &option_without_length),
            Err(ParseError::IpHeader)
        );
    }

    #[test]
    fn hop_by_hop_options_elsewhere_than_first_are_no_header_of_ours() {
        let bytes = [0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0];
        let packet = v6(60, &bytes);
        let read = whole(&packet).unwrap();
        assert_eq!(read.protocol, IpNumber::IPV6_HEADER_HOP_BY_HOP);
    }

    #[test]
    fn the_number_of_extension_headers_is_bounded() {
        let chain = |count: usize| {
            let mut bytes = Vec::new();
            for i in 1..=count {
                bytes.extend([if i == count { 6 } else { 60 }, 0, 1, 4, 0, 0, 0, 0]);
            }
            payload_v6(60, &bytes)
        };
        assert_eq!(chain(MAX_EXTENSIONS), Ok(vec![]));
        assert_eq!(chain(MAX_EXTENSIONS + 1), Err(ParseError::IpHeader));
    }

    #[test]
    fn a_quoted_packet_may_be_cut_and_its_checksum_stale() {
        let mut packet = v4(&[], 0x4000, &[7; 100]);
        packet[8] -= 1;
        packet.truncate(28);
        let read = read(&packet, Extent::Quoted).unwrap();
        assert_eq!(read.payload, [7; 8]);
        assert_eq!(whole(&packet), Err(ParseError::IpHeader));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let v4: SocketAddr = "10.0.0.1:1".parse().unwrap();
        let v6: SocketAddr = "[::1]:1".parse().unwrap();
        let fits = |src, dst, tcp_len, room: usize| {
            let fields = IpFields {
                src,
                dst,
                dscp: 0,
                hop_limit: 1,
                identification: 0,
                fragments: Fragments::Forbidden,
            };
            write(&fields, Ecn::NotCapable, tcp_len, &mut vec![0; room]).is_some()
        };
        assert!(fits(v4, v4, 20, 40) && !fits(v4, v4, 20, 39) && !fits(v4, v4, 20, 0));
        assert!(fits(v6, v6, 20, 60) && !fits(v6, v6, 20, 59) && !fits(v6, v6, 20, 0));
        assert!(fits(v4, v4, 65_516, 70_000) && !fits(v4, v4, 65_516, 65_535));
        assert!(fits(v6, v6, 65_535, 70_000) && !fits(v6, v6, 65_536, 70_000));
        assert!(!fits(v4, v6, 20, 100) && !fits(v6, v4, 20, 100));
    }
}
