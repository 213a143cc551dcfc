//! Settings of connections at random, each of which shrinks away.

use std::time::Duration;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tcp_sim::scenario::{
    CongestionName, EcnName, MtuProbingName, Part, ScalingName, ScalingSetting, TcpSettings,
};
use tcp_sim::units::Bytes;

/// Any setting of an end. What it shrinks to is all defaults.
pub fn tcp() -> impl Strategy<Value = TcpSettings> {
    (basics(), control(), parts(), timeouts()).prop_map(|(basics, control, off, timeouts)| {
        let (congestion, ecn) = control;
        let (initial_rto, min_rto, max_rto) = timeouts;
        let mut settings = TcpSettings {
            congestion,
            ecn,
            initial_rto,
            min_rto,
            max_rto,
            ..basics
        };
        for part in off {
            part.turn_off(&mut settings);
        }
        settings
    })
}

/// The controller, and whether it hears of marks.
fn control() -> impl Strategy<Value = (Option<CongestionName>, Option<EcnName>)> {
    let congestion = vec![
        CongestionName::Reno,
        CongestionName::Cubic,
        CongestionName::Bbr,
    ];
    let ecn = vec![
        EcnName::Request,
        EcnName::Request,
        EcnName::Off,
        EcnName::Accept,
    ];
    (
        option::weighted(0.6, select(congestion)),
        option::weighted(0.6, select(ecn)),
    )
}

/// What is turned off: in most cases a few.
fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = |part: &Part| option::weighted(0.2, Just(*part));
    let parts: Vec<_> = Part::all().iter().map(part).collect();
    parts.prop_map(|parts| parts.into_iter().flatten().collect())
}

/// Long enough for a connection to live through blackholes and spikes.
fn timeouts() -> impl Strategy<Value = (Option<Duration>, Option<Duration>, Option<Duration>)> {
    (
        seldom(millis(500..3_000)),
        seldom(millis(20..1_000)),
        seldom(millis(10_000..120_000)),
    )
}

/// Of any two sizes that follow each other, one may grow to eight times itself.
fn growing(size: Bytes) -> Option<Bytes> {
    size.0.is_multiple_of(2).then_some(Bytes(8 * size.0))
}

fn basics() -> impl Strategy<Value = TcpSettings> {
    let buffer = || seldom(prop_oneof![1_000u64..10_000, 10_000u64..1_000_000].prop_map(Bytes));
    let flag = || option::weighted(0.3, Just(false));
    let scaling = prop_oneof![
        Just(ScalingSetting::Named(ScalingName::Off)),
        (0u8..10).prop_map(ScalingSetting::Shift),
    ];
    (
        (buffer(), buffer(), seldom(scaling)),
        (flag(), flag()),
        (
            seldom(88u16..1_500),
            seldom(millis(1..500)),
            seldom(1u16..20),
        ),
        // Never off: a path may swallow what is large.
        seldom(select(vec![
            MtuProbingName::OnBlackHole,
            MtuProbingName::Always,
        ])),
    )
        .prop_map(|(buffers, flags, numbers, mtu_probing)| {
            let (recv_buffer, send_buffer, window_scaling) = buffers;
            let (nagle, slow_start_after_idle) = flags;
            let (max_segment_size, delayed_ack_max, initial_window) = numbers;
            TcpSettings {
                recv_buffer,
                recv_buffer_max: recv_buffer.and_then(growing),
                send_buffer,
                send_buffer_max: send_buffer.and_then(growing),
                // A buffer holds at least one unit of its window.
                window_scaling: match (window_scaling, recv_buffer) {
                    (Some(ScalingSetting::Shift(shift)), Some(Bytes(buffer))) => {
                        Some(ScalingSetting::Shift(shift.min(buffer.ilog2() as u8)))
                    }
                    (other, _) => other,
                },
                nagle,
                slow_start_after_idle,
                max_segment_size,
                delayed_ack_max,
                initial_window,
                mtu_probing,
                ..TcpSettings::default()
            }
        })
}

/// Nothing in most cases, which is also what it shrinks to.
pub(crate) fn seldom<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    option::weighted(0.25, strategy)
}

/// Whole milliseconds, which print short.
pub(crate) fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}
