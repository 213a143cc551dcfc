//! The four numbers that name a connection.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::keys::Key;

/// A local and a remote address and port, of one family. Flow label and scope have no part in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FourTuple {
    addresses: Addresses,
    local_port: u16,
    remote_port: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Addresses {
    V4 { local: Ipv4Addr, remote: Ipv4Addr },
    V6 { local: Ipv6Addr, remote: Ipv6Addr },
}

impl FourTuple {
    /// `None` where the addresses are of different families.
    pub(super) fn new(local: SocketAddr, remote: SocketAddr) -> Option<FourTuple> {
        FourTuple::between(&local, &remote)
    }

    /// The same, without copies of addresses that a packet has just been read into.
    #[inline]
    pub(super) fn between(local: &SocketAddr, remote: &SocketAddr) -> Option<FourTuple> {
        let addresses = match (local, remote) {
            (SocketAddr::V4(local), SocketAddr::V4(remote)) => Addresses::V4 {
                local: *local.ip(),
                remote: *remote.ip(),
            },
            (SocketAddr::V6(local), SocketAddr::V6(remote)) => Addresses::V6 {
                local: *local.ip(),
                remote: *remote.ip(),
            },
            _ => return None,
        };
        Some(FourTuple {
            addresses,
            local_port: local.port(),
            remote_port: remote.port(),
        })
    }

    /// For a table that stays within the machine.
    pub(super) fn hash(&self, key: &Key) -> u64 {
        match self.addresses {
            Addresses::V4 { local, remote } => {
                // In words of the size in which they are hashed.
                let ips = u64::from(local.to_bits()) << 32 | u64::from(remote.to_bits());
                let ports = u32::from(self.local_port) << 16 | u32::from(self.remote_port);
                let mut bytes = [0; 12];
                bytes[..8].copy_from_slice(&ips.to_be_bytes());
                bytes[8..].copy_from_slice(&ports.to_be_bytes());
                key.hash_within(&bytes)
            }
            Addresses::V6 { local, remote } => {
                let mut bytes = [0; 36];
                bytes[..16].copy_from_slice(&local.octets());
                bytes[16..32].copy_from_slice(&remote.octets());
                bytes[32..34].copy_from_slice(&self.local_port.to_be_bytes());
                bytes[34..].copy_from_slice(&self.remote_port.to_be_bytes());
                key.hash_within(&bytes)
            }
        }
    }

    /// Some bits of all that differs among flows; anybody can choose them.
    #[inline]
    pub(super) fn mixed(&self) -> u32 {
        let ports = u32::from(self.local_port) << 16 | u32::from(self.remote_port);
        let remote = match self.addresses {
            Addresses::V4 { remote, .. } => remote.to_bits(),
            Addresses::V6 { remote, .. } => remote.to_bits() as u32,
        };
        ports ^ remote
    }

    pub(super) fn local(&self) -> SocketAddr {
        let ip = match self.addresses {
            Addresses::V4 { local, .. } => IpAddr::V4(local),
            Addresses::V6 { local, .. } => IpAddr::V6(local),
        };
        SocketAddr::new(ip, self.local_port)
    }

    pub(super) fn remote(&self) -> SocketAddr {
        let ip = match self.addresses {
            Addresses::V4 { remote, .. } => IpAddr::V4(remote),
            Addresses::V6 { remote, .. } => IpAddr::V6(remote),
        };
        SocketAddr::new(ip, self.remote_port)
    }

    /// Bytes of an IP and a TCP header without options.
    pub(super) const fn header_len(&self) -> u16 {
        match self.addresses {
            Addresses::V4 { .. } => 20 + 20,
            Addresses::V6 { .. } => 40 + 20,
        }
    }

    /// The MSS to assume of a peer that announces none (RFC 9293 MUST-15).
    pub(super) const fn default_mss(&self) -> u16 {
        match self.addresses {
            Addresses::V4 { .. } => 536,
            Addresses::V6 { .. } => 1_220,
        }
    }

    /// Bytes of the largest IP packet that every path carries (for IPv4 Linux's
    /// `net.ipv4.route.min_pmtu`, for IPv6 RFC 8200 §5).
    pub(super) const fn min_path_mtu(&self) -> u16 {
        match self.addresses {
            Addresses::V4 { .. } => 552,
            Addresses::V6 { .. } => 1_280,
        }
    }
}

/// Whether an address can be one end of a connection: neither unspecified, nor multicast, nor
/// broadcast (RFC 9293 MUST-46, MUST-57, MUST-63), nor an IPv4 address in IPv6's clothes, which
/// must not appear on the wire (RFC 4291 §2.5.5.2).
pub(super) fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast()),
        IpAddr::V6(ip) => {
            !(ip.is_unspecified() || ip.is_multicast() || ip.to_ipv4_mapped().is_some())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_tuple_gives_back_what_it_was_made_of() {
        for (local, remote) in [
            ("10.0.0.1:80", "10.0.0.2:4000"),
            ("[fd00::1]:80", "[fd00::2]:4000"),
        ] {
            let tuple = FourTuple::new(addr(local), addr(remote)).unwrap();
            assert_eq!(tuple.local(), addr(local));
            assert_eq!(tuple.remote(), addr(remote));
        }
        assert_eq!(
            FourTuple::new(addr("10.0.0.1:80"), addr("[fd00::2]:4000")),
            None
        );
    }

    #[test]
    fn a_tuple_is_small() {
        assert!(size_of::<FourTuple>() <= 38);
    }

    #[test]
    fn only_unicast_addresses_connect() {
        for bad in [
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "::ffff:1.2.3.4",
        ] {
            assert!(!is_unicast(bad.parse().unwrap()), "{bad}");
        }
        for good in ["10.0.0.1", "127.0.0.1", "::1", "fe80::1"] {
            assert!(is_unicast(good.parse().unwrap()), "{good}");
        }
    }
}
