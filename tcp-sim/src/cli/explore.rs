//! `tcp-sim explore`: every schedule of a small conversation.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tcp_sim::explore::{
    Attacker, Bounds, Progress, Report, Scenario, Schedule, explore_observed, presets,
    silence_caught_panics,
};
use tcp_sim::scenario::{TcpArgs, TcpSettings};

use super::output::print_json;

const ALL: &str = "all";
/// More than any machine has cores for.
const MOST_THREADS: i64 = 1_024;
/// As many as the presets have patience for: their connections give up after eight timeouts.
const MOST_FAULTS: i64 = 6;

/// Some schedule breaks a rule.
const BROKEN: u8 = 1;
/// Nothing was found, but not every schedule was tried.
const INCOMPLETE: u8 = 3;

const AFTER_HELP: &str = "\
Exit code: 0 when every schedule was tried and keeps the rules; 1 when one breaks a rule; 2 when the
command could not be carried out; 3 when nothing was found within bounds that cut schedules short.

Examples:
  tcp-sim explore                                    every preset, up to two faults
  tcp-sim explore --preset close --faults 3 --json
  tcp-sim explore --preset handshake --preset reset --threads 1
  tcp-sim explore --faults 0 --attacker
  tcp-sim explore --congestion bbr --ecn request --without rack --without pacing
  tcp-sim explore --preset transfer --write found.json; tcp-sim replay found.json
  tcp-sim explore --preset reset --write deep.json --deepest";

/// Try every schedule of a small conversation, with every fault that the network could make.
///
/// It says how many states there are, or shows the shortest way to one that breaks a rule.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct ExploreArgs {
    /// A conversation to explore; may be repeated
    #[arg(long = "preset", value_name = "PRESET", default_value = ALL, value_parser = preset_names())]
    presets: Vec<String>,
    #[command(flatten)]
    tcp: TcpArgs,
    /// Most faults in one schedule
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=MOST_FAULTS))]
    faults: u8,
    /// Beside the faults, let somebody inject one forged segment at any step: any of some two hundred around the
    /// numbers that matter, but those that guess right
    #[arg(long)]
    attacker: bool,
    /// Most actions in one schedule
    #[arg(long, default_value_t = Bounds::faults(0).depth)]
    depth: u32,
    /// Most states of one conversation, which bounds memory: some 100 bytes each, beside what is
    /// remembered so as not to be worked out again. The level at which it is reached is not finished
    #[arg(long, default_value_t = Bounds::faults(0).states)]
    states: usize,
    /// Most segments under way at once
    #[arg(long, default_value_t = Bounds::faults(0).in_flight)]
    in_flight: usize,
    /// Threads; 0 for one on each core. What is found does not depend on it
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=MOST_THREADS))]
    threads: u16,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write the schedule that breaks a rule to a file, for `tcp-sim replay`
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Where no rule is broken, write the schedule to a state that is furthest from the start
    #[arg(long, requires = "write")]
    deepest: bool,
}

fn preset_names() -> PossibleValuesParser {
    let names = presets().map(|preset| preset.name);
    PossibleValuesParser::new(names.into_iter().chain([ALL]))
}

impl ExploreArgs {
    fn attacker(&self) -> Attacker {
        match self.attacker {
            true => Attacker::Present,
            false => Attacker::Absent,
        }
    }
}

/// Explores, and says what was found.
pub fn run(args: &ExploreArgs) -> anyhow::Result<ExitCode> {
    silence_caught_panics();
    let every = args.presets.iter().any(|name| name == ALL);
    let wanted = |preset: &Scenario| every || args.presets.iter().any(|name| name == preset.name);
    let began = Instant::now();
    let tcp = args.tcp.settings();
    let presets = presets().into_iter().filter(wanted);
    let presets: Vec<Scenario> = presets
        .map(|preset| Ok(preset.with_tcp(&tcp)?.attacked(args.attacker())))
        .collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(
        !args.deepest || presets.len() == 1,
        "--deepest writes one schedule: name one --preset"
    );
    let mut found = Vec::new();
    for preset in &presets {
        let outcome = Outcome::of(preset, args);
        if !args.json {
            outcome.print(&mut io::stdout().lock())?;
        }
        found.push(outcome);
    }
    let totals = Totals::of(&found, began.elapsed());
    if args.json {
        let json = match &found[..] {
            [one] => one.json(),
            several => {
                let presets: Vec<Value> = several.iter().map(Outcome::json).collect();
                json!({ "presets": presets, "totals": totals.json() })
            }
        };
        print_json(&json)?;
    } else if found.len() > 1 {
        totals.print(&mut io::stdout().lock())?;
    }
    if let Some(path) = &args.write {
        write_schedule(path, args, &tcp, &found)?;
    }
    Ok(match (totals.violations, totals.complete) {
        (0, true) => ExitCode::SUCCESS,
        (0, false) => ExitCode::from(INCOMPLETE),
        _ => ExitCode::from(BROKEN),
    })
}

/// What was found of one preset.
struct Outcome {
    preset: &'static str,
    faults: u8,
    report: Report,
    wall: Duration,
}

impl Outcome {
    fn of(preset: &Scenario, args: &ExploreArgs) -> Outcome {
        let bounds = Bounds {
            faults: args.faults,
            depth: args.depth,
            in_flight: args.in_flight,
            states: args.states,
            threads: args.threads.into(),
        };
        let began = Instant::now();
        let bar = progress_bar(preset.name);
        let report = explore_observed(preset, &bounds, &mut |progress| {
            bar.set_message(describe(progress, began.elapsed()));
            bar.tick();
        });
        bar.finish_and_clear();
        Outcome {
            preset: preset.name,
            faults: args.faults,
            report,
            wall: began.elapsed(),
        }
    }

    fn json(&self) -> Value {
        let report = &self.report;
        let mut json = json!({
            "preset": self.preset,
            "faults": self.faults,
            "states": report.states,
            "transitions": report.transitions,
            "endings": report.endings,
            "depth": report.depth,
            "complete": report.complete,
            "violations": usize::from(report.violation.is_some()),
            "peak_frontier": report.peak_frontier,
            "wall_seconds": self.wall.as_secs_f64(),
            "states_per_second": per_second(report.states, self.wall),
        });
        if let Some(found) = &report.violation {
            let trace: Vec<String> = found.steps.iter().map(ToString::to_string).collect();
            json["violation"] = json!(found.violation.to_string());
            json["trace"] = json!(trace);
        }
        json
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let report = &self.report;
        let verdict = match (&report.violation, report.complete) {
            (Some(_), _) => "a rule is broken",
            (None, true) => "holds",
            (None, false) => "holds as far as it was explored",
        };
        writeln!(
            out,
            "{:<18} {} faults: {} states, {} transitions, {} endings, depth {}, {:.2} s \
             ({} states/s): {verdict}",
            self.preset,
            self.faults,
            HumanCount(report.states as u64),
            HumanCount(report.transitions as u64),
            HumanCount(report.endings as u64),
            report.depth,
            self.wall.as_secs_f64(),
            HumanCount(per_second(report.states, self.wall)),
        )?;
        match &report.violation {
            Some(found) => writeln!(out, "{found}"),
            None => Ok(()),
        }
    }
}

/// What was found of all presets.
struct Totals {
    states: usize,
    transitions: usize,
    violations: usize,
    complete: bool,
    wall: Duration,
}

impl Totals {
    fn of(found: &[Outcome], wall: Duration) -> Totals {
        let reports = || found.iter().map(|outcome| &outcome.report);
        Totals {
            states: reports().map(|report| report.states).sum(),
            transitions: reports().map(|report| report.transitions).sum(),
            violations: reports()
                .filter(|report| report.violation.is_some())
                .count(),
            complete: reports().all(|report| report.complete),
            wall,
        }
    }

    fn json(&self) -> Value {
        json!({
            "states": self.states,
            "transitions": self.transitions,
            "violations": self.violations,
            "complete": self.complete,
            "wall_seconds": self.wall.as_secs_f64(),
        })
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "together           {} states, {} transitions, {} violations, {:.2} s",
            HumanCount(self.states as u64),
            HumanCount(self.transitions as u64),
            self.violations,
            self.wall.as_secs_f64(),
        )
    }
}

fn per_second(count: usize, wall: Duration) -> u64 {
    (count as f64 / wall.as_secs_f64().max(1e-9)) as u64
}

/// On standard error, and only where that is a terminal.
fn progress_bar(preset: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix}: {msg}");
    ProgressBar::new_spinner()
        .with_style(style.expect("the template is well-formed"))
        .with_prefix(preset)
}

fn describe(progress: &Progress, wall: Duration) -> String {
    format!(
        "{} states, {} transitions, {} to look at, depth {}, {} states/s, {}",
        HumanCount(progress.states as u64),
        HumanCount(progress.transitions as u64),
        HumanCount(progress.frontier as u64),
        progress.depth,
        HumanCount(per_second(progress.states, wall)),
        HumanDuration(wall),
    )
}

/// Writes the first schedule that breaks a rule, or else the deepest of the first preset if that
/// was asked for.
fn write_schedule(
    path: &Path,
    args: &ExploreArgs,
    tcp: &TcpSettings,
    found: &[Outcome],
) -> anyhow::Result<()> {
    let broken = found.iter().find_map(|outcome| {
        let found = outcome.report.violation.as_ref()?;
        let mut schedule = Schedule::new(outcome.preset, outcome.faults, found.actions());
        schedule.violation = Some(found.violation.to_string());
        Some(schedule)
    });
    let deepest = found.first().filter(|_| args.deepest).map(|outcome| {
        let way = outcome.report.deepest.clone();
        Schedule::new(outcome.preset, outcome.faults, way)
    });
    let Some(mut schedule) = broken.or(deepest) else {
        let _ = writeln!(io::stderr(), "tcp-sim: nothing to write: no rule is broken");
        return Ok(());
    };
    schedule.tcp = tcp.clone();
    schedule.attacker = args.attacker();
    fs::write(path, schedule.to_json())
        .with_context(|| format!("cannot write the schedule to {}", path.display()))
}
