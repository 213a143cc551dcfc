//! The size of packets.

use std::fmt;

use serde::{Serialize, Serializer};

/// The size of packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// As large as the MTU, in bytes.
    Mtu(u16),
    /// Up to 64 KiB from our stack, for a device with an MTU of 1,500 to cut. The peer cannot; it is given an
    /// MTU of 65,535 in place of it.
    Gso,
}

/// Bytes of a packet of Ethernet.
pub(super) const ETHERNET: u16 = 1_500;

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Mtu(mtu) => write!(f, "{mtu}"),
            Size::Gso => f.write_str("gso"),
        }
    }
}

/// As it is printed.
impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
