//! Segments of several pieces.

use super::*;

/// One segment of three pieces of 100, and FIN where it is asked for, at 0 ms; and one of one, at 1 ms.
fn large(fin: u64) -> Scoreboard {
    let mut board = Scoreboard::default();
    let pieces = Pieces::of(300, 100);
    board.push(1..301 + fin, pieces, at(0), SendStamp::default());
    let next = 301 + fin..401 + fin;
    board.push(next, Pieces::ONE, at(1), SendStamp::default());
    assert_eq!(board.segments(), (4, 0, 0));
    board.assert_invariants(1, 401 + fin);
    board
}

fn runs(board: &Scoreboard) -> Vec<(Range<u64>, Fate, u64)> {
    let run = |sent: &Sent| (sent.start..sent.end, sent.fate, sent.pieces.count());
    board.sent.iter().map(run).collect()
}

#[test]
fn a_report_of_a_part_is_taken_at_the_boundaries_of_pieces() {
    use Fate::{InFlight, Sacked};
    for (block, taken, left) in [
        (
            101..201,
            100,
            alloc::vec![
                (1..101, InFlight, 1),
                (101..201, Sacked, 1),
                (201..301, InFlight, 1)
            ],
        ),
        (
            95..206,
            100,
            alloc::vec![
                (1..101, InFlight, 1),
                (101..201, Sacked, 1),
                (201..301, InFlight, 1)
            ],
        ),
        (
            1..201,
            200,
            alloc::vec![(1..201, Sacked, 2), (201..301, InFlight, 1)],
        ),
        (
            101..301,
            200,
            alloc::vec![(1..101, InFlight, 1), (101..301, Sacked, 2)],
        ),
        (
            201..350,
            100,
            alloc::vec![(1..201, InFlight, 2), (201..301, Sacked, 1)],
        ),
        (102..199, 0, alloc::vec![(1..301, InFlight, 3)]),
        (2..100, 0, alloc::vec![(1..301, InFlight, 3)]),
        (150..250, 0, alloc::vec![(1..301, InFlight, 3)]),
        (202..301, 0, alloc::vec![(1..301, InFlight, 3)]),
    ] {
        let mut board = large(0);
        let delivered = sack(&mut board, block.clone());
        assert_eq!(
            (delivered.bytes, delivered.segments),
            (taken, taken / 100),
            "{block:?}"
        );
        let mut all = left;
        all.push((301..401, InFlight, 1));
        assert_eq!(runs(&board), all, "{block:?}");
        assert_eq!(board.segments(), (4, taken / 100, 0));
        board.assert_invariants(1, 401);
    }
}

#[test]
fn fin_belongs_to_the_last_piece() {
    let mut board = large(1);
    assert_eq!(sack(&mut board, 201..301).bytes, 0);
    assert_eq!(sack(&mut board, 201..302).bytes, 101);
    assert_eq!(board.segments(), (4, 1, 0));
    assert_eq!(board.last(), Some(302..402));
    board.assert_invariants(1, 402);
}

#[test]
fn an_acknowledgement_inside_of_a_piece_leaves_the_boundaries_of_the_others() {
    let mut board = large(0);
    let delivered = acknowledge(&mut board, 151);
    assert_eq!((delivered.bytes, delivered.segments), (150, 2));
    board.assert_invariants(151, 401);
    assert_eq!(sack(&mut board, 201..301).bytes, 100);
    board.assert_invariants(151, 401);
    assert_eq!(acknowledge(&mut board, 401).bytes, 150);
    assert_eq!(board.segments(), (0, 0, 0));
}

#[test]
fn what_of_a_large_segment_was_not_reported_is_lost() {
    let mut board = large(0);
    sack(&mut board, 101..201);
    sack(&mut board, 301..401);
    let overtaken = Overtaken {
        by: Turn { number: 2, end: 0 },
        now: at(100),
        patience: Duration::from_millis(50),
    };
    let mut next = None;
    let lost = marked(|lost| next = board.mark_overtaken(overtaken, lost));
    assert_eq!((lost, next), (alloc::vec![1, 201], None));
    assert_eq!(board.segments(), (4, 2, 2));
    assert_eq!(board.first_lost(), Some(1..101));
    board.assert_invariants(1, 401);
}

#[test]
fn a_piece_is_overtaken_by_a_later_one_of_the_same_segment() {
    let mut board = large(0);
    let delivered = sack(&mut board, 101..201);
    let by = delivered.latest.map(|latest| latest.turn()).unwrap();
    assert_eq!(
        by,
        Turn {
            number: 1,
            end: 201
        }
    );
    let overtaken = Overtaken {
        by,
        now: at(100),
        patience: Duration::from_millis(50),
    };
    let mut next = None;
    let lost = marked(|lost| next = board.mark_overtaken(overtaken, lost));
    assert_eq!(
        (lost, next),
        (alloc::vec![1], None),
        "and not what follows it"
    );
    board.assert_invariants(1, 401);
}

#[test]
fn three_pieces_reported_above_make_a_loss_of_what_is_below() {
    let mut board = Scoreboard::default();
    let pieces = Pieces::of(300, 100);
    for n in 0..2 {
        board.push(
            1 + n * 300..301 + n * 300,
            pieces,
            at(n),
            SendStamp::default(),
        );
    }
    sack(&mut board, 301..501);
    assert!(mark_below(&mut board).is_empty());
    assert!(!board.is_past_threshold(MSS));
    sack(&mut board, 501..601);
    assert!(board.is_past_threshold(MSS));
    assert_eq!(mark_below(&mut board), [1]);
    assert_eq!(board.segments(), (6, 3, 3));
}

#[test]
fn a_lost_run_of_several_pieces_may_be_sent_again_in_one_or_in_parts() {
    let mut board = large(0);
    time_out(&mut board);
    assert_eq!(board.segments(), (4, 0, 4));
    board.on_retransmit(1..201, Pieces::of(200, 100), at(9), SendStamp::default());
    assert_eq!(board.first_lost(), Some(201..301));
    assert_eq!(
        (board.segments(), board.resent_in_flight()),
        ((4, 0, 2), 200)
    );
    assert_eq!(sack(&mut board, 101..201).segments, 1);
    assert_eq!(board.resent_in_flight(), 100);
    board.assert_invariants(1, 401);
    // In smaller pieces than before.
    resend(&mut board, 201..291, 10);
    assert_eq!(board.first_lost(), Some(291..301));
    board.assert_invariants(1, 401);
}

#[test]
fn without_sack_the_first_piece_is_what_is_missing() {
    let mut board = large(0);
    assert_eq!(board.first_end(), Some(101));
    assert_eq!(board.piece_end_after(101), Some(201));
    assert_eq!(board.piece_end_after(250), Some(301));
    assert_eq!(marked(|lost| board.mark_first_lost(lost)), [1]);
    assert_eq!((board.first_lost(), board.lost()), (Some(1..101), 100));
    board.assert_invariants(1, 401);
}

#[test]
fn the_last_piece_is_what_a_probe_sends_again() {
    let mut board = Scoreboard::default();
    board.push(1..302, Pieces::of(300, 100), at(0), SendStamp::default());
    let last = board.last().unwrap();
    assert_eq!(last, 201..302);
    resend(&mut board, last, 9);
    assert_eq!(
        (board.resent_in_flight(), board.segments()),
        (101, (3, 0, 0))
    );
    board.assert_invariants(1, 302);
}
