//! Every schedule of the presets, with each part of recovery and congestion control off, and with each
//! controller. `tcp-sim explore --faults 2 --ecn request --without PART` goes further with one.

use tcp_sim::explore::{Bounds, explore, presets};
use tcp_sim::scenario::{CongestionName, EcnName, Part, TcpSettings};

/// Asks for ECN, and has everything else that is there.
fn all_on() -> TcpSettings {
    TcpSettings {
        ecn: Some(EcnName::Request),
        ..TcpSettings::default()
    }
}

/// The presets whose schedules the tail loss probe multiplies by ten and more.
const LONG: [&str; 2] = ["transfer", "simultaneous-close"];

/// Where tails are probed, if they are at all.
#[derive(Clone, Copy, PartialEq)]
enum Probes {
    InAll,
    InShortOnes,
}

/// How many states there are with one fault; finds nothing.
fn explore_clean(tcp: &TcpSettings, probes: Probes) -> usize {
    let mut states = 0;
    for preset in presets() {
        let name = preset.name;
        let mut tcp = tcp.clone();
        if probes == Probes::InShortOnes && LONG.contains(&name) {
            tcp.tail_loss_probe = Some(false);
        }
        let preset = preset.with_tcp(&tcp).expect("the settings are valid");
        let report = explore(&preset, &Bounds::faults(1));
        if let Some(found) = &report.violation {
            panic!("{name}, {}:\n{found}", tcp.to_pairs());
        }
        assert!(report.complete, "{name}, {}: cut short", tcp.to_pairs());
        assert!(
            report.endings > 0,
            "{name}, {}: never ended",
            tcp.to_pairs()
        );
        states += report.states;
    }
    println!("{}: {states} states", tcp.to_pairs());
    states
}

#[test]
fn all_parts_can_be_on() {
    assert!(explore_clean(&all_on(), Probes::InAll) > 100_000);
}

#[test]
fn each_part_can_be_off() {
    for part in Part::all() {
        let mut tcp = all_on();
        part.turn_off(&mut tcp);
        assert!(explore_clean(&tcp, Probes::InShortOnes) > 5_000, "{part:?}");
    }
}

#[test]
fn all_parts_can_be_off() {
    let mut tcp = TcpSettings {
        ecn: Some(EcnName::Off),
        congestion: Some(CongestionName::Reno),
        ..TcpSettings::default()
    };
    for part in Part::all() {
        part.turn_off(&mut tcp);
    }
    assert!(explore_clean(&tcp, Probes::InShortOnes) > 5_000);
}

#[test]
fn each_controller_can_be_chosen() {
    for congestion in [
        CongestionName::Reno,
        CongestionName::Cubic,
        CongestionName::Bbr,
    ] {
        let chosen = TcpSettings {
            congestion: Some(congestion),
            ..all_on()
        };
        let variations = [
            TcpSettings {
                ecn: Some(EcnName::Off),
                ..chosen.clone()
            },
            // The presets leave timestamps out.
            TcpSettings {
                timestamps: Some(true),
                ..chosen.clone()
            },
            chosen,
        ];
        for tcp in variations {
            assert!(
                explore_clean(&tcp, Probes::InShortOnes) > 5_000,
                "{}",
                tcp.to_pairs()
            );
        }
    }
}
