//! Closing connections: section 3.6.

use std::time::Duration;

use tcp_core::{ConnectionError, ConnectionEvent, State, TcpConfig};
use tcp_sim::script::{LoneStack, Seg, Tester, ack, fin, rst, syn};

use crate::rig::{script, served};

/// The end of the stream is read as such, a reset as an error (§3.6).
#[test]
fn must_12_a_reader_tells_an_end_from_an_abort() {
    served(
        "
        +0 < F. 1:1(0) ack 1 win 65535
        +0 > . 1:1(0) ack 2
        +0 read(4, ..., 1000) = 0
        +0 close(4) = 0
        +0 > F. 1:1(0) ack 2
        ",
    );
    served(
        "
        +0 < R. 1:1(0) ack 1 win 65535
        +0 read(4, ..., 1000) = -1 ECONNRESET (Connection reset by peer)
        ",
    );
}

/// The event of the end says how it came to it (§3.6).
#[test]
fn must_12_the_event_tells_a_close_from_an_abort() {
    let ends = |end: fn(&mut Tester<LoneStack>)| {
        let mut tester = Tester::established(TcpConfig::default());
        end(&mut tester);
        tester.advance(Duration::from_secs(100_000));
        let events = tester.take_events();
        *events.last().expect("an end")
    };
    let closed = ends(|tester| {
        tester.inject(fin(101, 301));
        tester.shutdown(tcp_core::Shutdown::Write);
        tester.inject(ack(102, 302));
    });
    assert_eq!(closed, ConnectionEvent::Closed(None));
    let reset = ends(|tester| tester.inject(rst(101)));
    let why = ConnectionError::Reset;
    assert_eq!(reset, ConnectionEvent::Closed(Some(why)));
    let silent = ends(|tester| tester.write(b"anybody?"));
    let why = ConnectionError::TimedOut;
    assert_eq!(silent, ConnectionEvent::Closed(Some(why)));
    let given_up = ends(|tester| tester.abort());
    let why = ConnectionError::Aborted;
    assert_eq!(given_up, ConnectionEvent::Closed(Some(why)));
}

/// Who has closed cannot read on; who has only ended its own stream can (§3.6.1).
#[test]
fn may_1_close_ends_reading_as_well() {
    served(
        "
        +0 close(4) = 0
        +0 > F. 1:1(0) ack 1
        +0 read(4, ..., 1000) = -1 EBADF (Bad file descriptor)
        +.1 < . 1:1(0) ack 2 win 65535
        +0 < P. 1:101(100) ack 2 win 65535
        +0 > R 2:2(0)
        ",
    );
    served(
        "
        +0 shutdown(4, SHUT_WR) = 0
        +0 > F. 1:1(0) ack 1
        +.1 < . 1:1(0) ack 2 win 65535
        +0 < P. 1:101(100) ack 2 win 65535
        +0 > . 2:2(0) ack 101
        +0 read(4, ..., 1000) = 100
        ",
    );
}

/// A reset that carries data is a reset (§3.5.3).
#[test]
fn shld_2_a_reset_with_data_is_accepted() {
    served(
        "
        +0 < R. 1:21(20) ack 1 win 65535
        +0 read(4, ..., 1000) = -1 ECONNRESET (Connection reset by peer)
        ",
    );
}

/// Closing with data unread is answered with RST, not with FIN (§3.6.1).
#[test]
fn shld_3_closing_with_unread_data_resets() {
    served(
        "
        +0 < P. 1:101(100) ack 1 win 65535
        +0 > . 1:1(0) ack 101
        +0 close(4) = 0
        +0 > R. 1:1(0) ack 101
        ",
    );
}

/// So is data that arrives after the close (§3.6.1).
#[test]
fn shld_3_data_after_the_close_is_reset() {
    served(
        "
        +0 close(4) = 0
        +0 > F. 1:1(0) ack 1
        +.1 < P. 1:101(100) ack 1 win 65535
        +0 > R 1:1(0)
        ",
    );
}

/// Who closed first waits in TIME-WAIT for 2 MSL, answers the peer's FIN meanwhile, and waits anew then
/// (§3.6.1). An MSL is Linux's 30 seconds, unless it is set to RFC 9293's two minutes.
#[test]
fn must_13_time_wait_lasts_two_msl() {
    for two_msl in [TcpConfig::default().time_wait, Duration::from_secs(240)] {
        let mut tester = time_wait(two_msl, syn(100).mss(1_460));
        let moment = Duration::from_millis(1);
        tester.expect_nothing_for(two_msl - moment);
        tester.expect_state(State::TimeWait);
        tester.inject(fin(101, 302));
        tester.expect(ack(302, 102));
        tester.expect_nothing_for(two_msl - moment);
        tester.expect_state(State::TimeWait);
        tester.advance(moment);
        tester.expect_no_connection();
    }
    assert!(TcpConfig::default().time_wait >= Duration::from_secs(60));
}

/// A SYN beyond the last number opens a new connection at once, whose numbers lie beyond the old one's
/// (§3.6.1).
#[test]
fn may_2_a_new_syn_reopens_in_time_wait() {
    let mut tester = time_wait(TWO_MSL, syn(100).mss(1_460));
    let last = tester.to_wire(302);
    tester.end.id = None;
    tester.inject(syn(103).mss(1_460));
    let sent = tester.take_sent().expect("a SYN-ACK");
    assert_eq!(sent.header.ack.map(|ack| ack.get()), Some(104));
    assert!(
        sent.header.seq.distance_from(last) > 0,
        "no old segment can be taken for a new one"
    );
}

/// One that lies before it does not, without timestamps (§3.6.1).
#[test]
fn may_2_an_old_syn_does_not_reopen() {
    let mut tester = time_wait(TWO_MSL, syn(100).mss(1_460));
    tester.inject(syn(100).mss(1_460));
    tester.expect(ack(302, 102));
    tester.expect_state(State::TimeWait);
}

/// With timestamps a later one is enough for a SYN to be new, wherever its number lies: TIME-WAIT ends
/// after a second or less (§3.6.1, RFC 6191).
#[test]
fn shld_4_timestamps_shorten_time_wait() {
    let stamped = |value| syn(50).mss(1_460).timestamps(value, 0);
    let mut tester = time_wait(TWO_MSL, syn(100).mss(1_460).timestamps(1_000, 0));
    tester.advance(Duration::from_secs(1));
    tester.inject(stamped(1_000));
    let sent = tester.take_sent().expect("an answer");
    assert_eq!(
        sent.header.ack.map(|ack| ack.get()),
        Some(102),
        "the old connection's"
    );
    tester.expect_state(State::TimeWait);
    tester.end.id = None;
    tester.inject(stamped(1_001));
    let sent = tester.take_sent().expect("a SYN-ACK");
    assert_eq!(sent.header.ack.map(|ack| ack.get()), Some(51));
    tester.expect_state(State::SynReceived);
}

/// A client whose ports are few opens the same connection again, and the server's TIME-WAIT does not keep it
/// from that (§3.6.1, RFC 6191).
#[test]
fn shld_4_a_client_gets_through_a_servers_time_wait() {
    script(
        "
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < 1234 > 8080: S 5000:5000(0) win 65535 <mss 1000,nop,nop,TS val 100 ecr 0>
        +0 > 8080 > 1234: S. 0:0(0) ack 1 <...>
        +.1 < 1234 > 8080: . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 0>
        +0 accept(3, ..., ...) = 4
        +0 close(4) = 0
        +0 > 8080 > 1234: F. 1:1(0) ack 1 <...>
        +.1 < 1234 > 8080: F. 1:1(0) ack 2 win 65535 <nop,nop,TS val 102 ecr 0>
        +0 > 8080 > 1234: . 2:2(0) ack 2 <...>
        +.1 < 1234 > 8080: S 4000:4000(0) win 65535 <mss 1000,nop,nop,TS val 103 ecr 0>
        +0 > 8080 > 1234: S. 0:0(0) ack 1 <...>
        ",
    );
}

const TWO_MSL: Duration = Duration::from_secs(60);

/// In TIME-WAIT after an active close; the peer's SYN was `first`.
fn time_wait(two_msl: Duration, first: Seg) -> Tester<LoneStack> {
    let stamps = first.options.timestamps.flatten();
    let stamped = |seg: Seg| match stamps {
        Some((value, _)) => seg.timestamps(value, 0),
        None => seg,
    };
    let config = TcpConfig {
        time_wait: two_msl,
        ..TcpConfig::default()
    };
    let mut tester = Tester::established_by(config, first);
    tester.close();
    tester.expect(fin(301, 101));
    tester.inject(stamped(ack(101, 302)));
    tester.inject(stamped(fin(101, 302)));
    tester.expect(ack(302, 102));
    tester.expect_state(State::TimeWait);
    tester
}
