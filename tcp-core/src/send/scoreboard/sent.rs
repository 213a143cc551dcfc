//! The record of one segment that was sent, and what its acknowledgement adds up to.

use super::pieces::Pieces;
use crate::pack::packs;
use crate::time::Instant;

/// A run of offsets that went out in one segment, of one piece or several. SYN is not here; FIN is, as
/// its own offset.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Sent {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// When it was first sent.
    pub(super) first_at: Instant,
    /// When it was last sent.
    pub(crate) sent_at: Instant,
    /// Its last transmission's place among all: the clock may not tell two of a burst apart.
    pub(crate) number: u64,
    /// How often it was sent; at least 1.
    pub(crate) transmissions: u16,
    /// What it is cut into on the wire.
    pub(crate) pieces: Pieces,
    pub(super) fate: Fate,
    pub(crate) stamp: SendStamp,
}

/// The place of a part of the stream among all that was sent. The pieces of one transmission follow each
/// other as they lie in the stream (RFC 8985 §6.2 step 2, `RACK_sent_after`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Turn {
    /// The transmission's place among all.
    pub(crate) number: u64,
    /// Where the part ends.
    pub(crate) end: u64,
}

packs!(Turn { number, end });

impl Sent {
    /// Its place among all that was sent.
    pub(crate) fn turn(&self) -> Turn {
        Turn {
            number: self.number,
            end: self.end,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether it was sent more than once.
    pub(crate) fn is_resent(&self) -> bool {
        self.transmissions > 1
    }

    /// Where its first piece ends.
    pub(super) fn first_piece_end(&self) -> u64 {
        self.pieces
            .size()
            .map_or(self.end, |size| self.start + size)
    }

    /// Where the piece ends that holds `offset`.
    pub(super) fn piece_end_after(&self, offset: u64) -> u64 {
        self.boundary_from(offset + 1)
    }

    /// Where its last piece begins.
    pub(super) fn last_piece_start(&self) -> u64 {
        self.boundary_by(self.end)
    }

    /// The last end of a piece at or before `offset`, or the start.
    pub(super) fn boundary_by(&self, offset: u64) -> u64 {
        self.start + self.pieces.boundary_by(offset.saturating_sub(self.start))
    }

    /// The first start of a piece at or after `offset`, or the end.
    pub(super) fn boundary_from(&self, offset: u64) -> u64 {
        let at = offset.saturating_sub(self.start);
        let boundary = self.pieces.boundary_from(at);
        boundary.map_or(self.end, |at| self.start + at)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Fate {
    /// Thought to be in the network.
    InFlight,
    /// The peer reported it by SACK.
    Sacked,
    /// Thought to be lost, and not sent again since.
    Lost,
}

/// What the connection had delivered and lost when a segment was last sent: the base of a sample of
/// the delivery rate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct SendStamp {
    /// Bytes delivered.
    pub(crate) delivered: u64,
    /// When the last of them was.
    pub(crate) delivered_at: Instant,
    /// When the segment was sent whose acknowledgement came last, or the flight began.
    pub(crate) first_sent_at: Instant,
    /// Bytes found lost.
    pub(crate) lost: u64,
    /// Bytes in the network, this segment's included.
    pub(crate) in_flight: u32,
    /// Whether the application had less to send than might have gone.
    pub(crate) app_limited: bool,
}

/// What one acknowledgement, cumulatively and selectively, newly delivered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Delivered {
    /// Bytes of the stream (and FIN) that were not known to be delivered before.
    pub(crate) bytes: u64,
    /// Segments of them.
    pub(crate) segments: u64,
    /// When the latest of them that was sent only once was sent: a round-trip sample by Karn's rule.
    pub(crate) sent_at: Option<Instant>,
    /// Whether one of them had been sent again.
    pub(crate) resent: bool,
    /// The lowest end of one that was sent only once.
    pub(crate) lowest_original: Option<u64>,
    /// The lowest start of those ends' segments; means nothing without them.
    pub(crate) lowest_start: u64,
    /// The lowest end of one that arrived by its first transmission, though it was sent again.
    pub(crate) lowest_late: Option<u64>,
    /// When the latest of those was last sent.
    pub(crate) late_sent_at: Option<Instant>,
    /// The highest end.
    pub(crate) highest: u64,
    /// The one that was sent last and that this acknowledgement surely is of.
    pub(crate) latest: Option<Sent>,
    /// The send time in milliseconds of what this acknowledgement echoes, where it echoes anything: of
    /// the first segment that it acknowledges cumulatively (RFC 7323 §4.3). If that was sent again later,
    /// it is acknowledged for an earlier transmission. The echo says nothing of the others.
    pub(crate) echo: Option<u64>,
    /// What was sent again less long ago than the least round-trip time is acknowledged for an earlier
    /// transmission as well: nothing sent after this.
    pub(crate) too_recent: Option<Instant>,
}

/// Where a segment that is delivered stood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// At SND.UNA.
    First,
    /// Behind others.
    Later,
}

impl Delivered {
    pub(super) fn add(&mut self, sent: &Sent, place: Place) {
        self.bytes += sent.len();
        self.segments += sent.pieces.count();
        self.highest = self.highest.max(sent.end);
        if sent.is_resent() {
            self.resent = true;
            let echo = self.echo.filter(|_| place == Place::First);
            let overtaken = echo.is_some_and(|echo| sent.sent_at.as_millis() > echo)
                || self.too_recent.is_some_and(|limit| sent.sent_at > limit);
            if overtaken {
                self.note_start(sent.start);
                self.lowest_late = lower(self.lowest_late, sent.end);
                self.late_sent_at = self.late_sent_at.max(Some(sent.sent_at));
                return;
            }
        } else {
            self.sent_at = self.sent_at.max(Some(sent.sent_at));
            self.note_start(sent.start);
            self.lowest_original = lower(self.lowest_original, sent.end);
        }
        if self.latest.is_none_or(|latest| sent.turn() > latest.turn()) {
            self.latest = Some(*sent);
        }
    }

    /// Before the end that goes with it is taken.
    fn note_start(&mut self, start: u64) {
        let none = self.lowest_original.is_none() && self.lowest_late.is_none();
        self.lowest_start = if none {
            start
        } else {
            self.lowest_start.min(start)
        };
    }
}

fn lower(lowest: Option<u64>, end: u64) -> Option<u64> {
    Some(lowest.map_or(end, |it| it.min(end)))
}
