//! What the one lock protects.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use tcp_core::{
    AcceptError, ConnectionEvent, ConnectionId, Event, Instant, ListenerId, PostedRead, Stack,
    State as TcpState,
};

use super::clock::Clock;
use super::crowd::{Crowd, Wanted};
use super::exchange::Member;
use super::link::{DeviceCounters, Link};
use super::moderation::Reading;
use super::observe::Observer;
use super::role::Role;
use super::wait::{ConnectionWait, ListenerEntry, ListenerWait, QueuedSyn, Waiter};
use crate::device::MAX_PACKET;

/// The stack, the device, and who waits for what.
pub(crate) struct State {
    pub(crate) stack: Stack,
    pub(super) role: Role,
    link: Link,
    /// What joins this queue with the others, where there are others.
    member: Option<Member>,
    connections: HashMap<ConnectionId, Arc<ConnectionWait>>,
    listeners: HashMap<ListenerId, ListenerEntry>,
    phase: Phase,
    sleep: Sleep,
    /// The driver is to look at its own call again, though the device has nothing for it.
    driver_concerned: bool,
    /// Events that were not what a driver that reads waits for.
    for_others: u64,
    /// As far as is known, the device takes packets that are longer than their header can say.
    pub(crate) takes_big_packets: bool,
}

/// Packets that are received before what has been lent is copied.
const LENT_BATCH: usize = 64;

/// What has been received of what the device had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Received {
    All,
    Some,
}

/// The life of an interface.
#[derive(Debug)]
enum Phase {
    Running,
    /// The user is done; connections are closed, and what they still have to say is being said.
    Closing {
        /// When it ends even so.
        until: Instant,
    },
    /// The interface's thread has ended: with the device's error, or as asked.
    Stopped(Option<Arc<io::Error>>),
}

/// What the driver is doing, so that a call can tell whether to wake it.
#[derive(Clone, Copy, Debug)]
enum Sleep {
    /// It will look at the state before it sleeps.
    Awake,
    /// It sleeps until this deadline, or until the device has something.
    Until(Option<Instant>),
}

impl State {
    pub(super) fn new(stack: Stack, link: Link, member: Option<Member>) -> State {
        let takes_big_packets = stack.config().offload.max_packet as usize > MAX_PACKET;
        State {
            stack,
            role: Role::new(),
            link,
            member,
            connections: HashMap::new(),
            listeners: HashMap::new(),
            phase: Phase::Running,
            sleep: Sleep::Awake,
            driver_concerned: false,
            for_others: 0,
            takes_big_packets,
        }
    }

    /// Whether calls may still be made.
    ///
    /// # Errors
    ///
    /// `NotConnected` once the interface is shutting down; with the device's own error inside where
    /// that was the cause.
    pub(crate) fn check_running(&self) -> io::Result<()> {
        let reason = match &self.phase {
            Phase::Running => return Ok(()),
            Phase::Closing { .. } | Phase::Stopped(None) => {
                String::from("the interface has been shut down")
            }
            Phase::Stopped(Some(error)) => format!("the device has failed: {error}"),
        };
        Err(io::Error::new(io::ErrorKind::NotConnected, reason))
    }

    pub(crate) fn device_counters(&self) -> DeviceCounters {
        let (rx_handed_over, rx_handover_drops) =
            self.member.as_ref().map_or((0, 0), Member::counts);
        DeviceCounters {
            rx_handed_over,
            rx_handover_drops,
            ..self.link.counters()
        }
    }

    /// Begins to report the events of a connection.
    pub(crate) fn watch_connection(&mut self, id: ConnectionId) -> Arc<ConnectionWait> {
        Arc::clone(self.connections.entry(id).or_default())
    }

    /// Closes a connection, and reports its events no more.
    pub(crate) fn close_connection(&mut self, now: Instant, id: ConnectionId) {
        self.connections.remove(&id);
        if let Some(connection) = self.stack.connection(now, id) {
            connection.close();
        }
    }

    /// Begins to report the events of a listener: to the crowd, where it is one of several queues'.
    pub(crate) fn watch_listener(
        &mut self,
        id: ListenerId,
        syn_backlog: usize,
        crowd: Option<Arc<Crowd>>,
    ) -> Arc<ListenerWait> {
        let wait = Arc::new(ListenerWait::new(crowd));
        let entry = ListenerEntry {
            wait: Arc::clone(&wait),
            syns: VecDeque::new(),
            syn_backlog,
        };
        self.listeners.insert(id, entry);
        wait
    }

    /// The oldest SYN that waits for a decision of this listener's user.
    pub(crate) fn next_syn(&mut self, id: ListenerId) -> Option<QueuedSyn> {
        self.listeners.get_mut(&id)?.pop_syn(&self.stack)
    }

    /// Closes a listener, and reports its events no more.
    pub(crate) fn close_listener(&mut self, now: Instant, id: ListenerId) {
        self.listeners.remove(&id);
        self.stack.close_listener(now, id);
    }

    /// Sends all that the stack has to send and wakes those whom its events concern; says whether
    /// there were any.
    pub(super) fn settle(&mut self, now: Instant) -> bool {
        self.link.transmit(now, &mut self.stack);
        if self.link.take_lost_big() {
            self.give_up_big_packets(now);
        }
        let mut notified = false;
        while let Some(event) = self.stack.poll_event() {
            self.report(event);
            notified = true;
        }
        notified
    }

    /// What the driver has done until now.
    pub(super) fn reading(&self, now: Instant) -> Reading {
        let counters = self.device_counters();
        Reading {
            at: now,
            bytes: counters.rx_bytes,
            packets: counters.rx_packets,
            for_others: self.for_others + counters.rx_handed_over,
        }
    }

    /// Notes that the driver lets packets gather.
    pub(super) fn count_nap(&mut self) {
        self.link.count_nap();
    }

    /// Packets received since the interface began.
    pub(super) fn rx_packets(&self) -> u64 {
        self.link.rx_packets()
    }

    /// The device says that it takes packets that are longer than their header can say, and does not: kernels from 6.3 to
    /// 6.5 know them, but not from TUN devices, and others may be short of memory in one piece. What is
    /// lost by it is sent again, as all other loss is.
    fn give_up_big_packets(&mut self, now: Instant) {
        self.takes_big_packets = false;
        for &id in self.connections.keys() {
            if let Some(mut connection) = self.stack.connection(now, id) {
                connection.set_gso_max_size(MAX_PACKET as u32);
            }
        }
    }

    fn is_what_a_reader_drives_for(&self, event: &Event) -> bool {
        let &Event::Connection {
            id,
            event: ConnectionEvent::Readable,
        } = event
        else {
            return false;
        };
        let reader = Waiter::Readable(id);
        self.role.is_driven_by(|driver| driver == reader)
    }

    /// Whom an event does not find has not asked the stack yet, and will see its cause when it does.
    pub(super) fn report(&mut self, event: Event) {
        if !self.is_what_a_reader_drives_for(&event) {
            self.for_others += 1;
        }
        match event {
            Event::Incoming { listener } => {
                // One event may stand for several connections: who takes one tells the next.
                self.tell_acceptor(listener);
            }
            Event::Syn {
                id,
                listener,
                local,
                remote,
            } => {
                if let Some(entry) = self.listeners.get_mut(&listener) {
                    entry.push_syn(&self.stack, QueuedSyn { id, local, remote });
                }
            }
            Event::Connection { id, event } => {
                if let Some(wait) = self.connections.get(&id) {
                    wait.notify(event);
                }
                self.tell_driver(id);
            }
        }
    }

    /// Has everybody who waits for a connection look at it again: what the user does is no event, but
    /// it changes what calls should say that wait in other threads.
    pub(crate) fn tell_waiters(&mut self, id: ConnectionId) {
        if let Some(wait) = self.connections.get(&id) {
            wait.notify_all();
        }
        self.tell_driver(id);
    }

    fn tell_driver(&mut self, id: ConnectionId) {
        if self.role.is_driven_by(|waiter| waiter.concerns(id)) {
            self.concern_driver();
        } else {
            self.role.count_event_for_others();
        }
    }

    /// A driver is not told by way of its condition variable: it sleeps elsewhere. While it is awake, it
    /// looks at its call before it sleeps.
    fn concern_driver(&mut self) {
        self.driver_concerned = matches!(self.sleep, Sleep::Until(_));
    }

    /// The next connection of a listener's accept queue. Where it is not the last, somebody else is told.
    pub(crate) fn accept(&mut self, id: ListenerId) -> Result<ConnectionId, AcceptError> {
        let accepted = self.stack.accept(id)?;
        if self.stack.accept_queue_len(id) > 0 {
            // Not the driver alone: it may be the caller, who has got one and leaves.
            let waiter = Waiter::Acceptable(id);
            if self.role.is_driven_by(|driver| driver == waiter) {
                self.concern_driver();
            }
            self.tell(Some(waiter));
        }
        Ok(accepted)
    }

    /// Tells one caller that waits for connections: the driver, if it does.
    fn tell_acceptor(&mut self, id: ListenerId) {
        let waiter = Waiter::Acceptable(id);
        if self.role.is_driven_by(|driver| driver == waiter) {
            self.concern_driver();
        } else {
            self.role.count_event_for_others();
            self.tell(Some(waiter));
        }
    }

    /// Tells one caller that waits for this, if there is one.
    pub(super) fn tell(&self, waiter: Option<Waiter>) {
        match waiter {
            None => {}
            Some(waiter @ (Waiter::Readable(id) | Waiter::Writable(id))) => {
                if let Some(wait) = self.connections.get(&id) {
                    wait.notify_one(waiter);
                }
            }
            Some(Waiter::Acceptable(id)) => self.tell_listener(id, Wanted::Connection),
            Some(Waiter::Syn(id)) => self.tell_listener(id, Wanted::Syn),
        }
    }

    fn tell_listener(&self, id: ListenerId, wanted: Wanted) {
        if let Some(entry) = self.listeners.get(&id) {
            entry.wait.notify_one(wanted);
        }
    }

    /// Hands the stack up to `batch` packets that other queues' drivers have read for it; says whether
    /// there are more.
    ///
    /// # Errors
    ///
    /// Another queue is gone.
    pub(super) fn receive_handed_over(&mut self, batch: usize, clock: &Clock) -> io::Result<bool> {
        let Some(member) = &self.member else {
            return Ok(false);
        };
        let collected = member.collect(batch)?;
        for parcel in collected.parcels {
            self.stack
                .handle_packet(clock.now(), &parcel.packet, parcel.meta);
        }
        Ok(collected.more)
    }

    /// Hands the stack up to `batch` packets, but for those of other queues' flows; fewer where the device has no more.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub(super) fn receive_batch(
        &mut self,
        batch: usize,
        clock: &Clock,
        buf: &mut [u8],
        mut posted: Option<&mut PostedRead<'_>>,
    ) -> io::Result<usize> {
        for received in 0..batch {
            let Some((len, meta)) = self.link.recv(clock, buf)? else {
                return Ok(received);
            };
            if let Some(member) = &mut self.member
                && member.hand_over(&buf[..len], meta)
            {
                continue;
            }
            // The time at which it was read will do: to look at the clock again costs more than it is off.
            let now = meta.arrived.unwrap_or_else(|| clock.now());
            let packet = &buf[..len];
            match &mut posted {
                Some(posted) => {
                    self.stack.handle_packet_for(now, packet, meta, posted);
                    if posted.is_full() {
                        return Ok(batch);
                    }
                }
                None => self.stack.handle_packet(now, packet, meta),
            }
        }
        Ok(batch)
    }

    /// Writes as much of `data` as there is room for, and sends what may go, from where it is; copies what has not been
    /// acknowledged by the time at which the device has no more. `None` where that is not possible or of no use.
    pub(super) fn write_in_place(
        &mut self,
        now: Instant,
        id: ConnectionId,
        data: &[u8],
        (clock, buf): (&Clock, &mut [u8]),
    ) -> Option<(usize, Received)> {
        // What others have read is likely to be older than what the device has.
        if self.receive_handed_over(LENT_BATCH, clock).unwrap_or(true) {
            return None;
        }
        let mut writing = self.stack.lend(now, id, data)?;
        let count = writing.len();
        self.link.transmit(now, &mut writing);
        for _ in 0..LENT_BATCH {
            let (len, meta) = match self.link.recv(clock, buf) {
                Ok(Some(received)) => received,
                Ok(None) => return Some((count, Received::All)),
                // A device that is gone says so again.
                Err(_) => break,
            };
            let packet = &buf[..len];
            if let Some(member) = &mut self.member
                && member.hand_over(packet, meta)
            {
                continue;
            }
            let now = meta.arrived.unwrap_or_else(|| clock.now());
            writing.handle_packet(now, packet, meta);
        }
        Some((count, Received::Some))
    }

    /// Runs the timers that are due.
    pub(super) fn run_timers(&mut self, now: Instant) {
        if self.stack.poll_timeout().is_some_and(|due| due <= now) {
            self.stack.handle_timeout(now);
        }
    }

    /// Until when the driver may sleep, who has something to do at `until`.
    pub(super) fn next_deadline(&self, until: Option<Instant>) -> Option<Instant> {
        let end = match self.phase {
            Phase::Closing { until } => Some(until),
            Phase::Running | Phase::Stopped(_) => None,
        };
        let deadlines = [self.stack.poll_timeout(), until, end];
        deadlines.into_iter().flatten().min()
    }

    /// Notes that the driver is about to sleep until then, or until the device has something.
    pub(super) fn fall_asleep(&mut self, deadline: Option<Instant>) {
        self.sleep = Sleep::Until(deadline);
    }

    /// Whether somebody waits for the driver, or the driver for room at the device.
    pub(super) fn is_awaited(&self) -> bool {
        self.role.is_wanted() || self.link.is_blocked()
    }

    pub(super) fn wake_up(&mut self) {
        self.sleep = Sleep::Awake;
        self.driver_concerned = false;
    }

    /// Whether the driver sleeps past the deadline, or past what it waits for. Says so once: it is then
    /// as good as awake.
    pub(super) fn take_wake_needed(&mut self) -> bool {
        let Sleep::Until(planned) = self.sleep else {
            return false;
        };
        let is_late = match (self.stack.poll_timeout(), planned) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(due), Some(planned)) => due < planned,
        };
        let needed = is_late || self.driver_concerned;
        if needed {
            self.sleep = Sleep::Awake;
        }
        needed
    }

    /// Closes every listener and connection, and wakes their waiters to an error. Says whether this
    /// call began the shutdown.
    pub(super) fn close_all(&mut self, now: Instant, until: Instant) -> bool {
        if !matches!(self.phase, Phase::Running) {
            return false;
        }
        self.phase = Phase::Closing { until };
        for (id, entry) in self.listeners.drain() {
            self.stack.close_listener(now, id);
            entry.wait.notify_all();
        }
        for (id, wait) in self.connections.drain() {
            if let Some(connection) = self.stack.connection(now, id) {
                connection.close();
            }
            wait.notify_all();
        }
        true
    }

    /// Whether the driver has nothing left to do: a shutdown has begun, and every connection has been
    /// heard to its end, or the time for that is over.
    pub(super) fn may_stop(&self, now: Instant) -> bool {
        let Phase::Closing { until } = self.phase else {
            return false;
        };
        let unheard = |state| {
            matches!(
                state,
                TcpState::Established
                    | TcpState::CloseWait
                    | TcpState::FinWait1
                    | TcpState::Closing
                    | TcpState::LastAck
            )
        };
        let heard = || !self.stack.sockets().any(|(_, _, _, state)| unheard(state));
        now >= until || (!self.link.is_blocked() && heard())
    }

    /// The interface's thread has ended. Whoever still waits learns it. The observer is to be dropped without the
    /// lock: it may own a handle of the interface.
    #[must_use]
    pub(super) fn stop(&mut self, failure: Option<Arc<io::Error>>) -> Option<Observer> {
        if let Some(member) = &self.member {
            member.leave(failure.as_ref());
        }
        self.phase = Phase::Stopped(failure);
        for (_, entry) in self.listeners.drain() {
            entry.wait.notify_all();
        }
        for (_, wait) in self.connections.drain() {
            wait.notify_all();
        }
        self.link.close()
    }
}
