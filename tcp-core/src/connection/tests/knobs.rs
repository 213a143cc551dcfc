//! Options that a user changes while the connection lives.

use super::*;

fn lens(said: &[Said]) -> Vec<usize> {
    said.iter().map(|said| said.payload.len()).collect()
}

fn plain() -> TcpConfig {
    TcpConfig {
        timestamps: false,
        ..TcpConfig::default()
    }
}

/// The peer acknowledges all that `end` has sent.
fn acknowledge(pair: &mut Pair, end: usize) {
    let ack = pair.ack_of_all(end, u16::MAX);
    pair.give(end, ack, &[]);
}

#[test]
fn what_waits_to_be_sent_may_be_bounded() {
    let config = TcpConfig {
        notsent_lowat: Some(4_000),
        initial_window: 2,
        ..plain()
    };
    let mut pair = quiet_pair(config);
    let written = pair.ends[0].write(pair.now, &[0; 50_000]);
    assert_eq!(written, Ok(3 * 1_460), "to the end of a segment");
    let full = pair.ends[0].write(pair.now, b"x");
    assert_eq!(full, Err(WriteError::WouldBlock));
    assert!(!pair.ends[0].is_writable());
    let said = pair.drain(0);
    assert_eq!(lens(&said), [1_460; 2]);
    assert!(pair.ends[0].is_writable(), "less than half of it waits");
    assert_eq!(pair.last_event(0), Some(ConnectionEvent::Writable));
    pair.ends[0].set_notsent_lowat(Some(2_000));
    assert!(!pair.ends[0].is_writable());
    assert_eq!(pair.ends[0].send_room(), 1_460);
    pair.ends[0].set_notsent_lowat(None);
    assert!(pair.ends[0].send_room() > 50_000);
}

#[test]
fn more_waits_for_an_acknowledgement_at_most() {
    let mut pair = quiet_pair(plain());
    pair.ends[0].set_nodelay(true);
    pair.write(0, 1_500);
    pair.ends[0].expect_more();
    assert_eq!(lens(&pair.drain(0)), [1_460]);
    acknowledge(&mut pair, 0);
    assert_eq!(lens(&pair.drain(0)), [40]);
    pair.write(0, 30);
    pair.ends[0].expect_more();
    assert_eq!(lens(&pair.drain(0)), [0; 0]);
    pair.write(0, 20);
    assert_eq!(lens(&pair.drain(0)), [50], "what follows takes it along");
}

#[test]
fn no_segment_goes_beyond_a_record() {
    let mut pair = quiet_pair(plain());
    for len in [100, 2_000] {
        pair.write(0, len);
        pair.ends[0].end_record();
    }
    pair.write(0, 50);
    assert_eq!(
        lens(&pair.drain(0)),
        [100, 1_460, 540],
        "but the last, which Nagle holds"
    );
    // All of it is lost, and goes again as it went.
    let mut again = Vec::new();
    while pair.ends[0].info(pair.now).tcpi_total_rto == 0 {
        pair.fire(0);
        again = lens(&pair.drain(0));
    }
    for offset in [101, 1_561] {
        let ack = pair.ack_up_to(0, offset, u16::MAX);
        pair.give(0, ack, &[]);
        again.extend(lens(&pair.drain(0)));
    }
    assert_eq!(again[..3], [100, 1_460, 540]);
}

#[test]
fn a_quick_acknowledgement_goes_at_once() {
    let mut pair = quiet_pair(plain());
    pair.ends[1].set_quick_ack(QuickAck::Off);
    assert_eq!(pair.ends[1].quick_ack(), QuickAck::Off);
    pair.write(0, 10);
    let said = pair.drain(0);
    pair.give_all(1, &said);
    assert_eq!(pair.drain(1).len(), 0, "it waits for data to carry it");
    pair.ends[1].set_quick_ack(QuickAck::On);
    assert_eq!(pair.drain(1).len(), 1);
    assert_eq!(pair.ends[1].quick_ack(), QuickAck::On);
}

#[test]
fn fin_wait_2_may_be_as_short_as_the_user_likes() {
    for (timeout, waits) in [(Duration::ZERO, false), (Duration::from_secs(3), true)] {
        let mut pair = quiet_pair(plain());
        pair.ends[0].set_fin_timeout(timeout);
        pair.close(0);
        pair.settle();
        assert_eq!(pair.ends[0].state() == State::FinWait2, waits);
        if waits {
            assert_eq!(pair.fire(0), timeout);
        } else {
            assert_eq!(pair.ends[1].error, Some(crate::ConnectionError::Reset));
        }
        assert_eq!(pair.ends[0].state(), State::Closed);
    }
}

#[test]
fn what_is_not_acknowledged_counts_the_fin() {
    let mut pair = quiet_pair(plain());
    pair.write(0, 10);
    pair.shutdown(0, Shutdown::Write);
    let counts = |pair: &Pair| (pair.ends[0].unacknowledged(), pair.ends[0].unsent());
    assert_eq!(counts(&pair), (11, 11));
    pair.drain(0);
    assert_eq!(counts(&pair), (11, 0));
    acknowledge(&mut pair, 0);
    assert_eq!(counts(&pair), (0, 0));
}

const SOFT: NetworkError = NetworkError::Soft(SoftError::NetworkUnreachable);

/// The network complains of the first segment that `end` has outstanding.
fn complain(pair: &mut Pair, end: usize, error: NetworkError) {
    let seq = pair.ends[end].snd.isn.advanced_by(1);
    pair.ends[end].handle_network_error(pair.now, error, seq, &mut pair.counters[end]);
}

/// RFC 9293 MUST-47, SHLD-20.
#[test]
fn soft_errors_are_told_to_who_wants_them() {
    for (error, told) in [
        (SOFT, SoftError::NetworkUnreachable),
        (NetworkError::Hard, SoftError::Refused),
    ] {
        let mut pair = quiet_pair(plain());
        pair.write(0, 100);
        pair.drain(0);
        while pair.ends[0].poll_event().is_some() {}
        complain(&mut pair, 0, error);
        let event = ConnectionEvent::SoftError(told);
        assert_eq!(pair.ends[0].poll_event(), Some(event));
        assert_eq!(pair.ends[0].poll_event(), None);
        assert_eq!(pair.ends[0].take_soft_error(), Some(told));
        assert_eq!(pair.ends[0].take_soft_error(), None, "once");
        assert_eq!(pair.ends[0].state(), State::Established);

        complain(&mut pair, 0, error);
        pair.ends[0].set_soft_errors(false);
        assert_eq!(pair.ends[0].poll_event(), None, "not even the last one");
        complain(&mut pair, 0, error);
        assert_eq!(pair.ends[0].poll_event(), None);
        assert_eq!(pair.ends[0].take_soft_error(), None);
        assert!(pair.ends[0].soft_error.is_some(), "a timeout tells");
    }
}

#[test]
fn what_arrives_puts_an_end_to_complaints() {
    let mut pair = quiet_pair(plain());
    pair.write(0, 100);
    pair.drain(0);
    complain(&mut pair, 0, SOFT);
    acknowledge(&mut pair, 0);
    assert_eq!(pair.ends[0].take_soft_error(), None);
}

/// RFC 9293 §3.8.3: R1 is told once, and the connection is unresponsive until the peer is heard again.
#[test]
fn a_peer_is_unresponsive_from_r1_until_it_acknowledges() {
    let mut pair = quiet_pair(TcpConfig {
        retries1: 2,
        sack: false,
        ..plain()
    });
    pair.write(0, 100);
    pair.drain(0);
    for unresponsive in [false, true, true] {
        while pair.ends[0].poll_event().is_some() {}
        pair.fire(0);
        pair.drain(0);
        assert_eq!(pair.ends[0].is_unresponsive(), unresponsive);
    }
    assert_eq!(pair.ends[0].poll_event(), None, "told before");
    acknowledge(&mut pair, 0);
    assert!(!pair.ends[0].is_unresponsive());
}

/// Whether either side has ended its stream is known at once of ours, and of the peer's when all of it is there.
#[test]
fn both_sides_know_which_stream_has_ended() {
    let mut pair = quiet_pair(TcpConfig::default());
    let ended = |pair: &Pair| {
        let ends = pair.ends.iter();
        ends.map(|end| (end.has_finished(), end.has_peer_finished()))
            .collect::<Vec<_>>()
    };
    assert_eq!(ended(&pair), [(false, false), (false, false)]);
    pair.shutdown(0, Shutdown::Write);
    assert_eq!(ended(&pair), [(true, false), (false, false)]);
    pair.settle();
    assert_eq!(ended(&pair), [(true, false), (false, true)]);
}

/// `TCP_QUICKACK` acknowledges what waits for it, and nothing that does not.
#[test]
fn quick_acknowledgement_says_nothing_where_nothing_waits() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.ends[1].set_quick_ack(QuickAck::On);
    assert!(pair.drain(1).is_empty());
    // In an exchange of questions and answers acknowledgements wait for the answers.
    for _ in 0..20 {
        pair.write(0, 10);
        pair.settle();
        pair.write(1, 10);
        pair.settle();
    }
    pair.ends[1].set_quick_ack(QuickAck::Off);
    pair.write(0, 10);
    let said = pair.drain(0);
    pair.give_all(1, &said);
    assert!(pair.drain(1).is_empty(), "it waits");
    pair.ends[1].set_quick_ack(QuickAck::On);
    assert_eq!(pair.drain(1).len(), 1);
}

/// Who asks for room is told once there is some, though no write was refused.
#[test]
fn who_wants_room_is_told_of_it() {
    for wants in [false, true] {
        let mut pair = quiet_pair(TcpConfig {
            send_buffer: 4_000.into(),
            ..TcpConfig::default()
        });
        pair.write(0, 4_000);
        pair.drain(0);
        if wants {
            pair.ends[0].want_room();
        }
        let header = pair.ack_of_all(0, 60_000);
        pair.give(0, header, &[]);
        let mut events = core::iter::from_fn(|| pair.ends[0].poll_event());
        assert_eq!(events.any(|it| it == ConnectionEvent::Writable), wants);
    }
}

#[test]
fn a_cork_that_is_pulled_lets_go_what_waits_and_no_more() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.ends[0].set_cork(true);
    pair.write(0, 100);
    assert!(pair.drain(0).is_empty());
    pair.ends[0].set_cork(true);
    assert!(pair.drain(0).is_empty());
    pair.ends[0].set_cork(false);
    assert_eq!(lens(&pair.drain(0)), [100]);
    // What is outstanding and small holds it as any other (Linux, `__tcp_sock_set_cork`), without a cork's ceiling.
    pair.ends[0].set_cork(true);
    pair.write(0, 50);
    pair.ends[0].set_cork(false);
    assert!(pair.drain(0).is_empty());
    acknowledge(&mut pair, 0);
    assert_eq!(lens(&pair.drain(0)), [50]);
}

/// Bytes may be read and written in place, and it is as if they had been copied.
#[test]
fn in_place_is_as_by_copy() {
    let mut pairs = [(); 2].map(|()| {
        quiet_pair(TcpConfig {
            recv_buffer: 8_000.into(),
            send_buffer: 8_000.into(),
            ..TcpConfig::default()
        })
    });
    for bytes in [1, 3_000, 8_000, 100] {
        let [copying, placing] = &mut pairs;
        let data = vec![7; bytes];
        let copied = copying.ends[0].write(copying.now, &data).unwrap();
        let [first, second] = placing.ends[0].write_chunks(bytes).unwrap();
        let placed = first.len() + second.len();
        first.fill(7);
        second.fill(7);
        assert_eq!(
            placing.ends[0].commit_written(placing.now, placed),
            Ok(placed)
        );
        assert_eq!(placed, copied);
        for pair in &mut pairs {
            pair.settle();
            pair.wait(1);
        }
        let [copying, placing] = &mut pairs;
        let read = copying.ends[1].read(copying.now, &mut [0; 9_000]).unwrap();
        let there: usize = placing.ends[1]
            .read_chunks()
            .iter()
            .map(|it| it.len())
            .sum();
        assert_eq!(placing.ends[1].consume(placing.now, there), read);
        assert_eq!(copying.ends[1], placing.ends[1]);
        for pair in &mut pairs {
            pair.settle();
        }
        let events = pairs.each_mut().map(|pair| pair.last_event(0));
        assert_eq!(events[0], events[1]);
        let now = pairs.each_ref().map(|pair| pair.ends[0].info(pair.now));
        assert_eq!(now[0], now[1]);
    }
}

#[test]
fn what_is_set_can_be_asked_for() {
    let mut pair = quiet_pair(TcpConfig::default());
    let end = &mut pair.ends[0];
    assert!(!end.nodelay());
    end.set_nodelay(true);
    assert!(end.nodelay());
    assert_eq!(end.linger(), None);
    end.set_linger(Some(Duration::from_secs(3)));
    assert_eq!(end.linger(), Some(Duration::from_secs(3)));
}

/// A call that moves nothing changes nothing.
#[test]
fn nothing_read_or_written_leaves_all_as_it_was() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 3_000);
    let said = pair.drain(0);
    pair.give_all(1, &said);
    pair.drain(1);
    for end in [0, 1] {
        let before = pair.ends[end].clone();
        pair.wait(1_000);
        assert_eq!(pair.ends[end].consume(pair.now, 0), 0);
        assert_eq!(pair.ends[end].commit_written(pair.now, 0), Ok(0));
        assert_eq!(pair.ends[end], before);
    }
}

/// The place for the next bytes: who gets less than was asked for is told when there is more.
#[test]
fn a_place_that_is_too_small_is_followed_by_an_event() {
    for (most, short) in [(999, false), (1_000, false), (1_001, true)] {
        let mut pair = quiet_pair(TcpConfig {
            send_buffer: 4_000.into(),
            ..TcpConfig::default()
        });
        pair.write(0, 3_000);
        pair.drain(0);
        let place = pair.ends[0].write_chunks(most).unwrap();
        assert_eq!(place[0].len() + place[1].len(), most.min(1_000));
        let header = pair.ack_of_all(0, 60_000);
        pair.give(0, header, &[]);
        let mut events = core::iter::from_fn(|| pair.ends[0].poll_event());
        assert_eq!(
            events.any(|it| it == ConnectionEvent::Writable),
            short,
            "{most}"
        );
    }
}
