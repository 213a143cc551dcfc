//! One direction of a link: packets that are under way, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use tcp_core::Instant;

use super::fault::{Fault, FaultPlan};

/// One direction between two hosts: a delay, no limit of rate or queue, and a plan of faults.
#[derive(Clone, Debug)]
pub struct Link {
    delay: Duration,
    plan: FaultPlan,
    sent: u64,
    /// What is under way, by arrival; packets that arrive at the same time keep their order.
    in_flight: BTreeMap<(Instant, u64), Vec<u8>>,
    next_rank: u64,
    /// The key of a packet that waits for the next one to pass it.
    waits_for_next: Option<(Instant, u64)>,
}

/// What became of a packet that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fate {
    /// The packet's number in its direction; the first is 1.
    pub number: u64,
    /// What the plan did to it.
    pub fault: Option<Fault>,
    /// Why it will not arrive.
    pub dropped: Option<DropReason>,
}

/// Why a packet does not arrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DropReason {
    /// The plan says so.
    Script,
    /// Loss at random.
    Loss,
    /// It was sent in a blackhole's time.
    Blackhole,
    /// The queue had no room.
    QueueFull,
    /// Active queue management.
    Aqm,
    /// It is larger than the MTU.
    TooBig,
}

impl Link {
    /// A link on which a packet takes `delay`.
    pub fn new(delay: Duration, plan: FaultPlan) -> Link {
        Link {
            delay,
            plan,
            sent: 0,
            in_flight: BTreeMap::new(),
            next_rank: 0,
            waits_for_next: None,
        }
    }

    /// Puts a packet on the link.
    pub fn send(&mut self, now: Instant, mut packet: Vec<u8>) -> Fate {
        self.sent += 1;
        let fault = self.plan.fault_of(self.sent);
        let arrival = now + self.delay;
        let overtaken = self.waits_for_next.take();
        match fault {
            None => {
                self.put(arrival, packet);
            }
            Some(Fault::Drop) => {}
            Some(Fault::Duplicate) => {
                self.put(arrival, packet.clone());
                self.put(arrival, packet);
            }
            Some(Fault::Delay(by)) => {
                self.put(arrival + by, packet);
            }
            Some(Fault::PastNext(at_most)) => {
                self.waits_for_next = Some(self.put(arrival + at_most, packet));
            }
            Some(Fault::Corrupt(bit)) => {
                invert_bit(&mut packet, bit);
                self.put(arrival, packet);
            }
        }
        // A packet that was to be passed is passed now, whatever becomes of the one passing it.
        if let Some(packet) = overtaken.and_then(|key| self.in_flight.remove(&key)) {
            self.put(arrival, packet);
        }
        Fate {
            number: self.sent,
            fault,
            dropped: (fault == Some(Fault::Drop)).then_some(DropReason::Script),
        }
    }

    /// The next packet that has arrived by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        let entry = self.in_flight.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// When the next packet arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        let (arrival, _) = self.in_flight.first_key_value()?.0;
        Some(*arrival)
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// How many packets were sent, lost ones included.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Follows another plan from now on; packets go on being counted from the first.
    pub fn set_plan(&mut self, plan: FaultPlan) {
        self.plan = plan;
    }

    fn put(&mut self, arrival: Instant, packet: Vec<u8>) -> (Instant, u64) {
        let key = (arrival, self.next_rank);
        self.next_rank += 1;
        self.in_flight.insert(key, packet);
        key
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
