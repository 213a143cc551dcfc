//! `tcp-sim report`: one scenario as a page of plots.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use tcp_sim::scenario::ScenarioArgs;
use tcp_sim::simulation::Outcome;

use super::output;
use super::watched::{Watched, Wishes};

/// What `tcp-sim help report` says after the options.
const EXAMPLES: &str = "\
Examples:
  tcp-sim report --bytes 3M --rtt 80ms --rate 30M --queue 64Ki --out slow-start.html
  tcp-sim report --loss 0.01 --seed 7
  tcp-sim report lossy.toml --out lossy.html --json

The page needs no network and no other file. Exit code as that of `tcp-sim run`.";

/// Run a scenario and draw it: one HTML page with time-sequence plots, windows, round trips, queues.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,

    /// Where the page goes
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    report: &'a str,
    report_bytes: u64,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

/// Runs a scenario, and writes its report.
pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let scenario = args.scenario.scenario()?;
    let wishes = Wishes {
        report: Some(&args.out),
        ..Wishes::default()
    };
    let outcome = Watched::new(&scenario, &wishes)?.run()?;
    let path = args.out.display().to_string();
    let report_bytes = fs::metadata(&args.out)
        .with_context(|| format!("cannot look at {path}"))?
        .len();
    if args.json {
        output::print_json(&Printed {
            report: &path,
            report_bytes,
            outcome: &outcome,
        })?;
    } else {
        output::print_outcome(&outcome)?;
        output::print_line(&format!("report: {path} ({report_bytes} bytes)"))?;
    }
    Ok(output::exit_code(&outcome))
}
