//! RFC 6582: NewReno, for peers without SACK.

use tcp_core::congestion::Phase;

use crate::transfer::{Transfer, plain};

/// Twelve segments are outstanding, the first has been sent again, and a partial acknowledgement shows that segment
/// `missing` is missing as well.
fn partial(missing: u32) -> Transfer {
    let mut transfer = Transfer::without_sack(plain());
    transfer.duplicates(3);
    assert_eq!(transfer.sent()[10..], [10, 11, 0]);
    transfer.wait(100);
    transfer.ack(missing);
    transfer
}

/// After a repair up to segment 12, duplicates at 12 begin none; those of segment 13 do (§3.2 step 2).
#[test]
fn must_1_duplicates_of_what_was_repaired_begin_nothing() {
    let mut transfer = partial(12);
    assert_eq!(transfer.sent()[0], 12);
    transfer.duplicates(5);
    assert!(!transfer.sent().contains(&12));
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Open);
    transfer.ack(13);
    transfer.duplicates(3);
    assert!(transfer.sent().contains(&13));
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Recovery);
}

/// Each of several holes is filled by one acknowledgement, without further duplicates (§3.2 step 3).
#[test]
fn must_2_a_partial_acknowledgement_sends_the_next_hole() {
    let mut transfer = partial(4);
    assert_eq!(transfer.sent()[0], 4);
    transfer.ack(7);
    assert_eq!(transfer.sent()[0], 7);
}

/// The repair goes on, with the threshold that it began with (§3.2 step 3).
#[test]
fn must_3_a_partial_acknowledgement_is_no_end_and_no_second_reduction() {
    let mut transfer = partial(4);
    for hole in [7, 9] {
        let info = transfer.info();
        assert_eq!(info.tcpi_ca_state, Phase::Recovery);
        assert_eq!((transfer.cwnd(), transfer.ssthresh()), (5, Some(5)));
        transfer.ack(hole);
    }
}

/// Six arrive after the third duplicate, and then the first hole is filled: beside what is sent again, as many new
/// segments go as make the window full (§3.2 step 3).
#[test]
fn must_4_new_segments_go_as_the_network_empties() {
    let mut transfer = Transfer::without_sack(plain());
    transfer.duplicates(3);
    assert_eq!(transfer.sent()[10..], [10, 11, 0]);
    // Nine of twelve are shown to have arrived, when all but 0 and 6 have: one goes for the last.
    transfer.duplicates(5);
    assert_eq!(transfer.sent(), [12]);
    transfer.wait(100);
    transfer.ack(6);
    assert_eq!(transfer.sent(), [6, 13]);
    assert_eq!(transfer.info().in_flight_bytes, 5_000);
}

/// The timer expires a whole timeout after the partial acknowledgement (§3.2 step 3).
#[test]
fn must_5_a_partial_acknowledgement_restarts_the_timer() {
    let mut transfer = Transfer::without_sack(plain());
    transfer.duplicates(3);
    transfer.sent();
    transfer.wait(250);
    transfer.ack(4);
    assert_eq!(transfer.sent()[0], 4);
    let rto = transfer.info().tcpi_rto.as_millis() as u64;
    assert_eq!(transfer.until_sent(), (rto, vec![4]));
}

/// When segment 12 is reached the repair is over; and the window is five segments, the threshold (§3.2 step 3).
#[test]
fn must_6_a_full_acknowledgement_ends_the_repair() {
    let mut transfer = partial(9);
    transfer.sent();
    transfer.ack(12);
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Open);
    assert_eq!((transfer.cwnd(), transfer.ssthresh()), (5, Some(5)));
    assert!(transfer.info().tcpi_unacked <= 5);
}

/// A timeout in the middle of a repair ends it, and what the segments that are sent again bring as duplicates begins
/// no other (§3.2 step 4).
#[test]
fn must_7_a_timeout_ends_the_repair_for_good() {
    let mut transfer = partial(4);
    transfer.sent();
    assert_eq!(transfer.until_sent().1, [4]);
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Loss);
    let ssthresh = transfer.ssthresh();
    transfer.ack(6);
    transfer.sent();
    transfer.duplicates(5);
    assert!(!transfer.sent().contains(&6), "it has just been sent");
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Loss);
    assert_eq!(transfer.ssthresh(), ssthresh);
}
