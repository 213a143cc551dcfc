//! The window while nothing is lost, and after a timeout: sections 3.1 and 4.1.

use std::time::Duration;

use tcp_core::{ListenConfig, TcpConfig};
use tcp_sim::script::{Tester, ack, syn};

use crate::transfer::{Transfer, plain};

/// No more is sent than the window lets go: it opens by what is acknowledged up to the threshold, and from there
/// on by a segment in a round trip (§3.1).
#[test]
fn must_1_slow_start_and_congestion_avoidance_bound_what_is_outstanding() {
    let mut transfer = Transfer::without_sack(plain());
    assert_eq!(transfer.sent(), (0..10).collect::<Vec<_>>());
    transfer.wait(100);
    assert_eq!(
        transfer.sent(),
        [0; 0],
        "nothing without an acknowledgement"
    );
    transfer.ack(1);
    assert_eq!(transfer.sent(), [10, 11]);
    transfer.duplicates(3);
    assert_eq!(transfer.sent(), [12, 13, 1]);
    transfer.ack(14);
    assert_eq!(transfer.ssthresh(), Some(5), "congestion avoidance");
    let window = transfer.cwnd();
    assert_eq!(transfer.sent().len() as u32, window);
    let sent = transfer.ack_each(14 + window, 1);
    assert_eq!(sent.len() as u32, window + 1);
}

/// Ten segments go at first, whatever their size (§3.1; RFC 6928 §2).
#[test]
fn must_2_ten_segments_go_at_first() {
    for mss in [536, 1_000, 1_460] {
        let mut tester = Tester::established_by(plain(), syn(100).mss(mss));
        tester.write(&[1; 50_000]);
        let sent: Vec<_> = std::iter::from_fn(|| tester.take_sent()).collect();
        assert_eq!(sent.len(), 10);
        assert!(
            sent.iter()
                .all(|sent| sent.payload.len() == usize::from(mss))
        );
    }
}

/// Neither who is called nor who calls has more than the initial window when the handshake is over (§3.1).
#[test]
fn must_3_the_handshake_does_not_grow_the_window() {
    let mut transfer = Transfer::without_sack(plain());
    assert_eq!(transfer.cwnd(), 10);
    let mut tester = Tester::stack();
    tester.connect(plain());
    tester.expect(syn(300));
    tester.inject(syn(100).ack(301).mss(1_000));
    tester.expect(ack(301, 101));
    assert_eq!(tester.info().tcpi_snd_cwnd, 10_000);
}

/// A SYN-ACK or SYN that was sent twice leaves the window at one segment; once leaves it alone (§3.1; RFC 6928
/// §2).
#[test]
fn must_4_a_handshake_that_took_two_retransmissions_leaves_one_segment() {
    for (times, segments) in [(0, 10), (1, 10), (2, 1), (3, 1)] {
        let mut server = Tester::stack();
        server.listen(ListenConfig {
            tcp: plain().validate().unwrap(),
            ..ListenConfig::default()
        });
        server.inject(syn(100).mss(1_000));
        server.expect(syn(300).ack(101));
        let mut client = Tester::stack();
        client.connect(plain());
        client.expect(syn(300));
        for _ in 0..times {
            server.run_next_deadline();
            server.expect(syn(300).ack(101));
            client.run_next_deadline();
            client.expect(syn(300));
        }
        server.inject(ack(101, 301));
        assert_eq!(server.info().tcpi_snd_cwnd, segments * 1_000, "{times}");
        client.inject(syn(100).ack(301).mss(1_000));
        assert_eq!(client.info().tcpi_snd_cwnd, segments * 1_000, "{times}");
    }
}

/// Before the first loss nothing ends slow start (§3.1).
#[test]
fn shld_1_the_threshold_is_as_high_as_can_be() {
    let mut transfer = Transfer::without_sack(plain());
    assert_eq!(transfer.ssthresh(), None);
    transfer.ack_each(50, 1);
    assert_eq!((transfer.ssthresh(), transfer.cwnd()), (None, 60));
}

/// A loss that duplicates show, and one that the timer shows, both reduce the threshold (§3.1).
#[test]
fn must_5_congestion_reduces_the_threshold() {
    let mut transfer = Transfer::without_sack(plain());
    transfer.duplicates(3);
    assert_eq!(transfer.ssthresh(), Some(5));
    let mut transfer = Transfer::without_sack(plain());
    transfer.sent();
    transfer.until_sent();
    assert_eq!(transfer.ssthresh(), Some(5));
}

/// An acknowledgement of three segments grows the window by three (§3.1; RFC 3465 §2.2).
#[test]
fn must_6_slow_start_grows_by_what_is_acknowledged() {
    let mut transfer = Transfer::without_sack(plain());
    assert_eq!(transfer.sent().len(), 10);
    transfer.ack(1);
    assert_eq!(transfer.cwnd(), 11);
    transfer.ack(4);
    assert_eq!(transfer.cwnd(), 14);
    assert_eq!(transfer.sent().len(), 4 + 4);
}

/// A segment that is acknowledged in ten parts grows the window by one segment, as if it were acknowledged at
/// once (§3.1).
#[test]
fn shld_2_parts_of_a_segment_gain_no_more_than_the_whole() {
    let mut transfer = Transfer::without_sack(plain());
    assert_eq!(transfer.sent().len(), 10);
    for part in 1..=10 {
        transfer.tester.inject(ack(101, 301 + part * 100));
    }
    assert_eq!(transfer.info().tcpi_snd_cwnd, 11_000);
    assert_eq!(transfer.sent(), [10, 11]);
}

/// In five round trips of congestion avoidance the window grows by five segments, however many acknowledgements
/// there are (§3.1).
#[test]
fn must_7_congestion_avoidance_grows_by_a_segment_in_a_round_trip() {
    let mut transfer = Transfer::without_sack(plain());
    transfer.duplicates(3);
    let mut end = 12;
    transfer.ack(end);
    for round in 0..5 {
        assert_eq!(transfer.cwnd(), 6 + round);
        end += transfer.cwnd();
        transfer.ack_each(end, 1);
    }
}

/// Where the window was grown to 20 segments, and two are in flight, the threshold becomes two; where 20 are,
/// ten (§3.1, equation 4).
#[test]
fn must_8_a_timeout_leaves_half_of_what_is_in_flight() {
    let mut transfer = Transfer::without_sack(plain());
    transfer.ack_each(10, 1);
    assert_eq!(transfer.info().tcpi_unacked, 20);
    transfer.sent();
    transfer.until_sent();
    assert_eq!(transfer.ssthresh(), Some(10));

    let mut tester = Tester::established_by(plain(), syn(100).mss(1_000));
    tester.write(&[1; 2_000]);
    tester.run_next_deadline();
    assert_eq!(tester.info().tcpi_snd_ssthresh, 2_000);
}

/// The second timeout of a segment leaves the threshold where the first has set it (§3.1).
#[test]
fn must_9_a_repeated_timeout_leaves_the_threshold() {
    let mut transfer = Transfer::without_sack(plain());
    transfer.sent();
    for _ in 0..3 {
        transfer.until_sent();
        assert_eq!((transfer.ssthresh(), transfer.cwnd()), (Some(5), 1));
    }
}

/// After a timeout one segment goes, and slow start goes on from there (§3.1).
#[test]
fn must_10_a_timeout_leaves_one_segment() {
    let mut transfer = Transfer::without_sack(plain());
    assert_eq!(transfer.sent().len(), 10);
    assert_eq!(transfer.until_sent().1, [0]);
    assert_eq!(transfer.cwnd(), 1);
    transfer.ack(1);
    assert_eq!((transfer.cwnd(), transfer.sent()), (2, vec![1, 2]));
    transfer.ack(2);
    assert_eq!((transfer.cwnd(), transfer.sent()), (3, vec![3, 4]));
}

/// A window of 20 segments is one of ten after a pause of ten timeouts: so many go at once (§4.1).
#[test]
fn shld_6_a_pause_leads_back_to_the_restart_window() {
    let config = TcpConfig {
        nagle: false,
        ..plain()
    };
    let mut tester = Tester::established_by(config, syn(100).mss(1_000));
    tester.write(&[1; 10_000]);
    for number in 1..=10 {
        tester.inject(ack(101, 301 + number * 1_000));
    }
    assert_eq!(tester.info().tcpi_snd_cwnd, 20_000);
    while tester.take_sent().is_some() {}
    tester.advance(Duration::from_secs(5));
    tester.write(&[1; 30_000]);
    let sent = std::iter::from_fn(|| tester.take_sent()).count();
    assert_eq!(sent, 10);
}
