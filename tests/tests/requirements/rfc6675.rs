//! RFC 6675: the repair of losses by SACK; RACK, which takes its place by default, is turned off.

use tcp_core::congestion::Phase;
use tcp_sim::script::{Tester, ack, syn};

use crate::transfer::{Transfer, plain};

/// Ten segments are outstanding.
fn ten_sent() -> Transfer {
    let mut transfer = Transfer::with_sack(plain());
    assert_eq!(transfer.sent().len(), 10);
    transfer
}

/// Of ten, three are missing; these are sent again, once each, and none of the others (§4).
#[test]
fn must_1_what_is_reported_is_not_sent_again() {
    let mut transfer = ten_sent();
    transfer.sack_all(&[1..3, 4..6, 7..10]);
    let mut sent = transfer.sent();
    for number in 10..16 {
        transfer.sack_all(&[1..3, 4..6, 7..number + 1]);
        sent.extend(transfer.sent());
    }
    sent.retain(|&number| number < 10);
    assert_eq!(sent, [0, 3, 6]);
}

/// Two segments reported above it do not make one lost; three do, whether they follow each other or not (§4).
#[test]
fn must_2_three_segments_above_make_one_lost() {
    let mut transfer = ten_sent();
    transfer.sack(1..3);
    assert!(!transfer.sent().contains(&0));
    transfer.sack(1..4);
    assert!(transfer.sent().contains(&0));

    let mut transfer = ten_sent();
    transfer.sack_all(&[1..2, 3..4]);
    assert!(!transfer.sent().contains(&0));
    transfer.sack_all(&[1..2, 3..4, 5..6]);
    assert!(transfer.sent().contains(&0), "three apart from each other");
}

/// A report of one segment lets one go, and of the second another, while the window stays (§5 step 3).
#[test]
fn may_1_reports_let_new_data_go() {
    let mut transfer = ten_sent();
    transfer.sack(1..2);
    assert_eq!(transfer.sent(), [10]);
    transfer.sack(1..3);
    assert_eq!(transfer.sent(), [11]);
    assert_eq!((transfer.cwnd(), transfer.ssthresh()), (10, None));
}

/// Three reports, or one of three segments: segment 0 goes again, and window and threshold are five segments (§5
/// step 4).
#[test]
fn must_3_a_loss_begins_the_repair() {
    for first in [2, 4] {
        let mut transfer = ten_sent();
        for end in first..=4 {
            transfer.sack(1..end);
        }
        assert_eq!(transfer.sent().pop(), Some(0));
        assert_eq!(transfer.info().tcpi_ca_state, Phase::Recovery);
        assert_eq!((transfer.cwnd(), transfer.ssthresh()), (5, Some(5)));
    }
}

/// The repair goes on at segment 9, and ends at 10, which was the first that had not been sent (§5 step A).
#[test]
fn must_4_all_that_was_outstanding_ends_the_repair() {
    let mut transfer = ten_sent();
    transfer.sack(1..4);
    for (number, phase) in [
        (4, Phase::Recovery),
        (9, Phase::Recovery),
        (10, Phase::Open),
    ] {
        transfer.ack(number);
        assert_eq!(transfer.info().tcpi_ca_state, phase, "{number}");
    }
}

/// What was reported beyond the repair is still known after it: another report of three segments makes the next one
/// lost, and what lies between is not sent again (§5 step A).
#[test]
fn shld_1_reports_outlive_the_repair() {
    let mut transfer = ten_sent();
    transfer.sack(1..10);
    assert_eq!(transfer.sent(), [0, 10, 11, 12, 13]);
    // Segment 10 is missing, too.
    transfer.sack_all(&[1..10, 11..12]);
    transfer.sent();
    transfer.ack(10);
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Open);
    assert_eq!(transfer.info().tcpi_sacked, 1);
    transfer.sent();
    transfer.sack(12..14);
    assert_eq!(transfer.sent()[0], 10);
    assert_eq!(transfer.info().tcpi_sacked, 3);
}

/// Of ten segments four are reported and one is lost: five are in the network, and nothing goes beside what is sent
/// again. From there on each report lets one go (§5 step C).
#[test]
fn must_5_the_window_less_what_is_in_the_network_decides() {
    let mut transfer = ten_sent();
    transfer.sack(1..4);
    assert_eq!(transfer.sent(), [0]);
    assert_eq!(transfer.info().in_flight_bytes, 7_000);
    transfer.sack(1..5);
    assert_eq!(transfer.sent(), [0; 0]);
    transfer.sack(1..6);
    assert_eq!(transfer.sent(), [0; 0]);
    assert_eq!(transfer.info().in_flight_bytes, 5_000);
    for end in 7..=10 {
        transfer.sack(1..end);
        assert_eq!(transfer.sent(), [end + 3]);
    }
}

/// Two holes are filled from below, before anything new goes (§4, §5 step C.1).
#[test]
fn must_6_lost_segments_go_before_new_data() {
    let mut transfer = ten_sent();
    transfer.sack_all(&[2..3, 4..10]);
    assert_eq!(transfer.sent(), [0, 1, 3, 10, 11]);
}

/// Of a tail of which only one segment is reported nothing goes again before the timeout (§4).
#[test]
fn shld_2_what_is_not_lost_is_not_sent_again() {
    let mut tester = Tester::established_by(plain(), syn(100).mss(1_000).sack_permitted());
    tester.write(&[1; 6_000]);
    while tester.take_sent().is_some() {}
    // Segments 0 and 4 are missing, and one is reported above the latter.
    let blocks = [(5_301, 6_301), (1_301, 4_301)];
    tester.inject(ack(101, 301).sack(&blocks));
    tester.expect(ack(301, 101).len(1_000));
    tester.expect_nothing();
    let rto = tester.info().tcpi_rto;
    tester.inject(ack(101, 4_301).sack(&blocks[..1]));
    tester.expect_nothing();
    tester.advance(rto);
    tester.expect(ack(4_301, 101).len(1_000));
}

/// After the timeout, reports of much that was outstanding begin no repair; those of what was sent later do (§5.1).
#[test]
fn must_7_after_a_timeout_no_repair_begins_before_it_is_made_good() {
    let mut transfer = ten_sent();
    transfer.sack(1..4);
    transfer.sent();
    assert_eq!(transfer.until_sent().1, [0]);
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Loss);
    let ssthresh = transfer.ssthresh();
    transfer.ack(4);
    transfer.sack(5..9);
    transfer.ack(9);
    // Of what is sent for the first time now, the first is missing.
    for end in 12..=14 {
        transfer.sack(11..end);
    }
    assert!(transfer.sent().contains(&10));
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Loss);
    assert_eq!(transfer.ssthresh(), ssthresh);
    transfer.ack(10);
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Open);
    transfer.ack_each(15, 1);
    transfer.sack(16..19);
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Recovery);
}

/// What was reported before the timeout is not sent again after it; a peer that does not acknowledge what it reported,
/// though nothing is missing before it, has gone back on it, and gets all of it again (§5.1; RFC 2018 §8).
#[test]
fn must_8_reports_are_believed_unless_the_peer_goes_back_on_them() {
    let mut transfer = ten_sent();
    transfer.sack(1..3);
    transfer.sent();
    assert_eq!(transfer.until_sent().1, [0]);
    transfer.ack(3);
    assert_eq!(transfer.sent(), [3, 4]);

    let mut transfer = ten_sent();
    transfer.sack(1..3);
    transfer.ack(1);
    transfer.sent();
    assert_eq!(transfer.until_sent().1, [1]);
    transfer.ack(2);
    assert_eq!(transfer.sent(), [2, 3]);
}

/// After a timeout what is reported then is left out (§5.1).
#[test]
fn shld_3_reports_after_a_timeout_are_used() {
    let mut transfer = ten_sent();
    assert_eq!(transfer.until_sent().1, [0]);
    transfer.sack(1..3);
    transfer.ack(3);
    assert_eq!(transfer.sent(), [3, 4]);
    transfer.sack(5..8);
    let mut sent = transfer.sent();
    transfer.ack(4);
    sent.extend(transfer.sent());
    transfer.ack(5);
    sent.extend(transfer.sent());
    assert_eq!(sent[..2], [8, 9]);
}
