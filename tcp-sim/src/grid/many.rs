//! Many flows through one link.

use std::time::Duration;

use serde::Serialize;

use super::config::ManyConfig;
use super::contender::{Contender, Pacing};
use super::dumbbell::{self, Course, Finish};
use crate::figures::{bytes_per_second, jain, median, share};
use crate::link::LinkConfig;
use crate::link::config::QueueLimit;
use crate::pattern::words;

/// One row of the table: medians over the seeds.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ManyCell {
    /// `ours` or `smoltcp`.
    pub stack: &'static str,
    /// `cubic`, `bbr` or `reno`.
    pub congestion: &'static str,
    /// Whether it is paced.
    pub pacing: bool,
    /// How many flows there were.
    pub flows: u16,
    /// Bytes of all flows, by the time until the last was done.
    pub bytes_per_second: f64,
    /// The share of the link's rate that this is.
    pub utilisation: f64,
    /// Jain's index of the flows' rates, each by its own time.
    pub jain: f64,
    /// The share of packets that the queue dropped, of those to the receivers.
    pub dropped_share: f64,
    /// The share of payload bytes that were sent again.
    pub retransmitted_share: f64,
    /// The longest time in which a flow read nothing, in seconds.
    pub longest_gap_seconds: f64,
    /// Flows that did not end in time, or read nothing for too long; of all seeds together.
    pub stalled: usize,
    /// Whose row it is.
    #[serde(skip)]
    pub contender: Contender,
}

/// Where a row is.
#[derive(Clone, Copy, Debug)]
pub(super) struct ManyPlace {
    pub(super) contender: Contender,
    flows: u16,
}

/// What one run comes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct ManyRun {
    bytes_per_second: f64,
    jain: f64,
    dropped_share: f64,
    retransmitted_share: f64,
    longest_gap: Duration,
    stalled: usize,
}

pub(super) fn places(config: &ManyConfig) -> Vec<ManyPlace> {
    let of = |contender: &Contender| {
        let contender = *contender;
        let rows = config.flows.iter();
        rows.map(move |&flows| ManyPlace { contender, flows })
    };
    config.contenders.iter().flat_map(of).collect()
}

impl ManyPlace {
    pub(super) fn run(&self, config: &ManyConfig, seed: u64) -> ManyRun {
        // Half of the least round trip lies in the shared link, the rest in each flow's own.
        let shared_delay = config.rtt / 4;
        let spread = config.rtt.as_nanos() as u64 / 2;
        let draw = |random: u64| ((u128::from(random) * u128::from(spread)) >> 64) as u64;
        let access = words(!seed)
            .take(self.flows.into())
            .map(|random| Duration::from_nanos(draw(random)));
        let finish = dumbbell::run(&Course {
            contender: self.contender,
            buffer: config.buffer as usize,
            large_segments: config.large_segments,
            bytes: config.bytes.0,
            shared: LinkConfig {
                rate: Some(config.rate),
                delay: shared_delay,
                queue: QueueLimit::Bytes(config.queue),
                ..LinkConfig::default()
            },
            access: access.collect(),
            seed,
            time_limit: config.time_limit,
        });
        ManyRun::of(config, &finish)
    }

    pub(super) fn cell(&self, config: &ManyConfig, runs: &[ManyRun]) -> ManyCell {
        let of = |figure: fn(&ManyRun) -> f64| median(runs.iter().map(figure));
        let bytes_per_second = of(|run| run.bytes_per_second);
        ManyCell {
            stack: self.contender.stack(),
            congestion: self.contender.congestion(),
            pacing: self.contender.pacing() == Pacing::On,
            flows: self.flows,
            bytes_per_second,
            utilisation: share(bytes_per_second * 8.0, config.rate.0 as f64),
            jain: of(|run| run.jain),
            dropped_share: of(|run| run.dropped_share),
            retransmitted_share: of(|run| run.retransmitted_share),
            longest_gap_seconds: of(|run| run.longest_gap.as_micros() as f64 / 1e6),
            stalled: runs.iter().map(|run| run.stalled).sum(),
            contender: self.contender,
        }
    }
}

impl ManyRun {
    fn of(config: &ManyConfig, finish: &Finish) -> ManyRun {
        let flows = &finish.flows;
        let elapsed = |it: &dumbbell::FlowFinish| it.elapsed(config.time_limit);
        let delivered = flows.iter().map(|it| it.progress.delivered);
        let last = flows.iter().map(elapsed).max().unwrap_or_default();
        let rates = flows
            .iter()
            .map(|it| bytes_per_second(it.progress.delivered, elapsed(it)));
        let sent: u64 = flows.iter().map(|it| it.sent.bytes).sum();
        let again: u64 = flows.iter().map(|it| it.sent.again).sum();
        let gap = |it: &dumbbell::FlowFinish| it.longest_gap(config.time_limit);
        let has_stalled =
            |it: &&dumbbell::FlowFinish| it.done.is_none() || gap(it) > config.patience;
        ManyRun {
            bytes_per_second: bytes_per_second(delivered.sum(), last),
            jain: jain(&rates.collect::<Vec<_>>()),
            dropped_share: share(
                finish.there.dropped.total() as f64,
                finish.there.sent as f64,
            ),
            retransmitted_share: share(again as f64, sent as f64),
            longest_gap: flows.iter().map(gap).max().unwrap_or_default(),
            stalled: flows.iter().filter(has_stalled).count(),
        }
    }
}
