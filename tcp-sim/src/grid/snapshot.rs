//! A small grid of ours, kept as a file: a change of what we reach shows in its diff.

use std::time::Duration;

use serde::Serialize;

use super::config::{GridConfig, ManyConfig, SingleConfig};
use super::contender::Contender;
use super::report::Report;
use crate::units::{Bytes, Probability};

/// What is kept of a cell of single flows.
#[derive(Serialize)]
struct SingleLine {
    contender: Contender,
    buffer: Bytes,
    loss: Probability,
    bytes_per_second: f64,
}

/// What is kept of a row of many flows.
#[derive(Serialize)]
struct ManyLine {
    contender: Contender,
    flows: u16,
    bytes_per_second: f64,
    jain: f64,
    dropped_share: f64,
    retransmitted_share: f64,
    stalled: usize,
}

impl GridConfig {
    /// The grid of the snapshot: ours alone, and little enough for a test.
    pub fn snapshot() -> GridConfig {
        let mut contenders = Contender::all();
        contenders.retain(|it| Some(*it) != Contender::peer());
        let mut paced = Contender::paced();
        paced.retain(|it| contenders.contains(it));
        let losses = [0.0, 0.001, 0.01, 0.05, 0.2];
        GridConfig {
            seeds: 3,
            single: Some(SingleConfig {
                contenders: paced,
                bytes: Bytes(2 << 20),
                buffers: vec![128, 2 << 10, 4 << 10, 32 << 10, 256 << 10, 1 << 20],
                losses: losses.into_iter().filter_map(Probability::new).collect(),
                time_limit: Duration::from_secs(120),
                ..SingleConfig::default()
            }),
            many: Some(ManyConfig {
                contenders,
                flows: vec![1, 8, 64],
                bytes: Bytes(1 << 20),
                time_limit: Duration::from_secs(120),
                ..ManyConfig::default()
            }),
            ..GridConfig::default()
        }
    }
}

impl Report {
    /// The figures of a [small grid](GridConfig::snapshot) as JSON, a cell in each line.
    pub fn to_snapshot(&self) -> String {
        let single = self.single.iter().map(|cell| SingleLine {
            contender: cell.contender,
            buffer: Bytes(cell.buffer),
            loss: cell.loss,
            bytes_per_second: cell.median_bytes_per_second,
        });
        let many = self.many.iter().map(|cell| ManyLine {
            contender: cell.contender,
            flows: cell.flows,
            bytes_per_second: cell.bytes_per_second,
            jain: cell.jain,
            dropped_share: cell.dropped_share,
            retransmitted_share: cell.retransmitted_share,
            stalled: cell.stalled,
        });
        format!(
            "{{\n\"single\": [\n{}\n],\n\"many\": [\n{}\n]\n}}\n",
            lines(single),
            lines(many)
        )
    }
}

fn lines(cells: impl Iterator<Item = impl Serialize>) -> String {
    let lines: Vec<String> = cells
        .map(|cell| serde_json::to_string(&cell).expect("names and numbers can be written"))
        .collect();
    lines.join(",\n")
}
