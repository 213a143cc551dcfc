//! What one side does when something happens to it: worked out once, and remembered.

use std::sync::{Arc, Mutex, PoisonError};

use tcp_core::Instant;

use super::digest::{DigestMap, Digested, SHARDS, digest_of, shard_of};
use super::end::End;
use super::machine::{Machine, Packet};
use super::network::Parcel;
use super::panics::catch;
use super::rules::{check_end, check_timeout};
use super::scenario::Scenario;
use crate::Side;
use crate::oracle::{Violation, rule};

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
