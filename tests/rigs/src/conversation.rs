//! Conversations over a link that fails at random: whatever is lost, doubled, late, out of order or
//! damaged, the data arrives whole, both sides close, and nothing is left behind.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::buffer_size;
use proptest::prelude::*;
use tcp_core::{AckMode, TcpConfig, WindowScaling};
use tcp_sim::Side;
use tcp_sim::app::{Closes, Talker, converse, pattern};
use tcp_sim::world::{Family, Fault, FaultPlan, Pair, PairConfig};

/// What becomes of which packet of one direction.
pub fn fault() -> impl Strategy<Value = (u64, Fault)> {
    let millis = |most| (0u64..most).prop_map(Duration::from_millis);
    let fault = prop_oneof![
        4 => Just(Fault::Drop),
        1 => Just(Fault::Duplicate),
        2 => millis(3_000).prop_map(Fault::Delay),
        2 => millis(500).prop_map(Fault::PastNext),
        1 => (0usize..12_000).prop_map(Fault::Corrupt),
    ];
    (1u64..100, fault)
}

/// Faults among the first packets of one direction: few enough in a row that nobody gives up.
fn plan() -> impl Strategy<Value = FaultPlan> {
    prop::collection::vec(fault(), 0..40).prop_map(without_rows)
}

/// The faults but for those that would be six in a row.
fn without_rows(faults: Vec<(u64, Fault)>) -> FaultPlan {
    let mut kept = BTreeMap::new();
    for (number, fault) in faults {
        let below = (1..number)
            .rev()
            .take_while(|at| kept.contains_key(at))
            .count();
        let above = (number + 1..)
            .take_while(|at| kept.contains_key(at))
            .count();
        if below + above < 5 {
            kept.insert(number, fault);
        }
    }
    let plan = FaultPlan::none();
    kept.into_iter()
        .fold(plan, |plan, (number, fault)| plan.and(number, fault))
}

fn tcp() -> impl Strategy<Value = TcpConfig> {
    let buffer = || prop_oneof![500usize..5_000, 5_000usize..70_000, Just(1 << 20)];
    let scaling = prop_oneof![
        Just(WindowScaling::Auto),
        Just(WindowScaling::Off),
        (0u8..=14).prop_map(WindowScaling::Fixed),
    ];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let mss = prop::option::of(88u16..1_500);
    (
        buffer(),
        buffer(),
        scaling,
        flags,
        mss,
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(recv_buffer, send_buffer, window_scaling, flags, max_segment_size, on_read)| {
                let (sack, timestamps, nagle, dsack) = flags;
                let window_scaling = match window_scaling {
                    // A buffer holds at least one unit of its window.
                    WindowScaling::Fixed(shift) => {
                        WindowScaling::Fixed(shift.min(recv_buffer.ilog2() as u8))
                    }
                    other => other,
                };
                TcpConfig {
                    recv_buffer: buffer_size(recv_buffer),
                    send_buffer: buffer_size(send_buffer),
                    window_scaling,
                    max_segment_size,
                    sack,
                    timestamps,
                    nagle,
                    dsack,
                    ack_mode: if on_read {
                        AckMode::OnRead
                    } else {
                        AckMode::Normal
                    },
                    ..TcpConfig::default()
                }
            },
        )
}

fn link() -> impl Strategy<Value = PairConfig> {
    let delay = || prop_oneof![Just(0), 1u64..1_000, 1_000u64..300_000];
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    (
        family,
        1_280u16..9_000,
        any::<[bool; 2]>(),
        delay(),
        delay(),
        plan(),
        plan(),
        tcp(),
        tcp(),
    )
        .prop_map(
            |(family, mtu, large_segments, from_a, from_b, plan_a, plan_b, tcp_a, tcp_b)| {
                PairConfig {
                    family,
                    mtu,
                    large_segments,
                    delay: [from_a, from_b].map(Duration::from_micros),
                    plan: [plan_a, plan_b],
                    tcp: [tcp_a, tcp_b],
                    ..PairConfig::default()
                }
            },
        )
}

/// What two talkers say to each other, over which link, and who closes first.
#[derive(Clone, Debug)]
pub struct Conversation {
    link: PairConfig,
    lens: [usize; 2],
    closes: [Closes; 2],
}

impl Conversation {
    /// Any conversation.
    pub fn any() -> impl Strategy<Value = Conversation> {
        let closes = prop::sample::select(vec![
            [Closes::WhenSent, Closes::AfterPeer],
            [Closes::AfterPeer, Closes::WhenSent],
            [Closes::WhenSent, Closes::WhenSent],
        ]);
        (link(), [0usize..40_000, 0usize..40_000], closes)
            .prop_map(|(link, lens, closes)| Conversation { link, lens, closes })
    }

    /// The same with these faults, of each direction in turn, instead of its own.
    pub fn with_faults(mut self, faults: Vec<(u64, Fault)>) -> Conversation {
        let mut plans = [Vec::new(), Vec::new()];
        for (index, fault) in faults.into_iter().enumerate() {
            plans[index % 2].push(fault);
        }
        self.link.plan = plans.map(without_rows);
        self
    }

    /// The data arrives whole, both sides close, and nothing is left behind.
    pub fn survive(self) {
        let mut pair = Pair::new(self.link);
        let data = [pattern(1, self.lens[0]), pattern(2, self.lens[1])];
        let [a, b] = converse(
            &mut pair,
            [
                Talker::new(data[0].clone(), self.closes[0]),
                Talker::new(data[1].clone(), self.closes[1]),
            ],
        );
        assert_eq!((a.error(), b.error()), (None, None));
        assert!(a.is_done() && b.is_done(), "both have closed");
        assert!(
            b.received() == data[0] && a.received() == data[1],
            "the data is whole"
        );
        for side in Side::BOTH {
            assert_eq!(pair.sockets(side), 0);
            assert_eq!(pair.counters(side).curr_estab, 0);
            assert_eq!(pair.counters(side).estab_resets, 0);
        }
    }
}
