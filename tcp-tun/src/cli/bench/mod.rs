//! `tcp-tun bench`: our stack, the kernel's and smoltcp's over the same machine, one after another.
//!
//! Each path has the kernel at its near end, which measures. At the far end is the kernel again, over
//! veth; or our stack, over TUN; or smoltcp. All paths stay in place, and each run goes through all of
//! them, so that what else the machine does meets all alike; the figures are medians over the runs ([`processors`]).

mod client;
mod congestion;
mod cpu;
mod path;
mod place;
mod processors;
mod report;
mod services;
#[cfg(feature = "smoltcp")]
mod smoltcp_end;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tcp_tun::netns;

use client::{Load, Near, Outcome};
use congestion::Congestion;
use path::{Kind, Path};
use processors::Processors;
use report::{Figures, Row, Sample};

use super::text;

const EXAMPLES: &str = "\
Paths: veth, veth-plain (kernel to kernel), tun, tun-plain (kernel to ours), tun-2q, tun-plain-2q
(to ours by two queues, with several flows), smoltcp.
Loads: to (the kernel sends), from (the kernel receives), ping-pong, connections.

Examples:
  tcp-tun bench                     everything; some minutes
  tcp-tun bench --quick             the same, with short runs
  tcp-tun bench --only tun/         what our stack does over TUN with offloads
  tcp-tun bench --only from/1 --json
  tcp-tun bench --only to/1 --congestion bbr

The network that it makes is its own, and vanishes with it.";

/// Compare our stack with the kernel's and smoltcp's
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// Only measurements whose PATH/LOAD/FLOWS contains this; give it once for each
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,

    /// Runs of each; with one flow on two processors in turn, and medians are of those on each
    #[arg(long, value_name = "N", default_value_t = 6,
          value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Runs of a fifth of the length
    #[arg(long)]
    quick: bool,

    /// What the kernel's own sockets control congestion with: a name that it knows, or `system` for its
    /// default [default: cubic, as at the other ends]
    #[arg(long, value_name = "NAME")]
    congestion: Option<String>,

    /// Print JSON in place of a table
    #[arg(long)]
    json: bool,
}

/// How long one run loads a path.
const RUN: Duration = Duration::from_secs(1);
const QUICK_RUN: Duration = Duration::from_millis(200);

/// Every load, its name, and how many of it there are at a time.
const LOADS: [(Load, &str, &[usize]); 4] = [
    (Load::ToFarEnd, "to", &[1, 4]),
    (Load::FromFarEnd, "from", &[1, 4]),
    (Load::PingPong, "ping-pong", &[1, 4]),
    (Load::Connections, "connections", &[1, 4]),
];

/// One load over one path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Measurement {
    kind: Kind,
    load: Load,
    name: &'static str,
    flows: usize,
}

/// Measures, and prints what came of it.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let measurements = chosen(&args.only);
    if measurements.is_empty() {
        bail!(
            "--only {}: there is no such measurement",
            args.only.join(" --only ")
        );
    }
    // Before threads are started; what it needs is in the error.
    netns::enter().context("the benchmark needs networks of its own")?;
    let congestion = Congestion::choose(args.congestion.as_deref())?;
    let mut paths = Vec::new();
    for &kind in Kind::ALL {
        if measurements
            .iter()
            .any(|measurement| measurement.kind == kind)
        {
            paths.push(Path::open(kind, &congestion)?);
        }
    }
    let time = if args.quick { QUICK_RUN } else { RUN };
    let processors = Processors::choose()
        .inspect_err(|error| {
            text::note(format_args!("threads run where the kernel likes: {error}"))
        })
        .ok();
    let mut samples: BTreeMap<usize, Vec<Sample>> = BTreeMap::new();
    for run in 1..=args.runs {
        text::note(format_args!("run {run} of {}", args.runs));
        for (at, measurement) in measurements.iter().enumerate() {
            let path = paths.iter().find(|path| path.kind == measurement.kind);
            let path = path.context("every measurement has its path")?;
            samples.entry(at).or_default().push(measure(
                path,
                *measurement,
                processors.map(|processors| processors.of_run(run)),
                time,
            )?);
        }
    }
    let row = |(at, samples): (&usize, &Vec<Sample>)| {
        let Measurement {
            kind, name, flows, ..
        } = measurements[*at];
        Row::of(kind.name(), name, flows, samples)
    };
    let rows: Vec<Row> = samples.iter().map(row).collect();
    for path in paths {
        path.close()?;
    }
    print(&rows, args.json)
}

/// Those that are asked for, with the paths of a load one after another.
fn chosen(only: &[String]) -> Vec<Measurement> {
    let mut measurements = Vec::new();
    for (load, name, flow_counts) in LOADS {
        for &flows in flow_counts {
            for &kind in Kind::ALL.iter().filter(|kind| kind.suits(flows)) {
                let title = format!("{}/{name}/{flows}", kind.name());
                if only.is_empty() || only.iter().any(|text| title.contains(text)) {
                    measurements.push(Measurement {
                        kind,
                        load,
                        name,
                        flows,
                    });
                }
            }
        }
    }
    measurements
}

fn measure(
    path: &Path,
    measurement: Measurement,
    processor: Option<usize>,
    time: Duration,
) -> anyhow::Result<Sample> {
    let busy_before = cpu::busy()?;
    let near = Near {
        flows: measurement.flows,
        processor: processor.filter(|_| measurement.flows == 1),
    };
    let outcome = path.load(measurement.load, near, time)?;
    let busy = cpu::busy()?.saturating_sub(busy_before);
    Ok(sample(measurement.load, near, outcome, busy))
}

fn sample(load: Load, near: Near, mut outcome: Outcome, busy: Duration) -> Sample {
    let seconds = outcome.took.as_secs_f64();
    let figures = match load {
        Load::ToFarEnd | Load::FromFarEnd => {
            Figures::Rate(outcome.bytes as f64 * 8.0 / seconds / 1e9)
        }
        Load::PingPong => {
            outcome.round_trips.sort_unstable();
            Figures::RoundTrip {
                p50: report::quantile(&outcome.round_trips, 0.5),
                p99: report::quantile(&outcome.round_trips, 0.99),
            }
        }
        Load::Connections => Figures::Connections(outcome.connections as f64 / seconds),
    };
    let gigabytes = outcome.bytes as f64 / 1e9;
    Sample {
        processor: near.processor,
        figures,
        cpu: (outcome.bytes > 0).then(|| busy.as_secs_f64() / gigabytes),
    }
}

fn print(rows: &[Row], json: bool) -> anyhow::Result<()> {
    let mut table = Vec::new();
    if json {
        serde_json::to_writer_pretty(&mut table, rows)?;
    } else {
        report::print_table(rows, &mut table)?;
    }
    let table = String::from_utf8(table)?;
    text::print(format_args!("{}", table.trim_end()))
}
