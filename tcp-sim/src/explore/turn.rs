//! What one side does when something happens to it: worked out once, and remembered.

use std::sync::{Arc, Mutex, PoisonError};

use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header};
use tcp_core::{Instant, State};

use super::app::App;
use super::digest::{DigestMap, Digested, SHARDS, digest_of, shard_of};
use super::machine::{Machine, Packet};
use super::network::Parcel;
use super::panics::catch;
use super::rules::{check_end, check_timeout};
use super::scenario::{Scenario, Step};
use crate::Side;
use crate::oracle::{Violation, rule};

/// What one side is.
#[derive(Clone, Hash)]
pub(super) struct End<M> {
    pub(super) machine: M,
    pub(super) app: App,
    /// The sequence number after the furthest one that it has sent.
    pub(super) sent: Option<SeqNumber>,
    /// The last acknowledgement that it has sent.
    acked: Option<SeqNumber>,
    pub(super) view: View,
}

/// What the search asks of an end over and over again, told once. All of it follows from the rest.
#[derive(Clone, Copy, Hash)]
pub(super) struct View {
    /// The connection's state, while there is a connection.
    pub(super) state: Option<State>,
    /// How many connections there have been.
    pub(super) incarnation: u8,
    /// Bytes that the peer has acknowledged, on this connection.
    pub(super) acknowledged: u64,
    /// Bytes that have arrived in order, on this connection.
    pub(super) received: u64,
    /// The earliest deadline.
    pub(super) deadline: Option<Instant>,
    /// Whether the application can take its next step.
    pub(super) is_ready: bool,
    /// Whether a segment of an earlier connection could reach it: not before it has spoken, and
    /// not once it has ended.
    pub(super) may_meet_stranger: bool,
}

impl<M: Machine> End<M> {
    pub(super) fn new(machine: M) -> End<M> {
        End {
            machine,
            app: App::default(),
            sent: None,
            acked: None,
            view: View {
                state: None,
                incarnation: 0,
                acknowledged: 0,
                received: 0,
                deadline: None,
                is_ready: false,
                may_meet_stranger: false,
            },
        }
    }

    /// A segment of an earlier connection: a SYN-ACK for who has not heard from its peer yet, else
    /// a byte that was never written on this one.
    ///
    /// Its sequence number is the one that this side has acknowledged everything before; its
    /// acknowledgement is one beyond all that this side has sent, on any connection.
    pub(super) fn stranger(&self) -> Packet {
        let (control, payload) = match self.acked {
            None => (Control::Syn, Vec::new()),
            Some(_) => (Control::None, vec![0]),
        };
        let header = Header {
            control,
            ack: self.sent.map(|sent| sent.advanced_by(1)),
            ..Header::new(self.acked.unwrap_or_default())
        };
        Packet { header, payload }
    }

    /// Notes what can be seen of it, at rest.
    fn look(&mut self, now: Instant, script: &[Step]) {
        let connection = self.machine.connection();
        let state = connection.map(|it| it.state());
        if let Some(info) = connection.map(|it| it.info(now)) {
            self.view.acknowledged = info.tcpi_bytes_acked;
            self.view.received = info.tcpi_bytes_received;
        }
        self.view = View {
            state,
            incarnation: self.machine.incarnation(),
            deadline: self.machine.poll_timeout(),
            is_ready: self.app.ready(script, &self.machine).is_some(),
            may_meet_stranger: self.sent.is_some() && state != Some(State::Closed),
            ..self.view
        };
    }

    fn note_sent(&mut self, packet: &Packet) {
        self.acked = packet.header.ack.or(self.acked);
        if packet.header.control == Control::Rst {
            // It may answer a segment that was never this side's business, in numbers of its own.
            return;
        }
        let end = packet.header.seq.advanced_by(packet.sequence_len());
        if self.sent.is_none_or(|sent| end.distance_from(sent) > 0) {
            self.sent = Some(end);
        }
    }
}

/// What can happen to one side.
#[derive(Clone, Copy)]
pub(super) enum Stimulus<'a> {
    /// Nothing: what it has to say from the start.
    Start,
    /// A segment arrives.
    Arrival(&'a Digested<Packet>),
    /// What is due happens.
    Timeout,
    /// Its application takes the next step.
    Step,
}

/// What came of it.
pub(super) struct Turn<M> {
    /// The side afterwards.
    pub(super) end: Arc<Digested<End<M>>>,
    /// What it sends.
    pub(super) sent: Vec<Parcel>,
}

impl<M> Turn<M> {
    /// What `side`, whose turn it was, has sent.
    pub(super) fn by(&self, side: Side) -> impl Iterator<Item = (Side, Packet)> {
        self.sent
            .iter()
            .map(move |parcel| (side, (***parcel).clone()))
    }
}

/// The turns of a scenario. A state is two ends and what lies between them, and many states have an
/// end in common: what it does is the same in all of them.
pub(super) struct Turns<'a, M> {
    pub(super) scenario: &'a Scenario<M>,
    taken: Cache<Arc<Turn<M>>>,
    ends: Cache<Arc<Digested<End<M>>>>,
    parcels: Cache<Parcel>,
}

/// More segments than any end sends at once: it would never stop.
const ENDLESS: usize = 1_000;

/// A turn is some 200 bytes, an end three thousand.
const MOST_TURNS: usize = 8_000_000;
const MOST_ENDS: usize = 1_000_000;

impl<'a, M: Machine> Turns<'a, M> {
    pub(super) fn new(scenario: &'a Scenario<M>) -> Self {
        Turns {
            scenario,
            taken: Cache::new(MOST_TURNS),
            ends: Cache::new(MOST_ENDS),
            parcels: Cache::new(MOST_ENDS),
        }
    }

    /// What `side`, which is as `end` tells, does at `now`.
    pub(super) fn take(
        &self,
        side: Side,
        end: &Digested<End<M>>,
        now: Instant,
        stimulus: Stimulus<'_>,
    ) -> Result<Arc<Turn<M>>, Violation> {
        let what = match stimulus {
            Stimulus::Start => (0, 0),
            Stimulus::Arrival(packet) => (1, packet.digest()),
            Stimulus::Timeout => (2, 0),
            Stimulus::Step => (3, 0),
        };
        let key = digest_of(&(side.index(), end.digest(), now, what));
        if let Some(turn) = self.taken.get(key) {
            return Ok(turn);
        }
        let turn = catch(|| self.work_out(side, (**end).clone(), now, stimulus))?;
        Ok(self.taken.keep(key, Arc::new(turn)))
    }

    /// A segment, shared with all that are like it.
    pub(super) fn parcel(&self, packet: Packet) -> Parcel {
        let parcel = Digested::new(packet);
        self.parcels.keep(parcel.digest(), Arc::new(parcel))
    }

    fn work_out(
        &self,
        side: Side,
        mut end: End<M>,
        now: Instant,
        stimulus: Stimulus<'_>,
    ) -> Result<Turn<M>, Violation> {
        let info = |end: &End<M>| end.machine.connection().map(|it| it.info(now));
        let before = info(&end);
        match stimulus {
            Stimulus::Start => {}
            Stimulus::Arrival(packet) => end.machine.handle_segment(now, packet),
            Stimulus::Timeout => end.machine.handle_timeout(now),
            Stimulus::Step => self.step(side, &mut end, now)?,
        }
        let mut sent = Vec::new();
        while let Some(packet) = end.machine.poll_segment(now) {
            end.note_sent(&packet);
            sent.push(self.parcel(packet));
            rule!(sent.len() < ENDLESS, "{side:?} does not stop sending");
        }
        if let Some(connection) = end.machine.connection_mut() {
            while connection.poll_event().is_some() {}
        }
        if let (Stimulus::Timeout, Some(before), Some(after)) = (stimulus, before, info(&end)) {
            check_timeout(side, &before, &after, &sent)?;
        }
        check_end(side, now, &end)?;
        end.look(now, &self.scenario.scripts[side.index()]);
        let end = Digested::new(end);
        Ok(Turn {
            end: self.ends.keep(end.digest(), Arc::new(end)),
            sent,
        })
    }

    fn step(&self, side: Side, end: &mut End<M>, now: Instant) -> Result<(), Violation> {
        let script = &self.scenario.scripts[side.index()];
        let streams = [side, side.other()].map(|side| self.scenario.stream(side));
        match end.app.ready(script, &end.machine) {
            Some(step) => end.app.take(step, now, &mut end.machine, streams),
            None => Ok(()),
        }
    }
}

/// Values by digest, which all threads share. What does not fit is forgotten; it can be worked out
/// again.
struct Cache<T> {
    shards: [Mutex<DigestMap<T>>; SHARDS],
    most: usize,
}

impl<T: Clone> Cache<T> {
    fn new(most: usize) -> Cache<T> {
        Cache {
            shards: std::array::from_fn(|_| Mutex::default()),
            most: most / SHARDS,
        }
    }

    fn get(&self, key: u128) -> Option<T> {
        let shard = self.shards[shard_of(key)].lock();
        let shard = shard.unwrap_or_else(PoisonError::into_inner);
        shard.get(&key).cloned()
    }

    /// Keeps `value`, unless there is one already; gives the one that is kept.
    fn keep(&self, key: u128, value: T) -> T {
        let shard = self.shards[shard_of(key)].lock();
        let mut shard = shard.unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= self.most {
            shard.clear();
        }
        shard.entry(key).or_insert(value).clone()
    }
}
