//! Whose a segment is, asked of the tables: a route of the demultiplexer leads to a record, and that knows its
//! four-tuple.

use super::Stack;
use super::connections::Entry;
use super::demux::Record;
use super::half_open::Embryo;
use super::slab::Slab;
use super::time_wait::TimeWaits;
use super::tuple::FourTuple;

/// The tables that have a record for each four-tuple with a route.
#[derive(Clone, Copy)]
pub(super) struct Records<'a> {
    pub(super) connections: &'a Slab<Entry>,
    pub(super) half_opens: &'a Slab<Embryo>,
    pub(super) time_waits: &'a TimeWaits,
}

impl Records<'_> {
    /// Whether `record` is that of the four-tuple.
    pub(super) fn is_of(&self, record: Record, tuple: &FourTuple) -> bool {
        let its = match record {
            Record::Connection(index) => self.connections.get(index).map(|entry| &entry.tuple),
            Record::HalfOpen(slot) => self.half_opens.get(slot).map(|embryo| &embryo.tuple),
            Record::TimeWait(slot) => self.time_waits.get(slot).map(|remains| &remains.tuple),
        };
        its == Some(tuple)
    }
}

impl Stack {
    fn records(&self) -> Records<'_> {
        Records {
            connections: &self.connections,
            half_opens: &self.half_opens,
            time_waits: &self.time_waits,
        }
    }

    /// What knows a four-tuple.
    pub(super) fn route(&self, tuple: &FourTuple) -> Option<Record> {
        let records = self.records();
        self.demux
            .route(tuple, |record| records.is_of(record, tuple))
    }

    /// As [`route`](Stack::route); the next look for it is shorter.
    #[inline]
    pub(super) fn look(&mut self, tuple: &FourTuple) -> Option<Record> {
        let records = Records {
            connections: &self.connections,
            half_opens: &self.half_opens,
            time_waits: &self.time_waits,
        };
        self.demux
            .look(tuple, |record| records.is_of(record, tuple))
    }
}
