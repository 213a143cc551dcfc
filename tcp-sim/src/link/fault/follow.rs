//! Which packet of a direction is the one that a plan means.

use super::{Fault, FaultPlan, Target};
use crate::link::layout::{ACK, FIN, Layout, RST, SYN};

/// All but [`Target::Packet`], in the order in which their faults go before each other's.
const KINDS: [Target; 5] = [
    Target::Syn,
    Target::Fin,
    Target::Rst,
    Target::Data,
    Target::Ack,
];

/// A plan, and how far it has come.
#[derive(Clone, Debug)]
pub(in crate::link) struct Follower {
    plan: FaultPlan,
    packets: u64,
    /// Counts of [`KINDS`], where the plan names one; else packets need not be looked into.
    kinds: Option<[u64; KINDS.len()]>,
}

impl Follower {
    pub(in crate::link) fn new(plan: FaultPlan) -> Follower {
        let mut follower = Follower {
            plan: FaultPlan::none(),
            packets: 0,
            kinds: None,
        };
        follower.set_plan(plan);
        follower
    }

    /// Follows another plan from now on. Packets go on being counted; kinds begin again.
    pub(in crate::link) fn set_plan(&mut self, plan: FaultPlan) {
        let names_kind = |(target, _): &(Target, u64)| *target != Target::Packet;
        self.kinds = plan
            .faults
            .keys()
            .any(names_kind)
            .then_some([0; KINDS.len()]);
        self.plan = plan;
    }

    /// Counts a packet, and says what happens to it: by its number, or else by its kind.
    pub(in crate::link) fn next(&mut self, packet: &[u8]) -> Option<Fault> {
        self.packets += 1;
        if self.plan.is_empty() {
            return None;
        }
        let mut fault = self.plan.fault_of(Target::Packet, self.packets);
        let Some(counts) = &mut self.kinds else {
            return fault;
        };
        let Some(segment) = Layout::of(packet) else {
            return fault;
        };
        for (kind, count) in KINDS.into_iter().zip(counts) {
            if is_of(kind, packet, &segment) {
                *count += 1;
                fault = fault.or(self.plan.fault_of(kind, *count));
            }
        }
        fault
    }
}

fn is_of(kind: Target, packet: &[u8], segment: &Layout) -> bool {
    let flags = segment.flags(packet);
    match kind {
        Target::Packet => true,
        Target::Data => segment.payload_len() > 0,
        Target::Syn => flags & SYN != 0,
        Target::Fin => flags & FIN != 0,
        Target::Rst => flags & RST != 0,
        Target::Ack => flags & (ACK | SYN | FIN | RST) == ACK && segment.payload_len() == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::sample::segment;

    const FAULTS: [Fault; 3] = [Fault::Drop, Fault::Duplicate, Fault::Corrupt(1)];

    /// Whether each segment of a conversation meets a fault of this plan.
    fn met(plan: FaultPlan) -> Vec<bool> {
        let mut follower = Follower::new(plan);
        let conversation = [
            segment(SYN, b""),
            segment(ACK, b""),
            segment(ACK, b"one"),
            segment(SYN | ACK, b""),
            segment(ACK | FIN, b"two"),
            segment(ACK | RST, b""),
            segment(ACK, b""),
            segment(FIN | ACK, b""),
        ];
        let met = |packet: &Vec<u8>| follower.next(packet).is_some();
        conversation.iter().map(met).collect()
    }

    fn nth(target: Target, nth: u64) -> Vec<bool> {
        met(FaultPlan::none().and_nth(target, nth, Fault::Drop))
    }

    fn only(index: usize) -> Vec<bool> {
        (0..8).map(|it| it == index).collect()
    }

    #[test]
    fn each_kind_is_counted_by_itself() {
        for (target, nth_one, index) in [
            (Target::Packet, 4, 3),
            (Target::Syn, 1, 0),
            (Target::Syn, 2, 3),
            (Target::Ack, 1, 1),
            (Target::Ack, 2, 6),
            (Target::Data, 1, 2),
            (Target::Data, 2, 4),
            (Target::Fin, 1, 4),
            (Target::Fin, 2, 7),
            (Target::Rst, 1, 5),
        ] {
            assert_eq!(nth(target, nth_one), only(index), "{target:?} {nth_one}");
        }
        assert_eq!(nth(Target::Data, 3), only(8));
    }

    #[test]
    fn the_number_goes_before_the_kind_and_the_kind_is_counted_all_the_same() {
        let [by_number, by_kind, second] = FAULTS;
        let plan = FaultPlan::on(1, by_number)
            .and_nth(Target::Data, 1, by_kind)
            .and_nth(Target::Data, 2, second);
        let mut follower = Follower::new(plan);
        let data = segment(ACK, b"data");
        assert_eq!(follower.next(&data), Some(by_number));
        assert_eq!(follower.next(&data), Some(second));
    }

    #[test]
    fn another_plan_goes_on_counting_packets_and_counts_kinds_anew() {
        let data = segment(ACK, b"data");
        let mut follower = Follower::new(FaultPlan::none());
        assert_eq!(follower.next(&data), None);
        let plan = FaultPlan::on(3, Fault::Drop).and_nth(Target::Data, 1, Fault::Duplicate);
        follower.set_plan(plan);
        assert_eq!(follower.next(&data), Some(Fault::Duplicate));
        assert_eq!(follower.next(&data), Some(Fault::Drop));
    }

    #[test]
    fn what_is_no_tcp_has_a_number_only() {
        let plan = FaultPlan::on(2, Fault::Drop).and_nth(Target::Ack, 1, Fault::Drop);
        let mut follower = Follower::new(plan);
        assert_eq!(follower.next(b"noise"), None);
        assert_eq!(follower.next(b"noise"), Some(Fault::Drop));
    }
}
