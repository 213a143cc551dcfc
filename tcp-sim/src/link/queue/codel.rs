//! CoDel: a queue that stands too long is told so by drops at its head (RFC 8289).

use std::time::Duration;

use tcp_core::Instant;

use super::store::{Marking, Store, Waiting};

/// The state of RFC 8289 §5.3, by its names.
#[derive(Clone, Debug)]
pub(super) struct Codel {
    target: Duration,
    interval: Duration,
    marking: Marking,
    /// When the sojourn time will have been above the target for an interval.
    first_above_time: Option<Instant>,
    /// When to drop next.
    drop_next: Instant,
    /// Drops since the dropping state began.
    count: u64,
    /// `count` as the last dropping state began.
    last_count: u64,
    dropping: bool,
    /// Bytes of the largest packet so far: a queue of no more than that is as short as can be.
    max_packet: usize,
}

impl Codel {
    pub(super) fn new(target: Duration, interval: Duration, marking: Marking) -> Codel {
        Codel {
            target,
            interval,
            marking,
            first_above_time: None,
            drop_next: Instant::ZERO,
            count: 0,
            last_count: 0,
            dropping: false,
            max_packet: 0,
        }
    }

    /// A packet comes into the queue.
    pub(super) fn saw(&mut self, bytes: usize) {
        self.max_packet = self.max_packet.max(bytes);
    }

    /// The packet that is sent next, after those that are dropped before it (RFC 8289 §5.5).
    pub(super) fn dequeue(&mut self, now: Instant, queue: &mut Store) -> Option<Waiting> {
        let (mut head, mut ok_to_drop) = self.do_dequeue(now, queue);
        if self.dropping {
            self.dropping = ok_to_drop;
            while self.dropping && now >= self.drop_next {
                self.count += 1;
                if self.marks(&mut head, queue) {
                    self.drop_next = self.control_law(self.drop_next);
                    break;
                }
                queue.dropped.extend(head.take());
                (head, ok_to_drop) = self.do_dequeue(now, queue);
                self.dropping = ok_to_drop;
                if ok_to_drop {
                    self.drop_next = self.control_law(self.drop_next);
                }
            }
        } else if ok_to_drop {
            if !self.marks(&mut head, queue) {
                queue.dropped.extend(head.take());
                (head, _) = self.do_dequeue(now, queue);
            }
            self.dropping = true;
            // Where dropping has ended a short while ago, its rate was about right.
            let delta = self.count - self.last_count;
            let recently = now.saturating_duration_since(self.drop_next) < 16 * self.interval;
            self.count = if delta > 1 && recently { delta } else { 1 };
            self.drop_next = self.control_law(now);
            self.last_count = self.count;
        }
        head
    }

    /// The first packet, and whether it may be dropped: the queue has been too slow for an interval
    /// (RFC 8289 §5.6).
    fn do_dequeue(&mut self, now: Instant, queue: &mut Store) -> (Option<Waiting>, bool) {
        let Some((waiting, behind)) = queue.pop() else {
            self.first_above_time = None;
            return (None, false);
        };
        let sojourn = now.saturating_duration_since(waiting.since);
        if sojourn < self.target || behind <= self.max_packet {
            self.first_above_time = None;
            return (Some(waiting), false);
        }
        let Some(above) = self.first_above_time else {
            self.first_above_time = Some(now + self.interval);
            return (Some(waiting), false);
        };
        (Some(waiting), now >= above)
    }

    /// Marks a packet that would be dropped, if that can be and is wanted. One that is marked is
    /// sent, as in Linux's `sch_codel`.
    fn marks(&self, head: &mut Option<Waiting>, queue: &mut Store) -> bool {
        self.marking == Marking::Ecn && head.as_mut().is_some_and(|head| queue.mark(head))
    }

    /// The next drop after one at `time`: drops come closer with the square root of their number,
    /// to which throughput answers linearly (RFC 8289 §5.4). IEEE 754 fixes the root to the bit.
    fn control_law(&self, time: Instant) -> Instant {
        let step = self.interval.as_nanos() as f64 / (self.count as f64).sqrt();
        time + Duration::from_nanos(step as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::passage::Passage;

    const TARGET: Duration = Duration::from_millis(5);
    const INTERVAL: Duration = Duration::from_millis(100);

    fn waiting(packet: Vec<u8>, since: Instant) -> Waiting {
        Waiting {
            packet,
            passage: Passage::default(),
            since,
        }
    }

    fn punished(store: &Store) -> u64 {
        store.dropped.len() as u64 + store.marked
    }

    /// Offers two packets and takes one each millisecond, and gives the times in milliseconds at
    /// which packets were dropped or marked.
    fn overload(marking: Marking, tos: u8, millis: u64) -> Vec<u64> {
        let mut codel = Codel::new(TARGET, INTERVAL, marking);
        let mut store = Store::default();
        let mut times = Vec::new();
        for milli in 0..millis {
            let now = Instant::from_millis(milli);
            for _ in 0..2 {
                let packet = vec![0x45, tos, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0];
                codel.saw(packet.len());
                store.push(waiting(packet, now));
            }
            let before = punished(&store);
            assert!(codel.dequeue(now, &mut store).is_some());
            times.extend((before..punished(&store)).map(|_| milli));
        }
        times
    }

    /// The same by RFC 8289's pseudo code, written for this overload alone: nothing ends it, so
    /// that only the first drop and the control law matter.
    fn schedule(millis: u64) -> Vec<u64> {
        // The packet sent at 9 ms is one of the two that came at 4 ms: the first to wait for 5 ms.
        let mut times = vec![109];
        let mut next = 109.0f64 + 100.0;
        let mut count = 1.0f64;
        while next.ceil() < millis as f64 {
            times.push(next.ceil() as u64);
            count += 1.0;
            next += 100.0 / count.sqrt();
        }
        times
    }

    #[test]
    fn drops_follow_the_control_law() {
        let times = overload(Marking::Never, 0, 2_000);
        assert_eq!(times, schedule(2_000));
        assert_eq!(times[..4], [109, 209, 280, 338]);
    }

    #[test]
    fn capable_packets_are_marked_on_the_same_schedule() {
        // A mark does not shorten the queue, as a drop does, but neither ends the overload.
        assert_eq!(overload(Marking::Ecn, 0b10, 2_000), schedule(2_000));
    }

    #[test]
    fn a_short_or_quick_queue_is_left_alone() {
        let mut codel = Codel::new(TARGET, INTERVAL, Marking::Never);
        let mut store = Store::default();
        for milli in 0..1_000 {
            // One packet waits for 50 ms, again and again, but nothing behind it.
            let since = Instant::from_millis(milli * 50);
            codel.saw(100);
            store.push(waiting(vec![0; 100], since));
            let now = since + Duration::from_millis(50);
            assert!(codel.dequeue(now, &mut store).is_some());
        }
        assert_eq!(punished(&store), 0);
        assert!(codel.dequeue(Instant::FAR_FUTURE, &mut store).is_none());
    }

    #[test]
    fn a_dropping_state_soon_after_another_begins_at_its_rate() {
        let mut codel = Codel::new(TARGET, INTERVAL, Marking::Never);
        (codel.count, codel.last_count) = (9, 1);
        codel.drop_next = Instant::from_millis(1_000);
        codel.first_above_time = Some(Instant::from_millis(900));
        let mut store = Store::default();
        for _ in 0..4 {
            store.push(waiting(vec![0; 100], Instant::ZERO));
        }
        let now = Instant::from_millis(1_500);
        assert!(codel.dequeue(now, &mut store).is_some());
        assert_eq!((codel.count, punished(&store)), (8, 1));
        // 100 ms / √8.
        let next = now + Duration::from_nanos(35_355_339);
        assert_eq!(codel.drop_next, next);
    }
}
