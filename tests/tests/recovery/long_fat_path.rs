//! A gigabit a second over 200 ms: 25 MB are under way, and a queue holds a little more than that again, so that twice
//! what is under way fits. A third of the send buffer may be empty before its writer is woken, and the rest holds
//! what a loss keeps back. Each is a minute of virtual time and some five million packets, so the rules are not checked
//! here.

use integration_tests::transfers::{run_until, scenario, seeds, simulation};
use tcp_core::Instant;
use tcp_sim::simulation::Outcome;
use tcp_sim::world::Oracles;

/// The link's rate, in bits a second.
const RATE: f64 = 1e9;

/// What came of the first ten seconds, and of all sixty.
fn minute(seed: u64, congestion: &str, loss: f64) -> [Outcome; 2] {
    let text = format!(
        "time_limit = '60s'
         host = [
             {{ name = 'client', tcp = {{ congestion = '{congestion}', send_buffer = '96Mi' }} }},
             {{ name = 'server', tcp = {{ recv_buffer = '64Mi' }} }},
         ]
         link = [{{
             both = {{ rate = '1G', delay = '100ms', queue = {{ bytes = '27M' }} }},
             there = {{ loss = {loss:?} }},
         }}]
         flow = [{{ app = {{ kind = 'bulk', bytes = '10G' }} }}]"
    );
    let mut simulation = simulation(&scenario(seed, &text), Oracles::Off);
    [10, 60].map(|seconds| run_until(&mut simulation, Instant::from_millis(1_000 * seconds)))
}

/// The share of the rate that payload has after the first ten seconds.
fn share([early, late]: &[Outcome; 2]) -> f64 {
    let bytes = late.flows[0].bytes_to_server - early.flows[0].bytes_to_server;
    8.0 * bytes as f64 / (late.end_seconds - early.end_seconds) / RATE
}

fn words(outcomes: &[Outcome; 2]) -> String {
    let one = |outcome: &Outcome| {
        let (bytes, stats) = (outcome.flows[0].bytes_to_server, outcome.links[0].stats);
        let (again, timeouts) = (outcome.retransmitted_segments, outcome.rto_count);
        let (sent, drops) = (stats.sent, stats.dropped);
        format!("{bytes} bytes, {sent} packets, {drops:?}, {again} again, {timeouts} timeouts")
    };
    format!("first {}; then {}", one(&outcomes[0]), one(&outcomes[1]))
}

#[test]
fn cubic_fills_it_and_slow_start_does_not_overrun_it() {
    for seed in seeds(1) {
        let outcomes = minute(seed, "cubic", 0.0);
        let (share, words) = (share(&outcomes), words(&outcomes));
        // HyStart++ judges a round trip by its first answers, so a queue that grows within one is seen
        // in the next: some packets are dropped, few among all.
        let overrun = outcomes[0].links[0].stats.dropped.queue_full;
        let dropped = overrun as f64 / outcomes[1].links[0].stats.sent as f64;
        println!("cubic: {share:.3} of the rate, {dropped:.5} dropped; {words}");
        assert!(share >= 0.8, "seed {seed}: {share:.3} of the rate; {words}");
        assert!(dropped < 0.01, "seed {seed}: {dropped:.4} dropped; {words}");
    }
}

#[test]
fn bbr_fills_it() {
    for seed in seeds(1) {
        let outcomes = minute(seed, "bbr", 0.0);
        let (share, words) = (share(&outcomes), words(&outcomes));
        println!("bbr: {share:.3} of the rate; {words}");
        assert!(share >= 0.9, "seed {seed}: {share:.3} of the rate; {words}");
    }
}

#[test]
fn bbr_nearly_fills_it_where_one_packet_in_a_hundred_is_lost() {
    for seed in seeds(1) {
        let outcomes = minute(seed, "bbr", 0.01);
        let (share, words) = (share(&outcomes), words(&outcomes));
        println!("bbr, 1 % lost: {share:.3} of the rate; {words}");
        let lost = outcomes[1].links[0].stats.dropped.loss as f64;
        let sent = outcomes[1].links[0].stats.sent as f64;
        assert!(
            (0.009..0.011).contains(&(lost / sent)),
            "{lost} of {sent} lost"
        );
        // A full send buffer is not the application's limit: Startup sees that the path is full.
        let overrun = outcomes[0].links[0].stats.dropped.queue_full;
        assert_eq!(overrun, 0, "seed {seed}: {words}");
        assert!(share >= 0.8, "seed {seed}: {share:.3} of the rate; {words}");
    }
}
