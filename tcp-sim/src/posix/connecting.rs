//! Active opens: connect, and what dissolves one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tcp_core::{ConnectError, ConnectionId, CookieNeed, Instant, State};

use super::address::{Address, Domain};
use super::call::{Connect, Kind, Outcome, Patience};
use super::errno::Errno;
use super::file::FileId;
use super::host::{ANYTHING, Host};
use super::messages::Reply;
use super::socket::{Association, Name, NameOrigin, Stage};

impl Host {
    /// `connect(2)`. An address of AF_UNSPEC dissolves the association, and lets the socket be used anew.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK, EFAULT, EINVAL, EAFNOSUPPORT; EISCONN, EALREADY, EINPROGRESS; ECONNREFUSED,
    /// ETIMEDOUT, EHOSTUNREACH, ECONNABORTED for one that failed; ENETUNREACH for an address that no
    /// connection can have; EADDRNOTAVAIL where no port is free towards it, or the connection exists.
    pub fn connect(&mut self, now: Instant, fd: i32, address: impl Into<Address>) -> Outcome {
        match self.start_connect(now, fd, address.into()) {
            Ok(Some((connect, patience))) => self.begin(now, Kind::Connect(connect), patience),
            Ok(None) => Outcome::Done(Ok(Reply::Connected)),
            Err(errno) => Outcome::Done(Err(errno)),
        }
    }

    /// What is to be waited for, and how long; `None` where an association was dissolved, or the SYN waits for
    /// data.
    fn start_connect(
        &mut self,
        now: Instant,
        fd: i32,
        address: Address,
    ) -> Result<Option<(Connect, Patience)>, Errno> {
        let file = self.descriptors.socket_id(fd)?;
        match address {
            Address::Bad => return Err(Errno::EFAULT),
            Address::Unspecified => {
                self.dissolve(now, file);
                return Ok(None);
            }
            _ => {}
        }
        let deferred = self.is_deferred(now, file);
        let socket = self.descriptors.socket(file)?;
        let pending = match (socket.association, socket.stage) {
            (Association::Connected, _) => return Err(Errno::EISCONN),
            (Association::Dissolving, _) => return Err(Errno::EINVAL),
            (Association::Connecting, _) if deferred => {
                return Err(Errno::EISCONN);
            }
            (Association::Connecting, _) => Errno::EALREADY,
            (Association::None, Stage::Closed) => {
                let waits = socket.settings.fast_open_connect;
                let need = waits.then(|| self.cookie_need(file));
                self.open(now, file, address, need)?;
                if self.is_deferred(now, file) {
                    return Ok(None);
                }
                Errno::EINPROGRESS
            }
            (Association::None, _) => return Err(Errno::EISCONN),
        };
        let blocking = self.descriptors.file(file)?.blocking;
        let timeout = self.descriptors.socket(file)?.settings.send_timeout;
        let patience = Patience::of(blocking, timeout);
        Ok(Some((Connect { file, pending }, patience)))
    }

    /// Sends the SYN (`tcp_v4_connect`), by fast open if the need of a cookie is told.
    pub(super) fn open(
        &mut self,
        now: Instant,
        file: FileId,
        address: Address,
        fast: Option<CookieNeed>,
    ) -> Result<(), Errno> {
        let socket = self.descriptors.socket(file)?;
        let remote = socket.domain.check(address)?;
        let remote = SocketAddr::new(loopback_for_any(remote.ip().to_canonical()), remote.port());
        let wire = if remote.is_ipv4() {
            Domain::Inet
        } else {
            Domain::Inet6
        };
        if wire != socket.domain && socket.settings.v6_only {
            return Err(Errno::ENETUNREACH);
        }
        let config = self.configuration(socket, wire).tcp();
        let name = socket.name;
        let bound = name.map(|name| name.ip).filter(|ip| !ip.is_unspecified());
        let ip = match bound {
            Some(ip) if ip.is_ipv4() == remote.is_ipv4() => ip,
            Some(_) => return Err(Errno::EINVAL),
            None => self.source_address(remote.ip())?,
        };
        let port = match name {
            Some(name) => name.port,
            None => self.port_towards(ip, remote)?,
        };
        let local = SocketAddr::new(ip, port);
        let (stack, local) = (&mut self.stack, Some(local));
        let id = match fast {
            Some(need) => stack.connect_fast(now, local, remote, config, need),
            None => stack.connect(now, local, remote, config),
        };
        let id = id.map_err(errno_of)?;
        self.owners.insert(id, file);
        if name.is_none() {
            let origin = NameOrigin::Chosen;
            self.name(file, Name { ip, port, origin });
        }
        let socket = self.descriptors.socket_mut(file)?;
        socket.stage = Stage::Connection(id);
        socket.association = Association::Connecting;
        socket.error = None;
        self.apply_settings(now, file);
        Ok(())
    }

    /// Our first address of the remote's family.
    fn source_address(&self, remote: IpAddr) -> Result<IpAddr, Errno> {
        let addresses = self.stack.config().addresses.iter().copied();
        let mut addresses = addresses.filter(|ip| ip.is_ipv4() == remote.is_ipv4());
        addresses.next().ok_or(Errno::ENETUNREACH)
    }

    fn port_towards(&mut self, ip: IpAddr, remote: SocketAddr) -> Result<u16, Errno> {
        let taken: Vec<u16> = (self.ports.keys().copied())
            .filter(|&port| !self.is_free_for_connect(port))
            .collect();
        let is_free = |port| taken.binary_search(&port).is_err();
        let port = self.stack.ephemeral_port(ip, Some(remote), is_free);
        port.ok_or(Errno::EADDRNOTAVAIL)
    }

    /// The second half of `connect`: what has become of the handshake.
    pub(super) fn try_connect(
        &mut self,
        now: Instant,
        connect: &Connect,
    ) -> Option<Result<Reply, Errno>> {
        let file = connect.file;
        if self.is_connecting(now, file) {
            return None;
        }
        let has_ended = matches!(self.state(now, file), None | Some(State::Closed));
        let socket = match self.descriptors.socket_mut(file) {
            Ok(socket) => socket,
            Err(errno) => return Some(Err(errno)),
        };
        if has_ended {
            let error = socket.take_error().err();
            socket.association = Association::None;
            self.disconnect(now, file);
            return Some(Err(error.unwrap_or(Errno::ECONNABORTED)));
        }
        socket.association = Association::Connected;
        Some(Ok(Reply::Connected))
    }

    /// `connect` to AF_UNSPEC.
    fn dissolve(&mut self, now: Instant, file: FileId) {
        self.disconnect(now, file);
        if let Ok(socket) = self.descriptors.socket_mut(file) {
            socket.association = Association::None;
        }
        self.settle(now);
    }

    /// Ends whatever is behind a socket, which may be used anew then (`tcp_disconnect`). What was chosen
    /// for it is forgotten; what was bound stays.
    pub(super) fn disconnect(&mut self, now: Instant, file: FileId) {
        let state = self.state(now, file);
        let Ok(socket) = self.descriptors.socket_mut(file) else {
            return;
        };
        let (stage, name) = (socket.stage, socket.name);
        socket.stage = Stage::Closed;
        socket.recv_shut = false;
        socket.send_shut = false;
        if state.is_some_and(hears_of_disconnect) {
            socket.error = Some(Errno::ECONNRESET);
        }
        match stage {
            Stage::Closed => {}
            Stage::Listening(listener) => {
                self.listeners.remove(&listener);
                self.stack.close_listener(now, listener);
            }
            Stage::Connection(id) => self.abort(now, id),
        }
        if let Some(name) = name.filter(|name| name.origin == NameOrigin::Chosen) {
            self.unname(file, name);
        }
        self.wake(file, ANYTHING);
    }

    /// Ends a connection with RST, where the peer knows of it, and forgets it.
    fn abort(&mut self, now: Instant, id: ConnectionId) {
        self.owners.remove(&id);
        if let Some(mut connection) = self.stack.connection(now, id) {
            connection.abort();
            connection.close();
        }
    }
}

/// Whether `tcp_disconnect` leaves ECONNRESET behind.
fn hears_of_disconnect(state: State) -> bool {
    !matches!(
        state,
        State::Closed | State::Closing | State::LastAck | State::TimeWait
    )
}

/// To connect to no address is to connect to this host.
fn loopback_for_any(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    }
}

fn errno_of(error: ConnectError) -> Errno {
    match error {
        ConnectError::InvalidRemote => Errno::ENETUNREACH,
        // A host is one stack, so no flow of its is another's.
        ConnectError::NoLocalAddress
        | ConnectError::AddressInUse
        | ConnectError::NoFreePort
        | ConnectError::OtherStack { .. } => Errno::EADDRNOTAVAIL,
        ConnectError::TooMany => Errno::ENOBUFS,
    }
}
