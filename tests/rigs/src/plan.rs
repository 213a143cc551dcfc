//! What a run may consist of.

use std::time::Duration;

use crate::buffer_size;
use proptest::prelude::*;
use tcp_core::wire::{Control, Ecn};
use tcp_core::{
    AckMode, CloseMode, EcnMode, KeepAlive, MtuProbing, MtuProbingConfig, QuickAck, Shutdown,
    TcpConfig, WindowScaling,
};

/// Where a run begins.
#[derive(Clone, Debug)]
pub struct Start {
    pub state: Opening,
    pub tcp: TcpConfig,
    /// Our initial sequence number and the peer's.
    pub isn: u32,
    pub peer_isn: u32,
    /// What the peer's SYN offers.
    pub peer: PeerOffer,
}

/// What a random peer offers in its SYN.
#[derive(Clone, Debug)]
pub struct PeerOffer {
    pub mss: Option<u16>,
    pub window_scale: Option<u8>,
    pub sack: bool,
    pub timestamps: bool,
    /// Whether it asks for congestion notification.
    pub ecn: bool,
    pub window: u16,
}

/// The state that well-behaved segments and calls lead to first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opening {
    SynSent,
    /// Both opened at once.
    CrossedSyn,
    HalfOpen,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    /// The peer reset it.
    Closed,
}

/// One step of a run.
#[derive(Clone, Debug)]
pub enum Step {
    Segment(Shot),
    Write(usize),
    Read(usize),
    Shutdown(Shutdown),
    Close,
    Abort,
    NoDelay(bool),
    Cork(bool),
    Knob(Knob),
    KeepAlive(Option<KeepAlive>),
    UserTimeout(Option<Duration>),
    Linger(Option<Duration>),
    NetworkError(Trouble, Spot),
    /// Time passes; timers run when they are due.
    Wait(Duration),
    /// Time passes, and the timers run late, all at once.
    Oversleep(Duration),
    /// Time goes to the next deadline.
    NextDeadline,
}

/// What sockets ask for beside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Knob {
    More,
    EndRecord,
    MarkUrgent,
    TakeUrgent,
    QuickAck(QuickAck),
    NotsentLowat(Option<u32>),
    FinTimeout(Duration),
}

/// What the network reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    Soft,
    Hard,
    TooBig(u16),
}

/// A segment, its numbers relative to where both sides stand.
#[derive(Clone, Debug)]
pub struct Shot {
    pub control: Control,
    pub seq: Spot,
    pub ack: Option<Spot>,
    pub len: usize,
    pub push: bool,
    pub urgent: Option<u16>,
    pub window: u16,
    /// Relative to the timestamp that the peer would send, and to the last one of ours.
    pub timestamps: Option<(i32, i32)>,
    pub sack: Vec<(Spot, Spot)>,
    pub mss: Option<u16>,
    pub window_scale: Option<u8>,
    pub sack_permitted: bool,
    pub ece: bool,
    pub cwr: bool,
    pub ecn: Ecn,
}

/// A sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spot {
    /// So far from the next number: what is received next, or what was sent last.
    Next(i32),
    /// So far from the other edge: the right edge of the window, or the first unacknowledged.
    Edge(i32),
    /// So far from the initial sequence number.
    Initial(i32),
    Anywhere(u32),
}

fn near() -> impl Strategy<Value = i32> {
    prop_oneof![
        6 => Just(0),
        4 => -3..=3,
        3 => -5_000..=5_000,
        1 => prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(1 << 30), Just(-(1 << 30))],
    ]
}

fn spot() -> impl Strategy<Value = Spot> {
    prop_oneof![
        10 => near().prop_map(Spot::Next),
        5 => near().prop_map(Spot::Edge),
        1 => near().prop_map(Spot::Initial),
        1 => any::<u32>().prop_map(Spot::Anywhere),
    ]
}

fn payload_len() -> impl Strategy<Value = usize> {
    prop_oneof![5 => Just(0), 3 => 1usize..20, 4 => 500usize..1_500, 1 => 1_500usize..70_000]
}

/// A segment of any kind.
pub fn shot() -> impl Strategy<Value = Shot> {
    let control = prop_oneof![
        20 => Just(Control::None),
        4 => Just(Control::Fin),
        2 => Just(Control::Syn),
        1 => Just(Control::Rst),
    ];
    let window =
        prop_oneof![3 => Just(u16::MAX), 2 => Just(0), 2 => any::<u16>(), 1 => 1u16..2_000];
    let ack = prop_oneof![1 => Just(None), 12 => spot().prop_map(Some)];
    let timestamps = prop_oneof![
        2 => Just(None),
        5 => Just(Some((0, 0))),
        2 => (near(), near()).prop_map(Some),
    ];
    let sack = prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec((spot(), spot()), 1..=4),
    ];
    let ecn = (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        (0u8..4).prop_map(Ecn::from_bits),
    );
    let rare = (
        prop::option::weighted(0.1, any::<u16>()),
        prop::option::weighted(0.1, 0u8..=14),
        prop::bool::weighted(0.1),
        prop::option::weighted(0.1, any::<u16>()),
        any::<bool>(),
    );
    let common = (
        control,
        spot(),
        ack,
        payload_len(),
        window,
        timestamps,
        sack,
        rare,
        ecn,
    );
    common.prop_map(
        |(control, seq, ack, len, window, timestamps, sack, rare, ecn)| {
            let (ece, cwr, ecn) = ecn;
            let (mss, window_scale, sack_permitted, urgent, push) = rare;
            Shot {
                control,
                seq,
                ack,
                len,
                push,
                urgent,
                window,
                timestamps,
                sack,
                mss,
                window_scale,
                sack_permitted,
                ece,
                cwr,
                ecn,
            }
        },
    )
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => (0u64..300).prop_map(Duration::from_millis),
        2 => (0u64..10).prop_map(Duration::from_secs),
        1 => (0u64..200_000).prop_map(Duration::from_secs),
    ]
}

fn keep_alive() -> impl Strategy<Value = Option<KeepAlive>> {
    let on = (0u64..100, 0u64..20, 0u8..5).prop_map(|(idle, interval, count)| KeepAlive {
        idle: Duration::from_secs(idle),
        interval: Duration::from_secs(interval),
        count,
    });
    prop::option::of(on)
}

impl Arbitrary for Step {
    type Parameters = ();
    type Strategy = BoxedStrategy<Step>;

    fn arbitrary_with(_: ()) -> BoxedStrategy<Step> {
        let how = prop_oneof![
            Just(Shutdown::Read),
            Just(Shutdown::Write),
            Just(Shutdown::Both)
        ];
        let trouble = prop_oneof![
            Just(Trouble::Soft),
            Just(Trouble::Hard),
            any::<u16>().prop_map(Trouble::TooBig),
        ];
        prop_oneof![
            30 => shot().prop_map(Step::Segment),
            8 => (1usize..6_000).prop_map(Step::Write),
            6 => (0usize..70_000).prop_map(Step::Read),
            1 => how.prop_map(Step::Shutdown),
            1 => Just(Step::Close),
            1 => any::<bool>().prop_map(Step::NoDelay),
            1 => any::<bool>().prop_map(Step::Cork),
            2 => knob().prop_map(Step::Knob),
            1 => keep_alive().prop_map(Step::KeepAlive),
            1 => prop::option::of(span()).prop_map(Step::UserTimeout),
            1 => prop::option::of(span()).prop_map(Step::Linger),
            1 => (trouble, spot()).prop_map(|(trouble, spot)| Step::NetworkError(trouble, spot)),
            6 => span().prop_map(Step::Wait),
            2 => span().prop_map(Step::Oversleep),
            6 => Just(Step::NextDeadline),
            1 => prop::bool::weighted(0.2).prop_map(|it| if it { Step::Abort } else { Step::NextDeadline }),
        ]
        .boxed()
    }
}

fn mtu_probing() -> impl Strategy<Value = MtuProbingConfig> {
    let modes = vec![MtuProbing::OnBlackHole, MtuProbing::Off, MtuProbing::Always];
    let mode = prop::sample::select(modes);
    (mode, 88u16..2_000, 0u16..20, 1u8..4).prop_map(
        |(mode, base_mss, probe_threshold, max_probes)| MtuProbingConfig {
            mode,
            base_mss,
            probe_threshold,
            probe_interval: Duration::from_secs(5),
            max_probes,
            ..MtuProbingConfig::default()
        },
    )
}

fn tcp_config() -> impl Strategy<Value = TcpConfig> {
    let scaling = prop_oneof![
        2 => Just(WindowScaling::Auto),
        1 => Just(WindowScaling::Off),
        1 => (0u8..=14).prop_map(WindowScaling::Fixed),
    ];
    let buffer = || prop_oneof![1usize..100, 1_000usize..10_000, Just(65_535), Just(1 << 20)];
    let flags = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let modes = (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        keep_alive(),
        prop::sample::select(vec![EcnMode::Off, EcnMode::Accept, EcnMode::Request]),
    );
    let mss = (prop::option::weighted(0.3, 88u16..2_000), mtu_probing());
    (scaling, buffer(), buffer(), flags, modes, mss).prop_map(
        |(window_scaling, recv_buffer, send_buffer, flags, modes, mss)| {
            let (max_segment_size, mtu_probing) = mss;
            let (timestamps, sack, dsack, nagle, rfc1337) = flags;
            let (on_read, reset, keep_alive, ecn) = modes;
            // The buffer must hold one unit of the window field.
            let window_scaling = match window_scaling {
                WindowScaling::Fixed(shift) => {
                    WindowScaling::Fixed(shift.min(recv_buffer.ilog2() as u8))
                }
                other => other,
            };
            TcpConfig {
                window_scaling,
                recv_buffer: buffer_size(recv_buffer),
                send_buffer: buffer_size(send_buffer),
                timestamps,
                sack,
                dsack,
                nagle,
                rfc1337,
                max_segment_size,
                mtu_probing,
                ecn,
                ack_mode: if on_read {
                    AckMode::OnRead
                } else {
                    AckMode::Normal
                },
                close_mode: if reset {
                    CloseMode::Reset
                } else {
                    CloseMode::TimeWait
                },
                keep_alive: keep_alive.filter(|keep_alive| {
                    !keep_alive.idle.is_zero()
                        && !keep_alive.interval.is_zero()
                        && keep_alive.count >= 2
                }),
                ..TcpConfig::default()
            }
        },
    )
}

impl Arbitrary for Start {
    type Parameters = ();
    type Strategy = BoxedStrategy<Start>;

    fn arbitrary_with(_: ()) -> BoxedStrategy<Start> {
        let state = prop::sample::select(vec![
            Opening::SynSent,
            Opening::CrossedSyn,
            Opening::HalfOpen,
            Opening::Established,
            Opening::Established,
            Opening::FinWait1,
            Opening::FinWait2,
            Opening::CloseWait,
            Opening::Closing,
            Opening::LastAck,
            Opening::TimeWait,
            Opening::Closed,
        ]);
        let isn = || prop_oneof![any::<u32>(), (0u32..10_000).prop_map(|it| u32::MAX - it)];
        let peer = (
            prop::option::weighted(0.8, any::<u16>()),
            prop::option::of(0u8..=14),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            prop_oneof![Just(u16::MAX), any::<u16>(), Just(0)],
        );
        (state, tcp_config(), isn(), isn(), peer)
            .prop_map(|(state, tcp, isn, peer_isn, peer)| {
                let (mss, window_scale, sack, timestamps, ecn, window) = peer;
                let peer = PeerOffer {
                    mss,
                    window_scale,
                    sack,
                    timestamps,
                    ecn,
                    window,
                };
                Start {
                    state,
                    tcp,
                    isn,
                    peer_isn,
                    peer,
                }
            })
            .boxed()
    }
}

fn knob() -> impl Strategy<Value = Knob> {
    prop_oneof![
        Just(Knob::More),
        Just(Knob::EndRecord),
        Just(Knob::MarkUrgent),
        Just(Knob::TakeUrgent),
        Just(Knob::QuickAck(QuickAck::On)),
        Just(Knob::QuickAck(QuickAck::Off)),
        prop::option::of(0u32..5_000).prop_map(Knob::NotsentLowat),
        (0u64..2_000).prop_map(|millis| Knob::FinTimeout(Duration::from_millis(millis))),
    ]
}
