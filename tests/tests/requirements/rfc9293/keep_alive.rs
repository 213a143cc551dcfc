//! Keep-alive: section 3.8.4.

use std::time::Duration;

use tcp_core::{KeepAlive, State, TcpConfig};
use tcp_sim::script::{Tester, ack};

use crate::rig::served;

/// `SO_KEEPALIVE` probes an idle peer, and one that does not answer ends the connection (§3.8.4).
#[test]
fn may_5_keep_alives_are_offered() {
    served(
        "
        +0 setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0
        +0 setsockopt(4, IPPROTO_TCP, TCP_KEEPIDLE, [10], 4) = 0
        +0 setsockopt(4, IPPROTO_TCP, TCP_KEEPINTVL, [5], 4) = 0
        +0 setsockopt(4, IPPROTO_TCP, TCP_KEEPCNT, [2], 4) = 0
        +0...20 read(4, ..., 1000) = -1 ETIMEDOUT (Connection timed out)
        +10 > . 0:0(0) ack 1
        +5 > . 0:0(0) ack 1
        +5~+5.1 > R. 1:1(0) ack 1
        ",
    );
}

/// Each connection has them on or off, at any time (§3.8.4).
#[test]
fn must_24_they_are_turned_on_and_off_for_each_connection() {
    served(
        "
        +0 setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0
        +0 setsockopt(4, IPPROTO_TCP, TCP_KEEPIDLE, [10], 4) = 0
        +10 > . 0:0(0) ack 1
        +.1 < . 1:1(0) ack 1 win 65535
        +0 setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [0], 4) = 0
        +60 setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0
        +0 > . 0:0(0) ack 1
        ",
    );
}

/// An idle connection of which nobody asked anything says nothing for a month (§3.8.4).
#[test]
fn must_25_they_are_off_by_default() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.expect_nothing_for(Duration::from_secs(30 * 86_400));
    tester.expect_state(State::Established);
}

/// Whatever arrives starts the interval anew, so that only silence is probed (§3.8.4).
#[test]
fn must_26_they_are_sent_after_an_idle_interval_only() {
    served(
        "
        +0 setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0
        +0 setsockopt(4, IPPROTO_TCP, TCP_KEEPIDLE, [10], 4) = 0
        +9 < P. 1:101(100) ack 1 win 65535
        +0 > . 1:1(0) ack 101
        +9 < P. 101:201(100) ack 1 win 65535
        +0 > . 1:1(0) ack 201
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 201
        +.1 < . 201:201(0) ack 101 win 65535
        +9 < . 201:201(0) ack 101 win 60000
        +10 > . 100:100(0) ack 201
        ",
    );
}

/// `TCP_KEEPIDLE` sets the interval (§3.8.4).
#[test]
fn must_27_the_interval_is_configurable() {
    served(
        "
        +0 setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0
        +0 setsockopt(4, IPPROTO_TCP, TCP_KEEPIDLE, [77], 4) = 0
        +77 > . 0:0(0) ack 1
        +.1 < . 1:1(0) ack 1 win 65535
        +0 setsockopt(4, IPPROTO_TCP, TCP_KEEPIDLE, [500], 4) = 0
        +500 > . 0:0(0) ack 1
        ",
    );
}

/// Where only `SO_KEEPALIVE` is set, two hours pass before the first (§3.8.4).
#[test]
fn must_28_the_interval_is_two_hours_by_default() {
    served(
        "
        +0 setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0
        +7199.9~+7200.1 > . 0:0(0) ack 1
        ",
    );
    assert_eq!(KeepAlive::default().idle, Duration::from_secs(7_200));
}

/// After a probe without an answer the connection carries data as before, and asks again (§3.8.4).
#[test]
fn must_29_one_unanswered_probe_is_no_sign_of_death() {
    served(
        "
        +0 setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0
        +0 setsockopt(4, IPPROTO_TCP, TCP_KEEPIDLE, [10], 4) = 0
        +0 setsockopt(4, IPPROTO_TCP, TCP_KEEPINTVL, [5], 4) = 0
        +10 > . 0:0(0) ack 1
        +5 > . 0:0(0) ack 1
        +.1 < P. 1:101(100) ack 1 win 65535
        +0 > . 1:1(0) ack 101
        +0 read(4, ..., 1000) = 100
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 101
        ",
    );
}

/// A probe is an old number without data, which the peer must answer (§3.8.4).
#[test]
fn shld_12_a_keep_alive_carries_no_data() {
    let mut tester = probed();
    let sent = tester.expect(ack(300, 101));
    assert_eq!(sent.payload, b"");
}

/// No probe carries an octet, not even after one that had no answer (§3.8.4).
#[test]
fn may_6_no_garbage_octet_is_sent() {
    let mut tester = probed();
    for _ in 0..8 {
        let sent = tester.expect(ack(300, 101));
        assert_eq!(sent.payload, b"");
        tester.run_next_deadline();
    }
}

/// A connection that has just been probed.
fn probed() -> Tester<tcp_sim::script::LoneStack> {
    let mut tester = Tester::established(TcpConfig {
        keep_alive: Some(KeepAlive::default()),
        ..TcpConfig::default()
    });
    tester.advance(Duration::from_secs(7_200));
    tester
}
