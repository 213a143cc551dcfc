//! What a run was, and what came of it, in words.

use std::fmt::Write as _;

use super::html::{escape, grouped};
use crate::scenario::Scenario;
use crate::simulation::Outcome;

/// What ran, and its seed.
pub fn title(scenario: &Scenario) -> String {
    let what = match scenario.flow.as_slice() {
        [flow] => format!("{} → {}", flow.client, flow.server),
        flows => format!("{} flows", flows.len()),
    };
    format!("tcp-sim: {what}, seed {}", scenario.seed)
}

/// The title, what came of the run, and which rules it broke, as HTML.
pub fn head(scenario: &Scenario, outcome: &Outcome) -> String {
    let mut html = format!(
        "<h1>{}</h1>\n<dl class=\"facts\">",
        escape(&title(scenario))
    );
    let complete = match (outcome.complete, outcome.time_limit_reached) {
        (true, _) => "yes",
        (false, true) => "no: the time limit was reached",
        (false, false) => "no",
    };
    let facts = [
        ("complete", complete.to_owned()),
        ("virtual time", format!("{:.6} s", outcome.sim_seconds)),
        (
            "goodput",
            format!("{} bit/s", grouped(outcome.goodput_bps as u64)),
        ),
        ("packets", grouped(outcome.packets)),
        (
            "segments sent again",
            grouped(outcome.retransmitted_segments),
        ),
        ("retransmission timeouts", grouped(outcome.rto_count)),
        ("trace hash", outcome.trace_hash.clone()),
    ];
    for (name, value) in facts {
        let _ = write!(
            html,
            "<div><dt>{name}</dt><dd>{}</dd></div>",
            escape(&value)
        );
    }
    html.push_str("</dl>\n");
    for violation in &outcome.violations {
        let _ = writeln!(html, "<p class=\"violation\">{}</p>", escape(violation));
    }
    html
}
