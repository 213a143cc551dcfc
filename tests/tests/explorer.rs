//! Every schedule of small conversations, with up to two faults; and that the explorer finds fault
//! where there is some.

use std::time::Instant;

use tcp_sim::explore::{Bounds, Report, explore, presets};

fn tell(name: &str, faults: u8, report: &Report, began: Instant) {
    println!(
        "{name}, {faults} faults: {} states, {} transitions, {} endings, depth {}, {:.1?}",
        report.states,
        report.transitions,
        report.endings,
        report.depth,
        began.elapsed()
    );
}

#[test]
fn every_preset_keeps_the_rules() {
    let faults = std::env::var("EXPLORE_FAULTS").map_or(1, |it| it.parse().expect("a number"));
    for scenario in presets() {
        let began = Instant::now();
        let report = explore(&scenario, &Bounds::faults(faults));
        tell(scenario.name, faults, &report, began);
        if let Some(found) = report.violation {
            panic!("{}:\n{found}", scenario.name);
        }
        assert!(report.complete, "{}: cut short", scenario.name);
    }
}
