//! The stack's books on its connections: who holds each, where its segments go, and what has to be
//! noted whenever something has touched it.

use super::deadlines::{Alarm, Deadlines};
use super::demux::Record;
use super::holdings::Held;
use super::queue::SlotQueue;
use super::reply::Marking;
use super::rest::Resident;
use super::slab::SlotId;
use super::tuple::FourTuple;
use super::{Stack, isn};
use crate::config::Offload;
use crate::connection::{Connection, Setup, State};
use crate::stats::Counters;
use crate::time::Instant;
use alloc::boxed::Box;

/// A connection and what the stack knows about it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) resident: Resident,
    pub(super) tuple: FourTuple,
    pub(super) origin: Origin,
    /// Whether the demultiplexer leads here: until the connection has ended or its record in
    /// TIME-WAIT answers for it.
    pub(super) routed: bool,
    /// The state that was noted last.
    noted: State,
    pub(super) alarm: Option<Alarm>,
    /// What its buffers hold, as it was noted last.
    pub(super) held: Held,
    /// Whether it was noted as one that nobody holds, and that has to send or wait.
    pub(super) orphaned: bool,
}

/// How a connection came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// By [`Stack::connect`].
    Connect,
    /// By a peer's SYN; it waits in a listener's accept queue.
    AcceptQueue,
    /// By a peer's SYN; the user has accepted it.
    Accept,
}

impl Entry {
    /// Whether the user holds it: has it from `connect` or `accept`, and has not closed it.
    pub(super) fn is_users(&self) -> bool {
        self.origin != Origin::AcceptQueue && !self.resident.is_orphan()
    }

    /// Notes the state, and whether the connection is one of those that `TcpCurrEstab` counts.
    fn note_state(&mut self, state: State, counters: &mut Counters) {
        let is_counted = |state| matches!(state, State::Established | State::CloseWait);
        match (is_counted(self.noted), is_counted(state)) {
            (false, true) => counters.curr_estab += 1,
            (true, false) => counters.curr_estab -= 1,
            _ => {}
        }
        self.noted = state;
    }

    /// Notes the deadline, and whether there are events for the user.
    fn note_what_is_seen(&mut self, index: u32, deadlines: &mut Deadlines, events: &mut SlotQueue) {
        let deadline = self.deadline();
        deadlines.update(&mut self.alarm, Record::Connection(index), deadline);
        if !self.is_users() {
            events.remove(index);
        } else if self.resident.has_events() {
            events.push_back(index);
        }
    }

    /// When the connection wants to be woken. Once a record stands for it, that one's time counts,
    /// which a repeated FIN moves.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        let connection = self.resident.rouse();
        let is_replaced = !self.routed && connection.state() == State::TimeWait;
        if is_replaced {
            None
        } else {
            connection.poll_timeout()
        }
    }
}

impl Stack {
    /// What a new connection is told at its birth.
    pub(super) fn setup(&self, now: Instant, tuple: &FourTuple) -> Setup {
        let (local, remote) = (tuple.local(), tuple.remote());
        let clock = now + self.config.clock_offset;
        // Both sides of the sum wrap, as TSval does (RFC 7323 §5.4).
        let since_restart = self.config.clock_offset.as_millis() as u32;
        let (isn, timestamp_offset) = isn::first_numbers(&self.keys, clock, local, remote);
        Setup {
            isn,
            timestamp_offset: timestamp_offset.wrapping_add(since_restart),
            mss: self.config.mtu.saturating_sub(tuple.header_len()),
            gso_max_size: self.gso_max_size(tuple, Offload::MAX_SAID),
            default_mss: tuple.default_mss(),
        }
    }

    /// Bytes of TCP payload and options in the largest packet that the device is given of a connection at once, where
    /// the user wants none larger than this.
    pub(super) fn gso_max_size(&self, tuple: &FourTuple, wanted: u32) -> u32 {
        let most = match tuple.local().is_ipv4() {
            true => Offload::MAX,
            false => Offload::MAX_SAID,
        };
        (self.config.offload.max_packet)
            .min(most)
            .min(wanted)
            .saturating_sub(tuple.header_len().into())
    }

    /// Gives a new connection its slot and routes its segments there; until now they went to `before`.
    pub(super) fn insert_connection(
        &mut self,
        connection: Box<Connection>,
        tuple: FourTuple,
        origin: Origin,
        before: Option<Record>,
    ) -> SlotId {
        let noted = connection.state();
        let key = self.connections.insert(Entry {
            resident: Resident::new(connection),
            tuple,
            origin,
            routed: true,
            noted,
            alarm: None,
            held: Held::default(),
            orphaned: false,
        });
        self.demux
            .insert(tuple, before, Record::Connection(key.index));
        key
    }

    /// As [`settle`](Stack::settle), but put off: packets come in trains, and the books need to be right only when
    /// somebody looks, or where memory is scarce.
    pub(super) fn touch(&mut self, index: u32) {
        if !self.headroom().is_plenty() {
            return self.settle(index);
        }
        if self.touched != Some(index) {
            self.settle_touched();
            self.touched = Some(index);
        }
    }

    /// Settles what was put off. Whatever looks at the books must call it first.
    pub(super) fn settle_touched(&mut self) {
        if let Some(index) = self.touched.take() {
            self.settle(index);
        }
    }

    /// Whether the books on a connection may be out of date, and will be put right.
    pub(super) fn is_to_be_noted(&self, index: u32) -> bool {
        self.ready.is_queued(index) || self.touched == Some(index)
    }

    /// The deadline of a connection whose books are not up to date.
    pub(super) fn touched_deadline(&self) -> Option<Instant> {
        let entry = self.connections.get(self.touched?)?;
        entry.resident.awake()?.poll_timeout()
    }

    /// Must follow whatever touches a connection in a way that may give it something to say. What somebody could
    /// see is noted at once, the rest when it has been asked for what it has to say.
    pub(super) fn settle(&mut self, index: u32) {
        self.ready.push_back(index);
        let Some(entry) = self.connections.get_mut(index) else {
            return;
        };
        let connection = entry.resident.rouse();
        let state = connection.state();
        // With plenty of memory it is early enough to look when it has been asked for what it has to say.
        if !self.holdings.headroom().is_plenty() && connection.memory() != entry.held.bytes {
            self.take_stock(index);
            return self.settle(index);
        }
        if matches!(state, State::TimeWait | State::Closed) {
            self.note_changes(index);
        } else {
            entry.note_state(state, &mut self.counters);
            entry.note_what_is_seen(index, &mut self.deadlines, &mut self.events.connections);
        }
    }

    /// Notes what a touch has changed: counts, deadline, events, and whether it was the last.
    pub(super) fn note_changes(&mut self, index: u32) {
        let Some(entry) = self.connections.get_mut(index) else {
            return;
        };
        let connection = entry.resident.rouse();
        let (state, at_rest) = (connection.state(), connection.is_at_rest());
        let has_spare_memory = connection.has_spare_memory();
        if connection.memory() != entry.held.bytes {
            self.take_stock(index);
            return self.note_changes(index);
        }
        if entry.orphaned && matches!(state, State::TimeWait | State::Closed) {
            entry.orphaned = false;
            self.counters.orphans -= 1;
        }
        entry.note_state(state, &mut self.counters);
        entry.note_what_is_seen(index, &mut self.deadlines, &mut self.events.connections);
        if has_spare_memory {
            self.keep_warm(index);
        }
        self.queue_for_sleep(index, at_rest);
        match state {
            State::TimeWait => self.retire(index),
            State::Closed => self.bury(index),
            _ => {}
        }
    }

    /// Puts a record in the place of a connection in TIME-WAIT, once that has said its last words.
    /// The connection itself stays only for a user who may still read it.
    fn retire(&mut self, index: u32) {
        let Some((key, entry)) = self.connections.named_mut(index) else {
            return;
        };
        let connection = entry.resident.rouse();
        let Some(record) = connection.time_wait() else {
            return;
        };
        let is_orphan = connection.is_orphan();
        if entry.routed {
            let (tuple, record) = (entry.tuple, record.clone());
            let marking = Marking::from(&*connection);
            entry.routed = false;
            self.start_time_wait(tuple, record, marking, key);
        }
        if is_orphan {
            self.free_connection(index);
        }
    }

    /// The four-tuple of a connection that has ended is free at once, its slot when the last reset
    /// is sent and the user has closed it.
    fn bury(&mut self, index: u32) {
        let Some(entry) = self.connections.get_mut(index) else {
            return;
        };
        if core::mem::take(&mut entry.routed) {
            self.demux.remove(&entry.tuple, Record::Connection(index));
        }
        let connection = entry.resident.rouse();
        if connection.is_orphan() && connection.is_finished() {
            self.free_connection(index);
        }
    }

    /// The user accepts a connection: from now on it hears its events, those that are due included.
    pub(super) fn hand_over(&mut self, index: u32) {
        if let Some(entry) = self.connections.get_mut(index) {
            entry.origin = Origin::Accept;
        }
        self.note_changes(index);
    }

    /// Nobody will accept this connection any more.
    pub(super) fn reset_unaccepted(&mut self, now: Instant, index: u32) {
        if let Some(entry) = self.connections.get_mut(index) {
            let connection = entry.resident.rouse();
            connection.abort(now, &mut self.counters);
            connection.close(now, &mut self.counters);
            if let Some(lesson) = connection.take_fast_open_lesson() {
                self.learn_of_fast_open(now, index, lesson);
            }
        }
        self.settle(index);
    }

    fn free_connection(&mut self, index: u32) {
        let Some(entry) = self.connections.remove(index) else {
            return;
        };
        if entry.routed {
            self.demux.remove(&entry.tuple, Record::Connection(index));
        }
        self.deadlines.cancel(entry.alarm);
        self.ready.remove(index);
        self.resting.remove(index);
        self.events.connections.remove(index);
        self.forget_holdings(index, entry.held, entry.orphaned);
        if let Some(ended) = entry.resident.into_awake() {
            self.spares.keep(ended);
        }
    }
}
