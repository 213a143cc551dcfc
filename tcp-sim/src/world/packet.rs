//! IP packets as they travel, and what is in them.

use std::net::SocketAddr;

use tcp_core::ReceiveChecksum;
use tcp_core::wire::{self, Fragments, Header, Incoming, IpFields};

use crate::script::segment;

/// A TCP segment read from an IP packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TcpPacket {
    /// The sender.
    pub src: SocketAddr,
    /// The destination.
    pub dst: SocketAddr,
    /// The header.
    pub header: Header,
    /// The bytes of the stream.
    pub payload: Vec<u8>,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Diffserv code point.
    pub dscp: u8,
}

impl TcpPacket {
    /// Reads an IP packet, checksums included; `None` where it holds no TCP segment.
    pub fn parse(packet: &[u8]) -> Option<TcpPacket> {
        match wire::parse(packet, ReceiveChecksum::Unchecked) {
            Ok(Incoming::Tcp(tcp)) => Some(TcpPacket {
                src: tcp.src,
                dst: tcp.dst,
                header: tcp.segment.header,
                payload: tcp.segment.payload.iter().collect(),
                hop_limit: tcp.hop_limit,
                dscp: tcp.dscp,
            }),
            Ok(Incoming::IcmpError(_) | Incoming::IcmpOther) | Err(_) => None,
        }
    }
}

/// An IP packet that carries this segment from `src` to `dst`.
pub fn write_packet(src: SocketAddr, dst: SocketAddr, header: &Header, payload: &[u8]) -> Vec<u8> {
    let fields = IpFields {
        src,
        dst,
        dscp: 0,
        hop_limit: 64,
        identification: 0,
        fragments: Fragments::Forbidden,
    };
    // 40 bytes of IPv6 header, 60 of TCP header with all its options.
    let mut packet = vec![0; 100 + payload.len()];
    let transmit = wire::emit(&fields, &segment(header, payload), &mut packet);
    let transmit = transmit.expect("both addresses are of one family and the buffer has room");
    packet.truncate(transmit.len);
    packet
}
