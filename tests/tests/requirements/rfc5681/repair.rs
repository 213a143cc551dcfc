//! Fast retransmit and fast recovery: sections 3.2 and 4.3.

use tcp_core::congestion::Phase;
use tcp_core::{RecoveryConfig, TcpConfig};

use crate::transfer::{Transfer, plain};

/// Ten segments outstanding, and the first is missing.
fn ten_sent() -> Transfer {
    let mut transfer = Transfer::without_sack(plain());
    assert_eq!(transfer.sent().len(), 10);
    transfer
}

/// The first and the second duplicate let a new segment go each (§3.2 step 1, RFC 3042).
#[test]
fn shld_5_the_first_two_duplicates_let_new_segments_go() {
    let mut transfer = ten_sent();
    transfer.duplicates(1);
    assert_eq!(transfer.sent(), [10]);
    transfer.duplicates(1);
    assert_eq!(transfer.sent(), [11]);
}

/// The window is the same after them, and so is the threshold (§3.2 step 1).
#[test]
fn must_11_the_first_two_duplicates_leave_the_window() {
    let mut transfer = ten_sent();
    transfer.duplicates(2);
    assert_eq!((transfer.cwnd(), transfer.ssthresh()), (10, None));
    transfer.ack(10);
    assert_eq!(transfer.cwnd(), 20, "slow start goes on from the same");
}

/// Of 12 segments outstanding, two of which duplicates have let go, the threshold becomes five (§3.2 step 2).
#[test]
fn must_12_the_third_duplicate_halves_what_the_window_let_go() {
    let mut transfer = ten_sent();
    transfer.duplicates(2);
    assert_eq!(transfer.info().tcpi_unacked, 12);
    transfer.duplicates(1);
    assert_eq!(transfer.ssthresh(), Some(5));
}

/// The third duplicate, and no earlier one, sends the first segment again (§3.2 step 3).
#[test]
fn must_13_the_third_duplicate_sends_the_first_segment_again() {
    let mut transfer = ten_sent();
    transfer.duplicates(2);
    assert!(!transfer.sent().contains(&0));
    transfer.duplicates(1);
    assert_eq!(transfer.sent(), [0]);
}

/// With 12 outstanding and a window of five, the next duplicates let nothing go, until so many have come that
/// the network holds less than five: each from then on lets a segment go, as with a window that began at eight (§3.2
/// steps 3 to 5).
#[test]
fn must_14_each_further_duplicate_lets_a_segment_go_in_the_end() {
    let mut transfer = ten_sent();
    transfer.duplicates(3);
    assert_eq!(transfer.sent(), [10, 11, 0]);
    let mut sent = Vec::new();
    for _ in 4..=11 {
        transfer.duplicates(1);
        sent.push(transfer.sent().len());
    }
    assert_eq!(sent, [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(transfer.cwnd(), 5);
}

/// Once all is acknowledged that was outstanding, the window is the threshold; only where that acknowledgement stands
/// for a window's worth, a segment is added (§3.2 step 6).
#[test]
fn must_15_the_end_of_the_repair_leaves_the_threshold() {
    for (partly, window) in [(9, 5), (2, 6)] {
        let mut transfer = ten_sent();
        transfer.duplicates(3);
        transfer.ack(partly);
        assert_eq!(transfer.info().tcpi_ca_state, Phase::Recovery);
        transfer.ack(12);
        assert_eq!((transfer.cwnd(), transfer.ssthresh()), (window, Some(5)));
        assert_eq!(transfer.info().tcpi_ca_state, Phase::Open);
    }
}

/// Ten segments become five after a loss, and half of what they have grown to after one in the window that follows
/// (§4.3).
#[test]
fn must_18_losses_in_two_windows_reduce_twice() {
    let mut transfer = ten_sent();
    transfer.duplicates(3);
    transfer.ack(12);
    assert_eq!((transfer.cwnd(), transfer.ssthresh()), (6, Some(5)));
    transfer.ack(13);
    transfer.duplicates(3);
    assert_eq!(transfer.ssthresh(), Some(3));
}

/// What RACK finds lost again goes again, and the threshold is what the first loss has made it (§4.3).
#[test]
fn must_18_a_retransmission_lost_within_a_repair_reduces_once() {
    let config = TcpConfig {
        recovery: RecoveryConfig {
            rack: true,
            ..plain().recovery
        },
        ..plain()
    };
    let mut transfer = Transfer::with_sack(config);
    transfer.sent();
    transfer.wait(100);
    transfer.sack(1..4);
    assert_eq!(transfer.sent()[0], 0);
    assert_eq!(transfer.ssthresh(), Some(5));
    // All the rest arrives, and what is sent then: the repair must have been lost.
    transfer.wait(10);
    transfer.sack(1..10);
    let later = transfer.sent();
    assert_eq!(later[0], 10);
    transfer.wait(150);
    transfer.sack(1..11);
    assert_eq!(transfer.sent()[0], 0);
    assert_eq!(transfer.ssthresh(), Some(5));
}
