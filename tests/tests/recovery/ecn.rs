//! A queue that marks instead of dropping.

use integration_tests::transfers::{complete, run_until, scenario, seeds, simulation};
use tcp_core::Instant;
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::Outcome;
use tcp_sim::world::Oracles;

/// Bits a second of the bottleneck.
const RATE: f64 = 50e6;

/// Queues that mark what can be marked; RED's marks lie at one and at eight times the path's 125 kB.
const QUEUES: [(&str, u64); 3] = [
    ("{ kind = 'codel', ecn = true }", 20),
    ("{ kind = 'codel', target = '10ms', ecn = true }", 50),
    (
        "{ kind = 'red', min = '125k', max = '1M', probability = 0.05, ecn = true }",
        20,
    ),
];

fn path(seed: u64, (queue, round_trip): (&str, u64), congestion: &str, ecn: &str) -> Scenario {
    let one_way = round_trip / 2;
    let text = format!(
        "host = [
             {{ name = 'client', tcp = {{ congestion = '{congestion}', ecn = '{ecn}' }} }},
             {{ name = 'server' }},
         ]
         link = [{{
             both = {{ rate = '50M', delay = '{one_way}ms', queue = {{ packets = 2000 }} }},
             there = {{ aqm = {queue} }},
         }}]
         flow = [{{ app = {{ kind = 'bulk', bytes = '100M' }} }}]"
    );
    scenario(seed, &text)
}

fn words(outcome: &Outcome) -> String {
    let stats = outcome.links[0].stats;
    let (marked, drops) = (stats.marked, stats.dropped);
    let longest = stats.max_queue_bytes;
    format!("{marked} marked, {drops:?}, queue up to {longest} bytes")
}

#[test]
fn without_ecn_the_queues_drop() {
    for queue in QUEUES {
        let outcome = complete(simulation(&path(1, queue, "reno", "off"), Oracles::On));
        let stats = outcome.links[0].stats;
        assert!(stats.dropped.aqm > 0, "{queue:?}: {}", words(&outcome));
        assert_eq!(stats.marked, 0, "{queue:?}");
    }
}

#[test]
fn with_ecn_nothing_is_lost_and_the_rate_is_kept() {
    for congestion in ["cubic", "reno"] {
        for queue in QUEUES {
            for seed in seeds(2) {
                let path = path(seed, queue, congestion, "request");
                let mut simulation = simulation(&path, Oracles::On);
                // The first two seconds are slow start's.
                let from = run_until(&mut simulation, Instant::from_millis(2_000));
                let to = run_until(&mut simulation, Instant::from_millis(15_000));
                let bytes = |outcome: &Outcome| outcome.links[0].stats.delivered_bytes;
                let seconds = to.end_seconds - from.end_seconds;
                let share = 8.0 * (bytes(&to) - bytes(&from)) as f64 / seconds / RATE;
                let outcome = complete(simulation);
                let words = format!(
                    "{congestion}, {queue:?}, seed {seed}: {share:.4} of the rate, {}",
                    words(&outcome)
                );
                println!("{words}");
                let stats = outcome.links[0].stats;
                assert!(stats.marked > 0, "{words}");
                assert_eq!(stats.dropped.total(), 0, "{words}");
                assert_eq!(outcome.retransmitted_segments, 0, "{words}");
                assert!(share >= 0.95, "{words}");
            }
        }
    }
}
