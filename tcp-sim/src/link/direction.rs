//! One direction of a link: packets that are under way, in virtual time.

use std::time::Duration;

use tcp_core::Instant;

use super::config::LinkConfig;
use super::error::{self, LinkError};
use super::fate::{DropReason, Fate, LinkEvent};
use super::fault::{Fault, FaultPlan};
use super::flight::Flight;
use super::stats::LinkStats;

/// One direction between two nodes.
///
/// Packets go in by [`send`](Link::send). What happens to them later comes out of
/// [`poll`](Link::poll), to be called until it gives nothing, no earlier than at
/// [`next_event`](Link::next_event). What goes back to who sent a packet comes out of
/// [`take_reply`](Link::take_reply). The time given to one link must not go backwards.
#[derive(Clone, Debug)]
pub struct Link {
    delay: Duration,
    plan: FaultPlan,
    flight: Flight,
    /// A packet that waits for the next one to pass it, and when it arrives without that.
    waits_for_next: Option<(Instant, Vec<u8>)>,
    stats: LinkStats,
}

/// How much waits in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct QueueLen {
    /// Packets, without the one that is being sent.
    pub packets: usize,
    /// Bytes of them.
    pub bytes: usize,
}

impl Link {
    /// A link as the configuration describes it; all that is random comes from `seed`.
    ///
    /// # Errors
    ///
    /// Where the configuration contradicts itself.
    pub fn with_config(config: &LinkConfig, _seed: u64) -> Result<Link, LinkError> {
        error::check(config)?;
        Ok(Link {
            delay: config.delay,
            plan: config.faults.clone(),
            flight: Flight::default(),
            waits_for_next: None,
            stats: LinkStats::default(),
        })
    }

    /// A link on which a packet takes `delay`, with no limit of rate or queue and nothing random.
    pub fn new(delay: Duration, plan: FaultPlan) -> Link {
        let config = LinkConfig {
            delay,
            faults: plan,
            ..LinkConfig::default()
        };
        Link::with_config(&config, 0).expect("any delay and any plan will do")
    }

    /// Puts a packet on the link.
    pub fn send(&mut self, now: Instant, packet: Vec<u8>) -> Fate {
        self.stats.sent += 1;
        self.stats.sent_bytes += packet.len() as u64;
        let mut fate = Fate::unharmed(self.stats.sent);
        fate.fault = self.plan.fault_of(fate.number);
        if fate.fault == Some(Fault::Drop) {
            fate.dropped = Some(DropReason::Script);
            self.stats.dropped.count(DropReason::Script);
        }
        self.put_on_wire(now, fate.fault, packet);
        fate
    }

    /// The next thing that has happened by `now`.
    pub fn poll(&mut self, now: Instant) -> Option<LinkEvent> {
        let waited = self.waits_for_next.take_if(|(at, _)| *at <= now);
        if let Some((at, packet)) = waited {
            self.flight.put_late(at, packet);
        }
        let packet = self.flight.take(now)?;
        self.stats.delivered += 1;
        self.stats.delivered_bytes += packet.len() as u64;
        Some(LinkEvent::Arrived(packet))
    }

    /// When [`poll`](Link::poll) next has something to do; it may turn out to be nothing that it
    /// tells, such as a queue that moved on.
    pub fn next_event(&self) -> Option<Instant> {
        let waits = self.waits_for_next.as_ref().map(|(at, _)| *at);
        self.flight.next_arrival().into_iter().chain(waits).min()
    }

    /// A packet that goes back to who sent one that was too big.
    pub fn take_reply(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// How much waited for the rate after the last [`send`](Link::send) or [`poll`](Link::poll).
    pub fn queue_len(&self) -> QueueLen {
        QueueLen::default()
    }

    /// What the link has done so far.
    pub fn stats(&self) -> &LinkStats {
        &self.stats
    }

    /// The next packet that has arrived by `now`. What was dropped on the way is passed over.
    pub fn receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        loop {
            if let LinkEvent::Arrived(packet) = self.poll(now)? {
                return Some(packet);
            }
        }
    }

    /// See [`next_event`](Link::next_event).
    pub fn next_arrival(&self) -> Option<Instant> {
        self.next_event()
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.flight.is_empty() && self.waits_for_next.is_none()
    }

    /// How many packets were sent, lost ones included.
    pub fn sent(&self) -> u64 {
        self.stats.sent
    }

    /// Follows another plan from now on; packets go on being counted from the first.
    pub fn set_plan(&mut self, plan: FaultPlan) {
        self.plan = plan;
    }

    fn put_on_wire(&mut self, now: Instant, fault: Option<Fault>, mut packet: Vec<u8>) {
        let arrival = now + self.delay;
        let overtaken = self.waits_for_next.take();
        match fault {
            None => self.flight.put(arrival, packet),
            Some(Fault::Drop) => {}
            Some(Fault::Duplicate) => {
                self.stats.duplicated += 1;
                self.flight.put(arrival, packet.clone());
                self.flight.put(arrival, packet);
            }
            Some(Fault::Delay(by)) => {
                self.stats.reordered += 1;
                self.flight.put_late(arrival + by, packet);
            }
            Some(Fault::PastNext(at_most)) => {
                self.stats.reordered += 1;
                self.waits_for_next = Some((arrival + at_most, packet));
            }
            Some(Fault::Corrupt(bit)) => {
                self.stats.corrupted += 1;
                invert_bit(&mut packet, bit);
                self.flight.put(arrival, packet);
            }
        }
        // A packet that was to be passed is passed now, whatever becomes of the one passing it.
        if let Some((_, packet)) = overtaken {
            self.flight.put(arrival, packet);
        }
    }
}

/// Inverts one bit behind the IP header, where TCP's checksum must notice.
fn invert_bit(packet: &mut [u8], bit: usize) {
    let ip_header = match packet.first().map(|byte| byte >> 4) {
        Some(4) => usize::from(packet[0] & 0x0f) * 4,
        _ => 40,
    };
    let Some(tcp) = packet.get_mut(ip_header..).filter(|tcp| !tcp.is_empty()) else {
        return;
    };
    let bit = bit % (tcp.len() * 8);
    tcp[bit / 8] ^= 0x80 >> (bit % 8);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(10);

    /// What arrives, with its time in milliseconds, when packets 1 to 4 are sent 1 ms apart.
    fn arrivals(plan: FaultPlan) -> Vec<(u64, u8)> {
        let mut link = Link::new(DELAY, plan);
        for number in 1..=4 {
            let _ = link.send(Instant::from_millis(u64::from(number)), vec![number]);
        }
        let mut arrived = Vec::new();
        while let Some(at) = link.next_arrival() {
            assert_eq!(link.receive(at - Duration::from_nanos(1)), None);
            let packet = link.receive(at).unwrap();
            arrived.push((at.as_millis(), packet[0]));
        }
        assert!(link.is_empty());
        arrived
    }

    #[test]
    fn a_perfect_link_keeps_order() {
        assert_eq!(
            arrivals(FaultPlan::none()),
            [(11, 1), (12, 2), (13, 3), (14, 4)]
        );
    }

    #[test]
    fn faults_meet_the_packet_they_name() {
        assert_eq!(
            arrivals(FaultPlan::on(2, Fault::Drop)),
            [(11, 1), (13, 3), (14, 4)]
        );
        assert_eq!(
            arrivals(FaultPlan::on(2, Fault::Duplicate)),
            [(11, 1), (12, 2), (12, 2), (13, 3), (14, 4)]
        );
        let late = Fault::Delay(Duration::from_millis(30));
        assert_eq!(
            arrivals(FaultPlan::on(2, late)),
            [(11, 1), (13, 3), (14, 4), (42, 2)]
        );
    }

    #[test]
    fn a_packet_goes_past_the_next_one_only() {
        let swap = Fault::PastNext(Duration::from_secs(1));
        assert_eq!(
            arrivals(FaultPlan::on(2, swap)),
            [(11, 1), (13, 3), (13, 2), (14, 4)]
        );
        assert_eq!(
            arrivals(FaultPlan::on(4, swap)),
            [(11, 1), (12, 2), (13, 3), (1_014, 4)]
        );
        let both = FaultPlan::on(2, swap).and(3, Fault::Drop);
        assert_eq!(arrivals(both), [(11, 1), (13, 2), (14, 4)]);
    }

    #[test]
    fn corruption_spares_the_ip_header() {
        let mut packet = vec![0u8; 41];
        packet[0] = 0x45;
        let before = packet.clone();
        invert_bit(&mut packet, 21 * 8 * 3 + 9);
        assert_eq!(packet[21], 0x40);
        packet[21] = 0;
        assert_eq!(packet, before);
    }
}
