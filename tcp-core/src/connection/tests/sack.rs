//! Selective acknowledgement (RFC 2018, RFC 2883): how it is heard, and how it is told.

use super::*;

fn blocks_of(said: &[Said]) -> Vec<SeqRange> {
    assert_eq!(said.len(), 1, "one acknowledgement");
    said[0].header.options.sack.as_slice().to_vec()
}

/// RFC 2018 §3 lets a receiver report any bytes; an honest one reports segments as they came.
#[test]
fn blocks_that_report_pieces_of_segments_leave_the_records_whole() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 14_480);
    let segments = pair.drain(0).len() as u64;
    assert_eq!(segments, 10);
    let nxt = pair.ends[0].snd.nxt;
    for at in (2..nxt - 5).step_by(6) {
        let header = pair.sack_of(0, [at..at + 1, at + 2..at + 3, at + 4..at + 5]);
        pair.give(0, header, &[]);
        assert_eq!(pair.ends[0].snd.scoreboard.segments().0, segments);
    }
    let info = pair.ends[0].info(pair.now);
    assert_eq!((info.sacked_bytes, info.lost_bytes), (0, 0));

    pair.fire(0);
    let resent = pair.drain(0);
    assert_eq!((resent.len(), resent[0].payload.len()), (1, 1_448));
    assert_eq!(pair.ends[0].snd.scoreboard.segments().0, segments);
}

#[test]
fn a_block_that_cuts_two_segments_reports_those_between() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 14_480);
    pair.drain(0);
    let header = pair.sack_of(0, Some(1_000..5_000));
    pair.give(0, header, &[]);
    assert_eq!(pair.ends[0].info(pair.now).sacked_bytes, 2 * 1_448);
    assert_eq!(pair.ends[0].snd.scoreboard.segments().0, 10);
}

/// RFC 2883 §4: the second block is the one that holds the duplicate, be it the same or larger.
#[test]
fn a_duplicate_beyond_a_hole_is_told_before_the_block_that_holds_it() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 4_344);
    let sent = pair.drain(0);
    let at = |offset| pair.ends[0].snd.isn.at_offset(offset);
    let block = |from, to| SeqRange {
        start: at(from),
        end: at(to),
    };
    let (second, both) = (block(1_449, 2_897), block(1_449, 4_345));

    pair.give_all(1, &sent[1..2]);
    assert_eq!(blocks_of(&pair.drain(1)), [second]);
    pair.give_all(1, &sent[1..2]);
    assert_eq!(blocks_of(&pair.drain(1)), [second, second]);
    pair.give_all(1, &sent[2..3]);
    assert_eq!(
        blocks_of(&pair.drain(1)),
        [both],
        "a duplicate is told once"
    );
    pair.give_all(1, &sent[1..2]);
    assert_eq!(blocks_of(&pair.drain(1)), [second, both]);
    assert_eq!(pair.counters[1].dsack_sent, 2);
}

#[test]
fn a_duplicate_of_what_is_in_order_is_told_alone() {
    let mut pair = quiet_pair(TcpConfig::default());
    pair.write(0, 100);
    let sent = pair.drain(0);
    pair.give_all(1, &sent);
    assert_eq!(blocks_of(&pair.drain(1)), []);
    pair.give_all(1, &sent);
    let isn = pair.ends[0].snd.isn;
    let block = SeqRange {
        start: isn.at_offset(1),
        end: isn.at_offset(101),
    };
    assert_eq!(blocks_of(&pair.drain(1)), [block]);
}

/// A range costs more than the byte in it. What is not kept is not reported either.
#[test]
fn crumbs_beyond_holes_are_limited_by_number() {
    let config = TcpConfig {
        recv_buffer: 65_536.into(),
        ..TcpConfig::default()
    };
    let mut pair = quiet_pair(config);
    let first = pair.ack_of_all(1, u16::MAX);
    let crumbs = 30_000;
    for n in 0..crumbs {
        let seq = first.seq.advanced_by(2 + 2 * n);
        pair.give(1, Header { seq, ..first }, b"x");
    }
    let kept = pair.ends[1].rcv.reassembly.beyond().len() as u64;
    assert_eq!(kept, 65_536 / 128);
    let dropped = pair.counters[1].rcv_q_drop;
    assert_eq!(kept + dropped, u64::from(crumbs));
    let last_kept = first.seq.advanced_by(2 * kept as u32);
    let reported = blocks_of(&pair.drain(1));
    assert_eq!(reported[0].start, last_kept);

    pair.give(1, first, &[b'y'; 1_460]);
    assert_eq!(pair.ends[1].unread(), 1_460);
    let mut buf = [0; 1_460];
    assert_eq!(pair.ends[1].read(pair.now, &mut buf), Ok(1_460));
    let crumbs = buf.iter().filter(|&&byte| byte == b'x').count() as u64;
    assert_eq!(crumbs, kept, "the others did not come to pass");
}
