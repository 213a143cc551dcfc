//! Whole scenarios: each application over good and bad networks, and what is told of them.

use tcp_sim::scenario::{AppConfig, Scenario};
use tcp_sim::simulation::{Outcome, ScenarioError, Simulation};

/// Two hosts, `a` and `b`, on one link; `link` are settings of both of its directions.
fn two_hosts(seed: u64, link: &str, app: &str) -> Scenario {
    let text = format!(
        "seed = {seed}
         host = [{{ name = 'a' }}, {{ name = 'b' }}]
         link = [{{ between = ['a', 'b'], both = {{ {link} }} }}]
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

#[test]
fn each_application_completes_with_large_segments() {
    for large in [[true, true], [true, false], [false, true]] {
        for (link, is_clean) in [(CLEAN, true), (BAD, false)] {
            for app in APPS {
                let mut scenario = two_hosts(1, link, app);
                for (host, large) in scenario.host.iter_mut().zip(large) {
                    host.large_segments = large;
                }
                let outcome = completes(&scenario);
                if is_clean {
                    assert_eq!(outcome.retransmitted_segments, 0, "{app}");
                }
            }
        }
    }
}

/// Everything that may go wrong at random, a little of each.
const BAD: &str = "rate = '10M', delay = '10ms', jitter = '3ms', loss = 0.02, duplicate = 0.02, \
    corrupt = 0.02, reorder = { probability = 0.05, by = '15ms' }, queue = { packets = 50 }";

#[test]
fn each_application_completes_over_a_bad_network() {
    for app in APPS {
        let mut retransmitted = 0;
        for seed in 0..20 {
            let outcome = completes(&two_hosts(seed, BAD, app));
            retransmitted += outcome.retransmitted_segments;
            assert_eq!(outcome.violations, [""; 0]);
        }
        assert!(retransmitted > 0, "{app}: something was lost");
    }
}

#[test]
fn losses_in_bursts_and_queue_management_are_survived() {
    let bursts = "loss = { to_bad = 0.005, to_good = 0.3 }, rate = '20M', delay = '5ms'";
    let codel = "aqm = { kind = 'codel' }, rate = '5M', delay = '5ms'";
    let red = "aqm = { kind = 'red', min = '10k', max = '60k', probability = 0.1 }, rate = '5M', delay = '5ms'";
    for (link, least) in [(bursts, 1), (codel, 1), (red, 1)] {
        let outcome = completes(&two_hosts(3, link, "kind = 'bulk', bytes = '5M'"));
        assert!(outcome.retransmitted_segments >= least, "{link}");
    }
}

#[test]
fn goodput_is_what_the_link_allows() {
    let link = "rate = '100M', delay = '50ms'";
    let outcome = completes(&two_hosts(1, link, "kind = 'bulk', bytes = '10M'"));
    // Slow start and the handshake take their part; headers 4 of 100.
    let goodput = outcome.goodput_bps;
    assert!((30e6..96e6).contains(&goodput), "{goodput}");
    assert_eq!(outcome.flows[0].goodput_bps, goodput);
    // 2 MSL later nothing is left.
    assert!(outcome.end_seconds >= outcome.sim_seconds + 59.0);
}

/// Four hosts and two routers with a narrow link between them.
const DUMBBELL: &str = "
    seed = 5
    host = [{ name = 'a' }, { name = 'b' }, { name = 'c' }, { name = 'd' }]
    router = [{ name = 'west' }, { name = 'east' }]
    flow = [
        { client = 'a', server = 'c', app = { kind = 'bulk', bytes = '2M' } },
        { client = 'd', server = 'b', start = '500ms', app = { kind = 'bulk', bytes = '1M' } },
        { client = 'b', server = 'c', app = { kind = 'many_short', connections = 30, parallel = 3, request = 100, response = '2k' } },
    ]
    [[link]]
    between = ['a', 'west']
    both = { rate = '100M', delay = '1ms' }
    [[link]]
    between = ['b', 'west']
    both = { rate = '100M', delay = '2ms' }
    [[link]]
    between = ['west', 'east']
    both = { rate = '10M', delay = '10ms', queue = { packets = 30 } }
    [[link]]
    between = ['east', 'c']
    both = { rate = '100M', delay = '1ms' }
    [[link]]
    between = ['east', 'd']
    both = { rate = '100M', delay = '1ms' }
";

#[test]
fn flows_share_a_bottleneck_between_routers() {
    let scenario: Scenario = toml::from_str(DUMBBELL).unwrap();
    let outcome = run(&scenario);
    assert!(outcome.complete, "{outcome:#?}");
    let narrow = &outcome.links[4];
    assert_eq!((narrow.from.as_str(), narrow.to.as_str()), ("west", "east"));
    assert!(narrow.stats.dropped.queue_full > 0, "the queue was full");
    assert!(outcome.goodput_bps < 20e6);
    assert_eq!(outcome.flows[2].connections, 30);
    let busy = outcome.links.iter().all(|link| link.stats.delivered > 0);
    assert!(busy, "every link was used");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for app in APPS {
        let [one, same, other] = [1, 1, 2].map(|seed| run(&two_hosts(seed, BAD, app)));
        assert_eq!(one.trace_hash, same.trace_hash, "{app}");
        assert_ne!(one.trace_hash, other.trace_hash, "{app}");
        let timeless = |outcome: Outcome| Outcome {
            wall_seconds: 0.0,
            ..outcome
        };
        assert_eq!(timeless(one), timeless(same));
    }
}

#[test]
fn a_smaller_mtu_on_the_way_is_learned_from_icmp() {
    for family in ["v4", "v6"] {
        let text = format!(
            "family = '{family}'
             host = [{{ name = 'a' }}, {{ name = 'b' }}]
             router = [{{ name = 'r' }}]
             link = [
                {{ between = ['a', 'r'], there = {{ delay = '1ms' }}, back = {{ delay = '1ms' }} }},
                {{ between = ['r', 'b'], there = {{ mtu = 1300, delay = '1ms' }}, back = {{ delay = '1ms' }} }},
             ]
             flow = [{{ client = 'a', server = 'b', app = {{ kind = 'bulk', bytes = '200k' }} }}]"
        );
        let outcome = run(&toml::from_str(&text).unwrap());
        assert!(outcome.complete, "{outcome:#?}");
        let dropped = &outcome.links[2].stats.dropped;
        assert!((1..100).contains(&dropped.too_big), "{dropped:?}");
        let counters = &outcome.hosts[0].counters;
        assert!(counters.contains_key("IcmpInMsgs"), "{counters:?}");
    }
}

#[test]
fn a_router_answers_at_once_where_a_smaller_mtu_lies_behind_it() {
    let scenario: Scenario = toml::from_str(
        "host = [{ name = 'a' }, { name = 'b' }]
         router = [{ name = 'r' }]
         link = [
             { between = ['a', 'r'], both = { delay = '10ms' } },
             { between = ['r', 'b'], both = { delay = '10ms' }, there = { mtu = 1000 } },
         ]
         flow = [{ client = 'a', server = 'b', app = { kind = 'bulk', bytes = '100k' } }]",
    )
    .expect("the scenario can be read");
    let outcome = completes(&scenario);
    assert_eq!(outcome.rto_count, 0, "{outcome:#?}");
    assert!(outcome.sim_seconds < 0.4, "{}", outcome.sim_seconds);
}

#[test]
fn a_blackhole_is_waited_out() {
    let link = "rate = '10M', delay = '10ms', blackholes = [{ from = '100ms', until = '5s' }]";
    let outcome = completes(&two_hosts(1, link, "kind = 'bulk', bytes = '1M'"));
    assert!(outcome.rto_count > 0 && outcome.sim_seconds > 5.0);
}

#[test]
fn a_network_that_never_comes_back_ends_the_flow_and_leaves_nothing() {
    let link = "rate = '10M', delay = '10ms', blackholes = [{ from = '50ms', until = '23h' }]";
    for app in APPS {
        let outcome = run(&two_hosts(1, link, app));
        assert!(!outcome.complete && !outcome.time_limit_reached, "{app}");
        assert_eq!(outcome.violations, [""; 0], "{app}");
        let error = outcome.flows[0].error.as_deref().unwrap_or_default();
        assert!(error.contains("timed out"), "{app}: {error}");
    }
}

#[test]
fn the_time_limit_cuts_a_run_short() {
    let scenario = Scenario {
        time_limit: std::time::Duration::from_millis(200),
        ..two_hosts(1, CLEAN, "kind = 'bulk', bytes = '1M'")
    };
    let outcome = run(&scenario);
    assert!(outcome.time_limit_reached && !outcome.complete);
    let read = outcome.flows[0].bytes_to_server;
    assert!((1..1_000_000).contains(&read), "{read}");
}

/// Another machine must come to the same. A change of what the protocol does changes it.
#[test]
fn the_hash_of_a_run_is_the_same_on_every_machine() {
    let outcome = run(&two_hosts(7, BAD, "kind = 'duplex', bytes = '200k'"));
    assert_eq!(outcome.trace_hash, "908c5165f82a2682");
}

/// What is wrong with DUMBBELL when `from` stands there as `to`.
fn wrong(from: &str, to: &str) -> ScenarioError {
    assert!(DUMBBELL.contains(from), "{from}");
    let scenario = toml::from_str(&DUMBBELL.replacen(from, to, 1)).unwrap();
    match Simulation::new(&scenario) {
        Ok(_) => panic!("{to}: nothing is wrong"),
        Err(error) => error,
    }
}

#[test]
fn a_scenario_that_contradicts_itself_is_refused_with_the_name_of_what_is_wrong() {
    let cases = [
        ("{ name = 'b' }", "{ name = 'a' }", "two nodes called `a`"),
        ("client = 'a'", "client = 'x'", "flow 1 names `x`"),
        ("client = 'd'", "client = 'east'", "flow 2 names `east`"),
        (
            "client = 'a'",
            "client = 'c'",
            "flow 1 goes from `c` to itself",
        ),
        (
            "between = ['a', 'west']",
            "between = ['a', 'x']",
            "link 1 joins `x`",
        ),
        (
            "between = ['a', 'west']",
            "between = ['a', 'a']",
            "link 1 joins `a` to itself",
        ),
        (
            "between = ['west', 'east']",
            "between = ['a', 'b']",
            "flow 1: no links lead from `a` to `c`",
        ),
        (
            "{ name = 'd' }",
            "{ name = 'd', mtu = 500 }",
            "host `d`: an MTU of 500",
        ),
        (
            "{ name = 'd' }",
            "{ name = 'd', tcp = { recv_buffer = 0 } }",
            "host `d`: recv_buffer",
        ),
        (
            "packets = 30",
            "packets = 0",
            "the link from `west` to `east`: a queue of 0",
        ),
    ];
    for (from, to, words) in cases {
        let error = wrong(from, to).to_string();
        assert!(error.contains(words), "{error}");
    }
    let empty = Scenario {
        flow: Vec::new(),
        ..toml::from_str(DUMBBELL).unwrap()
    };
    let refused = Simulation::new(&empty).err();
    assert_eq!(refused, Some(ScenarioError::NoFlow));
}

#[test]
fn what_would_never_end_is_refused() {
    let endless = "kind = 'slow_reader', bytes = '20k', piece = 10, every = '0s'";
    let refused = Simulation::new(&two_hosts(1, CLEAN, endless)).err();
    assert_eq!(refused, Some(ScenarioError::NoPause(1)));
    let mut small = two_hosts(1, "mtu = 1200", APPS[0]);
    small.family = tcp_sim::world::Family::V6;
    let refused = Simulation::new(&small).err();
    let expected = ScenarioError::LinkMtu {
        link: 1,
        mtu: 1_200,
    };
    assert_eq!(refused, Some(expected));
}

#[test]
fn middleboxes_do_not_confuse_the_rules() {
    let boxes = [
        "strip = ['timestamps', 'sack_permitted']",
        "strip = ['timestamps'], strip_from = 'others'",
        "clamp_mss = 600",
        "shift_seq = 4000000000",
        "split = 500",
        "merge = { max = 4000, hold = '1ms' }",
    ];
    for middlebox in boxes {
        let link =
            format!("rate = '10M', delay = '5ms', loss = 0.02, middlebox = {{ {middlebox} }}");
        let outcome = run(&two_hosts(4, &link, "kind = 'duplex', bytes = '200k'"));
        assert_eq!(outcome.violations, [""; 0], "{middlebox}");
        // Who must not lose its timestamps may drop all that comes without (RFC 7323 §3.2).
        let survives = !middlebox.contains("others");
        assert!(
            outcome.complete || !survives,
            "{middlebox}: {:?}",
            outcome.flows
        );
    }
}

#[test]
fn progress_is_told_and_goes_up_to_all() {
    let scenario = two_hosts(1, CLEAN, "kind = 'duplex', bytes = '1M'");
    let mut told = Vec::new();
    let outcome = Simulation::new(&scenario)
        .unwrap()
        .run(&mut |progress| told.push(*progress));
    let last = told.last().expect("the end is told");
    assert_eq!((last.bytes_done, last.bytes_total), (2_000_000, 2_000_000));
    assert_eq!(last.packets, outcome.packets);
    let json = serde_json::to_value(&outcome).unwrap();
    for field in [
        "seed",
        "trace_hash",
        "sim_seconds",
        "goodput_bps",
        "retransmitted_segments",
        "rto_count",
        "packets",
        "wall_seconds",
        "complete",
    ] {
        assert!(json.get(field).is_some(), "{field}");
    }
}
