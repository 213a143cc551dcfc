//! What has been sent and not acknowledged, and what is thought to have become of it.

use alloc::collections::VecDeque;
use core::ops::Range;

use crate::time::Instant;

/// A run of offsets that went out in one segment. SYN is not here; FIN is, as its own offset.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Sent {
    start: u64,
    end: u64,
    /// When it was last sent.
    sent_at: Instant,
    /// How often it was sent; at least 1.
    transmissions: u16,
    fate: Fate,
}

impl Sent {
    fn len(&self) -> u64 {
        self.end - self.start
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Fate {
    /// Thought to be in the network.
    InFlight,
    /// The peer reported it by SACK.
    Sacked,
    /// Thought to be lost, and not sent again since.
    Lost,
}

/// The outstanding part of the stream, in order and without gaps (RFC 6675 §3).
///
/// ```text
///    una                                                      nxt
///     +-----------+--------+----------+---------+--------------+
///     | in flight | Sacked | Lost     | Sacked  | in flight    |
///     +-----------+--------+----------+---------+--------------+
/// ```
///
/// Invariant: `in_flight + sacked + lost` is the length of it all.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Scoreboard {
    sent: VecDeque<Sent>,
    in_flight: u64,
    sacked: u64,
    lost: u64,
    /// Every run that ends by this offset has been judged by what was reported above it.
    judged: u64,
    /// Offset after the last run that was ever reported by SACK.
    highest_sacked: u64,
    /// No run that begins before this is lost.
    lost_hint: u64,
}

/// What an acknowledgement, cumulative or selective, newly delivered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Delivered {
    /// Bytes of the stream (and FIN) that were not known to be delivered before.
    pub(crate) bytes: u64,
    /// How many segments they went out in.
    pub(crate) segments: u64,
    /// When the latest of them that was sent only once was sent: a round-trip sample by Karn's rule.
    pub(crate) sent_at: Option<Instant>,
    /// Whether one of them had been sent again.
    pub(crate) resent: bool,
}

impl Delivered {
    fn add(&mut self, sent: &Sent) {
        self.bytes += sent.len();
        self.segments += 1;
        if sent.transmissions == 1 {
            self.sent_at = self.sent_at.max(Some(sent.sent_at));
        }
        self.resent |= sent.transmissions > 1;
    }

    /// Adds what the same acknowledgement delivered otherwise.
    pub(crate) fn join(&mut self, other: Delivered) {
        self.bytes += other.bytes;
        self.segments += other.segments;
        self.sent_at = self.sent_at.max(other.sent_at);
        self.resent |= other.resent;
    }
}

/// How many segments above a hole must be reported before it counts as lost (RFC 6675 §2).
const DUP_THRESH: u64 = 3;

impl Scoreboard {
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Bytes thought to be in the network (RFC 6675's "pipe").
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Bytes reported by SACK.
    pub(crate) fn sacked(&self) -> u64 {
        self.sacked
    }

    /// Where the first run ends.
    pub(crate) fn first_end(&self) -> Option<u64> {
        self.sent.front().map(|first| first.end)
    }

    /// Where the run that holds `offset` ends.
    pub(crate) fn run_end_after(&self, offset: u64) -> Option<u64> {
        let index = self.sent.partition_point(|sent| sent.end <= offset);
        self.sent.get(index).map(|sent| sent.end)
    }

    /// Number of runs outstanding; for tests.
    #[cfg(test)]
    pub(crate) fn runs(&self) -> u64 {
        self.sent.len() as u64
    }

    /// Bytes thought lost and not sent again.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// New data, or FIN, was sent.
    pub(crate) fn push(&mut self, range: Range<u64>, now: Instant) {
        debug_assert!(
            self.sent.back().is_none_or(|last| last.end == range.start),
            "no gaps"
        );
        debug_assert!(range.start < range.end, "something was sent");
        self.in_flight += range.end - range.start;
        self.sent.push_back(Sent {
            start: range.start,
            end: range.end,
            sent_at: now,
            transmissions: 1,
            fate: Fate::InFlight,
        });
    }

    /// The first lost run.
    pub(crate) fn first_lost(&self) -> Option<Range<u64>> {
        if self.lost == 0 {
            return None;
        }
        let from = self
            .sent
            .partition_point(|sent| sent.start < self.lost_hint);
        let lost = self
            .sent
            .range(from..)
            .find(|sent| sent.fate == Fate::Lost)?;
        Some(lost.start..lost.end)
    }

    /// `range`, which begins a run, was sent again; the run is cut where the segment was shorter.
    pub(crate) fn on_retransmit(&mut self, range: Range<u64>, now: Instant) {
        let index = self.sent.partition_point(|sent| sent.end <= range.start);
        self.split(index, range.end);
        let Some(sent) = self.sent.get_mut(index) else {
            return;
        };
        debug_assert_eq!((sent.start, sent.end), (range.start, range.end));
        let len = sent.len();
        match sent.fate {
            Fate::Lost => {
                self.lost -= len;
                self.in_flight += len;
            }
            Fate::Sacked => {
                self.sacked -= len;
                self.in_flight += len;
            }
            Fate::InFlight => {}
        }
        sent.fate = Fate::InFlight;
        sent.sent_at = now;
        sent.transmissions = sent.transmissions.saturating_add(1);
        self.lost_hint = range.end;
    }

    /// Everything before `una` was acknowledged.
    pub(crate) fn acknowledge(&mut self, una: u64) -> Delivered {
        let mut delivered = Delivered::default();
        while let Some(first) = self.sent.front() {
            if first.start >= una {
                break;
            }
            if first.end > una {
                self.split(0, una);
            }
            let Some(sent) = self.sent.pop_front() else {
                break;
            };
            match sent.fate {
                Fate::InFlight => {
                    self.in_flight -= sent.len();
                    delivered.add(&sent);
                }
                Fate::Lost => {
                    self.lost -= sent.len();
                    delivered.add(&sent);
                }
                Fate::Sacked => self.sacked -= sent.len(),
            }
        }
        delivered
    }

    /// `range` was reported by SACK (RFC 2018). Only runs that it covers wholly are delivered: a peer
    /// that reports odd pieces of segments must not cut our records to pieces.
    pub(crate) fn sack(&mut self, range: Range<u64>) -> Delivered {
        let mut delivered = Delivered::default();
        let first = self.sent.partition_point(|sent| sent.start < range.start);
        for sent in self.sent.range_mut(first..) {
            if sent.end > range.end {
                break;
            }
            match sent.fate {
                Fate::InFlight => self.in_flight -= sent.len(),
                Fate::Lost => self.lost -= sent.len(),
                Fate::Sacked => continue,
            }
            sent.fate = Fate::Sacked;
            self.sacked += sent.len();
            self.highest_sacked = self.highest_sacked.max(sent.end);
            delivered.add(sent);
        }
        delivered
    }

    /// Marks what RFC 6675's `IsLost` says of runs sent once: three segments, or more than two
    /// segments' worth of bytes, were reported above them. Says how many bytes are newly lost.
    pub(crate) fn mark_lost_below_sacked(&mut self, mss: u32) -> u64 {
        let (mut segments, mut bytes, mut newly_lost) = (0, 0, 0);
        let mut judged = self.judged;
        let end = self
            .sent
            .partition_point(|sent| sent.start < self.highest_sacked);
        for sent in self.sent.range_mut(..end).rev() {
            if sent.start < self.judged {
                break;
            }
            if sent.fate == Fate::Sacked {
                segments += 1;
                bytes += sent.len();
                continue;
            }
            if segments < DUP_THRESH && bytes <= (DUP_THRESH - 1) * u64::from(mss) {
                continue;
            }
            judged = judged.max(sent.end);
            if sent.fate == Fate::InFlight && sent.transmissions == 1 {
                sent.fate = Fate::Lost;
                newly_lost += sent.len();
                self.lost_hint = self.lost_hint.min(sent.start);
            }
        }
        self.judged = judged;
        self.in_flight -= newly_lost;
        self.lost += newly_lost;
        newly_lost
    }

    /// The earliest run is lost: by duplicate acknowledgements or a partial one (RFC 6582).
    pub(crate) fn mark_first_lost(&mut self) {
        let Some(first) = self.sent.front_mut() else {
            return;
        };
        if first.fate == Fate::InFlight {
            first.fate = Fate::Lost;
            let len = first.len();
            self.in_flight -= len;
            self.lost += len;
        }
        self.lost_hint = 0;
    }

    /// A timeout: whatever was not reported is lost. Where the first run was reported and yet not
    /// acknowledged, the peer has reneged, and no report is believed (RFC 2018 §8).
    pub(crate) fn mark_all_lost(&mut self) {
        let reneged = self
            .sent
            .front()
            .is_some_and(|first| first.fate == Fate::Sacked);
        for sent in &mut self.sent {
            if sent.fate == Fate::InFlight || (reneged && sent.fate == Fate::Sacked) {
                let len = sent.len();
                match sent.fate {
                    Fate::InFlight => self.in_flight -= len,
                    Fate::Sacked => self.sacked -= len,
                    Fate::Lost => {}
                }
                sent.fate = Fate::Lost;
                self.lost += len;
            }
        }
        self.lost_hint = 0;
    }

    /// Forgets everything: the connection is dead.
    pub(crate) fn clear(&mut self) {
        *self = Scoreboard::default();
    }

    /// Checks the invariant against the records; for tests.
    pub(crate) fn assert_invariants(&self, una: u64, nxt: u64) {
        let sum = |fate| {
            self.sent
                .iter()
                .filter(|s| s.fate == fate)
                .map(Sent::len)
                .sum::<u64>()
        };
        assert_eq!(sum(Fate::InFlight), self.in_flight, "in flight");
        assert_eq!(sum(Fate::Sacked), self.sacked, "sacked");
        assert_eq!(sum(Fate::Lost), self.lost, "lost");
        let mut at = una;
        for sent in &self.sent {
            assert_eq!(sent.start, at, "runs follow each other from una");
            assert!(sent.start < sent.end, "no run is empty");
            at = sent.end;
        }
        assert_eq!(at, nxt, "runs end at nxt");
    }

    /// Cuts the run at `index` at offset `at`, if that lies inside of it.
    fn split(&mut self, index: usize, at: u64) {
        let Some(sent) = self.sent.get_mut(index) else {
            return;
        };
        if sent.start < at && at < sent.end {
            let mut tail = sent.clone();
            sent.end = at;
            tail.start = at;
            self.sent.insert(index + 1, tail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 100;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// Segments of 100 from offset 1, the n-th sent at n milliseconds.
    fn board(segments: u64) -> Scoreboard {
        let mut board = Scoreboard::default();
        for n in 0..segments {
            board.push(1 + n * 100..101 + n * 100, at(n));
        }
        board.assert_invariants(1, 1 + segments * 100);
        board
    }

    #[test]
    fn cumulative_acknowledgement_may_end_inside_a_run() {
        let mut board = board(3);
        let delivered = board.acknowledge(151);
        assert_eq!(
            delivered,
            Delivered {
                bytes: 150,
                segments: 2,
                sent_at: Some(at(1)),
                resent: false,
            }
        );
        board.assert_invariants(151, 301);
    }

    #[test]
    fn sack_counts_whole_runs_and_counts_them_once() {
        let mut board = board(3);
        assert_eq!(board.sack(150..220).bytes, 0);
        assert_eq!(board.sack(100..230).bytes, 100);
        assert_eq!(board.sack(101..201).bytes, 0);
        board.assert_invariants(1, 301);
        assert_eq!((board.sacked(), board.in_flight()), (100, 200));
        assert_eq!(board.acknowledge(301).bytes, 200);
        board.assert_invariants(301, 301);
    }

    #[test]
    fn three_reports_above_make_a_loss() {
        let mut board = board(5);
        board.sack(101..301);
        assert_eq!(board.mark_lost_below_sacked(MSS), 0);
        board.sack(301..401);
        assert_eq!(board.mark_lost_below_sacked(MSS), 100);
        assert_eq!(board.first_lost(), Some(1..101));
        board.on_retransmit(1..101, at(9));
        assert_eq!(board.first_lost(), None);
        assert_eq!(
            board.mark_lost_below_sacked(MSS),
            0,
            "not again without a timeout"
        );
        board.assert_invariants(1, 501);
    }

    #[test]
    fn karns_rule_ignores_what_was_sent_twice() {
        let mut board = board(1);
        board.mark_all_lost();
        board.on_retransmit(1..101, at(50));
        assert_eq!(
            board.acknowledge(101),
            Delivered {
                bytes: 100,
                segments: 1,
                sent_at: None,
                resent: true,
            }
        );
    }

    #[test]
    fn a_retransmission_may_be_shorter_than_the_run() {
        let mut board = board(2);
        board.mark_all_lost();
        board.on_retransmit(1..61, at(50));
        assert_eq!(board.first_lost(), Some(61..101));
        assert_eq!((board.in_flight(), board.lost()), (60, 140));
        board.assert_invariants(1, 201);
    }

    #[test]
    fn reneging_is_noticed_at_a_timeout() {
        let mut board = board(2);
        board.sack(101..201);
        board.mark_all_lost();
        assert_eq!(
            (board.lost(), board.sacked()),
            (100, 100),
            "the report is believed"
        );
        board.acknowledge(101);
        board.mark_all_lost();
        assert_eq!(
            (board.lost(), board.sacked()),
            (100, 0),
            "una stands at a reported run"
        );
        board.assert_invariants(101, 201);
    }
}
