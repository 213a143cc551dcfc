//! What is printed of a run.

use std::io::{self, Write};
use std::process::ExitCode;

use indicatif::HumanCount;
use serde::Serialize;
use tcp_sim::simulation::{FlowOutcome, LinkOutcome, Outcome};

/// The run did not come to its end, or a rule was broken.
const INCOMPLETE: u8 = 1;

/// What the shell is told of a run.
pub fn exit_code(outcome: &Outcome) -> ExitCode {
    if outcome.complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INCOMPLETE)
    }
}

/// Prints one object.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    writeln!(io::stdout(), "{text}")?;
    Ok(())
}

/// Prints one line.
pub fn print_line(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Prints a run for people.
pub fn print_outcome(outcome: &Outcome) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for flow in &outcome.flows {
        writeln!(out, "{}", flow_line(flow))?;
    }
    for link in outcome.links.iter().filter(|link| link.stats.sent > 0) {
        writeln!(out, "{}", link_line(link))?;
    }
    writeln!(
        out,
        "{} s, {} packets, {} segments sent again, {} reported twice, {} timeouts, {} loss probes, {} undone, \
         {}bit/s; seed {}, trace {}, {:.2} s of real time",
        outcome.sim_seconds,
        HumanCount(outcome.packets),
        HumanCount(outcome.retransmitted_segments),
        HumanCount(outcome.dsack_count),
        HumanCount(outcome.rto_count),
        HumanCount(outcome.loss_probe_count),
        HumanCount(outcome.undo_count),
        scaled(outcome.goodput_bps),
        outcome.seed,
        outcome.trace_hash,
        outcome.wall_seconds,
    )?;
    for violation in &outcome.violations {
        writeln!(out, "a rule was broken: {violation}")?;
    }
    let verdict = if outcome.complete {
        "complete: every flow has ended, nothing is left"
    } else if outcome.time_limit_reached {
        "not complete: the time limit came first"
    } else {
        "not complete"
    };
    writeln!(out, "{verdict}")
}

fn flow_line(flow: &FlowOutcome) -> String {
    let state = match (&flow.error, flow.complete) {
        (_, true) => "complete".to_owned(),
        (Some(error), false) => format!("not complete: {error}"),
        (None, false) => "not complete".to_owned(),
    };
    format!(
        "{} > {} {}: {} bytes there, {} back, {:.3} s, {}bit/s, {} sent again before closing: {state}",
        flow.client,
        flow.server,
        flow.app,
        HumanCount(flow.bytes_to_server),
        HumanCount(flow.bytes_to_client),
        flow.seconds,
        scaled(flow.goodput_bps),
        HumanCount(flow.retransmitted),
    )
}

fn link_line(link: &LinkOutcome) -> String {
    let stats = serde_json::to_value(link.stats).unwrap_or_default();
    let counted = stats.as_object().into_iter().flatten();
    let counted = counted
        .filter(|(_, count)| count.as_u64().is_some_and(|count| count > 0))
        .map(|(name, count)| format!("{name} {count}"));
    let counted: Vec<String> = counted.collect();
    format!("{} > {}: {}", link.from, link.to, counted.join(", "))
}

/// With three digits or more, and the prefix of a thousand.
fn scaled(value: f64) -> String {
    let prefixes = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    match prefixes.iter().find(|(unit, _)| value >= *unit) {
        Some((unit, prefix)) => format!("{:.2} {prefix}", value / unit),
        None => format!("{value:.0} "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_printed_with_a_prefix() {
        assert_eq!(scaled(94_123_456.0), "94.12 M");
        assert_eq!(scaled(1e9), "1.00 G");
        assert_eq!(scaled(12.0), "12 ");
    }
}
