//! What the peer reports by SACK.

use core::ops::Range;

use super::Scoreboard;
use super::sent::{Delivered, Fate, Place};

impl Scoreboard {
    /// `range` was reported by SACK (RFC 2018). Only pieces that it covers wholly are delivered: a peer
    /// that reports odd parts of segments must not cut our records to crumbs.
    pub(crate) fn sack(&mut self, range: Range<u64>, delivered: &mut Delivered) {
        self.cut_all_if_many_were();
        let mut at = range.start;
        while at < range.end {
            let index = self.index_of(at);
            at = match self.sent.get(index) {
                None => return,
                Some(run) if run.fate == Fate::Sacked => {
                    let known = self.reported.range_at(at);
                    known.map_or(run.end, |known| known.end.max(run.end))
                }
                Some(_) => self.sack_gap(index, at..range.end, delivered),
            };
        }
    }

    /// The start of `range`, in the run at `index`, has not been reported before, and so is the rest of it up to the first
    /// run that has; gives where that starts, or the end of the range.
    fn sack_gap(&mut self, mut index: usize, range: Range<u64>, delivered: &mut Delivered) -> u64 {
        let Some(first) = self.sent.get(index) else {
            return range.end;
        };
        let start = first.boundary_from(range.start);
        let (mut end, mut done) = (start, range.end);
        let mut is_apart = true;
        while let Some(sent) = self.sent.get(index) {
            if sent.fate == Fate::Sacked {
                is_apart &= sent.start > end;
                done = sent.start.min(range.end);
                break;
            }
            let from = sent.start.max(start);
            let to = if sent.end <= range.end {
                sent.end
            } else {
                sent.boundary_by(range.end)
            };
            if sent.end > start {
                if to <= from {
                    break;
                }
                index += usize::from(self.split(index, from));
                self.split(index, to);
                if end == start {
                    let before = index.checked_sub(1).and_then(|it| self.sent.get(it));
                    is_apart = before.is_none_or(|it| it.fate != Fate::Sacked);
                }
                delivered.add(&self.sent[index], Place::Later);
                self.set_fate(index, Fate::Sacked);
                end = to;
            }
            index += 1;
        }
        if is_apart {
            self.reported.insert_apart(start..end);
        } else {
            self.reported.insert(start..end);
        }
        done
    }
}
