//! An address with the length of its network's prefix.

use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address and the length of its network's prefix, written `10.7.0.2/24` or `fd07::2/64`.
///
/// ```
/// use tcp_tun::Cidr;
///
/// let ours: Cidr = "10.7.0.2/24".parse()?;
/// assert_eq!(ours.prefix_len(), 24);
/// assert!(ours.contains("10.7.0.77".parse()?));
/// assert_eq!(ours.neighbour().unwrap().to_string(), "10.7.0.1/24");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cidr {
    addr: IpAddr,
    prefix_len: u8,
}

impl Cidr {
    /// `addr` in a network whose prefix has `prefix_len` bits; `None` where the address has fewer.
    pub fn new(addr: IpAddr, prefix_len: u8) -> Option<Cidr> {
        (prefix_len <= width(addr)).then_some(Cidr { addr, prefix_len })
    }

    /// The address.
    pub fn addr(self) -> IpAddr {
        self.addr
    }

    /// Bits of the network's prefix: 0 to 32 for IPv4, 0 to 128 for IPv6.
    pub fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// The network's mask: `255.255.255.0` for `/24`.
    pub fn netmask(self) -> IpAddr {
        from_bits(self.addr, self.mask())
    }

    /// Whether `addr` lies in the network.
    pub fn contains(self, addr: IpAddr) -> bool {
        addr.is_ipv4() == self.addr.is_ipv4() && (bits(addr) ^ bits(self.addr)) & self.mask() == 0
    }

    /// The address for the other end of a point-to-point link: the first of the network that is
    /// neither this one nor, where the network has room for more than two, the network's own.
    /// `None` where the prefix leaves no room for a neighbour.
    pub fn neighbour(self) -> Option<Cidr> {
        let network = bits(self.addr) & self.mask();
        let first = match width(self.addr) - self.prefix_len {
            0 => return None,
            1 => network,
            _ => network | 1,
        };
        let other = if first == bits(self.addr) {
            first + 1
        } else {
            first
        };
        Some(Cidr {
            addr: from_bits(self.addr, other),
            ..self
        })
    }

    fn mask(self) -> u128 {
        let host_bits = u32::from(width(self.addr) - self.prefix_len);
        let all = u128::MAX >> (128 - u32::from(width(self.addr)));
        all & u128::MAX.checked_shl(host_bits).unwrap_or(0)
    }
}

fn width(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => u128::from(addr.to_bits()),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// The address of `family`'s family with these bits, of which IPv4 has only the low 32.
fn from_bits(family: IpAddr, bits: u128) -> IpAddr {
    match family {
        IpAddr::V4(_) => Ipv4Addr::from_bits(bits as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(bits).into(),
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix_len)
    }
}

/// A bare address stands for itself alone: `/32`, or `/128` for IPv6.
impl FromStr for Cidr {
    type Err = ParseCidrError;

    fn from_str(text: &str) -> Result<Cidr, ParseCidrError> {
        let (addr, prefix_len) = match text.split_once('/') {
            None => (text, None),
            Some((addr, prefix_len)) => (addr, Some(prefix_len)),
        };
        let addr: IpAddr = addr.parse().map_err(ParseCidrError::Address)?;
        let prefix_len = match prefix_len {
            None => width(addr),
            Some(text) => text.parse().map_err(|_| ParseCidrError::PrefixLength)?,
        };
        Cidr::new(addr, prefix_len).ok_or(ParseCidrError::PrefixLength)
    }
}

/// Why a text is no [`Cidr`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParseCidrError {
    /// What stands before the slash is no address.
    Address(AddrParseError),
    /// What stands after the slash is no number, or more than the address has bits.
    PrefixLength,
}

impl fmt::Display for ParseCidrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseCidrError::Address(error) => error.fmt(f),
            ParseCidrError::PrefixLength => {
                f.write_str("prefix length must be 0 to 32 for IPv4, 0 to 128 for IPv6")
            }
        }
    }
}

impl std::error::Error for ParseCidrError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn text_round_trips() {
        for text in ["10.7.0.2/24", "0.0.0.0/0", "fd07::2/64", "::/0", "::1/128"] {
            assert_eq!(cidr(text).to_string(), text);
        }
        assert_eq!(cidr("10.7.0.2"), cidr("10.7.0.2/32"));
        assert_eq!(cidr("fd07::2"), cidr("fd07::2/128"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "/",
            "10.7.0.2/",
            "10.7.0.2/33",
            "fd07::2/129",
            "10.7/8",
            "10.7.0.2/-1",
        ] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn masks_follow_the_prefix() {
        assert_eq!(cidr("10.7.0.2/24").netmask().to_string(), "255.255.255.0");
        assert_eq!(cidr("10.7.0.2/0").netmask().to_string(), "0.0.0.0");
        assert_eq!(cidr("10.7.0.2/32").netmask().to_string(), "255.255.255.255");
        assert_eq!(
            cidr("fd07::2/64").netmask().to_string(),
            "ffff:ffff:ffff:ffff::"
        );
        assert!(cidr("0.0.0.0/0").contains([8, 8, 8, 8].into()));
        assert!(!cidr("0.0.0.0/0").contains("::1".parse().unwrap()));
        assert!(!cidr("10.7.0.2/31").contains([10, 7, 0, 4].into()));
    }

    #[test]
    fn the_neighbour_is_another_host_of_the_network() {
        let neighbour = |text| cidr(text).neighbour().map(|c| c.to_string());
        assert_eq!(neighbour("10.7.0.1/24").as_deref(), Some("10.7.0.2/24"));
        assert_eq!(neighbour("10.7.0.9/24").as_deref(), Some("10.7.0.1/24"));
        assert_eq!(neighbour("10.7.0.8/31").as_deref(), Some("10.7.0.9/31"));
        assert_eq!(neighbour("10.7.0.9/31").as_deref(), Some("10.7.0.8/31"));
        assert_eq!(neighbour("fd07::2/64").as_deref(), Some("fd07::1/64"));
        assert_eq!(neighbour("10.7.0.9/32"), None);
    }
}
