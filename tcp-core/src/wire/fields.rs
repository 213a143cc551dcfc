//! What the IP header of an outgoing segment says.

use core::net::SocketAddr;

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
    /// Identification, IPv4 only.
    pub identification: u16,
    /// Whether routers may cut the packet, IPv4 only.
    pub fragments: Fragments,
}

/// Whether a router may cut a packet that is too large for the next link.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fragments {
    /// DF: the router complains instead.
    Forbidden,
    /// The identification tells the packets apart whose fragments arrive (RFC 6864).
    Allowed,
}
