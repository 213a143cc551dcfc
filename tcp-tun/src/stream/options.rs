//! What a stream can be told, with the names of `std::net`.

use std::io;
use std::time::Duration;

use tcp_core::{CongestionAlgorithm, KeepAlive, SoftError, TcpConfig};

use super::TcpStream;
use crate::error;

/// Shared by all handles of a connection, as socket options are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) read_timeout: Option<Duration>,
    pub(super) write_timeout: Option<Duration>,
    pub(super) linger: Option<Duration>,
    pub(super) nodelay: bool,
    pub(super) nonblocking: bool,
}

impl Options {
    /// Those that a connection is configured with from its birth.
    pub(super) fn of(config: &TcpConfig) -> Options {
        Options {
            read_timeout: None,
            write_timeout: None,
            linger: config.linger,
            nodelay: !config.nagle,
            nonblocking: false,
        }
    }
}

impl TcpStream {
    /// How long a read waits; `None`, the default, is without end.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.options.lock().read_timeout = above_zero(timeout)?;
        Ok(())
    }

    /// What [`set_read_timeout`](TcpStream::set_read_timeout) set.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.inner.options.lock().read_timeout)
    }

    /// How long a write waits for room, and a flush for acknowledgements; `None`, the default, is
    /// without end.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.options.lock().write_timeout = above_zero(timeout)?;
        Ok(())
    }

    /// What [`set_write_timeout`](TcpStream::set_write_timeout) set.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.inner.options.lock().write_timeout)
    }

    /// Whether calls fail with `WouldBlock` in place of waiting. The drop of the last handle
    /// [lingers](TcpStream::set_linger) even so.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.inner.options.lock().nonblocking = nonblocking;
        Ok(())
    }

    /// Whether small segments are sent at once, in place of waiting for what is outstanding
    /// (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.with(|connection| connection.set_nodelay(nodelay))?;
        self.inner.options.lock().nodelay = nodelay;
        Ok(())
    }

    /// What [`set_nodelay`](TcpStream::set_nodelay) set.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.inner.options.lock().nodelay)
    }

    /// What the drop of the last handle does with data that is not acknowledged (`SO_LINGER`): `None`
    /// delivers it in the background, a duration waits so long for that, and zero throws it away and
    /// resets the connection. As on Linux, the drop waits even where other calls
    /// [do not](TcpStream::set_nonblocking).
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.with(|connection| connection.set_linger(linger))?;
        self.inner.options.lock().linger = linger;
        Ok(())
    }

    /// What [`set_linger`](TcpStream::set_linger) set.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(self.inner.options.lock().linger)
    }

    /// Probes the peer while the connection is idle (`SO_KEEPALIVE`, `TCP_KEEPIDLE`,
    /// `TCP_KEEPINTVL`, `TCP_KEEPCNT`).
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn set_keep_alive(&self, keep_alive: Option<KeepAlive>) -> io::Result<()> {
        self.with(|connection| connection.set_keep_alive(keep_alive))
    }

    /// Changes the Diffserv code point of what is sent from now on, 0 to 63 (`IP_TOS >> 2`). Leave it,
    /// unless those who run the network have said what it stands for there (RFC 9293 §3.9.1.9).
    ///
    /// # Errors
    ///
    /// `InvalidInput` above 63, `NotConnected` after the interface's shutdown.
    pub fn set_dscp(&self, dscp: u8) -> io::Result<()> {
        if dscp > 63 {
            return Err(error::no_code_point());
        }
        self.with(|connection| connection.set_dscp(dscp))
    }

    /// Changes the TTL or hop limit of what is sent from now on (`IP_TTL`, `IPV6_UNICAST_HOPS`); 0 counts as
    /// 1.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn set_hop_limit(&self, hop_limit: u8) -> io::Result<()> {
        self.with(|connection| connection.set_hop_limit(hop_limit))
    }

    /// Whether complaints of the network that end nothing are kept for
    /// [`take_soft_error`](TcpStream::take_soft_error), as they are by default.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn set_soft_errors(&self, told: bool) -> io::Result<()> {
        self.with(|connection| connection.set_soft_errors(told))
    }

    /// Takes the last complaint of the network about what this connection has sent: the connection goes on,
    /// and no call fails because of it (RFC 9293 §3.9.1.8). One that came before the peer last acknowledged
    /// something new is forgotten.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn take_soft_error(&self) -> io::Result<Option<SoftError>> {
        self.with(|connection| connection.take_soft_error())
    }

    /// Whether R1 retransmissions ([`TcpConfig::retries1`]) or more have gone unanswered (RFC 9293 §3.8.3):
    /// the connection goes on trying.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn is_unresponsive(&self) -> io::Result<bool> {
        self.with(|connection| connection.is_unresponsive())
    }

    /// Changes the congestion control (`TCP_CONGESTION`), at any time: the new one goes on with the
    /// window and the threshold of the old one. [`info`](TcpStream::info) has its name.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn set_congestion(&self, algorithm: CongestionAlgorithm) -> io::Result<()> {
        self.with(|connection| connection.set_congestion(algorithm))
    }

    /// The congestion control in use.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn congestion(&self) -> io::Result<CongestionAlgorithm> {
        self.with(|connection| connection.congestion().clone())
    }
}

fn above_zero(timeout: Option<Duration>) -> io::Result<Option<Duration>> {
    if timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err(error::zero_timeout());
    }
    Ok(timeout)
}
