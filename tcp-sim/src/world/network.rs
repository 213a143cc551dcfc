//! Hosts and routers, the links between them, and the clock that they share.

use std::collections::VecDeque;

use tcp_core::{Instant, PacketMeta, ReceiveChecksum, Stack};

use super::address;
use super::card;
use super::host::Host;
use super::packets::Packets;
use super::pipe::Pipe;
use super::routes::Routes;
use super::schedule::{Schedule, Source};
use super::watch::{Seen, Watch};
use crate::link::offload::Received;
use crate::link::{Link, LinkEvent};
use crate::oracle::Violation;
use crate::record::{Event, LinkId, NodeId, Observer};

/// Any number of hosts and routers in virtual time.
///
/// Nothing happens by itself: [`step`](Network::step) runs the next thing that is due, a packet
/// that arrives, a timer, or an alarm. User calls take no time; after them, a host is to be
/// [settled](Network::settle). The [oracles](crate::oracle) then look at everything that can be
/// seen from outside, and the first [`Breach`] of a rule is kept: the network stands still after
/// it.
#[derive(Debug)]
pub struct Network<O> {
    now: Instant,
    hosts: Vec<Host>,
    pipes: Vec<Pipe>,
    routes: Routes,
    schedule: Schedule,
    packets: Packets,
    /// What links answer to the nodes that sent on them: it takes no time on its way.
    replies: VecDeque<(NodeId, Vec<u8>)>,
    observer: O,
    pub(super) watch: Option<Watch>,
    breach: Option<Breach>,
    /// Whether what arrives may be other bytes than some host has sent.
    bytes: Bytes,
    /// Steps since the clock last moved.
    steps_at_now: u32,
}

/// What the links have done to packets so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bytes {
    /// Every byte is as a stack has written it, so its checksums are right.
    Untouched,
    /// Some may have been changed.
    Altered,
}

/// A rule that was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach {
    /// When.
    pub at: Instant,
    /// By whom.
    pub host: NodeId,
    /// Which.
    pub violation: Violation,
}

/// Whether the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Oracles {
    /// After every event.
    On,
    /// Never: to know what checking costs.
    Off,
}

/// What a step of a network has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nothing: nothing is due ever again, or a rule is broken.
    Idle,
    /// Something between hosts.
    Network,
    /// Something came to a host, or one of its timers ran. The host is to be
    /// [settled](Network::settle).
    Host(NodeId),
    /// The time of an [alarm](Network::wake_at) has come.
    Alarm(u32),
}

/// More steps than anything that makes progress takes without time going by.
const STEPS_AT_ONCE: u32 = 1_000_000;

impl<O: Observer> Network<O> {
    /// A network at time zero, with nothing open. Each direction of a link is given with its ends;
    /// the two directions follow each other.
    pub fn new(
        hosts: Vec<Host>,
        routers: usize,
        links: Vec<([NodeId; 2], Link)>,
        observer: O,
        oracles: Oracles,
    ) -> Network<O> {
        let ends: Vec<_> = links.iter().map(|(ends, _)| *ends).collect();
        let watch = match oracles {
            Oracles::On => Some(Watch::new(hosts.len())),
            Oracles::Off => None,
        };
        Network {
            now: Instant::ZERO,
            routes: Routes::new(hosts.len(), hosts.len() + routers, &ends),
            packets: Packets::new(&hosts),
            hosts,
            pipes: links
                .into_iter()
                .map(|(ends, link)| Pipe::new(ends, link))
                .collect(),
            schedule: Schedule::default(),
            replies: VecDeque::new(),
            observer,
            watch,
            breach: None,
            bytes: Bytes::Untouched,
            steps_at_now: 0,
        }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// A host. Whoever makes calls on it [settles](Network::settle) it afterwards.
    pub fn host(&mut self, host: NodeId) -> &mut Host {
        &mut self.hosts[host.0]
    }

    /// The stack of a host, to look at.
    pub fn stack(&self, host: NodeId) -> &Stack {
        &self.hosts[host.0].stack
    }

    /// How many hosts there are.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// One direction of a link.
    pub fn link(&self, link: LinkId) -> &Link {
        &self.pipes[link.0].link
    }

    /// One direction of a link, to change what it does.
    pub fn link_mut(&mut self, link: LinkId) -> &mut Link {
        &mut self.pipes[link.0].link
    }

    /// Who watches.
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// Who watches.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.observer
    }

    /// Whether there is a way from one host to another.
    pub fn reaches(&self, from: NodeId, to: NodeId) -> bool {
        self.routes.reaches(from.0, to.0)
    }

    /// The first rule that was broken.
    pub fn breach(&self) -> Option<&Breach> {
        self.breach.as_ref()
    }

    /// Asks for [`Step::Alarm`] with this number at this time, and not at the one asked for before.
    pub fn wake_at(&mut self, alarm: u32, at: Instant) {
        self.schedule
            .arm(Source::Alarm(alarm), Some(at.max(self.now)));
    }

    /// When the next thing is due.
    pub fn next_event(&mut self) -> Option<Instant> {
        if !self.replies.is_empty() {
            return Some(self.now);
        }
        self.schedule.peek()
    }

    /// Lets the clock stand at `until`, before which nothing is due.
    pub fn pass_to(&mut self, until: Instant) {
        if until > self.now {
            self.now = until;
            self.steps_at_now = 0;
        }
    }

    /// Runs the next thing that is due, and moves the clock there.
    pub fn step(&mut self) -> Step {
        if self.breach.is_some() {
            return Step::Idle;
        }
        if let Some((node, packet)) = self.replies.pop_front() {
            self.check_clock(node);
            return self.take_in(node, packet);
        }
        let Some((at, source)) = self.schedule.pop() else {
            return Step::Idle;
        };
        self.pass_to(at);
        match source {
            Source::Link { receiver, link } => {
                self.check_clock(NodeId(receiver as usize));
                self.run_link(LinkId(link as usize))
            }
            Source::Host(host) => {
                let host = NodeId(host as usize);
                self.check_clock(host);
                let now = self.now;
                if let Some(coalescer) = &mut self.host(host).coalescer {
                    coalescer.run(now);
                    self.hand_over(host);
                }
                self.host(host).stack.handle_timeout(now);
                if let Some(watch) = &mut self.watch {
                    watch.timer_ran(host.0);
                }
                Step::Host(host)
            }
            Source::Alarm(alarm) => {
                // Whose alarm it is only its user knows.
                self.check_clock(NodeId(0));
                Step::Alarm(alarm)
            }
        }
    }

    /// Notes a step that something happens to `node` in; without an end, they break a rule.
    fn check_clock(&mut self, node: NodeId) {
        self.steps_at_now += 1;
        if self.steps_at_now > STEPS_AT_ONCE {
            self.judge(node, Err(Violation("time stands still".into())));
        }
    }

    /// Sends what a host has to say, takes its events, and looks at what can be seen of it.
    pub fn settle(&mut self, host: NodeId) {
        self.transmit(host);
        while let Some(answer) = self.replies.iter().position(|(to, _)| *to == host) {
            if let Some((to, packet)) = self.replies.remove(answer) {
                let _ = self.take_in(to, packet);
            }
            self.transmit(host);
        }
        self.collect_events(host);
        let index = host.0;
        let (now, observer) = (self.now, &mut self.observer);
        let host = &mut self.hosts[index];
        let deadline = host.deadline().map(|at| at.max(now));
        self.schedule.arm(Source::Host(index as u32), deadline);
        let Some(watch) = &mut self.watch else { return };
        let wants_connections = observer.wants_connections();
        let judgement = watch.look_at(index, host, now, |seen| {
            if wants_connections {
                observer.observe(now, &told(NodeId(index), seen));
            }
        });
        self.judge(NodeId(index), judgement);
    }

    /// The events of a host since they were last taken, appended to `taken`.
    pub fn take_events(&mut self, host: NodeId, taken: &mut Vec<tcp_core::Event>) {
        self.collect_events(host);
        self.hosts[host.0].take_events_into(taken);
    }

    /// Whether a host has events that nobody has taken.
    pub fn has_events(&self, host: NodeId) -> bool {
        self.hosts[host.0].has_events()
    }

    fn collect_events(&mut self, host: NodeId) {
        for event in self.hosts[host.0].collect_events() {
            if let tcp_core::Event::Connection { id, event } = event
                && let Some(watch) = &mut self.watch
            {
                watch.heard(host.0, *id, *event);
            }
        }
    }

    /// Keeps the first violation.
    pub(super) fn judge(&mut self, host: NodeId, judgement: Result<(), Violation>) {
        if let Err(violation) = judgement
            && self.breach.is_none()
        {
            self.breach = Some(Breach {
                at: self.now,
                host,
                violation,
            });
        }
    }

    fn transmit(&mut self, host: NodeId) {
        loop {
            let now = self.now;
            let stack = &mut self.hosts[host.0].stack;
            let Some((packet, transmit)) = self.packets.polled(stack, now) else {
                return;
            };
            let mtu = stack.config().mtu;
            for packet in card::on_the_wire(packet, &transmit, mtu) {
                self.packets.copy(&packet);
                if let Some(watch) = &mut self.watch {
                    let judgement = watch.sent(host.0, &packet);
                    self.judge(host, judgement);
                }
                self.forward(host, packet);
            }
        }
    }

    /// A node sends the packet that was polled or copied last on its way.
    fn forward(&mut self, node: NodeId, packet: Vec<u8>) {
        let destination = address::destination(&packet);
        let Some(link) = self.routes.next(node, destination) else {
            // Nobody is there: as in a network without ICMP, nothing happens.
            return self.packets.recycle(packet);
        };
        let (now, len) = (self.now, packet.len());
        let pipe = &mut self.pipes[link.0];
        let fate = pipe.link.send(now, packet);
        if fate.may_be_altered() {
            self.bytes = Bytes::Altered;
        }
        let sent = Event::Sent {
            link,
            packet: self.packets.latest(len),
            fate: &fate,
        };
        self.observer.observe(now, &sent);
        self.arm(link);
    }

    /// After anything that a link did: what it answers, when it wants to go on, how much waits.
    fn arm(&mut self, link: LinkId) {
        let pipe = &mut self.pipes[link.0];
        while let Some(reply) = pipe.link.take_reply() {
            self.replies.push_back((pipe.ends[0], reply));
        }
        let source = Source::Link {
            receiver: pipe.ends[1].0 as u32,
            link: link.0 as u32,
        };
        let at = pipe.link.next_event().map(|at| at.max(self.now));
        self.schedule.arm(source, at);
        pipe.tell_queue(link, self.now, &mut self.observer);
    }

    fn run_link(&mut self, link: LinkId) -> Step {
        let now = self.now;
        let event = self.pipes[link.0].link.poll(now);
        self.arm(link);
        match event {
            None => Step::Network,
            Some(LinkEvent::Dropped(packet, reason)) => {
                let dropped = Event::Dropped {
                    link,
                    packet: &packet,
                    reason,
                };
                self.observer.observe(now, &dropped);
                self.packets.recycle(packet);
                Step::Network
            }
            Some(LinkEvent::Arrived(packet)) => {
                let arrived = Event::Arrived {
                    link,
                    packet: &packet,
                };
                self.observer.observe(now, &arrived);
                let node = self.pipes[link.0].ends[1];
                self.take_in(node, packet)
            }
        }
    }

    /// A packet has come to a node: the end of its way, or a router. A host whose packet this is
    /// must be settled.
    fn take_in(&mut self, node: NodeId, packet: Vec<u8>) -> Step {
        if node.0 >= self.hosts.len() {
            self.packets.copy(&packet);
            self.forward(node, packet);
            return Step::Network;
        }
        match &mut self.hosts[node.0].coalescer {
            Some(coalescer) => {
                coalescer.take(self.now, packet);
                self.hand_over(node);
            }
            None => self.hand(node, Received::alone(packet)),
        }
        Step::Host(node)
    }

    /// What waits at a host's card no longer goes to its stack.
    fn hand_over(&mut self, host: NodeId) {
        let next = |hosts: &mut [Host]| hosts[host.0].coalescer.as_mut()?.next_ready();
        while let Some(received) = next(&mut self.hosts) {
            self.hand(host, received);
        }
    }

    fn hand(&mut self, host: NodeId, received: Received) {
        if let Some(watch) = &mut self.watch {
            let checksum = match self.bytes {
                Bytes::Untouched => ReceiveChecksum::Verified,
                Bytes::Altered => ReceiveChecksum::Unchecked,
            };
            for packet in received.on_the_wire() {
                watch.handed(host.0, packet, checksum);
            }
            watch.joined(host.0, received.on_the_wire().len() - 1);
        }
        let meta = PacketMeta {
            segment_size: received.segment_size,
            ..PacketMeta::default()
        };
        let stack = &mut self.hosts[host.0].stack;
        stack.handle_packet(self.now, &received.packet, meta);
        self.packets.recycle(received.packet);
    }
}

fn told<'a>(host: NodeId, seen: &'a Seen<'a>) -> Event<'a> {
    Event::Connection {
        host,
        id: seen.id,
        local: seen.local,
        remote: seen.remote,
        info: seen.info,
    }
}
