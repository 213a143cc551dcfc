//! A run with those who were asked to watch it.

use std::cell::RefCell;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context;
use tcp_sim::record::{CsvTables, LinkCaptures, Observer, Series};
use tcp_sim::report;
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::{Outcome, Simulation};

use super::bar::RunBar;

/// What is to be written of a run.
#[derive(Default)]
pub struct Wishes<'a> {
    /// A directory for captures.
    pub pcap: Option<&'a Path>,
    /// A directory for tables.
    pub csv: Option<&'a Path>,
    /// A file for a report.
    pub report: Option<&'a Path>,
}

/// An observer that is needed again when the run is over.
type Shared<T> = Rc<RefCell<T>>;

/// A run and its observers.
pub struct Watched {
    scenario: Scenario,
    simulation: Simulation,
    captures: Option<Shared<LinkCaptures>>,
    tables: Option<Shared<CsvTables>>,
    series: Option<(PathBuf, Shared<Series>)>,
}

impl Watched {
    /// Makes the run ready, and what is written of it.
    pub fn new(scenario: &Scenario, wishes: &Wishes<'_>) -> anyhow::Result<Watched> {
        let mut simulation = Simulation::new(scenario).context("the scenario cannot be run")?;
        let map = simulation.map();
        let cannot_write = |path: &Path| format!("cannot write into {}", path.display());
        let captures = wishes
            .pcap
            .map(|path| LinkCaptures::create(path, &map).with_context(|| cannot_write(path)))
            .transpose()?;
        let tables = wishes
            .csv
            .map(|path| CsvTables::create(path, &map).with_context(|| cannot_write(path)))
            .transpose()?;
        let series = wishes.report.map(|_| Series::new(&map));
        Ok(Watched {
            scenario: scenario.clone(),
            captures: captures.map(|it| share(it, &mut simulation)),
            tables: tables.map(|it| share(it, &mut simulation)),
            series: wishes
                .report
                .map(Path::to_owned)
                .zip(series.map(|it| share(it, &mut simulation))),
            simulation,
        })
    }

    /// Runs to the end, and writes what is left to write.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let mut bar = RunBar::new();
        let outcome = self.simulation.run(&mut |progress| bar.show(progress));
        bar.end();
        if let Some(captures) = self.captures {
            let finished = captures.borrow_mut().finish();
            finished.context("cannot write the captures")?;
        }
        if let Some(tables) = self.tables {
            let finished = tables.borrow_mut().finish();
            finished.context("cannot write the tables")?;
        }
        if let Some((path, series)) = self.series {
            let context = || format!("cannot write the report {}", path.display());
            let file = File::create(&path).with_context(context)?;
            report::write(
                BufWriter::new(file),
                &self.scenario,
                &outcome,
                &series.borrow(),
            )
            .with_context(context)?;
        }
        Ok(outcome)
    }
}

fn share<T: Observer + 'static>(observer: T, simulation: &mut Simulation) -> Shared<T> {
    let shared = Rc::new(RefCell::new(observer));
    simulation.add_observer(Box::new(Rc::clone(&shared)));
    shared
}
