//! Finding what is lost: by time, by what was reported above it, or all of it.

use core::time::Duration;

use super::order::Transmission;
use super::sent::{Fate, Sent, Turn};
use super::{DUP_THRESH, Scoreboard};
use crate::time::Instant;

/// What RACK judges by (RFC 8985 §6.2 step 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Overtaken {
    /// The latest that is known to be delivered.
    pub(crate) by: Turn,
    /// Now.
    pub(crate) now: Instant,
    /// How long after it was sent what was overtaken is lost.
    pub(crate) patience: Duration,
}

impl Scoreboard {
    /// Marks what was sent before `overtaken` and is due; says when the next will be. Tells `lost` of
    /// each.
    pub(crate) fn mark_overtaken(
        &mut self,
        overtaken: Overtaken,
        lost: &mut dyn FnMut(&Sent),
    ) -> Option<Instant> {
        while let Some(first) = self.order.first() {
            let Some(index) = self.find(&first) else {
                self.order.pop();
                continue;
            };
            let sent = &self.sent[index];
            if sent.turn() >= overtaken.by {
                return None;
            }
            let due = sent.sent_at + overtaken.patience;
            if due > overtaken.now {
                return Some(due);
            }
            lost(sent);
            self.set_fate(index, Fate::Lost);
        }
        None
    }

    /// Marks what RFC 6675's `IsLost` says of runs sent once: three segments, or more than two
    /// segments' worth of bytes, were reported above them.
    pub(crate) fn mark_lost_below_sacked(&mut self, mss: u32, lost: &mut dyn FnMut(&Sent)) {
        let Some(end) = self.lost_below(mss) else {
            return;
        };
        for index in self.index_of(self.judged)..self.index_of(end) {
            let sent = &self.sent[index];
            if sent.fate == Fate::InFlight && !sent.is_resent() {
                lost(sent);
                self.set_fate(index, Fate::Lost);
            }
        }
        self.judged = self.judged.max(end);
    }

    /// The offset that has as much reported above it as makes a loss of what is not reported below.
    fn lost_below(&self, mss: u32) -> Option<u64> {
        let (mut segments, mut bytes) = (0, 0);
        for range in self.reported.iter().rev() {
            let runs = self.sent.partition_point(|sent| sent.end <= range.end);
            let runs = self.sent.range(..runs).rev();
            for sent in runs.take_while(|sent| sent.start >= range.start) {
                segments += sent.pieces.count();
                bytes += sent.len();
                if segments >= DUP_THRESH || bytes > (DUP_THRESH - 1) * u64::from(mss) {
                    return Some(sent.start);
                }
            }
        }
        None
    }

    /// The earliest piece is lost: by duplicate acknowledgements or a partial one (RFC 6582).
    pub(crate) fn mark_first_lost(&mut self, lost: &mut dyn FnMut(&Sent)) {
        if let Some(first) = self.sent.front()
            && first.fate == Fate::InFlight
        {
            self.split(0, first.first_piece_end());
            lost(&self.sent[0]);
            self.set_fate(0, Fate::Lost);
        }
    }

    /// A timeout: the first run is lost, and so is whatever was not reported and was sent `patience`
    /// ago or earlier. Where the first run was reported and yet not acknowledged, the peer has reneged, and no
    /// report is believed (RFC 2018 §8). Says whether it has.
    pub(crate) fn mark_timed_out(
        &mut self,
        now: Instant,
        patience: Duration,
        lost: &mut dyn FnMut(&Sent),
    ) -> bool {
        let reneged = self
            .sent
            .front()
            .is_some_and(|first| first.fate == Fate::Sacked);
        if reneged {
            self.reported = Default::default();
        }
        for index in 0..self.sent.len() {
            let sent = &self.sent[index];
            let overdue = index == 0 || sent.sent_at + patience <= now;
            if (sent.fate == Fate::InFlight && overdue) || (reneged && sent.fate == Fate::Sacked) {
                lost(sent);
                self.set_fate(index, Fate::Lost);
            }
        }
        reneged
    }

    /// The run that holds `offset`, if it is in the network, is lost.
    pub(crate) fn mark_lost_at(&mut self, offset: u64) {
        let index = self.index_of(offset);
        if self
            .sent
            .get(index)
            .is_some_and(|sent| sent.fate == Fate::InFlight)
        {
            self.set_fate(index, Fate::Lost);
        }
    }

    /// Nothing was lost after all: what was thought so is in the network.
    pub(crate) fn unmark_lost(&mut self) {
        while let Some(&start) = self.lost_runs.first() {
            self.set_fate(self.index_of(start), Fate::InFlight);
        }
        self.judged = 0;
        self.order.rebuild(self.sent.iter());
        self.tidy();
    }

    /// The first run that is in the network by this transmission, if there is one.
    fn find(&self, transmission: &Transmission) -> Option<usize> {
        let first = self.index_of(transmission.start);
        let runs = self.sent.range(first..);
        let mut runs = runs.take_while(|sent| sent.start < transmission.end);
        let found = runs.position(|sent| transmission.is_of(sent))?;
        Some(first + found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::scoreboard::{Delivered, Pieces, SendStamp};
    use alloc::vec::Vec;

    fn mark_below(board: &mut Scoreboard) -> Vec<u64> {
        let mut starts = Vec::new();
        board.mark_lost_below_sacked(100, &mut |sent| starts.push(sent.start));
        starts
    }

    #[test]
    fn what_was_taken_back_may_be_found_lost_again_by_what_is_above_it() {
        let mut board = Scoreboard::default();
        for start in [0, 100, 200, 300, 400] {
            let range = start..start + 100;
            board.push(range, Pieces::ONE, Instant::ZERO, SendStamp::default());
        }
        board.sack(200..500, &mut Delivered::default());
        assert_eq!(mark_below(&mut board), [0, 100]);
        assert!(mark_below(&mut board).is_empty(), "once");
        board.unmark_lost();
        assert_eq!(mark_below(&mut board), [0, 100]);
    }
}
