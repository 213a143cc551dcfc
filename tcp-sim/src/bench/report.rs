//! All tables.

use serde::Serialize;

use super::bulk::{self, BulkRow};
use super::churn::{self, ChurnRun};
use super::config::{BenchConfig, BenchError, Table};
use super::contest::Contest;
use super::heap::{self, HeapRun};
use super::idle::{self, IdleRow};
use super::latency::{self, LatencyRun};
use super::stopwatch::Clock;

/// What was measured. A table that was not asked for has no rows.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub config: BenchConfig,
    /// What time was counted.
    pub clock: Clock,
    /// One flow, by the size of packets.
    pub bulk: Vec<BulkRow>,
    /// One flow, by the number of idle connections beside it.
    pub idle: Vec<IdleRow>,
    /// Connections opened, used for one byte each way, and closed.
    pub churn: Option<Contest<ChurnRun>>,
    /// One byte there and one back.
    pub latency: Option<Contest<LatencyRun>>,
    /// What an idle connection holds.
    pub heap: Option<Contest<HeapRun>>,
}

impl Report {
    /// The least of our throughput by the peer's, of all rows that have both.
    pub fn least_ratio(&self) -> Option<f64> {
        let bulk = self.bulk.iter().map(|row| &row.contest);
        let idle = self.idle.iter().map(|row| &row.contest);
        let ratios = bulk.chain(idle).filter_map(|it| it.ours_over_smoltcp);
        ratios.min_by(f64::total_cmp)
    }

    /// The least of our throughput beside idle connections, by that of the first row.
    pub fn least_flat(&self) -> Option<f64> {
        let ratios = self.idle.iter().map(|row| row.ours_over_first_row);
        ratios.min_by(f64::total_cmp)
    }
}

/// Measures, on this thread. `heap` says how many bytes of heap the program holds; `progress` is called
/// [so many times](BenchConfig::steps).
///
/// # Errors
///
/// Where the configuration is none that could be measured.
pub fn run(
    config: &BenchConfig,
    heap: &dyn Fn() -> usize,
    progress: &dyn Fn(),
) -> Result<Report, BenchError> {
    config.check()?;
    let mut report = Report {
        config: config.clone(),
        clock: Clock::here(),
        bulk: Vec::new(),
        idle: Vec::new(),
        churn: None,
        latency: None,
        heap: None,
    };
    for table in Table::ALL.into_iter().filter(|&table| config.has(table)) {
        match table {
            Table::Bulk => report.bulk = bulk::rows(config, progress),
            Table::Idle => report.idle = idle::rows(config, progress),
            Table::Churn => report.churn = churn::row(config, progress),
            Table::Latency => report.latency = latency::row(config, progress),
            Table::Heap => report.heap = heap::row(config, heap, progress),
        }
    }
    Ok(report)
}
