//! Listening for connections.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tcp_core::{
    AcceptError, ListenAddr, ListenConfig, ListenerId, SynDecision, SynId, ValidConfig,
};

use crate::Interface;
use crate::driver::{ListenerWait, Patience, Shared};
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
    shared: Arc<Shared>,
    id: ListenerId,
    wait: Arc<ListenerWait>,
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
            tcp: interface.shared().tcp_config().clone(),
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

    /// As [`bind`](TcpListener::bind), with the queues' lengths, the connections' configuration, and
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
        let shared = Arc::clone(interface.shared());
        let syn_backlog = config.syn_backlog;
        let tcp = config.tcp.clone();
        let (id, wait, bound) = shared.act(|state, _| {
            let id = state
                .stack
                .listen(addr, config)
                .map_err(error::from_listen)?;
            let bound = state.stack.listener_addr(id).unwrap_or(addr);
            Ok::<_, io::Error>((id, state.watch_listener(id, syn_backlog), bound))
        })??;
        let local = SocketAddr::new(bound.ip.unwrap_or(unspecified), bound.port.unwrap_or(0));
        Ok(TcpListener {
            shared,
            id,
            wait,
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
        let stream = self.shared.wait_for(
            self.wait.to_accept(self.id),
            patience,
            |state, now| match state.accept(self.id) {
                Ok(id) => {
                    let tcp = &self.tcp;
                    Poll::Ready(TcpStream::adopt(&self.shared, state, now, id, tcp))
                }
                Err(AcceptError::WouldBlock) => Poll::Pending,
                Err(AcceptError::NoSuchListener) => Poll::Ready(Err(error::not_connected())),
            },
        )?;
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
        let waiting = self.wait.to_decide(self.id);
        let syn = self.shared.wait_for(waiting, patience, |state, _| {
            state
                .next_syn(self.id)
                .map_or(Poll::Pending, |syn| Poll::Ready(Ok(syn)))
        })?;
        Ok(PendingSyn {
            shared: Arc::clone(&self.shared),
            id: syn.id,
            local: syn.local,
            remote: syn.remote,
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

impl Drop for TcpListener {
    fn drop(&mut self) {
        // After the interface's end there is nothing left to close.
        let _ = self
            .shared
            .act(|state, now| state.close_listener(now, self.id));
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("addr", &self.local)
            .field("id", &self.id)
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

/// A SYN that awaits a decision. One that is dropped without any is forgotten by the stack after a
/// while; the peer's retransmissions are absorbed until then.
#[must_use = "a SYN without a decision gets no answer"]
pub struct PendingSyn {
    shared: Arc<Shared>,
    id: SynId,
    local: SocketAddr,
    remote: SocketAddr,
}

impl PendingSyn {
    /// The destination that the peer wants to reach.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The peer.
    pub fn peer_addr(&self) -> SocketAddr {
        self.remote
    }

    /// Goes on with the handshake; the connection then comes by [`TcpListener::accept`]. Says whether
    /// the SYN was still there.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn accept(self) -> io::Result<bool> {
        self.decide(SynDecision::Accept)
    }

    /// Answers with RST, as if nobody listened. Says whether the SYN was still there.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn refuse(self) -> io::Result<bool> {
        self.decide(SynDecision::Refuse)
    }

    /// Forgets the SYN without an answer; the peer's next one asks again. Says whether the SYN was
    /// still there.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the interface's shutdown.
    pub fn ignore(self) -> io::Result<bool> {
        self.decide(SynDecision::Drop)
    }

    fn decide(self, decision: SynDecision) -> io::Result<bool> {
        self.shared
            .act(|state, now| state.stack.decide(now, self.id, decision))
    }
}

impl fmt::Debug for PendingSyn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSyn")
            .field("local", &self.local)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}
