//! `tcp-sim explore` and `tcp-sim replay` as programs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn tcp_sim(args: &[&str]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_tcp-sim"))
        .args(args)
        .output();
    program.expect("the program runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("standard output is one JSON value")
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file of this test alone.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn one_preset_gives_one_object() {
    let args = [
        "explore",
        "--preset",
        "handshake",
        "--faults",
        "1",
        "--json",
    ];
    let explored = tcp_sim(&args);
    assert_eq!(explored.status.code(), Some(0));
    assert_eq!(error(&explored), "");
    let report = json(&explored);
    assert_eq!(report["preset"], "handshake");
    assert_eq!(report["faults"], 1);
    assert_eq!(report["complete"], true);
    assert_eq!(report["violations"], 0);
    for count in ["states", "transitions", "endings", "depth", "peak_frontier"] {
        assert!(report[count].as_u64() > Some(5), "{count}: {report}");
    }
    assert!(report["wall_seconds"].as_f64() > Some(0.0));
    assert!(report["states_per_second"].as_u64() > Some(0));
    assert!(report.get("trace").is_none());
}

#[test]
fn all_presets_give_their_objects_and_totals() {
    let explored = tcp_sim(&["explore", "--faults", "0", "--json"]);
    let report = json(&explored);
    let presets = report["presets"].as_array().expect("a list");
    assert_eq!(presets.len(), 9);
    let states = presets.iter().map(|it| it["states"].as_u64().unwrap());
    assert_eq!(report["totals"]["states"].as_u64(), Some(states.sum()));
    assert_eq!(report["totals"]["violations"], 0);
    assert_eq!(report["totals"]["complete"], true);
}

#[test]
fn threads_change_nothing_but_the_time() {
    let explore = |threads| {
        let args = [
            "explore",
            "--preset",
            "close",
            "--threads",
            threads,
            "--json",
        ];
        let mut report = json(&tcp_sim(&args));
        let fields = report.as_object_mut().unwrap();
        fields.remove("wall_seconds");
        fields.remove("states_per_second");
        report
    };
    assert_eq!(explore("1"), explore("3"));
}

#[test]
fn what_is_cut_short_has_an_exit_code_of_its_own() {
    let args = ["explore", "--preset", "close", "--depth", "3"];
    let explored = tcp_sim(&args);
    assert_eq!(explored.status.code(), Some(3));
    let text = String::from_utf8_lossy(&explored.stdout).into_owned();
    assert!(text.contains("as far as it was explored"), "{text}");
}

#[test]
fn an_unknown_preset_is_refused_with_the_list() {
    let explored = tcp_sim(&["explore", "--preset", "handshaking"]);
    assert_eq!(explored.status.code(), Some(2));
    let error = error(&explored);
    for name in ["handshaking", "handshake", "time-wait-reuse", "all"] {
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_schedule_goes_to_a_file_and_back() {
    let (schedule, capture) = (file("deep.json"), file("deep.pcapng"));
    let (path, pcapng) = (schedule.to_str().unwrap(), capture.to_str().unwrap());
    let args = ["explore", "--preset", "time-wait-reuse", "--faults", "1"];
    let write = ["--write", path, "--deepest", "--json"];
    let explored = tcp_sim(&[&args[..], &write].concat());
    assert_eq!(explored.status.code(), Some(0), "{}", error(&explored));
    let depth = json(&explored)["depth"].as_u64().unwrap();

    let shown = tcp_sim(&["replay", path]);
    assert_eq!(shown.status.code(), Some(0), "{}", error(&shown));
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains(&format!("\n {depth}. ")), "{text}");
    assert!(text.contains("no rule is broken"), "{text}");

    let replayed = json(&tcp_sim(&["replay", path, "--json", "--capture", pcapng]));
    let steps = replayed["steps"].as_array().unwrap();
    assert_eq!(steps.len() as u64, depth);
    assert_eq!(replayed["violations"], 0);
    assert_eq!(steps.last().unwrap()["states"]["b"], "ESTAB");
    let capture = fs::read(capture).unwrap();
    assert_eq!(capture[..4], [0x0a, 0x0d, 0x0d, 0x0a], "a section header");
    let sent: usize = steps
        .iter()
        .map(|it| it["sent"].as_array().unwrap().len())
        .sum();
    let destinations = capture.windows(8).filter(|bytes| {
        bytes == b"\x0a\x00\x00\x01\x0a\x00\x00\x02" || bytes == b"\x0a\x00\x00\x02\x0a\x00\x00\x01"
    });
    assert!(destinations.count() >= sent, "{sent} segments were sent");
}

#[test]
fn hosts_are_set_as_the_flags_say_and_a_schedule_keeps_it() {
    let schedule = file("reno.json");
    let path = schedule.to_str().unwrap();
    let handshake = "explore --preset handshake --faults 0 --congestion reno --ecn request \
        --without rack --without sack --tcp initial_window=2 --deepest --write";
    let mut args: Vec<&str> = handshake.split_whitespace().collect();
    args.push(path);
    assert_eq!(tcp_sim(&args).status.code(), Some(0));
    let replayed = tcp_sim(&["replay", path]);
    assert_eq!(replayed.status.code(), Some(0), "{}", error(&replayed));
    let shown = String::from_utf8_lossy(&replayed.stdout).into_owned();
    for setting in [
        "congestion = \"reno\"",
        "rack = false",
        "sack = false",
        "initial_window = 2",
    ] {
        assert!(shown.contains(setting), "{shown}");
    }
    let refused = tcp_sim(&["explore", "--tcp", "max_segment_size = 2"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        error(&refused).contains("max_segment_size"),
        "{}",
        error(&refused)
    );
}

#[test]
fn a_file_that_is_no_schedule_is_refused_with_the_reason() {
    let path = file("odd.json");
    let refusal = |content: &str| {
        fs::write(&path, content).unwrap();
        let replayed = tcp_sim(&["replay", path.to_str().unwrap()]);
        assert_eq!(replayed.status.code(), Some(2));
        assert!(replayed.stdout.is_empty());
        error(&replayed)
    };
    let schedule = |preset: &str, action: &str| {
        format!(
            r#"{{"version": 1, "preset": "{preset}", "faults": 0, "violation": null,
                "actions": ["{action}"]}}"#
        )
    };
    assert!(refusal("no JSON").contains("no schedule"));
    assert!(refusal(&schedule("handshake", "dance A")).contains("`dance A` is no action"));
    assert!(refusal(&schedule("handshaking", "deliver B")).contains("`handshaking`"));
    assert!(refusal(&schedule("handshake", "deliver A")).contains("step 1: `deliver A`"));
    assert!(refusal(r#"{"version": 7}"#).contains("version is 7"));
    let missing = tcp_sim(&["replay", "missing.json"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(error(&missing).contains("cannot read missing.json"));
}
