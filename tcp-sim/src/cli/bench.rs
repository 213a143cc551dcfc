//! `tcp-sim bench`: how fast the code is.

use std::alloc::System;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tcp_sim::bench::{self, BenchConfig, Family, Reader, Size, Table};
use tcp_sim::units::Bytes;

use super::output;

/// A ratio is below what was asked for.
const TOO_SLOW: u8 = 1;

/// What `tcp-sim help bench` says after the options.
const EXAMPLES: &str = "\
Examples:
  tcp-sim bench
  tcp-sim bench --table bulk --sizes 1500,gso --runs 9
  tcp-sim bench --quick --json
  perf record --call-graph lbr tcp-sim bench --table bulk --sizes 1500 --bytes 10G --time 1h --runs 1

Both ends run on one thread, in memory: checksums are computed and verified, and bytes copied from and to a
user's buffer, at both. Ours and smoltcp run in turn, with new stacks each time, and the figures are medians.
Time is what the thread has run; protocol time is another, and nobody waits for it.";

/// Measure how fast our stack is beside smoltcp, in memory.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// Which tables to make [default: all]
    #[arg(long, value_enum, value_name = "TABLE,...", value_delimiter = ',')]
    table: Vec<TableName>,
    /// How often each row is run [default: 5]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// How long a run takes at most [default: 500ms]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// How many bytes a run moves at most [default: as many as it can]
    #[arg(long, value_name = "BYTES")]
    bytes: Option<Bytes>,
    /// Send and receive buffer of each connection
    #[arg(long, value_name = "BYTES", default_value = "256Ki")]
    buffer: Bytes,
    /// Packets of the table of bulk: MTUs, or gso for segments of 64 KiB that a device cuts
    /// [default: 1500,9000,65535,gso]
    #[arg(long, value_name = "SIZE,...", value_delimiter = ',')]
    sizes: Option<Vec<SizeName>>,
    /// How the reader of a flow comes to its bytes
    #[arg(long, value_enum, value_name = "HOW", default_value_t = ReaderName::Waits)]
    reader: ReaderName,
    /// Idle connections beside the flow, row by row; beyond 20,000 smoltcp takes no part
    /// [default: 0,1000,20000,1000000]
    #[arg(long, value_name = "NUMBER,...", value_delimiter = ',')]
    idle: Option<Vec<usize>>,
    /// Use IPv6
    #[arg(long)]
    ipv6: bool,
    /// Shorter and fewer runs, and fewer rows
    #[arg(long)]
    quick: bool,
    /// Fail where a row of bulk, or beside idle connections, is below so many times smoltcp
    #[arg(long, value_name = "RATIO")]
    least_ratio: Option<f64>,
    /// Fail where a row beside idle connections is below so many times the first one
    #[arg(long, value_name = "RATIO")]
    least_flat: Option<f64>,
    /// Print one JSON object, with every run
    #[arg(long)]
    json: bool,
}

/// The tables.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum TableName {
    /// One flow, by the size of packets
    Bulk,
    /// One flow, by the number of idle connections beside it
    Idle,
    /// Connections opened, used for one byte each way, and closed
    Churn,
    /// One byte there and one back
    Latency,
    /// What an idle connection holds
    Heap,
}

/// How a reader comes to its bytes.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum ReaderName {
    /// As in a read that blocks: a stack that can, as ours, fills its buffer when packets come
    Waits,
    /// It reads what the stack has kept, after each batch of packets
    Looks,
}

/// A size of packets on the command line.
#[derive(Clone, Copy, Debug)]
struct SizeName(Size);

impl FromStr for SizeName {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let size = match text {
            "gso" => Size::Gso,
            mtu => Size::Mtu(mtu.parse()?),
        };
        Ok(SizeName(size))
    }
}

impl From<TableName> for Table {
    fn from(name: TableName) -> Table {
        match name {
            TableName::Bulk => Table::Bulk,
            TableName::Idle => Table::Idle,
            TableName::Churn => Table::Churn,
            TableName::Latency => Table::Latency,
            TableName::Heap => Table::Heap,
        }
    }
}

impl BenchArgs {
    fn config(&self) -> BenchConfig {
        let mut config = match self.quick {
            true => BenchConfig::quick(),
            false => BenchConfig::default(),
        };
        if !self.table.is_empty() {
            config.tables = self.table.iter().map(|&name| name.into()).collect();
        }
        if let Some(sizes) = &self.sizes {
            config.sizes = sizes.iter().map(|size| size.0).collect();
        }
        if let Some(idle) = &self.idle {
            config.idle.clone_from(idle);
        }
        config.runs = self.runs.unwrap_or(config.runs);
        config.limit.time = self.time.unwrap_or(config.limit.time);
        config.limit.bytes = self.bytes.map(|bytes| bytes.0);
        config.buffer = usize::try_from(self.buffer.0).unwrap_or(usize::MAX);
        config.reader = match self.reader {
            ReaderName::Waits => Reader::Waits,
            ReaderName::Looks => Reader::Looks,
        };
        if self.ipv6 {
            config.family = Family::V6;
        }
        config
    }
}

/// Counts the heap of the program, for the table of what a connection holds.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes of heap that the program holds.
pub fn heap() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Measures, and prints the tables.
pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let config = args.config();
    let bar = bar(config.steps() as u64);
    let report = bench::run(&config, &heap, &|| bar.inc(1))?;
    bar.finish_and_clear();
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print_line(report.to_string().trim_end())?;
    }
    let ratio = is_reached("smoltcp", report.least_ratio(), args.least_ratio);
    let flat = is_reached("the first row", report.least_flat(), args.least_flat);
    if ratio && flat {
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::from(TOO_SLOW))
    }
}

/// Says it where a ratio is below what was asked for, or cannot be told.
fn is_reached(of: &str, ratio: Option<f64>, least: Option<f64>) -> bool {
    let Some(least) = least else {
        return true;
    };
    let reached = ratio.is_some_and(|ratio| ratio >= least);
    if !reached {
        let ratio = ratio.map_or("nothing".into(), |ratio| ratio.to_string());
        eprintln!("tcp-sim: {ratio} times {of}, and not {least}");
    }
    reached
}

/// On standard error, and only where that is a terminal.
fn bar(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} runs, {eta} to go");
    ProgressBar::new(steps).with_style(style.expect("the template is right"))
}
