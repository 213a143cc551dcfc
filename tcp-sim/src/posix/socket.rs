//! One socket: what calls have made of it.

use std::net::{IpAddr, SocketAddr};

use tcp_core::{Connection, ConnectionId, ListenerId, Shutdown, State};

use super::address::Domain;
use super::errno::Errno;
use super::error_queue::ErrorQueue;
use super::settings::Settings;

/// A TCP socket.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    pub(super) domain: Domain,
    pub(super) settings: Settings,
    pub(super) stage: Stage,
    pub(super) association: Association,
    /// The local address and port, once it has one.
    pub(super) name: Option<Name>,
    /// The pending error (`sk_err`, SO_ERROR).
    pub(super) error: Option<Errno>,
    /// SHUT_RD: reads end once what is there is read.
    pub(super) recv_shut: bool,
    /// SHUT_WR: writes fail.
    pub(super) send_shut: bool,
    /// What is told by MSG_ERRQUEUE.
    pub(super) error_queue: ErrorQueue,
    /// Of a listener, cut to somaxconn.
    pub(super) backlog: u32,
}

/// What is behind a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Nothing: CLOSED.
    Closed,
    /// LISTEN.
    Listening(ListenerId),
    /// Any other state, and CLOSED after it: the connection tells.
    Connection(ConnectionId),
}

/// What `connect` knows about a socket (`enum socket_state`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Association {
    /// SS_UNCONNECTED.
    None,
    /// SS_CONNECTING: `connect` has not told the end of it yet.
    Connecting,
    /// SS_CONNECTED.
    Connected,
    /// SS_DISCONNECTING.
    Dissolving,
}

/// A local address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Name {
    /// Unspecified for every address; IPv4 is not mapped.
    pub(super) ip: IpAddr,
    pub(super) port: u16,
    pub(super) origin: NameOrigin,
}

/// Who chose a local address, and what of it stays when the socket is disconnected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NameOrigin {
    /// `bind`, or the listener that accepted it.
    Bound,
    /// `connect` or `listen`.
    Chosen,
}

/// The state of a connection as its socket has it: one in TIME-WAIT has left its socket, which is in
/// CLOSED then (`tcp_time_wait`).
pub(super) fn state_of(connection: &Connection) -> State {
    match connection.state() {
        State::TimeWait => State::Closed,
        state => state,
    }
}

/// Whether its handshake is under way, and it is of no use before: one that was opened fast by its peer is
/// (`tcp_passive_fastopen`).
pub(super) fn is_opening(connection: &Connection) -> bool {
    match connection.state() {
        State::SynSent => true,
        State::SynReceived => !connection.is_early(),
        _ => false,
    }
}

impl Name {
    pub(super) const fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

impl Socket {
    pub(super) fn new(domain: Domain) -> Self {
        Socket {
            domain,
            settings: Settings::default(),
            stage: Stage::Closed,
            association: Association::None,
            name: None,
            error: None,
            recv_shut: false,
            send_shut: false,
            error_queue: ErrorQueue::default(),
            backlog: 0,
        }
    }

    /// Takes the pending error (`sock_error`).
    pub(super) fn take_error(&mut self) -> Result<(), Errno> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Notes what the user has shut down.
    pub(super) fn shut(&mut self, how: Shutdown) {
        self.recv_shut |= how != Shutdown::Write;
        self.send_shut |= how != Shutdown::Read;
    }

    pub(super) const fn connection(&self) -> Option<ConnectionId> {
        match self.stage {
            Stage::Connection(id) => Some(id),
            Stage::Closed | Stage::Listening(_) => None,
        }
    }

    pub(super) const fn is_listening(&self) -> bool {
        matches!(self.stage, Stage::Listening(_))
    }

    /// Whether it has ports of IPv4 as well as of IPv6.
    pub(super) fn is_dual(&self) -> bool {
        self.domain == Domain::Inet6 && !self.settings.v6_only
    }
}
