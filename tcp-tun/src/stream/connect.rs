//! Active open.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tcp_core::{ConnectError, ConnectionId, Instant, State as TcpState, ValidConfig};

use super::TcpStream;
use crate::Interface;
use crate::driver::{Patience, Queues, Shared, State};
use crate::error;

/// What [`TcpStream::connect_with`] may be told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConnectOptions {
    /// Our address; port 0 chooses one. By default the interface's first of the family.
    pub local: Option<SocketAddr>,
    /// How the connection behaves; by default as the interface was told.
    pub tcp: Option<ValidConfig>,
    /// How long to wait for the handshake; by default until the retransmissions of the SYN end
    /// ([`syn_retries`](tcp_core::TcpConfig::syn_retries)).
    pub timeout: Option<Duration>,
}

impl TcpStream {
    /// As [`connect`](TcpStream::connect) to one address, with options.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](TcpStream::connect), [`connect_timeout`](TcpStream::connect_timeout) and
    /// [`connect_from`](TcpStream::connect_from).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use tcp_tun::tcp_core::TcpConfig;
    /// use tcp_tun::{ConnectOptions, Interface, TcpStream};
    /// # let interface: Interface = todo!();
    /// let tcp = TcpConfig { recv_buffer: (4 << 20).into(), ..TcpConfig::default() }.validate()?;
    /// let options = ConnectOptions { tcp: Some(tcp), ..ConnectOptions::default() };
    /// let stream = TcpStream::connect_with(&interface, "10.7.0.1:80".parse()?, options)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect_with(
        interface: &Interface,
        addr: SocketAddr,
        options: ConnectOptions,
    ) -> io::Result<TcpStream> {
        if options.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(error::zero_timeout());
        }
        let queues = interface.all_queues();
        let tcp = options.tcp.unwrap_or_else(|| queues.tcp_config().clone());
        // From here on the stream owns the connection: whatever fails below drops and so closes it.
        let stream = open(queues, options.local, addr, &tcp)?;
        let inner = Arc::clone(&stream.inner);
        let patience = Patience::lasting(options.timeout);
        inner
            .shared
            .wait_for(inner.wait.to_write(inner.id), patience, |state, now| {
                handshake(state, now, inner.id)
            })
            .map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => error,
            })?;
        Ok(stream)
    }
}

/// Begins to connect, by one stack after another, of which each has its own share of the free ports; by
/// the flow's owner, where the port is given.
fn open(
    queues: &Queues,
    local: Option<SocketAddr>,
    addr: SocketAddr,
    tcp: &ValidConfig,
) -> io::Result<TcpStream> {
    for shared in queues.in_turn() {
        match begin(shared, local, addr, tcp)? {
            Ok(stream) => return Ok(stream),
            // Another stack's share may have one.
            Err(ConnectError::NoFreePort) => {}
            Err(ConnectError::OtherStack { owner }) => {
                let owner = &queues.all()[usize::from(owner)];
                return begin(owner, local, addr, tcp)?.map_err(error::from_connect);
            }
            Err(error) => return Err(error::from_connect(error)),
        }
    }
    Err(error::from_connect(ConnectError::NoFreePort))
}

fn begin(
    shared: &Arc<Shared>,
    local: Option<SocketAddr>,
    addr: SocketAddr,
    tcp: &ValidConfig,
) -> io::Result<Result<TcpStream, ConnectError>> {
    shared.act(
        |state, now| match state.stack.connect(now, local, addr, tcp.clone()) {
            Ok(id) => TcpStream::adopt(shared, state, now, id, tcp).map(Ok),
            Err(error) => Ok(Err(error)),
        },
    )?
}

fn handshake(state: &mut State, now: Instant, id: ConnectionId) -> Poll<io::Result<()>> {
    let Some(mut connection) = state.stack.connection(now, id) else {
        return Poll::Ready(Err(error::not_connected()));
    };
    match connection.state() {
        TcpState::SynSent | TcpState::SynReceived => Poll::Pending,
        // Connected, and perhaps closed again by a peer that had little to say: no failure of ours.
        _ => match connection.take_error() {
            Some(error) => Poll::Ready(Err(error::from_connection(error))),
            None => Poll::Ready(Ok(())),
        },
    }
}
