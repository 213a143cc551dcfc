//! Two hosts on a link, and the clock that they share.

use std::time::Duration;

use tcp_core::{Counters, Instant, Offload, Stack, StackConfig, TcpConfig, ValidConfig};

use super::address::Family;
use super::host::Host;
use super::network::{Network, Oracles, Step};
use super::side::Side;
use super::trace::Trace;
use crate::link::{FaultPlan, Link};

/// What a [`Pair`] is made of. Arrays hold A's part first; a link belongs to the side that sends.
#[derive(Clone, Debug)]
pub struct PairConfig {
    /// Which addresses the calls use; both hosts have both.
    pub family: Family,
    /// Bytes of the largest IP packet.
    pub mtu: u16,
    /// Whose card cuts large segments, and puts together what arrives.
    pub large_segments: [bool; 2],
    /// How long a packet takes.
    pub delay: [Duration; 2],
    /// What the links do to packets.
    pub plan: [FaultPlan; 2],
    /// Connections of each side.
    pub tcp: [TcpConfig; 2],
    /// Where each side's random choices come from.
    pub secret: [[u8; 32]; 2],
}

impl Default for PairConfig {
    fn default() -> Self {
        PairConfig {
            family: Family::V4,
            mtu: 1_500,
            large_segments: [false; 2],
            delay: [Duration::from_millis(10); 2],
            plan: [FaultPlan::none(), FaultPlan::none()],
            tcp: [TcpConfig::default(), TcpConfig::default()],
            secret: [[0xaa; 32], [0xbb; 32]],
        }
    }
}

impl PairConfig {
    /// The same configuration of connections on both sides.
    pub fn with_tcp(tcp: TcpConfig) -> PairConfig {
        PairConfig {
            tcp: [tcp.clone(), tcp],
            ..PairConfig::default()
        }
    }
}

/// Two hosts joined by a link, in virtual time.
///
/// Nothing happens by itself: [`step`](Pair::step) runs the next thing that is due, a packet that
/// arrives or a timer, and the `run_*` methods step until something holds. User calls take no
/// time. After each of them the [oracles](crate::oracle) look at everything that can be seen from
/// outside, and panic where a rule is broken; a panicking test prints the [`Trace`].
#[derive(Debug)]
pub struct Pair {
    pub(super) network: Network<Trace>,
    pub(super) family: Family,
    pub(super) tcp: [ValidConfig; 2],
}

impl Pair {
    /// The pair at time zero, with nothing open.
    ///
    /// # Panics
    ///
    /// When a `tcp` configuration is not valid.
    pub fn new(config: PairConfig) -> Pair {
        let valid = |tcp: TcpConfig| tcp.validate().expect("the configuration is valid");
        let [delay_a, delay_b] = config.delay;
        let [plan_a, plan_b] = config.plan;
        let ends = |side: Side| [side.node(), side.other().node()];
        let links = vec![
            (ends(Side::A), Link::new(delay_a, plan_a)),
            (ends(Side::B), Link::new(delay_b, plan_b)),
        ];
        let host = |side: Side| {
            let card = config.large_segments[side.index()];
            let stack = StackConfig {
                mtu: config.mtu,
                offload: if card { Host::CARD } else { Offload::NONE },
                ..Host::stack_config(side.index())
            };
            Host::with_config(stack, config.secret[side.index()])
        };
        let hosts = Side::BOTH.map(host).into();
        Pair {
            network: Network::new(hosts, 0, links, Trace::default(), Oracles::On),
            family: config.family,
            tcp: config.tcp.map(valid),
        }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.network.now()
    }

    /// A host. Whoever makes calls on its stack, and wants them to have effect now, uses
    /// [`call`](Pair::call).
    pub fn host(&mut self, side: Side) -> &mut Host {
        self.network.host(side.node())
    }

    /// The counters of a host's stack.
    pub fn counters(&self, side: Side) -> &Counters {
        self.network.stack(side.node()).counters()
    }

    /// How many connections of any kind a host knows: half-open and TIME-WAIT ones too.
    pub fn sockets(&self, side: Side) -> usize {
        self.network.stack(side.node()).sockets().count()
    }

    /// The link on which `side` sends.
    pub fn link(&mut self, side: Side) -> &mut Link {
        self.network.link_mut(side.link())
    }

    /// Every packet so far.
    pub fn trace(&self) -> &Trace {
        self.network.observer()
    }

    /// Makes any call on a host's stack, and drains it afterwards.
    pub fn call<T>(&mut self, side: Side, call: impl FnOnce(&mut Stack, Instant) -> T) -> T {
        let now = self.now();
        let result = call(&mut self.host(side).stack, now);
        self.drain(side);
        result
    }

    /// Runs the next thing that is due, and moves the clock there; says whether there was one.
    pub fn step(&mut self) -> bool {
        let step = self.network.step();
        if let Step::Host(host) = step {
            self.network.settle(host);
        }
        self.judge();
        step != Step::Idle
    }

    /// Runs everything that is due up to and including `until`, and lets the clock stand there.
    pub fn run_until(&mut self, until: Instant) {
        while self.next_event().is_some_and(|at| at <= until) {
            self.step();
        }
        self.network.pass_to(until);
    }

    /// Runs everything that is due within `span` from now.
    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now() + span);
    }

    /// Runs until nothing is under way and no timer runs: 2 MSL after the last close.
    ///
    /// # Panics
    ///
    /// When that takes more than a virtual day; something then goes on for ever.
    pub fn run_until_idle(&mut self) {
        let limit = self.now() + Duration::from_secs(86_400);
        while self.step() {
            assert!(self.now() < limit, "not idle after a day");
        }
    }

    /// Runs until `wanted` holds.
    ///
    /// # Panics
    ///
    /// When everything is idle, or a virtual day has passed, before it does.
    #[track_caller]
    pub fn run_until_true(&mut self, mut wanted: impl FnMut(&mut Pair) -> bool) {
        let limit = self.now() + Duration::from_secs(86_400);
        while !wanted(self) {
            assert!(
                self.step(),
                "idle, and what the test waits for has not happened"
            );
            assert!(
                self.now() < limit,
                "a day, and what the test waits for has not happened"
            );
        }
    }

    /// When the next thing is due.
    pub fn next_event(&mut self) -> Option<Instant> {
        self.network.next_event()
    }

    /// Sends what a host has to say, and looks at what can be seen of it.
    pub(super) fn drain(&mut self, side: Side) {
        self.network.settle(side.node());
        self.judge();
    }

    /// Panics where a rule was broken.
    fn judge(&self) {
        if let Some(breach) = self.network.breach() {
            let side = Side::BOTH[breach.host.0];
            panic!("{side:?} at {:?}: {}", breach.at, breach.violation);
        }
    }
}

/// A failing test shows what was sent.
impl Drop for Pair {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.trace());
        }
    }
}
