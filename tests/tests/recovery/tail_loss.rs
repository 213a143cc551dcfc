//! The end of a response is lost, and nothing comes after it that could tell: a probe must.

use std::time::Duration;

use integration_tests::transfers::{complete, scenario, simulation};
use tcp_sim::simulation::Outcome;
use tcp_sim::world::Oracles;

/// Segments of the response: 69 full ones of 1,448 bytes, and one with the rest.
const SEGMENTS: u64 = 70;

/// A response of 100 kB, the last `lost` segments of which are.
fn response(round_trip: Duration, lost: u64) -> Outcome {
    let faults: Vec<String> = (0..lost)
        .map(|back| format!("'drop data {}'", SEGMENTS - back))
        .collect();
    let text = format!(
        "link = [{{
             both = {{ delay = '{}ms' }},
             back = {{ faults = [{}] }},
         }}]
         flow = [{{
             app = {{ kind = 'request_response', requests = 1, request = 100, response = '100k' }},
         }}]",
        round_trip.as_millis() / 2,
        faults.join(", ")
    );
    complete(simulation(&scenario(1, &text), Oracles::On))
}

fn count(outcome: &Outcome, counter: &str) -> u64 {
    let server = outcome.hosts[1].counters.get(counter);
    server.and_then(serde_json::Value::as_u64).unwrap_or(0)
}

#[test]
fn the_end_of_a_response_is_what_is_lost() {
    let round_trip = Duration::from_millis(200);
    let whole = response(round_trip, 0);
    assert_eq!(whole.retransmitted_segments, 0);
    assert_eq!(whole.flows[0].tcp_info.server.tcpi_data_segs_out, SEGMENTS);
    for lost in 1..=3 {
        let outcome = response(round_trip, lost);
        assert_eq!(outcome.links[1].stats.dropped.script, lost);
        assert!(outcome.flows[0].seconds > whole.flows[0].seconds);
    }
}

/// The last acknowledgement comes half a round trip after the end that would have been, and the probe
/// two round trips later; half of one later it repairs a single loss. Its answer lets the others go, one
/// in each round trip (RFC 9937's conservative bound), after a wait for what may only be late.
fn round_trips(lost: u64) -> f64 {
    2.0 + lost as f64
}

#[test]
fn a_lost_tail_is_probed_for_and_does_not_time_out() {
    // Long enough for two round trips to be less than the timeout, which is at least 200 ms more than one.
    for millis in [220, 300, 500] {
        let round_trip = Duration::from_millis(millis);
        let whole = response(round_trip, 0).flows[0].seconds;
        for lost in 1..=3 {
            let outcome = response(round_trip, lost);
            let more = (outcome.flows[0].seconds - whole) / round_trip.as_secs_f64();
            let probes = count(&outcome, "TcpExtTCPLossProbes");
            let timeouts = count(&outcome, "TcpExtTCPTimeouts");
            let words = format!(
                "{round_trip:?}, {lost} lost: {more:.2} round trips more, {probes} probes, \
                 {timeouts} timeouts, {} sent again",
                outcome.retransmitted_segments
            );
            println!("{words}");
            assert!(probes >= 1, "{words}");
            assert_eq!(timeouts, 0, "{words}");
            // A quarter for what the client's last acknowledgement waited.
            assert!(more <= round_trips(lost) + 0.25, "{words}");
        }
    }
}

#[test]
fn without_probes_a_lost_tail_waits_for_the_timeout() {
    let text = "
        host = [{ name = 'client' }, { name = 'server', tcp = { tail_loss_probe = false } }]
        link = [{ both = { delay = '110ms' }, back = { faults = ['drop data 70'] } }]
        flow = [{ app = { kind = 'request_response', requests = 1, request = 100, response = '100k' } }]";
    let outcome = complete(simulation(&scenario(1, text), Oracles::On));
    assert_eq!(count(&outcome, "TcpExtTCPLossProbes"), 0);
    assert_eq!(count(&outcome, "TcpExtTCPTimeouts"), 1);
}
