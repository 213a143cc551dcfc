//! The way to a violation, step by step.

use std::fmt;
use std::sync::Arc;

use tcp_core::{Instant, State};

use super::machine::{Machine, Packet};
use super::scenario::{Scenario, Step};
use super::search::try_action;
use super::world::{Action, World};
use crate::Side;
use crate::oracle::Violation;

/// A broken rule, and the shortest schedule that breaks it.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The rule.
    pub violation: Violation,
    /// What happened, from the scenario's start on.
    pub steps: Vec<TraceStep>,
}

/// One action of a schedule, and what came of it.
#[derive(Clone, Debug)]
pub struct TraceStep {
    /// When.
    pub at: Instant,
    /// What happened.
    pub action: Action,
    /// The segment that it happened to.
    pub subject: Option<Arc<Packet>>,
    /// The step that an application took.
    pub step: Option<Step>,
    /// What was sent because of it; nothing if it is what broke the rule.
    pub sent: Vec<Arc<Packet>>,
    /// The states of A and B afterwards; `None` before there is a connection.
    pub states: [Option<State>; 2],
}

impl Counterexample {
    /// Runs `way` again to tell what happens on it.
    pub(super) fn replay<M: Machine>(
        scenario: &Scenario<M>,
        faults: u8,
        violation: Violation,
        way: &[Action],
    ) -> Counterexample {
        let mut steps = Vec::with_capacity(way.len());
        if let Ok(mut world) = World::new(scenario, faults) {
            for &action in way {
                steps.push(TraceStep::take(&mut world, scenario, action));
            }
        }
        Counterexample { violation, steps }
    }
}

impl TraceStep {
    fn take<M: Machine>(world: &mut World<M>, scenario: &Scenario<M>, action: Action) -> Self {
        let subject = world.subject(action).cloned();
        let step = match action {
            Action::Step(side) => {
                let at = world.end(side).app.at();
                scenario.scripts[side.index()].get(at).copied()
            }
            _ => None,
        };
        let sent = try_action(world, scenario, action).unwrap_or_default();
        TraceStep {
            at: world.now(),
            action,
            subject,
            step,
            sent,
            states: Side::BOTH.map(|side| world.end(side).state()),
        }
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>3}. {step}", index + 1)?;
        }
        write!(f, "     {}", self.violation)
    }
}

impl fmt::Display for TraceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ", self.at)?;
        match self.action {
            Action::Deliver(to) => write!(f, "{to:?} receives")?,
            Action::DeliverLate(to, _) => write!(f, "{to:?} receives late")?,
            Action::Drop(to) => write!(f, "lost on the way to {to:?}:")?,
            Action::Duplicate(to) => write!(f, "{to:?} receives, and will once more,")?,
            Action::Detain(to) => write!(f, "held up on the way to {to:?}:")?,
            Action::Timer(side) => write!(f, "{side:?}'s deadline comes")?,
            Action::Hurry(side) => write!(f, "{side:?}'s deadline comes before all else")?,
            Action::Step(side) => write!(f, "{side:?}'s application:")?,
        }
        if let Some(step) = self.step {
            write!(f, " {step:?}")?;
        }
        if let Some(subject) = &self.subject {
            write!(f, " {subject}")?;
        }
        for sent in &self.sent {
            write!(f, "; sends {sent}")?;
        }
        let name = |state: Option<State>| state.map_or("none".into(), |it| it.to_string());
        write!(f, " [{} {}]", name(self.states[0]), name(self.states[1]))
    }
}
