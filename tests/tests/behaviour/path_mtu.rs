//! The path's MTU where it is smaller than the device's: told by ICMP, or found by probes (RFC 4821).

use std::time::Duration;

use integration_tests::transfers::{CLIENT, Infos, complete, scenario, simulation};
use proptest::prelude::*;
use tcp_core::{Instant, TcpInfo};
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::Outcome;
use tcp_sim::world::Oracles;

/// A client that sends `bytes` on a link of 20 ms and 50 Mbit/s; `link` are settings of both of its directions,
/// `tcp` of both ends, `more` of the scenario.
fn bulk(seed: u64, bytes: &str, link: &str, tcp: &str, more: &str) -> Scenario {
    let text = format!(
        "{more}
         host = [
             {{ name = 'client', tcp = {{ {tcp} }} }},
             {{ name = 'server', tcp = {{ {tcp} }} }},
         ]
         [[link]]
         both = {{ rate = '50M', delay = '10ms', {link} }}
         [[flow]]
         app = {{ kind = 'bulk', bytes = '{bytes}' }}"
    );
    scenario(seed, &text)
}

/// Runs to the end; with what the client's connection last said of itself.
fn last_info(scenario: &Scenario) -> (TcpInfo, Outcome) {
    let mut simulation = simulation(scenario, Oracles::On);
    let infos = Infos::watch(&mut simulation, CLIENT);
    let outcome = complete(simulation);
    let info = last(&infos.borrow()).clone();
    (info, outcome)
}

fn last(infos: &Infos) -> &TcpInfo {
    infos.before(Instant::FAR_FUTURE).expect("a connection")
}

/// The payload of segments with timestamps that fill packets of `mtu` bytes.
fn best(mtu: u32, headers: u32) -> u32 {
    mtu - headers - 12
}

#[track_caller]
fn is_near(info: &TcpInfo, best: u32) {
    let mss = info.tcpi_snd_mss;
    let path = info.mtu_search;
    assert!(mss <= best, "{mss} of {best} do not pass: {path:?}");
    assert!(mss * 100 >= best * 95, "{mss} of {best}: {path:?}");
}

const SILENT: &str = "mtu = 1400, too_big = 'silence'";
const HEADERS: [(&str, u32); 2] = [("", 40), ("family = 'v6'", 60)];

#[test]
fn a_path_that_swallows_large_packets_carries_a_transfer() {
    for (family, headers) in HEADERS {
        for mode in ["on_black_hole", "always"] {
            for timestamps in [true, false] {
                let tcp = format!("mtu_probing = '{mode}', timestamps = {timestamps}");
                let (info, _) = last_info(&bulk(1, "10M", SILENT, &tcp, family));
                let options = if timestamps { 0 } else { 12 };
                is_near(&info, best(1_400, headers) + options);
            }
        }
    }
}

#[test]
fn without_probes_nothing_passes_where_icmp_is_silent() {
    let tcp = "mtu_probing = 'off'";
    let scenario = bulk(1, "1M", SILENT, tcp, "time_limit = '1m'");
    let outcome = simulation(&scenario, Oracles::On).run(&mut |_| {});
    assert_eq!(
        (outcome.complete, outcome.flows[0].bytes_to_server),
        (false, 0)
    );
}

#[test]
fn probes_on_a_path_that_carries_everything_cost_no_retransmission() {
    let (info, outcome) = last_info(&bulk(1, "10M", "", "mtu_probing = 'always'", ""));
    is_near(&info, best(1_500, 40));
    assert_eq!(outcome.retransmitted_segments, 0);
}

/// Where nothing times out, the default does what no probing does.
#[test]
fn a_path_that_delivers_sees_no_difference() {
    for link in ["", "loss = 0.02", "mtu = 1400", "queue = { packets = 20 }"] {
        let hash = |tcp| {
            let outcome = complete(simulation(&bulk(3, "2M", link, tcp, ""), Oracles::On));
            outcome.trace_hash
        };
        assert_eq!(hash("mtu_probing = 'off'"), hash(""), "{link}");
    }
}

#[test]
fn a_path_that_grows_is_found_again_after_the_interval() {
    let more = "time_limit = '1h'";
    for (mode, icmp) in [
        ("on_black_hole", "too_big = 'silence'"),
        ("always", "too_big = 'silence'"),
        ("on_black_hole", "too_big = 'icmp'"),
    ] {
        let tcp = format!("mtu_probing = '{mode}'");
        let app = "kind = 'request_response', requests = 130, request = '300k', response = '1k', think = '5s'";
        let link = format!("mtu = 1400, {icmp}, mtu_changes = [{{ at = '100s', mtu = 1500 }}]");
        let mut scenario = bulk(1, "1", &link, &tcp, more);
        scenario.flow[0].app = toml::from_str(&app.replace(", ", "\n")).unwrap();
        let mut simulation = simulation(&scenario, Oracles::On);
        let infos = Infos::watch(&mut simulation, CLIENT);
        complete(simulation);
        let infos = infos.borrow();
        let at = |seconds| {
            infos
                .before(Instant::ZERO + Duration::from_secs(seconds))
                .unwrap()
        };
        is_near(at(90), best(1_400, 40));
        is_near(at(590), best(1_400, 40));
        is_near(last(&infos), best(1_500, 40));
        let grown = last(&infos).tcpi_snd_mss > best(1_400, 40);
        assert!(grown, "{mode} {icmp}");
    }
}

#[test]
fn a_path_that_shrinks_is_noticed() {
    let link = "mtu_changes = [{ at = '1s', mtu = 1300 }], too_big = 'silence'";
    for mode in ["on_black_hole", "always"] {
        let tcp = format!("mtu_probing = '{mode}'");
        let (info, _) = last_info(&bulk(1, "30M", link, &tcp, ""));
        is_near(&info, best(1_300, 40));
    }
}

#[test]
fn jumbo_frames_are_found_not_to_pass() {
    for mode in ["on_black_hole", "always"] {
        for large in [false, true] {
            let tcp = format!("mtu_probing = '{mode}'");
            let link = "mtu = 1500, too_big = 'silence'";
            let mut scenario = bulk(1, "10M", link, &tcp, "");
            for host in &mut scenario.host {
                host.mtu = 9_000;
                host.large_segments = large;
            }
            is_near(&last_info(&scenario).0, best(1_500, 40));
        }
    }
}

/// Without SACK, duplicates of what follows a repair may be its echoes (RFC 6582 §3.2): a probe right behind one, if it
/// were lost, would be found missing by a timeout only, which says nothing of its size.
#[test]
fn without_sack_no_probe_follows_a_repair_at_once() {
    for congestion in ["reno", "cubic", "bbr"] {
        let tcp = format!("mtu_probing = 'always', congestion = '{congestion}', sack = false");
        let link = "mtu = 1130, too_big = 'silence', queue = { bytes = '8M' }";
        let (info, _) = last_info(&bulk(0, "10M", link, &tcp, ""));
        is_near(&info, best(1_130, 40));
        assert!(info.tcpi_total_rto < 4, "{congestion}: {info:?}");
    }
}

/// An outage looks like a path that swallows packets; segments are large again soon after.
#[test]
fn after_an_outage_segments_are_as_large_as_before() {
    let link = "blackholes = [{ from = '1s', until = '31s' }]";
    let (info, outcome) = last_info(&bulk(1, "20M", link, "", ""));
    is_near(&info, best(1_500, 40));
    assert!(outcome.sim_seconds < 70.0, "{outcome:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any path, each family, each mode, any controller, with and without SACK and large segments, and with loss besides.
    #[test]
    fn any_path_is_found(
        seed: u32,
        v6: bool,
        part in 0u32..=1_000,
        mode in prop::sample::select(vec!["on_black_hole", "always"]),
        congestion in prop::sample::select(vec!["reno", "cubic", "bbr"]),
        // Without SACK a path that loses something in each window leaves no moment in which nothing is repaired.
        (sack, loss) in prop::sample::select(vec![
            (false, "0.0"),
            (true, "0.0"),
            (true, "0.001"),
            (true, "0.003"),
        ]),
        large: bool,
    ) {
        let (family, headers) = HEADERS[usize::from(v6)];
        let least = if v6 { 1_280 } else { 576 };
        let mtu = least + (1_500 - least) * part / 1_000;
        let link = format!("mtu = {mtu}, too_big = 'silence', loss = {loss}");
        let tcp = format!("mtu_probing = '{mode}', congestion = '{congestion}', sack = {sack}");
        let mut scenario = bulk(seed.into(), "10M", &link, &tcp, family);
        for host in &mut scenario.host {
            host.large_segments = large;
        }
        is_near(&last_info(&scenario).0, best(mtu, headers));
    }
}
