//! Ours beside the peer, cell by cell.

use serde::Serialize;

use super::contender::Contender;
use super::many::ManyCell;
use super::single::SingleCell;
use crate::figures::{median, share};
use crate::units::Probability;

/// Ours beside the peer, in both tables; nothing where no peer took part.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Summary {
    /// A comparison for each contender of ours.
    pub single: Vec<Comparison>,
    /// A comparison for each row of ours.
    pub many: Vec<ManyComparison>,
}

/// How one row of ours compares with the peer's for as many flows.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ManyComparison {
    /// Who.
    pub contender: Contender,
    /// How many flows.
    pub flows: u16,
    /// Our throughput by the peer's.
    pub ratio: f64,
}

/// How one of ours compares with the peer in the table of single flows.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Comparison {
    /// Who.
    pub contender: Contender,
    /// With whom.
    pub peer: Contender,
    /// Cells that both have.
    pub cells: usize,
    /// Cells in which ours has at least 0.95 times the peer's throughput.
    pub at_least_0_95: usize,
    /// Cells in which ours is faster.
    pub above: usize,
    /// The share of all cells in which ours is faster.
    pub above_share: f64,
    /// The ratio in the middle.
    pub median_ratio: f64,
    /// The cell in which ours does worst.
    pub worst: Worst,
}

/// One cell, by its ratio.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Worst {
    /// Bytes of each buffer.
    pub buffer: u64,
    /// Loss in each direction.
    pub loss: Probability,
    /// Our throughput by the peer's.
    pub ratio: f64,
}

impl Summary {
    pub(super) fn of(single: &[SingleCell], many: &[ManyCell]) -> Summary {
        let Some(peer) = Contender::peer() else {
            return Summary::default();
        };
        let mut ours: Vec<Contender> = single.iter().map(|cell| cell.contender).collect();
        ours.dedup();
        ours.retain(|it| *it != peer);
        let rows = many.iter().filter(|cell| cell.contender != peer);
        Summary {
            single: ours
                .into_iter()
                .filter_map(|it| Comparison::of(it, peer, single))
                .collect(),
            many: rows
                .filter_map(|cell| ManyComparison::of(cell, peer, many))
                .collect(),
        }
    }
}

impl ManyComparison {
    fn of(cell: &ManyCell, peer: Contender, cells: &[ManyCell]) -> Option<ManyComparison> {
        let same = |it: &&ManyCell| it.contender == peer && it.flows == cell.flows;
        let theirs = cells.iter().find(same)?;
        Some(ManyComparison {
            contender: cell.contender,
            flows: cell.flows,
            ratio: share(cell.bytes_per_second, theirs.bytes_per_second),
        })
    }
}

/// What a cell reaches of what the peer does in the same one; nothing where the peer has none.
pub(super) fn ratio(cell: &SingleCell, peer: Contender, cells: &[SingleCell]) -> Option<f64> {
    let same =
        |it: &&SingleCell| it.contender == peer && it.buffer == cell.buffer && it.loss == cell.loss;
    let theirs = cells.iter().find(same)?;
    Some(share(
        cell.median_bytes_per_second,
        theirs.median_bytes_per_second,
    ))
}

impl Comparison {
    fn of(contender: Contender, peer: Contender, cells: &[SingleCell]) -> Option<Comparison> {
        let own = cells.iter().filter(|cell| cell.contender == contender);
        let ratios: Vec<Worst> = own
            .filter_map(|cell| {
                Some(Worst {
                    buffer: cell.buffer,
                    loss: cell.loss,
                    ratio: ratio(cell, peer, cells)?,
                })
            })
            .collect();
        let count = |least: fn(f64) -> bool| ratios.iter().filter(|it| least(it.ratio)).count();
        let above = count(|ratio| ratio > 1.0);
        let worst = ratios.iter().min_by(|a, b| a.ratio.total_cmp(&b.ratio))?;
        Some(Comparison {
            contender,
            peer,
            cells: ratios.len(),
            at_least_0_95: count(|ratio| ratio >= 0.95),
            above,
            above_share: share(above as f64, ratios.len() as f64),
            median_ratio: median(ratios.iter().map(|it| it.ratio)),
            worst: *worst,
        })
    }
}
