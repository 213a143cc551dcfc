//! The addresses that calls are given, and those that they answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::constants::{AF_INET, AF_INET6};
use super::errno::Errno;

/// What a caller gives as `struct sockaddr` and its length.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// An address of AF_INET or AF_INET6.
    Inet(SocketAddr),
    /// AF_UNSPEC: `connect` dissolves the association.
    Unspecified,
    /// An address of another family, by its number.
    Other(u16),
    /// A length that is too short for the family.
    Short,
    /// A pointer that leads nowhere.
    Bad,
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address::Inet(address)
    }
}

/// The family of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Domain {
    /// AF_INET.
    Inet,
    /// AF_INET6: it speaks IPv4 as well, under mapped addresses, unless IPV6_V6ONLY is set.
    Inet6,
}

impl Domain {
    pub(super) const fn number(self) -> i32 {
        match self {
            Domain::Inet => AF_INET,
            Domain::Inet6 => AF_INET6,
        }
    }

    /// The address with no host and no port.
    pub(super) const fn any(self) -> SocketAddr {
        match self {
            Domain::Inet => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            Domain::Inet6 => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
        }
    }

    /// An address as the user of such a socket sees it: IPv4 in IPv6's clothes where it must be.
    pub(super) fn show(self, address: SocketAddr) -> SocketAddr {
        match (self, address.ip()) {
            (Domain::Inet6, IpAddr::V4(ip)) => {
                SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), address.port())
            }
            _ => address,
        }
    }

    /// The address that a call on such a socket is given, if it can be one of its own.
    pub(super) fn check(self, address: Address) -> Result<SocketAddr, Errno> {
        match (self, address) {
            (_, Address::Bad) => Err(Errno::EFAULT),
            (_, Address::Short) => Err(Errno::EINVAL),
            (Domain::Inet, Address::Inet(address @ SocketAddr::V4(_)))
            | (Domain::Inet6, Address::Inet(address @ SocketAddr::V6(_))) => Ok(address),
            // An IPv6 socket finds a struct sockaddr_in too short before it looks at the family.
            (Domain::Inet6, Address::Inet(SocketAddr::V4(_))) => Err(Errno::EINVAL),
            (_, Address::Inet(_) | Address::Unspecified | Address::Other(_)) => {
                Err(Errno::EAFNOSUPPORT)
            }
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
    fn a_family_takes_its_own_addresses() {
        let (v4, v6) = (addr("10.0.0.1:80"), addr("[fd00::1]:80"));
        assert_eq!(Domain::Inet.check(v4.into()), Ok(v4));
        assert_eq!(Domain::Inet6.check(v6.into()), Ok(v6));
        assert_eq!(Domain::Inet.check(v6.into()), Err(Errno::EAFNOSUPPORT));
        assert_eq!(Domain::Inet6.check(v4.into()), Err(Errno::EINVAL));
        assert_eq!(Domain::Inet.check(Address::Bad), Err(Errno::EFAULT));
        assert_eq!(Domain::Inet.check(Address::Short), Err(Errno::EINVAL));
        assert_eq!(
            Domain::Inet.check(Address::Other(1)),
            Err(Errno::EAFNOSUPPORT)
        );
    }

    #[test]
    fn ipv4_is_shown_mapped_to_a_socket_of_ipv6() {
        let v4 = addr("10.0.0.1:80");
        assert_eq!(Domain::Inet6.show(v4), addr("[::ffff:10.0.0.1]:80"));
        assert_eq!(Domain::Inet.show(v4), v4);
    }
}
