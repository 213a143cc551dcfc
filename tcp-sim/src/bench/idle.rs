//! One flow beside connections that do nothing.

use serde::Serialize;

use super::bulk::{BulkRun, Flow};
use super::config::{BenchConfig, Limit, Reader};
use super::contest::{Contest, Entry, Trial, contests, rounded};
use super::couple::Couple;
use super::host::{Host, HostConfig};

/// A row: a flow with packets of 1,500 bytes, beside so many connections.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct IdleRow {
    /// Connections of the same two stacks that are established and idle.
    pub idle: usize,
    /// By throughput.
    #[serde(flatten)]
    pub contest: Contest<BulkRun>,
    /// Our median by that of the first row.
    pub ours_over_first_row: f64,
}

/// The peer's socket is found by looking at all of them: more take too long.
const PEERS_MOST: usize = 20_000;

struct IdleTrial {
    hosts: HostConfig,
    limit: Limit,
    reader: Reader,
}

/// Makes the table.
pub(super) fn rows(config: &BenchConfig, progress: &dyn Fn()) -> Vec<IdleRow> {
    let trial = |idle| IdleTrial {
        hosts: HostConfig {
            idle,
            ..config.hosts()
        },
        limit: config.limit,
        reader: config.reader,
    };
    let entry = |&idle: &usize| Entry {
        ours: trial(idle),
        peers: (idle <= PEERS_MOST).then(|| trial(idle)),
    };
    let entries: Vec<_> = config.idle.iter().map(entry).collect();
    let contests = contests(config.runs, &entries, progress);
    let ours = |contest: &Contest<BulkRun>| contest.ours.median.gbit_per_second;
    let first = contests.first().map_or(1.0, ours);
    let row = |(&idle, contest): (&usize, Contest<BulkRun>)| IdleRow {
        idle,
        ours_over_first_row: rounded(ours(&contest) / first),
        contest,
    };
    config.idle.iter().zip(contests).map(row).collect()
}

impl Trial for IdleTrial {
    type Run = BulkRun;

    /// The flow is opened when half of the others are there, so that a stack that looks through all of
    /// its connections finds it in the middle.
    fn run<H: Host>(&self) -> BulkRun {
        let mut couple = Couple::<H>::new(self.hosts);
        let before = self.hosts.idle_before();
        couple.open(before);
        let ends = couple.open_one();
        couple.open(self.hosts.idle - before);
        Flow::new(couple, ends, self.reader).measure(self.limit)
    }
}
