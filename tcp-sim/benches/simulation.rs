//! How many packets a second are simulated on one core: a bulk transfer, with the rules checked and
//! without. `--json` prints one object.

use std::io::{self, Write};
use std::time::Instant;

use serde_json::json;
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::{Outcome, Simulation};
use tcp_sim::world::Oracles;

/// Each measurement is the best of so many.
const ROUNDS: usize = 5;

const SCENARIO: &str = "
    seed = 1
    host = [{ name = 'a' }, { name = 'b' }]
    link = [{ between = ['a', 'b'], there = { rate = '1G', delay = '5ms' }, back = { rate = '1G', delay = '5ms' } }]
    flow = [{ client = 'a', server = 'b', app = { kind = 'bulk', bytes = '1G' } }]
";

fn main() -> io::Result<()> {
    let scenario: Scenario = toml::from_str(SCENARIO).expect("the scenario can be read");
    let [with, without] = [Oracles::On, Oracles::Off].map(|oracles| best(&scenario, oracles));
    if std::env::args().any(|argument| argument == "--json") {
        let object = json!({
            "packets": with.0,
            "packets_per_second": with.1 as u64,
            "packets_per_second_without_oracles": without.1 as u64,
        });
        return writeln!(io::stdout(), "{object}");
    }
    let mut out = io::stdout();
    writeln!(out, "bulk transfer, {} packets", with.0)?;
    writeln!(out, "  oracles on   {:>12.0} packets/s", with.1)?;
    writeln!(out, "  oracles off  {:>12.0} packets/s", without.1)
}

/// The packets of a run, and how many a second.
fn best(scenario: &Scenario, oracles: Oracles) -> (u64, f64) {
    let runs = (0..ROUNDS).map(|_| {
        let simulation =
            Simulation::with_oracles(scenario, oracles).expect("the scenario can be run");
        let start = Instant::now();
        let outcome: Outcome = simulation.run(&mut |_| {});
        assert!(outcome.complete, "{:?}", outcome.violations);
        (
            outcome.packets,
            outcome.packets as f64 / start.elapsed().as_secs_f64(),
        )
    });
    runs.max_by(|one, other| one.1.total_cmp(&other.1))
        .expect("there is at least one round")
}
