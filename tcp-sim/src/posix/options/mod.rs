//! setsockopt(2) and getsockopt(2): options by level and number, values as bytes.

mod fast_open;
mod ip;
mod socket;
mod tcp;
mod value;

use tcp_core::{Instant, QuickAck};

use super::address::Domain;
use super::constants::{SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP};
use super::errno::Errno;
use super::file::FileId;
use super::host::Host;
use super::socket::Stage;

impl Host {
    /// `setsockopt(2)`: the value as it lies in memory; most options take an `int`.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK; ENOPROTOOPT for a level or option that there is not; EINVAL for a value that is
    /// too short or out of bounds; EDOM, EISCONN, ENOENT, EPERM where the option says so.
    pub fn setsockopt(
        &mut self,
        now: Instant,
        fd: i32,
        level: i32,
        name: i32,
        value: &[u8],
    ) -> Result<(), Errno> {
        let file = self.descriptors.socket_id(fd)?;
        let result = match level {
            SOL_SOCKET => self.set_socket_option(now, file, name, value),
            SOL_TCP => self.set_tcp_option(now, file, name, value),
            SOL_IP => self.set_ip_option(now, file, name, value),
            SOL_IPV6 => self.set_ipv6_option(now, file, name, value),
            _ => Err(Errno::ENOPROTOOPT),
        };
        if result.is_ok() {
            self.reconfigure_listener(file);
        }
        self.settle(now);
        result
    }

    /// `getsockopt(2)`: the value as it would lie in memory, cut to `len` bytes.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK; ENOPROTOOPT for a level or option that there is not; ENOTCONN where the option
    /// says so.
    pub fn getsockopt(
        &mut self,
        now: Instant,
        fd: i32,
        level: i32,
        name: i32,
        len: usize,
    ) -> Result<Vec<u8>, Errno> {
        let file = self.descriptors.socket_id(fd)?;
        let mut value = match level {
            SOL_SOCKET => self.socket_option(now, file, name, len),
            SOL_TCP => self.tcp_option(now, file, name),
            SOL_IP => self.ip_option(now, file, name),
            SOL_IPV6 => self.ipv6_option(now, file, name),
            _ => Err(Errno::ENOPROTOOPT),
        }?;
        value.truncate(len);
        Ok(value)
    }

    /// [`setsockopt`](Host::setsockopt) of an `int`.
    ///
    /// # Errors
    ///
    /// Those of [`setsockopt`](Host::setsockopt).
    pub fn set_int_option(
        &mut self,
        now: Instant,
        fd: i32,
        level: i32,
        name: i32,
        value: i32,
    ) -> Result<(), Errno> {
        self.setsockopt(now, fd, level, name, &value.to_ne_bytes())
    }

    /// [`getsockopt`](Host::getsockopt) of an `int`.
    ///
    /// # Errors
    ///
    /// Those of [`getsockopt`](Host::getsockopt).
    pub fn int_option(
        &mut self,
        now: Instant,
        fd: i32,
        level: i32,
        name: i32,
    ) -> Result<i32, Errno> {
        let value = self.getsockopt(now, fd, level, name, 4)?;
        value::int(&value)
    }

    /// What a connection must be told of its socket's settings beside what it was configured with.
    pub(super) fn apply_settings(&mut self, now: Instant, file: FileId) {
        let Ok(socket) = self.descriptors.socket(file) else {
            return;
        };
        let Stage::Connection(id) = socket.stage else {
            return;
        };
        let settings = &socket.settings;
        let mtu_discovery = self.configuration(socket, Domain::Inet).mtu_discovery();
        let (cork, dual) = (settings.cork, socket.is_dual());
        let (tos, ttl) = (settings.tos, settings.ttl);
        let ttl = ttl.unwrap_or(self.sysctls.ip_default_ttl);
        let Some(mut connection) = self.stack.connection(now, id) else {
            return;
        };
        if cork {
            connection.set_cork(true);
        }
        if dual && connection.local_addr().is_ipv4() {
            // A listener of IPv6 configured it, which does not know of which family the peer is.
            connection.set_mtu_discovery(mtu_discovery);
            connection.set_dscp(tos >> 2);
            connection.set_hop_limit(ttl);
        }
    }

    /// TCP_QUICKACK as a number.
    pub(super) fn quick_ack(&mut self, now: Instant, file: FileId) -> i32 {
        let id = self
            .descriptors
            .socket(file)
            .map(|socket| socket.connection());
        let connection = id.ok().flatten();
        let connection = connection.and_then(|id| self.stack.connection(now, id));
        match connection.map(|connection| connection.quick_ack()) {
            Some(QuickAck::Off) => 0,
            Some(QuickAck::On) | None => 1,
        }
    }
}
