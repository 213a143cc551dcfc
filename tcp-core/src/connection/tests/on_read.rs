//! Acknowledgement on read: an acknowledgement is a receipt from the application.

use super::*;
use crate::config::AckMode;
use crate::error::ConnectionError;

fn on_read() -> TcpConfig {
    TcpConfig {
        ack_mode: AckMode::OnRead,
        ..TcpConfig::default()
    }
}

fn read(pair: &mut Pair, end: usize, most: usize) -> usize {
    pair.ends[end].read(pair.now, &mut vec![0; most]).unwrap()
}

/// A report beyond a hole (RFC 2018) would tell of data that the application has not taken.
#[test]
fn it_neither_offers_nor_agrees_to_sack() {
    let now = Instant::from_millis(1_000);
    let mut counters = Counters::default();
    let config = on_read().validate().unwrap();
    let mut active = Connection::connect(now, config.clone(), setup(1));
    let syn = active.poll_segment(now, &mut counters).unwrap();
    assert!(!syn.header.options.sack_permitted);

    let other = TcpConfig::default().validate().unwrap();
    let mut other = Connection::connect(now, other, setup(1));
    let syn = other.poll_segment(now, &mut counters).unwrap();
    assert!(syn.header.options.sack_permitted);
    let syn_ack = HalfOpen::new(now, &config, setup(2), &syn).syn_ack(now, &config);
    assert!(!syn_ack.options.sack_permitted);

    assert!(!quiet_pair(on_read()).ends[0].info(now).sack);
}

#[test]
fn nothing_is_acknowledged_before_it_is_read() {
    let mut pair = quiet_pair(on_read());
    pair.write(0, 3_000);
    pair.settle();
    assert_eq!(pair.ends[1].unread(), 3_000);
    assert_eq!(pair.ends[0].info(pair.now).unacked_bytes, 3_000);
    read(&mut pair, 1, 2_000);
    pair.settle();
    assert_eq!(pair.ends[0].info(pair.now).unacked_bytes, 1_000);
    assert!(!pair.ends[0].is_flushed());
    read(&mut pair, 1, 2_000);
    pair.settle();
    assert!(pair.ends[0].is_flushed());
}

/// RFC 5681 §3.2: three duplicates say that what they name is missing; here it has arrived.
#[test]
fn what_is_not_read_does_not_look_lost() {
    let mut pair = quiet_pair(on_read());
    pair.write(0, 14_480);
    let sent = pair.drain(0);
    assert_eq!(sent.len(), 10);
    for said in sent[..5].iter().chain(&sent[6..]) {
        pair.give(1, said.header, &said.payload);
        let answers = pair.drain(1);
        pair.give_all(0, &answers);
    }
    assert_eq!(pair.counters[0].reno_recovery, 0);
    assert_eq!(pair.drain(0).len(), 0);
}

#[test]
fn a_hole_that_all_was_read_up_to_is_told() {
    let mut pair = quiet_pair(on_read());
    pair.write(0, 14_480);
    let sent = pair.drain(0);
    pair.give_all(1, &sent[..5]);
    read(&mut pair, 1, 10_000);
    let answers = pair.drain(1);
    pair.give_all(0, &answers);
    for said in &sent[6..] {
        pair.give(1, said.header, &said.payload);
        let answers = pair.drain(1);
        pair.give_all(0, &answers);
    }
    assert_eq!(pair.counters[0].reno_recovery, 1);
    let resent = pair.drain(0);
    assert_eq!(resent[0].header.seq, sent[5].header.seq);
}

/// The FIN's acknowledgement would cover the data before it (RFC 9293 §3.4).
#[test]
fn fin_is_not_acknowledged_before_everything_is_read() {
    let mut pair = quiet_pair(on_read());
    pair.write(0, 100);
    pair.shutdown(0, Shutdown::Write);
    pair.settle();
    read(&mut pair, 1, 99);
    pair.settle();
    assert_eq!(pair.ends[0].state(), State::FinWait1);
    assert_eq!(pair.ends[1].state(), State::Established);
    assert!(!pair.ends[0].is_flushed());
    read(&mut pair, 1, 99);
    pair.settle();
    assert_eq!(pair.ends[0].state(), State::FinWait2);
    assert_eq!(pair.ends[1].state(), State::CloseWait);
    assert!(pair.ends[0].is_flushed());
    assert_eq!(read(&mut pair, 1, 99), 0, "the end of the stream");
}

#[test]
fn the_last_byte_may_be_read_after_both_have_shut_down() {
    let mut pair = quiet_pair(on_read());
    pair.write(0, 100);
    pair.shutdown(0, Shutdown::Write);
    pair.settle();
    pair.shutdown(1, Shutdown::Write);
    pair.settle();
    assert_eq!(pair.ends[0].state(), State::Closing);
    assert_eq!(pair.ends[1].state(), State::FinWait2);
    assert_eq!(read(&mut pair, 1, 100), 100);
    pair.settle();
    for end in 0..2 {
        assert_eq!(pair.ends[end].state(), State::TimeWait);
        assert_eq!(pair.last_event(end), Some(ConnectionEvent::Closed(None)));
        assert!(pair.ends[end].is_flushed());
    }
}

/// RFC 9293 §3.6 (SHLD-3): RST for what nobody will read; it is no receipt for it.
#[test]
fn closing_with_data_unread_resets_and_acknowledges_what_was_read() {
    let mut pair = quiet_pair(on_read());
    pair.write(0, 100);
    pair.settle();
    read(&mut pair, 1, 40);
    let isn = pair.ends[0].snd.isn;
    pair.close(1);
    let said = pair.drain(1);
    assert_eq!((said.len(), said[0].header.control), (1, Control::Rst));
    assert_eq!(said[0].header.ack, Some(isn.at_offset(41)));
    pair.give_all(0, &said);
    assert_eq!(pair.ends[0].state(), State::Closed);
    assert!(!pair.ends[0].is_flushed());
    assert_eq!(pair.ends[0].take_error(), Some(ConnectionError::Reset));
}

#[test]
fn closing_with_data_and_fin_unread_acknowledges_neither() {
    let mut pair = quiet_pair(on_read());
    pair.write(0, 100);
    pair.shutdown(0, Shutdown::Write);
    pair.settle();
    let isn = pair.ends[0].snd.isn;
    pair.close(1);
    let said = pair.drain(1);
    assert_eq!(said[0].header.control, Control::Rst);
    assert_eq!(said[0].header.ack, Some(isn.at_offset(1)));
    pair.give_all(0, &said);
    assert!(!pair.ends[0].is_flushed());
    assert_eq!(pair.ends[0].take_error(), Some(ConnectionError::Reset));
}
