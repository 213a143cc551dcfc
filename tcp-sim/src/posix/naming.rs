//! Calls that make sockets and give them names: socket, bind, listen, getsockname, getpeername.

use std::net::{IpAddr, SocketAddr};

use tcp_core::{Instant, ListenAddr, State};

use super::address::{Address, Domain};
use super::configure::Configuration;
use super::constants::{
    AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_MPTCP, IPPROTO_TCP, SOCK_CLOEXEC, SOCK_DGRAM,
    SOCK_NONBLOCK, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM,
};
use super::descriptor::Object;
use super::errno::Errno;
use super::file::{Blocking, FileId, OnExec};
use super::host::Host;
use super::ports::Use;
use super::socket::{Association, Name, NameOrigin, Socket, Stage, state_of};

/// Types of sockets that exist beside SOCK_STREAM (`SOCK_RDM`, `SOCK_DCCP`, `SOCK_PACKET`).
const OTHER_TYPES: [i32; 3] = [4, 6, 10];

/// The bits of a type that name it (`SOCK_TYPE_MASK`).
const TYPE_MASK: i32 = 0xf;

impl Host {
    /// `socket(2)`: a TCP socket of AF_INET or AF_INET6; `kind` may have SOCK_NONBLOCK and SOCK_CLOEXEC.
    ///
    /// # Errors
    ///
    /// EAFNOSUPPORT, EINVAL, ESOCKTNOSUPPORT, EPROTONOSUPPORT for what is not TCP; EMFILE, ENFILE.
    pub fn socket(&mut self, domain: i32, kind: i32, protocol: i32) -> Result<i32, Errno> {
        let flags = kind & !TYPE_MASK;
        if flags & !(SOCK_NONBLOCK | SOCK_CLOEXEC) != 0 {
            return Err(Errno::EINVAL);
        }
        let domain = match domain {
            AF_INET => Domain::Inet,
            AF_INET6 => Domain::Inet6,
            _ => return Err(Errno::EAFNOSUPPORT),
        };
        match kind & TYPE_MASK {
            SOCK_STREAM => {}
            SOCK_DGRAM | SOCK_RAW | SOCK_SEQPACKET => return Err(Errno::ESOCKTNOSUPPORT),
            other if OTHER_TYPES.contains(&other) => return Err(Errno::ESOCKTNOSUPPORT),
            _ => return Err(Errno::EINVAL),
        }
        match protocol {
            IPPROTO_IP | IPPROTO_TCP => {}
            1..=IPPROTO_MPTCP => return Err(Errno::EPROTONOSUPPORT),
            _ => return Err(Errno::EINVAL),
        }
        let room = self.descriptors.room()?;
        let object = Object::Socket(Box::new(Socket::new(domain)));
        let blocking = Blocking::unless(flags & SOCK_NONBLOCK != 0);
        let on_exec = OnExec::of(flags & SOCK_CLOEXEC != 0);
        Ok(self.descriptors.open(room, object, blocking, on_exec).0)
    }

    /// `bind(2)`: gives a socket its local address; port 0 chooses one.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK, EFAULT, EAFNOSUPPORT; EINVAL for a socket that has a name or a connection, and
    /// for an address that is too short; EADDRNOTAVAIL for one that is not ours; EADDRINUSE.
    pub fn bind(&mut self, fd: i32, address: impl Into<Address>) -> Result<(), Errno> {
        let file = self.descriptors.socket_id(fd)?;
        let socket = self.descriptors.socket(file)?;
        let address = match address.into() {
            // As old programs have it: any address of AF_INET may say that it is of none.
            Address::Unspecified if socket.domain == Domain::Inet => socket.domain.any(),
            address => socket.domain.check(address)?,
        };
        let ip = address.ip().to_canonical();
        if ip.is_ipv4() && socket.domain == Domain::Inet6 && socket.settings.v6_only {
            return Err(Errno::EINVAL);
        }
        let anywhere = self.sysctls.ip_nonlocal_bind != 0 || socket.settings.free_bind;
        if !ip.is_unspecified() && !anywhere && !self.is_ours(ip) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        if socket.stage != Stage::Closed || socket.name.is_some() {
            return Err(Errno::EINVAL);
        }
        let port = match address.port() {
            0 => self.free_port(ip)?,
            port => {
                self.check_port(file, ip, port, Use::Bind)?;
                port
            }
        };
        let origin = NameOrigin::Bound;
        self.name(file, Name { ip, port, origin });
        Ok(())
    }

    /// `listen(2)`; of a socket that listens already it changes the backlog. A backlog below zero is the
    /// greatest.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK; EINVAL for a socket with a connection; EADDRINUSE.
    pub fn listen(&mut self, now: Instant, fd: i32, backlog: i32) -> Result<(), Errno> {
        let file = self.descriptors.socket_id(fd)?;
        let socket = self.descriptors.socket(file)?;
        if socket.association != Association::None {
            return Err(Errno::EINVAL);
        }
        // As unsigned, and so for what is below zero.
        let backlog = u32::from_ne_bytes(backlog.to_ne_bytes()).min(self.sysctls.somaxconn);
        match socket.stage {
            Stage::Connection(_) => Err(Errno::EINVAL),
            Stage::Listening(_) => {
                if let Ok(socket) = self.descriptors.socket_mut(file) {
                    socket.backlog = backlog;
                }
                self.reconfigure_listener(file);
                Ok(())
            }
            Stage::Closed => self.start_listening(now, file, backlog),
        }
    }

    fn start_listening(&mut self, now: Instant, file: FileId, backlog: u32) -> Result<(), Errno> {
        let socket = self.descriptors.socket(file)?;
        let (any, domain) = (socket.domain.any().ip(), socket.domain);
        let name = match socket.name {
            Some(name) => name,
            None => Name {
                ip: any,
                port: self.free_port(any)?,
                origin: NameOrigin::Chosen,
            },
        };
        self.check_port(file, name.ip, name.port, Use::Listen)?;
        let everywhere = self.sysctls.listens_fast();
        let socket = self.descriptors.socket_mut(file)?;
        if everywhere && socket.settings.fast_open_queue == 0 {
            socket.settings.fast_open_queue = backlog;
        }
        let socket = self.descriptors.socket(file)?;
        // Every address of both families, of one, or one address.
        let ip = (name.ip != any || domain == Domain::Inet || !socket.is_dual()).then_some(name.ip);
        let address = ListenAddr {
            ip,
            port: Some(name.port),
        };
        let config = self.configuration(socket, domain).listen(backlog as usize);
        let listener = self.stack.listen(address, config);
        let listener = listener.map_err(|error| match error {
            tcp_core::ListenError::NoLocalAddress => Errno::EADDRNOTAVAIL,
            tcp_core::ListenError::AddressInUse | tcp_core::ListenError::NoFreePort => {
                Errno::EADDRINUSE
            }
        })?;
        self.listeners.insert(listener, file);
        self.name(file, name);
        let socket = self.descriptors.socket_mut(file)?;
        socket.stage = Stage::Listening(listener);
        socket.backlog = backlog;
        self.settle(now);
        Ok(())
    }

    /// Options, sysctls or the backlog of a listener have changed.
    pub(super) fn reconfigure_listener(&mut self, file: FileId) {
        let Ok(socket) = self.descriptors.socket(file) else {
            return;
        };
        if let Stage::Listening(listener) = socket.stage {
            let configuration = self.configuration(socket, socket.domain);
            let config = configuration.listen(socket.backlog as usize);
            self.stack.set_listen_config(listener, config);
        }
    }

    /// `getsockname(2)`: the unspecified address and port 0 before there is a name.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK.
    pub fn getsockname(&mut self, now: Instant, fd: i32) -> Result<SocketAddr, Errno> {
        let file = self.descriptors.socket_id(fd)?;
        let socket = self.descriptors.socket(file)?;
        let (domain, name) = (socket.domain, socket.name);
        let connection = socket.connection();
        let connection = connection.and_then(|id| self.stack.connection(now, id));
        let local = match (connection, name) {
            (Some(connection), _) => connection.local_addr(),
            (None, Some(name)) => name.address(),
            (None, None) => domain.any(),
        };
        Ok(domain.show(local))
    }

    /// `getpeername(2)`.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK; ENOTCONN before the handshake has begun to be answered, and after the end.
    pub fn getpeername(&mut self, now: Instant, fd: i32) -> Result<SocketAddr, Errno> {
        let file = self.descriptors.socket_id(fd)?;
        let socket = self.descriptors.socket(file)?;
        let domain = socket.domain;
        let id = socket.connection().ok_or(Errno::ENOTCONN)?;
        let connection = self.stack.connection(now, id).ok_or(Errno::ENOTCONN)?;
        match state_of(&connection) {
            State::Closed | State::SynSent => Err(Errno::ENOTCONN),
            _ => Ok(domain.show(connection.remote_addr())),
        }
    }

    /// How the core is to run a socket whose packets are of family `wire`.
    pub(super) fn configuration<'a>(
        &'a self,
        socket: &'a Socket,
        wire: Domain,
    ) -> Configuration<'a> {
        Configuration {
            sysctls: &self.sysctls,
            settings: &socket.settings,
            domain: wire,
            mtu: self.stack.config().mtu,
        }
    }

    fn is_ours(&self, ip: IpAddr) -> bool {
        self.stack.config().addresses.contains(&ip)
    }
}
