//! Who has which port, and who may have it as well (`inet_csk_get_port`).

use std::net::IpAddr;

use super::address::Domain;
use super::errno::Errno;
use super::file::FileId;
use super::host::Host;
use super::socket::{Name, NameOrigin, Socket};

/// What a socket would do with a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// Have it.
    Bind,
    /// Listen on it.
    Listen,
}

impl Host {
    /// Whether the socket may have this port at this address: nobody has it, or both say that it may be
    /// shared. What closed connections have left behind shares its port with whoever sets SO_REUSEADDR.
    pub(super) fn check_port(
        &self,
        file: FileId,
        ip: IpAddr,
        port: u16,
        purpose: Use,
    ) -> Result<(), Errno> {
        let socket = self.descriptors.socket(file)?;
        let others = self.ports.get(&port).into_iter().flatten();
        for &other in others.filter(|&&other| other != file) {
            let other = self.descriptors.socket(other)?;
            let Some(name) = other.name else {
                continue;
            };
            if overlap((socket, ip), (other, name.ip)) && !may_share(socket, other) {
                return Err(Errno::EADDRINUSE);
            }
        }
        let is_settled = purpose == Use::Listen || socket.settings.reuse_address;
        if !is_settled && self.has_remains(port) {
            return Err(Errno::EADDRINUSE);
        }
        Ok(())
    }

    /// Whether a connection that no socket has any more still lives on this port. The cost is linear in
    /// the number of connections.
    fn has_remains(&self, port: u16) -> bool {
        let mut connections = self.stack.sockets();
        connections.any(|(id, local, _, _)| {
            let is_owned = id.is_some_and(|id| self.owners.contains_key(&id));
            local.port() == port && !is_owned
        })
    }

    /// A port that nobody has, for `bind` and `listen`: EADDRINUSE where each is taken.
    pub(super) fn free_port(&mut self, ip: IpAddr) -> Result<u16, Errno> {
        let ports = &self.ports;
        let port = (self.stack).ephemeral_port(ip, None, |port| !ports.contains_key(&port));
        port.ok_or(Errno::EADDRINUSE)
    }

    /// Whether `connect` may choose this port: not where a socket was bound to it.
    pub(super) fn is_free_for_connect(&self, port: u16) -> bool {
        let mut sockets = self.ports.get(&port).into_iter().flatten();
        sockets.all(|&file| {
            let socket = self.descriptors.socket(file);
            let name = socket.ok().and_then(|socket| socket.name);
            name.is_none_or(|name| name.origin == NameOrigin::Chosen)
        })
    }

    /// Gives a socket its name.
    pub(super) fn name(&mut self, file: FileId, name: Name) {
        if let Ok(socket) = self.descriptors.socket_mut(file) {
            socket.name = Some(name);
            self.ports.entry(name.port).or_default().insert(file);
        }
    }

    /// Takes a name from its socket.
    pub(super) fn unname(&mut self, file: FileId, name: Name) {
        if let Ok(socket) = self.descriptors.socket_mut(file) {
            socket.name = None;
        }
        if let Some(files) = self.ports.get_mut(&name.port) {
            files.remove(&file);
            if files.is_empty() {
                self.ports.remove(&name.port);
            }
        }
    }
}

/// Whether a packet could be for either of two sockets with these addresses.
fn overlap((one, one_ip): (&Socket, IpAddr), (other, other_ip): (&Socket, IpAddr)) -> bool {
    let same_family = one_ip.is_ipv4() == other_ip.is_ipv4();
    if same_family {
        return one_ip == other_ip || one_ip.is_unspecified() || other_ip.is_unspecified();
    }
    let (wide, wide_ip) = match one.domain {
        Domain::Inet6 if one_ip.is_ipv6() => (one, one_ip),
        _ => (other, other_ip),
    };
    wide_ip.is_unspecified() && wide.is_dual()
}

/// SO_REUSEADDR lets sockets share a port on which none of them listens, SO_REUSEPORT any port.
fn may_share(socket: &Socket, other: &Socket) -> bool {
    let (one, two) = (&socket.settings, &other.settings);
    (one.reuse_port && two.reuse_port)
        || (one.reuse_address && two.reuse_address && !other.is_listening())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(domain: Domain) -> Socket {
        Socket::new(domain)
    }

    #[test]
    fn addresses_overlap_as_packets_would() {
        let (v4, v6) = (socket(Domain::Inet), socket(Domain::Inet6));
        let mut v6_only = socket(Domain::Inet6);
        v6_only.settings.v6_only = true;
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (one, one_ip, other, other_ip, expected) in [
            (&v4, "10.0.0.1", &v4, "10.0.0.1", true),
            (&v4, "10.0.0.1", &v4, "10.0.0.2", false),
            (&v4, "10.0.0.1", &v4, "0.0.0.0", true),
            (&v4, "0.0.0.0", &v6, "::", true),
            (&v6, "::", &v4, "10.0.0.1", true),
            (&v6, "::1", &v4, "10.0.0.1", false),
            (&v4, "0.0.0.0", &v6_only, "::", false),
            (&v6, "10.0.0.1", &v4, "10.0.0.1", true),
        ] {
            let overlaps = overlap((one, ip(one_ip)), (other, ip(other_ip)));
            assert_eq!(overlaps, expected, "{one_ip} {other_ip}");
        }
    }
}
