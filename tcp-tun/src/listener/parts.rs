//! What a listener has in each queue's stack.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tcp_core::{Instant, ListenAddr, ListenConfig, ListenerId};

use crate::driver::{Crowd, ListenerWait, Patience, Queues, Shared, State, Wanted};
use crate::error;

/// A listener of one stack.
pub(super) struct Part {
    pub(super) shared: Arc<Shared>,
    pub(super) id: ListenerId,
    wait: Arc<ListenerWait>,
}

/// A listener of every stack.
///
/// Queues are taken in their order where it begins to listen, and in the opposite order where it ends: who
/// has an address in the first stack has it in all, so two that want the same do not meet half-way.
pub(super) enum Parts {
    /// There is one, and who waits may drive its queue.
    One(Part),
    /// Who waits does so for any of them.
    Several {
        parts: Vec<Part>,
        crowd: Arc<Crowd>,
        /// Where the next look begins, lest those behind are served last.
        turn: AtomicUsize,
    },
}

impl Parts {
    /// Listens in all stacks at the same address, the port of which the first may choose.
    pub(super) fn open(
        queues: &Queues,
        addr: ListenAddr,
        config: ListenConfig,
    ) -> io::Result<(Parts, ListenAddr)> {
        if let [shared] = queues.all() {
            let (part, bound) = Part::open(shared, addr, config, None)?;
            return Ok((Parts::One(part), bound));
        }
        let crowd = Arc::new(Crowd::default());
        let (mut parts, mut bound) = (Vec::new(), addr);
        for shared in queues.all() {
            let part = Part::open(shared, bound, config.clone(), Some(Arc::clone(&crowd)));
            match part {
                Ok((part, addr)) => {
                    parts.push(part);
                    bound = addr;
                }
                Err(error) => {
                    parts.iter().rev().for_each(Part::close);
                    return Err(error);
                }
            }
        }
        let turn = AtomicUsize::new(0);
        Ok((Parts::Several { parts, crowd, turn }, bound))
    }

    /// Takes something from whichever stack has it, and waits for it if need be.
    ///
    /// # Errors
    ///
    /// What the call fails with, `WouldBlock` when patience ends, and `NotConnected` when the interface is
    /// shut down.
    pub(super) fn take<T>(
        &self,
        wanted: Wanted,
        patience: Patience,
        mut attempt: impl FnMut(&Part, &mut State, Instant) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let (parts, crowd, turn) = match self {
            Parts::One(part) => {
                let waiting = part.wait.to_take(wanted, part.id);
                let attempt = |state: &mut State, now| attempt(part, state, now);
                return part.shared.wait_for(waiting, patience, attempt);
            }
            Parts::Several { parts, crowd, turn } => (parts, crowd, turn),
        };
        loop {
            // Before the stacks are asked: what comes after they were is not missed.
            let seen = crowd.count(wanted);
            let first = turn.fetch_add(1, Ordering::Relaxed) % parts.len();
            let (before, after) = parts.split_at(first);
            for part in after.iter().chain(before) {
                let attempt = |state: &mut State, now| attempt(part, state, now);
                if let Poll::Ready(result) = part.shared.act(attempt)? {
                    return result;
                }
            }
            if !crowd.wait_past(seen, wanted, patience) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        match self {
            Parts::One(part) => part.close(),
            Parts::Several { parts, .. } => parts.iter().rev().for_each(Part::close),
        }
    }
}

impl Part {
    fn open(
        shared: &Arc<Shared>,
        addr: ListenAddr,
        config: ListenConfig,
        crowd: Option<Arc<Crowd>>,
    ) -> io::Result<(Part, ListenAddr)> {
        let syn_backlog = config.syn_backlog;
        let (id, wait, bound) = shared.act(|state, _| {
            let id = state
                .stack
                .listen(addr, config)
                .map_err(error::from_listen)?;
            let bound = state.stack.listener_addr(id).unwrap_or(addr);
            Ok::<_, io::Error>((id, state.watch_listener(id, syn_backlog, crowd), bound))
        })??;
        let shared = Arc::clone(shared);
        Ok((Part { shared, id, wait }, bound))
    }

    fn close(&self) {
        // After the interface's end there is nothing left to close.
        let _ = self
            .shared
            .act(|state, now| state.close_listener(now, self.id));
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = match self {
            Parts::One(part) => std::slice::from_ref(part),
            Parts::Several { parts, .. } => parts,
        };
        f.debug_list()
            .entries(parts.iter().map(|part| part.id))
            .finish()
    }
}
