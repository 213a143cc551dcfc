//! What user's threads wait on.

use std::collections::VecDeque;
use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Condvar;
use tcp_core::{ConnectionEvent, ConnectionId, ListenerId, Stack, SynId};

use super::crowd::{Crowd, Wanted};

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
            ConnectionEvent::Unresponsive | ConnectionEvent::SoftError(_) => {}
        }
    }

    /// Wakes every thread that waits for the connection, whatever for.
    pub(super) fn notify_all(&self) {
        self.readable.notify_all();
        self.writable.notify_all();
    }
}

/// The threads that wait for one listener of one stack.
#[derive(Debug, Default)]
pub(crate) struct ListenerWait {
    acceptable: Condvar,
    syn: Condvar,
    /// Where they wait if the user's listener has a part in each of several stacks.
    crowd: Option<Arc<Crowd>>,
}

impl ListenerWait {
    pub(super) fn new(crowd: Option<Arc<Crowd>>) -> ListenerWait {
        ListenerWait {
            crowd,
            ..ListenerWait::default()
        }
    }

    /// For a connection to accept, or for a SYN to decide about.
    pub(crate) fn to_take(&self, wanted: Wanted, id: ListenerId) -> Waiting<'_> {
        match wanted {
            Wanted::Connection => Waiting {
                waiter: Waiter::Acceptable(id),
                changed: &self.acceptable,
            },
            Wanted::Syn => Waiting {
                waiter: Waiter::Syn(id),
                changed: &self.syn,
            },
        }
    }

    /// Wakes one thread that waits for this.
    pub(super) fn notify_one(&self, wanted: Wanted) {
        if let Some(crowd) = &self.crowd {
            return crowd.tell_one(wanted);
        }
        match wanted {
            Wanted::Connection => self.acceptable.notify_one(),
            Wanted::Syn => self.syn.notify_one(),
        };
    }

    pub(super) fn notify_all(&self) {
        if let Some(crowd) = &self.crowd {
            return crowd.tell_all();
        }
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
        self.wait.notify_one(Wanted::Syn);
    }

    /// The oldest SYN that still awaits its decision; those before it are forgotten.
    pub(super) fn pop_syn(&mut self, stack: &Stack) -> Option<QueuedSyn> {
        iter::from_fn(|| self.syns.pop_front()).find(|queued| stack.is_undecided(queued.id))
    }
}
