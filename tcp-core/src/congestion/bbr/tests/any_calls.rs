//! Whatever is called, in any order: no panic, and a sender that can send.

use core::time::Duration;

use proptest::prelude::*;

use crate::congestion::bbr::Bbr;
use crate::congestion::{
    AckSample, CongestionEvent, CongestionSignal, Controller, LostSample, Phase, RateSample,
    Repeated, SentSample,
};
use crate::time::Instant;

#[derive(Clone, Debug)]
struct Call {
    kind: u8,
    wait: u64,
    bytes: [u32; 3],
    totals: [u64; 3],
    span: u64,
    flag: bool,
}

/// Small numbers and the ends of the range alike.
fn any_size() -> impl Strategy<Value = u32> {
    prop_oneof![0..5_000_u32, Just(u32::MAX), any::<u32>()]
}

fn any_total() -> impl Strategy<Value = u64> {
    prop_oneof![0..1_000_000_u64, Just(u64::MAX), any::<u64>()]
}

fn any_span() -> impl Strategy<Value = u64> {
    prop_oneof![0..300_000_000_u64, 0..10_000_000_000_u64, Just(u64::MAX)]
}

prop_compose! {
    fn any_call()(
        kind in 0_u8..14,
        wait in 0..400_000_000_u64,
        bytes in [any_size(), any_size(), any_size()],
        totals in [any_total(), any_total(), any_total()],
        span in any_span(),
        flag in any::<bool>(),
    ) -> Call {
        Call { kind, wait, bytes, totals, span, flag }
    }
}

fn ack(call: &Call, now: Instant) -> AckSample {
    let span = Duration::from_nanos(call.span);
    let rate = RateSample {
        delivered: call.totals[0],
        interval: span,
        prior_delivered: call.totals[1],
        tx_in_flight: call.bytes[0],
        lost: call.totals[2] % 10_000,
        rtt: span,
        app_limited: call.flag,
    };
    AckSample {
        delivered: call.bytes[1],
        lost: call.bytes[2],
        in_flight: call.bytes[0],
        rtt: Some(span).filter(|_| !call.bytes[1].is_multiple_of(5)),
        rate: Some(rate).filter(|_| !call.bytes[1].is_multiple_of(7)),
        phase: if call.flag { Phase::Loss } else { Phase::Open },
        cwnd_limited: call.bytes[2].is_multiple_of(2),
        total_delivered: call.totals[1].max(call.totals[0]),
        ..AckSample::of_round(now, 0, 0)
    }
}

fn apply(bbr: &mut Bbr, call: &Call, now: Instant) {
    let event = CongestionEvent {
        now,
        signal: if call.flag {
            CongestionSignal::Ecn
        } else {
            CongestionSignal::Loss
        },
        flight_size: call.bytes[0],
    };
    match call.kind {
        0 => bbr.on_sent(&SentSample {
            now,
            bytes: call.bytes[0],
            prior_in_flight: if call.flag { 0 } else { call.bytes[1] },
            app_limited: call.flag,
        }),
        1 => bbr.on_lost(&LostSample {
            now,
            bytes: call.bytes[0],
            tx_in_flight: call.bytes[1],
            lost_since_sent: call.totals[0],
            prior_delivered: call.totals[1],
            total_delivered: call.totals[2],
            app_limited: call.flag,
        }),
        2 => bbr.on_congestion(&event),
        3 => bbr.on_recovery_end(now),
        4 => bbr.on_timeout(now, call.bytes[0], Repeated::First),
        5 => bbr.remember(),
        6 => bbr.restore(now),
        7 => bbr.on_mss_change(call.bytes[0]),
        8 => bbr.on_take_over(call.bytes[0], call.bytes[1]),
        _ => bbr.on_ack(&ack(call, now)),
    }
}

proptest! {
    #[test]
    fn any_calls_leave_a_window_and_a_rate(
        mss in 1_u32..10_000,
        calls in proptest::collection::vec(any_call(), 1..200),
    ) {
        let mut bbr = Bbr::new(mss, mss.saturating_mul(10));
        let mut now = Instant::ZERO;
        let mut mss = mss;
        for call in &calls {
            now += Duration::from_nanos(call.wait);
            apply(&mut bbr, call, now);
            if call.kind == 7 {
                mss = call.bytes[0].max(1);
            }
            let least = if call.kind >= 9 { mss.saturating_mul(4) } else { mss };
            prop_assert!(bbr.window() >= least, "{} {least} {bbr:?}", bbr.window());
            prop_assert!(bbr.pacing_rate() > Some(0));
            prop_assert!(bbr.send_quantum() >= Some(mss));
        }
        let again = bbr.clone();
        prop_assert_eq!(again, bbr);
    }
}
