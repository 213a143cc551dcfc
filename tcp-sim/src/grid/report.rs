//! All cells of a grid.

use rayon::prelude::*;
use serde::Serialize;

use super::config::{GridConfig, GridError};
use super::many::{self, ManyCell, ManyPlace};
use super::single::{self, SingleCell, SinglePlace};
use super::summary::Summary;

/// What a grid came to.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub config: GridConfig,
    /// Single flows: contender by contender, then by buffer, then by loss.
    pub single: Vec<SingleCell>,
    /// Many flows: contender by contender, then by number.
    pub many: Vec<ManyCell>,
    /// Ours beside the peer.
    pub summary: Summary,
}

/// Runs the grid on the threads of the pool that this is called from.
///
/// `progress` is called when a run is over, of [so many](GridConfig::runs).
///
/// # Errors
///
/// Where the configuration is none that could be measured.
pub fn run(config: &GridConfig, progress: &(dyn Fn() + Sync)) -> Result<Report, GridError> {
    config.check()?;
    let seeds: Vec<u64> = (0..u64::from(config.seeds))
        .map(|index| config.seed.wrapping_add(index))
        .collect();
    let single: Vec<SingleCell> = config.single.as_ref().map_or(Vec::new(), |table| {
        let run = |place: &SinglePlace, seed| place.run(table, seed);
        let places = single::places(table);
        cells(&places, &seeds, progress, run, SinglePlace::cell)
    });
    let many: Vec<ManyCell> = config.many.as_ref().map_or(Vec::new(), |table| {
        let run = |place: &ManyPlace, seed| place.run(table, seed);
        let cell = |place: &ManyPlace, runs: &[_]| place.cell(table, runs);
        cells(&many::places(table), &seeds, progress, run, cell)
    });
    Ok(Report {
        summary: Summary::of(&single, &many),
        config: config.clone(),
        single,
        many,
    })
}

impl GridConfig {
    /// How many runs there are to do.
    pub fn runs(&self) -> usize {
        let single = self
            .single
            .as_ref()
            .map_or(0, |table| single::places(table).len());
        let many = self
            .many
            .as_ref()
            .map_or(0, |table| many::places(table).len());
        (single + many) * self.seeds as usize
    }
}

/// Runs every place with every seed, and makes a cell of the runs of each; in order of places, and of
/// seeds within them.
fn cells<P: Sync, R: Send, C>(
    places: &[P],
    seeds: &[u64],
    progress: &(dyn Fn() + Sync),
    run: impl Fn(&P, u64) -> R + Sync,
    cell: impl Fn(&P, &[R]) -> C,
) -> Vec<C> {
    let runs: Vec<R> = (0..places.len() * seeds.len())
        .into_par_iter()
        .with_max_len(1)
        .map(|index| {
            let result = run(&places[index / seeds.len()], seeds[index % seeds.len()]);
            progress();
            result
        })
        .collect();
    let runs = runs.chunks(seeds.len());
    places
        .iter()
        .zip(runs)
        .map(|(place, runs)| cell(place, runs))
        .collect()
}
