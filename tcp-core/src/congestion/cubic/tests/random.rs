//! Sequences of calls that no connection would make.

use proptest::prelude::*;

use super::*;
use crate::state::Phase;

#[derive(Clone, Debug)]
enum Call {
    Ack(AckSample),
    Sent(u32),
    Congestion(CongestionSignal, u32),
    Timeout(Repeated, u32),
    Remember,
    Restore,
    Idle(Duration, Duration),
    ApplicationLimited(u32),
    Mss(u32),
    TakeOver(u32, u32),
}

fn some_bytes() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..100_000, 0..=1_u32 << 30, Just(u32::MAX)]
}

fn some_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0_u64..1_000_000_000).prop_map(Duration::from_nanos),
        (0_u64..100_000).prop_map(Duration::from_secs),
        Just(Duration::MAX),
    ]
}

fn some_ack() -> impl Strategy<Value = Call> {
    let phase = prop_oneof![
        4 => Just(Phase::Open),
        1 => Just(Phase::Reduction),
        1 => Just(Phase::Recovery),
        1 => Just(Phase::Loss),
    ];
    let times = (
        proptest::option::of(some_duration()),
        proptest::option::of(some_duration()),
    );
    let flags = (proptest::bool::weighted(0.8), any::<bool>());
    (some_bytes(), phase, times, flags, any::<u32>()).prop_map(
        |(delivered, phase, (rtt, min_rtt), (cwnd_limited, paced), una)| {
            Call::Ack(AckSample {
                delivered,
                rtt,
                min_rtt,
                cwnd_limited,
                paced,
                phase,
                ..AckSample::of_round(Instant::ZERO, u64::from(una), u64::from(una) + 1)
            })
        },
    )
}

fn some_call() -> impl Strategy<Value = Call> {
    let signal = prop_oneof![Just(CongestionSignal::Loss), Just(CongestionSignal::Ecn)];
    let repeated = prop_oneof![Just(Repeated::First), Just(Repeated::Again)];
    let mss = prop_oneof![1_u32..=65_536, 500_u32..1_500];
    prop_oneof![
        12 => some_ack(),
        1 => some_bytes().prop_map(Call::Sent),
        1 => (signal, some_bytes()).prop_map(|(signal, bytes)| Call::Congestion(signal, bytes)),
        1 => (repeated, some_bytes()).prop_map(|(repeated, bytes)| Call::Timeout(repeated, bytes)),
        1 => Just(Call::Remember),
        1 => Just(Call::Restore),
        1 => (some_duration(), some_duration()).prop_map(|(idle, rto)| Call::Idle(idle, rto)),
        1 => some_bytes().prop_map(Call::ApplicationLimited),
        1 => mss.prop_map(Call::Mss),
        1 => (some_bytes(), some_bytes()).prop_map(|(cwnd, ssthresh)| Call::TakeOver(cwnd, ssthresh)),
    ]
}

/// Makes the call, and checks what it promises.
fn make(cubic: &mut Cubic, now: Instant, call: &Call) {
    let before = cubic.window();
    match *call {
        Call::Ack(sample) => {
            cubic.on_ack(&AckSample { now, ..sample });
            assert!(cubic.window() >= before, "an acknowledgement shrank it");
            if !sample.may_grow() {
                assert_eq!(cubic.window(), before, "{:?}", sample.phase);
            }
        }
        Call::Sent(prior_in_flight) => cubic.on_sent(&SentSample {
            now,
            bytes: 1,
            prior_in_flight,
            app_limited: false,
        }),
        Call::Congestion(signal, flight_size) => {
            cubic.on_congestion(&event(flight_size, signal));
            assert!(cubic.window() >= 2 * cubic.mss);
            assert!(cubic.window() <= before.max(2 * cubic.mss));
            assert_eq!(cubic.window(), cubic.ssthresh());
        }
        Call::Timeout(repeated, flight_size) => {
            cubic.on_timeout(now, flight_size, repeated);
            assert_eq!(cubic.window(), cubic.mss);
        }
        Call::Remember => cubic.remember(),
        Call::Restore => {
            cubic.restore(now);
            assert!(cubic.window() >= before);
        }
        Call::Idle(idle, rto) => {
            cubic.on_idle(now, idle, rto);
            assert!(cubic.window() <= before);
        }
        Call::ApplicationLimited(used) => {
            cubic.on_application_limited(now, used);
            assert!(cubic.window() <= before);
        }
        Call::Mss(mss) => cubic.on_mss_change(mss),
        Call::TakeOver(window, ssthresh) => cubic.on_take_over(window, ssthresh),
    }
}

proptest! {
    #[test]
    fn no_sequence_of_calls_breaks_the_window(
        start in (0_u32..=65_536, some_bytes()),
        options in any::<[bool; 3]>(),
        calls in proptest::collection::vec((some_duration(), some_call()), 1..200),
    ) {
        let [hystart, fast_convergence, mark_backoff] = options;
        let options = CubicOptions { hystart, fast_convergence, mark_backoff };
        let mut cubic = Cubic::new(start.0, start.1, options);
        let mut now = Instant::ZERO;
        for (passed, call) in &calls {
            // A call that ends the clock would leave nothing to the rest.
            now += (*passed).min(Duration::from_secs(100_000));
            make(&mut cubic, now, call);
            prop_assert!(cubic.window() >= cubic.mss);
        }
    }
}
