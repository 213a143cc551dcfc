//! Packets on the wire, by the time of their arrival.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use tcp_core::Instant;

/// What is under way. Packets that arrive at the same time keep their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Flight {
    /// Those whose arrivals were put in order: nearly all.
    in_order: VecDeque<Flying>,
    /// Those that are late, and those that passed one of them.
    others: BinaryHeap<Flying>,
    next_rank: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Flying {
    arrival: Instant,
    /// Counts up; breaks ties.
    rank: u64,
    packet: Vec<u8>,
}

/// Reversed: a [`BinaryHeap`] gives out its greatest.
impl Ord for Flying {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrival, other.rank).cmp(&(self.arrival, self.rank))
    }
}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Flight {
    /// A packet that keeps its place.
    pub(super) fn put(&mut self, arrival: Instant, packet: Vec<u8>) {
        let flying = self.next(arrival, packet);
        if self.in_order.back().is_none_or(|it| it.arrival <= arrival) {
            self.in_order.push_back(flying);
        } else {
            self.others.push(flying);
        }
    }

    /// A packet that others will pass.
    pub(super) fn put_late(&mut self, arrival: Instant, packet: Vec<u8>) {
        let flying = self.next(arrival, packet);
        self.others.push(flying);
    }

    /// The next packet that has arrived by `now`.
    pub(super) fn take(&mut self, now: Instant) -> Option<Vec<u8>> {
        let (arrival, place) = self.first()?;
        if arrival > now {
            return None;
        }
        let flying = match place {
            Place::InOrder => self.in_order.pop_front(),
            Place::Others => self.others.pop(),
        };
        flying.map(|flying| flying.packet)
    }

    /// When the next packet arrives.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.first().map(|(arrival, _)| arrival)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_order.is_empty() && self.others.is_empty()
    }

    fn first(&self) -> Option<(Instant, Place)> {
        let in_order = self.in_order.front();
        match (in_order, self.others.peek()) {
            (None, None) => None,
            (Some(first), None) => Some((first.arrival, Place::InOrder)),
            (None, Some(other)) => Some((other.arrival, Place::Others)),
            (Some(first), Some(other)) if first > other => Some((first.arrival, Place::InOrder)),
            (Some(_), Some(other)) => Some((other.arrival, Place::Others)),
        }
    }

    fn next(&mut self, arrival: Instant, packet: Vec<u8>) -> Flying {
        let rank = self.next_rank;
        self.next_rank += 1;
        Flying {
            arrival,
            rank,
            packet,
        }
    }
}

#[derive(Clone, Copy)]
enum Place {
    InOrder,
    Others,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packets_arrive_by_time_and_then_by_rank(
            puts in prop::collection::vec((0u64..20, any::<bool>()), 0..50)
        ) {
            let mut flight = Flight::default();
            let mut model = Vec::new();
            for (rank, (at, late)) in puts.into_iter().enumerate() {
                let arrival = Instant::from_nanos(at);
                let packet = vec![rank as u8];
                if late {
                    flight.put_late(arrival, packet.clone());
                } else {
                    flight.put(arrival, packet.clone());
                }
                model.push((arrival, packet));
            }
            model.sort();
            for (arrival, packet) in model {
                prop_assert_eq!(flight.next_arrival(), Some(arrival));
                if arrival > Instant::ZERO {
                    let before = Instant::from_nanos(arrival.as_nanos() - 1);
                    prop_assert_eq!(flight.take(before), None);
                }
                prop_assert_eq!(flight.take(arrival), Some(packet));
            }
            prop_assert!(flight.is_empty());
        }
    }
}
