//! A connection as `std::net` has it.

mod connect;
mod io_impl;
mod options;

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use tcp_core::{
    ConnectionId, ConnectionMut, Instant, Offload, State as TcpState, TcpConfig, TcpInfo,
};

pub use connect::ConnectOptions;
use options::Options;

use crate::Interface;
use crate::driver::{ConnectionWait, Patience, Shared, State};
use crate::error;

/// A TCP connection, as [`std::net::TcpStream`].
///
/// Reading and writing take a shared reference, so that one thread can read while another writes;
/// [`try_clone`](TcpStream::try_clone) gives each its own handle. Dropping the last handle closes
/// the connection: what was written is still delivered, unless [`set_linger`](TcpStream::set_linger)
/// says otherwise, or data is left unread: then the peer gets RST, which tells it that not all of
/// its data was taken.
///
/// ```no_run
/// use std::io::{Read, Write};
/// use tcp_tun::{Interface, TcpStream};
///
/// let interface = Interface::new("tun0", &["10.7.0.2/24".parse()?])?;
/// let mut stream = TcpStream::connect(&interface, "10.7.0.1:80")?;
/// stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
/// let mut page = Vec::new();
/// stream.read_to_end(&mut page)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TcpStream {
    inner: Arc<Inner>,
}

/// What the handles of one connection share; the last to go closes it.
struct Inner {
    shared: Arc<Shared>,
    id: ConnectionId,
    wait: Arc<ConnectionWait>,
    local: SocketAddr,
    peer: SocketAddr,
    options: Mutex<Options>,
}

impl TcpStream {
    /// Connects to `addr`; where it resolves to several addresses, to the first that answers.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` by the peer, `TimedOut` where it never answers, `HostUnreachable` where a
    /// router says so, `AddrNotAvailable` without a local address of the family or a free port,
    /// `InvalidInput` for an address that cannot be connected to, `NotConnected` after the
    /// interface's shutdown.
    pub fn connect(interface: &Interface, addr: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let mut last_error = None;
        for addr in addr.to_socket_addrs()? {
            match TcpStream::connect_with(interface, addr, ConnectOptions::default()) {
                Ok(stream) => return Ok(stream),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(error::no_address))
    }

    /// As [`connect`](TcpStream::connect) to one address, but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// `TimedOut`, `InvalidInput` for a timeout of zero, and as [`connect`](TcpStream::connect).
    pub fn connect_timeout(
        interface: &Interface,
        addr: &SocketAddr,
        timeout: Duration,
    ) -> io::Result<TcpStream> {
        let options = ConnectOptions {
            timeout: Some(timeout),
            ..ConnectOptions::default()
        };
        TcpStream::connect_with(interface, *addr, options)
    }

    /// As [`connect`](TcpStream::connect) to one address, from a local address (and port, unless it
    /// is 0).
    ///
    /// # Errors
    ///
    /// `AddrInUse` where a connection between these endpoints exists, and as
    /// [`connect`](TcpStream::connect).
    pub fn connect_from(
        interface: &Interface,
        local: SocketAddr,
        addr: SocketAddr,
    ) -> io::Result<TcpStream> {
        let options = ConnectOptions {
            local: Some(local),
            ..ConnectOptions::default()
        };
        TcpStream::connect_with(interface, addr, options)
    }

    /// A stream for a connection that the stack has just made or accepted.
    pub(crate) fn adopt(
        shared: &Arc<Shared>,
        state: &mut State,
        now: Instant,
        id: ConnectionId,
        config: &TcpConfig,
    ) -> io::Result<TcpStream> {
        let takes_big_packets = state.takes_big_packets;
        let (local, peer) = {
            let mut connection = state
                .stack
                .connection(now, id)
                .ok_or_else(error::not_connected)?;
            let (local, peer) = (connection.local_addr(), connection.remote_addr());
            if takes_big_packets && shared.ends_at(peer.ip()) {
                connection.set_gso_max_size(Offload::MAX);
            }
            (local, peer)
        };
        let inner = Inner {
            shared: Arc::clone(shared),
            id,
            wait: state.watch_connection(id),
            local,
            peer,
            options: Mutex::new(Options::of(config)),
        };
        Ok(TcpStream {
            inner: Arc::new(inner),
        })
    }

    /// Takes bytes as [`Read::read`](io::Read::read) does, but leaves them for the next read.
    ///
    /// # Errors
    ///
    /// As `read`.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_by(|connection| connection.peek(buf))
    }

    /// Closes one or both directions. After [`Shutdown::Write`] the peer reads the end of the
    /// stream once it has read what was written; after [`Shutdown::Read`] our reads give the end of
    /// the stream, also those that wait in other threads.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the connection has ended, which it has in TIME-WAIT too.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => tcp_core::Shutdown::Read,
            Shutdown::Write => tcp_core::Shutdown::Write,
            Shutdown::Both => tcp_core::Shutdown::Both,
        };
        self.with(|connection| {
            // In TIME-WAIT both sides have said all, and Linux too keeps no socket of it.
            if matches!(connection.state(), TcpState::Closed | TcpState::TimeWait) {
                return Err(error::not_connected());
            }
            connection.shutdown(how);
            Ok(())
        })??;
        self.tell_waiters()
    }

    /// Ends the connection at once: the peer gets RST, and what it had not acknowledged is lost.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn abort(&self) -> io::Result<()> {
        self.with(|connection| connection.abort())?;
        self.tell_waiters()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.inner.peer)
    }

    /// Our address.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.inner.local)
    }

    /// Another handle of the same connection, options included.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(self.clone())
    }

    /// Takes the error that has ended the connection, if no call has reported it yet (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.with(|connection| connection.take_error().map(error::from_connection))
    }

    /// A snapshot of everything worth knowing (`TCP_INFO`).
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn info(&self) -> io::Result<TcpInfo> {
        self.with(|connection| connection.info())
    }

    fn tell_waiters(&self) -> io::Result<()> {
        let id = self.inner.id;
        self.inner.shared.act(|state, _| state.tell_waiters(id))
    }

    /// Calls the connection.
    fn with<T>(&self, call: impl FnOnce(&mut ConnectionMut<'_>) -> T) -> io::Result<T> {
        self.inner.shared.act(|state, now| {
            let mut connection = state
                .stack
                .connection(now, self.inner.id)
                .ok_or_else(error::not_connected)?;
            Ok(call(&mut connection))
        })?
    }
}

impl Inner {
    /// Closes the sending side, and waits until the peer has acknowledged everything, or for
    /// `linger`.
    fn linger(&self, linger: Duration) {
        let patience = Patience::lasting(Some(linger));
        let mut is_shut = false;
        // Whatever ends the wait, the connection is closed after it.
        let _ = self
            .shared
            .wait_for(self.wait.to_write(self.id), patience, |state, now| {
                let Some(mut connection) = state.stack.connection(now, self.id) else {
                    return Poll::Ready(Ok(()));
                };
                // Unread data turns the close into a reset, which waits for nothing.
                if connection.unread() > 0 || connection.state() == TcpState::Closed {
                    return Poll::Ready(Ok(()));
                }
                if !is_shut {
                    connection.shutdown(tcp_core::Shutdown::Write);
                    is_shut = true;
                }
                if connection.is_flushed() {
                    Poll::Ready(Ok(()))
                } else {
                    Poll::Pending
                }
            });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let linger = self.options.lock().linger;
        // Without blocking as well: whoever set a time to linger has asked to wait, as on Linux.
        if let Some(linger) = linger
            && !linger.is_zero()
        {
            self.linger(linger);
        }
        // After the interface's end there is nothing left to close.
        let _ = self
            .shared
            .act(|state, now| state.close_connection(now, self.id));
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("addr", &self.inner.local)
            .field("peer", &self.inner.peer)
            .field("id", &self.inner.id)
            .finish_non_exhaustive()
    }
}
