//! How far to look, and what is told of the search.

use super::action::Action;
use super::trace::Counterexample;

/// How far to look, and with how many threads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bounds {
    /// Faults in one schedule.
    pub faults: u8,
    /// Actions in one schedule.
    pub depth: u32,
    /// Segments under way at once.
    pub in_flight: usize,
    /// Distinct states in all, which bounds memory; at most `u32::MAX`. The search ends with the
    /// level of depth that reaches them.
    pub states: usize,
    /// Threads that search; 0 for one on each core. The report does not depend on it.
    pub threads: usize,
}

impl Bounds {
    /// Up to `faults` faults on all cores, and otherwise so far that a preset is explored to its
    /// end.
    pub fn faults(faults: u8) -> Bounds {
        Bounds {
            faults,
            depth: 400,
            in_flight: 32,
            states: 100_000_000,
            threads: 0,
        }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Distinct states.
    pub states: usize,
    /// Actions tried.
    pub transitions: usize,
    /// Distinct states in which nothing was left to happen but faults.
    pub endings: usize,
    /// Actions on the shortest way to the state that is furthest from the start.
    pub depth: u32,
    /// The most states of one depth.
    pub peak_frontier: usize,
    /// Whether no schedule was cut short by a bound other than the number of faults.
    pub complete: bool,
    /// The shortest way to a broken rule; the search ends with it.
    pub violation: Option<Counterexample>,
    /// The way to one of the states that are furthest from the start.
    pub deepest: Vec<Action>,
}

/// How far a search has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Distinct states so far.
    pub states: usize,
    /// Actions tried so far.
    pub transitions: usize,
    /// Actions on the way to the states that are being looked at.
    pub depth: u32,
    /// States known and not looked at yet.
    pub frontier: usize,
}
