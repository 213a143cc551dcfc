//! One error type per call; [`ConnectionError`] says why a connection died.

use core::fmt;

use crate::pack::packs;

/// Why a connection ended without both sides having closed it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConnectionError {
    /// The peer answered our SYN with RST (`ECONNREFUSED`).
    Refused,
    /// The peer sent RST on an established connection (`ECONNRESET`).
    Reset,
    /// Retransmissions, probes or keep-alives went unanswered for too long (`ETIMEDOUT`).
    TimedOut,
    /// The local user aborted it, or closed it with data unread (`ECONNABORTED`).
    Aborted,
    /// An ICMP error said that the host or network cannot be reached (`EHOSTUNREACH`).
    Unreachable,
    /// An ICMP error said that the host does not speak TCP, or forbids it (`ECONNREFUSED`).
    Prohibited,
    /// The stack ended it, for it held more than [`Limits`](crate::Limits) leave (`ENOMEM`).
    NoMemory,
}

packs!(
    enum ConnectionError {
        Refused,
        Reset,
        TimedOut,
        Aborted,
        Unreachable,
        Prohibited,
        NoMemory,
    }
);

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnectionError::Refused => "connection refused by the peer",
            ConnectionError::Reset => "connection reset by the peer",
            ConnectionError::TimedOut => "connection timed out",
            ConnectionError::Aborted => "connection aborted locally",
            ConnectionError::Unreachable => "host or network unreachable",
            ConnectionError::Prohibited => "the destination refuses this protocol",
            ConnectionError::NoMemory => "ended for want of memory",
        })
    }
}

impl core::error::Error for ConnectionError {}

/// What the network complains of without ending a connection: a soft error (RFC 9293 §3.9.1.8, §3.9.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SoftError {
    /// No route to the peer's network (`ENETUNREACH`).
    NetworkUnreachable,
    /// The peer's host does not answer its last router, or cannot be reached for a reason that has no name
    /// here, as a source route that failed (`EHOSTUNREACH`).
    HostUnreachable,
    /// The host or a router refuses protocol, port or packet: what ends a handshake is soft to a connection
    /// that has been established (RFC 5927 §4.3; `ECONNREFUSED`).
    Refused,
    /// Too many hops, or a fragment that never came (`EHOSTUNREACH`).
    TimeExceeded,
    /// Somebody found fault with the IP header (`EPROTO`).
    ParameterProblem,
}

packs!(
    enum SoftError {
        NetworkUnreachable,
        HostUnreachable,
        Refused,
        TimeExceeded,
        ParameterProblem,
    }
);

impl fmt::Display for SoftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SoftError::NetworkUnreachable => "network unreachable",
            SoftError::HostUnreachable => "host unreachable",
            SoftError::Refused => "protocol, port or packet refused",
            SoftError::TimeExceeded => "time exceeded on the way",
            SoftError::ParameterProblem => "a parameter of the IP header is wrong",
        })
    }
}

/// Why [`read`](crate::Connection::read) or [`peek`](crate::Connection::peek) gave no bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReadError {
    /// Nothing to read yet; [`Readable`](crate::ConnectionEvent::Readable) tells when.
    WouldBlock,
    /// The connection died before the stream ended. Reported once; later reads give end of stream.
    Connection(ConnectionError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::WouldBlock => f.write_str("no data to read yet"),
            ReadError::Connection(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ReadError {}

/// Why [`write`](crate::Connection::write) took no bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WriteError {
    /// The send buffer is full; [`Writable`](crate::ConnectionEvent::Writable) tells when to go on.
    WouldBlock,
    /// The sending side was shut down, or the connection has ended (`EPIPE`).
    Closed,
    /// The connection died. Reported once; later writes give [`WriteError::Closed`].
    Connection(ConnectionError),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::WouldBlock => f.write_str("the send buffer is full"),
            WriteError::Closed => f.write_str("the sending side is closed"),
            WriteError::Connection(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for WriteError {}

/// Why [`Stack::listen`](crate::Stack::listen) failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ListenError {
    /// Another listener has this address and port (`EADDRINUSE`).
    AddressInUse,
    /// No ephemeral port is free (`EADDRINUSE`).
    NoFreePort,
    /// The address is none of ours, or not one that a connection can have (`EADDRNOTAVAIL`).
    NoLocalAddress,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ListenError::AddressInUse => "another listener has this address and port",
            ListenError::NoFreePort => "no ephemeral port is free",
            ListenError::NoLocalAddress => "the address to listen on is none of ours",
        })
    }
}

impl core::error::Error for ListenError {}

/// Why [`Stack::accept`](crate::Stack::accept) gave no connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AcceptError {
    /// The accept queue is empty; [`Event::Incoming`](crate::Event::Incoming) tells when it is not.
    WouldBlock,
    /// No listener has this id (it was closed).
    NoSuchListener,
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AcceptError::WouldBlock => "no connection is waiting to be accepted",
            AcceptError::NoSuchListener => "the listener was closed",
        })
    }
}

impl core::error::Error for AcceptError {}

/// Why [`Stack::connect`](crate::Stack::connect) failed at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConnectError {
    /// The remote address is unspecified, broadcast or multicast, or its port is 0 (MUST-46).
    InvalidRemote,
    /// No local address of the remote's family is configured (`EADDRNOTAVAIL`).
    NoLocalAddress,
    /// A connection with these four numbers exists (`EADDRINUSE`).
    AddressInUse,
    /// No ephemeral port is free towards this remote (`EADDRNOTAVAIL`).
    NoFreePort,
    /// The local port that was asked for makes this a flow of another stack, of several that share
    /// their addresses ([`Steering`](crate::Steering)): that is where to connect.
    OtherStack {
        /// Which.
        owner: u16,
    },
    /// There are as many connections, or their buffers hold as much, as [`Limits`](crate::Limits) say (`ENOBUFS`).
    TooMany,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnectError::InvalidRemote => "the remote address cannot be connected to",
            ConnectError::NoLocalAddress => "no local address of the remote's family is configured",
            ConnectError::AddressInUse => "a connection between these endpoints exists",
            ConnectError::NoFreePort => "no ephemeral port is free towards this remote",
            ConnectError::OtherStack { .. } => {
                "the flow between these endpoints is another stack's"
            }
            ConnectError::TooMany => "there are as many connections as there may be",
        })
    }
}

impl core::error::Error for ConnectError {}

/// What is wrong with a configuration; the message names the field and its bounds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ConfigError {
    /// The field at fault.
    pub field: &'static str,
    /// What the field must satisfy.
    pub expected: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.expected)
    }
}

impl core::error::Error for ConfigError {}
