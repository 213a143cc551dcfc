//! What an acknowledgement says, and what it does not.

use super::loss::plain;
use super::*;
use crate::config::EcnMode;
use crate::wire::Ecn;

/// The 1,460-byte segments of a flight.
const SEGMENT: u64 = 1_460;

/// A flight of ten under way, without SACK; the peer's window is 60,000.
fn flight() -> Pair {
    let mut pair = quiet_pair(plain());
    let header = pair.ack_of_all(0, 60_000);
    pair.give(0, header, &[]);
    pair.write(0, 10 * SEGMENT as usize);
    assert_eq!(pair.drain(0).len(), 10);
    pair
}

/// RFC 5681 §2: outstanding data, no data, no SYN or FIN, the greatest acknowledgement so far, the window unchanged.
#[test]
fn three_duplicates_are_three_of_what_the_rfc_calls_so() {
    let una = flight().ends[0].snd.una;
    let again = |alter: &dyn Fn(usize, &mut Header) -> &'static [u8]| {
        let mut pair = flight();
        for number in 0..3 {
            let mut header = pair.ack_up_to(0, una, 60_000);
            let payload = alter(number, &mut header);
            pair.give(0, header, payload);
        }
        let said = pair.drain(0);
        let first = pair.ends[0].snd.isn.at_offset(una);
        said.iter()
            .any(|it| it.header.seq == first && !it.payload.is_empty())
    };
    assert!(again(&|_, _| &[]));
    assert!(!again(&|_, _| b"text"), "with text");
    let smaller = |number: usize, header: &mut Header| -> &'static [u8] {
        header.window = WireWindow::new(50_000 - number as u16);
        &[]
    };
    assert!(!again(&smaller), "with news of the window");
    let older = |_: usize, header: &mut Header| -> &'static [u8] {
        header.ack = header.ack.map(|ack| ack.advanced_by(u32::MAX));
        &[]
    };
    assert!(!again(&older), "of what was acknowledged before");
    let fin = |number: usize, header: &mut Header| -> &'static [u8] {
        if number == 0 {
            header.control = Control::Fin;
        }
        &[]
    };
    assert!(!again(&fin), "one of them a FIN");
}

/// The same acknowledgement with nothing outstanding counts for nothing when something is.
#[test]
fn what_came_before_the_flight_is_no_duplicate_of_it() {
    let mut pair = quiet_pair(plain());
    for _ in 0..3 {
        let header = pair.ack_of_all(0, 60_000);
        pair.give(0, header, &[]);
    }
    pair.write(0, 12 * SEGMENT as usize);
    assert_eq!(
        pair.drain(0).len(),
        10,
        "the initial window and no more (RFC 3042)"
    );
    let header = pair.ack_up_to(0, pair.ends[0].snd.una, 60_000);
    pair.give(0, header, &[]);
    assert_eq!(pair.drain(0).len(), 1, "one for the first duplicate");
}

#[test]
fn blocks_of_what_was_never_sent_and_empty_ones_report_nothing() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 14_480);
    pair.drain(0);
    let (una, nxt) = (pair.ends[0].snd.una, pair.ends[0].snd.nxt);
    for block in [
        nxt..nxt + 1,
        nxt + 10..nxt + 2_000,
        una + 1_448..nxt + 1,
        una..una,
        una + 1_448..una + 1_448,
    ] {
        let header = pair.sack_of(0, Some(block.clone()));
        pair.give(0, header, &[]);
        assert_eq!(pair.ends[0].info(pair.now).sacked_bytes, 0, "{block:?}");
        assert_eq!(pair.counters[0].dsack_recv, 0, "{block:?}");
    }
    let header = pair.sack_of(0, Some(una + 1_448..nxt));
    pair.give(0, header, &[]);
    assert_eq!(pair.ends[0].info(pair.now).sacked_bytes, nxt - una - 1_448);
}

/// RFC 2883 §4: the first block reports a duplicate where it lies below the acknowledgement, or in the second.
#[test]
fn duplicates_are_counted_by_where_the_first_block_lies() {
    for (first, second, is_duplicate) in [
        (0..1_448, None, true),
        (1_448..2_896, None, true),
        (2_896..4_344, None, false),
        (1_448..4_344, None, false),
        (4_344..5_792, Some(4_344..5_792), true),
        (4_344..5_792, Some(2_896..7_240), true),
        (4_344..7_240, Some(4_344..5_792), false),
        (2_896..5_792, Some(4_344..5_792), false),
    ] {
        let mut pair = quiet_pair(TcpConfig::default());
        pair.write(0, 14_480);
        pair.drain(0);
        let una = pair.ends[0].snd.una;
        let header = pair.ack_up_to(0, una + 2_896, u16::MAX);
        pair.give(0, header, &[]);
        let blocks = [Some(first.clone()), second.clone()].into_iter().flatten();
        let header = pair.sack_of(0, blocks.map(|it: Range<u64>| una + it.start..una + it.end));
        pair.give(0, header, &[]);
        let counted = (
            pair.counters[0].dsack_recv,
            pair.ends[0].info(pair.now).tcpi_dsack_dups,
        );
        let expected = u64::from(is_duplicate);
        assert_eq!(counted, (expected, expected), "{first:?} {second:?}");
    }
}

/// RFC 2018 §3: 40 bytes of options hold four blocks, or three beside timestamps.
#[test]
fn as_many_holes_are_told_as_there_is_room_for() {
    for timestamps in [false, true] {
        let mut pair = quiet_pair(TcpConfig {
            timestamps,
            ..TcpConfig::default()
        });
        pair.write(0, 14_000);
        let said = pair.drain(0);
        for lost in [0, 2, 4, 6, 8] {
            pair.give(1, said[lost + 1].header, &said[lost + 1].payload);
        }
        let answers = pair.drain(1);
        let last = answers.last().unwrap().header.options;
        let blocks = last.sack.as_slice();
        assert_eq!(blocks.len(), if timestamps { 3 } else { 4 });
        let newest = said[9].header.seq;
        assert_eq!(blocks[0].start, newest, "the newest first");
    }
}

/// A window that opens with something outstanding: the peer is there, and the timeout counts from now.
#[test]
fn a_window_that_opens_starts_the_timeout_anew() {
    let mut pair = flight();
    let una = pair.ends[0].snd.una;
    let header = pair.ack_up_to(0, una, 0);
    pair.give(0, header, &[]);
    pair.wait(50);
    let header = pair.ack_up_to(0, una, 60_000);
    pair.give(0, header, &[]);
    let info = pair.ends[0].info(pair.now);
    assert_eq!(pair.ends[0].poll_timeout(), Some(pair.now + info.tcpi_rto));
}

#[test]
fn zero_windows_told_and_heard_are_counted() {
    let mut pair = quiet_pair(TcpConfig {
        recv_buffer: 4_000.into(),
        ..plain()
    });
    pair.write(0, 10_000);
    for _ in 0..20 {
        pair.settle();
        pair.wait(300);
        for (end, counters) in pair.ends.iter_mut().zip(&mut pair.counters) {
            end.handle_timeout(pair.now, counters);
        }
    }
    assert_eq!(pair.ends[0].info(pair.now).tcpi_snd_wnd, 0);
    let counters = &pair.counters[1];
    assert_eq!((counters.to_zero_window, counters.from_zero_window), (1, 0));
    pair.ends[1].read(pair.now, &mut [0; 10_000]).unwrap();
    pair.transmit();
    let counters = &pair.counters[1];
    assert_eq!((counters.to_zero_window, counters.from_zero_window), (1, 1));
}

/// That all is acknowledged is told once it is, and once.
#[test]
fn a_flush_is_told_when_all_is_acknowledged() {
    let mut pair = quiet_pair(TcpConfig::default());
    let before = pair.ends[0].snd.nxt;
    pair.write(0, 3_000);
    pair.drain(0);
    let all = pair.ends[0].snd.nxt;
    for (ack, told) in [(before + 1_448, false), (all, true), (all, false)] {
        let header = pair.ack_up_to(0, ack, 60_000);
        pair.give(0, header, &[]);
        let is_told = pair.last_event(0) == Some(ConnectionEvent::Flushed);
        assert_eq!(is_told, told, "{ack} of {all}");
    }
}

/// A segment that repeats what is first outstanding starts the timeout anew; one that repeats another does not.
#[test]
fn only_the_first_segment_sent_again_starts_the_timeout_anew() {
    let mut pair = flight();
    let una = pair.ends[0].snd.una;
    pair.wait(30);
    for _ in 0..3 {
        let header = pair.ack_up_to(0, una, 60_000);
        pair.give(0, header, &[]);
    }
    pair.wait(1);
    assert!(!pair.drain(0).is_empty());
    let rto = pair.ends[0].info(pair.now).tcpi_rto;
    assert_eq!(pair.ends[0].poll_timeout(), Some(pair.now + rto));
}

/// An ECN echo that is due goes with a probe of the window as well (RFC 3168 §6.1.3).
#[test]
fn a_probe_of_the_window_carries_the_echo() {
    let mut pair = quiet_pair(TcpConfig {
        ecn: EcnMode::Request,
        ..TcpConfig::default()
    });
    // The peer's text arrives marked, and closes its own window.
    let mut marked = pair.ack_of_all(0, 0);
    marked.ecn = Ecn::CongestionExperienced;
    pair.give(0, marked, b"text");
    pair.write(0, 1_000);
    let answers = pair.drain(0);
    assert!(answers.iter().all(|it| it.header.ece));
    loop {
        pair.fire(0);
        if let Some(probe) = pair.drain(0).pop() {
            assert!(probe.header.ece && probe.payload.is_empty());
            break;
        }
    }
}
