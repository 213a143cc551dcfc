//! One state of the exploration, and what can happen in it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;
use tcp_core::Instant;

use super::action::Action;
use super::digest::{Digested, Digester};
use super::end::End;
use super::forgery::FORGERIES;
use super::machine::{Machine, Packet};
use super::network::{Link, Parcel};
use super::rules::{check_pair, check_sent};
use super::scenario::{Attacker, Ending, Start};
use super::turn::{Stimulus, Turn, Turns};
use crate::Side;
use crate::oracle::Violation;

/// Which of the orders that come to the same are tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Orders {
    /// All.
    Every,
    /// One of them: see the module's documentation.
    Representative,
}

/// What can happen in one state: seldom more than this.
pub(super) type Actions = SmallVec<[Action; 16]>;

/// One state. Ends and segments are shared between all states that have them.
pub(super) struct World<M> {
    now: Instant,
    ends: [Arc<Digested<End<M>>>; 2],
    /// What is under way to A, and to B.
    links: [Link; 2],
    faults_left: u8,
    /// Whether a stranger may still come to A, and to B.
    strangers_left: [bool; 2],
    /// Whether the attacker may still inject a segment.
    forgery_left: bool,
    /// Whether a segment was lost. It matters where a reset may be what was lost, and is not noted
    /// elsewhere: it would tell states apart that are alike.
    has_lost: bool,
}

/// A first state, and what has been sent until then, by whom.
pub(super) type Beginning<M> = (World<M>, Vec<(Side, Packet)>);

// Derived, it would ask for machines that can be cloned in places that clone none.
impl<M> Clone for World<M> {
    fn clone(&self) -> Self {
        World {
            ends: self.ends.clone(),
            links: self.links.clone(),
            ..*self
        }
    }
}

impl<M: Machine> World<M> {
    /// The state that the scenario begins with, and what has been sent until then, by whom.
    pub(super) fn begin(turns: &Turns<'_, M>, faults: u8) -> Result<Beginning<M>, Violation> {
        let scenario = turns.scenario;
        let ends = scenario.machines.clone();
        let mut world = World {
            now: Instant::ZERO,
            ends: ends.map(|machine| Arc::new(Digested::new(End::new(machine)))),
            links: Default::default(),
            faults_left: faults,
            strangers_left: [true; 2],
            forgery_left: scenario.attacker == Attacker::Present,
            has_lost: false,
        };
        let mut said = Vec::new();
        for side in Side::BOTH {
            let turn = world.turn(turns, side, Stimulus::Start)?;
            said.extend(turn.iter().flat_map(|turn| turn.by(side)));
        }
        if scenario.start == Start::Established {
            while let Some(side) = Side::BOTH
                .into_iter()
                .find(|it| world.oldest(*it).is_some())
            {
                let turn = world.apply(turns, Action::Deliver(side))?;
                said.extend(turn.iter().flat_map(|turn| turn.by(side)));
            }
        }
        Ok((world, said))
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
    pub(super) fn subject(&self, turns: &Turns<'_, M>, action: Action) -> Option<Parcel> {
        match action {
            Action::Deliver(to) | Action::Drop(to) | Action::Duplicate(to) | Action::Detain(to) => {
                self.oldest(to).cloned()
            }
            Action::DeliverLate(to, index) => self.links[to.index()].straggler(index).cloned(),
            Action::Stranger(to) => Some(turns.parcel(self.end(to).stranger())),
            Action::Inject(to, index) => {
                let forged = self.end(to).view.numbers?.forgery(index)?;
                Some(turns.parcel(forged))
            }
            Action::Timer(_) | Action::Hurry(_) | Action::Step(_) => None,
        }
    }

    /// What is to be tried in this state.
    pub(super) fn actions(&self, orders: Orders) -> Actions {
        let mut actions = Actions::new();
        let queued = |side: &Side| self.oldest(*side).is_some();
        let first = Side::BOTH.into_iter().find(queued);
        if let (Some(side), Orders::Representative) = (first, orders) {
            self.push_local(side, &mut actions);
            return actions;
        }
        for side in Side::BOTH {
            self.push_local(side, &mut actions);
        }
        if first.is_none() {
            self.push_passage_of_time(&mut actions);
        }
        actions
    }

    /// Lets one thing happen; gives what a side did because of it.
    pub(super) fn apply(
        &mut self,
        turns: &Turns<'_, M>,
        action: Action,
    ) -> Result<Option<Arc<Turn<M>>>, Violation> {
        self.faults_left -= u8::from(action.is_fault());
        match action {
            Action::Deliver(to) => {
                let parcel = self.links[to.index()].take_oldest();
                self.deliver(turns, to, parcel)
            }
            Action::DeliverLate(to, index) => {
                let parcel = self.links[to.index()].take_straggler(index);
                self.deliver(turns, to, parcel)
            }
            Action::Drop(to) => {
                self.links[to.index()].take_oldest();
                self.has_lost |= turns.scenario.ending == Ending::Reset;
                Ok(None)
            }
            Action::Duplicate(to) => {
                let parcel = self.links[to.index()].take_oldest();
                let turn = self.deliver(turns, to, parcel.clone())?;
                self.detain(to, parcel);
                Ok(turn)
            }
            Action::Detain(to) => {
                let parcel = self.links[to.index()].take_oldest();
                self.detain(to, parcel);
                Ok(None)
            }
            Action::Stranger(to) => {
                self.strangers_left[to.index()] = false;
                let parcel = self.subject(turns, action);
                self.deliver(turns, to, parcel)
            }
            Action::Inject(to, _) => {
                self.forgery_left = false;
                let parcel = self.subject(turns, action);
                self.deliver(turns, to, parcel)
            }
            Action::Timer(side) | Action::Hurry(side) => {
                let deadline = self.end(side).view.deadline;
                self.now = self.now.max(deadline.unwrap_or(self.now));
                self.turn(turns, side, Stimulus::Timeout)
            }
            Action::Step(side) => self.turn(turns, side, Stimulus::Step),
        }
    }

    /// Everything that decides what can happen from here on, as one number.
    pub(super) fn digest(&self) -> u128 {
        let mut digester = Digester::new();
        self.now.hash(&mut digester);
        self.links.hash(&mut digester);
        for end in &self.ends {
            digester.write_u128(end.digest());
        }
        digester.write_u8(self.faults_left);
        (self.strangers_left, self.forgery_left, self.has_lost).hash(&mut digester);
        digester.digest()
    }

    fn oldest(&self, to: Side) -> Option<&Parcel> {
        self.links[to.index()].oldest()
    }

    /// What can happen at one side without time passing.
    fn push_local(&self, side: Side, actions: &mut Actions) {
        let (end, link) = (&self.end(side).view, &self.links[side.index()]);
        let may_fail = self.faults_left > 0;
        if link.oldest().is_some() {
            actions.push(Action::Deliver(side));
            if may_fail {
                actions.push(Action::Drop(side));
                actions.push(Action::Duplicate(side));
                actions.push(Action::Detain(side));
            }
        }
        if may_fail && self.strangers_left[side.index()] && end.may_meet_stranger {
            actions.push(Action::Stranger(side));
        }
        if self.forgery_left
            && let Some(numbers) = end.numbers
        {
            let wrong = (0..FORGERIES).filter(|&index| numbers.forgery(index).is_some());
            actions.extend(wrong.map(|index| Action::Inject(side, index)));
        }
        if end.is_ready {
            actions.push(Action::Step(side));
        }
        let late = link.distinct_stragglers();
        actions.extend(late.map(|index| Action::DeliverLate(side, index)));
        if end.deadline.is_some_and(|at| at <= self.now) {
            actions.push(Action::Timer(side));
        }
    }

    /// The deadlines that come next, where nothing is queued: `actions` is what else can happen.
    fn push_passage_of_time(&self, actions: &mut Actions) {
        let deadline = |side| self.end(side).view.deadline;
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

    fn detain(&mut self, to: Side, parcel: Option<Parcel>) {
        let link = &mut self.links[to.index()];
        parcel.into_iter().for_each(|parcel| link.detain(parcel));
    }

    fn deliver(
        &mut self,
        turns: &Turns<'_, M>,
        to: Side,
        parcel: Option<Parcel>,
    ) -> Result<Option<Arc<Turn<M>>>, Violation> {
        match parcel {
            Some(parcel) => self.turn(turns, to, Stimulus::Arrival(&parcel)),
            None => Ok(None),
        }
    }

    /// Lets one side act, and checks what came of it against the other side.
    fn turn(
        &mut self,
        turns: &Turns<'_, M>,
        side: Side,
        stimulus: Stimulus<'_>,
    ) -> Result<Option<Arc<Turn<M>>>, Violation> {
        let turn = turns.take(side, &self.ends[side.index()], self.now, stimulus)?;
        let peer_sent = self.end(side.other()).sent;
        for parcel in &turn.sent {
            check_sent(side, parcel, peer_sent)?;
            self.links[side.other().index()].send(parcel.clone());
        }
        self.ends[side.index()] = turn.end.clone();
        check_pair(side, self.end(side), self.end(side.other()))?;
        Ok(Some(turn))
    }
}
