//! The record of one segment that was sent, and what its acknowledgement adds up to.

use crate::time::Instant;

/// A run of offsets that went out in one segment. SYN is not here; FIN is, as its own offset.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Sent {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// When it was last sent.
    pub(crate) sent_at: Instant,
    /// Its last transmission's place among all: the clock may not tell two of a burst apart.
    pub(crate) number: u64,
    /// How often it was sent; at least 1.
    pub(crate) transmissions: u16,
    pub(super) fate: Fate,
    pub(crate) stamp: SendStamp,
}

impl Sent {
    pub(crate) fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether it was sent more than once.
    pub(crate) fn is_resent(&self) -> bool {
        self.transmissions > 1
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
    /// The lowest end of one that arrived by its first transmission, though it was sent again.
    pub(crate) lowest_late: Option<u64>,
    /// The highest end.
    pub(crate) highest: u64,
    /// The one that was sent last and that this acknowledgement surely is of.
    pub(crate) latest: Option<Sent>,
    /// The send time in milliseconds of what this acknowledgement echoes, where it echoes anything:
    /// what was sent again later than that is acknowledged for an earlier transmission.
    pub(crate) echo: Option<u64>,
    /// What was sent again less long ago than the least round-trip time is acknowledged for an earlier
    /// transmission as well: nothing sent after this.
    pub(crate) too_recent: Option<Instant>,
}

impl Delivered {
    /// `sent` was delivered. `echo` is what the acknowledgement echoes, where that is of this segment:
    /// of the one that filled the hole at SND.UNA. What lies above is reported with an echo of what
    /// came in order before it (RFC 7323 §4.3), which is older than any repair.
    pub(super) fn add(&mut self, sent: &Sent, echo: Option<u64>) {
        self.bytes += sent.len();
        self.segments += 1;
        self.highest = self.highest.max(sent.end);
        if sent.is_resent() {
            self.resent = true;
            let overtaken = echo.is_some_and(|echo| sent.sent_at.as_millis() > echo)
                || self.too_recent.is_some_and(|limit| sent.sent_at > limit);
            if overtaken {
                self.lowest_late = lower(self.lowest_late, sent.end);
                return;
            }
        } else {
            self.sent_at = self.sent_at.max(Some(sent.sent_at));
            self.lowest_original = lower(self.lowest_original, sent.end);
        }
        if self
            .latest
            .as_ref()
            .is_none_or(|latest| sent.number > latest.number)
        {
            self.latest = Some(sent.clone());
        }
    }
}

fn lower(lowest: Option<u64>, end: u64) -> Option<u64> {
    Some(lowest.map_or(end, |it| it.min(end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::scoreboard::Scoreboard;

    /// Three segments of 100 bytes, all taken for lost and sent again at 50 ms.
    fn repairing() -> Scoreboard {
        let mut board = Scoreboard::default();
        let at = Instant::from_millis;
        for n in 0..3 {
            board.push(n * 100..n * 100 + 100, at(0), SendStamp::default());
        }
        board.mark_timed_out(at(40), core::time::Duration::ZERO, &mut |_| {});
        for n in 0..3 {
            board.on_retransmit(n * 100..n * 100 + 100, at(50), SendStamp::default());
        }
        board
    }

    #[test]
    fn the_echo_tells_of_the_hole_at_una_alone() {
        let old = || Delivered {
            echo: Some(0),
            ..Delivered::default()
        };
        let mut reported = old();
        repairing().sack(100..200, &mut reported);
        assert_eq!(
            reported.lowest_late, None,
            "a repair above a hole is in order"
        );
        assert!(reported.latest.is_some());
        let mut acknowledged = old();
        repairing().acknowledge(200, &mut acknowledged);
        assert_eq!(acknowledged.lowest_late, Some(100));
        assert_eq!(acknowledged.latest.map(|latest| latest.end), Some(200));
    }
}
