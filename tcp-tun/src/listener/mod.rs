//! Listening for connections.

mod parts;
mod syn;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tcp_core::{AcceptError, ListenAddr, ListenConfig, ValidConfig};

use parts::Parts;
pub use syn::PendingSyn;

use crate::Interface;
use crate::driver::{Patience, Wanted};
use crate::error;
use crate::stream::TcpStream;

/// A socket that takes connections, as [`std::net::TcpListener`].
///
/// Any number of threads may accept from one listener by reference. Dropping it closes it:
/// connections that nobody has accepted are reset.
///
/// ```no_run
/// use tcp_tun::{Interface, TcpListener};
/// # let interface: Interface = todo!();
/// let listener = TcpListener::bind(&interface, "0.0.0.0:80")?;
/// let (stream, peer) = listener.accept()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    parts: Parts,
    local: SocketAddr,
    /// That of the connections accepted.
    tcp: ValidConfig,
    nonblocking: AtomicBool,
}

impl TcpListener {
    /// Listens at `addr`. An unspecified address takes connections to every address of both
    /// families; port 0 chooses a port.
    ///
    /// # Errors
    ///
    /// `AddrInUse` where another listener has the address and port, or no port is free;
    /// `AddrNotAvailable` where the address is none of the interface's;
    /// `NotConnected` after the interface's shutdown; those of the name's resolution.
    pub fn bind(interface: &Interface, addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let config = ListenConfig {
            tcp: interface.all_queues().tcp_config().clone(),
            ..ListenConfig::default()
        };
        let mut last_error = None;
        for addr in addr.to_socket_addrs()? {
            match TcpListener::listen(interface, addr.into(), addr.ip(), config.clone()) {
                Ok(listener) => return Ok(listener),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(error::no_address))
    }

    /// As [`bind`](TcpListener::bind), with the lengths of its two queues, which hold for each
    /// [queue of the device](crate::InterfaceBuilder::queues) by itself, the connections' configuration, and
    /// who decides about a SYN. [`ListenAddr::ANY`] takes connections to every address and port; to
    /// be of use it needs [`any_address`](crate::InterfaceBuilder::any_address).
    ///
    /// # Errors
    ///
    /// As [`bind`](TcpListener::bind).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use tcp_tun::tcp_core::{Admission, ListenAddr, ListenConfig};
    /// use tcp_tun::{Interface, TcpListener};
    /// # let interface: Interface = todo!();
    /// let config = ListenConfig { admission: Admission::Ask, ..ListenConfig::default() };
    /// let listener = TcpListener::bind_with(&interface, ListenAddr::ANY, config)?;
    /// loop {
    ///     let syn = listener.next_syn()?;
    ///     if syn.local_addr().port() == 25 {
    ///         syn.refuse()?;
    ///     } else {
    ///         syn.accept()?;
    ///     }
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_with(
        interface: &Interface,
        addr: impl Into<ListenAddr>,
        config: ListenConfig,
    ) -> io::Result<TcpListener> {
        let addr = addr.into();
        TcpListener::listen(interface, addr, Ipv6Addr::UNSPECIFIED.into(), config)
    }

    /// `unspecified` stands for "every address" in [`local_addr`](TcpListener::local_addr).
    fn listen(
        interface: &Interface,
        addr: ListenAddr,
        unspecified: IpAddr,
        config: ListenConfig,
    ) -> io::Result<TcpListener> {
        let tcp = config.tcp.clone();
        let (parts, bound) = Parts::open(interface.all_queues(), addr, config)?;
        let local = SocketAddr::new(bound.ip.unwrap_or(unspecified), bound.port.unwrap_or(0));
        Ok(TcpListener {
            parts,
            local,
            tcp,
            nonblocking: AtomicBool::new(false),
        })
    }

    /// Takes the next connection, and waits for it if need be.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where there is none and the listener is
    /// [non-blocking](TcpListener::set_nonblocking); `NotConnected` after the interface's shutdown.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_with(self.patience(None))
    }

    /// As [`accept`](TcpListener::accept), but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// `TimedOut`, `InvalidInput` for a timeout of zero, and as [`accept`](TcpListener::accept).
    pub fn accept_timeout(&self, timeout: Duration) -> io::Result<(TcpStream, SocketAddr)> {
        if timeout.is_zero() {
            return Err(error::zero_timeout());
        }
        self.accept_with(self.patience(Some(timeout)))
            .map_err(|error| self.timed_out(error))
    }

    fn accept_with(&self, patience: Patience) -> io::Result<(TcpStream, SocketAddr)> {
        let take = self
            .parts
            .take(
                Wanted::Connection,
                patience,
                |part, state, now| match state.accept(part.id) {
                    Ok(id) => {
                        let tcp = &self.tcp;
                        Poll::Ready(TcpStream::adopt(&part.shared, state, now, id, tcp))
                    }
                    Err(AcceptError::WouldBlock) => Poll::Pending,
                    Err(AcceptError::NoSuchListener) => Poll::Ready(Err(error::not_connected())),
                },
            );
        let stream = take?;
        let peer = stream.peer_addr()?;
        Ok((stream, peer))
    }

    /// The connections, one after another, without end.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let listener: tcp_tun::TcpListener = todo!();
    /// for stream in listener.incoming() {
    ///     let stream = stream?;
    ///     std::thread::spawn(move || println!("from {:?}", stream.peer_addr()));
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The next SYN that awaits a decision, of a listener with
    /// [`Admission::Ask`](tcp_core::Admission::Ask); other listeners have none.
    ///
    /// # Errors
    ///
    /// As [`accept`](TcpListener::accept).
    pub fn next_syn(&self) -> io::Result<PendingSyn> {
        let patience = self.patience(None);
        self.parts.take(Wanted::Syn, patience, |part, state, _| {
            let Some(syn) = state.next_syn(part.id) else {
                return Poll::Pending;
            };
            Poll::Ready(Ok(PendingSyn {
                shared: Arc::clone(&part.shared),
                id: syn.id,
                local: syn.local,
                remote: syn.remote,
            }))
        })
    }

    /// Where it listens. "Every address" reads as the unspecified one that was given (`[::]` after
    /// [`bind_with`](TcpListener::bind_with)), "every port" as 0.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// Whether [`accept`](TcpListener::accept) and [`next_syn`](TcpListener::next_syn) fail with
    /// `WouldBlock` in place of waiting.
    ///
    /// # Errors
    ///
    /// None; the `Result` is that of `std::net`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
        Ok(())
    }

    fn patience(&self, timeout: Option<Duration>) -> Patience {
        if self.nonblocking.load(Ordering::Relaxed) {
            Patience::None
        } else {
            Patience::lasting(timeout)
        }
    }

    fn timed_out(&self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::WouldBlock && !self.nonblocking.load(Ordering::Relaxed) {
            io::ErrorKind::TimedOut.into()
        } else {
            error
        }
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("addr", &self.local)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

/// The connections of a listener: see [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}
