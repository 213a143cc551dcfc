//! One flow, by buffer and loss.

use serde::Serialize;

use super::config::SingleConfig;
use super::contender::{Contender, Pacing};
use super::dumbbell::{self, Course};
use crate::figures::{bytes_per_second, median};
use crate::link::LinkConfig;
use crate::link::config::LossConfig;
use crate::units::Probability;

/// One cell of the table for one contender.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SingleCell {
    /// `ours` or `smoltcp`.
    pub stack: &'static str,
    /// `cubic`, `bbr` or `reno`.
    pub congestion: &'static str,
    /// Whether it is paced.
    pub pacing: bool,
    /// Bytes of each buffer.
    pub buffer: u64,
    /// How often a packet is lost, in each direction.
    pub loss: Probability,
    /// From the call that connects to the last byte read, or to the limit of time.
    pub median_bytes_per_second: f64,
    /// The slowest run.
    pub min: f64,
    /// The fastest run.
    pub max: f64,
    /// Runs that the limit of time cut short.
    pub cut_short: usize,
    /// Every run, by seed.
    pub bytes_per_second: Vec<f64>,
    /// Whose cell it is.
    #[serde(skip)]
    pub contender: Contender,
}

/// Where a cell is.
#[derive(Clone, Copy, Debug)]
pub(super) struct SinglePlace {
    pub(super) contender: Contender,
    buffer: u64,
    loss: Probability,
}

/// What one run comes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct SingleRun {
    bytes_per_second: f64,
    is_complete: bool,
}

pub(super) fn places(config: &SingleConfig) -> Vec<SinglePlace> {
    let mut places = Vec::new();
    for &contender in &config.contenders {
        for &buffer in &config.buffers {
            let cells = config.losses.iter().map(|&loss| SinglePlace {
                contender,
                buffer,
                loss,
            });
            places.extend(cells);
        }
    }
    places
}

impl SinglePlace {
    pub(super) fn run(&self, config: &SingleConfig, seed: u64) -> SingleRun {
        let finish = dumbbell::run(&Course {
            contender: self.contender,
            buffer: self.buffer as usize,
            large_segments: config.large_segments,
            bytes: config.bytes.0,
            shared: LinkConfig {
                delay: config.rtt / 2,
                loss: LossConfig::Independent(self.loss),
                ..LinkConfig::default()
            },
            access: vec![Default::default()],
            seed,
            time_limit: config.time_limit,
        });
        let flow = finish.flows[0];
        SingleRun {
            bytes_per_second: bytes_per_second(
                flow.progress.delivered,
                flow.elapsed(config.time_limit),
            ),
            is_complete: flow.done.is_some(),
        }
    }

    pub(super) fn cell(&self, runs: &[SingleRun]) -> SingleCell {
        let rates: Vec<f64> = runs.iter().map(|run| run.bytes_per_second).collect();
        SingleCell {
            stack: self.contender.stack(),
            congestion: self.contender.congestion(),
            pacing: self.contender.pacing() == Pacing::On,
            buffer: self.buffer,
            loss: self.loss,
            median_bytes_per_second: median(rates.iter().copied()),
            min: rates.iter().copied().fold(f64::INFINITY, f64::min),
            max: rates.iter().copied().fold(0.0, f64::max),
            cut_short: runs.iter().filter(|run| !run.is_complete).count(),
            bytes_per_second: rates,
            contender: self.contender,
        }
    }
}
