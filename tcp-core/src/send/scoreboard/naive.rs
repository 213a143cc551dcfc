//! The scoreboard against one of bytes.

use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use proptest::prelude::*;

use super::sent::Fate;
use super::{Delivered, Overtaken, Pieces, Scoreboard, SendStamp, Sent, Turn};
use crate::time::Instant;

const MSS: u32 = 100;

/// What may happen to a scoreboard.
#[derive(Clone, Debug)]
pub enum Step {
    /// New data is sent.
    Push {
        /// Bytes.
        len: u64,
        /// Bytes of a piece.
        size: u64,
    },
    /// So many bytes more are acknowledged.
    Ack(u64),
    /// From how far beyond the first, and how many, are reported.
    Sack(u64, u64),
    /// The first that is lost is sent again.
    Resend {
        /// Bytes of it at most.
        most: u64,
        /// Bytes of a piece.
        size: u64,
    },
    /// What lies below reports is judged.
    Below,
    /// What was overtaken is judged.
    Overtaken {
        /// By what was sent so many transmissions ago.
        ago: u64,
        /// Milliseconds that it may be late.
        patience: u64,
    },
    /// The first is lost.
    First,
    /// What was sent so many milliseconds ago is lost.
    TimedOut(u64),
    /// Nothing was lost.
    Unmark,
}

/// Any step.
pub fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u64..250, 20u64..400).prop_map(|(len, size)| Step::Push { len, size }),
        3 => (0u64..400).prop_map(Step::Ack),
        6 => (0u64..900, 1u64..400).prop_map(|(start, len)| Step::Sack(start, len)),
        4 => (1u64..250, 20u64..400).prop_map(|(most, size)| Step::Resend { most, size }),
        2 => Just(Step::Below),
        4 => (0u64..60, 0u64..60)
            .prop_map(|(ago, patience)| Step::Overtaken { ago, patience }),
        1 => Just(Step::First),
        1 => (0u64..60).prop_map(Step::TimedOut),
        1 => Just(Step::Unmark),
    ]
}

/// One byte of the stream as a naive scoreboard knows it.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Byte {
    /// Which transmission it was last sent in.
    segment: u64,
    /// Which piece of that, and of how many bytes each.
    piece: (u64, u64),
    sent_at: u64,
    fate: Fate,
}

/// A scoreboard of bytes.
#[derive(Default)]
struct Naive {
    una: u64,
    bytes: Vec<Byte>,
    segments: u64,
}

impl Naive {
    /// The pieces: their ranges, and a byte of each.
    fn runs(&self) -> Vec<(Range<u64>, Byte)> {
        let mut runs: Vec<(Range<u64>, Byte)> = Vec::new();
        for (at, &byte) in (self.una..).zip(&self.bytes) {
            match runs.last_mut() {
                Some((range, last)) if (last.segment, last.piece) == (byte.segment, byte.piece) => {
                    range.end = at + 1;
                }
                _ => runs.push((at..at + 1, byte)),
            }
        }
        runs
    }

    fn set(&mut self, range: &Range<u64>, change: impl Fn(&mut Byte)) {
        let (start, end) = (range.start - self.una, range.end - self.una);
        self.bytes[start as usize..end as usize]
            .iter_mut()
            .for_each(change);
    }

    /// `range` goes out again in pieces of `size`.
    fn resend(&mut self, range: &Range<u64>, size: u64, now: u64) {
        self.segments += 1;
        let segment = self.segments;
        let (una, start) = (self.una, range.start);
        for at in range.clone() {
            self.bytes[(at - una) as usize] = Byte {
                segment,
                piece: ((at - start) / size, size),
                sent_at: now,
                fate: Fate::InFlight,
            };
        }
    }

    /// The rest of a run that was sent again in part counts its pieces from its own start, if a piece
    /// was cut.
    fn cut_anew(&mut self, rest: Range<u64>) {
        let at = |offset: u64| (offset - self.una) as usize;
        let Some(&first) = self.bytes.get(at(rest.start)).filter(|_| !rest.is_empty()) else {
            return;
        };
        let aligned = self.bytes[at(rest.start)..at(rest.end)]
            .iter()
            .take_while(|byte| byte.piece == first.piece)
            .count() as u64;
        let (_, size) = first.piece;
        if aligned == size.min(rest.end - rest.start) {
            return;
        }
        for offset in rest.clone() {
            let index = at(offset);
            // Numbers that no piece of it had before.
            self.bytes[index].piece = (1_000 + (offset - rest.start) / size, size);
        }
    }

    fn sum(&self, fate: Fate) -> u64 {
        self.bytes.iter().filter(|byte| byte.fate == fate).count() as u64
    }

    fn lose(&mut self, which: impl Fn(&Range<u64>, &Byte) -> bool) {
        for (range, byte) in self.runs() {
            if byte.fate == Fate::InFlight && which(&range, &byte) {
                self.set(&range, |byte| byte.fate = Fate::Lost);
            }
        }
    }
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn play(board: &mut Scoreboard, naive: &mut Naive, now: u64, step: &Step) {
    match step {
        Step::Push { .. } | Step::Resend { .. } => send(board, naive, now, step),
        Step::Ack(_) | Step::Sack(..) => hear(board, naive, step),
        _ => mark(board, naive, now, step),
    }
}

fn send(board: &mut Scoreboard, naive: &mut Naive, now: u64, step: &Step) {
    let end = naive.una + naive.bytes.len() as u64;
    match *step {
        Step::Push { len, size } => {
            let pieces = Pieces::of(len, size);
            board.push(end..end + len, pieces, at(now), SendStamp::default());
            naive.segments += 1;
            let segment = naive.segments;
            naive.bytes.extend((0..len).map(|at| Byte {
                segment,
                piece: (at / size, size),
                sent_at: now,
                fate: Fate::InFlight,
            }));
        }
        Step::Resend { most, size } => {
            let lost = naive.runs().into_iter();
            let lost = lost.map(|(range, byte)| (range.start, byte));
            let first = lost.clone().find(|(_, byte)| byte.fate == Fate::Lost);
            let run = board.first_lost();
            let start = run.clone().map(|run| run.start);
            assert_eq!(start, first.map(|(start, _)| start));
            if let Some(run) = run {
                let range = run.start..run.end.min(run.start + most);
                let pieces = Pieces::of(range.end - range.start, size);
                board.on_retransmit(range.clone(), pieces, at(now), SendStamp::default());
                naive.resend(&range, size, now);
                naive.cut_anew(range.end..run.end);
            }
        }
        _ => {}
    }
}

fn hear(board: &mut Scoreboard, naive: &mut Naive, step: &Step) {
    let end = naive.una + naive.bytes.len() as u64;
    match *step {
        Step::Ack(by) => {
            let una = (naive.una + by).min(end);
            let known = naive.bytes[..(una - naive.una) as usize].iter();
            let new = known.filter(|byte| byte.fate != Fate::Sacked).count() as u64;
            let mut delivered = Delivered::default();
            board.acknowledge(una, &mut delivered);
            assert_eq!(delivered.bytes, new);
            naive.bytes.drain(..(una - naive.una) as usize);
            naive.una = una;
        }
        Step::Sack(start, len) => {
            let start = naive.una + start;
            let block = start..(start + len).min(end).max(start);
            let before = naive.sum(Fate::Sacked);
            for (range, _) in naive.runs() {
                if block.start <= range.start && range.end <= block.end {
                    naive.set(&range, |byte| byte.fate = Fate::Sacked);
                }
            }
            let mut delivered = Delivered::default();
            board.sack(block, &mut delivered);
            assert_eq!(delivered.bytes, naive.sum(Fate::Sacked) - before);
        }
        _ => {}
    }
}

fn mark(board: &mut Scoreboard, naive: &mut Naive, now: u64, step: &Step) {
    let mut ignore = |_: &Sent| {};
    match *step {
        Step::Below => board.mark_lost_below_sacked(MSS, &mut ignore),
        Step::Overtaken { ago, patience } => {
            let by = naive.segments.saturating_sub(ago);
            let overtaken = Overtaken {
                by: Turn { number: by, end: 0 },
                now: at(now),
                patience: Duration::from_millis(patience),
            };
            board.mark_overtaken(overtaken, &mut ignore);
            naive.lose(|_, byte| byte.segment < by && byte.sent_at + patience <= now);
        }
        Step::First => {
            let end = board.first_end().unwrap_or_default();
            board.mark_first_lost(&mut ignore);
            naive.lose(|range, _| range.end <= end);
        }
        Step::TimedOut(patience) => {
            // How far the first run reaches is the other's to know.
            let first = board.sent.front().map_or(0, |first| first.end);
            let reneged = naive
                .bytes
                .first()
                .is_some_and(|it| it.fate == Fate::Sacked);
            assert_eq!(
                board.mark_timed_out(at(now), Duration::from_millis(patience), &mut ignore),
                reneged
            );
            naive.lose(|range, byte| range.end <= first || byte.sent_at + patience <= now);
            if reneged {
                let sacked = naive
                    .bytes
                    .iter_mut()
                    .filter(|byte| byte.fate == Fate::Sacked);
                sacked.for_each(|byte| byte.fate = Fate::Lost);
            }
        }
        Step::Unmark => {
            board.unmark_lost();
            let lost = naive
                .bytes
                .iter_mut()
                .filter(|byte| byte.fate == Fate::Lost);
            lost.for_each(|byte| byte.fate = Fate::InFlight);
        }
        _ => {}
    }
}

/// Any steps, fewer than this.
pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any_step(), 0..most)
}

/// Takes all steps: after each the scoreboard adds up to what the bytes do.
pub fn survive(steps: &[Step]) {
    let (mut board, mut naive) = (Scoreboard::default(), Naive::default());
    for (now, step) in steps.iter().enumerate() {
        play(&mut board, &mut naive, now as u64, step);
        let nxt = naive.una + naive.bytes.len() as u64;
        board.assert_invariants(naive.una, nxt);
        if matches!(step, Step::Below) {
            // Judged by the other's rule: take its word, which other tests check.
            let lost: Vec<&Sent> = board
                .sent
                .iter()
                .filter(|sent| sent.fate == Fate::Lost)
                .collect();
            let within = |range: &Range<u64>, sent: &Sent| {
                sent.start <= range.start && range.end <= sent.end
            };
            naive.lose(|range, _| lost.iter().any(|sent| within(range, sent)));
        }
        assert_eq!(board.in_flight(), naive.sum(Fate::InFlight));
        assert_eq!(board.sacked(), naive.sum(Fate::Sacked));
        assert_eq!(board.lost(), naive.sum(Fate::Lost));
    }
}
