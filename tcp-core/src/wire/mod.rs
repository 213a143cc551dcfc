//! Bytes to typed segments, and back.
//!
//! [`parse`] turns an IP packet into an [`Incoming`]: a TCP [`Segment`] or an [`IcmpError`], checked
//! as far as bytes alone can tell. [`emit`] writes a [`Segment`] into a caller's buffer. What is
//! malformed is a [`ParseError`] with its reason; nothing here can panic on any input.

mod segment;

use core::net::SocketAddr;

pub use segment::{
    Control, Ecn, Header, Options, Payload, SackBlocks, Segment, Timestamps, WindowScale,
    WireWindow,
};

use crate::event::{ReceiveChecksum, Transmit};
use crate::seq::SeqNumber;

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
    Soft,
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

/// What the IP header of an outgoing segment says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IpFields {
    /// Source address and port.
    pub src: SocketAddr,
    /// Destination address and port; of the same family as `src`.
    pub dst: SocketAddr,
    /// Diffserv code point, 0 to 63.
    pub dscp: u8,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Identification, IPv4 only. Packets always carry DF.
    pub identification: u16,
}

/// Parses an IP packet.
pub fn parse(packet: &[u8], checksum: ReceiveChecksum) -> Result<Incoming<'_>, ParseError> {
    let _ = (packet, checksum);
    todo!()
}

/// Writes a segment as an IP packet to the start of `buf`, its TCP checksum complete; `None` where
/// it does not fit, or the addresses are of different families.
pub fn emit(fields: &IpFields, segment: &Segment<'_>, buf: &mut [u8]) -> Option<Transmit> {
    let _ = (fields, segment, buf);
    todo!()
}

/// Bytes that these options take in a TCP header, padding included.
pub fn options_len(options: &Options) -> usize {
    let _ = options;
    todo!()
}
