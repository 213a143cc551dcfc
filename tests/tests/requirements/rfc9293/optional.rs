//! What RFC 9293 recommends of other documents: sections 3.8.2 and 3.10.7.4.

use tcp_core::{CongestionAlgorithm, State, TcpConfig};
use tcp_sim::script::{Tester, ack, rst, syn};

use crate::rig::{script, served};

/// A connection that agrees on ECN says so in its packets, echoes a mark until the peer has heard of it, and
/// gives way to an echo (§3.8.2, RFC 3168).
#[test]
fn shld_8_explicit_congestion_notification() {
    script(
        "
        `sysctl -q net.ipv4.tcp_ecn=1`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < SEW 0:0(0) win 65535 <mss 1000>
        +0 > SE. 0:0(0) ack 1 <mss 1460>
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        +0 < [ce] . 1:1001(1000) ack 1 win 65535
        +0 > [noecn] E. 1:1(0) ack 1001
        +0 < [ect0] W. 1001:2001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 2001
        +0 write(4, ..., 1000) = 1000
        +0 > [ect0] P. 1:1001(1000) ack 2001
        +.1 < E. 2001:2001(0) ack 1001 win 65535
        +0 write(4, ..., 1000) = 1000
        +0 > [ect0] PW. 1001:2001(1000) ack 2001
        ",
    );
}

/// An RST or SYN that is not exactly where it should be is challenged, and an acknowledgement that cannot
/// be as well: a blind guess ends nothing and injects nothing (§3.10.7.4, RFC 5961).
#[test]
fn may_12_blind_attacks_are_challenged() {
    let injected = ack(101, 200_000).data(b"injected");
    for guess in [rst(102), rst(40_000), syn(101), syn(50_000), injected] {
        let mut tester = Tester::established(TcpConfig::default());
        tester.inject(guess);
        tester.expect(ack(301, 101));
        tester.expect_state(State::Established);
        assert_eq!(tester.info().unread_bytes, 0);
    }
    served(
        "
        +0 < R 2:2(0) win 0
        +0 > . 1:1(0) ack 1
        +0 < P. 1:101(100) ack 1 win 65535
        +0 > . 1:1(0) ack 101
        +0 read(4, ..., 1000) = 100
        ",
    );
}

/// Each connection has the congestion control that its user chose, and gives way to a loss as that says:
/// Reno by half, CUBIC by three tenths (§3.8.2, RFC 5681, RFC 9438).
#[test]
fn may_18_other_congestion_controls_can_be_chosen() {
    for (congestion, segments) in [
        (CongestionAlgorithm::Reno, 5),
        (CongestionAlgorithm::CUBIC, 7),
    ] {
        let mut tester = Tester::established(TcpConfig {
            congestion,
            ..TcpConfig::default()
        });
        tester.write(&[1; 10 * 1_460]);
        for _ in 0..3 {
            tester.inject(ack(101, 301));
        }
        assert_eq!(tester.info().tcpi_snd_ssthresh, segments * 1_460);
    }
    served(
        "
        +0 getsockopt(4, IPPROTO_TCP, TCP_CONGESTION, \"cubic\", [16]) = 0
        +0 setsockopt(4, IPPROTO_TCP, TCP_CONGESTION, \"bbr\", 3) = 0
        +0 getsockopt(4, IPPROTO_TCP, TCP_CONGESTION, \"bbr\", [16]) = 0
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        ",
    );
}
