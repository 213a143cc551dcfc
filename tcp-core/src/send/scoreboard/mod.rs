//! What has been sent and not acknowledged, and what is thought to have become of it.

mod crumbs;
mod loss;
#[cfg(any(test, fuzzing))]
pub mod naive;
mod order;
mod pieces;
mod place;
mod report;
mod rest;
mod sent;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeSet, VecDeque};
use core::ops::Range;

use crate::range_set::{RANGE_MEMORY, RangeSet};
use crate::time::Instant;
pub(crate) use loss::Overtaken;
use order::{SendOrder, clear_most};
pub(crate) use pieces::Pieces;
pub(crate) use sent::{Delivered, SendStamp, Sent, Turn};
use sent::{Fate, Place};

/// The outstanding part of the stream, in order and without gaps (RFC 6675 §3).
///
/// ```text
///    una                                                      nxt
///     +-----------+--------+----------+---------+--------------+
///     | in flight | Sacked | Lost     | Sacked  | in flight    |
///     +-----------+--------+----------+---------+--------------+
/// ```
///
/// A run is what went out in one segment, until the pieces of a large one meet different fates and
/// cut it.
///
/// Invariant: `in_flight + sacked + lost` is the length of it all. What an acknowledgement costs
/// depends on what it newly says, and on the logarithm of what is outstanding.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Scoreboard {
    sent: VecDeque<Sent>,
    in_flight: u64,
    sacked: u64,
    lost: u64,
    /// Of what is in flight, what was sent again.
    resent: u64,
    /// Pieces of all runs.
    pieces: u64,
    /// Of those, pieces that are sacked.
    sacked_pieces: u64,
    /// And pieces that are lost.
    lost_pieces: u64,
    /// The offsets of the runs that are sacked.
    reported: RangeSet,
    /// Where the lost runs start.
    lost_runs: BTreeSet<u64>,
    /// What is in flight by when it was sent.
    order: SendOrder,
    /// How many transmissions were made.
    transmissions: u64,
    /// Every run that ends by this offset has been judged by what was reported above it.
    judged: u64,
    /// How often a run was cut since all were that could be.
    cuts: u32,
}

/// How many segments above a hole must be reported before it counts as lost (RFC 6675 §2).
pub(crate) const DUP_THRESH: u64 = 3;

impl Scoreboard {
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Bytes of memory that records take at most.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        // Each run has at most two transmissions in the order, and is reported, or lost, or neither.
        const RUN: usize = size_of::<Sent>() + 2 * SendOrder::TRANSMISSION + RANGE_MEMORY;
        self.sent.capacity() * RUN
    }

    /// Number of runs that are outstanding: segments, as they were handed out.
    pub(crate) fn runs(&self) -> usize {
        self.sent.len()
    }

    /// Bytes thought to be in the network (RFC 6675's "pipe").
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Of those, bytes that were sent again.
    pub(crate) fn resent_in_flight(&self) -> u64 {
        self.resent
    }

    /// The same in segments.
    pub(crate) fn resent_segments(&self, mss: u32) -> u64 {
        self.resent.div_ceil(u64::from(mss.max(1)))
    }

    /// Bytes reported by SACK.
    pub(crate) fn sacked(&self) -> u64 {
        self.sacked
    }

    /// Bytes thought lost and not sent again.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether as much was reported as makes a hole below it a loss (RFC 6675 §2).
    pub(crate) fn is_past_threshold(&self, mss: u32) -> bool {
        self.sacked_pieces >= DUP_THRESH || self.sacked > (DUP_THRESH - 1) * u64::from(mss)
    }

    /// Segments outstanding, reported by SACK, and thought lost.
    pub(crate) fn segments(&self) -> (u64, u64, u64) {
        (self.pieces, self.sacked_pieces, self.lost_pieces)
    }

    /// Where the first piece ends.
    pub(crate) fn first_end(&self) -> Option<u64> {
        self.sent.front().map(Sent::first_piece_end)
    }

    /// When the first run was first sent: before all else that is outstanding.
    pub(crate) fn first_sent_at(&self) -> Option<Instant> {
        self.sent.front().map(|first| first.first_at)
    }

    /// When the first run was last sent.
    pub(crate) fn first_last_sent_at(&self) -> Option<Instant> {
        self.sent.front().map(|first| first.sent_at)
    }

    /// The piece that was first sent last.
    pub(crate) fn last(&self) -> Option<Range<u64>> {
        let last = self.sent.back()?;
        Some(last.last_piece_start()..last.end)
    }

    /// Where the piece that holds `offset` ends.
    pub(crate) fn piece_end_after(&self, offset: u64) -> Option<u64> {
        let sent = self.sent.get(self.index_of(offset))?;
        Some(sent.piece_end_after(offset))
    }

    /// New data, or FIN, was sent in one segment.
    pub(crate) fn push(
        &mut self,
        range: Range<u64>,
        pieces: Pieces,
        now: Instant,
        stamp: SendStamp,
    ) {
        debug_assert!(
            self.sent.back().is_none_or(|last| last.end == range.start),
            "no gaps"
        );
        debug_assert!(range.start < range.end, "something was sent");
        self.transmissions += 1;
        let sent = Sent {
            start: range.start,
            end: range.end,
            first_at: now,
            sent_at: now,
            number: self.transmissions,
            transmissions: 1,
            pieces,
            fate: Fate::InFlight,
            stamp,
        };
        self.count(&sent);
        self.order.push(&sent);
        self.sent.push_back(sent);
    }

    /// The first lost run.
    pub(crate) fn first_lost(&self) -> Option<Range<u64>> {
        let start = *self.lost_runs.first()?;
        let lost = self.sent.get(self.index_of(start))?;
        Some(lost.start..lost.end)
    }

    /// `range`, which lies in a run, was sent again in one segment; the run is cut where the segment
    /// began and ended.
    pub(crate) fn on_retransmit(
        &mut self,
        range: Range<u64>,
        pieces: Pieces,
        now: Instant,
        stamp: SendStamp,
    ) {
        let index = self.index_of(range.start);
        let index = index + usize::from(self.split(index, range.start));
        self.split(index, range.end);
        let Some(&was) = self.sent.get(index) else {
            return;
        };
        debug_assert_eq!((was.start, was.end), (range.start, range.end));
        self.uncount(&was);
        self.transmissions += 1;
        let sent = Sent {
            sent_at: now,
            number: self.transmissions,
            transmissions: was.transmissions.saturating_add(1),
            pieces,
            fate: Fate::InFlight,
            stamp,
            ..was
        };
        self.count(&sent);
        self.order.push(&sent);
        self.sent[index] = sent;
    }

    /// Everything before `una` was acknowledged.
    pub(crate) fn acknowledge(&mut self, una: u64, delivered: &mut Delivered) {
        let mut place = Place::First;
        while let Some(first) = self.sent.front() {
            if first.start >= una {
                break;
            }
            if first.end > una {
                // What follows the piece that was acknowledged in part keeps its boundaries.
                self.split(0, first.boundary_from(una));
                self.split(0, una);
            }
            if let Some(sent) = self.sent.pop_front() {
                self.uncount(&sent);
                if sent.fate != Fate::Sacked {
                    delivered.add(&sent, place);
                }
                place = Place::Later;
            }
        }
        self.reported.remove_below(una);
        self.tidy();
    }

    /// Forgets everything: the connection is dead.
    pub(crate) fn clear(&mut self) {
        if self.transmissions == 0 {
            // It has not been used since.
            return;
        }
        let mut sent = core::mem::take(&mut self.sent);
        let mut order = core::mem::take(&mut self.order);
        order.clear();
        clear_most(&mut sent);
        *self = Scoreboard {
            sent,
            order,
            ..Scoreboard::default()
        };
    }

    /// Index of the run that holds `offset`, or of the first after it.
    fn index_of(&self, offset: u64) -> usize {
        place::index_of(&self.sent, offset)
    }

    /// Changes what is thought of the run at `index`, and the sums with it.
    fn set_fate(&mut self, index: usize, fate: Fate) {
        let Some(sent) = self.sent.get(index) else {
            return;
        };
        let was = *sent;
        self.uncount(&was);
        let sent = Sent { fate, ..was };
        self.count(&sent);
        self.sent[index] = sent;
    }

    fn count(&mut self, sent: &Sent) {
        let (len, pieces) = (sent.len(), sent.pieces.count());
        self.pieces += pieces;
        match sent.fate {
            Fate::InFlight => {
                self.in_flight += len;
                self.resent += if sent.is_resent() { len } else { 0 };
            }
            Fate::Sacked => {
                self.sacked += len;
                self.sacked_pieces += pieces;
            }
            Fate::Lost => {
                self.lost += len;
                self.lost_pieces += pieces;
                self.lost_runs.insert(sent.start);
            }
        }
    }

    fn uncount(&mut self, sent: &Sent) {
        let (len, pieces) = (sent.len(), sent.pieces.count());
        self.pieces -= pieces;
        match sent.fate {
            Fate::InFlight => {
                self.in_flight -= len;
                self.resent -= if sent.is_resent() { len } else { 0 };
            }
            Fate::Sacked => {
                self.sacked -= len;
                self.sacked_pieces -= pieces;
            }
            Fate::Lost => {
                self.lost -= len;
                self.lost_pieces -= pieces;
                self.lost_runs.remove(&sent.start);
                if self.lost_runs.is_empty() {
                    // A set that had members keeps a node; an idle connection shall not.
                    self.lost_runs = BTreeSet::new();
                }
            }
        }
    }

    /// Cuts the run at `index` at offset `at`, if that lies inside of it; says whether it does.
    fn split(&mut self, index: usize, at: u64) -> bool {
        let Some(&whole) = self.sent.get(index) else {
            return false;
        };
        if at <= whole.start || whole.end <= at {
            return false;
        }
        let (head, tail) = whole.pieces.split(at - whole.start, whole.len());
        let head = Sent {
            end: at,
            pieces: head,
            ..whole
        };
        let tail = Sent {
            start: at,
            pieces: tail,
            ..whole
        };
        self.uncount(&whole);
        self.count(&head);
        self.count(&tail);
        self.sent[index] = head;
        self.sent.insert(index + 1, tail);
        self.cuts += 1;
        true
    }

    /// Drops what only the past needs, so that an idle connection holds nothing.
    fn tidy(&mut self) {
        if self.sent.is_empty() {
            self.cuts = 0;
            self.order.clear();
        } else if self.order.len() > 2 * self.sent.len() + 64 {
            self.order.rebuild(self.sent.iter());
        }
    }

    /// Checks the invariants against the records; for tests.
    pub(crate) fn assert_invariants(&self, una: u64, nxt: u64) {
        let of = |fate| self.sent.iter().filter(move |sent| sent.fate == fate);
        let sum = |fate| of(fate).map(Sent::len).sum::<u64>();
        assert_eq!(sum(Fate::InFlight), self.in_flight, "in flight");
        assert_eq!(sum(Fate::Sacked), self.sacked, "sacked");
        assert_eq!(sum(Fate::Lost), self.lost, "lost");
        let resent = of(Fate::InFlight).filter(|sent| sent.is_resent());
        assert_eq!(resent.map(Sent::len).sum::<u64>(), self.resent, "resent");
        let pieces = |fate| of(fate).map(|sent| sent.pieces.count()).sum::<u64>();
        assert_eq!(pieces(Fate::Sacked), self.sacked_pieces, "sacked pieces");
        assert_eq!(pieces(Fate::Lost), self.lost_pieces, "lost pieces");
        let in_flight = self.pieces - self.sacked_pieces - self.lost_pieces;
        assert_eq!(pieces(Fate::InFlight), in_flight, "pieces in flight");
        let lost = of(Fate::Lost).map(|sent| sent.start);
        assert!(lost.eq(self.lost_runs.iter().copied()), "lost runs");
        let reported: u64 = self.reported.iter().map(|it| it.end - it.start).sum();
        assert_eq!(reported, self.sacked, "reported");
        let mut at = una;
        for sent in &self.sent {
            assert_eq!(sent.start, at, "runs follow each other from una");
            assert!(sent.start < sent.end, "no run is empty");
            assert!(sent.last_piece_start() < sent.end, "no piece is empty");
            at = sent.end;
        }
        assert_eq!(at, nxt, "runs end at nxt");
        let placed = of(Fate::InFlight).all(|sent| self.order.holds(sent));
        assert!(placed, "a place in the order");
    }
}
