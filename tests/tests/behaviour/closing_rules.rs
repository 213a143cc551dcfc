//! What RFC 9293 tells in words of how a connection ends.
//!
//! The numbers of the end under test start at 300, the peer's at 100.

use std::time::Duration;

use tcp_core::{
    CloseMode, ConnectionError, ConnectionEvent, ReadError, Shutdown, State, TcpConfig, WriteError,
};
use tcp_sim::script::{LoneStack, Seg, Tester, ack, fin, rst, syn};

const TWO_MSL: Duration = Duration::from_secs(60);

/// In TIME-WAIT after an active close; the peer's SYN was `first`.
fn time_wait(tcp: TcpConfig, first: Seg) -> Tester<LoneStack> {
    let mut tester = Tester::established_by(tcp, first);
    tester.close();
    tester.expect(fin(301, 101));
    tester.inject(ack(101, 302));
    tester.expect_state(State::FinWait2);
    tester.inject(fin(101, 302));
    tester.expect(ack(302, 102));
    tester.expect_state(State::TimeWait);
    tester
}

fn plain() -> Seg {
    syn(100).mss(1_460)
}

/// RFC 9293, figure 5, FIN-WAIT-1 to TIME-WAIT: one segment acknowledges our FIN and brings the
/// peer's.
#[test]
fn fin_and_its_acknowledgement_in_one_segment() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.shutdown(Shutdown::Write);
    tester.expect(fin(301, 101));
    tester.expect_state(State::FinWait1);
    tester.inject(fin(101, 302));
    tester.expect(ack(302, 102));
    tester.expect_state(State::TimeWait);
}

/// RFC 9293 §3.10.4, CLOSE: what was written before goes first, and FIN rides on the last of it.
#[test]
fn fin_follows_what_was_written() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(101, 301).window(4));
    tester.write(b"12345678");
    // So small a window is only filled when nothing better has come (RFC 9293 §3.8.6.2.1).
    let override_timeout = Duration::from_millis(100)..=Duration::from_secs(1);
    tester.expect_within(override_timeout, ack(301, 101).data(b"1234"));
    tester.close();
    tester.expect_nothing();
    tester.inject(ack(101, 305).window(100));
    tester.expect(fin(305, 101).data(b"5678").push());
    tester.expect_state(State::FinWait1);
}

/// RFC 9293 §3.10.3 and §3.10.4: no SEND after CLOSE, but RECEIVE goes on.
#[test]
fn a_closed_direction_takes_no_more() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.shutdown(Shutdown::Write);
    tester.expect(fin(301, 101));
    let written = tester.call(|end, now| end.connection(now, |it| it.write(b"late")));
    assert_eq!(written, Err(WriteError::Closed));
    tester.inject(ack(101, 302).data(b"still here"));
    tester.expect(ack(302, 111));
    tester.read(b"still here");
    tester.inject(fin(111, 302));
    tester.expect(ack(302, 112));
    tester.read(b"");
}

/// RFC 9293 §3.6.1, SHLD-3: who closes with data unread tells the peer by RST that it is lost.
#[test]
fn closing_with_unread_data_resets() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(101, 301).data(b"hello"));
    tester.expect(ack(301, 106));
    tester.close();
    tester.expect(rst(301).ack(106));
    tester.expect_no_connection();
    assert_eq!(tester.counters().abort_on_close, 1);
}

/// The same, when it was read: an ordinary close.
#[test]
fn closing_with_everything_read_does_not_reset() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(101, 301).data(b"hello"));
    tester.expect(ack(301, 106));
    tester.read(b"hello");
    tester.close();
    tester.expect(fin(301, 106));
}

/// RFC 9293 §3.6.1, SHLD-3: data that arrives after CLOSE, which nobody will read.
#[test]
fn data_after_close_is_reset() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.close();
    tester.expect(fin(301, 101));
    tester.inject(ack(101, 302));
    tester.expect_state(State::FinWait2);
    tester.inject(ack(101, 302).data(b"anybody there?"));
    tester.expect(rst(302));
    tester.expect_no_connection();
    assert_eq!(tester.counters().abort_on_data, 1);
}

/// `SO_LINGER` with zero: what was written is thrown away, and the peer hears of it.
#[test]
fn linger_zero_resets() {
    let mut tester = Tester::established(TcpConfig {
        linger: Some(Duration::ZERO),
        ..TcpConfig::default()
    });
    tester.write(b"lost");
    tester.expect(ack(301, 101).data(b"lost"));
    tester.close();
    tester.expect(rst(305).ack(101));
    tester.expect_no_connection();
}

/// RFC 9293 §3.10.5, ABORT: RST, and calls that wait fail.
#[test]
fn abort_resets_and_tells_the_user() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.write(b"lost");
    tester.expect(ack(301, 101).data(b"lost"));
    let _ = tester.take_events();
    tester.abort();
    tester.expect(rst(305).ack(101));
    let aborted = ConnectionError::Aborted;
    assert_eq!(tester.try_read(), Err(ReadError::Connection(aborted)));
    assert_eq!(
        tester.try_read(),
        Ok(Vec::new()),
        "an error is reported once"
    );
    tester.close();
    tester.expect_nothing();
    tester.expect_no_connection();
}

/// A user that has closed waits for the peer's FIN only so long (`tcp_fin_timeout`); one that
/// still reads waits for ever.
#[test]
fn only_an_orphan_leaves_fin_wait_2() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.shutdown(Shutdown::Write);
    tester.expect(fin(301, 101));
    tester.inject(ack(101, 302));
    tester.expect_nothing_for(Duration::from_secs(86_400));
    tester.expect_state(State::FinWait2);
    tester.close();
    tester.expect_nothing_for(Duration::from_secs(60));
    tester.expect_no_connection();
}

/// `CloseMode::Reset`: everything is acknowledged, FIN included, and then RST takes the place of
/// FIN-WAIT-2 and TIME-WAIT.
#[test]
fn close_mode_reset_forgets_at_once() {
    let tcp = TcpConfig {
        close_mode: CloseMode::Reset,
        ..TcpConfig::default()
    };
    let mut tester = Tester::established(tcp.clone());
    tester.write(b"bye");
    tester.expect(ack(301, 101).data(b"bye"));
    tester.close();
    tester.expect(fin(304, 101));
    tester.inject(ack(101, 304));
    tester.expect_nothing();
    tester.expect_state(State::FinWait1);
    tester.inject(ack(101, 305));
    tester.expect(rst(305).ack(101));
    tester.expect_no_connection();

    // The peer's FIN comes with the acknowledgement of ours: no TIME-WAIT either. The reset is for
    // the acknowledgement, before the FIN is looked at.
    let mut tester = Tester::established(tcp.clone());
    tester.close();
    tester.expect(fin(301, 101));
    tester.inject(fin(101, 302));
    tester.expect(rst(302).ack(101));
    tester.expect_no_connection();

    // The peer closed first: LAST-ACK needs neither.
    let mut tester = Tester::established(tcp);
    tester.inject(fin(101, 301));
    tester.expect(ack(301, 102));
    tester.close();
    tester.expect(fin(301, 102));
    tester.inject(ack(102, 302));
    tester.expect_nothing();
    tester.expect_no_connection();
}

/// RFC 9293 MUST-13: TIME-WAIT lasts 2 MSL, and a FIN that comes again starts them anew.
#[test]
fn time_wait_lasts_two_msl_from_the_last_fin() {
    let mut tester = time_wait(TcpConfig::default(), plain());
    tester.expect_nothing_for(TWO_MSL / 2);
    tester.inject(fin(101, 302));
    tester.expect(ack(302, 102));
    tester.expect_nothing_for(TWO_MSL - Duration::from_millis(100));
    tester.expect_state(State::TimeWait);
    tester.expect_nothing_for(Duration::from_millis(200));
    tester.expect_no_connection();
}

/// RFC 9293 §3.10.7.4, MAY-2 and RFC 6191: a SYN beyond the old connection's numbers reopens it,
/// and our new numbers are beyond the old ones too.
#[test]
fn a_new_syn_reopens_time_wait() {
    let mut tester = time_wait(TcpConfig::default(), plain());
    tester.inject(syn(5_000).mss(1_460));
    let reply = tester.expect(syn(70_000).ack(5_001));
    let old = tester.to_wire(302);
    assert!(
        reply.header.seq.distance_from(old) > 0,
        "beyond the old numbers"
    );
    tester.inject(ack(5_001, 70_001));
    tester.expect_state(State::Established);
    assert_eq!(tester.counters().time_wait_recycled, 1);
}

/// RFC 6191 §2: a SYN that may be an old duplicate is acknowledged, and nothing changes.
#[test]
fn an_old_syn_does_not_reopen_time_wait() {
    let mut tester = time_wait(TcpConfig::default(), plain());
    for old in [syn(100), syn(50)] {
        tester.inject(old);
        tester.expect(ack(302, 102));
        tester.expect_state(State::TimeWait);
        tester.advance(Duration::from_secs(1));
    }
    assert_eq!(tester.counters().time_wait_recycled, 0);
}

/// RFC 6191 §2 with timestamps: a later one reopens whatever the sequence number says, an
/// earlier one never does.
#[test]
fn timestamps_decide_about_time_wait() {
    let stamped = |seg: Seg, value| seg.timestamps(value, 0);
    let enter = || {
        let mut tester = Tester::established_by(TcpConfig::default(), stamped(plain(), 1_000));
        tester.close();
        tester.expect(fin(301, 101));
        tester.inject(stamped(fin(101, 302), 1_010));
        tester.expect(ack(302, 102));
        tester.expect_state(State::TimeWait);
        tester
    };
    let mut tester = enter();
    tester.inject(stamped(syn(5_000), 1_009));
    tester.expect(ack(302, 102));
    tester.expect_state(State::TimeWait);

    let mut tester = enter();
    tester.inject(stamped(syn(50), 1_011));
    tester.expect(syn(70_000).ack(51));
    tester.expect_state(State::SynReceived);
}

/// RFC 9293 §3.10.7.4 in TIME-WAIT: RST ends it, unless RFC 1337 is asked for.
#[test]
fn rfc_1337_protects_time_wait() {
    let mut tester = time_wait(TcpConfig::default(), plain());
    tester.inject(rst(102));
    tester.expect_nothing();
    tester.expect_no_connection();

    let rfc1337 = true;
    let strict = TcpConfig {
        rfc1337,
        ..TcpConfig::default()
    };
    let mut tester = time_wait(strict, plain());
    tester.inject(rst(102));
    tester.expect_nothing();
    tester.expect_state(State::TimeWait);
}

/// RFC 9293 MUST-12: the user learns that both sides closed, and not that something broke.
#[test]
fn an_orderly_close_is_told_as_one() {
    let mut tester = Tester::established(TcpConfig::default());
    let _ = tester.take_events();
    tester.inject(fin(101, 301));
    tester.expect(ack(301, 102));
    assert_eq!(tester.take_events(), [ConnectionEvent::Readable]);
    tester.read(b"");
    tester.shutdown(Shutdown::Write);
    tester.expect(fin(301, 102));
    tester.inject(ack(102, 302));
    let events = tester.take_events();
    assert!(events.contains(&ConnectionEvent::Flushed), "{events:?}");
    assert!(
        events.contains(&ConnectionEvent::Closed(None)),
        "{events:?}"
    );
}
