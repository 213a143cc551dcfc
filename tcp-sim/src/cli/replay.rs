//! `tcp-sim replay`: one schedule, step by step.

use std::process::ExitCode;

use clap::Args;

/// Show a schedule that `explore` has written, step by step.
#[derive(Args, Debug)]
pub struct ReplayArgs {}

/// Replays a schedule.
pub fn run(_: &ReplayArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("to come")
}
