//! `tcp-sim grid`: what it measures, that it measures everybody alike, and the snapshot of ours.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rayon::ThreadPoolBuilder;
use serde_json::Value;
use tcp_sim::grid::{self, Contender, GridConfig, ManyConfig, Report, SingleConfig};
use tcp_sim::units::{Bytes, Probability};

fn losses(values: &[f64]) -> Vec<Probability> {
    let values = values.iter().copied();
    values.map(|it| Probability::new(it).unwrap()).collect()
}

/// Few cells, for every contender.
fn small() -> GridConfig {
    GridConfig {
        seeds: 3,
        single: Some(SingleConfig {
            contenders: Contender::all(),
            bytes: Bytes(200_000),
            buffers: vec![1_024, 65_536],
            losses: losses(&[0.0, 0.05]),
            ..SingleConfig::default()
        }),
        many: Some(ManyConfig {
            flows: vec![1, 5],
            bytes: Bytes(100_000),
            ..ManyConfig::default()
        }),
        ..GridConfig::default()
    }
}

fn run(config: &GridConfig) -> Report {
    grid::run(config, &|| {}).expect("it can be measured")
}

#[test]
fn every_contender_is_measured_in_every_cell() {
    let config = small();
    let report = run(&config);
    assert_eq!(report.single.len(), Contender::all().len() * 4);
    assert_eq!(report.many.len(), Contender::all().len() * 2);
    for cell in &report.single {
        assert_eq!(cell.cut_short, 0, "{cell:?}");
        assert_eq!(cell.bytes_per_second.len(), 3);
        assert!(
            cell.min <= cell.median_bytes_per_second && cell.median_bytes_per_second <= cell.max
        );
        // One buffer in each round trip is all that can be.
        let most = cell.buffer as f64 * 10.0;
        assert!(cell.max <= most, "{cell:?}");
        if cell.buffer == 1_024 && cell.loss == Probability::ZERO {
            assert!(cell.min > 0.98 * most, "{cell:?}");
        }
    }
    for cell in &report.many {
        assert_eq!(cell.stalled, 0, "{cell:?}");
        assert!(cell.utilisation > 0.0 && cell.utilisation < 1.0, "{cell:?}");
        assert!(cell.jain > 0.5 && cell.jain <= 1.0, "{cell:?}");
    }
    let lossy = |cell: &&grid::SingleCell| cell.loss != Probability::ZERO;
    for cell in report.single.iter().filter(lossy) {
        assert!(cell.min < cell.max, "seeds differ: {cell:?}");
    }
}

#[test]
fn threads_change_nothing() {
    let config = small();
    let on = |threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| run(&config))
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn a_flow_that_does_not_end_in_time_has_stalled() {
    let report = run(&GridConfig {
        seeds: 2,
        single: Some(SingleConfig {
            bytes: Bytes(10 << 20),
            buffers: vec![1_024],
            losses: losses(&[0.0]),
            time_limit: Duration::from_secs(10),
            ..SingleConfig::default()
        }),
        many: Some(ManyConfig {
            flows: vec![4],
            time_limit: Duration::from_millis(300),
            ..ManyConfig::default()
        }),
        ..GridConfig::default()
    });
    for cell in &report.single {
        assert_eq!(cell.cut_short, 2);
        // What arrived by then counts.
        assert!(cell.min > 9_000.0 && cell.max < 10_240.0, "{cell:?}");
    }
    for cell in &report.many {
        assert_eq!(cell.stalled, 8, "{cell:?}");
    }
}

#[cfg(feature = "smoltcp")]
#[test]
fn ours_are_compared_with_the_peer() {
    let report = run(&small());
    assert_eq!(report.summary.single.len(), Contender::all().len() - 1);
    let peer = Contender::peer().unwrap();
    for comparison in &report.summary.single {
        assert_eq!((comparison.cells, comparison.peer), (4, peer));
        assert!(comparison.above <= comparison.at_least_0_95);
        assert!(comparison.worst.ratio <= comparison.median_ratio);
    }
    let row = &report.summary.many[0];
    let of = |contender| {
        let mut rows = report.many.iter();
        let row = rows.find(|it| it.contender == contender && it.flows == row.flows);
        row.unwrap().bytes_per_second
    };
    let ratio = of(row.contender) / of(peer);
    assert!((row.ratio - ratio).abs() < 1e-3, "{row:?}, {ratio}");
}

#[test]
fn the_program_prints_tables_or_one_object() {
    let program = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tcp-sim"));
        command.args(["grid", "--table", "single", "--buffers", "4Ki", "--losses"]);
        command.args(["0,0.1", "--seeds", "1", "--bytes", "100k"]);
        command
            .args(["--stacks", "ours-reno,ours-cubic"])
            .args(more);
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = program(&[]);
    assert!(text.contains("ours-reno: bytes a second"), "{text}");
    let report: Value = serde_json::from_str(&program(&["--json"])).unwrap();
    let cells = report["single"].as_array().unwrap();
    assert_eq!(cells.len(), 4);
    assert_eq!(cells[0]["congestion"], "reno");
    assert_eq!(cells[3]["loss"], 0.1);
    assert_eq!(report["many"].as_array().map(Vec::len), Some(0));
    assert_eq!(report["config"]["single"]["rtt"], "100ms");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    for wrong in [
        ["--stacks", "ours-vegas"],
        ["--buffers", "0"],
        ["--bytes", "0"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tcp-sim"));
        let output = command.arg("grid").args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty());
    }
}

/// What we reach is kept: whoever changes it sees by how much, and says so by a new snapshot.
#[test]
fn the_snapshot_is_what_we_reach() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("grid.json");
    let kept = fs::read_to_string(path).expect("the snapshot is in the repository");
    let now = run(&GridConfig::snapshot()).to_snapshot();
    let changed: Vec<String> = kept
        .lines()
        .zip(now.lines())
        .filter(|(kept, now)| kept != now)
        .map(|(kept, now)| format!("- {kept}\n+ {now}"))
        .collect();
    assert!(
        kept == now,
        "{} cells have changed; if they should:\n  \
         cargo run --release -p tcp-sim -- grid --snapshot tcp-sim/grid.json\n{}",
        changed.len(),
        changed.join("\n")
    );
}

/// A device that cuts saves work; what goes over the wire is about the same.
#[test]
fn large_segments_come_to_the_same_figures() {
    let rates = |large_segments| {
        let report = run(&GridConfig {
            seeds: 3,
            single: Some(SingleConfig {
                contenders: Contender::paced()
                    .into_iter()
                    .filter(|it| it.stack() == "ours")
                    .collect(),
                large_segments,
                bytes: Bytes(2 << 20),
                buffers: vec![65_536, 1 << 20],
                losses: losses(&[0.0, 0.01]),
                ..SingleConfig::default()
            }),
            many: None,
            ..GridConfig::default()
        });
        let rates = report
            .single
            .iter()
            .map(|cell| cell.median_bytes_per_second);
        rates.collect::<Vec<_>>()
    };
    let (large, small) = (rates(true), rates(false));
    assert_ne!(large, small, "something has changed");
    for (large, small) in large.iter().zip(&small) {
        assert!(large / small > 0.9, "{large} and {small}");
    }
}
