//! Which addresses hosts have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::Side;

/// Which version of IP a test runs over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// 10.0.0.1, 10.0.0.2 and so on.
    #[default]
    V4,
    /// fd00::1, fd00::2 and so on.
    V6,
}

/// As many hosts as there are addresses.
pub const MAX_HOSTS: usize = 65_000;

impl Family {
    /// The address of the host with this index, which is below [`MAX_HOSTS`].
    pub fn address(self, host: usize) -> IpAddr {
        let [high, low] = (host as u16 + 1).to_be_bytes();
        match self {
            Family::V4 => Ipv4Addr::new(10, 0, high, low).into(),
            Family::V6 => {
                let last = u16::from_be_bytes([high, low]);
                Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last).into()
            }
        }
    }
}

/// The host that an IP packet is for, by its destination address; `None` where no host can have it.
pub(super) fn destination(packet: &[u8]) -> Option<usize> {
    let number = match packet.first()? >> 4 {
        4 => match packet.get(16..20)? {
            [10, 0, high, low] => u16::from_be_bytes([*high, *low]),
            _ => return None,
        },
        6 => match packet.get(24..40)? {
            [0xfd, middle @ .., high, low] if middle.iter().all(|byte| *byte == 0) => {
                u16::from_be_bytes([*high, *low])
            }
            _ => return None,
        },
        _ => return None,
    };
    usize::from(number).checked_sub(1)
}

impl Side {
    /// The address of this side's host.
    pub fn ip(self, family: Family) -> IpAddr {
        family.address(self.index())
    }

    /// A port on this side's host.
    pub fn addr(self, family: Family, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip(family), port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_finds_its_host() {
        for host in [0, 1, 254, 255, 256, MAX_HOSTS - 1] {
            for family in [Family::V4, Family::V6] {
                let mut packet = [0; 40];
                match family.address(host) {
                    IpAddr::V4(ip) => {
                        packet[0] = 0x45;
                        packet[16..20].copy_from_slice(&ip.octets());
                    }
                    IpAddr::V6(ip) => {
                        packet[0] = 0x60;
                        packet[24..40].copy_from_slice(&ip.octets());
                    }
                }
                assert_eq!(destination(&packet), Some(host), "{family:?}");
            }
        }
        assert_eq!(destination(&[0x45; 40]), None);
        assert_eq!(destination(&[]), None);
        assert_eq!(Family::V4.address(0), IpAddr::from([10, 0, 0, 1]));
    }
}
