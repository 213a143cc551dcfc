//! Transmissions in the order in which they were made.

use alloc::collections::VecDeque;

use super::sent::{Fate, Sent};

/// Every transmission of what is in the network, the earliest first. Those of whose segment nothing is,
/// since it was delivered, found lost or sent again, are dropped when they come to the front.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct SendOrder {
    transmissions: VecDeque<Transmission>,
}

/// One transmission of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Transmission {
    /// Where the segment began.
    pub(super) start: u64,
    /// Where it ended. What was reported or sent again since has cut its record to several.
    pub(super) end: u64,
    /// Its place among all.
    number: u64,
}

impl Transmission {
    /// Whether it is the last that was made of `sent`, and is still in the network.
    pub(super) fn is_of(&self, sent: &Sent) -> bool {
        sent.fate == Fate::InFlight && sent.number == self.number
    }
}

/// Records for which there may be memory while there are none.
const KEPT: usize = 16;

/// Drops every record, and the memory where there is much of it.
pub(super) fn clear_most<T>(records: &mut VecDeque<T>) {
    if records.capacity() > KEPT {
        *records = VecDeque::new();
    } else {
        records.clear();
    }
}

impl SendOrder {
    /// Bytes of the record of one transmission.
    pub(super) const TRANSMISSION: usize = size_of::<Transmission>();

    pub(super) fn push(&mut self, sent: &Sent) {
        self.transmissions.push_back(Transmission {
            start: sent.start,
            end: sent.end,
            number: sent.number,
        });
    }

    pub(super) fn first(&self) -> Option<Transmission> {
        self.transmissions.front().copied()
    }

    pub(super) fn pop(&mut self) {
        self.transmissions.pop_front();
    }

    pub(super) fn len(&self) -> usize {
        self.transmissions.len()
    }

    pub(super) fn clear(&mut self) {
        clear_most(&mut self.transmissions);
    }

    /// Whether `sent` has its place here; for tests.
    pub(super) fn holds(&self, sent: &Sent) -> bool {
        let at = self
            .transmissions
            .partition_point(|it| (it.number, it.end) < (sent.number, sent.end));
        let place = self.transmissions.get(at);
        place.is_some_and(|it| it.is_of(sent) && it.start <= sent.start && sent.end <= it.end)
    }

    /// Begins anew with what of `sent` is in the network.
    pub(super) fn rebuild<'a>(&mut self, sent: impl Iterator<Item = &'a Sent>) {
        self.transmissions.clear();
        for sent in sent.filter(|sent| sent.fate == Fate::InFlight) {
            self.push(sent);
        }
        self.transmissions
            .make_contiguous()
            .sort_by_key(|transmission| (transmission.number, transmission.start));
    }
}
