//! What a grid is made of.

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::contender::Contender;
use crate::link::config::is_default;
use crate::units::{Bytes, Probability, Rate};

/// The tables to make. The same seeds serve every cell and every contender.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct GridConfig {
    /// The first seed.
    pub seed: u64,
    /// How many seeds each cell is run with: its figures are medians.
    pub seeds: u32,
    /// One flow, by buffer and loss.
    pub single: Option<SingleConfig>,
    /// Many flows through one link.
    pub many: Option<ManyConfig>,
}

/// One flow over a path that has no limit of rate, and loses packets in both directions.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SingleConfig {
    /// Who takes part.
    pub contenders: Vec<Contender>,
    /// Whether ours send large segments, which their devices cut.
    #[serde(skip_serializing_if = "is_default")]
    pub large_segments: bool,
    /// Twice the delay of each direction.
    #[serde(with = "humantime_serde")]
    pub rtt: Duration,
    /// What is transferred.
    pub bytes: Bytes,
    /// Bytes of each buffer, at both ends.
    pub buffers: Vec<u64>,
    /// How often a packet is lost, in each direction.
    pub losses: Vec<Probability>,
    /// When a run is cut short: what has arrived by then counts.
    #[serde(with = "humantime_serde")]
    pub time_limit: Duration,
}

/// Flows that share one link, each with a round trip of its own.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ManyConfig {
    /// Who takes part.
    pub contenders: Vec<Contender>,
    /// Whether ours send large segments, which their devices cut.
    #[serde(skip_serializing_if = "is_default")]
    pub large_segments: bool,
    /// How many flows there are.
    pub flows: Vec<u16>,
    /// What each transfers.
    pub bytes: Bytes,
    /// Bytes of each buffer, at both ends.
    pub buffer: u64,
    /// Bits a second of the shared link, in each direction.
    pub rate: Rate,
    /// What waits for it before packets are dropped at the tail.
    pub queue: Bytes,
    /// Each flow's round trip is drawn from half of this to one and a half times it.
    #[serde(with = "humantime_serde")]
    pub rtt: Duration,
    /// When a run is cut short.
    #[serde(with = "humantime_serde")]
    pub time_limit: Duration,
    /// A flow has stalled that reads nothing for longer than this.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
}

/// Why a grid cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum GridError {
    /// There is no median of nothing.
    #[error("a cell needs one seed at least")]
    NoSeed,
    /// What no stack takes.
    #[error("a buffer of {0} bytes is not one of 1 byte to 1 GiB")]
    Buffer(u64),
    /// Nothing to measure.
    #[error("a transfer of nothing, or by nobody, has no throughput")]
    Nothing,
    /// What no link takes.
    #[error("a rate of 0, or a queue of 0, lets nothing pass")]
    Closed,
}

impl Default for GridConfig {
    fn default() -> Self {
        GridConfig {
            seed: 1,
            seeds: 10,
            single: Some(SingleConfig::default()),
            many: Some(ManyConfig::default()),
        }
    }
}

impl Default for SingleConfig {
    fn default() -> Self {
        let losses = [0.0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3];
        SingleConfig {
            contenders: Contender::paced(),
            large_segments: false,
            rtt: Duration::from_millis(100),
            bytes: Bytes(10 << 20),
            buffers: (7..=20).map(|power| 1 << power).collect(),
            losses: losses.into_iter().filter_map(Probability::new).collect(),
            time_limit: Duration::from_secs(600),
        }
    }
}

impl Default for ManyConfig {
    fn default() -> Self {
        ManyConfig {
            contenders: Contender::all(),
            large_segments: false,
            flows: vec![1, 2, 4, 8, 16, 32, 64],
            bytes: Bytes(2 << 20),
            buffer: 256 << 10,
            rate: Rate(200_000_000),
            queue: Bytes(64 << 10),
            rtt: Duration::from_millis(100),
            time_limit: Duration::from_secs(600),
            patience: Duration::from_secs(5),
        }
    }
}

impl GridConfig {
    pub(super) fn check(&self) -> Result<(), GridError> {
        if self.seeds == 0 {
            return Err(GridError::NoSeed);
        }
        let mut buffers = Vec::new();
        if let Some(single) = &self.single {
            buffers.extend(&single.buffers);
            if single.bytes.0 == 0 {
                return Err(GridError::Nothing);
            }
        }
        if let Some(many) = &self.many {
            buffers.push(many.buffer);
            if many.bytes.0 == 0 || many.flows.contains(&0) {
                return Err(GridError::Nothing);
            }
            if many.rate.0 == 0 || many.queue.0 == 0 {
                return Err(GridError::Closed);
            }
        }
        let wrong = buffers.into_iter().find(|it| !(1..=1 << 30).contains(it));
        wrong.map_or(Ok(()), |buffer| Err(GridError::Buffer(buffer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let refused = |change: fn(&mut GridConfig)| {
            let mut config = GridConfig::default();
            assert_eq!(config.check(), Ok(()));
            change(&mut config);
            config.check().unwrap_err()
        };
        assert_eq!(refused(|it| it.seeds = 0), GridError::NoSeed);
        let single = |it: &mut GridConfig| it.single.as_mut().unwrap().buffers.push(0);
        assert_eq!(refused(single), GridError::Buffer(0));
        let many = |it: &mut GridConfig| it.many.as_mut().unwrap().flows.push(0);
        assert_eq!(refused(many), GridError::Nothing);
        let many = |it: &mut GridConfig| it.many.as_mut().unwrap().queue = Bytes(0);
        assert_eq!(refused(many), GridError::Closed);
    }
}
