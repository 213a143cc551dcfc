//! The scoreboard by itself, and against a naive one.

mod pieces;

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
        board.push(
            1 + n * 100..101 + n * 100,
            Pieces::ONE,
            at(n),
            SendStamp::default(),
        );
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
    board.on_retransmit(range, Pieces::ONE, at(millis), SendStamp::default());
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
        by: Turn { number: 5, end: 0 },
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
        by: Turn { number: 9, end: 0 },
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
        by: Turn { number: 5, end: 0 },
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

proptest! {
    #[test]
    fn it_does_as_a_scoreboard_of_bytes(steps in naive::steps(80)) {
        naive::survive(&steps);
    }
}

/// RFC 6675 §2: three segments' worth of reports, or more than two segments of bytes.
#[test]
fn a_hole_is_a_loss_once_enough_is_reported_above_it() {
    let threshold = |ranges: &[(u64, u64)]| {
        let mut board = board(20);
        for &(start, end) in ranges {
            sack(&mut board, start..end);
        }
        board.is_past_threshold(MSS)
    };
    assert!(!threshold(&[]));
    assert!(!threshold(&[(101, 301)]));
    assert!(threshold(&[(101, 401)]));
    assert!(!threshold(&[(101, 201), (501, 601)]));
    assert!(threshold(&[(101, 201), (501, 601), (901, 1_001)]));
    // Small segments count as segments, large ones by their bytes.
    let mut board = Scoreboard::default();
    for end in [1_000, 1_010, 1_020, 1_030, 1_231, 1_431] {
        let start = board.last().map_or(900, |last| last.end);
        board.push(start..end, Pieces::ONE, at(0), SendStamp::default());
    }
    sack(&mut board, 1_000..1_020);
    assert!(!board.is_past_threshold(MSS));
    assert!(
        board.clone().is_past_threshold(9),
        "20 bytes are more than twice 9"
    );
    sack(&mut board, 1_020..1_030);
    assert!(board.is_past_threshold(MSS), "three of ten bytes");
}

#[test]
fn what_records_take_is_known() {
    assert_eq!(Scoreboard::default().memory(), 0);
    for segments in [10, 100, 1_000] {
        let memory = board(segments).memory();
        let least = segments as usize * (size_of::<Sent>() + 2 * size_of::<u64>());
        assert!((least..=6 * least).contains(&memory), "{memory} of {least}");
    }
}

/// Who forgets everything is as one who never knew anything.
#[test]
fn a_cleared_board_is_empty() {
    let mut board = board(10);
    sack(&mut board, 301..401);
    mark_below(&mut board);
    board.clear();
    assert_eq!(board, Scoreboard::default());
    assert_eq!((board.runs(), board.lost(), board.sacked()), (0, 0, 0));
}
