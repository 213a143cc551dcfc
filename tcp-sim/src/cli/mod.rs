//! The command line: what it takes, and which command does what.

mod explore;
mod replay;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// TCP in virtual time: over bad networks, and through every schedule of a small conversation.
#[derive(Parser, Debug)]
#[command(name = "tcp-sim", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Explore(explore::ExploreArgs),
    Replay(replay::ReplayArgs),
}

impl Cli {
    /// Does what was asked for; the exit code says whether what was looked at held.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Explore(args) => explore::run(&args),
            Command::Replay(args) => replay::run(&args),
        }
    }
}
