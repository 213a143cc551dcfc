//! RFC 9406: HyStart++.

use std::time::Duration;

use tcp_core::congestion::{CongestionSignal, Controller, Repeated};

use crate::path::{MSS, Path};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// After rounds, each of so many acknowledgements that measure so many milliseconds.
fn after(rounds: &[(u64, u64)]) -> Path {
    let mut path = Path::new(100);
    for &(acks, rtt) in rounds {
        path.round(acks, millis(rtt));
    }
    path
}

/// What an acknowledgement of four segments adds, in segments.
fn growth(path: &Path) -> u32 {
    let mut path = path.clone();
    let before = path.window();
    path.ack(4 * MSS);
    (path.window() - before) / MSS
}

/// Four segments in slow start, one in the conservative one.
const SLOW_START: u32 = 4;
const CONSERVATIVE: u32 = 1;

/// Acknowledgements of one segment and of five grow the window by as many (§4.2).
#[test]
fn must_1_slow_start_grows_by_what_is_acknowledged() {
    let mut path = Path::new(10);
    path.ack(MSS);
    assert_eq!(path.window(), 11 * MSS);
    path.ack(5 * MSS);
    assert_eq!(path.window(), 16 * MSS);
}

/// A round trip that has grown is judged against the round before: not while acknowledgements of the round in which it
/// was short still come, and as soon as eight of the next have (§4.2).
#[test]
fn must_2_rounds_end_with_what_was_outstanding() {
    let mut path = after(&[(20, 80)]);
    let mut mixed = vec![millis(80); 2];
    mixed.extend([millis(200); 30]);
    path.round_of(&mixed);
    assert_eq!(growth(&path), SLOW_START, "the least of the round is 80");
    path.round(8, millis(200));
    assert_eq!(growth(&path), CONSERVATIVE);
}

/// Eight samples of a round trip that has grown by half are enough, seven are not (§4.2).
#[test]
fn must_3_eight_samples_of_a_longer_round_trip_lead_into_it() {
    assert_eq!(growth(&after(&[(20, 80), (7, 120)])), SLOW_START);
    assert_eq!(growth(&after(&[(20, 80), (8, 120)])), CONSERVATIVE);
    assert_eq!(growth(&after(&[(20, 80), (20, 80), (20, 80)])), SLOW_START);
}

/// From 80 ms it takes 10, from 8 it takes 4, and from 400 it takes 16 (§4.2).
#[test]
fn must_4_the_threshold_is_an_eighth_within_bounds() {
    for (rtt, threshold) in [(80, 10), (8, 4), (400, 16)] {
        let grown = |by: u64| growth(&after(&[(20, rtt), (20, rtt + by)]));
        assert_eq!(grown(threshold - 1), SLOW_START, "{rtt}");
        assert_eq!(grown(threshold), CONSERVATIVE, "{rtt}");
    }
}

/// A round of twenty segments adds five (§4.2).
#[test]
fn must_5_the_conservative_slow_start_adds_a_quarter() {
    let mut path = after(&[(20, 80), (20, 120)]);
    let before = path.window();
    path.round(20, millis(120));
    assert_eq!(path.window() - before, 5 * MSS);
}

/// The delay was not there for good: slow start goes on as before (§4.2).
#[test]
fn must_6_a_shorter_round_trip_leads_back() {
    let path = after(&[(20, 80), (20, 120), (20, 120)]);
    assert_eq!(growth(&path), CONSERVATIVE);
    let path = after(&[(20, 80), (20, 120), (20, 120), (8, 119)]);
    assert_eq!(growth(&path), SLOW_START);
    assert_eq!(path.cubic.ssthresh(), u32::MAX);
}

/// The round in which the delay was seen counts: with the end of the fifth the threshold is the window, and
/// congestion avoidance begins (§4.2).
#[test]
fn must_7_five_rounds_end_slow_start() {
    let mut path = after(&[(20, 80), (20, 120)]);
    for _ in 2..=5 {
        path.round(20, millis(120));
        assert_eq!(path.cubic.ssthresh(), u32::MAX);
    }
    let window = path.window();
    path.round(1, millis(120));
    assert_eq!(path.cubic.ssthresh(), window);
    assert_eq!(growth(&path), 0, "less than a segment for four");
}

/// After either, in slow start or in the conservative one, the window is at its threshold, and four segments add less
/// than one (§4.2).
#[test]
fn must_8_congestion_ends_both() {
    for signal in [CongestionSignal::Loss, CongestionSignal::Ecn] {
        for rounds in [&[(20, 80)][..], &[(20, 80), (20, 120)]] {
            let mut path = after(rounds);
            path.meet(signal);
            assert_eq!(path.cubic.ssthresh(), path.window());
            assert_eq!(growth(&path), 0);
        }
    }
}

/// In the slow start that follows a timeout no delay is looked at (§4.3).
#[test]
fn shld_1_later_slow_starts_know_no_delay() {
    let mut path = after(&[(20, 80)]);
    path.cubic.on_timeout(path.now, 100 * MSS, Repeated::First);
    assert_eq!(path.window(), MSS);
    for rtt in [80, 120, 200, 400] {
        path.round(10, millis(rtt));
        assert_eq!(growth(&path), SLOW_START);
    }
}

/// An acknowledgement of twenty segments adds eight where what is sent is not spread, and twenty where it is (§4.3).
#[test]
fn shld_2_bursts_are_bounded_where_nothing_paces() {
    for (paced, segments) in [(false, 8), (true, 20)] {
        let mut path = Path::new(100);
        path.paced = paced;
        path.ack(20 * MSS);
        assert_eq!(path.window(), (100 + segments) * MSS);
    }
}
