//! SYNs whose fate the user decides.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tcp_core::{SynDecision, SynId};

use crate::driver::Shared;

/// A SYN that awaits a decision. One that is dropped without any is forgotten by the stack after a
/// while; the peer's retransmissions are absorbed until then.
#[must_use = "a SYN without a decision gets no answer"]
pub struct PendingSyn {
    /// Of the queue whose stack has it.
    pub(super) shared: Arc<Shared>,
    pub(super) id: SynId,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
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

    /// Goes on with the handshake; the connection then comes by
    /// [`TcpListener::accept`](crate::TcpListener::accept). Says whether
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
