//! What a connection is born with.

use crate::pack::packs;
use crate::seq::SeqNumber;

/// What a connection must be told at its birth, beside its configuration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Setup {
    /// Our initial sequence number (RFC 6528).
    pub isn: SeqNumber,
    /// Added to the clock's milliseconds to make TSval.
    pub timestamp_offset: u32,
    /// Bytes of TCP payload that fit into the device's MTU without options: announced as our MSS,
    /// and the bound of what we send.
    pub mss: u16,
    /// Bytes of TCP payload and options that fit into the largest packet that the device takes and cuts
    /// itself; what is not above the MSS asks for nothing
    /// ([`Offload::max_packet`](crate::Offload::max_packet)).
    pub gso_max_size: u32,
    /// The MSS to assume where the peer announces none: 536 for IPv4, 1220 for IPv6.
    pub default_mss: u16,
}

packs!(Setup {
    isn,
    timestamp_offset,
    mss,
    gso_max_size,
    default_mss
});
