//! Packets of a script as bytes, and bytes as packets of a script. Numbers are the wire's here;
//! [`flow`](super::flow) maps them.

mod decode;
mod encode;
mod icmp;
mod options;

use std::net::{IpAddr, SocketAddr};

pub use decode::{Live, decode};
pub use encode::tcp;
pub use icmp::{Quote, icmp};

/// A packet that cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BuildError {
    /// The options take more than 40 bytes.
    #[error("the TCP options take {0} bytes, and there is room for 40")]
    Options(usize),
    /// A name of a cookie that is no definition.
    #[error("the cookie {0} is not defined, or is no hexadecimal number")]
    Cookie(String),
    /// More than an IP packet holds.
    #[error("an IP packet has no room for {0} bytes")]
    Payload(usize),
    /// Addresses of two versions.
    #[error("the addresses {0} and {1} are of different versions of IP")]
    Versions(IpAddr, IpAddr),
    /// A header around the packet.
    #[error("tunnelled packets are not supported")]
    Tunnel,
    /// Something other than TCP and ICMP.
    #[error("UDP is not supported")]
    Udp,
}

/// Who sends a packet to whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ends {
    /// The sender.
    pub src: SocketAddr,
    /// The receiver.
    pub dst: SocketAddr,
}
