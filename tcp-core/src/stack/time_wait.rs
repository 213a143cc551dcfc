//! Connections in TIME-WAIT: compact records, as many as the configuration allows.

use core::array;

use super::Stack;
use super::deadlines::Alarm;
use super::demux::Record;
use super::half_open::Predecessor;
use super::queue::SlotQueue;
use super::reply::Marking;
use super::slab::{Slab, SlotId};
use super::tuple::FourTuple;
use crate::connection::{TimeWait, TimeWaitOutcome};
use crate::time::Instant;
use crate::wire::Segment;

/// The table of records.
#[derive(Clone, Debug)]
pub(super) struct TimeWaits {
    records: Slab<Remains>,
    /// Slots of the table in the order in which they were filled.
    by_age: SlotQueue,
    /// How many of the oldest have been looked for, since their turn to end comes soon.
    expected: usize,
}

/// Records that are looked for at once.
const AT_ONCE: usize = 8;

/// What is left of a connection.
#[derive(Clone, Debug)]
pub(super) struct Remains {
    pub(super) tuple: FourTuple,
    record: TimeWait,
    marking: Marking,
    /// The connection that this was. It still exists where the user has not closed it.
    pub(super) connection: SlotId,
    pub(super) alarm: Option<Alarm>,
}

impl TimeWaits {
    pub(super) const fn new() -> Self {
        TimeWaits {
            records: Slab::new(),
            by_age: SlotQueue::new(),
            expected: 0,
        }
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Remains> {
        self.records.get(slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Remains> {
        self.records.iter().map(|(_, remains)| remains)
    }
}

impl Stack {
    /// Puts a record in a connection's place. Where the table is full the oldest record ends: it
    /// has waited longest, and so is needed least.
    pub(super) fn start_time_wait(
        &mut self,
        tuple: FourTuple,
        record: TimeWait,
        marking: Marking,
        connection: SlotId,
    ) {
        let slot = self
            .time_waits
            .records
            .insert(Remains {
                tuple,
                record,
                marking,
                connection,
                alarm: None,
            })
            .index;
        self.time_waits.by_age.push_back(slot);
        let before = Some(Record::Connection(connection.index));
        self.demux.insert(tuple, before, Record::TimeWait(slot));
        self.rearm_time_wait(slot);
        if self.time_waits.records.len() > self.config.max_time_wait
            && let Some(oldest) = self.time_waits.by_age.front()
        {
            self.counters.time_wait_overflow += 1;
            self.expect_oldest_to_end();
            self.end_time_wait(oldest);
        }
    }

    /// The table is full, and stays so while connections come and go: each that comes ends another.
    fn expect_oldest_to_end(&mut self) {
        let time_waits = &mut self.time_waits;
        if time_waits.expected > 0 {
            time_waits.expected -= 1;
            return;
        }
        let mut oldest = time_waits.by_age.iter().filter_map(|slot| {
            let remains = time_waits.records.get(slot)?;
            Some((remains.tuple, Record::TimeWait(slot)))
        });
        let oldest: [_; AT_ONCE] = array::from_fn(|_| oldest.next());
        self.demux.look_for_all(oldest);
        time_waits.expected = AT_ONCE - 1;
    }

    pub(super) fn end_time_wait(&mut self, slot: u32) {
        let Some(remains) = self.time_waits.records.remove(slot) else {
            return;
        };
        self.time_waits.by_age.remove(slot);
        self.deadlines.cancel(remains.alarm);
        self.demux.remove(&remains.tuple, Record::TimeWait(slot));
        // A user who still holds the connection finds it closed from now on.
        let key = remains.connection;
        if let Some(entry) = self.connections.get_key_mut(key) {
            let connection = entry.resident.rouse();
            connection.end_time_wait(&mut self.counters);
            self.note_changes(key.index);
        }
    }

    pub(super) fn handle_time_wait_segment(
        &mut self,
        now: Instant,
        slot: u32,
        segment: &Segment<'_>,
    ) {
        let Some(remains) = self.time_waits.records.get_mut(slot) else {
            return;
        };
        let (tuple, marking) = (remains.tuple, remains.marking);
        match remains.record.handle_segment(now, segment) {
            TimeWaitOutcome::Ignore => self.rearm_time_wait(slot),
            TimeWaitOutcome::Reply(header) => {
                self.reply(tuple, header, marking);
                self.rearm_time_wait(slot);
            }
            TimeWaitOutcome::Drop => self.end_time_wait(slot),
            TimeWaitOutcome::Reopen(isn_floor) => match self.demux.listener(&tuple) {
                Some(listener) => {
                    let predecessor = Predecessor { slot, isn_floor };
                    self.handle_syn(now, listener, tuple, segment, Some(predecessor));
                }
                None => self.refuse(now, tuple, segment),
            },
        }
    }

    pub(super) fn handle_time_wait_timeout(&mut self, now: Instant, slot: u32) {
        let Some(remains) = self.time_waits.records.get_mut(slot) else {
            return;
        };
        remains.alarm = None;
        if remains.record.expires_at() <= now {
            self.end_time_wait(slot);
        } else {
            self.rearm_time_wait(slot);
        }
    }

    fn rearm_time_wait(&mut self, slot: u32) {
        if let Some(remains) = self.time_waits.records.get_mut(slot) {
            self.deadlines.update(
                &mut remains.alarm,
                Record::TimeWait(slot),
                Some(remains.record.expires_at()),
            );
        }
    }
}
