//! One state of the exploration, and what can happen in it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use siphasher::sip128::{Hasher128, SipHasher13};
use tcp_core::seq::SeqNumber;
use tcp_core::{Instant, State};

use super::app::App;
use super::machine::{Machine, Packet};
use super::network::Link;
use super::rules::{check_end, check_sent};
use super::scenario::{Ending, Scenario, Start};
use crate::Side;
use crate::oracle::{Violation, rule};

/// Something that can happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// The oldest segment in the queue to this side arrives.
    Deliver(Side),
    /// The straggler with this number arrives at this side.
    DeliverLate(Side, usize),
    /// Fault: the oldest segment to this side is lost.
    Drop(Side),
    /// Fault: the oldest segment to this side arrives, and a copy of it stays under way.
    Duplicate(Side),
    /// Fault: the oldest segment to this side becomes a straggler.
    Detain(Side),
    /// This side's deadline comes, the earliest of all.
    Timer(Side),
    /// Fault: as [`Action::Timer`], although an application could have acted before it.
    Hurry(Side),
    /// This side's application takes its next step.
    Step(Side),
}

impl Action {
    /// Whether it costs one of the faults.
    pub fn is_fault(self) -> bool {
        matches!(
            self,
            Action::Drop(_) | Action::Duplicate(_) | Action::Detain(_) | Action::Hurry(_)
        )
    }
}

/// Which of the orders that come to the same are tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Orders {
    /// All.
    Every,
    /// One of them: see the module's documentation.
    Representative,
}

/// What one side is.
#[derive(Clone, Hash)]
pub(super) struct End<M> {
    pub(super) machine: M,
    pub(super) app: App,
    /// The sequence number after the furthest one that it has sent.
    sent: Option<SeqNumber>,
}

impl<M: Machine> End<M> {
    /// The connection's state, once there is a connection.
    pub(super) fn state(&self) -> Option<State> {
        self.machine
            .connection()
            .map(|connection| connection.state())
    }

    fn note_sent(&mut self, packet: &Packet) {
        let end = packet.header.seq.advanced_by(packet.sequence_len());
        if self.sent.is_none_or(|sent| end.distance_from(sent) > 0) {
            self.sent = Some(end);
        }
    }
}

/// One state. Ends are shared between states that do not differ in them, with their hashes.
#[derive(Clone)]
pub(super) struct World<M> {
    now: Instant,
    ends: [Arc<End<M>>; 2],
    digests: [u128; 2],
    /// What is under way to A, and to B.
    links: [Link; 2],
    faults_left: u8,
    /// Whether a segment was lost. It matters where a reset may be what was lost, and is not noted
    /// elsewhere: it would tell states apart that are alike.
    has_lost: bool,
}

/// More segments than any end sends at once: it would never stop.
const ENDLESS: usize = 1_000;

impl<M: Machine> World<M> {
    /// The state that the scenario begins with.
    pub(super) fn new(scenario: &Scenario<M>, faults: u8) -> Result<World<M>, Violation> {
        let ends = scenario.machines.clone().map(|machine| {
            Arc::new(End {
                machine,
                app: App::default(),
                sent: None,
            })
        });
        let mut world = World {
            now: Instant::ZERO,
            ends,
            digests: [0; 2],
            links: Default::default(),
            faults_left: faults,
            has_lost: false,
        };
        for side in Side::BOTH {
            world.change(side, |_, _| Ok(()))?;
        }
        if scenario.start == Start::Established {
            while let Some(side) = Side::BOTH
                .into_iter()
                .find(|it| world.oldest(*it).is_some())
            {
                world.apply(scenario, Action::Deliver(side))?;
            }
        }
        Ok(world)
    }

    pub(super) fn end(&self, side: Side) -> &End<M> {
        &self.ends[side.index()]
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Whether the network has lost a segment; told of conversations that end by a reset.
    pub(super) fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// Segments under way.
    pub(super) fn in_flight(&self) -> usize {
        self.links.iter().map(Link::len).sum()
    }

    /// The segment that an action is about.
    pub(super) fn subject(&self, action: Action) -> Option<&Arc<Packet>> {
        match action {
            Action::Deliver(to) | Action::Drop(to) | Action::Duplicate(to) | Action::Detain(to) => {
                self.oldest(to)
            }
            Action::DeliverLate(to, index) => self.links[to.index()].straggler(index),
            Action::Timer(_) | Action::Hurry(_) | Action::Step(_) => None,
        }
    }

    /// What is to be tried in this state.
    pub(super) fn actions(&self, scenario: &Scenario<M>, orders: Orders) -> Vec<Action> {
        let mut actions = Vec::new();
        let queued = |side: &Side| self.oldest(*side).is_some();
        let first = Side::BOTH.into_iter().find(queued);
        if let (Some(side), Orders::Representative) = (first, orders) {
            self.push_local(side, scenario, &mut actions);
            return actions;
        }
        for side in Side::BOTH {
            self.push_local(side, scenario, &mut actions);
        }
        if first.is_none() {
            self.push_passage_of_time(&mut actions);
        }
        actions
    }

    /// Lets one thing happen; gives what was sent because of it, and by whom.
    pub(super) fn apply(
        &mut self,
        scenario: &Scenario<M>,
        action: Action,
    ) -> Result<Vec<Arc<Packet>>, Violation> {
        self.faults_left -= u8::from(action.is_fault());
        match action {
            Action::Deliver(to) => self.deliver_oldest(to),
            Action::DeliverLate(to, index) => {
                let packet = self.links[to.index()].take_straggler(index);
                self.deliver(to, packet)
            }
            Action::Drop(to) => {
                self.links[to.index()].take_oldest();
                self.has_lost |= scenario.ending == Ending::Reset;
                Ok(Vec::new())
            }
            Action::Duplicate(to) => {
                let copy = self.oldest(to).cloned();
                let sent = self.deliver_oldest(to)?;
                copy.into_iter()
                    .for_each(|copy| self.links[to.index()].detain(copy));
                Ok(sent)
            }
            Action::Detain(to) => {
                let link = &mut self.links[to.index()];
                link.take_oldest()
                    .into_iter()
                    .for_each(|packet| link.detain(packet));
                Ok(Vec::new())
            }
            Action::Timer(side) | Action::Hurry(side) => {
                let deadline = self.end(side).machine.poll_timeout();
                self.now = self.now.max(deadline.unwrap_or(self.now));
                self.change(side, |end, now| {
                    end.machine.handle_timeout(now);
                    Ok(())
                })
            }
            Action::Step(side) => self.step(scenario, side),
        }
    }

    /// Everything that decides what can happen from here on, as one number.
    pub(super) fn digest(&self) -> u128 {
        let mut hasher = SipHasher13::new();
        self.now.hash(&mut hasher);
        self.links.hash(&mut hasher);
        self.digests.hash(&mut hasher);
        hasher.write_u8(self.faults_left);
        hasher.write_u8(u8::from(self.has_lost));
        hasher.finish128().as_u128()
    }

    fn oldest(&self, to: Side) -> Option<&Arc<Packet>> {
        self.links[to.index()].oldest()
    }

    /// What can happen at one side without time passing.
    fn push_local(&self, side: Side, scenario: &Scenario<M>, actions: &mut Vec<Action>) {
        let end = self.end(side);
        if self.oldest(side).is_some() {
            actions.push(Action::Deliver(side));
            if self.faults_left > 0 {
                actions.push(Action::Drop(side));
                actions.push(Action::Duplicate(side));
                actions.push(Action::Detain(side));
            }
        }
        let script = &scenario.scripts[side.index()];
        if end.app.ready(script, end.machine.connection()).is_some() {
            actions.push(Action::Step(side));
        }
        let late = self.links[side.index()].stragglers();
        actions.extend((0..late).map(|index| Action::DeliverLate(side, index)));
        if end.machine.poll_timeout().is_some_and(|at| at <= self.now) {
            actions.push(Action::Timer(side));
        }
    }

    /// The deadlines that come next, where nothing is queued: `actions` is what else can happen.
    fn push_passage_of_time(&self, actions: &mut Vec<Action>) {
        let deadline = |side| self.end(side).machine.poll_timeout();
        let earliest = Side::BOTH.into_iter().filter_map(deadline).min();
        let Some(earliest) = earliest.filter(|at| *at > self.now) else {
            return;
        };
        let busy = actions
            .iter()
            .any(|action| matches!(action, Action::Step(_)));
        for side in Side::BOTH {
            if deadline(side) != Some(earliest) {
                continue;
            }
            if !busy {
                actions.push(Action::Timer(side));
            } else if self.faults_left > 0 {
                actions.push(Action::Hurry(side));
            }
        }
    }

    fn deliver_oldest(&mut self, to: Side) -> Result<Vec<Arc<Packet>>, Violation> {
        let packet = self.links[to.index()].take_oldest();
        self.deliver(to, packet)
    }

    fn deliver(
        &mut self,
        to: Side,
        packet: Option<Arc<Packet>>,
    ) -> Result<Vec<Arc<Packet>>, Violation> {
        self.change(to, |end, now| {
            packet
                .iter()
                .for_each(|packet| end.machine.handle_segment(now, packet));
            Ok(())
        })
    }

    fn step(&mut self, scenario: &Scenario<M>, side: Side) -> Result<Vec<Arc<Packet>>, Violation> {
        let script = &scenario.scripts[side.index()];
        let outgoing = scenario.stream(side);
        let written = self.end(side.other()).app.written_bytes();
        let incoming = &scenario.stream(side.other())[..written];
        self.change(side, |end, now| {
            let step = end.app.ready(script, end.machine.connection());
            match (step, end.machine.connection_mut()) {
                (Some(step), Some(it)) => end.app.take(step, now, it, outgoing, incoming),
                _ => Ok(()),
            }
        })
    }

    /// Changes one end, lets it say what it has to say, and checks it.
    fn change(
        &mut self,
        side: Side,
        change: impl FnOnce(&mut End<M>, Instant) -> Result<(), Violation>,
    ) -> Result<Vec<Arc<Packet>>, Violation> {
        let (now, peer_sent) = (self.now, self.end(side.other()).sent);
        let end = Arc::make_mut(&mut self.ends[side.index()]);
        change(end, now)?;
        let mut sent = Vec::new();
        while let Some(packet) = end.machine.poll_segment(now) {
            end.note_sent(&packet);
            check_sent(side, &packet, peer_sent)?;
            sent.push(Arc::new(packet));
            rule!(sent.len() < ENDLESS, "{side:?} does not stop sending");
        }
        if let Some(connection) = end.machine.connection_mut() {
            while connection.poll_event().is_some() {}
        }
        check_end(side, now, end, peer_sent)?;
        let mut hasher = SipHasher13::new();
        end.hash(&mut hasher);
        self.digests[side.index()] = hasher.finish128().as_u128();
        let link = &mut self.links[side.other().index()];
        sent.iter().for_each(|packet| link.send(packet.clone()));
        Ok(sent)
    }
}
