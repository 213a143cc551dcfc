//! Packets that are late are not lost, and cost next to nothing.

use integration_tests::transfers::{Delays, THERE, complete, scenario, seeds, simulation};
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::Outcome;
use tcp_sim::world::Oracles;

/// 100 Mbit/s over 66 ms. The receiver has room for what is held back behind a late packet, and the
/// queue for all that the window allows, so nothing is lost.
fn path(seed: u64, congestion: &str, reorder: &str) -> Scenario {
    let text = format!(
        "host = [
             {{ name = 'client', tcp = {{ congestion = '{congestion}', send_buffer = '4Mi' }} }},
             {{ name = 'server', tcp = {{ recv_buffer = '2Mi' }} }},
         ]
         link = [{{
             both = {{ rate = '100M', delay = '33ms', queue = {{ packets = 2000 }} }},
             there = {{ {reorder} }},
         }}]
         flow = [{{ app = {{ kind = 'bulk', bytes = '100M' }} }}]"
    );
    scenario(seed, &text)
}

/// One in twenty is late, by up to 30 ms.
const LATE: &str = "reorder = { probability = 0.05, by = '30ms' }";

#[test]
fn the_path_reorders_as_it_says() {
    let mut simulation = simulation(&path(1, "reno", LATE), Oracles::Off);
    let delays = Delays::watch(&mut simulation, THERE);
    while simulation.now() < tcp_core::Instant::from_millis(2_000) && simulation.step() {}
    let (stats, delays) = (simulation.outcome().links[0].stats, delays.borrow());
    let arrived = delays.taken.len() as f64;
    let (late, passed) = (
        stats.reordered as f64 / arrived,
        delays.passed as f64 / arrived,
    );
    assert!((0.04..0.06).contains(&late), "{late} of {arrived} are late");
    assert!(passed > 0.03, "{passed} of {arrived} are passed by others");
    assert_eq!(stats.dropped.total(), 0);
}

fn keeps_its_goodput(congestion: &str) {
    for seed in seeds(3) {
        let run = |reorder| complete(simulation(&path(seed, congestion, reorder), Oracles::On));
        let (plain, late) = (run(""), run(LATE));
        for outcome in [&plain, &late] {
            assert_eq!(outcome.links[0].stats.dropped.total(), 0, "nothing is lost");
        }
        assert_eq!(plain.retransmitted_segments, 0);
        let share = late.goodput_bps / plain.goodput_bps;
        let words = words(&late);
        let mbits = plain.goodput_bps / 1e6;
        assert!(
            share >= 0.9,
            "seed {seed}: {share:.3} of {mbits:.1} Mbit/s; {words}"
        );
        // Nothing was lost, so whatever is sent again is so needlessly.
        let sender = late.flows[0].tcp_info.client;
        let needless = sender.tcpi_total_retrans as f64 / sender.tcpi_data_segs_out as f64;
        assert!(
            needless < 0.005,
            "seed {seed}: {needless:.5} sent again; {words}"
        );
    }
}

fn words(outcome: &Outcome) -> String {
    let sender = outcome.flows[0].tcp_info.client;
    let mbits = outcome.goodput_bps / 1e6;
    let (undone, timeouts) = (outcome.undo_count, outcome.rto_count);
    format!("{mbits:.1} Mbit/s late, {undone} undone, {timeouts} timeouts, {sender:?}")
}

#[test]
fn late_packets_do_not_slow_cubic_down() {
    keeps_its_goodput("cubic");
}

#[test]
fn late_packets_do_not_slow_reno_down() {
    keeps_its_goodput("reno");
}

#[test]
fn late_packets_do_not_slow_bbr_down() {
    keeps_its_goodput("bbr");
}
