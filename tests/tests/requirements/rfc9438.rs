//! RFC 9438: CUBIC.

use std::time::Duration;

use tcp_core::congestion::{Controller, CubicOptions, Repeated};

use crate::path::{MSS, Path};

const RTT: Duration = Duration::from_millis(100);

/// A window of so many segments that has just met a loss.
fn lost(segments: u32) -> Path {
    let mut path = Path::new(segments);
    path.lose();
    path
}

/// The window is so many segments, give or take some.
#[track_caller]
fn assert_near(path: &Path, segments: u32, tolerance: u32) {
    let window = path.window();
    let away = window.abs_diff(segments * MSS);
    assert!(away <= tolerance * MSS, "{window}, not {segments} segments");
}

/// From 700 of 1,000 segments, K is the cubic root of 300 / 0.4, 9.09 s; after two seconds the window is 0.4 (2 -
/// 9.09)³ + 1,000, after five 0.4 (5 - 9.09)³ + 1,000, and so on (§4.2).
#[test]
fn must_1_the_window_follows_the_cubic_function() {
    let mut path = lost(1_000);
    for (millis, segments) in [(2_000, 858), (3_000, 973), (4_100, 1_000), (5_900, 1_083)] {
        path.run(millis, RTT);
        assert_near(&path, segments, 8);
    }
}

/// After a hundred seconds without an acknowledgement the curve is far up: one that stands for a whole window grows it
/// by half. And none makes it smaller (§4.2).
#[test]
fn must_2_the_target_is_between_the_window_and_half_more() {
    let mut path = lost(100);
    path.ack(MSS);
    let before = path.window();
    path.now += Duration::from_secs(100);
    path.ack(before);
    assert_eq!(path.window(), before + before / 2);

    let mut path = lost(1_000);
    for _ in 0..100 {
        let before = path.window();
        path.round(10, RTT);
        assert!(path.window() >= before);
    }
}

/// On a path of 1 ms the curve stands still, and Reno does not: after 34 round trips from 70 segments there are 18
/// more (§4.3).
#[test]
fn shld_1_the_window_is_no_less_than_reno_s() {
    let mut path = lost(100);
    path.run(34, Duration::from_millis(1));
    assert_near(&path, 88, 1);
}

/// 9/17 of a segment in each round trip, and a whole one from 100 segments on, where the loss was (§4.3).
#[test]
fn shld_2_reno_s_estimate_grows_as_friendly_as_it_is() {
    let rtt = Duration::from_millis(1);
    let mut path = lost(100);
    path.run(17, rtt);
    assert_near(&path, 79, 1);
    while path.window() < 100 * MSS {
        path.run(1, rtt);
    }
    path.run(10, rtt);
    assert_near(&path, 110, 1);
}

/// At 700 segments, with a target of 709.8 in a round trip, an acknowledgement of a segment adds a 700th of 9.8
/// segments (§4.4).
#[test]
fn must_3_below_the_plateau_growth_is_in_proportion_to_the_distance() {
    let mut path = lost(1_000);
    path.round(1, RTT);
    assert_eq!(path.window() - 700 * MSS, 13);
    path.round(1, RTT);
    assert!((27..=28).contains(&(path.window() - 700 * MSS)));
}

/// Beyond the plateau each second adds more than the one before, and before it each adds less (§4.5).
#[test]
fn must_4_above_the_plateau_growth_becomes_faster() {
    let mut path = lost(1_000);
    let mut added = Vec::new();
    for _ in 0..16 {
        let before = path.window();
        path.run(1_000, RTT);
        added.push(path.window() - before);
    }
    assert!(added[..8].is_sorted_by(|a, b| a > b), "{added:?}");
    assert!(added[10..].is_sorted_by(|a, b| a < b), "{added:?}");
}

/// Both are reduced before anything else is acknowledged (§4.6).
#[test]
fn must_5_a_loss_reduces_at_once() {
    let mut path = Path::new(100);
    path.lose();
    assert!(path.window() < 100 * MSS);
    assert_eq!(path.window(), path.cubic.ssthresh());
}

/// A hundred segments become seventy, and two remain two (§4.6).
#[test]
fn shld_3_a_loss_leaves_seven_tenths() {
    assert_eq!(lost(100).window(), 70 * MSS);
    assert_eq!(lost(2).window(), 2 * MSS);
}

/// While the application sends less than the window lets go, no acknowledgement grows it, in slow start or later
/// (§4.6).
#[test]
fn must_6_a_window_that_is_not_used_does_not_grow() {
    for mut path in [Path::new(100), lost(100)] {
        path.limited = false;
        let before = path.window();
        path.run(20_000, RTT);
        assert_eq!(path.window(), before);
        path.limited = true;
        path.run(1_000, RTT);
        assert!(path.window() > before);
    }
}

/// After losses at 1,000 and at 700 segments the plateau is at 595; with fast convergence turned off, at 700 (§4.7).
#[test]
fn shld_4_who_loses_earlier_makes_room() {
    for (fast_convergence, plateau) in [(true, 595), (false, 698)] {
        let options = CubicOptions {
            fast_convergence,
            ..CubicOptions::default()
        };
        let mut path = Path::with(1_000, options);
        path.lose();
        path.lose();
        assert_eq!(path.window(), 490 * MSS);
        path.run(6_400, RTT);
        assert_near(&path, plateau, 4);
    }
}

/// One segment, a threshold of seven tenths, slow start up to it; from there on the curve is flat at first (§4.8).
#[test]
fn must_7_a_timeout_begins_anew() {
    let mut path = Path::new(1_000);
    path.cubic
        .on_timeout(path.now, 1_000 * MSS, Repeated::First);
    assert_eq!((path.window(), path.cubic.ssthresh()), (MSS, 700 * MSS));
    for _ in 0..699 {
        path.ack(MSS);
    }
    assert_eq!(path.window(), 700 * MSS);
    // K = 0: 0.4 · 1³ segments in the first second, where a curve that led back to 1,000 would add ninety.
    path.run(1_000, RTT);
    assert_near(&path, 705, 5);
}

/// Window, threshold and the way that the window was going are as before (§4.9).
#[test]
fn shld_5_what_was_no_congestion_is_taken_back() {
    let mut path = lost(1_000);
    path.run(2_000, RTT);
    let mut undisturbed = path.clone();
    let before = (path.window(), path.cubic.ssthresh());
    path.lose();
    assert_ne!((path.window(), path.cubic.ssthresh()), before);
    path.cubic.restore(path.now);
    assert_eq!((path.window(), path.cubic.ssthresh()), before);
    path.run(3_000, RTT);
    undisturbed.run(3_000, RTT);
    assert_near(&path, undisturbed.window() / MSS, 3);
}

/// The window doubles in a round trip up to the threshold; and where the delay grows, slow start ends without a
/// loss, as HyStart++ has it (§4.10).
#[test]
fn must_8_slow_start_leads_up_to_the_threshold() {
    let mut path = Path::new(10);
    path.run(300, RTT);
    assert_eq!(path.window(), 80 * MSS);

    let mut delayed = Path::new(100);
    delayed.round(20, RTT);
    for _ in 0..7 {
        delayed.round(20, RTT + RTT / 2);
    }
    assert!(delayed.window() - delayed.cubic.ssthresh() < MSS);
}

/// Ten seconds in which the application sends little leave the window where it was on its way (§5.8).
#[test]
fn must_9_time_without_use_does_not_count() {
    let mut path = lost(1_000);
    path.run(2_000, RTT);
    let mut undisturbed = path.clone();
    path.limited = false;
    path.run(10_000, RTT);
    path.limited = true;
    path.run(2_000, RTT);
    undisturbed.run(2_000, RTT);
    assert_near(&path, undisturbed.window() / MSS, 5);
}

/// Fifteen seconds after a loss at 1,000 segments there are 0.4 (15 - 9.09)³ + 1,000: with 0.5 there would be sixty
/// more (§5.1).
#[test]
fn shld_6_c_is_four_tenths() {
    let mut path = lost(1_000);
    path.run(15_000, RTT);
    assert_near(&path, 1_083, 8);
}
