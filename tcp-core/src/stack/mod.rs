//! Many connections: one address space, one clock, one queue of packets.

pub(crate) mod isn;
pub(crate) mod keys;
pub(crate) mod ports;
pub(crate) mod wheel;

use core::net::{IpAddr, SocketAddr};

use crate::config::{ListenConfig, StackConfig, ValidConfig};
use crate::connection::{Connection, State};
use crate::error::{AcceptError, ConnectError, ListenError};
use crate::event::{ConnectionId, Event, ListenerId, PacketMeta, SynDecision, SynId, Transmit};
use crate::stats::Counters;
use crate::time::Instant;

/// A TCP endpoint with any number of connections and listeners.
#[derive(Clone, Debug)]
pub struct Stack {
    config: StackConfig,
    counters: Counters,
}

/// Where a listener listens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ListenAddr {
    /// The local address, or `None` for every address.
    pub ip: Option<IpAddr>,
    /// The local port, or `None` for every port. (Port 0 in [`ListenAddr::from`] means: choose one.)
    pub port: Option<u16>,
}

impl ListenAddr {
    /// Every address and every port: the catch-all of a proxy or tunnel.
    pub const ANY: ListenAddr = ListenAddr {
        ip: None,
        port: None,
    };
}

/// As `bind` reads it: an unspecified address is every address of both families.
impl From<SocketAddr> for ListenAddr {
    fn from(addr: SocketAddr) -> Self {
        let ip = (!addr.ip().is_unspecified()).then_some(addr.ip());
        ListenAddr {
            ip,
            port: Some(addr.port()),
        }
    }
}

impl Stack {
    /// A stack whose random choices all derive from `secret`.
    pub fn new(config: StackConfig, secret: [u8; 32]) -> Stack {
        let _ = secret;
        Stack {
            config,
            counters: Counters::default(),
        }
    }

    /// Starts to take connections.
    pub fn listen(
        &mut self,
        local: impl Into<ListenAddr>,
        config: ListenConfig,
    ) -> Result<ListenerId, ListenError> {
        let _ = (local.into(), config);
        todo!()
    }

    /// Where the listener listens; tells the port that was chosen for port 0.
    pub fn listener_addr(&self, listener: ListenerId) -> Option<ListenAddr> {
        let _ = listener;
        todo!()
    }

    /// Stops listening. Half-open connections are forgotten; those that wait to be accepted are
    /// reset, as Linux does.
    pub fn close_listener(&mut self, now: Instant, listener: ListenerId) {
        let _ = (now, listener);
        todo!()
    }

    /// The next connection of a listener's accept queue.
    pub fn accept(&mut self, listener: ListenerId) -> Result<ConnectionId, AcceptError> {
        let _ = listener;
        todo!()
    }

    /// Answers [`Event::Syn`]; says whether the SYN was still there.
    pub fn decide(&mut self, now: Instant, syn: SynId, decision: SynDecision) -> bool {
        let _ = (now, syn, decision);
        todo!()
    }

    /// Active open. Without `local`, the first address of the remote's family and an ephemeral port
    /// (RFC 6056); with port 0, an ephemeral port on that address.
    pub fn connect(
        &mut self,
        now: Instant,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: ValidConfig,
    ) -> Result<ConnectionId, ConnectError> {
        let _ = (now, local, remote, config);
        todo!()
    }

    /// Access to one connection; `None` once it is gone. The time is that of the calls made on it.
    pub fn connection(&mut self, now: Instant, id: ConnectionId) -> Option<ConnectionMut<'_>> {
        let _ = (now, id);
        todo!()
    }

    /// Every connection with its local and remote address and its state (as `ss`), half-open and
    /// TIME-WAIT ones included. For people to look at: the cost is linear.
    pub fn sockets(
        &self,
    ) -> impl Iterator<Item = (Option<ConnectionId>, SocketAddr, SocketAddr, State)> + '_ {
        core::iter::empty()
    }

    /// An IP packet arrived.
    pub fn handle_packet(&mut self, now: Instant, packet: &[u8], meta: PacketMeta) {
        let _ = (now, packet, meta);
        todo!()
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }

    /// Writes the next packet to the start of `buf`, which must hold the MTU; drain until `None`.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let _ = (now, buf);
        todo!()
    }

    /// When to call `handle_timeout` next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// The next event; drain until `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        todo!()
    }

    /// What has been counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The configuration.
    pub fn config(&self) -> &StackConfig {
        &self.config
    }
}

/// One connection of a [`Stack`], borrowed for calls: dereferences to [`Connection`] for what only
/// looks. When dropped, the stack takes note of what the calls changed.
pub struct ConnectionMut<'a> {
    stack: &'a mut Stack,
    id: ConnectionId,
    now: Instant,
}

impl ConnectionMut<'_> {
    /// Our address.
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }

    /// The peer's address.
    pub fn remote_addr(&self) -> SocketAddr {
        todo!()
    }

    /// See [`Connection::read`].
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize, crate::error::ReadError> {
        let _ = (buf, &self.stack, self.id, self.now);
        todo!()
    }

    /// See [`Connection::peek`].
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize, crate::error::ReadError> {
        let _ = buf;
        todo!()
    }

    /// See [`Connection::write`].
    pub fn write(&mut self, data: &[u8]) -> Result<usize, crate::error::WriteError> {
        let _ = data;
        todo!()
    }

    /// See [`Connection::shutdown`].
    pub fn shutdown(&mut self, how: crate::connection::Shutdown) {
        let _ = how;
        todo!()
    }

    /// See [`Connection::close`]. The id is stale from now on; the stack finishes by itself.
    pub fn close(self) {
        todo!()
    }

    /// See [`Connection::abort`]. The id stays valid until `close`.
    pub fn abort(&mut self) {
        todo!()
    }

    /// See [`Connection::take_error`].
    pub fn take_error(&mut self) -> Option<crate::error::ConnectionError> {
        todo!()
    }

    /// See [`Connection::info`].
    pub fn info(&self) -> crate::stats::TcpInfo {
        todo!()
    }

    /// See [`Connection::set_nodelay`].
    pub fn set_nodelay(&mut self, nodelay: bool) {
        let _ = nodelay;
        todo!()
    }

    /// See [`Connection::set_cork`].
    pub fn set_cork(&mut self, cork: bool) {
        let _ = cork;
        todo!()
    }

    /// See [`Connection::set_keep_alive`].
    pub fn set_keep_alive(&mut self, keep_alive: Option<crate::config::KeepAlive>) {
        let _ = keep_alive;
        todo!()
    }

    /// See [`Connection::set_user_timeout`].
    pub fn set_user_timeout(&mut self, user_timeout: Option<core::time::Duration>) {
        let _ = user_timeout;
        todo!()
    }

    /// See [`Connection::set_linger`].
    pub fn set_linger(&mut self, linger: Option<core::time::Duration>) {
        let _ = linger;
        todo!()
    }

    /// See [`Connection::set_dscp`].
    pub fn set_dscp(&mut self, dscp: u8) {
        let _ = dscp;
        todo!()
    }
}

impl core::ops::Deref for ConnectionMut<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        todo!()
    }
}
