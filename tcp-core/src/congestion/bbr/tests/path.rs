//! The least network that BBR can be seen on: senders with endless data share one link with a
//! drop-tail queue; each packet is acknowledged by itself, and what was overtaken by three is lost.

use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use crate::congestion::bbr::Bbr;
use crate::congestion::{
    AckSample, CongestionEvent, CongestionSignal, Controller, LostSample, Phase, RateSample,
    Repeated, SentSample,
};
use crate::time::Instant;

pub(super) const MSS: u32 = 1_448;
const OVERTAKEN: u64 = 3;
/// Beyond the flow's round-trip time.
const RTO: Duration = Duration::from_millis(200);

/// What the link does.
#[derive(Clone, Copy)]
pub(super) struct Link {
    /// Bytes a second.
    pub(super) rate: u64,
    /// Bytes.
    pub(super) queue: u64,
    /// Packets lost at random out of ten thousand.
    pub(super) loss: u64,
}

#[derive(Clone, Copy)]
struct Packet {
    sent: Instant,
    first_sent: Instant,
    delivered: u64,
    delivered_at: Instant,
    in_flight: u32,
    lost: u64,
}

/// One sender and what it has measured.
pub(super) struct Flow {
    pub(super) bbr: Bbr,
    pub(super) delivered: u64,
    pub(super) lost: u64,
    pub(super) timeouts: u32,
    /// Bytes to deliver, and when they were.
    pub(super) amount: u64,
    pub(super) finished: Instant,
    rtt: Duration,
    peer_window: u32,
    in_flight: BTreeMap<u64, Packet>,
    next: u64,
    first_sent: Instant,
    delivered_at: Instant,
    paced_until: Instant,
    wakes_at: Instant,
    heard_at: Instant,
    /// The repair ends when a packet from this one on is acknowledged.
    repair: Option<(u64, Phase)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ack(u64),
    Wake,
    Timer,
}

pub(super) struct Network {
    pub(super) now: Instant,
    pub(super) flows: Vec<Flow>,
    pub(super) link: Link,
    busy_until: Instant,
    events: BinaryHeap<Reverse<(Instant, u64, usize, Event)>>,
    order: u64,
    random: u64,
}

impl Network {
    /// Flows with these round-trip times, whose peers hold at most `peer_window` bytes.
    pub(super) fn new(link: Link, rtts: &[Duration], peer_window: u32) -> Self {
        let mut network = Network {
            now: Instant::ZERO,
            flows: Vec::new(),
            link,
            busy_until: Instant::ZERO,
            events: BinaryHeap::new(),
            order: 0,
            random: 0x9e37_79b9_7f4a_7c15,
        };
        for &rtt in rtts {
            network.flows.push(Flow::new(rtt, peer_window));
            // The handshake takes a round trip.
            network.schedule(Instant::ZERO + rtt, network.flows.len() - 1, Event::Wake);
        }
        network
    }

    pub(super) fn run_until(&mut self, end: Instant) {
        while let Some(Reverse((at, _, flow, event))) = self.events.peek().copied() {
            if at > end {
                break;
            }
            self.events.pop();
            self.now = at;
            match event {
                Event::Ack(number) => self.flows[flow].on_ack(at, number),
                Event::Timer => {
                    if !self.flows[flow].on_timer(at) {
                        continue;
                    }
                }
                Event::Wake => self.flows[flow].wakes_at = Instant::FAR_FUTURE,
            }
            self.send(flow);
        }
        self.now = end;
    }

    fn schedule(&mut self, at: Instant, flow: usize, event: Event) {
        self.order += 1;
        self.events.push(Reverse((at, self.order, flow, event)));
    }

    fn send(&mut self, index: usize) {
        loop {
            let now = self.now;
            let flow = &mut self.flows[index];
            if flow.delivered >= flow.amount {
                flow.finished = flow.finished.min(now);
                return;
            }
            let limit = flow.bbr.window().min(flow.peer_window);
            if flow.flight() + MSS > limit.max(MSS) {
                return;
            }
            if flow.paced_until > now {
                if flow.wakes_at > flow.paced_until {
                    flow.wakes_at = flow.paced_until;
                    let at = flow.paced_until;
                    self.schedule(at, index, Event::Wake);
                }
                return;
            }
            let number = flow.on_send(now);
            let rtt = flow.rtt;
            self.schedule(now + rtt + RTO, index, Event::Timer);
            if let Some(arrival) = self.carry() {
                self.schedule(arrival + rtt, index, Event::Ack(number));
            }
        }
    }

    /// When a packet that is sent now has crossed the link, unless it is lost.
    fn carry(&mut self) -> Option<Instant> {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let waiting = self
            .busy_until
            .saturating_duration_since(self.now)
            .as_nanos() as u64;
        let queued = u128::from(waiting) * u128::from(self.link.rate) / 1_000_000_000;
        let lost = (self.random >> 33) % 10_000 < self.link.loss;
        if lost || queued as u64 + u64::from(MSS) > self.link.queue {
            return None;
        }
        let crossing = u64::from(MSS) * 1_000_000_000 / self.link.rate;
        self.busy_until = self.busy_until.max(self.now) + Duration::from_nanos(crossing);
        Some(self.busy_until)
    }
}

impl Flow {
    fn new(rtt: Duration, peer_window: u32) -> Self {
        Flow {
            bbr: Bbr::new(MSS, 10 * MSS),
            delivered: 0,
            lost: 0,
            timeouts: 0,
            amount: u64::MAX,
            finished: Instant::FAR_FUTURE,
            rtt,
            peer_window,
            in_flight: BTreeMap::new(),
            next: 0,
            first_sent: Instant::ZERO,
            delivered_at: Instant::ZERO,
            paced_until: Instant::ZERO,
            wakes_at: Instant::ZERO,
            heard_at: Instant::ZERO,
            repair: None,
        }
    }

    fn flight(&self) -> u32 {
        self.in_flight.len() as u32 * MSS
    }

    fn on_send(&mut self, now: Instant) -> u64 {
        let prior_in_flight = self.flight();
        self.bbr.on_sent(&SentSample {
            now,
            bytes: MSS,
            prior_in_flight,
            app_limited: false,
        });
        if prior_in_flight == 0 {
            self.first_sent = now;
            self.delivered_at = now;
            self.heard_at = now;
        }
        let packet = Packet {
            sent: now,
            first_sent: self.first_sent,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            in_flight: prior_in_flight + MSS,
            lost: self.lost,
        };
        let rate = self.bbr.pacing_rate().unwrap();
        let gap = Duration::from_nanos(u64::from(MSS) * 1_000_000_000 / rate);
        self.paced_until = self.paced_until.max(now) + gap;
        self.in_flight.insert(self.next, packet);
        self.next += 1;
        self.next - 1
    }

    fn on_ack(&mut self, now: Instant, number: u64) {
        let prior_in_flight = self.flight();
        let Some(packet) = self.in_flight.remove(&number) else {
            return;
        };
        let window = self.bbr.window();
        let cwnd_limited = prior_in_flight + MSS > window;
        self.heard_at = now;
        self.delivered += u64::from(MSS);
        self.delivered_at = now;
        self.first_sent = packet.sent;
        let overtaken = number.saturating_sub(OVERTAKEN - 1);
        let lost = self.lose_before(now, overtaken);
        if lost > 0 && self.repair.is_none() {
            self.repair = Some((self.next, Phase::Recovery));
            self.bbr.remember();
            self.bbr.on_congestion(&CongestionEvent {
                now,
                signal: CongestionSignal::Loss,
                flight_size: prior_in_flight,
            });
        }
        if self.repair.is_some_and(|(end, _)| number >= end) {
            self.repair = None;
            self.bbr.on_recovery_end(now);
        }
        let send_elapsed = packet.sent.saturating_duration_since(packet.first_sent);
        let ack_elapsed = now.saturating_duration_since(packet.delivered_at);
        let rtt = now.saturating_duration_since(packet.sent);
        let rate = RateSample {
            delivered: self.delivered - packet.delivered,
            interval: send_elapsed.max(ack_elapsed),
            prior_delivered: packet.delivered,
            tx_in_flight: packet.in_flight,
            lost: self.lost - packet.lost,
            rtt,
            app_limited: false,
        };
        let in_flight = self.flight();
        self.bbr.on_ack(&AckSample {
            delivered: MSS,
            lost,
            prior_in_flight,
            in_flight,
            rtt: Some(rtt),
            cwnd_limited,
            paced: true,
            phase: self.repair.map_or(Phase::Open, |(_, phase)| phase),
            rate: Some(rate),
            total_delivered: self.delivered,
            total_lost: self.lost,
            ..AckSample::of_round(now, 0, 0)
        });
    }

    /// Gives up what was sent before `number`; returns its bytes.
    fn lose_before(&mut self, now: Instant, number: u64) -> u32 {
        let kept = self.in_flight.split_off(&number);
        let lost = core::mem::replace(&mut self.in_flight, kept);
        for packet in lost.values() {
            self.lost += u64::from(MSS);
            self.bbr.on_lost(&LostSample {
                now,
                bytes: MSS,
                tx_in_flight: packet.in_flight,
                lost_since_sent: self.lost - packet.lost,
                prior_delivered: packet.delivered,
                total_delivered: self.delivered,
                app_limited: false,
            });
        }
        lost.len() as u32 * MSS
    }

    /// Whether the retransmission timer has expired.
    fn on_timer(&mut self, now: Instant) -> bool {
        if self.in_flight.is_empty() || now < self.heard_at + self.rtt + RTO {
            return false;
        }
        let flight = self.flight();
        self.timeouts += 1;
        self.heard_at = now;
        self.bbr.remember();
        self.bbr.on_timeout(now, flight, Repeated::First);
        self.lose_before(now, u64::MAX);
        self.repair = Some((self.next, Phase::Loss));
        self.paced_until = now;
        true
    }
}
