//! The options that segments carry: timestamps (RFC 7323) and selective acknowledgements (RFC 2018,
//! RFC 2883).

use std::time::Duration;

use tcp_core::{CongestionAlgorithm, State, TcpConfig};
use tcp_sim::script::{LoneStack, Seg, Tester, ack, rst, syn};

/// A connection with timestamps, the peer's last one 1,000.
fn stamped() -> Tester<LoneStack> {
    Tester::established_by(
        TcpConfig::default(),
        syn(100).mss(1_460).timestamps(1_000, 0),
    )
}

/// A connection with SACK and without timestamps.
fn selective(tcp: TcpConfig) -> Tester<LoneStack> {
    Tester::established_by(tcp, syn(100).mss(1_460).sack_permitted())
}

/// The peer's timestamp that the next segment out echoes.
#[track_caller]
fn echo(tester: &mut Tester<LoneStack>) -> u32 {
    let sent = tester.take_sent().expect("something is sent");
    sent.header
        .options
        .timestamps
        .expect("every segment is stamped")
        .echo
}

fn at(seg: Seg, value: u32) -> Seg {
    seg.timestamps(value, 0)
}

/// RFC 7323 §5.3, PAWS: a segment with an older timestamp is acknowledged and dropped, wherever its
/// sequence number lies.
#[test]
fn an_old_timestamp_is_an_old_segment() {
    let mut tester = stamped();
    tester.inject(at(ack(101, 301).data(b"new"), 1_010));
    tester.expect(ack(301, 104));
    tester.inject(at(ack(104, 301).data(b"old"), 1_009));
    tester.expect(ack(301, 104));
    assert_eq!(tester.counters().paws_estab, 1);
    tester.read(b"new");
    tester.inject(at(ack(104, 301).data(b"same"), 1_010));
    tester.expect(ack(301, 108));
    tester.read(b"same");
}

/// RFC 7323 §5.2: RST is exempt from PAWS.
#[test]
fn an_old_timestamp_does_not_protect_from_a_reset() {
    let mut tester = stamped();
    tester.inject(at(rst(101), 1));
    tester.expect_nothing();
    assert!(matches!(
        tester
            .end
            .host
            .state_of(tester.end.local, tester.end.remote),
        None | Some(State::Closed)
    ));
}

/// RFC 7323 §5.5: after 24 days of silence an old timestamp may be a new one.
#[test]
fn timestamps_age() {
    let mut tester = stamped();
    tester.advance(Duration::from_secs(25 * 86_400));
    tester.inject(at(ack(101, 301).data(b"still here"), 999));
    tester.expect(ack(301, 111));
    tester.read(b"still here");
}

/// RFC 7323 §4.3: what is echoed is the timestamp of the segment that advanced the left edge, not of
/// one beyond a hole; so that a round-trip time is never measured too short.
#[test]
fn the_echo_is_of_what_filled_the_window_in_order() {
    let mut tester = stamped();
    tester.inject(at(ack(101, 301).data(b"a"), 1_010));
    assert_eq!(echo(&mut tester), 1_010);
    tester.inject(at(ack(103, 301).data(b"c"), 1_030));
    assert_eq!(echo(&mut tester), 1_010, "beyond a hole");
    tester.inject(at(ack(102, 301).data(b"b"), 1_040));
    assert_eq!(echo(&mut tester), 1_040, "fills the hole");
    tester.inject(at(ack(101, 301).data(b"a"), 1_050));
    // RFC 7323 §5.3, R2 before R3: what lies before the window is rejected first.
    assert_eq!(echo(&mut tester), 1_040, "a copy");
}

/// RFC 7323 §3.2: once agreed on, on every segment; else on none.
#[test]
fn timestamps_are_on_every_segment_or_on_none() {
    let mut tester = stamped();
    tester.write(b"stamped");
    let sent = tester.expect(ack(301, 101).data(b"stamped"));
    assert!(sent.header.options.timestamps.is_some());

    let mut tester = Tester::established(TcpConfig::default());
    tester.write(b"plain");
    let sent = tester.expect(ack(301, 101).data(b"plain"));
    assert_eq!(sent.header.options.timestamps, None);
}

/// RFC 2018 §4: the block that the latest segment belongs to comes first, then the others by age.
#[test]
fn the_latest_block_comes_first() {
    let mut tester = selective(TcpConfig::default());
    for (start, blocks) in [
        (201, &[(201, 211)][..]),
        (301, &[(301, 311), (201, 211)]),
        (401, &[(401, 411), (301, 311), (201, 211)]),
        (211, &[(201, 221), (401, 411), (301, 311)]),
        (501, &[(501, 511), (201, 221), (401, 411), (301, 311)]),
    ] {
        tester.inject(ack(start, 301).len(10));
        tester.expect(ack(301, 101).sack(blocks));
    }
    tester.inject(ack(101, 301).len(100));
    let sent = tester.expect(ack(301, 221));
    assert_eq!(sent.header.options.sack.as_slice().len(), 3);
}

/// Forty bytes of options hold three blocks beside timestamps.
#[test]
fn timestamps_leave_room_for_three_blocks() {
    let first = syn(100).mss(1_460).sack_permitted().timestamps(1_000, 0);
    let mut tester = Tester::established_by(TcpConfig::default(), first);
    for start in [201, 301, 401, 501] {
        tester.inject(at(ack(start, 301).len(10), 1_001));
    }
    let mut last = None;
    while let Some(sent) = tester.take_sent() {
        last = Some(sent.header.options.sack.as_slice().len());
    }
    assert_eq!(last, Some(3));
}

/// RFC 2883 §4: what arrived twice is reported once, in the first block.
#[test]
fn a_duplicate_is_reported_in_the_first_block() {
    let mut tester = selective(TcpConfig::default());
    tester.inject(ack(101, 301).len(10));
    tester.expect(ack(301, 111).sack(&[]));
    tester.inject(ack(101, 301).len(10));
    tester.expect(ack(301, 111).sack(&[(101, 111)]));
    tester.inject(ack(201, 301).len(10));
    tester.expect(ack(301, 111).sack(&[(201, 211)]));
    tester.inject(ack(201, 301).len(10));
    tester.expect(ack(301, 111).sack(&[(201, 211), (201, 211)]));
    assert_eq!(tester.counters().dsack_sent, 2);

    let quiet = TcpConfig {
        dsack: false,
        ..TcpConfig::default()
    };
    let mut tester = selective(quiet);
    tester.inject(ack(101, 301).len(10));
    tester.expect(ack(301, 111));
    tester.inject(ack(101, 301).len(10));
    tester.expect(ack(301, 111).sack(&[]));
}

/// RFC 2018: a peer that did not permit them gets no blocks.
#[test]
fn no_blocks_without_permission() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(201, 301).len(10));
    tester.expect(ack(301, 101).sack(&[]));
}

fn reno() -> TcpConfig {
    TcpConfig {
        congestion: CongestionAlgorithm::Reno,
        ..TcpConfig::default()
    }
}

/// RFC 5681 §3.2: three duplicate acknowledgements, and the first segment is sent again.
#[test]
fn three_duplicate_acknowledgements_retransmit() {
    let mut tester = Tester::established(reno());
    tester.write(&[b'.'; 6 * 1_460]);
    for index in 0..6 {
        tester.expect(ack(301 + index * 1_460, 101).len(1_460));
    }
    for _ in 0..2 {
        tester.inject(ack(101, 301));
        tester.expect_nothing();
    }
    tester.inject(ack(101, 301));
    tester.expect(ack(301, 101).len(1_460));
    // RFC 5681 §3.1, equation 4: half of what was outstanding.
    assert_eq!(tester.info().tcpi_snd_ssthresh, 3 * 1_460);
    // RFC 6582 §3.2: a partial acknowledgement shows the next hole.
    tester.inject(ack(101, 1_761));
    tester.expect(ack(1_761, 101).len(1_460));
    tester.inject(ack(101, 301 + 6 * 1_460));
    tester.expect_nothing();
    assert_eq!(tester.counters().fast_retrans, 2);
    assert_eq!(tester.counters().timeouts, 0);
}

/// RFC 6675: only what the blocks leave out is sent again.
#[test]
fn selective_acknowledgements_repair_the_holes_only() {
    let mut tester = selective(reno());
    tester.write(&[b'.'; 8 * 1_460]);
    let edge = |index: u32| 301 + index * 1_460;
    for index in 0..8 {
        tester.expect(ack(edge(index), 101).len(1_460));
    }
    tester.inject(ack(101, 301).sack(&[(edge(1), edge(2))]));
    tester.inject(ack(101, 301).sack(&[(edge(1), edge(2)), (edge(3), edge(6))]));
    tester.inject(ack(101, 301).sack(&[(edge(1), edge(2)), (edge(3), edge(8))]));
    let mut again = Vec::new();
    while let Some(sent) = tester.take_sent() {
        again.push(sent.header.seq);
    }
    assert_eq!(again, [tester.to_wire(edge(0)), tester.to_wire(edge(2))]);
    assert_eq!(tester.info().tcpi_snd_ssthresh, 4 * 1_460);
    tester.inject(ack(101, edge(8)));
    tester.expect_nothing();
    assert_eq!(tester.info().unacked_bytes, 0);
}
