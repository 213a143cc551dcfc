//! RFC 6928: the initial window.

use std::time::Duration;

use tcp_core::{ListenConfig, TcpConfig};
use tcp_sim::script::{LoneStack, Tester, ack, syn};

use crate::rig::script;
use crate::transfer::{Transfer, plain};

/// Of segments of 1,460 bytes, of 536, and of 4,000 where the MTU allows them, ten go at first, and no more before
/// something is acknowledged (§2; Linux).
#[test]
fn must_1_ten_segments_go_at_first() {
    for mss in [536, 1_460] {
        let mut tester = Tester::established_by(plain(), syn(100).mss(mss));
        tester.write(&[1; 40_000]);
        assert_eq!(sent(&mut tester), 10);
        tester.expect_nothing_for(Duration::from_millis(100));
    }
    let ten: String = (0..10).map(|number| segment(1, number, 4_000)).collect();
    script(&format!(
        "--mtu=9000
        `sysctl -q net.ipv4.tcp_min_tso_segs=1`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 setsockopt(3, SOL_SOCKET, SO_SNDBUF, [400000], 4) = 0
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 65535 <mss 4000,nop,wscale 4>
        +0 > S. 0:0(0) ack 1 <...>
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        +0 write(4, ..., 160000) = 160000
        {ten}
        +.1 < . 1:1(0) ack 4001 win 65535
        +0 > . 40001:44001(4000) ack 1
        "
    ));
}

/// The handshake's end finds ten segments (§2).
#[test]
fn must_2_the_handshake_does_not_grow_it() {
    let mut transfer = Transfer::without_sack(plain());
    assert_eq!((transfer.cwnd(), transfer.sent().len()), (10, 10));
}

/// One retransmission of the SYN-ACK leaves ten segments, two leave one (§2).
#[test]
fn shld_1_one_lost_syn_ack_leaves_ten_segments() {
    for (times, segments) in [(1, 10), (2, 1)] {
        let mut tester = Tester::stack();
        tester.listen(ListenConfig {
            tcp: plain().validate().expect("the configuration is valid"),
            ..ListenConfig::default()
        });
        tester.inject(syn(100).mss(1_000));
        tester.expect(syn(300).ack(101));
        for _ in 0..times {
            tester.run_next_deadline();
            tester.expect(syn(300).ack(101));
        }
        tester.inject(ack(101, 301));
        tester.write(&[1; 40_000]);
        assert_eq!(sent(&mut tester), segments);
    }
}

/// After a timeout one segment goes, though ten went at first (§2).
#[test]
fn must_3_after_a_timeout_one_segment_goes() {
    let mut transfer = Transfer::without_sack(plain());
    assert_eq!(transfer.sent().len(), 10);
    assert_eq!(transfer.until_sent().1, [0]);
    assert_eq!(transfer.cwnd(), 1);
}

/// After a pause a window of twenty segments is one of ten; one of two, after a loss, is no larger than it was (§2).
#[test]
fn may_1_the_restart_window_makes_no_window_larger() {
    let mut grown = Tester::established_by(plain(), syn(100).mss(1_000));
    grown.write(&[1; 10_000]);
    for number in 1..=10 {
        grown.inject(ack(101, 301 + 1_000 * number));
    }
    sent(&mut grown);
    assert_eq!(grown.info().tcpi_snd_cwnd, 20_000);
    grown.advance(Duration::from_secs(10));
    grown.write(&[1; 40_000]);
    assert_eq!(sent(&mut grown), 10);

    let mut shrunk = Tester::established_by(plain(), syn(100).mss(1_000));
    shrunk.write(&[1; 1_000]);
    shrunk.run_next_deadline();
    shrunk.inject(ack(101, 1_301));
    sent(&mut shrunk);
    let window = shrunk.info().tcpi_snd_cwnd;
    assert!(window <= 2_000);
    shrunk.advance(Duration::from_secs(10));
    shrunk.write(&[1; 40_000]);
    assert_eq!(sent(&mut shrunk) as u32, window / 1_000);
}

/// A user who wants four segments has four (§2).
#[test]
fn may_2_the_initial_window_can_be_smaller() {
    let config = TcpConfig {
        initial_window: 4,
        ..plain()
    };
    assert_eq!(Transfer::without_sack(config).sent().len(), 4);
}

/// Ten segments of 1,460 bytes are ten of 1,300 once the network has said that these are the largest (§3).
#[test]
fn shld_2_the_window_shrinks_with_the_segments() {
    let ten: String = (0..10)
        .map(|number| segment(1_461, number, 1_300))
        .collect();
    script(&format!(
        "
        `sysctl -q net.ipv4.tcp_min_tso_segs=1
        sysctl -q net.ipv4.tcp_congestion_control=reno`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 65535 <mss 1460>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        +0 write(4, ..., 1460) = 1460
        +0 > P. 1:1461(1460) ack 1
        +0 < icmp unreachable frag_needed mtu 1340 [1:1461(1460)]
        +0 > . 1:1301(1300) ack 1
        +0 > P. 1301:1461(160) ack 1
        +.1 < . 1:1(0) ack 1461 win 65535
        +0 write(4, ..., 26000) = 26000
        {ten}
        +.1 < . 1:1(0) ack 2761 win 65535
        +0 > . 14461:15761(1300) ack 1
        "
    ));
}

/// The line of a script for segment `number` of those that begin at `start`.
fn segment(start: u32, number: u32, len: u32) -> String {
    let from = start + number * len;
    format!("+0 > . {from}:{}({len}) ack 1\n", from + len)
}

/// How many segments have been sent since this was asked last.
fn sent(tester: &mut Tester<LoneStack>) -> usize {
    std::iter::from_fn(|| tester.take_sent()).count()
}
