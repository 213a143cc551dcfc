//! What an echo does to the window: sections 5 and 6.1.2.

use std::time::Duration;

use tcp_core::congestion::Phase;
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header, WireWindow};
use tcp_core::{CongestionAlgorithm, ListenConfig, TcpConfig};
use tcp_sim::script::{LoneStack, Tester, ack, syn};

use super::{AGREED, from, segments};
use crate::transfer::plain;

/// A mark leaves eight tenths of a window to Reno, and 0.85 to CUBIC, where a loss leaves a half and 0.7 (§5; RFC 8511
/// §3).
#[test]
fn must_1_a_mark_takes_less_than_a_loss() {
    for (congestion, left) in [
        (CongestionAlgorithm::Reno, 8_000),
        (CongestionAlgorithm::CUBIC, 8_500),
    ] {
        let mut tester = marking(congestion);
        echo(&mut tester, 1_301);
        assert_eq!(tester.info().tcpi_snd_ssthresh, left);
        assert_eq!(tester.info().tcpi_ca_state, Phase::Reduction);
    }
}

/// In slow start an acknowledgement of four segments would let eight go: with ECE only two go, and then one for one
/// (§6.1.2).
#[test]
fn shld_3_an_echo_does_not_grow_the_window() {
    let ten = segments(0..10);
    from(
        AGREED,
        &format!(
            "
        +0 write(4, ..., 40000) = 40000
        {ten}
        +.1 < E. 1:1(0) ack 4001 win 65535
        +0 > [ect0] W. 10001:11001(1000) ack 1
        +0 > [ect0] . 11001:12001(1000) ack 1
        +.01 < . 1:1(0) ack 5001 win 65535
        +0 > [ect0] . 12001:13001(1000) ack 1
        +.01 < . 1:1(0) ack 6001 win 65535
        +0 > [ect0] . 13001:14001(1000) ack 1
        "
        ),
    );
}

/// Each of ten acknowledgements brings ECE, and the threshold is eight segments after the first as after the last; an
/// echo of the next window makes it less (§6.1.2).
#[test]
fn shld_4_one_window_reduces_once() {
    let mut tester = marking(CongestionAlgorithm::Reno);
    for number in 1..=10 {
        echo(&mut tester, 301 + 1_000 * number);
        assert_eq!(tester.info().tcpi_snd_ssthresh, 8_000, "{number}");
    }
    let end = 301 + 10_000 + tester.info().unacked_bytes as u32;
    echo(&mut tester, end);
    assert!(tester.info().tcpi_snd_ssthresh < 8_000);
}

/// After an echo, after three duplicates, and after a timeout, the first new segment has CWR, and the next has not;
/// what is sent again has none (§6.1.2).
#[test]
fn must_7_cwr_tells_of_every_reduction() {
    let four = segments(0..4).replace("> [ect0] . 3001", "> [ect0] P. 3001");
    let sent = format!("+0 write(4, ..., 4000) = 4000\n{four}");
    let after = "
        +0 write(4, ..., 2000) = 2000
        +0 > [ect0] W. 4001:5001(1000) ack 1
    ";
    for reduction in [
        "+.1 < E. 1:1(0) ack 2001 win 65535
        +.1 < . 1:1(0) ack 4001 win 65535",
        "+.1 < . 1:1(0) ack 1 win 65535
        +0 < . 1:1(0) ack 1 win 65535
        +0 < . 1:1(0) ack 1 win 65535
        +0 > [noecn] . 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 4001 win 65535",
        "+.3~+.31 > [noecn] . 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 4001 win 65535",
    ] {
        let then = "+0 > [ect0] P. 5001:6001(1000) ack 1";
        from(AGREED, &[&sent, reduction, after, then].join("\n"));
    }
}

/// After echoes of window after window two segments are left, and they go at once (§6.1.2).
#[test]
fn must_8_marks_leave_two_segments() {
    let mut tester = marking(CongestionAlgorithm::Reno);
    let mut end = 301;
    for _ in 0..20 {
        end += tester.info().unacked_bytes as u32;
        tester.advance(Duration::from_millis(100));
        while tester.take_sent().is_some() {}
        echo(&mut tester, end);
        assert!(tester.take_sent().is_some(), "nothing is waited for");
    }
    assert_eq!(tester.info().tcpi_snd_ssthresh, 2_000);
    assert_eq!(tester.info().unacked_bytes, 2_000);
}

/// A server of this congestion control, which agreed on ECN and has sent ten segments of 1,000 bytes.
fn marking(congestion: CongestionAlgorithm) -> Tester<LoneStack> {
    let mut tester = Tester::stack();
    let tcp = TcpConfig {
        congestion,
        ..plain()
    };
    tester.listen(ListenConfig {
        tcp: tcp.validate().expect("the configuration is valid"),
        ..ListenConfig::default()
    });
    let mut asks = Header::new(SeqNumber::new(100));
    asks.control = Control::Syn;
    (asks.ece, asks.cwr) = (true, true);
    asks.window = WireWindow::new(u16::MAX);
    asks.options.mss = Some(1_000);
    tester.inject_header(&asks, &[]);
    assert!(tester.expect(syn(300).ack(101)).header.ece);
    tester.advance(Duration::from_millis(100));
    tester.inject(ack(101, 301));
    tester.write(&[1; 200_000]);
    assert_eq!(tester.info().tcpi_unacked, 10);
    tester
}

/// An acknowledgement with ECE.
fn echo(tester: &mut Tester<LoneStack>, number: u32) {
    let mut header = Header::new(SeqNumber::new(101));
    header.ack = Some(tester.to_wire(number));
    header.window = WireWindow::new(u16::MAX);
    header.ece = true;
    tester.inject_header(&header, &[]);
}
