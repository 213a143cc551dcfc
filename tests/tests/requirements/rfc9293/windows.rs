//! Windows that shrink, close and stay closed: section 3.8.6.

use std::time::Duration;

use tcp_core::{State, TcpConfig};
use tcp_sim::script::{Tester, ack};

use crate::rig::served;

/// A smaller receive buffer leaves the right edge of the window where it is, and later windows end
/// there or beyond (§3.8.6).
#[test]
fn shld_14_window_is_not_shrunk_from_the_right() {
    served(
        "
        +0 < . 1:1001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1001 win 63240
        +0 setsockopt(4, SOL_SOCKET, SO_RCVBUF, [4608], 4) = 0
        +0 < . 1001:2001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 2001 win 62240
        +0 read(4, ..., 2000) = 2000
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 2001 win 62240
        +.1 < . 2001:3001(1000) ack 101 win 65535
        +.04~+.21 > . 101:101(0) ack 3001 win 61240
        ",
    );
}

/// When the window shrinks below what is outstanding, new data waits until it opens (§3.8.6).
#[test]
fn shld_15_a_shrunken_window_holds_new_data_back() {
    served(
        "
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        +.05 < . 1:1(0) ack 1 win 500
        +0 write(4, ..., 1000) = 1000
        +.1 < . 1:1(0) ack 1001 win 65535
        +0 > P. 1001:2001(1000) ack 1
        ",
    );
}

/// What lies within the shrunken window is sent again after the usual timeout (§3.8.6).
#[test]
fn shld_16_what_is_within_the_shrunken_window_is_sent_again() {
    served(
        "
        +0 write(4, ..., 2000) = 2000
        +0 > P. 1:2001(2000) ack 1
        +0 < . 1:1(0) ack 1 win 1000
        +.3~+.32 > . 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 2001 win 65535
        ",
    );
}

/// However often data beyond the new right edge is sent in vain, a peer that answers keeps its
/// connection (§3.8.6).
#[test]
fn shld_17_data_beyond_the_right_edge_ends_nothing() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.write(&[1; 1_000]);
    tester.expect(ack(301, 101).len(1_000));
    tester.inject(ack(101, 301).window(0));
    for _ in 0..50 {
        tester.run_next_deadline();
        assert!(tester.take_sent().is_some(), "something asks the peer");
        tester.inject(ack(101, 301).window(0));
        tester.expect_state(State::Established);
    }
    tester.inject(ack(101, 301).window(2_000));
    tester.advance(Duration::from_secs(121));
    tester.expect(ack(301, 101).len(1_000));
}

/// A window that shrinks until less than nothing is usable is survived: the transfer goes on when it
/// opens (§3.8.6).
#[test]
fn must_34_a_window_that_shrinks_is_survived() {
    for window in [999, 1, 0] {
        served(&format!(
            "
            +0 write(4, ..., 1000) = 1000
            +0 > P. 1:1001(1000) ack 1
            +0 < . 1:1(0) ack 1 win {window}
            +0 write(4, ..., 1000) = 1000
            +.1 < . 1:1(0) ack 1 win 65535
            +0 > P. 1001:2001(1000) ack 1
            +.1 < . 1:1(0) ack 2001 win 65535
            +0 write(4, ..., 1000) = 1000
            +0 > P. 2001:3001(1000) ack 1
            "
        ));
    }
}

/// A window that shrinks to zero over what is outstanding is asked for again, as one that closes is
/// (§3.8.6).
#[test]
fn must_35_a_window_that_shrinks_to_zero_is_probed() {
    served(
        "
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        +0 < . 1:1(0) ack 1 win 0
        +.3~+.32 > P. 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 1 win 0
        +.5~+.6 > P. 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 1001 win 65535
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1001:2001(1000) ack 1
        ",
    );
}

/// A window that closes is asked for again, one octet or an old number at a time, and the transfer
/// goes on when it opens (§3.8.6.1).
#[test]
fn must_36_zero_window_is_probed() {
    served(
        "
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 1001 win 0
        +0 write(4, ..., 1000) = 1000
        +.3~+.32 > . 1000:1000(0) ack 1
        +.1 < . 1:1(0) ack 1001 win 1000
        +0 > P. 1001:2001(1000) ack 1
        ",
    );
}

/// A receiver whose window is closed answers every probe with where it stands (§3.8.6.1).
#[test]
fn must_36_probes_of_a_closed_window_are_answered() {
    let mut tester = closed_window();
    for probe in [ack(101 + FULL, 301).data(b"?"), ack(100 + FULL, 301)] {
        tester.inject(probe);
        tester.expect(ack(301, 101 + FULL).window(0));
    }
    tester.read(&[7; FULL as usize]);
    tester.expect(ack(301, 101 + FULL).window(FULL as u16));
}

/// The first probe comes once the window has been zero for a retransmission timeout (§3.8.6.1).
#[test]
fn shld_29_the_first_probe_comes_after_a_timeout() {
    served(
        "
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 1001 win 0
        +.2 write(4, ..., 1000) = 1000
        +.3~+.31 > . 1000:1000(0) ack 1
        ",
    );
}

/// Each interval between probes is twice the one before (§3.8.6.1).
#[test]
fn shld_30_probes_are_ever_further_apart() {
    served(
        "
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 1001 win 0
        +0 write(4, ..., 1000) = 1000
        +.3~+.31 > . 1000:1000(0) ack 1
        +.6~+.62 > . 1000:1000(0) ack 1
        +1.2~+1.24 > . 1000:1000(0) ack 1
        +2.4~+2.48 > . 1000:1000(0) ack 1
        ",
    );
}

/// As long as the peer answers, its window may be zero for ever (§3.8.6.1).
#[test]
fn must_37_a_peer_that_answers_may_stay_closed_for_ever() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(101, 301).window(0));
    tester.write(b"patience");
    for _ in 0..1_000 {
        tester.run_next_deadline();
        tester.expect(ack(300, 101));
        tester.inject(ack(101, 301).window(0));
    }
    assert!(tester.now().as_millis() > 86_400_000, "a day at least");
    tester.expect_state(State::Established);
    tester.inject(ack(101, 301).window(1_000));
    tester.expect(ack(301, 101).data(b"patience"));
}

/// What was sent before and now lies beyond the right edge is sent again, too, as all that is
/// outstanding (§3.8.6).
#[test]
fn may_7_old_data_beyond_the_right_edge_is_sent_again() {
    served(
        "
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        +0 < . 1:1(0) ack 1 win 500
        +.3~+.32 > P. 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 1001 win 65535
        ",
    );
}

/// While nobody reads, the window stays closed for days, and what has arrived is kept (§3.8.6.1).
#[test]
fn may_8_our_window_may_stay_closed_for_days() {
    let mut tester = closed_window();
    for _ in 0..100 {
        tester.expect_nothing_for(Duration::from_secs(3_600));
        tester.inject(ack(100 + FULL, 301));
        tester.expect(ack(301, 101 + FULL).window(0));
    }
    tester.read(&[7; FULL as usize]);
}

/// With its window closed a receiver still takes RST and the urgent pointer (§3.10.7.4).
#[test]
fn must_66_a_closed_window_lets_reset_and_urgency_through() {
    let mut tester = closed_window();
    tester.inject(ack(101 + FULL, 301).data(b"!").urgent(1));
    let urgent = |tester: &mut Tester<_>| {
        tester
            .call(|end: &mut tcp_sim::script::LoneStack, now| end.connection(now, |it| it.urgent()))
    };
    let ahead = urgent(&mut tester).map(|urgent| urgent.ahead);
    assert_eq!(
        ahead,
        Some(u64::from(FULL)),
        "with an octet that finds no room"
    );

    let mut tester = closed_window();
    tester.inject(ack(101 + FULL, 301).urgent(1));
    let ahead = urgent(&mut tester).map(|urgent| urgent.ahead);
    assert_eq!(ahead, Some(u64::from(FULL)), "without");
    let _ = tester.take_sent();
    tester.inject(tcp_sim::script::rst(101 + FULL));
    let ended = tester.end.connection(tester.now(), |it| it.state());
    assert_eq!(ended, State::Closed);
}

/// A window of a few octets is not filled at once: the sender waits for a better one, and no longer than
/// a timeout (§3.8.6.2.1).
#[test]
fn must_38_small_windows_are_not_filled_at_once() {
    served(
        "
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 1001 win 0
        +0 write(4, ..., 3000) = 3000
        +.1 < . 1:1(0) ack 1001 win 100
        +.1 < . 1:1(0) ack 1001 win 1100
        +0 > . 1001:2001(1000) ack 1
        +.1 < . 1:1(0) ack 2001 win 100
        +.2~+.7 > . 2001:2101(100) ack 1
        ",
    );
}

/// A receiver whose buffer was full offers nothing until a segment, or half of the buffer, fits
/// (§3.8.6.2.2).
#[test]
fn must_39_small_windows_are_not_offered() {
    let mut tester = closed_window();
    let mut buf = [0; 500];
    for _ in 0..2 {
        let read = tester.call(|end, now| end.connection(now, |it| it.read(&mut buf)));
        assert_eq!(read, Ok(500));
        tester.expect_nothing_for(Duration::from_secs(1));
        tester.inject(ack(100 + FULL, 301));
        tester.expect(ack(301, 101 + FULL).window(0));
    }
    let read = tester.call(|end, now| end.connection(now, |it| it.read(&mut buf)));
    assert_eq!(read, Ok(500));
    tester.expect(ack(301, 101 + FULL).window(1_500));
}

/// What our buffer holds in [`closed_window`].
const FULL: u32 = 6_000;

/// A connection whose receive buffer is full, and which has said so.
fn closed_window() -> Tester<tcp_sim::script::LoneStack> {
    let mut tester = Tester::established(TcpConfig {
        recv_buffer: tcp_core::BufferSize::Fixed(FULL as usize),
        ..TcpConfig::default()
    });
    let segment = FULL / 4;
    for number in 0..4 {
        tester.inject(ack(101 + number * segment, 301).data(&[7; FULL as usize / 4]));
    }
    let mut last = None;
    tester.advance(Duration::from_secs(1));
    while let Some(sent) = tester.take_sent() {
        last = Some(sent.header.window.get());
    }
    assert_eq!(last, Some(0), "the window is closed");
    tester
}
