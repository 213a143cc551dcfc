//! The scoreboard by itself, and against a naive one.

use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::*;

const MSS: u32 = 100;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Segments of 100 from offset 1, the n-th sent at n milliseconds.
fn board(segments: u64) -> Scoreboard {
    let mut board = Scoreboard::default();
    for n in 0..segments {
        board.push(1 + n * 100..101 + n * 100, at(n), SendStamp::default());
    }
    board.assert_invariants(1, 1 + segments * 100);
    board
}

fn acknowledge(board: &mut Scoreboard, una: u64) -> Delivered {
    let mut delivered = Delivered::default();
    board.acknowledge(una, &mut delivered);
    delivered
}

fn sack(board: &mut Scoreboard, range: Range<u64>) -> Delivered {
    let mut delivered = Delivered::default();
    board.sack(range, &mut delivered);
    delivered
}

/// What a marking marks.
fn marked(mark: impl FnOnce(&mut dyn FnMut(&Sent))) -> Vec<u64> {
    let mut starts = Vec::new();
    mark(&mut |sent| starts.push(sent.start));
    starts
}

fn mark_below(board: &mut Scoreboard) -> Vec<u64> {
    marked(|lost| board.mark_lost_below_sacked(MSS, lost))
}

fn time_out(board: &mut Scoreboard) -> Vec<u64> {
    marked(|lost| {
        board.mark_timed_out(at(1_000_000), Duration::ZERO, lost);
    })
}

fn resend(board: &mut Scoreboard, range: Range<u64>, millis: u64) {
    board.on_retransmit(range, at(millis), SendStamp::default());
}

#[test]
fn cumulative_acknowledgement_may_end_inside_a_run() {
    let mut board = board(3);
    let delivered = acknowledge(&mut board, 151);
    assert_eq!((delivered.bytes, delivered.segments), (150, 2));
    assert_eq!((delivered.sent_at, delivered.resent), (Some(at(1)), false));
    assert_eq!(delivered.latest.map(|sent| sent.end), Some(151));
    board.assert_invariants(151, 301);
}

#[test]
fn sack_counts_whole_runs_and_counts_them_once() {
    let mut board = board(3);
    assert_eq!(sack(&mut board, 150..220).bytes, 0);
    assert_eq!(sack(&mut board, 100..230).bytes, 100);
    assert_eq!(sack(&mut board, 101..201).bytes, 0);
    board.assert_invariants(1, 301);
    assert_eq!((board.sacked(), board.in_flight()), (100, 200));
    assert_eq!(acknowledge(&mut board, 301).bytes, 200);
    board.assert_invariants(301, 301);
}

#[test]
fn three_reports_above_make_a_loss() {
    let mut board = board(5);
    sack(&mut board, 101..301);
    assert!(mark_below(&mut board).is_empty());
    assert!(!board.is_past_threshold(MSS));
    sack(&mut board, 301..401);
    assert!(board.is_past_threshold(MSS));
    assert_eq!(mark_below(&mut board), [1]);
    assert_eq!(board.first_lost(), Some(1..101));
    resend(&mut board, 1..101, 9);
    assert_eq!(board.first_lost(), None);
    assert!(
        mark_below(&mut board).is_empty(),
        "not again without a timeout"
    );
    board.assert_invariants(1, 501);
}

#[test]
fn what_was_sent_long_enough_before_what_arrived_is_lost() {
    let mut board = board(6);
    sack(&mut board, 401..501);
    let overtaken = |now| Overtaken {
        by: 5,
        now: at(now),
        patience: Duration::from_millis(100),
    };
    let mut next = None;
    let lost = marked(|lost| next = board.mark_overtaken(overtaken(101), lost));
    assert_eq!((lost, next), (alloc::vec![1, 101], Some(at(102))));
    resend(&mut board, 1..101, 50);
    let lost = marked(|lost| next = board.mark_overtaken(overtaken(109), lost));
    assert_eq!(lost, [201, 301]);
    assert_eq!(next, None, "what was sent later has not been overtaken");
    board.assert_invariants(1, 601);
    // The first retransmission arrived, the one after it did not.
    resend(&mut board, 101..201, 51);
    resend(&mut board, 201..301, 52);
    sack(&mut board, 201..301);
    let overtaken = Overtaken {
        by: 9,
        now: at(151),
        patience: Duration::from_millis(100),
    };
    let lost = marked(|lost| {
        board.mark_overtaken(overtaken, lost);
    });
    assert_eq!(lost, [501, 1, 101], "by when they were sent");
}

#[test]
fn karns_rule_ignores_what_was_sent_twice() {
    let mut board = board(1);
    time_out(&mut board);
    resend(&mut board, 1..101, 50);
    let delivered = acknowledge(&mut board, 101);
    assert_eq!((delivered.bytes, delivered.resent), (100, true));
    assert_eq!((delivered.sent_at, delivered.lowest_original), (None, None));
}

#[test]
fn an_acknowledgement_too_early_for_the_retransmission_is_of_the_original() {
    for (echo, too_recent, surely) in [
        (Some(49), None, false),
        (Some(50), None, true),
        (None, Some(at(49)), false),
        (None, Some(at(50)), true),
    ] {
        let mut board = board(1);
        time_out(&mut board);
        resend(&mut board, 1..101, 50);
        let mut delivered = Delivered {
            echo,
            too_recent,
            ..Delivered::default()
        };
        board.acknowledge(101, &mut delivered);
        assert_eq!(
            delivered.latest.is_some(),
            surely,
            "{echo:?} {too_recent:?}"
        );
    }
}

/// RFC 7323 §4.3: what arrived beyond a hole, or with a delayed acknowledgement, is not what is echoed.
#[test]
fn the_echo_is_of_the_first_segment_only() {
    let mut board = board(3);
    time_out(&mut board);
    for n in 0..3 {
        resend(&mut board, 1 + n * 100..101 + n * 100, 50 + n);
    }
    let mut delivered = Delivered {
        echo: Some(50),
        ..Delivered::default()
    };
    board.sack(201..301, &mut delivered);
    assert_eq!(delivered.latest.as_ref().map(|sent| sent.start), Some(201));
    board.acknowledge(201, &mut delivered);
    assert_eq!(delivered.lowest_late, None);
}

#[test]
fn a_retransmission_may_be_shorter_than_the_run() {
    let mut board = board(2);
    time_out(&mut board);
    resend(&mut board, 1..61, 50);
    assert_eq!(board.first_lost(), Some(61..101));
    assert_eq!((board.in_flight(), board.lost()), (60, 140));
    assert_eq!(board.resent_in_flight(), 60);
    board.assert_invariants(1, 201);
}

#[test]
fn a_timeout_spares_what_was_sent_lately() {
    let mut board = board(3);
    let lost = marked(|lost| {
        assert!(!board.mark_timed_out(at(101), Duration::from_millis(100), lost));
    });
    assert_eq!(lost, [1, 101]);
    resend(&mut board, 1..101, 5);
    resend(&mut board, 101..201, 6);
    let lost = marked(|lost| {
        assert!(!board.mark_timed_out(at(101), Duration::from_millis(100), lost));
    });
    assert_eq!(lost, [1], "the first is lost in any case");
}

#[test]
fn reneging_is_noticed_at_a_timeout() {
    let mut board = board(2);
    sack(&mut board, 101..201);
    time_out(&mut board);
    assert_eq!(
        (board.lost(), board.sacked()),
        (100, 100),
        "the report is believed"
    );
    acknowledge(&mut board, 101);
    time_out(&mut board);
    assert_eq!(
        (board.lost(), board.sacked()),
        (100, 0),
        "una stands at a reported run"
    );
    board.assert_invariants(101, 201);
    assert_eq!(
        sack(&mut board, 101..201).bytes,
        100,
        "it may be reported again"
    );
}

#[test]
fn what_was_not_lost_after_all_is_in_the_network_and_may_be_overtaken() {
    let mut board = board(3);
    time_out(&mut board);
    resend(&mut board, 1..101, 40);
    board.unmark_lost();
    board.assert_invariants(1, 301);
    assert_eq!((board.lost(), board.in_flight()), (0, 300));
    sack(&mut board, 201..301);
    let overtaken = Overtaken {
        by: 5,
        now: at(130),
        patience: Duration::from_millis(100),
    };
    let mut next = None;
    let lost = marked(|lost| next = board.mark_overtaken(overtaken, lost));
    assert_eq!((lost, next), (alloc::vec![101], Some(at(140))));
}

#[test]
fn the_order_of_transmissions_does_not_grow_without_bound() {
    let mut board = board(4);
    for millis in 10..10_000 {
        time_out(&mut board);
        resend(&mut board, 1..101, millis);
        acknowledge(&mut board, 1);
    }
    assert!(board.order.len() <= 80, "{}", board.order.len());
}

/// What may happen to a scoreboard.
#[derive(Clone, Debug)]
enum Step {
    Push(u64),
    Ack(u64),
    Sack(u64, u64),
    Resend(u64),
    Below,
    Overtaken { ago: u64, patience: u64 },
    First,
    TimedOut(u64),
    Unmark,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u64..250).prop_map(Step::Push),
        3 => (0u64..400).prop_map(Step::Ack),
        6 => (0u64..900, 1u64..400).prop_map(|(start, len)| Step::Sack(start, len)),
        4 => (1u64..250).prop_map(Step::Resend),
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
    /// The segments: their ranges, and a byte of each.
    fn runs(&self) -> Vec<(Range<u64>, Byte)> {
        let mut runs: Vec<(Range<u64>, Byte)> = Vec::new();
        for (at, &byte) in (self.una..).zip(&self.bytes) {
            match runs.last_mut() {
                Some((range, last)) if last.segment == byte.segment => range.end = at + 1,
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

fn play(board: &mut Scoreboard, naive: &mut Naive, now: u64, step: &Step) {
    match step {
        Step::Push(_) | Step::Resend(_) => send(board, naive, now, step),
        Step::Ack(_) | Step::Sack(..) => hear(board, naive, step),
        _ => mark(board, naive, now, step),
    }
}

fn send(board: &mut Scoreboard, naive: &mut Naive, now: u64, step: &Step) {
    let end = naive.una + naive.bytes.len() as u64;
    match *step {
        Step::Push(len) => {
            board.push(end..end + len, at(now), SendStamp::default());
            naive.segments += 1;
            let byte = Byte {
                segment: naive.segments,
                sent_at: now,
                fate: Fate::InFlight,
            };
            naive.bytes.extend((0..len).map(|_| byte));
        }
        Step::Resend(most) => {
            let lost = naive
                .runs()
                .into_iter()
                .find(|(_, byte)| byte.fate == Fate::Lost);
            assert_eq!(board.first_lost(), lost.clone().map(|(range, _)| range));
            if let Some((range, _)) = lost {
                let range = range.start..range.end.min(range.start + most);
                board.on_retransmit(range.clone(), at(now), SendStamp::default());
                naive.segments += 1;
                let segment = naive.segments;
                naive.set(&range, |byte| {
                    *byte = Byte {
                        segment,
                        sent_at: now,
                        fate: Fate::InFlight,
                    };
                });
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
            assert_eq!(acknowledge(board, una).bytes, new);
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
            assert_eq!(sack(board, block).bytes, naive.sum(Fate::Sacked) - before);
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
                by,
                now: at(now),
                patience: Duration::from_millis(patience),
            };
            board.mark_overtaken(overtaken, &mut ignore);
            naive.lose(|_, byte| byte.segment < by && byte.sent_at + patience <= now);
        }
        Step::First => {
            board.mark_first_lost(&mut ignore);
            let una = naive.una;
            naive.lose(|range, _| range.start == una);
        }
        Step::TimedOut(patience) => {
            let reneged = naive
                .bytes
                .first()
                .is_some_and(|it| it.fate == Fate::Sacked);
            assert_eq!(
                board.mark_timed_out(at(now), Duration::from_millis(patience), &mut ignore),
                reneged
            );
            let una = naive.una;
            naive.lose(|range, byte| range.start == una || byte.sent_at + patience <= now);
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

proptest! {
    #[test]
    fn it_does_as_a_scoreboard_of_bytes(steps in prop::collection::vec(any_step(), 0..80)) {
        let (mut board, mut naive) = (Scoreboard::default(), Naive::default());
        for (now, step) in steps.iter().enumerate() {
            play(&mut board, &mut naive, now as u64, step);
            let nxt = naive.una + naive.bytes.len() as u64;
            board.assert_invariants(naive.una, nxt);
            let known: BTreeSet<u64> = board.order.numbers().collect();
            let mut in_flight = board.sent.iter().filter(|it| it.fate == Fate::InFlight);
            prop_assert!(in_flight.all(|sent| known.contains(&sent.number)));
            if matches!(step, Step::Below) {
                // Judged by the other's rule: take its word, which other tests check.
                let lost: Vec<u64> = board.lost_runs.iter().copied().collect();
                naive.lose(|range, _| lost.contains(&range.start));
            }
            prop_assert_eq!(board.in_flight(), naive.sum(Fate::InFlight));
            prop_assert_eq!(board.sacked(), naive.sum(Fate::Sacked));
            prop_assert_eq!(board.lost(), naive.sum(Fate::Lost));
        }
    }
}
