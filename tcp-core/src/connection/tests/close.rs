//! Ends: by both, by a reset, and what is told of them.

use super::*;
use crate::config::CloseMode;
use crate::error::ConnectionError;

const CLEAN: Option<ConnectionEvent> = Some(ConnectionEvent::Closed(None));
const RESET: Option<ConnectionEvent> = Some(ConnectionEvent::Closed(Some(ConnectionError::Reset)));

/// The first end in CLOSING or LAST-ACK, with 5,000 bytes and FIN sent, of which `acknowledged` is
/// acknowledged.
fn nearly_closed(state: State, acknowledged: u64) -> Pair {
    let mut pair = quiet_pair(TcpConfig::default());
    let peer_fin = |pair: &mut Pair| {
        let header = pair.ack_up_to(0, 1, 1_000);
        let control = Control::Fin;
        pair.give(0, Header { control, ..header }, &[]);
    };
    if state == State::LastAck {
        peer_fin(&mut pair);
    }
    pair.write(0, 5_000);
    pair.shutdown(0, Shutdown::Write);
    pair.drain(0);
    if state == State::Closing {
        peer_fin(&mut pair);
    }
    let header = pair.ack_up_to(0, acknowledged, 1_000);
    pair.give(0, header, &[]);
    pair.drain(0);
    assert_eq!(pair.ends[0].state(), state);
    pair
}

/// A reset that acknowledges nothing arrives.
fn reset(pair: &mut Pair, end: usize) {
    let header = Header {
        control: Control::Rst,
        ack: None,
        ..pair.ack_of_all(end, 0)
    };
    pair.give(end, header, &[]);
    assert_eq!(pair.ends[end].state(), State::Closed);
}

/// RFC 9293 §3.10.7.4, second, has CLOSING and LAST-ACK end without a word where every state before
/// answers "reset"; but here, too, data may be lost.
#[test]
fn a_reset_in_closing_or_last_ack_is_an_error_while_data_is_unacknowledged() {
    for state in [State::Closing, State::LastAck] {
        for acknowledged in [1, 5_000] {
            let mut pair = nearly_closed(state, acknowledged);
            reset(&mut pair, 0);
            assert_eq!(pair.last_event(0), RESET);
            assert!(!pair.ends[0].is_flushed());
        }
    }
}

#[test]
fn a_reset_in_closing_or_last_ack_is_a_close_once_only_fin_is_unacknowledged() {
    for state in [State::Closing, State::LastAck] {
        let mut pair = nearly_closed(state, 5_001);
        reset(&mut pair, 0);
        assert_eq!(pair.last_event(0), CLEAN);
        assert_eq!(pair.ends[0].take_error(), None);
    }
}

/// As a peer sends it that resets after the end (`CloseMode::Reset`), data and FIN having come in one.
#[test]
fn a_reset_in_closing_or_last_ack_may_itself_acknowledge_the_data() {
    for state in [State::Closing, State::LastAck] {
        for (acknowledged, event) in [
            (5_001, CLEAN),
            (5_002, CLEAN),
            (5_000, RESET),
            (5_003, RESET),
        ] {
            let mut pair = nearly_closed(state, 1);
            let header = Header {
                control: Control::Rst,
                ..pair.ack_up_to(0, acknowledged, 0)
            };
            pair.give(0, header, &[]);
            assert_eq!(pair.last_event(0), event, "{acknowledged} in {state:?}");
        }
    }
}

#[test]
fn a_connection_that_died_with_data_unacknowledged_is_not_flushed() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 5_000);
    pair.drain(0);
    reset(&mut pair, 0);
    assert!(!pair.ends[0].is_flushed());
    let mut aborted = quiet_pair(TcpConfig::default());
    aborted.write(0, 1);
    let counters = &mut aborted.counters[0];
    aborted.ends[0].abort(aborted.now, counters);
    assert!(!aborted.ends[0].is_flushed(), "nor one that never sent it");
}

#[test]
fn a_connection_that_ended_with_everything_acknowledged_is_flushed() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 5_000);
    pair.settle();
    assert!(pair.ends[0].is_flushed());
    reset(&mut pair, 0);
    assert!(pair.ends[0].is_flushed());
    let mut pair = quiet_pair(TcpConfig::default());
    pair.transfer(0, 5_000);
    assert!(pair.ends.iter().all(Connection::is_flushed));
}

#[test]
fn shutting_down_wakes_a_writer_that_found_no_room() {
    let mut pair = quiet_pair(TcpConfig {
        send_buffer: 1_000.into(),
        ..TcpConfig::default()
    });
    pair.last_event(0);
    pair.write(0, 2_000);
    assert_eq!(pair.last_event(0), None);
    pair.shutdown(0, Shutdown::Write);
    assert_eq!(pair.ends[0].poll_event(), Some(ConnectionEvent::Writable));
    let refused = pair.ends[0].write(pair.now, b"x");
    assert_eq!(refused, Err(WriteError::Closed));
}

/// `CloseMode::Reset` promises no memory after the end, in whatever order the calls came.
#[test]
fn the_mode_that_resets_keeps_no_time_wait_after_a_shutdown_either() {
    let config = TcpConfig {
        close_mode: CloseMode::Reset,
        ..TcpConfig::default()
    };
    let mut pair = quiet_pair(config.clone());
    pair.shutdown(0, Shutdown::Write);
    pair.settle();
    assert_eq!(pair.ends[0].state(), State::FinWait2);
    pair.write(1, 100);
    pair.shutdown(1, Shutdown::Write);
    pair.settle();
    assert_eq!(pair.ends[0].unread(), 100, "what arrived can still be read");

    let mut at_once = quiet_pair(config);
    at_once.shutdown(0, Shutdown::Write);
    at_once.shutdown(1, Shutdown::Write);
    at_once.settle();

    for mut pair in [pair, at_once] {
        for end in 0..2 {
            assert!(pair.ends[end].is_finished(), "{:?}", pair.ends[end].state());
            assert_eq!(pair.last_event(end), CLEAN);
            assert!(pair.ends[end].time_wait().is_none());
            assert_eq!(pair.ends[end].poll_timeout(), None);
            assert_eq!(pair.counters[end].time_wait, 0);
        }
    }
}

/// A stray segment must not set two records going that each find the other's answers wrong.
#[test]
fn two_records_in_time_wait_do_not_answer_each_other_for_ever() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.shutdown(0, Shutdown::Write);
    pair.shutdown(1, Shutdown::Write);
    pair.settle();
    let record = |end: usize| {
        let mut record = pair.ends[end].time_wait().unwrap().clone();
        record.rcv_nxt = record.rcv_nxt.advanced_by(1);
        record
    };
    let mut records = [record(0), record(1)];
    let mut header = Header {
        ack: Some(records[0].snd_nxt),
        ..Header::new(records[1].snd_nxt)
    };
    let mut answers = 0;
    for hop in 0..1_000 {
        pair.now += DELAY;
        let payload = Payload::EMPTY;
        let segment = Segment::new(header, payload);
        match records[hop % 2].handle_segment(pair.now, &segment) {
            TimeWaitOutcome::Reply(answer) => header = answer,
            TimeWaitOutcome::Ignore => break,
            outcome => panic!("{outcome:?}"),
        }
        answers += 1;
    }
    assert_eq!(answers, 2, "one each");
}

/// RFC 9293 §3.10.7.4, fifth: the peer's FIN comes again when our acknowledgement was lost.
#[test]
fn a_fin_in_time_wait_is_acknowledged_every_time() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.shutdown(0, Shutdown::Write);
    pair.settle();
    pair.shutdown(1, Shutdown::Write);
    let fin = pair.drain(1);
    for _ in 0..3 {
        pair.give_all(0, &fin);
        assert_eq!(pair.ends[0].state(), State::TimeWait);
        assert_eq!(pair.drain(0).len(), 1);
    }
}

/// What was offered last is what TIME-WAIT repeats, though the user may have read between the FIN
/// and its acknowledgement: the right edge must not move left (RFC 9293 SHLD-14).
#[test]
fn time_wait_repeats_the_window_that_was_announced_last() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.shutdown(0, Shutdown::Write);
    pair.drain(0);
    let fin = Header {
        control: Control::Fin,
        ..pair.ack_of_all(0, 1_000)
    };
    pair.give(0, fin, &[0; 5_000]);
    assert_eq!(pair.ends[0].state(), State::TimeWait);
    assert_eq!(pair.ends[0].read(pair.now, &mut [0; 5_000]), Ok(5_000));
    let announced = pair.drain(0)[0].header.window;
    let record = pair.ends[0].time_wait().expect("all is said");
    assert_eq!(record.window, announced);
}

/// RFC 7323 §3.2: where timestamps were agreed on, an RST has them as well.
#[test]
fn a_reset_has_timestamps_where_they_were_agreed_on() {
    for timestamps in [true, false] {
        let mut pair = quiet_pair(TcpConfig {
            timestamps,
            ..TcpConfig::default()
        });
        let now = pair.now;
        pair.ends[0].abort(now, &mut pair.counters[0]);
        let said = pair.drain(0);
        assert_eq!(said[0].header.control, Control::Rst);
        assert_eq!(said[0].header.options.timestamps.is_some(), timestamps);
    }
}

/// Linux's `tcp_orphan_retries`: eight where none are asked for and the path seems alive, none where it does not.
#[test]
fn an_orphan_has_fewer_retries() {
    let retries = |max_rto, orphan_retries, soft_error: bool| {
        let mut pair = quiet_pair(TcpConfig {
            max_rto: Duration::from_secs(max_rto),
            orphan_retries,
            recovery: crate::config::RecoveryConfig {
                tail_loss_probe: false,
                ..Default::default()
            },
            ..TcpConfig::default()
        });
        pair.write(0, 100);
        pair.close(0);
        pair.drain(0);
        let mut sent = 0;
        while pair.ends[0].state() != State::Closed {
            if soft_error {
                pair.ends[0].soft_error = Some(SoftError::HostUnreachable);
            }
            pair.fire(0);
            sent += usize::from(!pair.drain(0).is_empty() && pair.ends[0].state() != State::Closed);
        }
        sent
    };
    // Timeouts of 0.2, 0.4 and 0.8 seconds are below the longest of one.
    assert_eq!(retries(120, 0, false), 8);
    assert_eq!(retries(1, 0, false), 3);
    assert_eq!(retries(1, 6, false), 6);
    assert_eq!(retries(1, 6, true), 3);
    assert_eq!(retries(120, 6, true), 6);
}

/// What is over leaves nobody to tell: no reset follows from it.
#[test]
fn to_abort_what_is_over_or_not_yet_known_says_nothing() {
    // A SYN that nobody has answered.
    let mut pair = Pair::crossing();
    let config = crate::ValidConfig::default();
    pair.ends[0] = Connection::connect(pair.now, config, setup(1));
    pair.drain(0);
    pair.ends[0].abort(pair.now, &mut pair.counters[0]);
    assert_eq!(pair.ends[0].state(), State::Closed);
    assert!(pair.drain(0).is_empty());
    // TIME-WAIT.
    let mut pair = quiet_pair(TcpConfig::default());
    pair.shutdown(0, Shutdown::Write);
    pair.settle();
    pair.shutdown(1, Shutdown::Write);
    pair.settle();
    assert_eq!(pair.ends[0].state(), State::TimeWait);
    while pair.ends[0].poll_event().is_some() {}
    pair.ends[0].abort(pair.now, &mut pair.counters[0]);
    assert_eq!(pair.ends[0].state(), State::Closed);
    assert!(pair.drain(0).is_empty());
    assert_eq!(pair.ends[0].take_error(), None);
}

/// RFC 9293 §3.8.4: what is outstanding has timers of its own.
#[test]
fn what_is_outstanding_keeps_keep_alive_silent() {
    let mut pair = quiet_pair(TcpConfig {
        keep_alive: Some(crate::KeepAlive {
            idle: Duration::from_secs(1),
            interval: Duration::from_secs(1),
            count: 3,
        }),
        ..TcpConfig::default()
    });
    pair.write(0, 100);
    pair.drain(0);
    let end = pair.now + Duration::from_secs(20);
    while pair.now < end {
        pair.fire(0);
        let said = pair.drain(0);
        assert!(
            said.iter().all(|it| it.payload.len() == 100),
            "the text, or nothing"
        );
    }
    assert_eq!(pair.counters[0].keep_alives, 0);
}
