//! `tcp-sim bench`: every table, shortly. What is read is compared there with what was written.

use std::process::{Command, Output};

use serde_json::Value;

/// Whether smoltcp is there to be measured.
const HAS_PEER: bool = cfg!(feature = "smoltcp");

fn program(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcp-sim"));
    command.arg("bench").args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let shortly = ["--json", "--runs", "2", "--time", "20ms"];
    let output = program(&[&shortly, arguments].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Both sides of a row have all their runs, with a figure above zero in each; the ratio is of the medians.
fn assert_complete(row: &Value, runs: usize, figures: &[&str]) {
    let sides = match HAS_PEER {
        true => vec![&row["ours"], &row["smoltcp"]],
        false => vec![&row["ours"]],
    };
    for side in &sides {
        let all = side["runs"].as_array().unwrap();
        assert_eq!(all.len(), runs, "{row}");
        for run in all.iter().chain([&side["median"]]) {
            for figure in figures {
                assert!(run[figure].as_f64().unwrap() > 0.0, "{figure} of {row}");
            }
        }
    }
    if HAS_PEER {
        let median = |side: &Value| side["median"][figures[0]].as_f64().unwrap();
        let ratio = row["ours_over_smoltcp"].as_f64().unwrap();
        let expected = median(sides[0]) / median(sides[1]);
        assert!((ratio - expected).abs() < 0.001, "{ratio} is {expected}");
    }
}

const BULK: [&str; 4] = ["gbit_per_second", "ns_per_packet", "bytes", "packets"];

#[test]
fn bulk_has_a_row_for_each_size() {
    for family in [&[][..], &["--ipv6"]] {
        let sizes = ["--table", "bulk", "--sizes", "1500,65535,gso"];
        let report = json(&[&sizes, family].concat());
        let rows = report["bulk"].as_array().unwrap();
        let sizes: Vec<_> = rows.iter().map(|row| row["size"].as_str()).collect();
        assert_eq!(sizes, [Some("1500"), Some("65535"), Some("gso")]);
        for row in rows {
            assert_complete(row, 2, &BULK);
        }
        let run = &rows[0]["ours"]["runs"][0];
        let each = run["bytes"].as_f64().unwrap() / run["packets"].as_f64().unwrap();
        assert!((1_300.0..=1_460.0).contains(&each), "{each} bytes a packet");
        assert_eq!(report["churn"], Value::Null);
        assert_eq!(report["idle"], Value::Array(vec![]));
    }
}

/// Whatever way they come, they are compared with what was written.
#[test]
fn a_reader_waits_or_looks() {
    for how in ["waits", "looks"] {
        let report = json(&["--table", "bulk", "--sizes", "1500,gso", "--reader", how]);
        assert_eq!(report["config"]["reader"], how);
        assert_eq!(report["bulk"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn idle_connections_are_beside_the_flow() {
    let report = json(&["--table", "idle", "--idle", "0,300"]);
    let rows = report["idle"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[1]["idle"]), (2, &300.into()));
    for row in rows {
        assert_complete(row, 2, &BULK);
    }
    assert_eq!(rows[0]["ours_over_first_row"], 1.0);
    assert!(rows[1]["ours_over_first_row"].as_f64().unwrap() > 0.0);
}

#[test]
fn short_connections_and_round_trips_are_counted() {
    let report = json(&["--table", "churn,latency"]);
    let churn = ["connections_per_second", "connections"];
    assert_complete(&report["churn"], 2, &churn);
    assert_complete(&report["latency"], 2, &["p50_ns", "p99_ns", "round_trips"]);
    let median = &report["latency"]["ours"]["median"];
    assert!(median["p50_ns"].as_f64() <= median["p99_ns"].as_f64());
}

#[test]
fn an_idle_connection_holds_little() {
    let report = json(&["--table", "heap", "--quick"]);
    let row = &report["heap"];
    for figure in ["client_bytes", "server_bytes"] {
        let bytes = row["ours"]["median"][figure].as_f64().unwrap();
        // Below the 8,000 bytes and more that its buffers held while it was used.
        assert!((100.0..6_000.0).contains(&bytes), "{figure}: {bytes}");
    }
    if HAS_PEER {
        let bytes = row["smoltcp"]["median"]["client_bytes"].as_f64().unwrap();
        let buffers = 2.0 * 262_144.0;
        assert!((buffers..buffers + 10_000.0).contains(&bytes), "{bytes}");
    }
}

#[test]
fn there_is_a_table_for_people() {
    let output = program(&[
        "--table", "bulk", "--sizes", "1500", "--runs", "1", "--time", "20ms",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    let row = text.lines().find(|line| line.starts_with("1500"));
    assert!(
        row.is_some_and(|row| row.split_whitespace().count() == 6),
        "{text}"
    );
}

#[test]
fn a_ratio_that_is_not_reached_fails() {
    let shortly = [
        "--table", "idle", "--idle", "0", "--runs", "1", "--time", "5ms",
    ];
    for (least, code) in [("0.5", 0), ("1.5", 1)] {
        let output = program(&[&shortly[..], &["--least-flat", least]].concat());
        assert_eq!(output.status.code(), Some(code), "{least}");
    }
    let output = program(&[&shortly[..], &["--least-ratio", "1e9"]].concat());
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_cannot_be_measured_is_refused() {
    for wrong in [
        ["--sizes", "500"],
        ["--idle", "2000000"],
        ["--buffer", "1"],
        ["--bytes", "0"],
    ] {
        let output = program(&wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty());
    }
}
