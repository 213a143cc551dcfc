//! The core's errors as `std::io` knows them.

use std::io::{self, ErrorKind};

use tcp_core::{ConnectError, ConnectionError, ListenError};

/// What `std::net` would report when a connection died.
pub(crate) fn from_connection(error: ConnectionError) -> io::Error {
    let kind = match error {
        ConnectionError::Refused | ConnectionError::Prohibited => ErrorKind::ConnectionRefused,
        ConnectionError::Reset => ErrorKind::ConnectionReset,
        ConnectionError::TimedOut => ErrorKind::TimedOut,
        ConnectionError::Aborted => ErrorKind::ConnectionAborted,
        ConnectionError::Unreachable => ErrorKind::HostUnreachable,
        ConnectionError::NoMemory => ErrorKind::OutOfMemory,
    };
    io::Error::new(kind, error)
}

/// What `std::net` would report when `connect` fails at once.
pub(crate) fn from_connect(error: ConnectError) -> io::Error {
    let kind = match error {
        ConnectError::InvalidRemote => ErrorKind::InvalidInput,
        ConnectError::NoLocalAddress
        | ConnectError::NoFreePort
        | ConnectError::OtherStack { .. } => ErrorKind::AddrNotAvailable,
        ConnectError::AddressInUse => ErrorKind::AddrInUse,
        ConnectError::TooMany => ErrorKind::QuotaExceeded,
    };
    io::Error::new(kind, error)
}

/// What `std::net` would report when `bind` fails.
pub(crate) fn from_listen(error: ListenError) -> io::Error {
    let kind = match error {
        ListenError::AddressInUse | ListenError::NoFreePort => ErrorKind::AddrInUse,
        ListenError::NoLocalAddress => ErrorKind::AddrNotAvailable,
    };
    io::Error::new(kind, error)
}

/// The connection is no more, and its error has been told.
pub(crate) fn not_connected() -> io::Error {
    io::Error::new(ErrorKind::NotConnected, "the connection has ended")
}

/// The sending side is closed (`EPIPE`).
pub(crate) fn broken_pipe() -> io::Error {
    io::Error::new(ErrorKind::BrokenPipe, "the sending side is closed")
}

/// A timeout of zero, which `std::net` refuses as well: it would read as "none".
pub(crate) fn zero_timeout() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "a timeout must be above zero")
}

/// A Diffserv code point that does not fit into its field.
pub(crate) fn no_code_point() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "a code point must be 0 to 63")
}

/// A name that resolves to nothing.
pub(crate) fn no_address() -> io::Error {
    let message = "could not resolve to any address";
    io::Error::new(ErrorKind::InvalidInput, message)
}
