//! `tcp-sim replay`: one schedule, step by step.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use tcp_core::Instant;
use tcp_sim::Side;
use tcp_sim::capture::Capture;
use tcp_sim::explore::{Action, Packet, Playback, Schedule, TraceStep, silence_caught_panics};
use tcp_sim::scenario::TcpSettings;
use tcp_sim::world::write_packet;

use super::output::print_json;

/// The schedule breaks a rule.
const BROKEN: u8 = 1;

const AFTER_HELP: &str = "\
Exit code: 0 when the schedule keeps the rules; 1 when it breaks one; 2 when it cannot be played:
the file is no schedule, or does not fit the protocol as it is now.

Examples:
  tcp-sim explore --preset reset --write deep.json --deepest
  tcp-sim replay deep.json
  tcp-sim replay deep.json --capture deep.pcapng && tshark -r deep.pcapng";

/// Show a schedule that `explore` has written, step by step.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct ReplayArgs {
    /// The schedule
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write what was sent to a pcapng file: A is 10.0.0.1, B is 10.0.0.2
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
}

/// Replays a schedule.
pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    silence_caught_panics();
    let name = args.file.display();
    let text = fs::read_to_string(&args.file).with_context(|| format!("cannot read {name}"))?;
    let cannot = || format!("cannot play {name}");
    let schedule = Schedule::from_json(&text).with_context(cannot)?;
    let playback = schedule.play().with_context(cannot)?;
    if let Some(path) = &args.capture {
        capture(path, &schedule.preset, &playback)
            .with_context(|| format!("cannot write the capture to {}", path.display()))?;
    }
    if args.json {
        print_json(&to_json(&schedule, &playback))?;
    } else {
        print(&mut io::stdout().lock(), &schedule, &playback)?;
    }
    Ok(match playback.violation {
        Some(_) => ExitCode::from(BROKEN),
        None => ExitCode::SUCCESS,
    })
}

fn print(out: &mut impl Write, schedule: &Schedule, playback: &Playback) -> io::Result<()> {
    writeln!(
        out,
        "{}{}, up to {} faults, {} steps",
        schedule.preset,
        settings(&schedule.tcp),
        schedule.faults,
        playback.steps.len()
    )?;
    for (index, step) in playback.steps.iter().enumerate() {
        writeln!(out, "{:>3}. {step}", index + 1)?;
    }
    match (&playback.violation, &schedule.violation) {
        (Some(violation), _) => writeln!(out, "     {violation}"),
        (None, Some(before)) => writeln!(out, "     no rule is broken any more; it was: {before}"),
        (None, None) => writeln!(out, "     no rule is broken"),
    }
}

/// What both ends were set to, where that is anything.
fn settings(tcp: &TcpSettings) -> String {
    let pairs = tcp.to_pairs();
    if pairs.is_empty() {
        pairs
    } else {
        format!(" with {pairs}")
    }
}

fn to_json(schedule: &Schedule, playback: &Playback) -> Value {
    let steps = playback.steps.iter().enumerate();
    let steps: Vec<Value> = steps
        .map(|(index, it)| step_to_json(index + 1, it))
        .collect();
    let violation = playback.violation.as_ref().map(ToString::to_string);
    json!({
        "preset": schedule.preset,
        "faults": schedule.faults,
        "steps": steps,
        "violations": usize::from(violation.is_some()),
        "violation": violation,
    })
}

fn step_to_json(number: usize, step: &TraceStep) -> Value {
    let sent: Vec<String> = step.sent.iter().map(ToString::to_string).collect();
    let states = step.states.map(|state| state.map(|it| it.to_string()));
    json!({
        "number": number,
        "nanos": step.at.as_nanos(),
        "action": step.action.to_string(),
        "application": step.step.map(|it| format!("{it:?}")),
        "segment": step.subject.as_ref().map(ToString::to_string),
        "sent": sent,
        "states": { "a": states[0], "b": states[1] },
    })
}

/// What was sent, as a host in the middle would see it before anything is lost; segments of an
/// earlier connection where they arrive.
fn capture(path: &Path, preset: &str, playback: &Playback) -> io::Result<()> {
    let mut capture = Capture::create(path, &[preset.to_owned()])?;
    let mut put = |at: Instant, from: Side, packet: &Packet| {
        let [src, dst] = [from, from.other()].map(address);
        let bytes = write_packet(src, dst, &packet.header, &packet.payload);
        capture.packet(0, at, &bytes)
    };
    for (from, packet) in &playback.opening {
        put(Instant::ZERO, *from, packet)?;
    }
    for step in &playback.steps {
        let side = step.action.side();
        if let (Action::Stranger(_), Some(stranger)) = (step.action, &step.subject) {
            put(step.at, side.other(), stranger)?;
        }
        for packet in &step.sent {
            put(step.at, side, packet)?;
        }
    }
    capture.finish()
}

fn address(side: Side) -> SocketAddr {
    match side {
        Side::A => SocketAddr::from(([10, 0, 0, 1], 40_000)),
        Side::B => SocketAddr::from(([10, 0, 0, 2], 80)),
    }
}
