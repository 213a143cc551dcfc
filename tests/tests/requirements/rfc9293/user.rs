//! The calls and what they ask for: section 3.9.1.

use std::time::Duration;

use tcp_core::{ConnectionEvent, SoftError, TcpConfig};
use tcp_sim::drill::Family;
use tcp_sim::script::{LoneStack, Tester, ack, rst};

use crate::raw::{ACK, Raw, icmp};
use crate::rig::{served, served_over};

/// Several writes, each of which would be pushed by itself, go in one segment with one PSH (§3.9.1.2).
#[test]
fn shld_27_pushes_collapse() {
    served(
        "
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +0 write(4, ..., 100) = 100
        +0 write(4, ..., 100) = 100
        +0 write(4, ..., 100) = 100
        +.1 < . 1:1(0) ack 101 win 65535
        +0 > P. 101:401(300) ack 1
        ",
    );
}

/// What was written in small parts goes in segments as large as the peer takes (§3.9.1.2).
#[test]
fn shld_28_segments_are_as_large_as_possible() {
    let mut tester = Tester::established(TcpConfig {
        pacing: false,
        ..TcpConfig::default()
    });
    tester.inject(ack(101, 301).window(0));
    for _ in 0..100 {
        tester.write(&[1; 73]);
    }
    tester.inject(ack(101, 301).window(u16::MAX));
    for number in 0..5 {
        tester.expect(ack(301 + number * 1_460, 101).len(1_460));
    }
    tester.expect_nothing();
}

/// A write without `MSG_MORE` asks for a push, one with it does not (§3.9.1.2).
#[test]
fn may_15_a_write_asks_for_a_push() {
    served(
        "
        +0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
        +0 send(4, ..., 100, 0) = 100
        +0 > P. 1:101(100) ack 1
        +0 send(4, ..., 100, MSG_MORE) = 100
        +.1 < . 1:1(0) ack 101 win 65535
        +0 > . 101:201(100) ack 1
        +0 send(4, ..., 100, 0) = 100
        +0 > P. 201:301(100) ack 1
        ",
    );
}

/// What was written with `MSG_MORE` waits for what follows, and goes with it (§3.9.1.2).
#[test]
fn may_16_what_is_not_pushed_is_put_together() {
    served(
        "
        +0 send(4, ..., 400, MSG_MORE) = 400
        +.01 send(4, ..., 300, MSG_MORE) = 300
        +.01 send(4, ..., 100, 0) = 100
        +0 > P. 1:801(800) ack 1
        ",
    );
}

/// No write waits for ever: where nothing holds it back it goes at once, and what `MSG_MORE` or a cork holds
/// back goes after the time of a retransmission, 200 ms at least (§3.9.1.2).
#[test]
fn must_60_nothing_is_buffered_indefinitely() {
    served(
        "
        +0 write(4, ..., 1) = 1
        +0 > P. 1:2(1) ack 1
        +.1 < . 1:1(0) ack 2 win 65535
        +0 send(4, ..., 1, MSG_MORE) = 1
        +.29~+.31 > P. 2:3(1) ack 1
        +.1 < . 1:1(0) ack 3 win 65535
        +0 setsockopt(4, SOL_TCP, TCP_CORK, [1], 4) = 0
        +0 write(4, ..., 1) = 1
        +.29~+.31 > P. 3:4(1) ack 1
        ",
    );
}

/// PSH is on the last segment of what there was to send, and on no other (§3.9.1.2).
#[test]
fn must_61_the_last_segment_of_what_is_buffered_is_pushed() {
    let mut tester = Tester::established(TcpConfig {
        pacing: false,
        ..TcpConfig::default()
    });
    tester.write(&[1; 3_000]);
    for (number, push) in [(0, false), (1, false), (2, true)] {
        let len = if push { 80 } else { 1_460 };
        let sent = tester.expect(ack(301 + number * 1_460, 101).len(len));
        assert_eq!(sent.header.push, push, "{number}");
    }
}

/// Whoever reads is told of whatever arrives, with PSH or without (§3.9.1.3).
#[test]
fn may_17_what_arrives_is_told_with_or_without_a_push() {
    served(
        "
        +0...0.1 read(4, ..., 1000) = 100
        +.1 < . 1:101(100) ack 1 win 65535
        +0 > . 1:1(0) ack 101
        +0...0.1 read(4, ..., 1000) = 100
        +.1 < P. 101:201(100) ack 1 win 65535
        +0 > . 1:1(0) ack 201
        ",
    );
}

/// A complaint of the network is an event of the connection it is about, which goes on (§3.9.1.8).
#[test]
fn must_47_soft_errors_are_told_as_events() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.take_events();
    tester.write(b"anybody?");
    complain(&mut tester);
    let event = ConnectionEvent::SoftError(SoftError::HostUnreachable);
    assert_eq!(tester.take_events(), [event]);
    tester.inject(ack(101, 309).data(b"yes"));
    tester.read(b"yes");
}

/// By sockets it is told as an error of the next call to who asks for that, and by `SO_ERROR` to who asks
/// then (§3.9.1.8).
#[test]
fn must_47_soft_errors_are_told_by_calls() {
    for (family, option) in RECEIVE_ERRORS {
        served_over(
            family,
            &format!(
                "
                +0 write(4, ..., 1000) = 1000
                +0 > P. 1:1001(1000) ack 1
                +0 < icmp unreachable host_unreachable [1:1001(1000)]
                +0 getsockopt(4, SOL_SOCKET, SO_ERROR, [EHOSTUNREACH], [4]) = 0
                +0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
                +0 setsockopt(4, {option}, [1], 4) = 0
                +0...0.1 read(4, ..., 1000) = -1 ENETUNREACH (Network is unreachable)
                +.1 < icmp unreachable net_unreachable [1:1001(1000)]
                +.1 < P. 1:101(100) ack 1001 win 65535
                +0 > . 1001:1001(0) ack 101
                +0 read(4, ..., 1000) = 100
                "
            ),
        );
    }
}

/// The user can turn those events off, for a connection that lives (§3.9.1.8).
#[test]
fn shld_20_soft_errors_can_be_turned_off() {
    let configured = TcpConfig {
        soft_errors: false,
        ..TcpConfig::default()
    };
    let mut tester = Tester::established(configured);
    tester.take_events();
    tester.write(b"anybody?");
    complain(&mut tester);
    assert_eq!(tester.take_events(), [], "configured so");

    let mut tester = Tester::established(TcpConfig::default());
    tester.take_events();
    tester.write(b"anybody?");
    for (told, count) in [(false, 0), (true, 1), (false, 0)] {
        tester.call(|end, now| end.connection(now, |it| it.set_soft_errors(told)));
        complain(&mut tester);
        assert_eq!(tester.take_events().len(), count);
    }
}

/// Without `IP_RECVERR` no call fails because of a soft error, and once it is off again neither (§3.9.1.8).
#[test]
fn shld_20_calls_do_not_fail_unless_asked_to() {
    for (family, option) in RECEIVE_ERRORS {
        served_over(
            family,
            &format!(
                "
                +0 setsockopt(4, {option}, [1], 4) = 0
                +0 setsockopt(4, {option}, [0], 4) = 0
                +0 write(4, ..., 1000) = 1000
                +0 > P. 1:1001(1000) ack 1
                +0...0.2 read(4, ..., 1000) = 100
                +.1 < icmp unreachable host_unreachable [1:1001(1000)]
                +.1 < P. 1:101(100) ack 1001 win 65535
                +0 > . 1001:1001(0) ack 101
                "
            ),
        );
    }
}

/// The user sets the Diffserv field of a connection, and its packets have it, pure acknowledgements and
/// retransmissions too (§3.9.1.9).
#[test]
fn must_48_the_user_sets_the_diffserv_field() {
    for (family, option) in DIFFSERV {
        served_over(
            family,
            &format!(
                "
                +0 setsockopt(4, {option}, [0xb8], 4) = 0
                +0 write(4, ..., 100) = 100
                +0 > [tos 0xb8] P. 1:101(100) ack 1
                +.3~+.32 > [tos 0xb8] P. 1:101(100) ack 1
                +.1 < P. 1:101(100) ack 101 win 65535
                +0 > [tos 0xb8] . 101:101(0) ack 101
                "
            ),
        );
    }
}

/// It may be changed while the connection lives (§3.9.1.9).
#[test]
fn shld_21_the_diffserv_field_may_be_changed() {
    for (family, option) in DIFFSERV {
        served_over(
            family,
            &format!(
                "
                +0 write(4, ..., 100) = 100
                +0 > [tos 0x00] P. 1:101(100) ack 1
                +0 setsockopt(4, {option}, [0x28], 4) = 0
                +.1 < . 1:1(0) ack 101 win 65535
                +0 write(4, ..., 100) = 100
                +0 > [tos 0x28] P. 101:201(100) ack 1
                +0 setsockopt(4, {option}, [0], 4) = 0
                +.1 < . 1:1(0) ack 201 win 65535
                +0 write(4, ..., 100) = 100
                +0 > [tos 0x00] P. 201:301(100) ack 1
                "
            ),
        );
    }
}

/// Each of the 64 values stands in the IP header as it was given, whatever ECN does with its two bits
/// (§3.9.1.9).
#[test]
fn shld_22_it_is_passed_on_unchanged() {
    for (family, option) in DIFFSERV {
        let values: String = (0..64u32)
            .map(|dscp| {
                let (start, end, tos) = (1 + dscp, 2 + dscp, dscp << 2);
                format!(
                    "
                    +0 setsockopt(4, {option}, [{tos}], 4) = 0
                    +0 write(4, ..., 1) = 1
                    +0 > [tos {tos:#04x}] P. {start}:{end}(1) ack 1
                    +.1 < . 1:1(0) ack {end} win 65535
                    "
                )
            })
            .collect();
        served_over(family, &values);
    }
}

/// The documentation of the calls advises against changing it without need (§3.9.1.9).
#[test]
fn shld_23_the_documentation_advises_against_gratuitous_changes() {
    for (page, words) in [
        (
            include_str!("../../../../tcp-core/src/config.rs"),
            "do not change it without need",
        ),
        (
            include_str!("../../../../docs/posix.md"),
            "Not to be changed without need",
        ),
    ] {
        assert!(page.contains(words), "{words}");
    }
}

/// Data that waits cannot be taken back by itself: aborting throws it away, together with the connection
/// (§3.9.1.7).
#[test]
fn may_14_what_waits_is_thrown_away_by_aborting() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(101, 301).window(0));
    tester.write(b"unsent");
    tester.abort();
    tester.expect(rst(301).ack(101));
    tester.expect_nothing_for(Duration::from_secs(86_400));
}

/// A router says that the host of the peer cannot be reached by the segment that begins at 301.
fn complain(tester: &mut Tester<LoneStack>) {
    let seq = tester.to_wire(301).get();
    tester.call(|end, now| {
        let about = Raw::new(end.local, end.remote, ACK, seq);
        end.host.receive(now, &icmp((3, 1), 0, &about));
    });
}

const RECEIVE_ERRORS: [(Family, &str); 2] = [
    (Family::V4, "SOL_IP, IP_RECVERR"),
    (Family::V6, "SOL_IPV6, IPV6_RECVERR"),
];

const DIFFSERV: [(Family, &str); 2] = [
    (Family::V4, "SOL_IP, IP_TOS"),
    (Family::V6, "SOL_IPV6, IPV6_TCLASS"),
];
