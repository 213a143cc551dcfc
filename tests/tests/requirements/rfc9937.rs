//! RFC 9937: Proportional Rate Reduction.

use std::ops::Range;

use tcp_core::congestion::Phase;
use tcp_core::{CongestionAlgorithm, RecoveryConfig, TcpConfig};
use tcp_sim::script::{Tester, ack, syn};

use crate::transfer::{Transfer, plain};

/// With PRR, and RFC 6675 to find losses at once.
fn config(congestion: CongestionAlgorithm) -> TcpConfig {
    TcpConfig {
        congestion,
        recovery: RecoveryConfig {
            proportional_rate_reduction: true,
            ..plain().recovery
        },
        ..plain()
    }
}

/// Twenty segments are outstanding from segment 10 on, all that came before is acknowledged, and the threshold will be
/// ten.
fn twenty_sent() -> Transfer {
    let mut transfer = Transfer::with_sack(config(CongestionAlgorithm::Reno));
    transfer.sent();
    transfer.ack(10);
    assert_eq!(transfer.sent(), (10..30).collect::<Vec<_>>());
    transfer
}

/// Reports from segment `start` to each of `ends`; gives how many segments go for each.
fn reports(transfer: &mut Transfer, start: u32, ends: Range<u32>) -> Vec<usize> {
    let report = |end| {
        transfer.sack(start..end);
        transfer.sent().len()
    };
    ends.map(report).collect()
}

/// With Reno, which halves, every second report lets a segment go; with CUBIC, which keeps seven tenths, seven of ten
/// do (§1).
#[test]
fn shld_1_every_congestion_control_is_led_down() {
    for (congestion, expected) in [
        (CongestionAlgorithm::Reno, 10),
        (CongestionAlgorithm::CUBIC, 14),
    ] {
        let mut transfer = Transfer::with_sack(config(congestion));
        transfer.sent();
        transfer.ack(10);
        transfer.sent();
        // One is missing, and the first report is of three.
        let sent: usize = reports(&mut transfer, 11, 14..31).iter().sum();
        assert!(sent.abs_diff(expected) <= 1, "{sent} of {expected}");
        assert_eq!(transfer.info().tcpi_ca_state, Phase::Recovery);
    }
}

/// A second reduction begins anew: what the first had delivered and sent counts no more (§6).
#[test]
fn must_1_each_reduction_begins_anew() {
    let mut transfer = twenty_sent();
    reports(&mut transfer, 11, 14..31);
    transfer.ack(30);
    assert_eq!((transfer.cwnd(), transfer.ssthresh()), (10, Some(10)));
    transfer.sent();
    assert_eq!(transfer.info().tcpi_unacked, 10);
    let sent: usize = reports(&mut transfer, 31, 34..41).iter().sum();
    assert_eq!((transfer.ssthresh(), sent), (Some(5), 5));
}

/// Twenty in flight and a threshold of ten: for each two that are delivered one is sent, so that those in flight come
/// down to ten over a round trip (§6).
#[test]
fn must_2_what_is_sent_is_in_proportion_to_what_is_delivered() {
    let mut transfer = twenty_sent();
    let mut sent = 0;
    // The first report is of three.
    for delivered in 3..16 {
        transfer.sack(11..11 + delivered);
        sent += transfer.sent().len() as u32;
        assert_eq!(sent, delivered / 2, "{delivered}");
    }
    transfer.sack(11..11 + 16);
    transfer.sent();
    assert_eq!(transfer.info().in_flight_bytes, 10_000);
}

/// Sixteen of twenty are lost at once: for each segment that is reported from then on, one goes (§6).
#[test]
fn must_3_below_the_threshold_what_was_delivered_bounds_what_is_sent() {
    let mut transfer = twenty_sent();
    transfer.sack(26..29);
    assert_eq!(transfer.sent().len(), 3);
    transfer.sack(26..30);
    assert_eq!(transfer.sent().len(), 1);
}

/// After the same, an acknowledgement that fills the first hole lets two go for one delivered (§6).
#[test]
fn must_4_an_acknowledgement_that_goes_well_lets_a_segment_more_go() {
    let mut transfer = twenty_sent();
    transfer.sack(26..30);
    assert_eq!(transfer.sent().len(), 4);
    for number in 11..14 {
        transfer.ack(number);
        assert_eq!(transfer.sent().len(), 2, "{number}");
    }
}

/// Slow start ends at the threshold: from then on one goes for one delivered (§6).
#[test]
fn must_5_no_more_than_the_threshold_is_in_flight() {
    let mut transfer = twenty_sent();
    transfer.sack(26..30);
    transfer.sent();
    let mut most = 0;
    for number in 11..26 {
        transfer.ack(number);
        transfer.sent();
        most = most.max(transfer.info().in_flight_bytes);
    }
    assert_eq!(most, 10_000);
}

/// Three small segments are reported, a hundred bytes at a time, and the thousand bytes before them go with the last
/// report all the same (§6).
#[test]
fn must_6_the_first_retransmission_goes_at_once() {
    let config = TcpConfig {
        nagle: false,
        ..config(CongestionAlgorithm::Reno)
    };
    let mut tester = Tester::established_by(config, syn(100).mss(1_000).sack_permitted());
    for (seq, len) in [(301, 1_000), (1_301, 100), (1_401, 100), (1_501, 100)] {
        tester.write(&vec![1; len]);
        tester.expect(ack(seq, 101).len(len));
    }
    for end in [1_401, 1_501, 1_601] {
        tester.expect_nothing();
        tester.inject(ack(101, 301).sack(&[(1_301, end)]));
    }
    tester.expect(ack(301, 101).len(1_000));
    tester.expect_nothing();
}

/// Once all that was outstanding has arrived the window is the threshold, however little is in flight (§6).
#[test]
fn must_7_at_the_end_the_window_is_the_threshold() {
    let mut transfer = twenty_sent();
    transfer.sack(11..30);
    transfer.sent();
    assert_eq!(transfer.info().in_flight_bytes, 10_000);
    transfer.ack(30);
    assert_eq!((transfer.cwnd(), transfer.ssthresh()), (10, Some(10)));
}

/// Twelve outstanding, of which duplicates have let two go, and a threshold of five: about one goes for two
/// duplicates, and the acknowledgement of all that they stood for lets no burst go (§6).
#[test]
fn must_8_without_sack_a_duplicate_counts_as_a_segment() {
    let mut transfer = Transfer::without_sack(config(CongestionAlgorithm::Reno));
    assert_eq!(transfer.sent().len(), 10);
    transfer.duplicates(3);
    assert_eq!(transfer.sent(), [10, 11, 0]);
    let mut sent = Vec::new();
    for _ in 0..8 {
        transfer.duplicates(1);
        sent.push(transfer.sent().len());
    }
    let sum: usize = sent.iter().sum();
    assert!(
        (3..=5).contains(&sum) && sent.iter().all(|&sent| sent <= 1),
        "{sent:?}"
    );
    // Segment 8 is missing as well: what arrives now had been counted.
    transfer.ack(8);
    let sent = transfer.sent();
    assert!(sent[0] == 8 && sent.len() <= 2, "{sent:?}");
}
