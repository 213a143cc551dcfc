//! Urgent data (RFC 9293 §3.8.5), with the pointer as BSD and Linux have it.

use super::*;

/// Data for end 1 with its urgent pointer.
fn send(pair: &mut Pair, payload: &[u8], pointer: Option<u16>) {
    let sender = &pair.ends[0];
    let at = sender.snd.nxt;
    let mut header = pair.ack_up_to(1, pair.ends[1].snd.nxt, u16::MAX);
    header.seq = pair.ends[0].snd.isn.at_offset(at);
    header.urgent = pointer;
    pair.give(1, header, payload);
}

#[test]
fn the_octet_before_the_pointer_is_urgent() {
    let mut pair = quiet_pair(TcpConfig::default());
    assert_eq!(pair.ends[1].urgent(), None);
    send(&mut pair, b"ab!c", Some(3));
    let urgent = Urgent {
        ahead: 2,
        octet: Some(b'!'),
        taken: false,
    };
    assert_eq!(pair.ends[1].urgent(), Some(urgent));
    assert_eq!(pair.ends[1].take_urgent(), Some(b'!'));
    assert_eq!(pair.ends[1].take_urgent(), None, "once");
    let mut buf = [0; 4];
    assert_eq!(pair.ends[1].read(pair.now, &mut buf[..2]), Ok(2));
    let at_mark = pair.ends[1].urgent().map(|urgent| urgent.ahead);
    assert_eq!(at_mark, Some(0));
    assert_eq!(pair.ends[1].read(pair.now, &mut buf[2..]), Ok(2));
    assert_eq!(&buf, b"ab!c", "it lies in the stream");
    assert_eq!(pair.ends[1].urgent(), None);
}

#[test]
fn a_pointer_may_come_before_its_octet_and_a_later_one_replaces_it() {
    let mut pair = quiet_pair(TcpConfig::default());
    send(&mut pair, b"ab", Some(5));
    let urgent = pair.ends[1].urgent().unwrap();
    assert_eq!((urgent.ahead, urgent.octet), (4, None));
    assert_eq!(pair.ends[1].take_urgent(), None);
    send(&mut pair, b"ab", Some(3));
    assert_eq!(
        pair.ends[1].urgent(),
        Some(urgent),
        "an earlier one does not"
    );
    send(&mut pair, b"ab", Some(9));
    assert_eq!(pair.ends[1].urgent().map(|urgent| urgent.ahead), Some(8));
}

#[test]
fn segments_point_at_what_is_urgent_until_it_is_acknowledged() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 2_000);
    pair.ends[0].mark_urgent();
    let said = pair.drain(0);
    let pointers: Vec<_> = said.iter().map(|said| said.header.urgent).collect();
    assert_eq!(pointers, [Some(2_000), Some(2_000 - 1_448)]);
    pair.write(0, 10);
    assert_eq!(pair.drain(0).len(), 1, "Nagle does not hold it");
    let ack = pair.ack_of_all(0, u16::MAX);
    pair.give(0, ack, &[]);
    pair.write(0, 10);
    assert_eq!(pair.drain(0)[0].header.urgent, None);
}

#[test]
fn what_is_far_ahead_is_pointed_towards() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.ends[0].set_send_buffer(200_000.into());
    pair.write(0, 100_000);
    pair.ends[0].mark_urgent();
    let said = pair.drain(0);
    assert_eq!(said[0].header.urgent, Some(u16::MAX));
    for said in &said {
        pair.give(1, said.header, &said.payload);
    }
    let ahead = pair.ends[1].urgent().map(|urgent| urgent.ahead);
    assert!(ahead.is_some_and(|ahead| ahead < 100_000 - 1), "{ahead:?}");
}
