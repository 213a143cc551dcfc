//! A schedule step by step.

use std::fmt;

use tcp_core::{Instant, State};

use super::action::Action;
use super::ending::check_ending;
use super::machine::{Machine, Packet};
use super::scenario::{Scenario, Step};
use super::turn::Turns;
use super::world::{Orders, World};
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
    pub subject: Option<Packet>,
    /// The step that an application took.
    pub step: Option<Step>,
    /// What was sent because of it; nothing if it is what broke the rule.
    pub sent: Vec<Packet>,
    /// The states of A and B afterwards; `None` where there is no connection.
    pub states: [Option<State>; 2],
}

/// A schedule that was played.
#[derive(Clone, Debug)]
pub struct Playback {
    /// What was sent before the first step, and by whom.
    pub opening: Vec<(Side, Packet)>,
    /// What happened, up to a broken rule if there is one.
    pub steps: Vec<TraceStep>,
    /// The rule that was broken, by the last step or by nothing more happening after it.
    pub violation: Option<Violation>,
}

/// An action that cannot happen where the schedule says so.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("step {number}: `{action}` cannot happen here")]
pub struct Impossible {
    /// The place in the schedule, from 1.
    pub number: usize,
    /// What the schedule says.
    pub action: Action,
}

/// Plays a schedule of up to `faults` faults.
///
/// # Errors
///
/// When the schedule is not one of this scenario.
pub fn play<M: Machine>(
    scenario: &Scenario<M>,
    faults: u8,
    actions: &[Action],
) -> Result<Playback, Impossible> {
    let turns = Turns::new(scenario);
    let mut steps = Vec::with_capacity(actions.len());
    let (mut world, opening) = match World::begin(&turns, faults) {
        Ok(beginning) => beginning,
        Err(violation) => {
            return Ok(Playback {
                opening: Vec::new(),
                steps,
                violation: Some(violation),
            });
        }
    };
    for (index, &action) in actions.iter().enumerate() {
        if !world.actions(Orders::Every).contains(&action) {
            let number = index + 1;
            return Err(Impossible { number, action });
        }
        let (step, violation) = TraceStep::take(&mut world, &turns, action);
        steps.push(step);
        if violation.is_some() {
            return Ok(Playback {
                opening,
                steps,
                violation,
            });
        }
    }
    let left = world.actions(Orders::Every);
    let has_ended = left.iter().all(|action| action.is_mischief());
    let violation = has_ended.then(|| check_ending(scenario, &world).err());
    Ok(Playback {
        opening,
        steps,
        violation: violation.flatten(),
    })
}

impl Counterexample {
    /// Plays `way` again to tell what happens on it.
    pub(super) fn new<M: Machine>(
        scenario: &Scenario<M>,
        faults: u8,
        violation: Violation,
        way: &[Action],
    ) -> Counterexample {
        let playback = play(scenario, faults, way);
        Counterexample {
            violation,
            steps: playback.expect("the way was found").steps,
        }
    }

    /// The schedule by itself.
    pub fn actions(&self) -> Vec<Action> {
        self.steps.iter().map(|step| step.action).collect()
    }
}

impl TraceStep {
    fn take<M: Machine>(
        world: &mut World<M>,
        turns: &Turns<'_, M>,
        action: Action,
    ) -> (TraceStep, Option<Violation>) {
        let subject = world.subject(turns, action);
        let step = match action {
            Action::Step(side) => {
                let at = world.end(side).app.at();
                turns.scenario.scripts[side.index()].get(at).copied()
            }
            _ => None,
        };
        let (turn, violation) = match world.apply(turns, action) {
            Ok(turn) => (turn, None),
            Err(violation) => (None, Some(violation)),
        };
        let sent = turn.iter().flat_map(|turn| &turn.sent);
        let step = TraceStep {
            at: world.now(),
            action,
            subject: subject.map(|parcel| (**parcel).clone()),
            step,
            sent: sent.map(|parcel| (***parcel).clone()).collect(),
            states: Side::BOTH.map(|side| world.end(side).view.state),
        };
        (step, violation)
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
            Action::Stranger(to) => write!(f, "{to:?} receives, of an earlier connection,")?,
            Action::Inject(to, _) => write!(f, "{to:?} receives, forged,")?,
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
