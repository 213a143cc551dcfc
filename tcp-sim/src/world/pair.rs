//! Two hosts on a link, and the clock that they share.

use std::fmt;
use std::time::Duration;

use tcp_core::{Counters, Instant, Stack, TcpConfig, ValidConfig};

use super::Side;
use super::host::{Family, Host};
use super::packet::TcpPacket;
use super::trace::{Trace, TraceEntry};
use super::watch::Watch;
use crate::link::FaultPlan;
use crate::link::Link;

/// What a [`Pair`] is made of. Arrays hold A's part first; a link belongs to the side that sends.
#[derive(Clone, Debug)]
pub struct PairConfig {
    /// Which addresses the calls use; both hosts have both.
    pub family: Family,
    /// Bytes of the largest IP packet.
    pub mtu: u16,
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
    now: Instant,
    hosts: [Host; 2],
    links: [Link; 2],
    trace: Trace,
    pub(super) family: Family,
    pub(super) tcp: [ValidConfig; 2],
    pub(super) watch: Watch,
    /// Steps since the clock last moved.
    steps_at_now: u32,
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
        Pair {
            now: Instant::ZERO,
            hosts: Side::BOTH.map(|side| Host::new(side, config.mtu, config.secret[side.index()])),
            links: [Link::new(delay_a, plan_a), Link::new(delay_b, plan_b)],
            trace: Trace::default(),
            family: config.family,
            tcp: config.tcp.map(valid),
            watch: Watch::default(),
            steps_at_now: 0,
        }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// A host.
    pub fn host(&mut self, side: Side) -> &mut Host {
        &mut self.hosts[side.index()]
    }

    /// The counters of a host's stack.
    pub fn counters(&self, side: Side) -> &Counters {
        self.hosts[side.index()].stack.counters()
    }

    /// How many connections of any kind a host knows: half-open and TIME-WAIT ones too.
    pub fn sockets(&self, side: Side) -> usize {
        self.hosts[side.index()].stack.sockets().count()
    }

    /// The link on which `side` sends.
    pub fn link(&mut self, side: Side) -> &mut Link {
        &mut self.links[side.index()]
    }

    /// Every packet so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Makes any call on a host's stack, and drains it afterwards.
    pub fn call<T>(&mut self, side: Side, call: impl FnOnce(&mut Stack, Instant) -> T) -> T {
        let now = self.now;
        let result = call(&mut self.host(side).stack, now);
        self.drain(side);
        result
    }

    /// Runs the next thing that is due, and moves the clock there; says whether there was one.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next_event() else {
            return false;
        };
        if at > self.now {
            self.now = at;
            self.steps_at_now = 0;
        }
        self.steps_at_now += 1;
        assert!(
            self.steps_at_now < 1_000_000,
            "time stands still at {:?}",
            self.now
        );
        let now = self.now;
        for side in Side::BOTH {
            if let Some(packet) = self.link(side.other()).receive(now) {
                if let Some(tcp) = TcpPacket::parse(&packet) {
                    self.watch.handed(side, &tcp);
                }
                self.host(side).receive(now, &packet);
                self.drain(side);
                return true;
            }
        }
        for side in Side::BOTH {
            if self.deadline(side).is_some_and(|deadline| deadline <= now) {
                self.host(side).stack.handle_timeout(now);
                self.drain(side);
                return true;
            }
        }
        unreachable!("an event is due at {at:?} and there is none")
    }

    /// Runs everything that is due up to and including `until`, and lets the clock stand there.
    pub fn run_until(&mut self, until: Instant) {
        while self.next_event().is_some_and(|at| at <= until) {
            self.step();
        }
        if until > self.now {
            self.now = until;
            self.steps_at_now = 0;
        }
    }

    /// Runs everything that is due within `span` from now.
    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// Runs until nothing is under way and no timer runs: 2 MSL after the last close.
    ///
    /// # Panics
    ///
    /// When that takes more than a virtual day; something then goes on for ever.
    pub fn run_until_idle(&mut self) {
        let limit = self.now + Duration::from_secs(86_400);
        while self.step() {
            assert!(self.now < limit, "not idle after a day");
        }
    }

    /// Runs until `wanted` holds.
    ///
    /// # Panics
    ///
    /// When everything is idle, or a virtual day has passed, before it does.
    #[track_caller]
    pub fn run_until_true(&mut self, mut wanted: impl FnMut(&mut Pair) -> bool) {
        let limit = self.now + Duration::from_secs(86_400);
        while !wanted(self) {
            assert!(
                self.step(),
                "idle, and what the test waits for has not happened"
            );
            assert!(
                self.now < limit,
                "a day, and what the test waits for has not happened"
            );
        }
    }

    /// When the next thing is due.
    pub fn next_event(&self) -> Option<Instant> {
        let arrivals = self.links.iter().filter_map(Link::next_arrival);
        let deadlines = Side::BOTH
            .into_iter()
            .filter_map(|side| self.deadline(side));
        arrivals.chain(deadlines).min().map(|at| at.max(self.now))
    }

    fn deadline(&self, side: Side) -> Option<Instant> {
        self.hosts[side.index()].stack.poll_timeout()
    }

    /// Sends what a host has to say, and looks at what can be seen of it.
    pub(super) fn drain(&mut self, side: Side) {
        let now = self.now;
        for packet in self.host(side).drain(now) {
            let tcp = TcpPacket::parse(&packet).expect("a stack sends only what it can read");
            let fate = self.link(side).send(now, packet.clone());
            self.trace.push(TraceEntry {
                at: now,
                sender: side,
                src: tcp.src,
                dst: tcp.dst,
                header: tcp.header,
                payload_len: tcp.payload.len(),
                packet,
                fate,
            });
            let judgement = self.watch.sent(side, &tcp);
            self.judge(side, judgement);
        }
        let host = &mut self.hosts[side.index()];
        let judgement = self.watch.look_at(side, host, now);
        self.judge(side, judgement);
    }

    /// Panics where a rule was broken.
    #[track_caller]
    pub(super) fn judge<T>(&self, side: Side, judgement: Result<T, impl fmt::Display>) -> T {
        match judgement {
            Ok(value) => value,
            Err(violation) => panic!("{side:?} at {:?}: {violation}", self.now),
        }
    }
}

/// A failing test shows what was sent.
impl Drop for Pair {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.trace);
        }
    }
}
