//! Ours beside the peer, cell by cell.

use serde::Serialize;

use super::contender::Contender;
use super::figures::{median, share};
use super::single::SingleCell;
use crate::units::Probability;

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

/// Compares every contender of ours that is in the table; nothing where no peer is.
pub(super) fn compare(cells: &[SingleCell]) -> Vec<Comparison> {
    let Some(peer) = Contender::peer() else {
        return Vec::new();
    };
    let mut ours: Vec<Contender> = cells.iter().map(|cell| cell.contender).collect();
    ours.dedup();
    ours.retain(|it| *it != peer);
    let all = ours.into_iter();
    all.filter_map(|it| Comparison::of(it, peer, cells))
        .collect()
}

/// What the peer reaches in the same cell.
pub(super) fn ratio(cell: &SingleCell, cells: &[SingleCell]) -> Option<f64> {
    let peer = Contender::peer()?;
    let same =
        |it: &&SingleCell| it.contender == peer && it.buffer == cell.buffer && it.loss == cell.loss;
    let theirs = cells.iter().find(same)?;
    let whole = theirs.median_bytes_per_second;
    Some(share(cell.median_bytes_per_second, whole))
}

impl Comparison {
    fn of(contender: Contender, peer: Contender, cells: &[SingleCell]) -> Option<Comparison> {
        let of_ours = cells.iter().filter(|cell| cell.contender == contender);
        let ratios: Vec<Worst> = of_ours
            .filter_map(|cell| {
                Some(Worst {
                    buffer: cell.buffer,
                    loss: cell.loss,
                    ratio: ratio(cell, cells)?,
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
