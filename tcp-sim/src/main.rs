//! The `tcp-sim` program: see `tcp-sim --help`.

mod cli;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// The command could not be carried out; clap says the same of a wrong command line.
const FAILED: u8 = 2;
/// What a shell reports of a program whose output nobody reads (128 + SIGPIPE): what is left to say
/// has no reader, as with `tcp-sim replay found.json | head`.
const BROKEN_PIPE: u8 = 141;

fn main() -> ExitCode {
    match cli::Cli::of_process().run() {
        Ok(code) => code,
        Err(error) if has_no_reader(&error) => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            // With nobody left to read the message, the exit code has to do.
            let _ = writeln!(io::stderr(), "tcp-sim: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn has_no_reader(error: &anyhow::Error) -> bool {
    let causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes
        .into_iter()
        .any(|error| error.kind() == ErrorKind::BrokenPipe)
}
