//! The search, breadth first: a violation is found by the shortest way to it.

use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::machine::{Machine, Packet};
use super::rules::check_ending;
use super::scenario::Scenario;
use super::trace::Counterexample;
use super::world::{Action, Orders, World};
use crate::oracle::Violation;

/// How far to look.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bounds {
    /// Faults in one schedule.
    pub faults: u8,
    /// Actions in one schedule.
    pub depth: u32,
    /// Segments under way at once.
    pub in_flight: usize,
    /// Distinct states in all, which bounds memory.
    pub states: usize,
}

impl Bounds {
    /// Up to `faults` faults, and otherwise so far that a preset is explored to its end.
    pub fn faults(faults: u8) -> Bounds {
        Bounds {
            faults,
            depth: 400,
            in_flight: 32,
            states: 20_000_000,
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
    /// Whether no schedule was cut short by a bound other than the number of faults.
    pub complete: bool,
    /// The shortest way to a broken rule; the search ends with it.
    pub violation: Option<Counterexample>,
}

/// Tries every schedule of `scenario` within `bounds`.
///
/// A panic of a machine is a violation as any other; the panic hook prints it, too.
pub fn explore<M: Machine>(scenario: &Scenario<M>, bounds: &Bounds) -> Report {
    let mut report = Search::new(scenario, bounds, Orders::Representative).run();
    if let Some(found) = &report.violation {
        let nearer = Bounds {
            // The last state of the way must still be looked at.
            depth: found.steps.len() as u32 + 1,
            ..*bounds
        };
        // Where the number of states ends this search, the longer way has to do.
        let shortest = Search::new(scenario, &nearer, Orders::Every)
            .run()
            .violation;
        report.violation = shortest.or(report.violation);
    }
    report
}

/// How a state was reached: from the state with this number, by this action.
type Origin = (u32, Action);

/// States that are not expanded yet, each with its number.
type Frontier<M> = Vec<(u32, World<M>)>;

struct Search<'a, M> {
    scenario: &'a Scenario<M>,
    bounds: &'a Bounds,
    orders: Orders,
    seen: HashSet<u128>,
    /// By number; the first state has none.
    origins: Vec<Option<Origin>>,
    report: Report,
}

impl<'a, M: Machine> Search<'a, M> {
    fn new(scenario: &'a Scenario<M>, bounds: &'a Bounds, orders: Orders) -> Self {
        Search {
            scenario,
            bounds,
            orders,
            seen: HashSet::new(),
            origins: Vec::new(),
            report: Report {
                states: 0,
                transitions: 0,
                endings: 0,
                depth: 0,
                complete: true,
                violation: None,
            },
        }
    }

    fn run(mut self) -> Report {
        let mut frontier = match World::new(self.scenario, self.bounds.faults) {
            Ok(world) => vec![(0, world)],
            Err(violation) => {
                self.report.violation = Some(self.counterexample(violation, Vec::new()));
                return self.report;
            }
        };
        self.seen
            .extend(frontier.iter().map(|(_, world)| world.digest()));
        self.origins.push(None);
        while !frontier.is_empty() && self.report.violation.is_none() {
            if self.report.depth == self.bounds.depth || self.seen.len() >= self.bounds.states {
                self.report.complete = false;
                break;
            }
            frontier = self.expand(frontier);
            self.report.depth += u32::from(!frontier.is_empty());
        }
        self.report.states = self.seen.len();
        self.report
    }

    /// One action further from each state, as long as no rule is broken.
    fn expand(&mut self, frontier: Frontier<M>) -> Frontier<M> {
        let mut next = Vec::new();
        for (number, world) in frontier {
            if world.in_flight() > self.bounds.in_flight {
                self.report.complete = false;
                continue;
            }
            if let Err((violation, action)) = self.expand_one(number, &world, &mut next) {
                let mut way = self.way_to(number);
                way.extend(action);
                self.report.violation = Some(self.counterexample(violation, way));
                return Vec::new();
            }
        }
        next
    }

    fn expand_one(
        &mut self,
        number: u32,
        world: &World<M>,
        next: &mut Frontier<M>,
    ) -> Result<(), (Violation, Option<Action>)> {
        let actions = world.actions(self.scenario, self.orders);
        if actions.iter().all(|action| action.is_fault()) {
            self.report.endings += 1;
            check_ending(self.scenario, world).map_err(|violation| (violation, None))?;
        }
        for action in actions {
            let mut after = world.clone();
            self.report.transitions += 1;
            try_action(&mut after, self.scenario, action)
                .map_err(|violation| (violation, Some(action)))?;
            if self.seen.insert(after.digest()) {
                let found = self.origins.len() as u32;
                self.origins.push(Some((number, action)));
                next.push((found, after));
            }
        }
        Ok(())
    }

    /// The actions that lead to the state with this number.
    fn way_to(&self, number: u32) -> Vec<Action> {
        let mut way = Vec::new();
        let mut at = number;
        while let Some((before, action)) = self.origins[at as usize] {
            way.push(action);
            at = before;
        }
        way.reverse();
        way
    }

    fn counterexample(&self, violation: Violation, way: Vec<Action>) -> Counterexample {
        Counterexample::replay(self.scenario, self.bounds.faults, violation, &way)
    }
}

/// Lets one thing happen; a panic counts as a broken rule.
pub(super) fn try_action<M: Machine>(
    world: &mut World<M>,
    scenario: &Scenario<M>,
    action: Action,
) -> Result<Vec<Arc<Packet>>, Violation> {
    // The state is thrown away after a panic, so it does not matter what it looks like.
    catch_unwind(AssertUnwindSafe(|| world.apply(scenario, action)))
        .unwrap_or_else(|panic| Err(Violation(format!("panic: {}", message(&*panic)))))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::super::presets::presets;
    use super::*;

    #[test]
    fn representative_orders_end_where_all_orders_do() {
        for scenario in presets() {
            // Where both sides write at once, all orders of one fault are a million states.
            let faults = u8::from(!["transfer", "simultaneous-close"].contains(&scenario.name));
            let run = |orders| Search::new(&scenario, &Bounds::faults(faults), orders).run();
            let (all, some) = (run(Orders::Every), run(Orders::Representative));
            assert!(all.complete && some.complete, "{}", scenario.name);
            assert!(all.violation.is_none() && some.violation.is_none());
            assert_eq!(all.endings, some.endings, "{}", scenario.name);
        }
    }
}
