//! Retransmission and connection failure: sections 3.8.1 to 3.8.3.

use std::time::Duration;

use tcp_core::{
    BufferSize, CongestionAlgorithm, ConnectionError, ConnectionEvent, Instant, RecoveryConfig,
    State, TcpConfig,
};
use tcp_sim::script::{LoneStack, Tester, ack, syn};

use crate::raw::{Raw, SYN, accept, drain, ends, listening, shake_hands};
use crate::rig::{script, served};

/// Without timestamps, what was sent twice is not measured when it is acknowledged (§3.8.1).
#[test]
fn must_18_what_was_sent_again_gives_no_sample() {
    let mut tester = Tester::established(TcpConfig::default());
    let before = tester.info().tcpi_rtt;
    tester.write(b"twice");
    tester.run_next_deadline();
    tester.advance(Duration::from_millis(100));
    tester.inject(ack(101, 306));
    assert_eq!(tester.info().tcpi_rtt, before);
    tester.write(b"once");
    tester.advance(Duration::from_millis(100));
    tester.inject(ack(101, 310));
    assert_ne!(tester.info().tcpi_rtt, before);
}

/// With them it is measured by the echo, which tells the first transmission from the second (§3.8.1).
#[test]
fn must_18_an_echo_tells_which_transmission_it_was() {
    let measured = |transmission: usize| {
        let config = TcpConfig {
            sack: false,
            ..TcpConfig::default()
        };
        let mut tester = Tester::established_by(config, syn(100).mss(1_460).timestamps(1_000, 0));
        tester.write(b"twice");
        tester.run_next_deadline();
        let mut sent = std::iter::from_fn(|| tester.take_sent());
        let echoed = sent.nth(transmission).expect("it was sent twice");
        let echo = echoed.header.options.timestamps.expect("stamped").value;
        tester.advance(Duration::from_millis(100));
        tester.inject(ack(101, 306).timestamps(1_001, echo));
        tester.info().tcpi_rtt
    };
    // The handshake took no time, and a measurement counts for an eighth (RFC 6298).
    let eighth = |millis: u64| Duration::from_millis(millis) / 8;
    let within = |measured: Duration, millis: u64| {
        assert!(
            (eighth(millis - 20)..eighth(millis + 20)).contains(&measured),
            "{measured:?}"
        );
    };
    within(measured(1), 100);
    within(measured(0), 300);
}

/// Each timeout doubles the next, up to a bound (§3.8.1, RFC 6298).
#[test]
fn must_19_the_timeout_backs_off() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.write(b"again");
    tester.expect(ack(301, 101).data(b"again"));
    let mut last = Duration::ZERO;
    for number in 0..12 {
        let start = tester.now();
        tester.run_next_deadline();
        tester.expect(ack(301, 101).data(b"again"));
        let interval = tester.now().saturating_duration_since(start);
        let expected = (last * 2).min(Duration::from_secs(120));
        assert!(
            number == 0 || interval == expected,
            "{last:?}, {interval:?}"
        );
        last = interval;
    }
}

/// A connection begins with ten segments, and each one acknowledged lets two go (§3.8.2, RFC 5681, RFC
/// 6928).
#[test]
fn must_19_slow_start_doubles_the_window() {
    let mut tester = long_transfer();
    assert_eq!(burst(&mut tester), 10);
    for number in 1..=10 {
        tester.inject(ack(101, 301 + number * 1_460));
        assert_eq!(burst(&mut tester), 2);
    }
}

/// A timeout takes the window back to one segment, and slow start to half of what was in flight: from there
/// on it grows by a segment in a round trip (§3.8.2, RFC 5681).
#[test]
fn must_19_a_timeout_is_followed_by_slow_start_and_congestion_avoidance() {
    let mut tester = long_transfer();
    assert_eq!(burst(&mut tester), 10);
    tester.run_next_deadline();
    assert_eq!(burst(&mut tester), 1, "one segment");
    let (mut flight, mut edge) = (1, 301);
    let mut windows = Vec::new();
    for _ in 0..10 {
        let mut sent = 0;
        for _ in 0..flight {
            edge += 1_460;
            tester.advance(Duration::from_millis(1));
            tester.inject(ack(101, edge));
            sent += burst(&mut tester);
        }
        windows.push(sent);
        flight = sent;
    }
    assert_eq!(windows[..2], [2, 4], "slow start");
    let growth: Vec<_> = windows[3..]
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    assert!(growth.iter().all(|growth| *growth <= 1), "{windows:?}");
    assert!(windows[9] > windows[3], "{windows:?}");
}

/// A retransmission over IPv4 has the identity that all our packets have: they carry DF, and nobody puts
/// fragments together by it (§3.8.1, RFC 6864).
#[test]
fn may_4_a_retransmission_has_the_same_identity() {
    let (ours, peers) = ends()[0];
    let mut host = listening(ours);
    let mut now = Instant::ZERO;
    shake_hands(&mut host, now, &Raw::new(peers, ours, SYN, 100));
    let id = accept(&mut host);
    let mut connection = host.stack.connection(now, id).expect("it is there");
    assert_eq!(connection.write(b"again"), Ok(5));
    drop(connection);
    let first = drain(&mut host, now);
    now = host.stack.poll_timeout().expect("a timeout");
    host.stack.handle_timeout(now);
    let second = drain(&mut host, now);
    assert_eq!(first, second);
    assert_eq!(second[0].payload, b"again");
}

/// After R1 retransmissions whoever embeds the stack is advised to look for another way to the peer; after
/// R2 the connection ends (§3.8.3).
#[test]
fn must_20_r1_advises_and_r2_ends() {
    let config = TcpConfig {
        retries1: 4,
        retries2: 6,
        ..TcpConfig::default()
    };
    let mut tester = Tester::established(config);
    tester.take_events();
    tester.write(b"anybody?");
    assert_eq!(advised_and_ended(&mut tester), (4, 6));
}

/// The number of retransmissions is the user's choice, and so is the time (§3.8.3, RFC 5482).
#[test]
fn must_21_the_user_sets_r2() {
    for retries2 in [5_u8, 8] {
        let config = TcpConfig {
            retries2,
            ..TcpConfig::default()
        };
        let mut tester = Tester::established(config);
        tester.write(b"anybody?");
        let (_, count) = advised_and_ended(&mut tester);
        assert_eq!(count, usize::from(retries2));
    }
    served(
        "
        +0 setsockopt(4, IPPROTO_TCP, TCP_USER_TIMEOUT, [1000], 4) = 0
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        +.3 > P. 1:1001(1000) ack 1
        +.6~+.61 > P. 1:1001(1000) ack 1
        +.2 read(4, ..., 1000) = -1 ETIMEDOUT (Connection timed out)
        ",
    );
}

/// The user hears of R1 while the connection goes on, and it goes on for good once the peer answers
/// (§3.8.3).
#[test]
fn shld_9_the_user_hears_of_r1() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.take_events();
    tester.write(b"anybody?");
    for _ in 0..3 {
        assert_eq!(tester.take_events(), []);
        assert!(!is_unresponsive(&mut tester));
        tester.run_next_deadline();
    }
    assert_eq!(tester.take_events(), [ConnectionEvent::Unresponsive]);
    assert!(is_unresponsive(&mut tester));
    tester.inject(ack(101, 309));
    assert!(!is_unresponsive(&mut tester));
    tester.expect_state(State::Established);
}

/// R1 is three retransmissions, unless the user says otherwise (§3.8.3).
#[test]
fn shld_10_r1_is_three_retransmissions() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.write(b"anybody?");
    assert_eq!(advised_and_ended(&mut tester).0, 3);
}

/// With the defaults it takes more than 100 seconds for a connection to end, however fast the path is
/// (§3.8.3).
#[test]
fn shld_11_r2_is_more_than_a_hundred_seconds() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.write(b"anybody?");
    let start = tester.now();
    advised_and_ended(&mut tester);
    let waited = tester.now().saturating_duration_since(start);
    assert!(waited > Duration::from_secs(100), "{waited:?}");
}

/// A SYN that nobody answers is sent again, told at R1, and given up at R2 (§3.8.3).
#[test]
fn must_22_a_syn_follows_the_same_rules() {
    let config = TcpConfig {
        retries1: 2,
        syn_retries: 4,
        ..TcpConfig::default()
    };
    let mut tester = Tester::stack();
    tester.connect(config);
    assert_eq!(advised_and_ended(&mut tester), (2, 4));
    script(
        "
        `sysctl -q net.ipv4.tcp_syn_retries=2
        sysctl -q net.ipv4.tcp_syn_linear_timeouts=0`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0...7 connect(3, ..., ...) = -1 ETIMEDOUT (Connection timed out)
        +0 > S 0:0(0) <...>
        +1 > S 0:0(0) <...>
        +2 > S 0:0(0) <...>
        ",
    );
}

/// A SYN is given up after three minutes or more (§3.8.3).
#[test]
fn must_23_a_syn_is_repeated_for_three_minutes() {
    let mut tester = Tester::stack();
    tester.connect(TcpConfig::default());
    advised_and_ended(&mut tester);
    let waited = tester.now().saturating_duration_since(Instant::ZERO);
    assert!(waited >= Duration::from_secs(180), "{waited:?}");
}

/// Ten segments of 1,460 bytes at first, and more than enough to send.
fn long_transfer() -> Tester<LoneStack> {
    let config = TcpConfig {
        congestion: CongestionAlgorithm::Reno,
        pacing: false,
        send_buffer: BufferSize::Fixed(1 << 20),
        recovery: RecoveryConfig {
            forward_rto: false,
            undo: false,
            ..RecoveryConfig::default()
        },
        ..TcpConfig::default()
    };
    let mut tester = Tester::established(config);
    tester.write(&vec![1; 500_000]);
    tester
}

/// How many segments have been sent since this was asked last.
fn burst(tester: &mut Tester<LoneStack>) -> usize {
    std::iter::from_fn(|| tester.take_sent()).count()
}

fn is_unresponsive(tester: &mut Tester<LoneStack>) -> bool {
    tester.call(|end, now| end.connection(now, |it| it.is_unresponsive()))
}

/// Nothing is answered any more: after how many retransmissions the user was advised, and how many there
/// were before the end.
fn advised_and_ended(tester: &mut Tester<LoneStack>) -> (usize, usize) {
    burst(tester);
    let (mut advised, mut count) = (0, 0);
    loop {
        tester.run_next_deadline();
        count += burst(tester);
        let events = tester.take_events();
        if events.contains(&ConnectionEvent::Unresponsive) {
            assert_eq!(advised, 0, "once");
            advised = count;
        }
        let timed_out = ConnectionEvent::Closed(Some(ConnectionError::TimedOut));
        if events.contains(&timed_out) {
            return (advised, count);
        }
    }
}
