//! A report as tables for people.

use std::fmt::{self, Formatter};

use super::bulk::BulkRun;
use super::churn::ChurnRun;
use super::contest::Contest;
use super::heap::HeapRun;
use super::latency::LatencyRun;
use super::report::Report;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.bulk.is_empty() {
            heading(f, "one flow, by packets of", ["Gbit/s", "ns/packet"])?;
        }
        for row in &self.bulk {
            line(f, &row.size.to_string(), &row.contest, bulk)?;
        }
        if !self.idle.is_empty() {
            heading(f, "one flow, beside idle", ["Gbit/s", "ns/packet"])?;
        }
        for row in &self.idle {
            line(f, &row.idle.to_string(), &row.contest, bulk)?;
        }
        if let Some(contest) = &self.churn {
            heading(f, "short connections", ["thousand/s", "us each"])?;
            line(f, "a byte each way", contest, churn)?;
        }
        if let Some(contest) = &self.latency {
            heading(f, "round trips", ["p50 ns", "p99 ns"])?;
            line(f, "a byte each way", contest, latency)?;
        }
        if let Some(contest) = &self.heap {
            heading(f, "an idle connection", ["client", "server"])?;
            line(f, "bytes of heap", contest, heap)?;
        }
        Ok(())
    }
}

fn bulk(run: &BulkRun) -> [f64; 2] {
    [run.gbit_per_second, run.ns_per_packet]
}

fn churn(run: &ChurnRun) -> [f64; 2] {
    let per_second = run.connections_per_second;
    [per_second / 1e3, 1e6 / per_second]
}

fn latency(run: &LatencyRun) -> [f64; 2] {
    [run.p50_ns, run.p99_ns]
}

fn heap(run: &HeapRun) -> [f64; 2] {
    [run.client_bytes, run.server_bytes]
}

fn heading(f: &mut Formatter<'_>, what: &str, [first, second]: [&str; 2]) -> fmt::Result {
    writeln!(f, "\n{what:<24} {:>21} {:>21}", "ours", "smoltcp")?;
    let figures = format!("{first:>10} {second:>10}");
    writeln!(f, "{:<24} {figures} {figures} {:>8}", "", "ratio")
}

/// A row: two figures of each stack, and the ratio of those that count.
fn line<R>(
    f: &mut Formatter<'_>,
    name: &str,
    contest: &Contest<R>,
    figures: fn(&R) -> [f64; 2],
) -> fmt::Result {
    write!(f, "{name:<24}")?;
    let ours = figures(&contest.ours.median).map(Some);
    let smoltcp = contest.smoltcp.as_ref();
    let smoltcp = smoltcp.map_or([None; 2], |it| figures(&it.median).map(Some));
    for figure in ours.into_iter().chain(smoltcp) {
        match figure {
            Some(value) if value < 1.0 => write!(f, " {value:>10.3}")?,
            Some(value) => write!(f, " {value:>10.1}")?,
            None => write!(f, " {:>10}", "-")?,
        }
    }
    match contest.ours_over_smoltcp {
        Some(ratio) => writeln!(f, " {ratio:>8.2}"),
        None => writeln!(f, " {:>8}", "-"),
    }
}
