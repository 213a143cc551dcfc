//! The `tcp-sim` program: see `tcp-sim --help`.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            // With nobody left to read the message, the exit code has to do.
            let _ = writeln!(io::stderr(), "tcp-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}
