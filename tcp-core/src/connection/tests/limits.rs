//! What a peer, or a stranger who guesses, can make a connection do.

use super::*;
use crate::config::KeepAlive;
use crate::error::ConnectionError;

/// RFC 5961 §7.
#[test]
fn a_thousand_syns_in_the_window_at_one_instant_get_one_answer() {
    let mut pair = quiet_pair(TcpConfig::default());
    let base = pair.ack_of_all(0, 1_000);
    let mut answers = 0;
    for n in 0..1_000 {
        let syn = Header {
            control: Control::Syn,
            ..Header::new(base.seq.advanced_by(n))
        };
        pair.give(0, syn, &[]);
        answers += pair.drain(0).len();
    }
    assert_eq!(answers, 1);
    let counters = &pair.counters[0];
    assert_eq!((counters.challenge_ack, counters.ack_skipped), (1, 999));
    assert_eq!(pair.ends[0].state(), State::Established);
}

/// RFC 5961 §3.2, §4.2, §5.2 and RFC 7323 §5.3 each want an answer; RFC 5961 §7 limits them
/// together.
#[test]
fn answers_to_what_is_unacceptable_share_one_limit() {
    let strays = |pair: &Pair| {
        let base = pair.ack_of_all(0, 1_000);
        let mut old = base;
        if let Some(timestamps) = &mut old.options.timestamps {
            timestamps.value = timestamps.value.wrapping_sub(1_000);
        }
        let old_syn = Header {
            control: Control::Syn,
            ..old
        };
        let control = |control, seq: i32| Header {
            control,
            seq: base.seq.advanced_by(seq as u32),
            ..base
        };
        let ack = |distance: i32| Header {
            ack: base.ack.map(|ack| ack.advanced_by(distance as u32)),
            ..base
        };
        [
            control(Control::Rst, 1),
            control(Control::Syn, 0),
            control(Control::Syn, -1_000),
            control(Control::None, -1_000),
            control(Control::None, 1 << 30),
            ack(1),
            ack(-(1 << 30)),
            old,
            old_syn,
        ]
    };
    for first in 0..9 {
        let mut pair = quiet_pair(TcpConfig::default());
        let strays = strays(&pair);
        pair.give(0, strays[first], &[]);
        assert_eq!(pair.drain(0).len(), 1, "{first} is answered");
        for stray in strays {
            pair.give(0, stray, &[]);
            assert_eq!(pair.drain(0).len(), 0);
        }
        pair.wait(500);
        pair.give(0, strays[first], &[]);
        assert_eq!(pair.drain(0).len(), 1, "{first} is answered again");
        assert_eq!(pair.ends[0].state(), State::Established);
    }
}

/// A retransmission whose acknowledgement was lost is data, and answered each time (RFC 9293
/// §3.10.7.4, first).
#[test]
fn data_that_arrived_before_is_acknowledged_every_time() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 100);
    let sent = pair.drain(0);
    for _ in 0..5 {
        pair.give_all(1, &sent);
        assert_eq!(pair.drain(1).len(), 1);
    }
}

/// RFC 9293 §3.7.1: what we announced bounds a segment; a device may have put several together.
#[test]
fn the_guess_at_the_peers_segments_stays_within_the_announced_mss() {
    let mut pair = quiet_pair(TcpConfig::default());
    let header = pair.ack_of_all(1, u16::MAX);
    pair.give(1, header, &[5; 60_000]);
    let info = pair.ends[1].info(pair.now);
    assert_eq!((info.tcpi_rcv_mss, info.tcpi_advmss), (1_460, 1_460));
    assert_eq!(info.unread_bytes, 60_000);
}

/// RFC 7323 §5.5: after 24 days TS.Recent says nothing, and what comes then is taken for it.
#[test]
fn timestamps_protect_again_after_a_month_of_silence() {
    for days in [25, 35, 49] {
        let mut pair = quiet_pair(TcpConfig::default());
        pair.wait(days * 24 * 3_600 * 1_000);
        pair.write(0, 100);
        let sent = pair.drain(0);
        let value = sent[0].header.options.timestamps.unwrap().value;
        pair.give_all(1, &sent);
        assert_eq!(pair.counters[1].paws_estab, 0);
        assert_eq!(pair.ends[1].unread(), 100);
        let echo = pair.ends[1].clock.stamp(pair.now).echo;
        assert_eq!(echo, value);
        pair.settle();

        let mut old = pair.ack_of_all(1, u16::MAX);
        old.options.timestamps.as_mut().unwrap().value = value.wrapping_sub(1);
        pair.give(1, old, b"x");
        assert_eq!(pair.counters[1].paws_estab, 1);
        assert_eq!(pair.ends[1].unread(), 100);
    }
}

/// With a user timeout, keep-alive probes are not counted but timed (`TCP_USER_TIMEOUT`).
#[test]
fn keep_alive_with_a_user_timeout_probes_until_it_is_over() {
    let keep_alive = KeepAlive {
        idle: Duration::from_secs(10),
        interval: Duration::from_secs(1),
        count: 9,
    };
    let mut pair = quiet_pair(TcpConfig {
        keep_alive: Some(keep_alive),
        user_timeout: Some(Duration::from_secs(600)),
        ..TcpConfig::default()
    });
    let heard = pair.ends[0].last_heard;
    while pair.ends[0].state() == State::Established {
        pair.fire(0);
        pair.drain(0);
    }
    assert_eq!(pair.counters[0].keep_alives, 590, "more than a byte counts");
    assert_eq!(pair.now, heard + Duration::from_secs(600));
    assert_eq!(pair.ends[0].take_error(), Some(ConnectionError::TimedOut));
}

/// Bytes beyond a hole are taken as far as they may lie from where the stream stands, and no further.
#[test]
fn out_of_order_text_is_taken_up_to_its_bound_exactly() {
    let mut pair = quiet_pair(TcpConfig {
        out_of_order_bytes: 5_000,
        ..TcpConfig::default()
    });
    // Far enough from the beginning that offsets and distances are not alike.
    pair.write(0, 20_000);
    pair.settle();
    pair.ends[1].read(pair.now, &mut [0; 20_000]).unwrap();
    let dropped = |pair: &mut Pair, from: u64, len: usize| {
        let before = pair.counters[1].ofo_drop;
        let mut header = pair.ack_of_all(1, 60_000);
        header.seq = header.seq.advanced_by(from as u32);
        pair.give(1, header, &vec![0; len]);
        pair.counters[1].ofo_drop - before
    };
    assert_eq!(dropped(&mut pair, 4_001, 1_000), 1);
    assert_eq!(dropped(&mut pair, 4_000, 1_000), 0);
    assert_eq!(dropped(&mut pair, 1, 3_999), 0);
    // What is in order is always taken.
    assert_eq!(dropped(&mut pair, 0, 6_000), 0);
    assert_eq!(pair.ends[1].info(pair.now).unread_bytes, 6_000);
}
