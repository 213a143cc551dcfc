//! Explicit Congestion Notification, RFC 3168, as it stands on the wire.

use super::*;
use crate::config::{EcnMode, RecoveryConfig};
use crate::wire::Ecn;

mod open;

fn with(ecn: EcnMode) -> TcpConfig {
    TcpConfig {
        ecn,
        ..TcpConfig::default()
    }
}

/// Agreed on, and quiet; with Reno, whose answer to a mark is plain, segments of 1,000 bytes, and a
/// window that is cut at once.
fn agreed() -> Pair {
    let config = TcpConfig {
        pacing: false,
        recovery: RecoveryConfig {
            proportional_rate_reduction: false,
            tail_loss_probe: false,
            ..RecoveryConfig::default()
        },
        max_segment_size: Some(1_012),
        nagle: false,
        congestion: crate::CongestionAlgorithm::Reno,
        ..with(EcnMode::Request)
    };
    let pair = quiet_pair(config);
    assert!(is_agreed(&pair, 0) && is_agreed(&pair, 1));
    pair
}

fn is_agreed(pair: &Pair, end: usize) -> bool {
    pair.ends[end].info(pair.now).ecn
}

/// ECE, CWR and the ECN field.
fn bits(header: &Header) -> (bool, bool, Ecn) {
    (header.ece, header.cwr, header.ecn)
}

const NEITHER: (bool, bool, Ecn) = (false, false, Ecn::NotCapable);
const BOTH: (bool, bool, Ecn) = (true, true, Ecn::NotCapable);
const ECE: (bool, bool, Ecn) = (true, false, Ecn::NotCapable);
const CAPABLE: (bool, bool, Ecn) = (false, false, Ecn::Capable0);
const CWR: (bool, bool, Ecn) = (false, true, Ecn::Capable0);

/// What `end` says now.
fn said(pair: &mut Pair, end: usize) -> Vec<(bool, bool, Ecn)> {
    let said = pair.drain(end);
    said.iter().map(|said| bits(&said.header)).collect()
}

/// What the network does to a segment.
type Change = fn(&mut Header);

/// New data of `bytes` from `from` arrives at the other end, as the network and `change` leave it.
fn arrives(pair: &mut Pair, from: usize, bytes: usize, change: Change) {
    pair.write(from, bytes);
    for mut said in pair.drain(from) {
        change(&mut said.header);
        pair.give(1 - from, said.header, &said.payload);
    }
}

fn mark(header: &mut Header) {
    assert_eq!(header.ecn, Ecn::Capable0);
    header.ecn = Ecn::CongestionExperienced;
}

fn leave(_: &mut Header) {}

/// RFC 3168 §6.1.4 to §6.1.6: new data is ECN-capable, and nothing else.
#[test]
fn only_new_data_is_ecn_capable() {
    let mut pair = agreed();
    pair.write(0, 1_500);
    assert_eq!(said(&mut pair, 0), [CAPABLE; 2]);
    pair.fire(0);
    assert_eq!(said(&mut pair, 0), [NEITHER], "sent again");
    arrives(&mut pair, 1, 2_500, leave);
    let answer = pair.drain(0);
    assert!(answer.iter().all(|said| said.payload.is_empty()));
    assert_eq!(bits(&answer[0].header), NEITHER, "an acknowledgement");

    let mut pair = agreed();
    let closed = pair.ack_of_all(0, 0);
    pair.give(0, closed, &[]);
    pair.write(0, 10);
    assert_eq!(said(&mut pair, 0), []);
    pair.fire(0);
    assert_eq!(said(&mut pair, 0), [NEITHER], "a window probe");

    let mut pair = agreed();
    pair.shutdown(0, Shutdown::Write);
    assert_eq!(said(&mut pair, 0), [NEITHER], "a FIN alone");

    let mut pair = agreed();
    pair.write(0, 10);
    pair.shutdown(0, Shutdown::Write);
    assert_eq!(said(&mut pair, 0), [CAPABLE], "a FIN with data");

    let mut pair = agreed();
    let now = pair.now;
    pair.ends[0].abort(now, &mut pair.counters[0]);
    assert_eq!(said(&mut pair, 0), [NEITHER], "a reset");
}

/// RFC 3168 §6.1.3: on every acknowledgement, data and probes too, until CWR; a mark that comes with
/// CWR is another.
#[test]
fn a_mark_is_echoed_until_the_peer_says_that_it_has_reduced() {
    let mut pair = agreed();
    assert!(!pair.ends[1].info(pair.now).ecn_seen);
    arrives(&mut pair, 0, 500, mark);
    assert!(pair.ends[1].info(pair.now).ecn_seen);
    assert_eq!(said(&mut pair, 1), [ECE]);
    arrives(&mut pair, 0, 2_000, leave);
    assert_eq!(said(&mut pair, 1), [ECE]);
    pair.write(1, 100);
    assert_eq!(said(&mut pair, 1), [(true, false, Ecn::Capable0)]);
    pair.fire(1);
    assert_eq!(said(&mut pair, 1), [ECE], "sent again");
    arrives(&mut pair, 0, 500, |header| {
        mark(header);
        header.cwr = true;
    });
    assert_eq!(said(&mut pair, 1), [ECE]);
    arrives(&mut pair, 0, 500, |header| header.cwr = true);
    assert_eq!(said(&mut pair, 1), [NEITHER]);
}

/// As Linux: the peer's window may be a single segment.
#[test]
fn a_mark_is_acknowledged_at_once() {
    let cases: [(Change, usize); 2] = [(leave, 0), (mark, 1)];
    for (change, answers) in cases {
        let mut pair = agreed();
        pair.wait(1);
        for _ in 0..20 {
            arrives(&mut pair, 0, 10, leave);
            pair.drain(1);
        }
        arrives(&mut pair, 0, 10, change);
        assert_eq!(said(&mut pair, 1).len(), answers);
    }
}

/// RFC 3168 §6.1.4 and §6.1.5: a mark counts on data within the window, of those that agreed.
#[test]
fn marks_where_there_can_be_none_are_ignored() {
    let mut pair = agreed();
    let mut pure = pair.ack_of_all(1, 1_000);
    pure.ecn = Ecn::CongestionExperienced;
    pair.give(1, pure, &[]);
    let mut old = pair.ack_of_all(1, 1_000);
    old.ecn = Ecn::CongestionExperienced;
    old.seq = pair.ends[1].rcv.irs.at_offset(1);
    arrives(&mut pair, 0, 500, leave);
    pair.give(1, old, &[0; 500]);
    assert_eq!(said(&mut pair, 1), [NEITHER], "a duplicate");

    let mut pair = quiet_pair(with(EcnMode::Accept));
    arrives(&mut pair, 0, 500, |header| {
        header.ecn = Ecn::CongestionExperienced;
    });
    assert_eq!(said(&mut pair, 1), [NEITHER], "not agreed on");
    assert!(!pair.ends[1].info(pair.now).ecn_seen);
}

/// ECE on an acknowledgement of what `end` has sent up to `offset`.
fn echo(pair: &mut Pair, end: usize, offset: u64) {
    let mut header = pair.ack_up_to(end, offset, u16::MAX);
    header.ece = true;
    pair.give(end, header, &[]);
}

fn cwnd(pair: &Pair) -> u32 {
    pair.ends[0].info(pair.now).tcpi_snd_cwnd
}

/// RFC 3168 §6.1.2: once for each window of data, and the first new data afterwards tells of it.
#[test]
fn an_echo_reduces_once_for_each_window_of_data() {
    let mut pair = agreed();
    let before = cwnd(&pair);
    pair.write(0, 40_000);
    assert_eq!(said(&mut pair, 0), [CAPABLE; 10]);
    echo(&mut pair, 0, 1_001);
    let reduced = cwnd(&pair);
    assert!(reduced < before, "{reduced} of {before}");
    for segments in 2..=9 {
        echo(&mut pair, 0, 1 + segments * 1_000);
        assert!(cwnd(&pair) >= reduced);
    }
    let new = said(&mut pair, 0);
    assert_eq!(new[0], CWR);
    assert!(new.len() > 1 && new[1..].iter().all(|&it| it == CAPABLE));
    // What was marked before the reduction is echoed until CWR arrives.
    echo(&mut pair, 0, 10_001);
    assert!(cwnd(&pair) >= reduced);
    let before = cwnd(&pair);
    echo(&mut pair, 0, 11_001);
    assert!(
        cwnd(&pair) < before,
        "CWR has arrived: this is another mark"
    );
    let info = pair.ends[0].info(pair.now);
    assert_eq!(info.tcpi_delivered_ce, 11);
    assert_eq!(pair.counters[0].delivered_ce, 11);
}

#[test]
fn an_echo_that_is_old_or_not_agreed_on_changes_nothing() {
    let mut pair = agreed();
    pair.write(0, 10_000);
    pair.drain(0);
    let header = pair.ack_up_to(0, 5_001, u16::MAX);
    pair.give(0, header, &[]);
    let before = cwnd(&pair);
    echo(&mut pair, 0, 4_001);
    assert_eq!(cwnd(&pair), before, "an old acknowledgement");

    let mut pair = quiet_pair(with(EcnMode::Accept));
    pair.write(0, 10_000);
    pair.drain(0);
    let before = cwnd(&pair);
    echo(&mut pair, 0, 1_001);
    assert!(cwnd(&pair) >= before);
    pair.write(0, 10_000);
    assert!(said(&mut pair, 0).iter().all(|&it| it == NEITHER));
    assert_eq!(pair.counters[0].delivered_ce, 0);
}

/// RFC 3168 §6.1.2: for a loss too, and the retransmission does not tell of it; nor does an echo from
/// before the timeout reduce once more.
#[test]
fn a_timeout_is_told_by_cwr_on_new_data() {
    let mut pair = agreed();
    pair.write(0, 2_000);
    assert_eq!(said(&mut pair, 0), [CAPABLE; 2]);
    pair.fire(0);
    assert_eq!(said(&mut pair, 0), [NEITHER]);
    let before = cwnd(&pair);
    echo(&mut pair, 0, 2_001);
    assert!(cwnd(&pair) >= before);
    pair.write(0, 1_000);
    assert_eq!(said(&mut pair, 0), [CWR]);
}

#[test]
fn a_loss_is_told_by_cwr_on_new_data() {
    let mut pair = agreed();
    pair.write(0, 60_000);
    assert_eq!(said(&mut pair, 0), [CAPABLE; 10]);
    for segments in 2..=9 {
        let report = pair.sack_of(0, core::iter::once(1_001..1 + segments * 1_000));
        pair.give(0, report, &[]);
    }
    let mut all = said(&mut pair, 0);
    assert!(all.contains(&NEITHER), "the retransmission");
    let header = pair.ack_of_all(0, u16::MAX);
    pair.give(0, header, &[]);
    all.extend(said(&mut pair, 0));
    let new: Vec<_> = all.into_iter().filter(|&it| it != NEITHER).collect();
    assert_eq!(new[0], CWR);
    assert!(new.len() > 1 && new[1..].iter().all(|&it| it == CAPABLE));
}

/// RFC 3168 §6.1.2: one reduction for each window of data, whatever told of the congestion; the peer
/// hears of each.
#[test]
fn a_loss_that_a_tail_probe_repaired_and_a_mark_are_one_reduction() {
    let config = TcpConfig {
        pacing: false,
        max_segment_size: Some(1_012),
        nagle: false,
        congestion: crate::CongestionAlgorithm::Reno,
        ..with(EcnMode::Request)
    };
    let mut pair = quiet_pair(config);
    pair.write(0, 5_000);
    assert_eq!(said(&mut pair, 0), [CAPABLE; 5]);
    pair.fire(0);
    assert_eq!(said(&mut pair, 0), [NEITHER], "the probe");
    let ack = pair.ack_of_all(0, u16::MAX);
    pair.give(0, ack, &[]);
    pair.write(0, 6_000);
    assert_eq!(said(&mut pair, 0), [CAPABLE; 6]);
    let mut marked = pair.ack_of_all(0, u16::MAX);
    marked.ece = true;
    pair.give(0, marked, &[]);
    assert_eq!(pair.counters[0].loss_probe_recovery, 1);
    assert_eq!(pair.ends[0].info(pair.now).tcpi_snd_cwnd, 3_000);
    pair.write(0, 1_000);
    assert_eq!(said(&mut pair, 0), [CWR]);
}
