//! What user's threads wait on.

use std::collections::VecDeque;
use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Condvar;
use tcp_core::{ConnectionEvent, ConnectionId, ListenerId, Stack, SynId};

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Not at all.
    None,
    /// Until this time.
    Until(Instant),
    /// For as long as it takes.
    Forever,
}

impl Patience {
    /// Patience for this long from now; without a limit where the end is too far to name.
    pub(crate) fn lasting(timeout: Option<Duration>) -> Patience {
        timeout
            .and_then(|timeout| Instant::now().checked_add(timeout))
            .map_or(Patience::Forever, Patience::Until)
    }
}

/// What a caller waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waiter {
    Readable(ConnectionId),
    Writable(ConnectionId),
    Acceptable(ListenerId),
    Syn(ListenerId),
}

impl Waiter {
    pub(super) fn concerns(self, connection: ConnectionId) -> bool {
        matches!(self, Waiter::Readable(id) | Waiter::Writable(id) if id == connection)
    }
}

/// What a caller waits for, and where it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting<'a> {
    pub(super) waiter: Waiter,
    pub(super) changed: &'a Condvar,
}

/// The threads that wait for one connection.
#[derive(Debug, Default)]
pub(crate) struct ConnectionWait {
    readable: Condvar,
    writable: Condvar,
}

impl ConnectionWait {
    /// For something to read.
    pub(crate) fn to_read(&self, id: ConnectionId) -> Waiting<'_> {
        Waiting {
            waiter: Waiter::Readable(id),
            changed: &self.readable,
        }
    }

    /// For the handshake, for room to write, or for everything written to be acknowledged.
    pub(crate) fn to_write(&self, id: ConnectionId) -> Waiting<'_> {
        Waiting {
            waiter: Waiter::Writable(id),
            changed: &self.writable,
        }
    }

    /// Wakes one thread that waits for this.
    pub(super) fn notify_one(&self, waiter: Waiter) {
        match waiter {
            Waiter::Readable(_) => self.readable.notify_one(),
            _ => self.writable.notify_one(),
        };
    }

    pub(super) fn notify(&self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Readable => {
                self.readable.notify_all();
            }
            ConnectionEvent::Connected | ConnectionEvent::Writable | ConnectionEvent::Flushed => {
                self.writable.notify_all();
            }
            ConnectionEvent::Closed(_) => self.notify_all(),
            // The connection goes on trying, and so do those who wait for it.
            ConnectionEvent::Unresponsive => {}
        }
    }

    /// Wakes every thread that waits for the connection, whatever for.
    pub(super) fn notify_all(&self) {
        self.readable.notify_all();
        self.writable.notify_all();
    }
}

/// The threads that wait for one listener.
#[derive(Debug, Default)]
pub(crate) struct ListenerWait {
    acceptable: Condvar,
    syn: Condvar,
}

impl ListenerWait {
    /// For a connection to accept.
    pub(crate) fn to_accept(&self, id: ListenerId) -> Waiting<'_> {
        Waiting {
            waiter: Waiter::Acceptable(id),
            changed: &self.acceptable,
        }
    }

    /// For a SYN to decide about.
    pub(crate) fn to_decide(&self, id: ListenerId) -> Waiting<'_> {
        Waiting {
            waiter: Waiter::Syn(id),
            changed: &self.syn,
        }
    }

    /// Wakes one thread that waits for this.
    pub(super) fn notify_one(&self, waiter: Waiter) {
        match waiter {
            Waiter::Syn(_) => self.syn.notify_one(),
            _ => self.acceptable.notify_one(),
        };
    }

    pub(super) fn notify_all(&self) {
        self.acceptable.notify_all();
        self.syn.notify_all();
    }
}

/// A SYN that its listener's user has not seen yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueuedSyn {
    pub(crate) id: SynId,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

/// A listener as the driver knows it.
#[derive(Debug)]
pub(super) struct ListenerEntry {
    pub(super) wait: Arc<ListenerWait>,
    pub(super) syns: VecDeque<QueuedSyn>,
    /// SYNs that the stack keeps undecided at most. Beyond it, some of `syns` are no more.
    pub(super) syn_backlog: usize,
}

impl ListenerEntry {
    /// Queues a SYN. Where the queue is full it sheds those that the stack has let go, which may be
    /// any of them: a peer withdraws its SYN when it likes. Those that live are all kept, and bounded
    /// by the stack.
    pub(super) fn push_syn(&mut self, stack: &Stack, syn: QueuedSyn) {
        if self.syns.len() >= self.syn_backlog {
            self.syns.retain(|queued| stack.is_undecided(queued.id));
        }
        self.syns.push_back(syn);
        self.wait.syn.notify_one();
    }

    /// The oldest SYN that still awaits its decision; those before it are forgotten.
    pub(super) fn pop_syn(&mut self, stack: &Stack) -> Option<QueuedSyn> {
        iter::from_fn(|| self.syns.pop_front()).find(|queued| stack.is_undecided(queued.id))
    }
}
