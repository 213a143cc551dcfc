//! The wire itself: delay, and the faults of single packets.

use std::time::Duration;

use tcp_core::Instant;

use super::config::{LinkConfig, Spike};
use super::corrupt::invert_bit;
use super::fault::Fault;
use super::flight::Flight;
use super::passage::{Passage, Trouble};
use super::stats::LinkStats;

/// Packets that have left the transmitter.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    delay: Duration,
    spikes: Vec<Spike>,
    flight: Flight,
    /// When the last packet arrives of those that keep their place.
    last_in_place: Instant,
    waits_for_next: Option<Overtaken>,
}

/// A packet that waits for the next one to pass it.
#[derive(Clone, Debug)]
struct Overtaken {
    /// When it arrives if none does.
    arrival: Instant,
    packet: Vec<u8>,
    copies: u8,
}

impl Wire {
    pub(super) fn new(config: &LinkConfig) -> Wire {
        Wire {
            delay: config.delay,
            spikes: config.spikes.clone(),
            flight: Flight::default(),
            last_in_place: Instant::ZERO,
            waits_for_next: None,
        }
    }

    /// A packet has left at `now`.
    pub(super) fn carry(
        &mut self,
        now: Instant,
        packet: Vec<u8>,
        passage: &Passage,
        stats: &mut LinkStats,
    ) {
        let jitter = Duration::from_nanos(passage.jitter);
        let delay = self.delay + self.extra(now);
        let arrival = (now + delay + jitter).max(self.last_in_place);
        let overtaken = self.waits_for_next.take();
        match &passage.trouble {
            None => {
                self.last_in_place = arrival;
                self.flight.put(arrival, packet);
            }
            Some(trouble) if trouble.lost.is_some() => {}
            Some(trouble) => self.carry_with_trouble(arrival, packet, trouble, stats),
        }
        // A packet that was to be passed is passed now, whatever becomes of the one passing it.
        if let Some(Overtaken { packet, copies, .. }) = overtaken {
            each_copy(packet, copies, |it| self.flight.put(arrival, it));
        }
    }

    /// What spikes add to the delay of a packet that leaves at `now`.
    fn extra(&self, now: Instant) -> Duration {
        let now = now.saturating_duration_since(Instant::ZERO);
        let has_begun = self
            .spikes
            .iter()
            .filter(|it| it.from <= now && now < it.until);
        has_begun.map(|it| it.extra).max().unwrap_or_default()
    }

    fn carry_with_trouble(
        &mut self,
        arrival: Instant,
        mut packet: Vec<u8>,
        trouble: &Trouble,
        stats: &mut LinkStats,
    ) {
        let mut copies = trouble.copies;
        let mut late = trouble.late;
        let mut past_next = None;
        match trouble.fault {
            None | Some(Fault::Drop) => {}
            Some(Fault::Duplicate) => copies += 1,
            Some(Fault::Delay(by)) => late = Some(late.unwrap_or_default().saturating_add(by)),
            Some(Fault::PastNext(at_most)) => past_next = Some(at_most),
            Some(Fault::Corrupt(bit)) => invert_bit(&mut packet, bit),
        }
        if let Some(bit) = trouble.corrupted {
            invert_bit(&mut packet, bit);
        }
        let corrupted = matches!(trouble.fault, Some(Fault::Corrupt(_)));
        stats.corrupted += u64::from(corrupted || trouble.corrupted.is_some());
        stats.reordered += u64::from(late.is_some() || past_next.is_some());
        stats.duplicated += u64::from(copies);
        let late_arrival = arrival + late.unwrap_or_default();
        if let Some(at_most) = past_next {
            self.waits_for_next = Some(Overtaken {
                arrival: late_arrival + at_most,
                packet,
                copies,
            });
        } else if late.is_some() {
            each_copy(packet, copies, |it| self.flight.put_late(late_arrival, it));
        } else {
            self.last_in_place = arrival;
            each_copy(packet, copies, |it| self.flight.put(arrival, it));
        }
    }

    /// The next packet that has arrived by `now`.
    pub(super) fn take(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.waits_for_next.is_some() {
            self.wait_no_longer(now);
        }
        self.flight.take(now)
    }

    /// Lets a packet arrive that waited for another to pass it, if it is time.
    fn wait_no_longer(&mut self, now: Instant) {
        let waited = self.waits_for_next.take_if(|it| it.arrival <= now);
        if let Some(Overtaken {
            arrival,
            packet,
            copies,
        }) = waited
        {
            each_copy(packet, copies, |it| self.flight.put_late(arrival, it));
        }
    }

    /// When the next packet arrives.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        let waits = self.waits_for_next.as_ref().map(|it| it.arrival);
        match (self.flight.next_arrival(), waits) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// The least time that a packet takes.
    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flight.is_empty() && self.waits_for_next.is_none()
    }
}

/// Gives out a packet and its copies, which mostly are none.
fn each_copy(packet: Vec<u8>, copies: u8, mut put: impl FnMut(Vec<u8>)) {
    for _ in 0..copies {
        put(packet.clone());
    }
    put(packet);
}
