//! Flows through one shared link: the loop that measures every contender in the same way.
//!
//! ```text
//! sender 0 ── access ──┐                         ┌── receiver 0
//! sender 1 ── access ──┼── shared, both ways ────┼── receiver 1
//! sender 2 ── access ──┘                         └── receiver 2
//! ```
//!
//! A host is called when a packet arrives, packet by packet, and when its stack has asked for it; the
//! applications read and write at once.

use std::time::Duration;

use tcp_core::Instant;

use super::contender::Contender;
use super::endpoint::{EndConfig, flow_of};
use super::flow::{Flow, Progress, Sent};
use crate::link::{Link, LinkConfig, LinkStats};
use crate::pattern::words;
use crate::world::schedule::{Schedule, Source};

/// What is measured.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) contender: Contender,
    /// Bytes of each buffer.
    pub(super) buffer: usize,
    /// Whether ours send large segments, which their devices cut.
    pub(super) large_segments: bool,
    /// Bytes that each flow transfers.
    pub(super) bytes: u64,
    /// Each direction of the shared link.
    pub(super) shared: LinkConfig,
    /// The delay of each flow's own way to the shared link, in each direction; a flow for each.
    pub(super) access: Vec<Duration>,
    pub(super) seed: u64,
    /// When it is over, whatever has not arrived.
    pub(super) time_limit: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Finish {
    pub(super) flows: Vec<FlowFinish>,
    /// The shared link, from senders to receivers.
    pub(super) there: LinkStats,
}

/// What came of one flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowFinish {
    pub(super) progress: Progress,
    pub(super) sent: Sent,
    /// When the last byte was read.
    pub(super) done: Option<Instant>,
}

impl FlowFinish {
    /// From the call that connects to the last byte read, or to the limit of time.
    pub(super) fn elapsed(&self, time_limit: Duration) -> Duration {
        self.done
            .map_or(time_limit, |at| at.saturating_duration_since(Instant::ZERO))
    }

    /// The longest time in which nothing was read, until it was done or to the limit of time.
    pub(super) fn longest_gap(&self, time_limit: Duration) -> Duration {
        let read = self.progress.last_read;
        let silence = time_limit.saturating_sub(read.saturating_duration_since(Instant::ZERO));
        match self.done {
            Some(_) => self.progress.longest_gap,
            None => self.progress.longest_gap.max(silence),
        }
    }
}

/// From the sender, or to it; also the index of the shared link that leads there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    There = 0,
    Back = 1,
}

struct Dumbbell {
    now: Instant,
    flows: Vec<Flow>,
    /// Those shared, there and back; then those of each flow, there and back.
    links: Vec<Link>,
    schedule: Schedule,
    unfinished: usize,
}

/// Runs until every flow is done, or the time is over.
pub(super) fn run(course: &Course) -> Finish {
    let mut dumbbell = Dumbbell::new(course);
    let end = Instant::ZERO + course.time_limit;
    for host in 0..2 * dumbbell.flows.len() {
        dumbbell.settle(host);
    }
    while dumbbell.unfinished > 0
        && let Some((now, source)) = dumbbell.schedule.pop()
        && now <= end
    {
        dumbbell.now = now;
        dumbbell.step(source);
    }
    dumbbell.finish()
}

impl Dumbbell {
    fn new(course: &Course) -> Dumbbell {
        let mut seeds = words(course.seed);
        let mut seed = || seeds.next().unwrap_or_default();
        let mut links = Vec::with_capacity(2 + 2 * course.access.len());
        for _ in [Way::There, Way::Back] {
            let link = Link::with_config(&course.shared, seed());
            links.push(link.expect("delay, rate, queue and loss are plain"));
        }
        let mut flows = Vec::with_capacity(course.access.len());
        for (flow, delay) in (0..).zip(&course.access) {
            links.extend([0; 2].map(|_| Link::new(*delay, Default::default())));
            let end = EndConfig {
                flow,
                buffer: course.buffer,
                large_segments: course.large_segments,
                seed: seed(),
            };
            let contender = course.contender;
            let (sender, receiver) = (contender.sender(end), contender.receiver(end));
            flows.push(Flow::new(sender, receiver, course.bytes));
        }
        Dumbbell {
            now: Instant::ZERO,
            unfinished: flows.len(),
            flows,
            links,
            schedule: Schedule::default(),
        }
    }

    fn step(&mut self, source: Source) {
        match source {
            Source::Link { link, .. } => {
                let link = link as usize;
                let mut arrived = Vec::new();
                while let Some(packet) = self.links[link].receive(self.now) {
                    arrived.push(packet);
                }
                for packet in arrived {
                    self.arrive(link, packet);
                }
                self.arm_link(link);
            }
            Source::Host(host) => {
                let host = host as usize;
                let flow = &mut self.flows[host / 2];
                match way(host) {
                    Way::There => flow.sender.handle_timeout(self.now),
                    Way::Back => flow.receiver.handle_timeout(self.now),
                }
                self.settle(host);
            }
            Source::Alarm(_) => unreachable!("nobody asks for one"),
        }
    }

    /// A packet has come to the end of a link.
    fn arrive(&mut self, link: usize, packet: Vec<u8>) {
        let flow = flow_of(&packet);
        match (link < 2, way(link)) {
            (false, Way::There) => self.put(Way::There as usize, packet),
            (true, Way::Back) => self.put(access(flow, Way::Back), packet),
            (true, Way::There) => {
                self.flows[flow].receiver.handle_packet(self.now, packet);
                self.settle(2 * flow + 1);
            }
            (false, Way::Back) => {
                self.flows[flow].sender.handle_packet(self.now, packet);
                self.settle(2 * flow);
            }
        }
    }

    /// Lets a host's application and its stack do all that they can do now.
    fn settle(&mut self, host: usize) {
        let flow = host / 2;
        loop {
            let was_done = self.flows[flow].is_done();
            let moved = match way(host) {
                Way::There => self.flows[flow].write(self.now),
                Way::Back => self.flows[flow].read(self.now),
            };
            self.unfinished -= usize::from(!was_done && self.flows[flow].is_done());
            if !self.transmit(host) && !moved {
                break;
            }
        }
        let flow = &mut self.flows[flow];
        let at = match way(host) {
            Way::There => flow.sender.poll_timeout(self.now),
            Way::Back => flow.receiver.poll_timeout(self.now),
        };
        self.schedule.arm(Source::Host(host as u32), at);
    }

    /// Sends all that a host has to send; whether there was anything.
    fn transmit(&mut self, host: usize) -> bool {
        let flow = host / 2;
        let mut any = false;
        loop {
            let (packet, link) = match way(host) {
                Way::There => {
                    let packet = self.flows[flow].sender.poll_transmit(self.now);
                    (packet, access(flow, Way::There))
                }
                Way::Back => {
                    let packet = self.flows[flow].receiver.poll_transmit(self.now);
                    (packet, Way::Back as usize)
                }
            };
            let Some(packet) = packet else {
                return any;
            };
            any = true;
            if way(host) == Way::There {
                self.flows[flow].note_sent(&packet);
            }
            self.put(link, packet);
        }
    }

    fn put(&mut self, link: usize, packet: Vec<u8>) {
        self.links[link].send(self.now, packet);
        self.arm_link(link);
    }

    fn arm_link(&mut self, link: usize) {
        let source = Source::Link {
            receiver: 0,
            link: link as u32,
        };
        self.schedule.arm(source, self.links[link].next_event());
    }

    fn finish(&self) -> Finish {
        let flows = self.flows.iter().map(|flow| FlowFinish {
            progress: flow.progress(),
            sent: flow.sent(),
            done: flow.is_done().then_some(flow.progress().last_read),
        });
        Finish {
            flows: flows.collect(),
            there: *self.links[Way::There as usize].stats(),
        }
    }
}

/// Where the packets of a host, or of a link, go: hosts are numbered sender, receiver, flow by flow, and
/// links there, back.
fn way(index: usize) -> Way {
    match index % 2 {
        0 => Way::There,
        _ => Way::Back,
    }
}

/// The link between a flow's sender and the shared ones.
fn access(flow: usize, way: Way) -> usize {
    2 + 2 * flow + way as usize
}
