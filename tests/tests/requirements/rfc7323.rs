//! RFC 7323: window scaling, timestamps and PAWS.

use std::time::Duration;

use tcp_core::wire::Timestamps;
use tcp_core::{Instant, ListenConfig, State, TcpConfig, WindowScaling};
use tcp_sim::script::{LoneStack, Tester, ack, rst, syn};

use crate::raw::{Raw, SYN, accept, ends, give, listening, shake_hands};
use crate::rig::script;

/// A server's connection with timestamps and a scale of seven: the peer's have come to 1,100, and descriptor 4 has it.
const STAMPED: &str = "
    `sysctl -q net.ipv4.tcp_early_retrans=0`
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0 bind(3, ..., ...) = 0
    +0 listen(3, 1) = 0
    +0 < S 0:0(0) win 65535 <mss 1012,nop,nop,TS val 1000 ecr 0,nop,wscale 7>
    +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 100 ecr 1000,nop,wscale 7>
    +.1 < . 1:1(0) ack 1 win 512 <nop,nop,TS val 1100 ecr 100>
    +0 accept(3, ..., ...) = 4
";

#[track_caller]
fn stamped(text: &str) {
    script(&[STAMPED, text].concat());
}

/// A connection with timestamps, of which the peer's last was 1,000, and what ours was.
fn with_timestamps() -> (Tester<LoneStack>, u32) {
    let mut tester = Tester::stack();
    tester.listen(ListenConfig::default());
    tester.inject(syn(100).mss(1_012).timestamps(1_000, 0));
    let answer = tester.expect(syn(300).ack(101));
    let ours = answer.header.options.timestamps.expect("agreed").value;
    tester.advance(Duration::from_millis(100));
    tester.inject(ack(101, 301).timestamps(1_000, ours));
    (tester, ours)
}

/// A window of 512 is 65,536 bytes where both have sent the option, and 512 where one has not (§2.2).
#[test]
fn must_1_windows_are_scaled_where_both_want_it() {
    let offered = |scale: bool, config: TcpConfig| {
        let first = syn(100).mss(1_460);
        let first = if scale { first.window_scale(7) } else { first };
        let mut tester = Tester::established_by(config, first);
        tester.inject(ack(101, 301).window(512));
        let info = tester.info();
        (info.tcpi_snd_wnd, info.tcpi_rcv_wscale.is_some())
    };
    let off = TcpConfig {
        window_scaling: WindowScaling::Off,
        ..TcpConfig::default()
    };
    assert_eq!(offered(true, TcpConfig::default()), (512 << 7, true));
    assert_eq!(offered(false, TcpConfig::default()), (512, false));
    assert_eq!(offered(true, off), (512, false));
    let mut client = Tester::stack();
    client.connect(TcpConfig::default());
    let asks = client.expect(syn(300));
    assert!(asks.header.options.window_scale.is_some());
    client.inject(syn(100).ack(301).mss(1_460));
    client.inject(ack(101, 301).window(512));
    assert_eq!(client.info().tcpi_snd_wnd, 512);
}

/// The option in an acknowledgement changes no scale, neither one that was agreed on nor none (§2.2).
#[test]
fn must_2_the_option_counts_in_a_syn_alone() {
    for (first, window) in [
        (syn(100).mss(1_460).window_scale(2), 2_000),
        (syn(100).mss(1_460), 500),
    ] {
        let mut tester = Tester::established_by(TcpConfig::default(), first);
        tester.inject(ack(101, 301).window(500).window_scale(9));
        assert_eq!(tester.info().tcpi_snd_wnd, window);
        tester.inject(ack(101, 301).window(500));
        assert_eq!(tester.info().tcpi_snd_wnd, window);
    }
}

/// The window of a SYN-ACK counts as it stands, and so does ours in a SYN, whatever the scale is (§2.2).
#[test]
fn must_3_the_window_of_a_syn_is_not_scaled() {
    let mut client = Tester::stack();
    client.connect(TcpConfig::default());
    let asks = client.expect(syn(300));
    assert_eq!(asks.header.window.get(), 65_535);
    client.inject(syn(100).ack(301).mss(1_460).window_scale(7).window(3_000));
    assert_eq!(client.info().tcpi_snd_wnd, 3_000);
    let answer = client.expect(ack(301, 101));
    let shift = client.info().tcpi_rcv_wscale.expect("agreed");
    assert_eq!(answer.header.window.get(), 65_535_u16.div_ceil(1 << shift));

    let mut server = Tester::stack();
    server.listen(ListenConfig::default());
    server.inject(syn(100).mss(1_460).window_scale(7).window(3_000));
    let answer = server.expect(syn(300).ack(101));
    assert_eq!(answer.header.window.get(), 65_535);
}

/// A peer that asks for 15 or for 255 gets 14: a window of one is 16,384 bytes, no more and no less (§2.3).
#[test]
fn must_4_a_shift_is_fourteen_at_most() {
    for shift in [14, 15, 255] {
        assert_eq!(window_of(shift), 16_384);
    }
}

/// What a window of one is for a server whose peer has asked for this shift, byte by byte as on the wire.
fn window_of(shift: u8) -> u32 {
    let (ours, peers) = ends()[0];
    let mut host = listening(ours);
    let mut asks = Raw::new(peers, ours, SYN, 100);
    asks.options = vec![3, 3, shift, 0];
    let mut next = shake_hands(&mut host, Instant::ZERO, &asks);
    next.window = 1;
    give(&mut host, Instant::ZERO, &next.packet());
    let id = accept(&mut host);
    let connection = host.stack.connection(Instant::ZERO, id);
    connection.expect("it is there").info().tcpi_snd_wnd
}

/// Data up to the edge that the SYN-ACK offered is taken, though the receive buffer has been made smaller since (§2.4).
#[test]
fn must_5_whatever_was_offered_may_be_used() {
    script(
        "
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 65535 <mss 1000,nop,nop,sackOK,nop,wscale 7>
        +0 > S. 0:0(0) ack 1 win 64240 <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +.1 < . 1:1(0) ack 1 win 512
        +0 accept(3, ..., ...) = 4
        +0 setsockopt(4, SOL_SOCKET, SO_RCVBUF, [4608], 4) = 0
        +0 < . 1:101(100) ack 1 win 512
        +0 > . 1:1(0) ack 101
        +0 < . 63241:64241(1000) ack 1 win 512
        +0 > . 1:1(0) ack 101 <nop,nop,sack 63241:64241>
        ",
    );
}

/// Windows of 24 and then of 8 times 128 bytes let so much go and no more, whatever an earlier one would have (§2.4).
#[test]
fn must_6_new_data_is_within_the_latest_window() {
    stamped(
        "
        +0 < . 1:1(0) ack 1 win 24 <nop,nop,TS val 1110 ecr 100>
        +0 write(4, ..., 10000) = 10000
        +0 > P. 1:2001(2000) ack 1 <...>
        +0 > . 2001:3001(1000) ack 1 <...>
        +.1 < . 1:1(0) ack 3001 win 8 <nop,nop,TS val 1200 ecr 200>
        +0 > . 3001:4001(1000) ack 1 <...>
        +.1 < . 1:1(0) ack 4001 win 8 <nop,nop,TS val 1300 ecr 300>
        +0 > . 4001:5001(1000) ack 1 <...>
        ",
    );
}

/// The window has been withdrawn from two segments, but for 128 bytes or all of it, and the timeout sends the first again
/// all the same (§2.4).
#[test]
fn must_7_what_was_in_the_window_is_sent_again() {
    for window in [1, 0] {
        stamped(&format!(
            "
            +0 write(4, ..., 2000) = 2000
            +0 > P. 1:2001(2000) ack 1 <...>
            +.1 < . 1:1(0) ack 1 win {window} <nop,nop,TS val 1200 ecr 200>
            +.1~+.6 > . 1:1001(1000) ack 1 <...>
            "
        ));
    }
}

/// Data, an acknowledgement, what is sent again, a window probe and a FIN all have it (§3.2).
#[test]
fn must_8_every_segment_is_stamped() {
    stamped(
        "
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1 <nop,nop,TS val 200 ecr 1100>
        +.3~+.4 > P. 1:1001(1000) ack 1 <nop,nop,TS val 500 ecr 1100>
        +.1 < P. 1:101(100) ack 1001 win 0 <nop,nop,TS val 1500 ecr 500>
        +0 > . 1001:1001(0) ack 101 <nop,nop,TS val 600 ecr 1500>
        +0 write(4, ..., 1000) = 1000
        +.2~+.9 > . 1000:1000(0) ack 101 <nop,nop,TS val 900 ecr 1500>
        +.1 < . 101:101(0) ack 1001 win 512 <nop,nop,TS val 2000 ecr 900>
        +0 > P. 1001:2001(1000) ack 101 <nop,nop,TS val 1000 ecr 2000>
        +.1 < . 101:101(0) ack 2001 win 512 <nop,nop,TS val 2100 ecr 1000>
        +0 read(4, ..., 100) = 100
        +0 close(4) = 0
        +0 > F. 2001:2001(0) ack 101 <nop,nop,TS val 1100 ecr 2100>
        ",
    );
}

/// So does an RST of the connection's own; one that answers a segment of no connection has no option (§3.2).
#[test]
fn shld_1_an_rst_is_stamped() {
    stamped(
        "
        +0 < P. 1:101(100) ack 1 win 512 <nop,nop,TS val 1110 ecr 100>
        +0 > . 1:1(0) ack 101 <nop,nop,TS val 200 ecr 1110>
        +0 close(4) = 0
        +0 > R. 1:1(0) ack 101 <nop,nop,TS val 200 ecr 1110>
        +.1 < P. 101:201(100) ack 1 win 512 <nop,nop,TS val 1210 ecr 200>
        +0 > R 1:1(0)
        ",
    );
}

/// Its data is read, and acknowledged (§3.2; Linux).
#[test]
fn shld_2_a_segment_without_the_option_is_accepted() {
    stamped(
        "
        +0 < P. 1:101(100) ack 1 win 512
        +0 > . 1:1(0) ack 101 <nop,nop,TS val 200 ecr 1100>
        +0 read(4, ..., 1000) = 100
        ",
    );
}

/// After ten segments without it the connection goes on, both ways (§3.2).
#[test]
fn must_9_a_missing_option_ends_nothing() {
    let (mut tester, _) = with_timestamps();
    for number in 0..10 {
        tester.inject(ack(101 + number, 301).data(b"x"));
        tester.expect_state(State::Established);
    }
    while tester.take_sent().is_some() {}
    tester.read(b"xxxxxxxxxx");
    tester.write(b"on");
    tester.expect(ack(301, 111).data(b"on"));
}

/// Timestamps that nobody agreed on are not echoed, and old ones drop nothing (§3.2).
#[test]
fn must_10_timestamps_without_agreement_are_ignored() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(101, 301).data(b"one").timestamps(5_000, 0));
    let answer = tester.expect(ack(301, 104));
    assert_eq!(answer.header.options.timestamps, None);
    tester.inject(ack(104, 301).data(b"two").timestamps(10, 0));
    tester.read(b"onetwo");
}

/// Our SYN has an echo of zero; what follows has the peer's latest (§3.2).
#[test]
fn must_11_what_has_ack_echoes() {
    let mut client = Tester::stack();
    client.connect(TcpConfig::default());
    let echo = |stamp: Option<Timestamps>| stamp.map(|stamp| stamp.echo);
    let asks = client.expect(syn(300));
    assert_eq!(echo(asks.header.options.timestamps), Some(0));
    let ours = asks.header.options.timestamps.expect("asked for").value;
    client.inject(syn(100).ack(301).mss(1_012).timestamps(77, ours));
    let answer = client.expect(ack(301, 101));
    assert_eq!(echo(answer.header.options.timestamps), Some(77));
    client.inject(ack(101, 301).data(b"x").timestamps(88, ours));
    let answer = client.expect(ack(301, 102));
    assert_eq!(echo(answer.header.options.timestamps), Some(88));
}

/// An acknowledgement that repeats the last, or brings data, half a second later, moves no mean; one that acknowledges
/// something does (§4.1).
#[test]
fn must_12_an_echo_without_progress_is_no_measurement() {
    let (mut tester, ours) = with_timestamps();
    assert_eq!(tester.info().tcpi_rtt, Duration::from_millis(100));
    tester.advance(Duration::from_millis(400));
    tester.inject(ack(101, 301).timestamps(1_001, ours));
    tester.inject(ack(101, 301).data(b"data").timestamps(1_002, ours));
    assert_eq!(tester.info().tcpi_rtt, Duration::from_millis(100));
    while tester.take_sent().is_some() {}
    tester.write(b"data");
    let sent = tester.expect(ack(301, 105).len(4));
    let stamp = sent.header.options.timestamps.expect("stamped").value;
    tester.advance(Duration::from_millis(180));
    tester.inject(ack(105, 305).timestamps(1_500, stamp));
    assert_eq!(tester.info().tcpi_rtt, Duration::from_millis(110));
}

/// Of two segments that one acknowledgement stands for, the first; of a segment beyond a gap nothing, and of the one
/// that fills the gap its own (§4.3).
#[test]
fn must_13_the_first_segment_is_echoed() {
    stamped(
        "
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1 <...>
        +.1 < P. 1:101(100) ack 101 win 512 <nop,nop,TS val 1200 ecr 200>
        +0 > . 101:101(0) ack 101 <nop,nop,TS val 300 ecr 1200>
        +0 setsockopt(4, IPPROTO_TCP, TCP_QUICKACK, [0], 4) = 0
        +.1 < . 101:1101(1000) ack 101 win 512 <nop,nop,TS val 1300 ecr 300>
        +.03 < . 1101:2101(1000) ack 101 win 512 <nop,nop,TS val 1330 ecr 300>
        +0 > . 101:101(0) ack 2101 <nop,nop,TS val 430 ecr 1300>
        +.01 < . 3101:4101(1000) ack 101 win 512 <nop,nop,TS val 1350 ecr 430>
        +0 > . 101:101(0) ack 2101 <nop,nop,TS val 440 ecr 1300>
        +.01 < . 2101:3101(1000) ack 101 win 512 <nop,nop,TS val 1340 ecr 430>
        +0 > . 101:101(0) ack 4101 <nop,nop,TS val 450 ecr 1340>
        ",
    );
}

/// An RST with an old timestamp ends the connection; one that is challenged, with one of the future, makes nothing old
/// that follows (§5.2).
#[test]
fn must_14_an_rst_is_judged_without_its_timestamp() {
    let (mut tester, ours) = with_timestamps();
    tester.inject(rst(101).timestamps(5, ours));
    tester.expect_state(State::Closed);

    let (mut tester, ours) = with_timestamps();
    tester.inject(rst(105).timestamps(900_000, ours));
    let challenge = tester.expect(ack(301, 101));
    let echo = challenge.header.options.timestamps.expect("stamped").echo;
    assert_eq!(echo, 1_000);
    tester.inject(ack(101, 301).data(b"data").timestamps(1_001, ours));
    tester.read(b"data");
}

/// Data with a timestamp before the last is not read; it is answered by what was acknowledged before, and with the
/// last timestamp (§5.3).
#[test]
fn must_15_an_old_segment_is_dropped_and_answered() {
    let (mut tester, ours) = with_timestamps();
    for value in [999, 1_000_u32.wrapping_sub(1 << 31).wrapping_add(1)] {
        tester.inject(ack(101, 301).data(b"old").timestamps(value, ours));
        let answer = tester.expect(ack(301, 101));
        let echo = answer.header.options.timestamps.expect("stamped").echo;
        assert_eq!(echo, 1_000);
        assert_eq!(tester.info().unread_bytes, 0);
    }
    tester.inject(ack(101, 301).data(b"new").timestamps(1_000, ours));
    tester.read(b"new");
}

/// There is a tick in each millisecond, over one second as over ten (§5.4).
#[test]
fn must_16_the_clock_ticks_in_proportion_to_time() {
    let (mut tester, _) = with_timestamps();
    let mut stamps = Vec::new();
    for (number, seconds) in [(0, 1), (1, 10), (2, 0)] {
        tester.inject(ack(101 + number, 301).data(b"x"));
        // It may have waited for company.
        tester.advance(Duration::from_millis(200));
        let sent = tester.expect(ack(301, 102 + number));
        stamps.push((
            sent.at,
            sent.header.options.timestamps.expect("stamped").value,
        ));
        tester.advance(Duration::from_secs(seconds));
    }
    let ticks = |from: usize, to: usize| {
        let passed = stamps[to].0.saturating_duration_since(stamps[from].0);
        (passed, stamps[to].1.wrapping_sub(stamps[from].1))
    };
    for (passed, ticks) in [ticks(0, 1), ticks(1, 2)] {
        assert_eq!(u128::from(ticks), passed.as_millis());
    }
}

/// After 24 days without a segment an old timestamp is as good as any (§5.5).
#[test]
fn shld_3_a_timestamp_counts_for_24_days() {
    for (days, read) in [(23, 0), (25, 4)] {
        let (mut tester, ours) = with_timestamps();
        tester.advance(Duration::from_secs(days * 24 * 3_600));
        tester.inject(ack(101, 301).data(b"data").timestamps(900, ours));
        assert_eq!(tester.info().unread_bytes, read);
    }
}

/// Two connections that begin at the same time have stamps that are far from each other (§7).
#[test]
fn shld_4_each_connection_has_a_clock_of_its_own() {
    let stamp_of = |port: u16| {
        let mut tester = Tester::stack();
        tester.end.remote.set_port(port);
        tester.listen(ListenConfig::default());
        tester.inject(syn(100).mss(1_460).timestamps(1_000, 0));
        let answer = tester.expect(syn(300).ack(101));
        answer.header.options.timestamps.expect("agreed").value
    };
    assert!(stamp_of(1_000).abs_diff(stamp_of(1_001)) > 1_000_000);
}
