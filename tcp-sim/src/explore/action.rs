//! What can happen, and how it is written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Side;

/// Something that can happen. As text: `deliver B`, `deliver-late B 0`, `drop A`, `step A`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Action {
    /// The oldest segment in the queue to this side arrives.
    Deliver(Side),
    /// The straggler with this number arrives at this side.
    DeliverLate(Side, u8),
    /// Fault: the oldest segment to this side is lost.
    Drop(Side),
    /// Fault: the oldest segment to this side arrives, and a copy of it stays under way.
    Duplicate(Side),
    /// Fault: the oldest segment to this side becomes a straggler.
    Detain(Side),
    /// Fault: a segment of an earlier connection arrives at this side.
    Stranger(Side),
    /// The forged segment with this number arrives at this side; no fault, and once in a schedule.
    Inject(Side, u8),
    /// This side's deadline comes, the earliest of all.
    Timer(Side),
    /// Fault: as [`Action::Timer`], although an application could have acted before it.
    Hurry(Side),
    /// This side's application takes its next step.
    Step(Side),
}

impl Action {
    /// The side at which it happens, and which answers to it.
    pub fn side(self) -> Side {
        match self {
            Action::Deliver(side)
            | Action::DeliverLate(side, _)
            | Action::Drop(side)
            | Action::Duplicate(side)
            | Action::Detain(side)
            | Action::Stranger(side)
            | Action::Inject(side, _)
            | Action::Timer(side)
            | Action::Hurry(side)
            | Action::Step(side) => side,
        }
    }

    /// Whether it costs one of the faults.
    pub fn is_fault(self) -> bool {
        match self {
            Action::Drop(_)
            | Action::Duplicate(_)
            | Action::Detain(_)
            | Action::Stranger(_)
            | Action::Hurry(_) => true,
            Action::Deliver(_)
            | Action::DeliverLate(..)
            | Action::Inject(..)
            | Action::Timer(_)
            | Action::Step(_) => false,
        }
    }

    /// Whether it need not happen: a fault, or the attacker's doing.
    pub fn is_mischief(self) -> bool {
        self.is_fault() || matches!(self, Action::Inject(..))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, side) = match self {
            Action::Deliver(side) => ("deliver", side),
            Action::DeliverLate(side, index) => {
                return write!(f, "deliver-late {side:?} {index}");
            }
            Action::Inject(side, index) => return write!(f, "inject {side:?} {index}"),
            Action::Drop(side) => ("drop", side),
            Action::Duplicate(side) => ("duplicate", side),
            Action::Detain(side) => ("detain", side),
            Action::Stranger(side) => ("stranger", side),
            Action::Timer(side) => ("timer", side),
            Action::Hurry(side) => ("hurry", side),
            Action::Step(side) => ("step", side),
        };
        write!(f, "{name} {side:?}")
    }
}

impl From<Action> for String {
    fn from(action: Action) -> String {
        action.to_string()
    }
}

/// Text that is no action.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no action: one is written as `deliver A`, `deliver-late B 0` or `step A`")]
pub struct NotAnAction(String);

impl FromStr for Action {
    type Err = NotAnAction;

    fn from_str(text: &str) -> Result<Action, NotAnAction> {
        parse(text).ok_or_else(|| NotAnAction(text.to_owned()))
    }
}

impl TryFrom<String> for Action {
    type Error = NotAnAction;

    fn try_from(text: String) -> Result<Action, NotAnAction> {
        text.parse()
    }
}

fn parse(text: &str) -> Option<Action> {
    let mut words = text.split(' ');
    let name = words.next()?;
    let side = match words.next()? {
        "A" => Side::A,
        "B" => Side::B,
        _ => return None,
    };
    let index: Option<u8> = match words.next() {
        Some(word) => Some(word.parse().ok()?),
        None => None,
    };
    let action = match (name, index) {
        ("deliver", None) => Action::Deliver(side),
        ("deliver-late", Some(index)) => Action::DeliverLate(side, index),
        ("inject", Some(index)) => Action::Inject(side, index),
        ("drop", None) => Action::Drop(side),
        ("duplicate", None) => Action::Duplicate(side),
        ("detain", None) => Action::Detain(side),
        ("stranger", None) => Action::Stranger(side),
        ("timer", None) => Action::Timer(side),
        ("hurry", None) => Action::Hurry(side),
        ("step", None) => Action::Step(side),
        _ => return None,
    };
    words.next().is_none().then_some(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read_as_it_is_written() {
        for side in Side::BOTH {
            for action in [
                Action::Deliver(side),
                Action::DeliverLate(side, 0),
                Action::DeliverLate(side, 17),
                Action::Drop(side),
                Action::Duplicate(side),
                Action::Detain(side),
                Action::Stranger(side),
                Action::Inject(side, 239),
                Action::Timer(side),
                Action::Hurry(side),
                Action::Step(side),
            ] {
                assert_eq!(action.to_string().parse(), Ok(action));
            }
        }
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for text in [
            "",
            "deliver",
            "deliver C",
            "deliver A 0",
            "deliver-late A",
            "deliver-late A x",
            "deliver-late A 0 1",
            "dance A",
        ] {
            assert_eq!(text.parse::<Action>(), Err(NotAnAction(text.into())));
        }
    }
}
