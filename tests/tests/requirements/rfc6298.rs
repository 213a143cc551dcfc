//! RFC 6298: the retransmission timer.

use std::time::Duration;

use tcp_core::{ListenConfig, TcpConfig};
use tcp_sim::script::{Endpoint, LoneConnection, LoneStack, Tester, ack, syn};

use crate::transfer::{Transfer, plain};

/// A SYN and a SYN-ACK are sent again after one second (§2.1).
#[test]
fn shld_1_the_timeout_is_a_second_before_the_first_measurement() {
    let second = Duration::from_secs(1);
    let mut client = Tester::stack();
    client.connect(TcpConfig::default());
    client.expect(syn(300));
    client.expect_within(second..=second, syn(300));
    let mut server = Tester::stack();
    server.listen(ListenConfig::default());
    server.inject(syn(100));
    server.expect(syn(300).ack(101));
    server.expect_within(second..=second, syn(300).ack(101));
}

/// A handshake of 100 ms makes it 100 + 4 · 50 ms, and one of 400 ms 400 + 4 · 200 ms (§2.2).
#[test]
fn must_1_the_first_measurement_sets_the_timeout() {
    for millis in [100, 400] {
        let mut tester = established_after(millis);
        let info = tester.info();
        assert_eq!(info.tcpi_rtt, Duration::from_millis(millis));
        assert_eq!(info.tcpi_rttvar, Duration::from_millis(millis / 2));
        tester.write(b"data");
        tester.expect(ack(301, 101).len(4));
        let rto = Duration::from_millis(3 * millis);
        tester.expect_within(rto..=rto, ack(301, 101).len(4));
    }
}

/// A round trip of 200 ms after one of 100: the deviation becomes ¾ · 50 + ¼ · 100 ms, the mean ⅞ · 100 + ⅛ · 200
/// ms, and the timeout their sum with the deviation four times (§2.3).
#[test]
fn must_2_later_measurements_are_smoothed() {
    let mut tester = established_after(100);
    tester.write(b"once");
    tester.expect(ack(301, 101).len(4));
    tester.advance(Duration::from_millis(200));
    tester.inject(ack(101, 305));
    let info = tester.info();
    assert_eq!(info.tcpi_rttvar, Duration::from_micros(62_500));
    assert_eq!(info.tcpi_rtt, Duration::from_micros(112_500));
    assert_eq!(info.tcpi_rto, Duration::from_micros(112_500 + 4 * 62_500));
}

/// On a path of 1 ms that never varies the timeout is 201 ms, and not less (§2.4; Linux).
#[test]
fn shld_2_the_variance_counts_for_two_hundred_milliseconds() {
    let mut tester = established_after(1);
    let rto = Duration::from_millis(201);
    tester.write(b"data");
    tester.expect(ack(301, 101).len(4));
    tester.expect_within(rto..=rto, ack(301, 101).len(4));
}

/// It doubles up to two minutes, and stays there (§2.5).
#[test]
fn may_1_the_timeout_is_two_minutes_at_most() {
    let mut tester = established_after(100);
    tester.write(b"data");
    for _ in 0..9 {
        tester.run_next_deadline();
    }
    for _ in 0..3 {
        while tester.take_sent().is_some() {}
        let bound = Duration::from_secs(120);
        tester.expect_within(bound..=bound, ack(301, 101).len(4));
    }
}

/// An acknowledgement of what was sent twice changes neither the mean nor the timeout (§3).
#[test]
fn must_3_what_was_sent_twice_is_not_measured() {
    let mut tester = established_after(100);
    tester.write(b"data");
    tester.run_next_deadline();
    let before = tester.info();
    tester.advance(Duration::from_millis(70));
    tester.inject(ack(101, 305));
    let after = tester.info();
    assert_eq!(after.unacked_bytes, 0);
    assert_eq!(after.tcpi_rtt, before.tcpi_rtt);
    assert_eq!(after.tcpi_rttvar, before.tcpi_rttvar);
}

/// While round trips take ever longer, each window of data that is acknowledged moves the mean (§3).
#[test]
fn must_4_each_round_trip_is_measured() {
    let mut transfer = Transfer::without_sack(plain());
    let mut end = 0;
    for round in 1..=5 {
        let before = transfer.info();
        transfer.wait(100 + 10 * round);
        end += before.tcpi_unacked as u32;
        transfer.ack(end);
        assert!(transfer.info().tcpi_rtt > before.tcpi_rtt, "{round}");
    }
}

/// With a timeout of 300 ms nothing is sent again after 299, and of two segments that were sent 290 ms apart only the
/// first goes after 300 (§5).
#[test]
fn must_5_nothing_is_sent_again_too_early() {
    let mut tester = established_after(100);
    tester.write(b"one");
    tester.expect(ack(301, 101).len(3));
    tester.expect_nothing_for(Duration::from_millis(299));
    tester.advance(Duration::from_millis(1));
    tester.expect(ack(301, 101).len(3));

    let mut tester = established_with(
        100,
        TcpConfig {
            nagle: false,
            ..TcpConfig::default()
        },
    );
    tester.write(b"one");
    tester.expect(ack(301, 101).len(3));
    tester.expect_nothing_for(Duration::from_millis(290));
    tester.write(b"two");
    tester.expect(ack(304, 101).len(3));
    tester.advance(Duration::from_millis(10));
    tester.expect(ack(301, 101).len(3));
    tester.expect_nothing_for(Duration::from_millis(300));
}

/// No timer is left once everything is acknowledged; before, one is, even where little is left (§5.1, §5.2).
#[test]
fn must_6_the_timer_runs_while_data_is_outstanding() {
    let mut tester = Tester::listening(TcpConfig::default(), LoneConnection::setup(7));
    tester.inject(syn(100).mss(1_460));
    tester.expect(syn(300).ack(101));
    tester.inject(ack(101, 301));
    let is_timed = |tester: &Tester<LoneConnection>| tester.end.poll_timeout().is_some();
    assert!(!is_timed(&tester));
    tester.write(b"data");
    assert!(is_timed(&tester));
    tester.inject(ack(101, 303));
    assert!(is_timed(&tester), "two bytes are left");
    tester.inject(ack(101, 305));
    assert!(!is_timed(&tester));
}

/// An acknowledgement of a part gives the rest a whole timeout, and one that repeats the last does not (§5.3).
#[test]
fn must_7_new_data_acknowledged_starts_the_timer_anew() {
    let mut transfer = Transfer::without_sack(plain());
    transfer.sent();
    transfer.wait(100);
    transfer.ack(1);
    transfer.sent();
    let rto = transfer.info().tcpi_rto.as_millis() as u64;
    transfer.wait(100);
    transfer.ack(1);
    transfer.sent();
    assert_eq!(transfer.until_sent(), (rto - 100, vec![1]));
}

/// Of many outstanding, the first goes again, and it alone (§5.4).
#[test]
fn must_8_the_earliest_segment_is_sent_again() {
    let mut transfer = Transfer::without_sack(plain());
    transfer.sent();
    transfer.ack(3);
    assert_eq!(transfer.sent().len(), 6);
    assert_eq!(transfer.until_sent().1, [3]);
}

/// 300, 600, 1,200 ms; still twice the last for the segment after it; and from 300 on again once that has been
/// measured (§5.5, §5.7).
#[test]
fn must_9_the_timeout_doubles_until_a_round_trip_is_measured() {
    let mut transfer = Transfer::without_sack(plain());
    transfer.sent();
    for expected in [300, 600, 1_200] {
        assert_eq!(transfer.until_sent(), (expected, vec![0]));
    }
    transfer.ack(1);
    assert_eq!(transfer.info().tcpi_rto, Duration::from_millis(2_400));
    transfer.ack(10);
    assert_eq!(transfer.info().tcpi_rto, Duration::from_millis(2_400));
    transfer.wait(100);
    transfer.ack(11);
    assert!(transfer.info().tcpi_rto < Duration::from_millis(301));
}

/// A SYN, or a SYN-ACK, that was sent twice and cannot be measured: data is sent again after three seconds (§5.7).
#[test]
fn must_10_after_a_lost_syn_the_timeout_is_three_seconds() {
    let three = Duration::from_secs(3);
    let mut client = Tester::stack();
    client.connect(TcpConfig::default());
    client.expect(syn(300));
    client.run_next_deadline();
    client.expect(syn(300));
    client.inject(syn(100).ack(301).mss(1_000));
    client.expect(ack(301, 101));
    client.write(b"data");
    client.expect(ack(301, 101).len(4));
    client.expect_within(three..=three, ack(301, 101).len(4));

    let mut server = Tester::stack();
    server.listen(ListenConfig::default());
    server.inject(syn(100).mss(1_000));
    server.expect(syn(300).ack(101));
    server.run_next_deadline();
    server.expect(syn(300).ack(101));
    server.inject(ack(101, 301));
    server.write(b"data");
    server.expect(ack(301, 101).len(4));
    server.expect_within(three..=three, ack(301, 101).len(4));
}

/// A connection whose handshake took so long.
fn established_after(millis: u64) -> Tester<LoneStack> {
    established_with(millis, TcpConfig::default())
}

fn established_with(millis: u64, tcp: TcpConfig) -> Tester<LoneStack> {
    let mut tester = Tester::stack();
    tester.listen(ListenConfig {
        tcp: tcp.validate().expect("the configuration is valid"),
        ..ListenConfig::default()
    });
    tester.inject(syn(100).mss(1_460));
    tester.expect(syn(300).ack(101));
    tester.advance(Duration::from_millis(millis));
    tester.inject(ack(101, 301));
    tester
}
