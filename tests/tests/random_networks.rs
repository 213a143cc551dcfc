//! Any application over any network with any settings: every byte arrives, every connection ends,
//! nothing is left behind, and no rule is broken on the way.
//!
//! What failed once is kept as a scenario in `tests/regressions/`, and is run before anything new.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::Parser;
use integration_tests::scenarios::{scenario, shared_bottleneck};
use proptest::prelude::*;
use tcp_sim::scenario::{Scenario, ScenarioArgs};
use tcp_sim::simulation::Simulation;

/// Runs a scenario; where it does not come to a good end, says how to see it again.
fn check(scenario: &Scenario) -> Result<(), String> {
    let simulation = Simulation::new(scenario).map_err(|error| error.to_string())?;
    let outcome = simulation.run(&mut |_| ());
    if outcome.complete {
        return Ok(());
    }
    let again = scenario
        .command_line()
        .unwrap_or_else(|| scenario.to_toml());
    let json = serde_json::to_string_pretty(&outcome).map_err(|error| error.to_string())?;
    Err(format!("not complete:\n{json}\n\nagain:\n{again}\n"))
}

/// How many scenarios of each kind: 1,000 unless `PROPTEST_CASES` says otherwise.
fn cases() -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted.map_or(1_000, |it| it.parse().expect("PROPTEST_CASES is a number"))
}

/// What `tcp-sim run` makes of its command line.
fn parse(line: &str) -> anyhow::Result<Scenario> {
    #[derive(Parser)]
    struct Run {
        #[command(flatten)]
        args: ScenarioArgs,
    }
    let words = shlex::split(line).context("a quote is open")?;
    Run::try_parse_from(&words[1..])?.args.scenario()
}

proptest! {
    #![proptest_config(ProptestConfig {
        // What fails is kept as a scenario, which outlives changes of the strategies.
        failure_persistence: None,
        cases: cases(),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_flow_survives_the_network(scenario in scenario()) {
        let verdict = check(&scenario);
        prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err());
    }

    #[test]
    fn flows_that_share_a_link_survive_it(scenario in shared_bottleneck()) {
        let verdict = check(&scenario);
        prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err());
    }

    #[test]
    fn a_scenario_is_what_it_prints(scenario in scenario()) {
        let line = scenario.command_line().expect("a client and a server go on a line");
        prop_assert_eq!(parse(&line).map_err(|error| error.to_string()), Ok(scenario.clone()));
        prop_assert_eq!(Scenario::from_toml(&scenario.to_toml()), Ok(scenario));
    }
}

#[test]
fn what_failed_once_does_not_fail_again() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut seen = 0;
    for entry in fs::read_dir(directory).expect("the regressions are there") {
        let path = entry.expect("its entries can be listed").path();
        let text = fs::read_to_string(&path).expect("it can be read");
        let scenario =
            Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        check(&scenario).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        seen += 1;
    }
    assert!(seen > 0);
}
