//! What happens when nothing happens: retransmission, persist, keep-alive, user timeout, and the
//! delays of small segments and acknowledgements.

use std::time::Duration;

use tcp_core::{
    ConnectionError, ConnectionEvent, KeepAlive, ListenConfig, ReadError, State, TcpConfig,
};
use tcp_sim::script::{LoneStack, Tester, ack, fin, rst, syn};

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Established, and past the acknowledgements that a young connection sends at once; and the peer's
/// next number.
fn settled(tcp: TcpConfig) -> (Tester<LoneStack>, u32) {
    let mut tester = Tester::established(tcp);
    let mut next = 101;
    // Steady small segments, each too soon after the last to count as a pause.
    for _ in 0..30 {
        tester.inject(ack(next, 301).data(b"x"));
        next += 1;
        tester.advance(millis(150));
        tester.expect(ack(301, next));
    }
    tester.read(&[b'x'; 30]);
    (tester, next)
}

/// RFC 6298 §5.5 and RFC 9293 MUST-22, MUST-23: a SYN is sent again with doubling intervals, and given
/// up after three minutes at the earliest.
#[test]
fn an_unanswered_syn_is_given_up_after_three_minutes() {
    let mut tester = Tester::stack();
    tester.connect(TcpConfig::default());
    tester.expect(syn(300));
    for wait in [1, 2, 4, 8, 16, 32, 64] {
        tester.expect_within(secs(wait)..=secs(wait), syn(300));
        tester.expect_state(State::SynSent);
    }
    let before = tester.now();
    tester.run_next_deadline();
    while tester.end.host.stack.poll_timeout().is_some() {
        tester.run_next_deadline();
    }
    tester.expect_nothing();
    let timed_out = ConnectionError::TimedOut;
    assert!(
        tester
            .take_events()
            .contains(&ConnectionEvent::Closed(Some(timed_out)))
    );
    assert_eq!(tester.try_read(), Err(ReadError::Connection(timed_out)));
    assert!(
        tester.now() > before && tester.now().as_millis() >= 180_000,
        "{:?}",
        tester.now()
    );
}

/// The same for SYN-ACK (`tcp_synack_retries`): the record goes, and the listener stays.
#[test]
fn an_unanswered_syn_ack_is_forgotten() {
    let mut tester = Tester::stack();
    tester.listen(ListenConfig::default());
    tester.inject(syn(100));
    tester.expect(syn(300).ack(101));
    for wait in [1, 2, 4, 8, 16] {
        tester.expect_within(secs(wait)..=secs(wait), syn(300).ack(101));
    }
    tester.expect_nothing_for(secs(33));
    tester.expect_no_connection();
    tester.inject(syn(9_000));
    tester.expect(syn(90_000).ack(9_001));
}

/// RFC 9293 MUST-20, SHLD-9 to SHLD-11: the user hears of R1 after three retransmissions, and R2 ends
/// the connection after 100 seconds at the earliest.
#[test]
fn unacknowledged_data_ends_the_connection() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.take_events();
    tester.write(b"anybody?");
    tester.expect(ack(301, 101).data(b"anybody?"));
    let mut waited = Duration::ZERO;
    let mut last = Duration::ZERO;
    for retransmission in 1..=15 {
        let sent_at = tester.now();
        tester.expect_within(millis(200)..=secs(120), ack(301, 101).data(b"anybody?"));
        let interval = tester.now().saturating_duration_since(sent_at);
        assert!(
            interval >= last,
            "the intervals grow: {last:?}, {interval:?}"
        );
        let unresponsive = tester
            .take_events()
            .contains(&ConnectionEvent::Unresponsive);
        assert_eq!(unresponsive, retransmission == 3);
        last = interval;
        waited += interval;
    }
    tester.expect_nothing_for(secs(121));
    assert!(waited > secs(100), "{waited:?}");
    let timed_out = ConnectionError::TimedOut;
    assert_eq!(
        tester.take_events().last(),
        Some(&ConnectionEvent::Closed(Some(timed_out)))
    );
}

/// RFC 6298 §5 and Karn's rule: the backoff outlives the acknowledgement of what was sent again, for
/// it measures nothing, and ends with the next measurement.
#[test]
fn a_measurement_ends_the_backoff() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.write(b"one");
    tester.expect(ack(301, 101).data(b"one"));
    for _ in 0..4 {
        tester.expect_within(millis(200)..=secs(10), ack(301, 101).data(b"one"));
    }
    tester.inject(ack(101, 304));
    tester.write(b"two");
    tester.expect(ack(304, 101).data(b"two"));
    tester.expect_within(secs(3)..=millis(3_500), ack(304, 101).data(b"two"));
    tester.inject(ack(101, 307));
    tester.write(b"three");
    tester.expect(ack(307, 101).data(b"three"));
    tester.advance(millis(10));
    tester.inject(ack(101, 312));
    tester.write(b"four");
    tester.expect(ack(312, 101).data(b"four"));
    tester.expect_within(millis(200)..=millis(1_200), ack(312, 101).data(b"four"));
}

/// RFC 5482, `TCP_USER_TIMEOUT`: the connection ends when data has been unacknowledged for so long.
#[test]
fn the_user_timeout_ends_the_connection_on_time() {
    let mut tester = Tester::established(TcpConfig {
        user_timeout: Some(secs(10)),
        ..TcpConfig::default()
    });
    tester.expect_nothing_for(secs(60));
    tester.take_events();
    tester.write(b"anybody?");
    tester.advance(millis(9_990));
    tester.expect_state(State::Established);
    tester.advance(millis(20));
    let timed_out = ConnectionError::TimedOut;
    assert!(
        tester
            .take_events()
            .contains(&ConnectionEvent::Closed(Some(timed_out)))
    );
}

/// RFC 9293 §3.8.6.1, SHLD-29, SHLD-30 and MUST-37: a closed window is probed after one RTO and then
/// ever more rarely, for as long as the peer answers.
#[test]
fn a_closed_window_is_probed_for_ever() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(101, 301).window(0));
    tester.write(b"patience");
    tester.expect_nothing();
    let mut last = Duration::ZERO;
    for _ in 0..100 {
        let sent_at = tester.now();
        // Linux's probe: the octet before the window, without the octet.
        tester.expect_within(millis(200)..=secs(120), ack(300, 101));
        let interval = tester.now().saturating_duration_since(sent_at);
        assert!(
            interval >= last || interval == secs(120),
            "{last:?}, {interval:?}"
        );
        last = interval;
        tester.inject(ack(101, 301).window(0));
        tester.expect_nothing();
    }
    assert!(last >= secs(60), "they have become rare: {last:?}");
    assert!(tester.now().as_millis() > 3_600_000, "hours have passed");
    tester.inject(ack(101, 301).window(1_000));
    tester.expect(ack(301, 101).data(b"patience").push());
}

/// A closed window and a peer that has gone: R2 applies.
#[test]
fn unanswered_probes_end_the_connection() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.take_events();
    tester.inject(ack(101, 301).window(0));
    tester.write(b"patience");
    for _ in 0..15 {
        tester.expect_within(millis(200)..=secs(120), ack(300, 101));
    }
    tester.expect_nothing_for(secs(121));
    let timed_out = ConnectionError::TimedOut;
    assert!(
        tester
            .take_events()
            .contains(&ConnectionEvent::Closed(Some(timed_out)))
    );
}

/// RFC 9293 §3.8.4, MUST-24 to MUST-29: off by default; probes after an idle time, which any segment
/// from the peer starts anew, and an end only after several went unanswered.
#[test]
fn keep_alive_finds_a_dead_peer() {
    let mut silent = Tester::established(TcpConfig::default());
    silent.expect_nothing_for(secs(30 * 86_400));
    silent.expect_state(State::Established);

    let keep_alive = KeepAlive {
        idle: secs(100),
        interval: secs(10),
        count: 3,
    };
    let mut tester = Tester::established(TcpConfig {
        keep_alive: Some(keep_alive),
        ..TcpConfig::default()
    });
    tester.take_events();
    for _ in 0..5 {
        tester.expect_within(secs(100)..=secs(100), ack(300, 101));
        tester.expect_within(secs(10)..=secs(10), ack(300, 101));
        tester.inject(ack(101, 301));
        tester.expect_nothing();
    }
    tester.expect_within(secs(100)..=secs(100), ack(300, 101));
    tester.expect_within(secs(10)..=secs(10), ack(300, 101));
    tester.expect_within(secs(10)..=secs(10), ack(300, 101));
    tester.expect_within(secs(10)..=secs(10), rst(301).ack(101));
    let timed_out = ConnectionError::TimedOut;
    assert!(
        tester
            .take_events()
            .contains(&ConnectionEvent::Closed(Some(timed_out)))
    );
}

/// `TCP_USER_TIMEOUT` takes the place of the count: any number of probes goes unanswered.
#[test]
fn keep_alive_under_a_long_user_timeout() {
    let mut tester = Tester::established(TcpConfig {
        keep_alive: Some(KeepAlive {
            idle: secs(1),
            interval: secs(1),
            count: 2,
        }),
        user_timeout: Some(secs(1_000)),
        ..TcpConfig::default()
    });
    for _ in 0..999 {
        tester.expect_within(secs(1)..=secs(1), ack(300, 101));
    }
    tester.expect_within(secs(1)..=secs(1), rst(301).ack(101));
}

/// RFC 9293 §3.7.4, as Minshall refined it: one small segment at a time; a full one, or one with FIN,
/// does not wait.
#[test]
fn nagle_lets_one_small_segment_out() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.write(b"first");
    tester.expect(ack(301, 101).data(b"first").push());
    tester.write(b"second");
    tester.write(b", third");
    tester.expect_nothing();
    tester.inject(ack(101, 306));
    tester.expect(ack(306, 101).data(b"second, third").push());
    tester.write(&[b'.'; 2_000]);
    tester.expect(ack(319, 101).len(1_460));
    tester.expect_nothing();
    tester.close();
    tester.expect(fin(1_779, 101).len(540));
}

/// `TCP_NODELAY`, RFC 9293 MUST-17.
#[test]
fn without_nagle_every_write_goes() {
    let mut tester = Tester::established(TcpConfig {
        nagle: false,
        ..TcpConfig::default()
    });
    tester.write(b"a");
    tester.write(b"b");
    tester.expect(ack(301, 101).data(b"a"));
    tester.expect(ack(302, 101).data(b"b"));

    // Turning it off sends what it has held back.
    let mut tester = Tester::established(TcpConfig::default());
    tester.write(b"a");
    tester.write(b"b");
    tester.expect(ack(301, 101).data(b"a"));
    tester.expect_nothing();
    tester.call(|end, now| end.connection(now, |it| it.set_nodelay(true)));
    tester.expect(ack(302, 101).data(b"b"));
}

/// `TCP_CORK`: only full segments, for 200 ms at the longest.
#[test]
fn a_cork_holds_partial_segments_back() {
    let mut tester = Tester::established(TcpConfig::default());
    let cork = |tester: &mut Tester<LoneStack>, on| {
        tester.call(|end, now| end.connection(now, |it| it.set_cork(on)));
    };
    cork(&mut tester, true);
    tester.write(b"header");
    tester.expect_nothing_for(millis(100));
    tester.write(&[b'.'; 1_460]);
    tester.expect(ack(301, 101).len(1_460));
    tester.expect_nothing();
    cork(&mut tester, false);
    tester.expect(ack(1_761, 101).len(6).push());
    tester.inject(ack(101, 1_767));

    cork(&mut tester, true);
    tester.write(b"forgotten");
    tester.expect_within(
        millis(150)..=millis(200),
        ack(1_767, 101).data(b"forgotten"),
    );
}

/// RFC 9293 §3.8.6.3, SHLD-18 and MUST-40: past its beginnings a connection delays the acknowledgement
/// of a small segment, by less than half a second.
#[test]
fn a_small_segment_is_acknowledged_late() {
    let (mut tester, next) = settled(TcpConfig::default());
    // Who reads to the end acknowledges it, as Linux.
    tester.inject(ack(next, 301).data(b"question"));
    tester.read(b"question");
    tester.expect(ack(301, next + 8));
    // An answer makes it a conversation: the next acknowledgement hopes for another.
    tester.write(b"answer");
    tester.expect(ack(301, next + 8).data(b"answer"));
    tester.inject(ack(next + 8, 307).data(b"question"));
    tester.read(b"question");
    tester.expect_within(millis(1)..=millis(499), ack(307, next + 16));
}

/// RFC 9293 SHLD-19: the second full-sized segment is acknowledged at once.
#[test]
fn the_second_full_segment_is_acknowledged_at_once() {
    let (mut tester, mut next) = settled(TcpConfig::default());
    for _ in 0..20 {
        for _ in 0..2 {
            tester.inject(ack(next, 301).len(1_460));
            next += 1_460;
        }
        let mut latest = None;
        while let Some(sent) = tester.take_sent() {
            latest = sent.header.ack;
        }
        assert_eq!(latest.map(|ack| ack.get()), Some(next));
        assert!(tester.try_read().is_ok());
        while tester.take_sent().is_some() {}
    }
}

/// RFC 5681 §4.2: a segment beyond a hole, and the one that fills it, are acknowledged at once.
#[test]
fn a_hole_is_reported_at_once() {
    let (mut tester, next) = settled(TcpConfig::default());
    tester.inject(ack(next + 4, 301).data(b"late"));
    tester.expect(ack(301, next));
    tester.inject(ack(next, 301).data(b"soon"));
    tester.expect(ack(301, next + 8));
    tester.read(b"soonlate");
}
