//! All cells of a grid.

use rayon::prelude::*;
use serde::Serialize;

use super::config::{GridConfig, GridError};
use super::many::{self, ManyCell};
use super::single::{self, SingleCell};
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
    let single: Vec<SingleCell> = config
        .single
        .iter()
        .flat_map(|table| {
            let places = single::places(table);
            let runs = each(&places, &seeds, progress, |place, seed| {
                place.run(table, seed)
            });
            let cells = places.into_iter().zip(runs.chunks(seeds.len()));
            cells
                .map(|(place, runs)| place.cell(runs))
                .collect::<Vec<_>>()
        })
        .collect();
    let many: Vec<ManyCell> = config
        .many
        .iter()
        .flat_map(|table| {
            let places = many::places(table);
            let runs = each(&places, &seeds, progress, |place, seed| {
                place.run(table, seed)
            });
            let cells = places.into_iter().zip(runs.chunks(seeds.len()));
            cells
                .map(|(place, runs)| place.cell(table, runs))
                .collect::<Vec<_>>()
        })
        .collect();
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

/// Runs every place with every seed; the results are in order of places, then of seeds.
fn each<P: Sync, R: Send>(
    places: &[P],
    seeds: &[u64],
    progress: &(dyn Fn() + Sync),
    run: impl Fn(&P, u64) -> R + Sync,
) -> Vec<R> {
    let runs = places.len() * seeds.len();
    (0..runs)
        .into_par_iter()
        .with_max_len(1)
        .map(|index| {
            let result = run(&places[index / seeds.len()], seeds[index % seeds.len()]);
            progress();
            result
        })
        .collect()
}
