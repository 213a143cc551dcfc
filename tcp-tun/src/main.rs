//! The `tcp-tun` program: see `tcp-tun --help`.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

/// What a shell reports of a program whose output nobody reads (128 + SIGPIPE): what is left to say
/// has no reader, as with `tcp-tun demo | head`.
const BROKEN_PIPE: u8 = 141;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<cli::OutputClosed>() => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            // With nobody left to read the message, the exit code has to do.
            let _ = writeln!(io::stderr(), "tcp-tun: {error:#}");
            ExitCode::FAILURE
        }
    }
}
