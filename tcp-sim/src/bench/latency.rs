//! A byte there and a byte back, again and again.

use std::time::Instant;

use serde::Serialize;

use super::config::{BenchConfig, Limit};
use super::contest::{Contest, Entry, Figures, Trial, contests};
use super::couple::{Couple, Ends};
use super::host::{Host, HostConfig, Read};
use super::stopwatch::Stopwatch;
use crate::figures::median;

/// What one run reached. Here it is the time that has passed that counts: the thread's own is not told
/// finely enough.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct LatencyRun {
    /// Nanoseconds of a round trip, half of them at most. The clock is read twice within them.
    pub p50_ns: f64,
    /// Nanoseconds of a round trip, 99 of 100 at most.
    pub p99_ns: f64,
    /// Round trips.
    pub round_trips: u64,
}

struct LatencyTrial {
    hosts: HostConfig,
    limit: Limit,
}

/// Round trips before any is measured.
const WARM_UP: usize = 1_000;
/// No more are kept.
const MOST: usize = 1 << 20;
/// Bytes of a round trip.
const BYTES: u64 = 2;

/// Makes the table, of one row.
pub(super) fn row(config: &BenchConfig, progress: &dyn Fn()) -> Option<Contest<LatencyRun>> {
    let trial = || LatencyTrial {
        hosts: config.hosts(),
        limit: config.limit,
    };
    let entry = Entry {
        ours: trial(),
        peers: Some(trial()),
    };
    contests(config.runs, &[entry], progress).pop()
}

impl Trial for LatencyTrial {
    type Run = LatencyRun;

    fn run<H: Host>(&self) -> LatencyRun {
        let mut couple = Couple::<H>::new(self.hosts);
        let ends = couple.open_one();
        for _ in 0..WARM_UP {
            round_trip(&mut couple, &ends);
        }
        let bytes = self.limit.bytes.map(|bytes| bytes.div_ceil(BYTES));
        let most = bytes.map_or(MOST, |count| {
            usize::try_from(count).unwrap_or(MOST).min(MOST)
        });
        let mut nanos: Vec<u64> = Vec::with_capacity(most);
        let watch = Stopwatch::start();
        while nanos.len() < most && watch.passed() < self.limit.time {
            let start = Instant::now();
            round_trip(&mut couple, &ends);
            nanos.push(start.elapsed().as_nanos() as u64);
        }
        nanos.sort_unstable();
        let quantile = |hundredth: usize| nanos[(nanos.len() - 1) * hundredth / 100] as f64;
        LatencyRun {
            p50_ns: quantile(50),
            p99_ns: quantile(99),
            round_trips: nanos.len() as u64,
        }
    }
}

/// The server's stack is called when the question has arrived, and when the answer is written.
fn round_trip<H: Host>(couple: &mut Couple<H>, ends: &Ends<H>) {
    let mut byte = [0];
    assert_eq!(couple.client.write(couple.now, ends.client, b"?"), 1);
    couple.client_turn(|_, _| {});
    couple.server_turn(|_, _| {});
    while couple.server.read(couple.now, ends.server, &mut byte) == Read::Nothing {
        couple.exchange();
    }
    assert_eq!(&byte, b"?");
    assert_eq!(couple.server.write(couple.now, ends.server, b"!"), 1);
    couple.server_turn(|_, _| {});
    couple.client_turn(|_, _| {});
    while couple.client.read(couple.now, ends.client, &mut byte) == Read::Nothing {
        couple.exchange();
    }
    assert_eq!(&byte, b"!");
}

impl Figures for LatencyRun {
    fn median(runs: &[LatencyRun]) -> LatencyRun {
        let of = |figure: fn(&LatencyRun) -> f64| median(runs.iter().map(figure));
        LatencyRun {
            p50_ns: of(|run| run.p50_ns),
            p99_ns: of(|run| run.p99_ns),
            round_trips: of(|run| run.round_trips as f64) as u64,
        }
    }

    fn main(&self) -> f64 {
        self.p50_ns
    }
}
