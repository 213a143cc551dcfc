//! `tcp-sim grid`: the table that decides.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::ThreadPoolBuilder;
use tcp_sim::grid::{self, Contender, GridConfig, ManyConfig, SingleConfig};
use tcp_sim::units::{Bytes, Probability};

use super::output;

/// What `tcp-sim help grid` says after the options.
const EXAMPLES: &str = "\
Examples:
  tcp-sim grid
  tcp-sim grid --table single --buffers 4Ki,64Ki,1Mi --losses 0,0.01 --stacks ours-cubic,smoltcp-cubic
  tcp-sim grid --table many --flows 1,64 --json
  tcp-sim grid --snapshot tcp-sim/grid.json

Contenders, for --stacks: ours-cubic, ours-bbr, ours-reno, each with -unpaced behind it for no pacing, and
smoltcp-cubic. Where nothing is said, the table of single flows leaves those without pacing out.

Figures are medians over the seeds. Single flows run over a round trip of 100 ms without a limit of rate,
and lose packets in both directions; many flows share 200 Mbit/s with a queue of 64 KiB, each with a round
trip of 50 to 150 ms.";

/// Measure our stack beside smoltcp: throughput by buffer and loss, and many flows over one link.
///
/// The same links, drawn from the same seeds, drive both, in virtual time.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct GridArgs {
    /// Which table to make
    #[arg(long, value_enum, default_value_t = Table::All)]
    table: Table,
    /// Who takes part [default: all]
    #[arg(long, value_name = "STACK,...", value_delimiter = ',')]
    stacks: Option<Vec<Contender>>,
    /// Buffers of the single flow, at both ends [default: 128 to 1Mi]
    #[arg(long, value_name = "BYTES,...", value_delimiter = ',')]
    buffers: Option<Vec<Bytes>>,
    /// How often a packet of the single flow is lost, in each direction [default: 0 to 0.3]
    #[arg(long, value_name = "PROBABILITY,...", value_delimiter = ',')]
    losses: Option<Vec<Probability>>,
    /// How many flows share the link [default: 1 to 64]
    #[arg(long, value_name = "NUMBER,...", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    flows: Option<Vec<u16>>,
    /// What the single flow transfers [default: 10Mi]
    #[arg(long, value_name = "BYTES")]
    bytes: Option<Bytes>,
    /// Let ours send large segments, which their devices cut
    #[arg(long)]
    large_segments: bool,
    /// The first seed
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many seeds each cell is run with
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    /// Threads; 0 for one on each core. What is found does not depend on it
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1_024))]
    threads: u16,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write the figures of a small grid of ours into this file, a cell in each line, and make no other
    #[arg(long, value_name = "FILE", exclusive = true)]
    snapshot: Option<PathBuf>,
}

/// The tables.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Table {
    /// One flow, by buffer and loss
    Single,
    /// Many flows through one link
    Many,
    /// Both
    All,
}

impl GridArgs {
    fn config(&self) -> GridConfig {
        if self.snapshot.is_some() {
            return GridConfig::snapshot();
        }
        let mut single = SingleConfig::default();
        let mut many = ManyConfig::default();
        if let Some(stacks) = &self.stacks {
            single.contenders.clone_from(stacks);
            many.contenders.clone_from(stacks);
        }
        if let Some(buffers) = &self.buffers {
            single.buffers = buffers.iter().map(|it| it.0).collect();
        }
        if let Some(losses) = &self.losses {
            single.losses.clone_from(losses);
        }
        if let Some(flows) = &self.flows {
            many.flows.clone_from(flows);
        }
        single.large_segments = self.large_segments;
        many.large_segments = self.large_segments;
        single.bytes = self.bytes.unwrap_or(single.bytes);
        GridConfig {
            seed: self.seed,
            seeds: self.seeds,
            single: (self.table != Table::Many).then_some(single),
            many: (self.table != Table::Single).then_some(many),
        }
    }
}

/// Makes the tables, and prints them.
pub fn run(args: &GridArgs) -> anyhow::Result<ExitCode> {
    let config = args.config();
    let bar = bar(config.runs() as u64);
    let pool = ThreadPoolBuilder::new()
        .num_threads(args.threads.into())
        .build()
        .context("cannot start threads")?;
    let report = pool.install(|| grid::run(&config, &|| bar.inc(1)))?;
    bar.finish_and_clear();
    if let Some(path) = &args.snapshot {
        let written = fs::write(path, report.to_snapshot());
        written.with_context(|| format!("cannot write {}", path.display()))?;
    } else if args.json {
        output::print_json(&report)?;
    } else {
        output::print_line(report.to_string().trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// On standard error, and only where that is a terminal.
fn bar(runs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} runs, {eta} to go");
    ProgressBar::new(runs).with_style(style.expect("the template is right"))
}
