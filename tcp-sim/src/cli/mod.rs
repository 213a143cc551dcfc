//! The command line: what it takes, and which command does what.

mod attack;
mod bar;
mod bench;
mod drill;
mod explore;
mod grid;
mod output;
mod packetdrill;
mod replay;
mod report;
mod run;
mod watched;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What `tcp-sim --help` says after the options.
const EXAMPLES: &str = "\
Examples:
  tcp-sim run --bytes 10M --rtt 100ms --rate 100M --loss 0.01 --seed 7
  tcp-sim report --bytes 3M --rtt 80ms --rate 30M --queue 64Ki --out slow-start.html
  tcp-sim grid --table single --buffers 64Ki --losses 0,0.01
  tcp-sim explore --preset close --faults 3
  tcp-sim attack --quick
  tcp-sim drill tests/scripts --family ipv4
  tcp-sim explore --preset transfer --write found.json --deepest; tcp-sim replay found.json

`tcp-sim help COMMAND` explains each command, and shows more examples.";

/// TCP in virtual time: over bad networks, and through every schedule of a small conversation.
#[derive(Parser, Debug)]
#[command(name = "tcp-sim", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Run(Box<run::RunArgs>),
    Report(Box<report::ReportArgs>),
    Grid(grid::GridArgs),
    Bench(bench::BenchArgs),
    Attack(attack::AttackArgs),
    Drill(drill::DrillArgs),
    Explore(explore::ExploreArgs),
    Replay(replay::ReplayArgs),
}

impl Cli {
    /// What the command line of this process asks for; a wrong one ends the process.
    pub fn of_process() -> Cli {
        Cli::parse_from(packetdrill::translated(std::env::args_os()))
    }

    /// Does what was asked for; the exit code says whether what was looked at held.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(args) => run::run(&args),
            Command::Report(args) => report::run(&args),
            Command::Grid(args) => grid::run(&args),
            Command::Bench(args) => bench::run(&args),
            Command::Attack(args) => attack::run(&args),
            Command::Drill(args) => drill::run(&args),
            Command::Explore(args) => explore::run(&args),
            Command::Replay(args) => replay::run(&args),
        }
    }
}
