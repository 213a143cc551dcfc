//! The clock: one wheel entry for each connection, half-open connection and TIME-WAIT record.
//!
//! A deadline that moves later, as a retransmission timer does with every acknowledgement, leaves
//! its entry where it is: when it fires, the connection is asked again. Only one that moves
//! earlier is armed anew.

use super::Stack;
use super::demux::Record;
use super::wheel::{TimerHandle, Wheel};
use crate::time::Instant;

/// The wheel and what its entries stand for.
#[derive(Clone, Debug)]
pub(super) struct Deadlines {
    wheel: Wheel<Record>,
}

/// An entry of the wheel, kept by the record that it will wake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    timer: TimerHandle,
    at: Instant,
}

impl Deadlines {
    pub(super) fn new() -> Self {
        Deadlines {
            wheel: Wheel::new(),
        }
    }

    /// Sees to it that `record` is woken no later than at `deadline`. Most often it is already.
    #[inline]
    pub(super) fn update(
        &mut self,
        alarm: &mut Option<Alarm>,
        record: Record,
        deadline: Option<Instant>,
    ) {
        if let Some(at) = deadline
            && alarm.is_none_or(|alarm| alarm.at > at)
        {
            self.arm(alarm, record, at);
        }
    }

    #[inline(never)]
    fn arm(&mut self, alarm: &mut Option<Alarm>, record: Record, at: Instant) {
        self.cancel(alarm.take());
        let timer = self.wheel.arm(record, at);
        *alarm = Some(Alarm { timer, at });
    }

    pub(super) fn cancel(&mut self, alarm: Option<Alarm>) {
        if let Some(alarm) = alarm {
            self.wheel.cancel(alarm.timer);
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.wheel.next()
    }

    /// Number of entries.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.wheel.len()
    }

    /// Takes out an entry that is due.
    fn pop(&mut self, now: Instant) -> Option<Record> {
        self.wheel.pop_due(now).map(|(record, _)| record)
    }
}

impl Stack {
    pub(super) fn run_deadlines(&mut self, now: Instant) {
        while let Some(record) = self.deadlines.pop(now) {
            match record {
                Record::Connection(index) => self.handle_connection_timeout(now, index),
                Record::HalfOpen(slot) => self.handle_half_open_timeout(now, slot),
                Record::TimeWait(slot) => self.handle_time_wait_timeout(now, slot),
            }
        }
    }

    fn handle_connection_timeout(&mut self, now: Instant, index: u32) {
        let Some(entry) = self.connections.get_mut(index) else {
            return;
        };
        entry.alarm = None;
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_due(entry.deadline()) {
            let connection = entry.resident.rouse();
            connection.handle_timeout(now, &mut self.counters);
            let lesson = connection.take_fast_open_lesson();
            debug_assert!(
                !is_due(entry.deadline()),
                "a timer that has run must not be due again at the same time"
            );
            if let Some(lesson) = lesson {
                self.learn_of_fast_open(now, index, lesson);
            }
            self.settle(index);
        } else {
            self.note_changes(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record = Record::Connection(7);

    fn at(millis: u64) -> Option<Instant> {
        Some(Instant::from_millis(millis))
    }

    #[test]
    fn only_an_earlier_deadline_is_armed_anew() {
        let mut deadlines = Deadlines::new();
        let mut alarm = None;
        for (deadline, next) in [
            (None, None),
            (at(20), at(20)),
            (at(30), at(20)),
            (None, at(20)),
            (at(10), at(10)),
        ] {
            deadlines.update(&mut alarm, RECORD, deadline);
            assert_eq!(deadlines.next(), next);
            assert_eq!(deadlines.len(), usize::from(next.is_some()));
        }
        assert_eq!(deadlines.pop(Instant::from_millis(9)), None);
        assert_eq!(deadlines.pop(Instant::from_millis(10)), Some(RECORD));
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn a_cancelled_alarm_wakes_nobody() {
        let mut deadlines = Deadlines::new();
        let mut alarm = None;
        deadlines.update(&mut alarm, RECORD, at(20));
        deadlines.cancel(alarm);
        assert_eq!(deadlines.pop(Instant::FAR_FUTURE), None);
    }
}
