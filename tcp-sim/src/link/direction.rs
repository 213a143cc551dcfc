//! One direction of a link: packets that are under way, in virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use tcp_core::Instant;

use super::config::{LinkConfig, MiddleboxConfig};
use super::error::{self, LinkError};
use super::fate::{DropReason, Fate, Handling, LinkEvent};
use super::fault::{FaultPlan, Follower};
use super::gate::Gate;
use super::impairments::Impairments;
use super::middlebox::Middlebox;
use super::queue::{Offered, Queue, Waiting};
use super::stats::{LinkStats, QueueLen};
use super::wire::Wire;

/// One direction between two nodes.
///
/// Packets go in by [`send`](Link::send). What happens to them later comes out of
/// [`poll`](Link::poll), to be called until it gives nothing, no later than at
/// [`next_event`](Link::next_event). What goes back to who sent a packet comes out of
/// [`take_reply`](Link::take_reply). The time given to one link must not go backwards.
#[derive(Clone, Debug)]
pub struct Link {
    middlebox: Option<Box<Middlebox>>,
    faults: Follower,
    gate: Gate,
    impairments: Impairments,
    /// None without a rate, when nothing has to wait.
    queue: Option<Queue>,
    /// How much waited after each packet that began to be sent, since the last call but one.
    queue_changes: Vec<(Instant, QueueLen)>,
    wire: Wire,
    /// What was dropped after it was taken, and when.
    dropped: VecDeque<(Instant, Vec<u8>, DropReason)>,
    replies: VecDeque<Vec<u8>>,
    stats: LinkStats,
}

/// How the outside hears that a packet is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// By the fate of the packet that was sent, which is this one.
    ByFate,
    /// By an event: no one packet that was sent is this one.
    ByEvent,
}

impl Link {
    /// A link as the configuration describes it; all that is random comes from `seed`.
    ///
    /// # Errors
    ///
    /// Where the configuration contradicts itself.
    pub fn with_config(config: &LinkConfig, seed: u64) -> Result<Link, LinkError> {
        error::check(config)?;
        let middlebox = Some(&config.middlebox).filter(|it| **it != MiddleboxConfig::default());
        Ok(Link {
            middlebox: middlebox.map(|it| Box::new(Middlebox::new(it))),
            faults: Follower::new(config.faults.clone()),
            gate: Gate::new(config),
            impairments: Impairments::new(config, seed),
            queue: config.rate.map(|rate| Queue::new(config, rate, seed)),
            wire: Wire::new(config),
            queue_changes: Vec::new(),
            dropped: VecDeque::new(),
            replies: VecDeque::new(),
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
        self.advance(now);
        self.stats.sent += 1;
        self.stats.sent_bytes += packet.len() as u64;
        let mut fate = Fate::unharmed(self.stats.sent);
        let Some(middlebox) = &mut self.middlebox else {
            self.enter(now, packet, &mut fate, Told::ByFate);
            return fate;
        };
        let output = middlebox.handle(now, packet, &mut self.stats);
        self.enter_all(now, output.before);
        fate.handling = output.handling;
        if let Handling::Split(_) = fate.handling {
            self.enter_all(now, output.packets);
        } else {
            for packet in output.packets {
                self.enter(now, packet, &mut fate, Told::ByFate);
            }
        }
        fate
    }

    /// The next thing that has happened by `now`.
    pub fn poll(&mut self, now: Instant) -> Option<LinkEvent> {
        self.advance(now);
        if let Some((_, packet, reason)) = self.dropped.pop_front() {
            return Some(LinkEvent::Dropped(packet, reason));
        }
        let packet = self.wire.take(now)?;
        self.stats.delivered += 1;
        self.stats.delivered_bytes += packet.len() as u64;
        Some(LinkEvent::Arrived(packet))
    }

    /// When [`poll`](Link::poll) next has something to do; it may turn out to be nothing that it
    /// tells, such as a queue that moved on.
    pub fn next_event(&self) -> Option<Instant> {
        if let Some((at, ..)) = self.dropped.front() {
            return Some(*at);
        }
        let mut next = self.wire.next_arrival();
        if let Some(queue) = &self.queue
            && let Some(start) = queue.next_start()
        {
            // What waits arrives after what is under way, as a rule, and can wait for that then.
            let is_earlier = next.is_none_or(|at| start + self.wire.delay() < at);
            if is_earlier || queue.drops_at_head() {
                next = earliest(next, Some(start));
            }
        }
        if let Some(middlebox) = &self.middlebox {
            next = earliest(next, middlebox.deadline());
        }
        next
    }

    /// A packet that goes back to who sent one that was too big.
    pub fn take_reply(&mut self) -> Option<Vec<u8>> {
        self.replies.pop_front()
    }

    /// How much waited for the rate after the last [`send`](Link::send) or [`poll`](Link::poll).
    pub fn queue_len(&self) -> QueueLen {
        self.queue.as_ref().map_or(QueueLen::default(), Queue::len)
    }

    /// When packets left the queue before the last [`send`](Link::send) or [`poll`](Link::poll)
    /// and after the one before it, and how much waited then: the oldest first.
    pub fn queue_changes(&self) -> &[(Instant, QueueLen)] {
        &self.queue_changes
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

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        let holds = self.middlebox.as_ref().and_then(|it| it.deadline());
        self.wire.is_empty()
            && self.queue_len().packets == 0
            && self.dropped.is_empty()
            && holds.is_none()
    }

    /// How many packets were sent, lost ones included.
    pub fn sent(&self) -> u64 {
        self.stats.sent
    }

    /// Follows another plan from now on; packets go on being counted from the first, those of a
    /// [kind](super::Target) from here.
    pub fn set_plan(&mut self, plan: FaultPlan) {
        self.faults.set_plan(plan);
    }

    /// Takes this from all acknowledgement numbers: the
    /// [`shift_seq`](MiddleboxConfig::shift_seq) of the other direction.
    pub fn set_shift_ack(&mut self, by: u32) {
        if by != 0 || self.middlebox.is_some() {
            let unchanging = || Box::new(Middlebox::new(&MiddleboxConfig::default()));
            let middlebox = self.middlebox.get_or_insert_with(unchanging);
            middlebox.set_shift_ack(by);
        }
    }

    /// Takes packets that are not the one that was sent.
    fn enter_all(&mut self, now: Instant, packets: Vec<Vec<u8>>) {
        for packet in packets {
            self.enter(now, packet, &mut Fate::default(), Told::ByEvent);
        }
    }

    /// Takes a packet from the middlebox on its way, and says in `fate` what happens to it.
    fn enter(&mut self, now: Instant, packet: Vec<u8>, fate: &mut Fate, told: Told) {
        let fault = self.faults.next(&packet);
        let passage = self.impairments.draw(&packet, fault);
        if let Err(refusal) = self.gate.admit(now, &packet) {
            self.replies.extend(refusal.reply);
            self.lose(now, packet, refusal.reason, fate, told);
            return;
        }
        passage.tell(fate);
        let lost = passage.lost();
        let to_be_told = (told == Told::ByEvent && lost.is_some()).then(|| packet.clone());
        if let Some(queue) = &mut self.queue {
            let waiting = Waiting {
                packet,
                passage,
                since: now,
            };
            match queue.offer(now, waiting) {
                Offered::Taken => {}
                Offered::Marked => {
                    fate.marked = true;
                    self.stats.marked += 1;
                }
                Offered::Dropped(waiting, reason) => {
                    // It never came to the wire.
                    *fate = Fate {
                        handling: fate.handling,
                        ..Fate::unharmed(fate.number)
                    };
                    self.lose(now, waiting.packet, reason, fate, told);
                    return;
                }
            }
            self.advance_queue(now);
            self.note_queue();
        } else {
            self.wire.carry(now, packet, &passage, &mut self.stats);
        }
        if let Some(reason) = lost {
            self.lose(now, to_be_told.unwrap_or_default(), reason, fate, told);
        }
    }

    /// Tells that a packet will not arrive.
    fn lose(
        &mut self,
        now: Instant,
        packet: Vec<u8>,
        reason: DropReason,
        fate: &mut Fate,
        told: Told,
    ) {
        fate.dropped = Some(reason);
        self.stats.dropped.count(reason);
        if told == Told::ByEvent {
            self.dropped.push_back((now, packet, reason));
        }
    }

    /// Does what is due inside of the link by `now`. Mostly nothing is, so that is found out first.
    #[inline]
    fn advance(&mut self, now: Instant) {
        self.queue_changes.clear();
        let starts = |queue: &Queue| queue.next_start().is_some_and(|start| start <= now);
        if self.middlebox.is_some() || self.queue.as_ref().is_some_and(starts) {
            self.advance_all(now);
        }
    }

    fn advance_all(&mut self, now: Instant) {
        while let Some(middlebox) = &mut self.middlebox
            && let Some(at) = middlebox.deadline().filter(|at| *at <= now)
        {
            let released = middlebox.release(&mut self.stats);
            self.advance_queue(at);
            self.enter_all(at, released);
        }
        self.advance_queue(now);
    }

    /// Lets the queue send what it begins to send by `now`.
    fn advance_queue(&mut self, now: Instant) {
        let Some(queue) = &mut self.queue else {
            return;
        };
        while let Some(start) = queue.next_start()
            && let Some((left_at, waiting)) = queue.start_next(now)
        {
            self.queue_changes.push((start, queue.len()));
            let Waiting {
                packet, passage, ..
            } = waiting;
            self.wire.carry(left_at, packet, &passage, &mut self.stats);
        }
        if queue.drops_at_head() {
            self.stats.marked += queue.take_marked();
            while let Some(waiting) = queue.take_dropped() {
                // Of one that was to be lost on the wire, that was told when it was sent.
                if waiting.passage.lost().is_none() {
                    self.stats.dropped.count(DropReason::Aqm);
                    self.dropped
                        .push_back((now, waiting.packet, DropReason::Aqm));
                }
            }
        }
    }

    fn note_queue(&mut self) {
        let QueueLen { packets, bytes } = self.queue_len();
        self.stats.max_queue_packets = self.stats.max_queue_packets.max(packets);
        self.stats.max_queue_bytes = self.stats.max_queue_bytes.max(bytes);
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::fault::Fault;

    const DELAY: Duration = Duration::from_millis(10);

    /// What arrives, with its time in milliseconds, when packets 1 to 4 are sent 1 ms apart.
    fn arrivals(plan: FaultPlan) -> Vec<(u64, u8)> {
        let mut link = Link::new(DELAY, plan);
        for number in 1..=4 {
            let _ = link.send(Instant::from_millis(u64::from(number)), vec![number]);
        }
        let mut arrived = Vec::new();
        while let Some(at) = link.next_event() {
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
}
