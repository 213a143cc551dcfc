//! Connections at rest: those touched last are kept as they are, the others in few bytes.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use super::Stack;
use super::demux::Record;
use crate::connection::{Connection, Dormant, State};
use crate::event::ConnectionEvent;

/// A connection in one of its two forms. Whatever touches it makes it whole.
#[derive(Clone, Debug)]
pub(super) struct Resident {
    /// In full.
    awake: Option<Box<Connection>>,
    /// Packed, where it is not.
    asleep: Option<Dormant>,
}

impl Resident {
    pub(super) fn new(connection: Box<Connection>) -> Self {
        Resident {
            awake: Some(connection),
            asleep: None,
        }
    }

    /// The connection, where it is not packed.
    pub(super) fn into_awake(self) -> Option<Box<Connection>> {
        self.awake
    }

    /// The connection in full, for whatever may change it.
    #[inline]
    pub(super) fn rouse(&mut self) -> &mut Connection {
        let asleep = &mut self.asleep;
        self.awake.get_or_insert_with(|| wake(asleep))
    }

    /// The connection, unless it is packed.
    pub(super) fn awake(&self) -> Option<&Connection> {
        self.awake.as_deref()
    }

    /// The connection to look at; where it is packed, a copy.
    pub(super) fn look(&self) -> Cow<'_, Connection> {
        match (&self.awake, &self.asleep) {
            (Some(connection), _) => Cow::Borrowed(connection),
            (None, Some(dormant)) => Cow::Owned(dormant.clone().wake()),
            (None, None) => unreachable!("a connection is kept in one form or the other"),
        }
    }

    pub(super) fn state(&self) -> State {
        match (&self.awake, &self.asleep) {
            (Some(connection), _) => connection.state(),
            (None, Some(dormant)) => dormant.state(),
            (None, None) => unreachable!("a connection is kept in one form or the other"),
        }
    }

    /// Whether the user has given it up; it finishes then, and is never packed.
    pub(super) fn is_orphan(&self) -> bool {
        self.awake().is_some_and(Connection::is_orphan)
    }

    /// Whether there is an event; one that is packed has none.
    pub(super) fn has_events(&self) -> bool {
        self.awake().is_some_and(Connection::has_events)
    }

    /// Its next event; one that is packed has none.
    pub(super) fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.awake.as_mut()?.poll_event()
    }

    /// Gives the memory of empty buffers back.
    pub(super) fn give_back_spare_memory(&mut self) {
        if let Some(connection) = &mut self.awake {
            connection.give_back_spare_memory();
        }
    }

    /// Bytes that its buffers hold; those of one that is packed hold none.
    pub(super) fn memory(&self) -> u32 {
        self.awake().map_or(0, Connection::memory)
    }

    fn is_at_rest(&self) -> bool {
        self.awake().is_some_and(Connection::is_at_rest)
    }

    /// Packs the connection, if it is at rest.
    fn lull(&mut self) -> bool {
        let at_rest = self.is_at_rest();
        if let Some(connection) = self.awake.take_if(|_| at_rest) {
            self.asleep = Some(connection.lull());
        }
        at_rest
    }
}

/// Out of the way of the many that are awake.
#[cold]
#[inline(never)]
fn wake(asleep: &mut Option<Dormant>) -> Box<Connection> {
    let dormant = asleep.take();
    let dormant = dormant.expect("a connection is kept in one form or the other");
    Box::new(dormant.wake())
}

impl Stack {
    /// Must follow whatever has woken a connection or taken its events, without touching it otherwise.
    pub(super) fn note_rest(&mut self, index: u32) {
        let entry = self.connections.get(index);
        let at_rest = entry.is_some_and(|entry| entry.resident.is_at_rest());
        self.queue_for_sleep(index, at_rest);
    }

    /// Must follow whatever touches a connection. Where it has come to rest it is the last to be packed;
    /// the first is packed where too many are at rest.
    pub(super) fn queue_for_sleep(&mut self, index: u32, at_rest: bool) {
        if !at_rest {
            self.resting.remove(index);
            return;
        }
        self.resting.move_to_back(index);
        if self.resting.len() > self.config.awake_connections
            && let Some(first) = self.resting.pop_front()
        {
            self.lull(first);
        }
    }

    /// Packs a connection that is at rest. Its alarm, which may be one of busier times, is set anew, so
    /// that it is not woken for nothing.
    fn lull(&mut self, index: u32) {
        let Some(entry) = self.connections.get_mut(index) else {
            return;
        };
        let deadline = entry.deadline();
        if entry.resident.lull() {
            self.deadlines.cancel(entry.alarm.take());
            self.deadlines
                .update(&mut entry.alarm, Record::Connection(index), deadline);
            self.note_held(index);
        }
    }
}
