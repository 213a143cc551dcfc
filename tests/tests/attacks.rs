//! Each attack of `tcp-sim attack`, smaller: what is promised holds. What packets cost is promised of optimised code alone, and
//! judged by the command.

use std::collections::BTreeSet;

use tcp_sim::attack::{ATTACKS, AttackConfig, Bound, attack};

fn small() -> AttackConfig {
    AttackConfig {
        segments: 300_000,
        sweep: 200_000,
        packets: 500_000,
        // The sequence space wraps once.
        bytes: (4 << 30) + (64 << 20),
        batches: 40,
        seconds: 5,
        ..AttackConfig::default()
    }
}

/// Every promise of the attack is kept, and there are so many at least.
fn holds(name: &str, promises: usize) {
    let figures = attack(name).expect("there is such an attack").run(&small());
    for figure in &figures {
        println!("{figure}");
    }
    let broken: Vec<String> = { figures.iter() }
        .filter(|figure| !figure.held)
        .map(ToString::to_string)
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
    let promised = figures.iter().filter(|it| it.bound != Bound::None).count();
    assert!(promised >= promises, "{promised} promises");
}

macro_rules! attacks {
    ($( $test:ident: $name:literal, $promises:literal; )*) => {
        $( #[test] fn $test() { holds($name, $promises); } )*

        #[test]
        fn every_attack_has_a_test() {
            let tested = BTreeSet::from([$( $name ),*]);
            let all: BTreeSet<&str> = ATTACKS.iter().map(|attack| attack.name).collect();
            assert_eq!(tested, all);
        }
    };
}

attacks! {
    a_syn_flood_leaves_honest_requests_their_answers: "syn-flood", 9;
    blind_segments_neither_reset_nor_inject: "blind", 10;
    sweeps_over_the_sequence_space_reset_nothing: "sweep", 10;
    a_flood_of_sack_costs_no_memory: "sack-flood", 4;
    optimistic_acknowledgements_open_no_window: "optimistic", 4;
    divided_acknowledgements_open_no_window: "division", 1;
    two_desynchronised_ends_fall_silent: "ack-storm", 2;
    tiny_segments_out_of_order_stay_within_memory: "out-of-order", 2;
    of_overlapping_segments_the_first_counts: "overlap", 3;
    stingy_windows_hold_no_more_than_the_limit: "stingy-window", 7;
    orphans_stay_within_their_limit: "orphans", 6;
    a_transfer_recovers_from_bursts: "shrew", 3;
    forged_complaints_of_size_do_not_last: "forced-mtu", 11;
    options_of_any_kind_do_no_harm: "option-bombs", 5;
    timestamps_of_strangers_are_not_believed: "timestamps", 10;
    every_random_packet_is_counted_once: "malformed", 7;
    numbers_and_timestamps_wrap_unharmed: "wrap", 5;
}

#[test]
fn figures_are_the_same_every_time() {
    let run = || attack("blind").unwrap().run(&small());
    assert_eq!(run(), run());
}
