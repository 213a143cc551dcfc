//! Opening: both at once, and given up before it is done.

use super::*;
use crate::error::ConnectionError;

/// RFC 9293 figure 7 (MUST-10), with the peer's SYN and SYN-ACK handed in before anything is said.
#[test]
fn a_crossing_syn_and_syn_ack_in_one_batch_are_answered() {
    let mut pair = Pair::crossing();
    let syn_ack = pair.drain(0);
    assert_eq!(syn_ack[0].header.control, Control::Syn);
    assert!(syn_ack[0].header.ack.is_some());
    pair.give_all(1, &syn_ack);
    assert_eq!(pair.ends[1].state(), State::Established);
    let answer = pair.drain(1);
    assert_eq!(
        answer.len(),
        1,
        "the peer waits for its SYN to be acknowledged"
    );
    pair.give_all(0, &answer);
    assert_eq!(pair.ends[0].state(), State::Established);
    pair.transfer(0, 50_000);
}

#[test]
fn two_that_open_at_once_and_answer_each_other_are_connected() {
    let mut pair = Pair::crossing();
    pair.settle();
    for end in 0..2 {
        assert_eq!(pair.ends[end].state(), State::Established);
        assert_eq!(
            pair.ends[end].poll_event(),
            Some(ConnectionEvent::Connected)
        );
        assert_eq!(
            pair.counters[end].retrans_segs + pair.counters[end].out_rsts,
            0
        );
    }
    pair.transfer(1, 50_000);
}

/// RFC 7323 §2.2: the windows of SYNs are never scaled, all others are.
#[test]
fn a_challenge_in_syn_received_announces_a_scaled_window() {
    let config = TcpConfig {
        recv_buffer: (1 << 20).into(),
        ..TcpConfig::default()
    };
    let mut pair = Pair::crossing_with([config.clone(), config]);
    pair.drain(0);
    let receiver = &pair.ends[0].rcv;
    let stray = Header {
        control: Control::Syn,
        ..Header::new(receiver.irs.at_offset(100))
    };
    pair.give(0, stray, &[]);
    let answer = pair.drain(0);
    assert_eq!((answer.len(), answer[0].header.control), (1, Control::None));
    let scale = pair.ends[0].agreed.recv_scale();
    assert_eq!(answer[0].header.window.bytes(scale), 1 << 20);
}

/// The same in a half-open connection, which offers what its SYN-ACK has offered and not more.
#[test]
fn a_half_open_connection_answers_with_a_scaled_window() {
    let (mut half_open, _, header) = half_open();
    let outcome = hear(&mut half_open, Instant::from_millis(1_000), header);
    let HalfOpenOutcome::Reply(answer) = outcome else {
        panic!("{outcome:?}")
    };
    let offered = answer.window.bytes(half_open.agreed.recv_scale());
    let unit = half_open.agreed.recv_scale().unit();
    assert!((65_536 - unit..=65_535).contains(&offered), "{offered}");
}

/// RFC 5961 §7: nor does it answer more often.
#[test]
fn a_half_open_connection_answers_what_it_cannot_accept_twice_a_second_at_most() {
    let (mut half_open, _, header) = half_open();
    let mut answers = 0;
    for millis in 1_000..3_000 {
        let outcome = hear(&mut half_open, Instant::from_millis(millis), header);
        answers += usize::from(outcome != HalfOpenOutcome::Ignore);
    }
    assert_eq!(answers, 4);
}

/// A half-open connection, its SYN-ACK, and a segment from before its window.
fn half_open() -> (HalfOpen, Header, Header) {
    let config = TcpConfig::default().validate().unwrap();
    let now = Instant::from_millis(1_000);
    let mut client = Connection::connect(now, config.clone(), setup(1));
    let syn = client.poll_segment(now, &mut Counters::default()).unwrap();
    let mut half_open = HalfOpen::new(now, &config, setup(2), &syn);
    let syn_ack = half_open.syn_ack(now, &config);
    let stray = Header {
        ack: Some(SeqNumber::new(3)),
        options: Options {
            timestamps: syn.header.options.timestamps,
            ..Options::NONE
        },
        ..Header::new(syn.header.seq.advanced_by(u32::MAX))
    };
    (half_open, syn_ack, stray)
}

fn hear(half_open: &mut HalfOpen, now: Instant, header: Header) -> HalfOpenOutcome {
    let config = TcpConfig::default().validate().unwrap();
    let payload = Payload::EMPTY;
    let segment = Segment::new(header, payload);
    half_open.handle_segment(now, &config, &segment, &mut Counters::default())
}

/// RFC 9293 §3.10.4: CLOSE in SYN-SENT deletes the connection; a shutdown before it is no CLOSE.
#[test]
fn closing_in_syn_sent_ends_it_even_after_a_shutdown() {
    let config = TcpConfig::default().validate().unwrap();
    let now = Instant::from_millis(1_000);
    let mut counters = Counters::default();
    let mut connection = Connection::connect(now, config, setup(1));
    assert!(connection.poll_segment(now, &mut counters).is_some());
    connection.shutdown(now, Shutdown::Write, &mut counters);
    assert_eq!(
        connection.state(),
        State::SynSent,
        "FIN waits for the handshake"
    );
    connection.close(now, &mut counters);
    assert!(connection.is_finished());
    assert_eq!(connection.poll_timeout(), None);
    assert!(connection.poll_segment(now, &mut counters).is_none());
}

#[test]
fn a_shutdown_in_syn_sent_is_done_once_connected() {
    let mut pair = Pair::crossing();
    pair.write(0, 100);
    pair.shutdown(0, Shutdown::Write);
    pair.settle();
    assert_eq!(pair.ends[0].state(), State::FinWait2);
    assert_eq!(pair.ends[1].state(), State::CloseWait);
    assert_eq!(pair.ends[1].unread(), 100);
}

/// RFC 9293 §3.10.7.3: a reset that acknowledges our SYN.
#[test]
fn a_refusal_is_told_as_one() {
    let config = TcpConfig::default().validate().unwrap();
    let now = Instant::from_millis(1_000);
    let mut counters = Counters::default();
    let mut connection = Connection::connect(now, config, setup(1));
    assert!(connection.poll_segment(now, &mut counters).is_some());
    let header = Header {
        control: Control::Rst,
        ack: Some(SeqNumber::new(2)),
        ..Header::new(SeqNumber::new(0))
    };
    let payload = Payload::EMPTY;
    connection.handle_segment(now, &Segment::new(header, payload), &mut counters);
    assert_eq!(connection.take_error(), Some(ConnectionError::Refused));
    assert_eq!(counters.attempt_fails, 1);
}
