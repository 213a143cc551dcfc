mod random;

use super::*;

const MSS: u32 = 1_000;
const RTT: Duration = Duration::from_millis(100);

fn cubic(segments: u32) -> Cubic {
    Cubic::new(MSS, segments * MSS, CubicOptions::default())
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn ack(millis: u64, delivered: u32) -> AckSample {
    AckSample {
        delivered,
        rtt: Some(RTT),
        min_rtt: Some(RTT),
        ..AckSample::of_round(at(millis), 0, 1 << 31)
    }
}

fn event(flight_size: u32, signal: CongestionSignal) -> CongestionEvent {
    CongestionEvent {
        now: Instant::ZERO,
        signal,
        flight_size,
    }
}

/// Meets a loss with the window in full use.
fn lose(cubic: &mut Cubic) {
    cubic.remember();
    cubic.on_congestion(&event(cubic.window(), CongestionSignal::Loss));
}

/// Acknowledges a window every 100 ms, segment by segment, from `from` ms up to `to` ms.
fn run(cubic: &mut Cubic, from: u64, to: u64) {
    for millis in (from..to).step_by(100) {
        for _ in 0..cubic.window() / MSS {
            cubic.on_ack(&ack(millis, MSS));
        }
    }
}

#[test]
fn slow_start_doubles_in_a_round_trip() {
    let mut cubic = cubic(10);
    run(&mut cubic, 0, 300);
    assert_eq!(cubic.window(), 80 * MSS);
    assert_eq!(cubic.ssthresh(), u32::MAX);
}

#[test]
fn a_loss_leaves_seven_tenths_and_a_mark_more() {
    let mut lost = cubic(100);
    lost.on_congestion(&event(100 * MSS, CongestionSignal::Loss));
    assert_eq!((lost.window(), lost.ssthresh()), (70 * MSS, 70 * MSS));
    let mut marked = cubic(100);
    marked.on_congestion(&event(100 * MSS, CongestionSignal::Ecn));
    assert_eq!((marked.window(), marked.ssthresh()), (85 * MSS, 85 * MSS));
}

#[test]
fn a_reduction_goes_by_the_window_and_leaves_two_segments() {
    for flight_size in [50, 100, 130] {
        let mut lost = cubic(100);
        lost.on_congestion(&event(flight_size * MSS, CongestionSignal::Loss));
        assert_eq!(lost.window(), 70 * MSS);
        let mut timed_out = cubic(100);
        timed_out.on_timeout(Instant::ZERO, flight_size * MSS, Repeated::First);
        assert_eq!(timed_out.ssthresh(), 70 * MSS);
    }
    let mut little = cubic(2);
    little.on_congestion(&event(2 * MSS, CongestionSignal::Loss));
    assert_eq!((little.window(), little.ssthresh()), (2 * MSS, 2 * MSS));
}

#[test]
fn the_window_returns_to_where_it_was_after_k() {
    let mut cubic = cubic(1_000);
    lose(&mut cubic);
    // K is cubic_root(300 / 0.4) = 9.09 s, and the target one round trip ahead.
    run(&mut cubic, 0, 5_000);
    let concave = cubic.window();
    assert!((969 * MSS..976 * MSS).contains(&concave), "{concave}");
    run(&mut cubic, 5_000, 9_100);
    assert!(cubic.window().abs_diff(1_000 * MSS) <= 2 * MSS);
    // 0.4 * 5.9^3 = 82 segments more.
    run(&mut cubic, 9_100, 15_000);
    let convex = cubic.window();
    assert!((1_075 * MSS..1_085 * MSS).contains(&convex), "{convex}");
}

#[test]
fn a_small_window_is_reno_s() {
    let mut cubic = cubic(5);
    run(&mut cubic, 0, 100);
    lose(&mut cubic);
    assert_eq!(cubic.window(), 7 * MSS);
    // K is 1.96 s; at 10 ms a round trip Reno is faster.
    for round in 0..40 {
        for _ in 0..cubic.window() / MSS {
            cubic.on_ack(&AckSample {
                rtt: Some(Duration::from_millis(10)),
                ..ack(10 * round, MSS)
            });
        }
    }
    // 9/17 of a segment in each of 7 rounds, then one in each.
    let window = cubic.window();
    assert!((41 * MSS..=43 * MSS).contains(&window), "{window}");
}

#[test]
fn congestion_below_the_last_makes_room() {
    let mut fast = cubic(100);
    lose(&mut fast);
    assert_eq!(fast.window.w_max, 100 * MSS);
    lose(&mut fast);
    // 70 segments, below 100: (1 + 0.7) / 2 of them.
    assert_eq!(fast.window.w_max, 59_500);
    let options = CubicOptions {
        fast_convergence: false,
        ..CubicOptions::default()
    };
    let mut slow = Cubic::new(MSS, 100 * MSS, options);
    lose(&mut slow);
    lose(&mut slow);
    assert_eq!(slow.window.w_max, 70 * MSS);
}

#[test]
fn congestion_above_the_last_does_not_make_room() {
    let mut cubic = cubic(100);
    lose(&mut cubic);
    run(&mut cubic, 0, 8_000);
    let window = cubic.window();
    assert!(window > 100 * MSS);
    lose(&mut cubic);
    assert_eq!(cubic.window.w_max, window);
}

#[test]
fn a_timeout_starts_slowly_and_its_curve_begins_flat() {
    let mut cubic = cubic(100);
    cubic.remember();
    cubic.on_timeout(at(0), 100 * MSS, Repeated::First);
    cubic.on_timeout(at(0), MSS, Repeated::Again);
    assert_eq!((cubic.window(), cubic.ssthresh()), (MSS, 70 * MSS));
    for _ in 0..69 {
        cubic.on_ack(&AckSample {
            phase: Phase::Loss,
            ..ack(0, MSS)
        });
    }
    assert_eq!(cubic.window(), 70 * MSS);
    run(&mut cubic, 0, 500);
    // A plateau at 70 segments; Reno's estimate adds 9/17 a round trip.
    assert_eq!(cubic.window.w_max, 70 * MSS);
    assert!((72 * MSS..=73 * MSS).contains(&cubic.window()));
}

#[test]
fn what_was_no_loss_is_taken_back_whole() {
    let mut cubic = cubic(100);
    lose(&mut cubic);
    run(&mut cubic, 0, 2_000);
    let before = cubic.clone();
    lose(&mut cubic);
    assert_ne!(cubic.window, before.window);
    cubic.restore(at(1_900));
    assert_eq!(cubic.window, before.window);
    // The time of the repair does not count: the curve goes on from where it was.
    lose(&mut cubic);
    cubic.restore(at(5_000));
    let mut undisturbed = before.clone();
    run(&mut cubic, 5_100, 6_000);
    run(&mut undisturbed, 2_000, 2_900);
    assert_eq!(cubic.window(), undisturbed.window());
}

#[test]
fn a_timeout_that_was_spurious_in_the_first_slow_start_continues_it() {
    let mut cubic = cubic(40);
    cubic.remember();
    cubic.on_timeout(at(0), 40 * MSS, Repeated::First);
    cubic.restore(at(0));
    assert_eq!((cubic.window(), cubic.ssthresh()), (40 * MSS, u32::MAX));
    assert!(cubic.window.hystart.is_some());
    // Once for each repair: what came since is not overwritten.
    cubic.on_congestion(&event(40 * MSS, CongestionSignal::Loss));
    cubic.restore(at(0));
    assert_eq!(cubic.window(), 28 * MSS);
}

#[test]
fn what_is_not_limited_by_the_window_neither_grows_it_nor_moves_the_curve() {
    let mut steady = cubic(1_000);
    lose(&mut steady);
    run(&mut steady, 0, 2_000);
    let mut paused = steady.clone();
    for millis in (2_000..=11_900).step_by(100) {
        paused.on_ack(&AckSample {
            cwnd_limited: false,
            ..ack(millis, MSS)
        });
    }
    assert_eq!(paused.window(), steady.window());
    run(&mut steady, 2_000, 4_000);
    run(&mut paused, 12_000, 14_000);
    assert_eq!(paused.window(), steady.window());
}

#[test]
fn silence_does_not_move_the_curve() {
    let mut steady = cubic(1_000);
    lose(&mut steady);
    run(&mut steady, 0, 2_000);
    let mut silent = steady.clone();
    silent.on_sent(&SentSample {
        now: at(9_900),
        bytes: MSS,
        prior_in_flight: 0,
        app_limited: false,
    });
    // Behind other data it is no new beginning.
    silent.on_sent(&SentSample {
        now: at(10_000),
        bytes: MSS,
        prior_in_flight: MSS,
        app_limited: false,
    });
    run(&mut steady, 2_000, 4_000);
    run(&mut silent, 10_000, 12_000);
    assert_eq!(silent.window(), steady.window());
}

#[test]
fn idleness_halves_the_window_for_each_timeout_down_to_the_initial_one() {
    let rto = Duration::from_secs(1);
    let mut cubic = cubic(10);
    run(&mut cubic, 0, 300);
    cubic.on_idle(at(300), Duration::from_millis(900), rto);
    assert_eq!(cubic.window(), 80 * MSS);
    lose(&mut cubic);
    cubic.on_idle(at(300), Duration::from_millis(1_500), rto);
    assert_eq!((cubic.window(), cubic.ssthresh()), (28 * MSS, 56 * MSS));
    cubic.on_idle(at(300), Duration::from_secs(100), Duration::ZERO);
    assert_eq!(cubic.window(), 10 * MSS);
}

#[test]
fn what_is_not_used_for_long_is_given_back_by_half() {
    let mut cubic = cubic(10);
    run(&mut cubic, 0, 300);
    cubic.on_application_limited(at(300), 20 * MSS);
    assert_eq!(cubic.window(), 50 * MSS);
    cubic.on_application_limited(at(300), 60 * MSS);
    assert_eq!(cubic.window(), 50 * MSS);
}

#[test]
fn a_grown_delay_ends_the_first_slow_start_without_a_loss() {
    let mut with = cubic(100);
    let options = CubicOptions {
        hystart: false,
        ..CubicOptions::default()
    };
    let mut without = Cubic::new(MSS, 100 * MSS, options);
    for round in 0..8_u64 {
        for part in 0..10 {
            let una = 10 * round + part;
            let rtt = RTT + RTT / 2 * u32::from(round > 0);
            let sample = AckSample {
                delivered: 10 * MSS,
                rtt: Some(rtt),
                ..AckSample::of_round(at(150 * round), una, una + 10 - part)
            };
            with.on_ack(&sample);
            without.on_ack(&sample);
        }
    }
    assert_eq!(without.ssthresh(), u32::MAX);
    assert_eq!(without.window(), 900 * MSS);
    let ssthresh = with.ssthresh();
    assert!((200 * MSS..450 * MSS).contains(&ssthresh), "{ssthresh}");
    assert_eq!(with.window.cwnd_prior, ssthresh);
    assert_eq!(with.window.w_max, ssthresh);
}

#[test]
fn an_mss_change_keeps_the_number_of_segments() {
    let mut cubic = cubic(100);
    lose(&mut cubic);
    run(&mut cubic, 0, 1_000);
    lose(&mut cubic);
    let (window, before) = (cubic.window, cubic.before.as_ref().unwrap().cwnd);
    cubic.on_mss_change(500);
    assert_eq!(cubic.window(), window.cwnd / 2);
    assert_eq!(cubic.ssthresh(), window.ssthresh / 2);
    assert_eq!(cubic.window.w_max, window.w_max / 2);
    cubic.restore(at(1_000));
    assert_eq!(cubic.window(), before / 2);
    assert!(cubic.window.epoch.is_some());
}

#[test]
fn it_takes_over_where_another_stood() {
    let mut fresh = cubic(10);
    fresh.on_take_over(50 * MSS, u32::MAX);
    assert_eq!((fresh.window(), fresh.ssthresh()), (50 * MSS, u32::MAX));
    assert!(fresh.window.hystart.is_some());
    let mut later = cubic(10);
    later.on_take_over(50 * MSS, 40 * MSS);
    assert!(later.window.hystart.is_none());
    run(&mut later, 0, 100);
    assert_eq!(later.window.w_max, 50 * MSS);
    assert!(later.window().abs_diff(50 * MSS) < MSS);
}

/// As Linux after a probe of the path's MTU (`tcp_mtup_probe_success`).
#[test]
fn larger_segments_make_no_window_larger() {
    let mut cubic = cubic(100);
    lose(&mut cubic);
    run(&mut cubic, 0, 1_000);
    let before = cubic.window;
    cubic.on_mss_change(MSS + MSS / 4);
    assert_eq!(cubic.window(), before.cwnd);
    assert_eq!(cubic.ssthresh(), before.ssthresh);
    assert_eq!(cubic.window.w_max, before.w_max);
    cubic.on_mss_change(1_000 * MSS);
    assert_eq!(cubic.window(), 1_000 * MSS, "one segment at least");
    assert_eq!(cubic.ssthresh(), 1_000 * MSS, "and where a reduction ends");
}
