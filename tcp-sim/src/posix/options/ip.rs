//! Options of SOL_IP and SOL_IPV6.

use tcp_core::{Instant, State};

use super::socket::within;
use super::value::{int, int_or_byte};
use crate::posix::address::Domain;
use crate::posix::constants::{
    IP_FREEBIND, IP_MTU, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT, IP_RECVERR, IP_TOS,
    IP_TRANSPARENT, IP_TTL, IPV6_MTU, IPV6_MTU_DISCOVER, IPV6_RECVERR, IPV6_TCLASS,
    IPV6_UNICAST_HOPS, IPV6_V6ONLY,
};
use crate::posix::errno::Errno;
use crate::posix::file::FileId;
use crate::posix::host::Host;
use crate::posix::socket::{Stage, state_of};
use crate::posix::tcp_info;

/// The bits of ECN, which are TCP's.
const ECN_MASK: u8 = 3;

impl Host {
    pub(super) fn set_ip_option(
        &mut self,
        now: Instant,
        file: FileId,
        name: i32,
        value: &[u8],
    ) -> Result<(), Errno> {
        let number = match name {
            IP_TOS | IP_TTL | IP_MTU_DISCOVER | IP_FREEBIND | IP_TRANSPARENT | IP_RECVERR => {
                int_or_byte(value)?
            }
            _ => return Err(Errno::ENOPROTOOPT),
        };
        let settings = &mut self.descriptors.socket_mut(file)?.settings;
        match name {
            IP_TOS => settings.tos = number as u8 & !ECN_MASK,
            IP_TTL => settings.ttl = hops(number, 1)?,
            IP_MTU_DISCOVER => settings.mtu_discover = Some(discovery(number)?),
            IP_RECVERR => settings.recv_errors = number != 0,
            _ => settings.free_bind = number != 0,
        }
        self.apply_ip(now, file);
        Ok(())
    }

    pub(super) fn set_ipv6_option(
        &mut self,
        now: Instant,
        file: FileId,
        name: i32,
        value: &[u8],
    ) -> Result<(), Errno> {
        let socket = self.descriptors.socket_mut(file)?;
        if socket.domain == Domain::Inet {
            return Err(Errno::ENOPROTOOPT);
        }
        let is_named = socket.name.is_some();
        let settings = &mut socket.settings;
        match name {
            IPV6_TCLASS => {
                // Below zero is the default.
                let class = within(value, -1, 0xff)?.min(0x100);
                settings.traffic_class = if class == 0x100 { 0 } else { class as u8 } & !ECN_MASK;
            }
            IPV6_UNICAST_HOPS => settings.hops = hops(int(value)?, 0)?,
            IPV6_MTU_DISCOVER => settings.mtu_discover_v6 = discovery(int(value)?)?,
            IPV6_RECVERR => settings.recv_errors_v6 = int(value)? != 0,
            IPV6_V6ONLY => {
                let only = int(value)? != 0;
                if is_named {
                    return Err(Errno::EINVAL);
                }
                settings.v6_only = only;
            }
            _ => return Err(Errno::ENOPROTOOPT),
        }
        self.apply_ip(now, file);
        Ok(())
    }

    pub(super) fn ip_option(
        &mut self,
        now: Instant,
        file: FileId,
        name: i32,
    ) -> Result<Vec<u8>, Errno> {
        let default_ttl = self.sysctls.ip_default_ttl;
        let socket = self.descriptors.socket(file)?;
        let settings = &socket.settings;
        let number = match name {
            IP_TOS => settings.tos.into(),
            IP_TTL => settings.ttl.unwrap_or(default_ttl).into(),
            IP_MTU_DISCOVER => self.configuration(socket, Domain::Inet).mtu_discover(),
            IP_FREEBIND | IP_TRANSPARENT => settings.free_bind.into(),
            IP_RECVERR => settings.recv_errors.into(),
            IP_MTU => self.path_mtu(now, file)?,
            _ => return Err(Errno::ENOPROTOOPT),
        };
        Ok(number.to_ne_bytes().to_vec())
    }

    pub(super) fn ipv6_option(
        &mut self,
        now: Instant,
        file: FileId,
        name: i32,
    ) -> Result<Vec<u8>, Errno> {
        let default_ttl = self.sysctls.ip_default_ttl;
        let socket = self.descriptors.socket(file)?;
        if socket.domain == Domain::Inet {
            return Err(Errno::ENOPROTOOPT);
        }
        let settings = &socket.settings;
        let number = match name {
            IPV6_TCLASS => settings.traffic_class.into(),
            IPV6_UNICAST_HOPS => settings.hops.unwrap_or(default_ttl).into(),
            IPV6_MTU_DISCOVER => settings.mtu_discover_v6,
            IPV6_V6ONLY => settings.v6_only.into(),
            IPV6_RECVERR => settings.recv_errors_v6.into(),
            IPV6_MTU => self.path_mtu(now, file)?,
            _ => return Err(Errno::ENOPROTOOPT),
        };
        Ok(number.to_ne_bytes().to_vec())
    }

    /// What the path carries, as far as is known: ENOTCONN without a connection.
    fn path_mtu(&mut self, now: Instant, file: FileId) -> Result<i32, Errno> {
        let id = self.descriptors.socket(file)?.connection();
        let id = id.ok_or(Errno::ENOTCONN)?;
        let connection = self.stack.connection(now, id).ok_or(Errno::ENOTCONN)?;
        if state_of(&connection) == State::Closed {
            return Err(Errno::ENOTCONN);
        }
        let headers = tcp_info::header_len(connection.local_addr());
        Ok((connection.info().path_mss + headers) as i32)
    }

    /// Tells a connection its Diffserv code point, its TTL, and what becomes of packets that are too large.
    fn apply_ip(&mut self, now: Instant, file: FileId) {
        let Ok(socket) = self.descriptors.socket(file) else {
            return;
        };
        let Stage::Connection(id) = socket.stage else {
            return;
        };
        let domain = match self.stack.connection(now, id) {
            Some(connection) if connection.local_addr().is_ipv4() => Domain::Inet,
            _ => Domain::Inet6,
        };
        let Ok(socket) = self.descriptors.socket(file) else {
            return;
        };
        let configuration = self.configuration(socket, domain);
        let (dscp, hop_limit) = (configuration.dscp(), configuration.hop_limit());
        let mtu_discovery = configuration.mtu_discovery();
        self.with_connection(now, file, |connection| {
            connection.set_mtu_discovery(mtu_discovery);
            connection.set_dscp(dscp);
            connection.set_hop_limit(hop_limit);
        });
    }
}

/// A TTL of `least` to 255; -1 is the default.
fn hops(number: i32, least: i32) -> Result<Option<u8>, Errno> {
    match u8::try_from(number) {
        Ok(hops) if i32::from(hops) >= least => Ok(Some(hops)),
        _ if number == -1 => Ok(None),
        _ => Err(Errno::EINVAL),
    }
}

/// One of Linux's modes.
fn discovery(number: i32) -> Result<i32, Errno> {
    match number {
        IP_PMTUDISC_DONT..=IP_PMTUDISC_OMIT => Ok(number),
        _ => Err(Errno::EINVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_linuxs() {
        assert_eq!(hops(255, 1), Ok(Some(255)));
        assert_eq!(hops(-1, 1), Ok(None));
        assert_eq!(hops(0, 1), Err(Errno::EINVAL));
        assert_eq!(hops(256, 0), Err(Errno::EINVAL));
        assert_eq!(discovery(2), Ok(2));
        assert_eq!(discovery(5), Ok(5));
        assert_eq!(discovery(-1), Err(Errno::EINVAL));
        assert_eq!(discovery(6), Err(Errno::EINVAL));
    }
}
