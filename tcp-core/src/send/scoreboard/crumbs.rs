//! What a peer can make of large runs by reports of odd pieces.

use alloc::collections::VecDeque;

use super::Scoreboard;
use super::sent::{Fate, Sent};

/// From so many runs on it counts what cutting one costs: it moves up to half of the others.
const MANY_RUNS: usize = 256;

/// So many are cut one by one.
const FEW_CUTS: u32 = 64;

impl Scoreboard {
    /// Where many runs were cut one by one, among many, all others are cut to their pieces at once: they are moved once,
    /// and not for each report.
    pub(super) fn cut_all_if_many_were(&mut self) {
        if self.cuts >= FEW_CUTS && self.sent.len() >= MANY_RUNS {
            self.cut_all();
        }
    }

    /// Cuts every run that was not reported to its pieces.
    #[cold]
    fn cut_all(&mut self) {
        let mut cut = VecDeque::with_capacity(self.pieces as usize);
        for run in core::mem::take(&mut self.sent) {
            let mut rest = run;
            while rest.fate != Fate::Sacked
                && let Some(size) = rest.pieces.size()
            {
                let (head, tail) = rest.pieces.split(size, rest.len());
                let at = rest.start + size;
                cut.push_back(Sent {
                    end: at,
                    pieces: head,
                    ..rest
                });
                rest = Sent {
                    start: at,
                    pieces: tail,
                    ..rest
                };
            }
            cut.push_back(rest);
        }
        let lost = cut.iter().filter(|run| run.fate == Fate::Lost);
        self.lost_runs = lost.map(|run| run.start).collect();
        self.sent = cut;
        self.cuts = 0;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::send::scoreboard::{Delivered, Pieces, SendStamp};
    use crate::time::Instant;

    const RUNS: u64 = 300;
    const PIECES: u64 = 16;
    const PIECE: u64 = 100;
    const END: u64 = RUNS * PIECES * PIECE;

    fn large_segments() -> Scoreboard {
        let mut board = Scoreboard::default();
        for run in 0..RUNS {
            let start = run * PIECES * PIECE;
            let len = PIECES * PIECE;
            let pieces = Pieces::of(len, PIECE);
            board.push(
                start..start + len,
                pieces,
                Instant::ZERO,
                SendStamp::default(),
            );
        }
        board
    }

    #[test]
    fn a_flood_of_odd_pieces_cuts_few_runs_one_by_one() {
        let mut board = large_segments();
        let mut once_lost = Vec::new();
        board.split(3, 3 * PIECES * PIECE + 8 * PIECE);
        board.mark_first_lost(&mut |sent| once_lost.push(sent.start));
        assert_eq!(once_lost, [0]);
        let mut most_cuts = 0;
        // 1,201 has no divisor in common with the number of pieces, so that each comes once.
        let odd = (0..RUNS * PIECES).map(|n| n * 1_201 % (RUNS * PIECES));
        for (count, piece) in (1..).zip(odd.filter(|piece| piece % 2 == 1)) {
            let mut delivered = Delivered::default();
            board.sack(piece * PIECE..(piece + 1) * PIECE, &mut delivered);
            assert_eq!(delivered.bytes, PIECE);
            assert_eq!(board.sacked(), count * PIECE);
            most_cuts = most_cuts.max(board.cuts);
            if count % 100 < 2 {
                board.assert_invariants(0, END);
            }
        }
        assert!(most_cuts < FEW_CUTS + 2, "{most_cuts}");
        assert_eq!(board.segments(), (RUNS * PIECES, RUNS * PIECES / 2, 1));
        board.acknowledge(END, &mut Delivered::default());
        assert_eq!((board.is_empty(), board.cuts), (true, 0));
    }

    #[test]
    fn a_few_cuts_leave_the_others_whole() {
        let mut board = large_segments();
        for run in 0..20 {
            let start = (run * PIECES + 3) * PIECE;
            board.sack(start..start + PIECE, &mut Delivered::default());
        }
        assert_eq!(board.runs(), RUNS as usize + 40);
    }
}
