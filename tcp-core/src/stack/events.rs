//! What the user has not been told yet: queues of whom to ask, never of events themselves, so
//! that they are bounded by what exists.

use super::Stack;
use super::connections::Origin;
use super::queue::SlotQueue;
use crate::event::{ConnectionEvent, ConnectionId, Event, ListenerId};

/// Slots that have something to tell. A slot leaves its queue when what it names goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    /// Half-open connections whose SYN awaits a decision.
    pub(super) syns: SlotQueue,
    /// Listeners to whose accept queue a connection was added.
    pub(super) incoming: SlotQueue,
    /// Connections that may have events.
    pub(super) connections: SlotQueue,
}

impl Events {
    /// Whether there is nothing to tell.
    pub(super) fn are_told(&self) -> bool {
        let queues = [&self.syns, &self.incoming, &self.connections];
        queues.iter().all(|queue| queue.front().is_none())
    }
}

impl Stack {
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.next_syn()
            .or_else(|| self.next_incoming())
            .or_else(|| self.next_connection_event())
    }

    fn next_syn(&mut self) -> Option<Event> {
        let slot = self.events.syns.pop_front()?;
        let embryo = self.half_opens.get(slot)?;
        Some(Event::Syn {
            id: self.half_opens.key(slot)?.into(),
            listener: self.listeners.key(embryo.listener)?.into(),
            local: embryo.tuple.local(),
            remote: embryo.tuple.remote(),
        })
    }

    fn next_incoming(&mut self) -> Option<Event> {
        let slot = self.events.incoming.pop_front()?;
        let listener = ListenerId::from(self.listeners.key(slot)?);
        Some(Event::Incoming { listener })
    }

    fn next_connection_event(&mut self) -> Option<Event> {
        while let Some(index) = self.events.connections.front() {
            let key = self.connections.key(index);
            if let (Some(key), Some(entry)) = (key, self.connections.get_mut(index))
                && let Some(event) = entry.resident.poll_event()
            {
                // Who accepts a connection knows that its handshake is complete.
                if entry.origin == Origin::Accept && event == ConnectionEvent::Connected {
                    continue;
                }
                let id = ConnectionId::from(key);
                return Some(Event::Connection { id, event });
            }
            self.events.connections.remove(index);
            self.note_rest(index);
        }
        None
    }
}
