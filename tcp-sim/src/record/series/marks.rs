//! What stands at a place in the sequence space at one time.

use std::ops;

use tcp_core::Instant;
use tcp_core::wire::{Control, Header};

use super::thin::Point;
use crate::link::{DropReason, Fate};

/// A segment that occupies sequence space, or several that were merged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// When it was sent.
    pub at: Instant,
    /// When the last of those merged into it was sent.
    pub until: Instant,
    /// The first offset.
    pub start: u64,
    /// The offset after the last.
    pub end: u64,
    /// Of how many.
    pub count: u32,
    /// How many of them were dropped.
    pub dropped: u32,
    /// Its flags; where there are several, those of the first.
    pub flags: Flags,
    /// What became of it, where that is not to arrive once, in time and unchanged; where there
    /// are several, what became of the first to which something happened.
    pub fate: Option<Box<Fate>>,
}

/// The flags of a segment that say more than that it has data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flags {
    /// SYN or FIN.
    pub control: Control,
    /// PSH.
    pub push: bool,
    /// CWR (RFC 3168).
    pub cwr: bool,
}

impl Segment {
    /// A segment that was sent.
    pub(super) fn new(
        at: Instant,
        range: ops::Range<u64>,
        header: &Header,
        fate: &Fate,
    ) -> Segment {
        let is_harmed = *fate != Fate::unharmed(fate.number);
        Segment {
            at,
            until: at,
            start: range.start,
            end: range.end,
            count: 1,
            dropped: 0,
            flags: Flags {
                control: header.control,
                push: header.push,
                cwr: header.cwr,
            },
            fate: is_harmed.then(|| Box::new(*fate)),
        }
    }

    /// Whether a segment of this range may be among these and not be known to be dropped.
    pub(super) fn may_lose(&self, start: u64, end: u64) -> bool {
        self.start <= start && end <= self.end && self.dropped < self.count
    }

    /// One of these was dropped.
    pub(super) fn lose(&mut self, reason: DropReason) {
        self.dropped += 1;
        let fate = self.fate.get_or_insert_default();
        fate.dropped = Some(reason);
    }
}

impl Point for Segment {
    fn at(&self) -> Instant {
        self.at
    }

    fn absorb(&mut self, later: Segment) {
        self.until = self.until.max(later.until);
        self.start = self.start.min(later.start);
        self.end = self.end.max(later.end);
        self.count += later.count;
        self.dropped += later.dropped;
        if self.fate.is_none() {
            self.fate = later.fate;
        }
    }
}

/// A range of the sequence space: a segment that was dropped, or a block of a SACK.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Range {
    /// When the segment was sent, or the acknowledgement came.
    pub at: Instant,
    /// The first offset.
    pub start: u64,
    /// The offset after the last.
    pub end: u64,
    /// Why it was dropped.
    pub reason: Option<DropReason>,
}

/// The larger one stands for both.
impl Point for Range {
    fn at(&self) -> Instant {
        self.at
    }

    fn absorb(&mut self, later: Range) {
        if later.end - later.start > self.end - self.start {
            *self = Range {
                at: self.at,
                ..later
            };
        }
    }
}

/// A segment that says something without data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// When it was sent.
    pub at: Instant,
    /// Its offset; of FIN and RST the one behind them.
    pub offset: u64,
    /// What it says.
    pub kind: MarkKind,
}

/// What a [`Mark`] says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MarkKind {
    /// SYN.
    Syn,
    /// FIN.
    Fin,
    /// RST.
    Rst,
    /// A window or keep-alive probe.
    Probe,
}

/// FIN and RST stand for a probe in their neighbourhood, and the first of equals for all.
impl Point for Mark {
    fn at(&self) -> Instant {
        self.at
    }

    fn absorb(&mut self, later: Mark) {
        if self.kind == MarkKind::Probe {
            *self = Mark {
                at: self.at,
                ..later
            };
        }
    }
}
