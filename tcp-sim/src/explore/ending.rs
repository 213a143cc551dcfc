//! What must hold where nothing more can happen.

use tcp_core::State;

use super::machine::Machine;
use super::scenario::{Ending, Scenario};
use super::world::World;
use crate::Side;
use crate::oracle::{Violation, rule};

/// Checks a state in which nothing can happen any more but faults.
pub(super) fn check_ending<M: Machine>(
    scenario: &Scenario<M>,
    world: &World<M>,
) -> Result<(), Violation> {
    match scenario.ending {
        Ending::Open => check_complete(scenario, world, State::Established),
        Ending::Closed => check_complete(scenario, world, State::Closed),
        Ending::Reset => check_reset(scenario, world),
    }
}

fn check_complete<M: Machine>(
    scenario: &Scenario<M>,
    world: &World<M>,
    wanted: State,
) -> Result<(), Violation> {
    for side in Side::BOTH {
        let end = world.end(side);
        let app = &end.app;
        let step = scenario.scripts[side.index()].get(app.at());
        rule!(
            app.error().is_none(),
            "{side:?} ended with an error: {:?}",
            app.error()
        );
        rule!(
            step.is_none(),
            "stall: {side:?} waits for ever at {step:?}, having read {} bytes",
            app.read_bytes()
        );
        let state = end.view.state;
        rule!(
            state == Some(wanted),
            "{side:?} ended in {state:?}, not in {wanted}"
        );
        let written = world.end(side.other()).app.written_bytes();
        rule!(
            app.read_bytes() == written,
            "{side:?} read {} of {written} bytes",
            app.read_bytes()
        );
        let flushed = end.machine.connection().is_some_and(|it| it.is_flushed());
        rule!(
            flushed || wanted == State::Closed,
            "stall: {side:?} waits for ever for an acknowledgement"
        );
    }
    Ok(())
}

fn check_reset<M: Machine>(scenario: &Scenario<M>, world: &World<M>) -> Result<(), Violation> {
    for side in Side::BOTH {
        let end = world.end(side);
        let app = &end.app;
        let state = end.view.state;
        if state.is_none() || state == Some(State::Closed) {
            continue;
        }
        rule!(
            !app.has_aborted(),
            "{side:?} aborted and yet is in {state:?}"
        );
        rule!(
            world.has_lost() && state == Some(State::Established),
            "stall: the other side aborted, no segment was lost, and {side:?} is in {state:?}"
        );
        let flushed = end.machine.connection().is_some_and(|it| it.is_flushed());
        rule!(
            flushed,
            "stall: {side:?} has something to say, and does not say it"
        );
    }
    let aborted = Side::BOTH
        .iter()
        .any(|side| world.end(*side).app.has_aborted());
    rule!(aborted, "stall: nobody could abort in {}", scenario.name);
    Ok(())
}
