//! The search, breadth first and on all cores: a violation is found by the shortest way to it.
//!
//! The states of one depth are taken in batches. Threads share a batch and work out what follows
//! from each state; then they share the shards of [`Seen`], and each sorts out which of the states
//! that belong to its shards are new. Both keep the order of the batch, so it does not depend on
//! the threads which of two ways to a state counts, nor which number the state gets.

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use super::action::Action;
use super::digest::{SHARDS, shard_of};
use super::ending::check_ending;
use super::machine::Machine;
use super::report::{Bounds, Progress, Report};
use super::scenario::Scenario;
use super::seen::{Origin, Origins, Seen};
use super::trace::Counterexample;
use super::turn::Turns;
use super::world::{Orders, World};
use crate::oracle::Violation;

/// Tries every schedule of `scenario` within `bounds`.
///
/// A panic of a machine is a violation as any other; the panic hook prints it, too, unless
/// [`silence_caught_panics`](super::silence_caught_panics) was called.
///
/// # Panics
///
/// When the system gives no threads.
pub fn explore<M: Machine>(scenario: &Scenario<M>, bounds: &Bounds) -> Report {
    explore_observed(scenario, bounds, &mut |_| {})
}

/// As [`explore`]; tells `observe` now and then how far it has come, always on the calling thread.
///
/// # Panics
///
/// As [`explore`], and where `observe` does.
pub fn explore_observed<M: Machine>(
    scenario: &Scenario<M>,
    bounds: &Bounds,
    observe: &mut dyn FnMut(&Progress),
) -> Report {
    let turns = Turns::new(scenario);
    let mut report = Search::new(&turns, bounds, Orders::Representative).run(observe);
    if let Some(found) = &report.violation {
        let nearer = Bounds {
            // The last state of the way must still be looked at.
            depth: found.steps.len() as u32 + 1,
            ..*bounds
        };
        // Where the number of states ends this search, the longer way has to do.
        let shortest = Search::new(&turns, &nearer, Orders::Every)
            .run(observe)
            .violation;
        report.violation = shortest.or(report.violation);
    }
    report
}

/// States that are not expanded yet, each with its number.
type Frontier<M> = Vec<(u32, World<M>)>;

/// States of one batch: it bounds what is held of states that may turn out to be known.
const BATCH: usize = 1 << 18;
/// States that a thread takes at a time.
const PIECE: usize = 1 << 9;

/// A state as it was found, perhaps not for the first time.
struct Candidate<M> {
    digest: u128,
    origin: Origin,
    world: World<M>,
}

/// What follows from a piece of a batch.
struct Expansion<M> {
    /// Not in [`Seen`] before this batch; by shard.
    candidates: Vec<Vec<Candidate<M>>>,
    transitions: usize,
    endings: usize,
    /// Whether nothing was cut short.
    complete: bool,
    /// The first broken rule, where it was found, and by which action.
    violation: Option<(Violation, u32, Option<Action>)>,
}

struct Search<'a, M> {
    turns: &'a Turns<'a, M>,
    bounds: &'a Bounds,
    orders: Orders,
    seen: Seen,
    origins: Origins,
    report: Report,
}

impl<'a, M: Machine> Search<'a, M> {
    fn new(turns: &'a Turns<'a, M>, bounds: &'a Bounds, orders: Orders) -> Self {
        Search {
            turns,
            bounds,
            orders,
            seen: Seen::new(),
            origins: Origins::default(),
            report: Report {
                states: 0,
                transitions: 0,
                endings: 0,
                depth: 0,
                peak_frontier: 0,
                complete: true,
                violation: None,
                deepest: Vec::new(),
            },
        }
    }

    fn run(mut self, observe: &mut dyn FnMut(&Progress)) -> Report {
        let first = match World::begin(self.turns, self.bounds.faults) {
            Ok((world, _)) => world,
            Err(violation) => {
                self.report.violation = Some(self.counterexample(violation, &[]));
                return self.report;
            }
        };
        let pool = ThreadPoolBuilder::new().num_threads(self.bounds.threads);
        let pool = pool.build().expect("the system gives threads");
        let digest = first.digest();
        self.seen.shards[shard_of(digest)].insert(digest);
        let mut frontier = vec![(0, first)];
        let most = self.bounds.states.min(u32::MAX as usize / 2);
        let mut deepest = 0;
        while let Some((number, _)) = frontier.first() {
            deepest = *number;
            self.report.peak_frontier = self.report.peak_frontier.max(frontier.len());
            if self.report.depth == self.bounds.depth || self.seen.len() >= most {
                self.report.complete = false;
                break;
            }
            frontier = self.deepen(frontier, &pool, observe);
            self.report.depth += u32::from(!frontier.is_empty());
        }
        self.report.states = self.seen.len();
        self.report.deepest = self.origins.way_to(deepest);
        self.report
    }

    /// One action further from each state, as long as no rule is broken.
    fn deepen(
        &mut self,
        frontier: Frontier<M>,
        pool: &rayon::ThreadPool,
        observe: &mut dyn FnMut(&Progress),
    ) -> Frontier<M> {
        let mut next = Vec::new();
        let mut rest = frontier.into_iter();
        while rest.len() > 0 && self.report.violation.is_none() {
            let batch: Frontier<M> = rest.by_ref().take(BATCH).collect();
            self.deepen_batch(batch, pool, &mut next);
            observe(&Progress {
                states: self.seen.len(),
                transitions: self.report.transitions,
                depth: self.report.depth,
                frontier: rest.len() + next.len(),
            });
        }
        if self.report.violation.is_some() {
            return Vec::new();
        }
        next
    }

    fn deepen_batch(
        &mut self,
        batch: Frontier<M>,
        pool: &rayon::ThreadPool,
        next: &mut Frontier<M>,
    ) {
        let this = &*self;
        let expansions: Vec<Expansion<M>> = pool.install(|| {
            let pieces = batch.into_par_iter().chunks(PIECE);
            pieces.map(|piece| this.expand(piece)).collect()
        });
        let mut by_shard: Vec<Vec<Vec<Candidate<M>>>> = (0..SHARDS).map(|_| Vec::new()).collect();
        for expansion in expansions {
            self.report.transitions += expansion.transitions;
            self.report.endings += expansion.endings;
            self.report.complete &= expansion.complete;
            if let (None, Some((violation, number, action))) =
                (&self.report.violation, expansion.violation)
            {
                let mut way = self.origins.way_to(number);
                way.extend(action);
                self.report.violation = Some(self.counterexample(violation, &way));
            }
            for (shard, candidates) in by_shard.iter_mut().zip(expansion.candidates) {
                shard.push(candidates);
            }
        }
        let shards = &mut self.seen.shards;
        let new: Vec<Vec<Candidate<M>>> = pool.install(|| {
            let shards = shards.par_iter_mut().zip(by_shard);
            let sift = shards.map(|(shard, candidates)| {
                let candidates = candidates.into_iter().flatten();
                candidates.filter(|it| shard.insert(it.digest)).collect()
            });
            sift.collect()
        });
        next.reserve(new.iter().map(Vec::len).sum());
        for candidate in new.into_iter().flatten() {
            next.push((self.origins.push(candidate.origin), candidate.world));
        }
    }

    fn expand(&self, piece: Frontier<M>) -> Expansion<M> {
        let mut expansion = Expansion {
            candidates: (0..SHARDS)
                .map(|_| Vec::with_capacity(2 * PIECE / SHARDS))
                .collect(),
            transitions: 0,
            endings: 0,
            complete: true,
            violation: None,
        };
        for (number, world) in piece {
            if world.in_flight() > self.bounds.in_flight {
                expansion.complete = false;
            } else if let Err((violation, action)) = self.expand_one(number, &world, &mut expansion)
            {
                expansion.violation = Some((violation, number, action));
                break;
            }
        }
        expansion
    }

    fn expand_one(
        &self,
        number: u32,
        world: &World<M>,
        expansion: &mut Expansion<M>,
    ) -> Result<(), (Violation, Option<Action>)> {
        let scenario = self.turns.scenario;
        let actions = world.actions(self.orders);
        if actions.iter().all(|action| action.is_mischief()) {
            expansion.endings += 1;
            check_ending(scenario, world).map_err(|violation| (violation, None))?;
        }
        for action in actions {
            let mut after = world.clone();
            expansion.transitions += 1;
            after
                .apply(self.turns, action)
                .map_err(|violation| (violation, Some(action)))?;
            let digest = after.digest();
            if !self.seen.contains(digest) {
                expansion.candidates[shard_of(digest)].push(Candidate {
                    digest,
                    origin: (number, action),
                    world: after,
                });
            }
        }
        Ok(())
    }

    fn counterexample(&self, violation: Violation, way: &[Action]) -> Counterexample {
        Counterexample::new(self.turns.scenario, self.bounds.faults, violation, way)
    }
}

#[cfg(test)]
mod tests {
    use super::super::presets::presets;
    use super::*;
    use crate::scenario::TcpSettings;

    #[test]
    fn representative_orders_end_where_all_orders_do() {
        let unprobed = TcpSettings {
            tail_loss_probe: Some(false),
            ..TcpSettings::default()
        };
        for scenario in presets() {
            // Where both sides write at once, all orders of two faults are many millions of states, and
            // so are those of one where tails are probed.
            let (scenario, faults) = match scenario.name {
                "transfer" | "simultaneous-close" => (scenario.with_tcp(&unprobed).unwrap(), 1),
                "close" | "zero-window" | "time-wait-reuse" => (scenario, 1),
                _ => (scenario, 2),
            };
            let turns = Turns::new(&scenario);
            let bounds = Bounds::faults(faults);
            let run = |orders| Search::new(&turns, &bounds, orders).run(&mut |_| {});
            let (all, some) = (run(Orders::Every), run(Orders::Representative));
            assert!(all.complete && some.complete, "{}", scenario.name);
            assert!(all.violation.is_none() && some.violation.is_none());
            assert_eq!(all.endings, some.endings, "{}", scenario.name);
        }
    }
}
