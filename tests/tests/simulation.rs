//! Whole scenarios: each application over good and bad networks, and what is told of them.

use tcp_sim::scenario::{AppConfig, Scenario};
use tcp_sim::simulation::{Outcome, Simulation};

/// Two hosts, `a` and `b`, on one link; `link` are settings of both of its directions.
fn two_hosts(seed: u64, link: &str, app: &str) -> Scenario {
    let text = format!(
        "seed = {seed}
         host = [{{ name = 'a' }}, {{ name = 'b' }}]
         link = [{{ between = ['a', 'b'], there = {{ {link} }}, back = {{ {link} }} }}]
         flow = [{{ client = 'a', server = 'b', app = {{ {app} }} }}]"
    );
    toml::from_str(&text).expect("the scenario can be read")
}

fn run(scenario: &Scenario) -> Outcome {
    let simulation = Simulation::new(scenario).expect("the scenario can be run");
    simulation.run(&mut |_| {})
}

/// One of each.
const APPS: [&str; 7] = [
    "kind = 'bulk', bytes = '300k'",
    "kind = 'slow_reader', bytes = '200k', piece = '20k', every = '100ms'",
    "kind = 'request_response', requests = 20, request = 300, response = '5k', think = '10ms'",
    "kind = 'many_short', connections = 20, parallel = 4, request = 200, response = '3k'",
    "kind = 'half_close', request = '50k', response = '100k'",
    "kind = 'duplex', bytes = '100k'",
    "kind = 'abort', after = '100k'",
];

const CLEAN: &str = "rate = '10M', delay = '10ms'";

#[track_caller]
fn completes(scenario: &Scenario) -> Outcome {
    let outcome = run(scenario);
    assert!(outcome.complete, "{outcome:#?}");
    let flow = &outcome.flows[0];
    let expected = match scenario.flow[0].app {
        AppConfig::Bulk { bytes } | AppConfig::SlowReader { bytes, .. } => [bytes.0, 0],
        AppConfig::RequestResponse {
            requests: count,
            request,
            response,
            ..
        }
        | AppConfig::ManyShort {
            connections: count,
            request,
            response,
            ..
        } => [request.0, response.0].map(|bytes| bytes * u64::from(count)),
        AppConfig::HalfClose { request, response } => [request.0, response.0],
        AppConfig::Duplex { bytes } => [bytes.0; 2],
        AppConfig::Abort { .. } => [flow.bytes_to_server, 0],
    };
    assert_eq!([flow.bytes_to_server, flow.bytes_to_client], expected);
    outcome
}

#[test]
fn each_application_completes_over_a_clean_network() {
    for app in APPS {
        let outcome = completes(&two_hosts(1, CLEAN, app));
        assert_eq!(outcome.retransmitted_segments, 0, "{app}");
    }
}
