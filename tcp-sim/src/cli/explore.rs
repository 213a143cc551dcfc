//! `tcp-sim explore`: every schedule of a small conversation.

use std::process::ExitCode;

use clap::Args;

/// Try every schedule of a small conversation.
#[derive(Args, Debug)]
pub struct ExploreArgs {}

/// Explores, and says what was found.
pub fn run(_: &ExploreArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("to come")
}
