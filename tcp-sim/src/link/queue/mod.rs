//! What waits for the rate of a link, and what is dropped so that not too much does.

mod codel;
mod red;
mod serializer;
mod store;

use tcp_core::Instant;

use super::config::{Aqm, LinkConfig, QueueLimit};
use super::ecn;
use super::fate::DropReason;
use super::stats::QueueLen;
use crate::units::Rate;
use codel::Codel;
use red::{Red, Verdict};
use serializer::Serializer;
pub(super) use store::Waiting;
use store::{Marking, Store};

/// A queue and the transmitter that it waits for.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    serializer: Serializer,
    limit: QueueLimit,
    store: Store,
    discipline: Discipline,
}

#[derive(Clone, Debug)]
enum Discipline {
    DropTail,
    Codel(Codel),
    Red(Red),
}

/// What became of a packet that came to a queue.
#[derive(Clone, Debug)]
pub(super) enum Offered {
    /// It waits, or is sent at once.
    Taken,
    /// The same, and it says 'congestion experienced' now.
    Marked,
    Dropped(Waiting, DropReason),
}

impl Queue {
    pub(super) fn new(config: &LinkConfig, rate: Rate, seed: u64) -> Queue {
        let marking = |ecn| if ecn { Marking::Ecn } else { Marking::Never };
        let discipline = match config.aqm {
            Aqm::DropTail => Discipline::DropTail,
            Aqm::Codel {
                target,
                interval,
                ecn,
            } => Discipline::Codel(Codel::new(target, interval, marking(ecn))),
            Aqm::Red {
                min,
                max,
                probability,
                ecn,
            } => Discipline::Red(Red::new([min, max], probability, marking(ecn), rate, seed)),
        };
        Queue {
            serializer: Serializer::new(rate),
            limit: config.queue,
            store: Store::default(),
            discipline,
        }
    }

    /// A packet comes. Whatever [starts](Queue::start_next) by `now` must have started.
    pub(super) fn offer(&mut self, now: Instant, mut waiting: Waiting) -> Offered {
        let free_at = self.serializer.free_at();
        let idle_since = (self.store.is_empty() && free_at <= now).then_some(free_at);
        let verdict = match &mut self.discipline {
            Discipline::DropTail => Verdict::Pass,
            Discipline::Codel(codel) => {
                codel.saw(waiting.packet.len());
                Verdict::Pass
            }
            Discipline::Red(red) => red.arrival(now, self.store.bytes(), idle_since),
        };
        if verdict == Verdict::Drop {
            return Offered::Dropped(waiting, DropReason::Aqm);
        }
        if idle_since.is_none() && !self.has_room_for(waiting.packet.len()) {
            return Offered::Dropped(waiting, DropReason::QueueFull);
        }
        if verdict == Verdict::Mark && !ecn::mark(&mut waiting.packet) {
            return Offered::Dropped(waiting, DropReason::Aqm);
        }
        self.store.push(waiting);
        if verdict == Verdict::Mark {
            Offered::Marked
        } else {
            Offered::Taken
        }
    }

    /// The next packet of which the transmitter begins to send by `now`, and when all of it has
    /// left.
    pub(super) fn start_next(&mut self, now: Instant) -> Option<(Instant, Waiting)> {
        let start = self.next_start().filter(|start| *start <= now)?;
        let waiting = match &mut self.discipline {
            Discipline::Codel(codel) => codel.dequeue(start, &mut self.store)?,
            Discipline::DropTail | Discipline::Red(_) => self.store.pop()?.0,
        };
        let left_at = self.serializer.send(start, waiting.packet.len());
        Some((left_at, waiting))
    }

    /// When the transmitter turns to the first packet that waits.
    pub(super) fn next_start(&self) -> Option<Instant> {
        let first = self.store.first()?;
        Some(self.serializer.free_at().max(first.since))
    }

    /// Whether packets are dropped after they were taken.
    pub(super) fn drops_at_head(&self) -> bool {
        matches!(self.discipline, Discipline::Codel(_))
    }

    /// The next packet that was dropped at the head.
    pub(super) fn take_dropped(&mut self) -> Option<Waiting> {
        self.store.dropped.pop_front()
    }

    /// How many packets were marked at the head since this was last asked.
    pub(super) fn take_marked(&mut self) -> u64 {
        std::mem::take(&mut self.store.marked)
    }

    pub(super) fn len(&self) -> QueueLen {
        QueueLen {
            packets: self.store.len(),
            bytes: self.store.bytes(),
        }
    }

    fn has_room_for(&self, bytes: usize) -> bool {
        match self.limit {
            QueueLimit::Packets(most) => self.store.len() < most,
            QueueLimit::Bytes(most) => (self.store.bytes() + bytes) as u64 <= most.0,
        }
    }
}
