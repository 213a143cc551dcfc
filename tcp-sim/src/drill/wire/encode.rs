//! A TCP segment of a script as bytes.

use std::net::IpAddr;

use etherparse::{
    IpDscp, IpEcn, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, TcpHeader, TcpOptions,
};

use super::{BuildError, Ends, options};
use crate::drill::packet::{EcnMark, Flags, IpInfo, OptionsSpec, TcpBody};

/// What a packet carries whose script does not say.
const TTL: u8 = 255;

/// An IP packet of this segment, its payload a pattern.
pub fn tcp(ends: Ends, ip: IpInfo, body: &TcpBody) -> Result<Vec<u8>, BuildError> {
    let payload = pattern(body.seq.len() as usize);
    let mut header = header(ends, body)?;
    let tcp_len = header.header_len() + payload.len();
    match (ends.src.ip(), ends.dst.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let ip = ipv4(src.octets(), dst.octets(), ip, IpNumber::TCP, tcp_len)?;
            header.checksum = header
                .calc_checksum_ipv4(&ip, &payload)
                .map_err(|_| BuildError::Payload(payload.len()))?;
            Ok([&ip.to_bytes(), &header.to_bytes()[..], &payload].concat())
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let ip = ipv6(src.octets(), dst.octets(), ip, IpNumber::TCP, tcp_len)?;
            header.checksum = header
                .calc_checksum_ipv6(&ip, &payload)
                .map_err(|_| BuildError::Payload(payload.len()))?;
            Ok([&ip.to_bytes()[..], &header.to_bytes(), &payload].concat())
        }
        (src, dst) => Err(BuildError::Versions(src, dst)),
    }
}

/// The header of a segment, its checksum left out.
pub(super) fn header(ends: Ends, body: &TcpBody) -> Result<TcpHeader, BuildError> {
    let options = match &body.options {
        OptionsSpec::Any => Vec::new(),
        OptionsSpec::List(list) => options::write(list)?,
    };
    let has = |flag| body.flags.contains(flag);
    Ok(TcpHeader {
        source_port: ends.src.port(),
        destination_port: ends.dst.port(),
        sequence_number: body.seq.start,
        acknowledgment_number: body.ack.unwrap_or(0),
        ns: has(Flags::AE),
        fin: has(Flags::FIN),
        syn: has(Flags::SYN),
        rst: has(Flags::RST),
        psh: has(Flags::PSH),
        ack: has(Flags::ACK),
        urg: has(Flags::URG),
        ece: has(Flags::ECE),
        cwr: has(Flags::CWR),
        window_size: body.window.unwrap_or(0),
        checksum: 0,
        urgent_pointer: body.urgent.unwrap_or(0),
        options: TcpOptions::try_from_slice(&options)
            .map_err(|_| BuildError::Options(options.len()))?,
    })
}

pub(super) fn ipv4(
    src: [u8; 4],
    dst: [u8; 4],
    info: IpInfo,
    protocol: IpNumber,
    payload_len: usize,
) -> Result<Ipv4Header, BuildError> {
    let too_long = || BuildError::Payload(payload_len);
    let len = u16::try_from(payload_len).map_err(|_| too_long())?;
    let ttl = info.ttl.unwrap_or(TTL);
    let mut header = Ipv4Header::new(len, ttl, protocol, src, dst).map_err(|_| too_long())?;
    let class = traffic_class(info);
    header.dscp = IpDscp::try_new(class >> 2).unwrap_or_default();
    header.ecn = IpEcn::try_new(class & 3).unwrap_or_default();
    header.header_checksum = header.calc_header_checksum();
    Ok(header)
}

pub(super) fn ipv6(
    source: [u8; 16],
    destination: [u8; 16],
    info: IpInfo,
    next_header: IpNumber,
    payload_len: usize,
) -> Result<Ipv6Header, BuildError> {
    let payload_length =
        u16::try_from(payload_len).map_err(|_| BuildError::Payload(payload_len))?;
    Ok(Ipv6Header {
        traffic_class: traffic_class(info),
        flow_label: Ipv6FlowLabel::try_new(info.flow_label.unwrap_or(0)).unwrap_or_default(),
        payload_length,
        next_header,
        hop_limit: info.ttl.unwrap_or(TTL),
        source,
        destination,
    })
}

/// The byte that has DSCP and ECN.
fn traffic_class(info: IpInfo) -> u8 {
    let ecn = info.ecn.map(|mark| match mark {
        EcnMark::NotEct => 0,
        EcnMark::Ect1 => 1,
        EcnMark::Ect0 | EcnMark::Ect01 => 2,
        EcnMark::Ce => 3,
    });
    let tos = info.tos.unwrap_or(0);
    ecn.map_or(tos, |ecn| tos & !3 | ecn)
}

/// Bytes that nobody takes for zeros.
fn pattern(len: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(len).collect()
}
