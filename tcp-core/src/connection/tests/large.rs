//! Segments of several pieces, for a device that cuts them.

use proptest::prelude::*;

use super::*;

/// Payload of a full segment beside timestamps.
const PIECE: usize = 1_448;

/// As large as the windows let segments be, at whatever rate.
fn config() -> TcpConfig {
    TcpConfig {
        min_tso_segs: 64,
        ..TcpConfig::default()
    }
}

/// A quiet pair, of which the first has a device that cuts.
fn pair(config: TcpConfig) -> Pair {
    let mut pair = quiet_pair(config);
    pair.ends[0].setup.gso_max_size = 60_000;
    pair
}

/// A segment that was sent.
#[derive(Clone, PartialEq, Debug)]
struct Large {
    /// Where it begins, from the first byte.
    start: u64,
    len: usize,
    /// Into what it is cut.
    size: Option<u16>,
    push: bool,
    fin: bool,
}

impl Large {
    /// The segments on the wire: where each begins, its length, and whether it has FIN.
    fn cut(&self) -> Vec<(u64, usize, bool)> {
        let size = self.size.map_or(self.len.max(1), usize::from);
        let pieces = self.len.div_ceil(size).max(1);
        let piece = |n: usize| {
            let len = size.min(self.len - n * size);
            (
                self.start + (n * size) as u64,
                len,
                self.fin && n + 1 == pieces,
            )
        };
        (0..pieces).map(piece).collect()
    }
}

/// All that the first end sends now.
fn sent(pair: &mut Pair) -> Vec<Large> {
    let mut sent = Vec::new();
    let isn = pair.ends[0].snd.isn;
    while let Some(segment) = pair.ends[0].poll_segment(pair.now, &mut pair.counters[0]) {
        let header = &segment.header;
        let offset = header.seq.offset_near(isn, 0).unwrap();
        sent.push(Large {
            start: offset - 1,
            len: segment.payload.len(),
            size: segment.segment_size.map(Into::into),
            push: header.push,
            fin: header.control == Control::Fin,
        });
    }
    pair.ends[0].assert_invariants();
    sent
}

fn lens(sent: &[Large]) -> Vec<usize> {
    sent.iter().map(|segment| segment.len).collect()
}

/// The peer acknowledges so many bytes from the first.
fn ack(pair: &mut Pair, bytes: usize) {
    let header = pair.ack_up_to(0, 1 + bytes as u64, u16::MAX);
    pair.give(0, header, b"");
}

#[test]
fn a_window_of_three_segments_goes_in_one() {
    let mut pair = pair(TcpConfig {
        initial_window: 3,
        ..config()
    });
    let before = pair.counters[0].out_segs;
    pair.write(0, 10_000);
    let sent = sent(&mut pair);
    assert_eq!(lens(&sent), [3 * PIECE]);
    assert_eq!((sent[0].size, sent[0].push), (Some(PIECE as u16), false));
    assert_eq!(pair.counters[0].out_segs - before, 3);
    let info = pair.ends[0].info(pair.now);
    assert_eq!((info.tcpi_unacked, info.tcpi_data_segs_out), (3, 3));
    // The window grows by what is acknowledged, in bytes.
    let window = info.tcpi_snd_cwnd;
    ack(&mut pair, 3 * PIECE);
    let grown = pair.ends[0].info(pair.now).tcpi_snd_cwnd;
    assert_eq!(grown - window, 3 * PIECE as u32);
}

#[test]
fn at_a_low_rate_two_segments_go_at_once_and_without_a_device_one() {
    let mut slow = pair(TcpConfig::default());
    slow.write(0, 4 * PIECE);
    assert_eq!(lens(&sent(&mut slow)), [2 * PIECE, 2 * PIECE]);
    let mut plain = quiet_pair(config());
    plain.write(0, 2 * PIECE);
    let sent = sent(&mut plain);
    assert_eq!(lens(&sent), [PIECE, PIECE]);
    assert!(sent.iter().all(|segment| segment.size.is_none()));
}

#[test]
fn the_shorter_the_path_the_larger_the_segments() {
    // 60,000 bytes, halved for each millisecond of the 20 that the path takes.
    for (tso_rtt_log, expected) in [(9, 2), (12, 3), (13, 10), (15, 10)] {
        let mut pair = pair(TcpConfig {
            tso_rtt_log,
            ..TcpConfig::default()
        });
        pair.write(0, 10 * PIECE);
        let first = sent(&mut pair)[0].len;
        assert_eq!(first, expected * PIECE, "{tso_rtt_log}");
    }
}

#[test]
fn no_segment_is_larger_than_the_device_takes() {
    let mut pair = pair(config());
    // Four pieces and the options, but for a byte.
    pair.ends[0].setup.gso_max_size = 4 * PIECE as u32 + 12 - 1;
    pair.write(0, 8 * PIECE);
    assert_eq!(lens(&sent(&mut pair)), [3 * PIECE, 3 * PIECE, 2 * PIECE]);
}

#[test]
fn the_last_piece_may_be_small_and_carries_push_and_fin() {
    let mut pair = pair(config());
    pair.write(0, 2 * PIECE + 700);
    pair.shutdown(0, Shutdown::Write);
    let sent = sent(&mut pair);
    assert_eq!(lens(&sent), [2 * PIECE + 700]);
    assert!(sent[0].push && sent[0].fin);
    assert_eq!(pair.ends[0].info(pair.now).tcpi_unacked, 3);
    ack(&mut pair, 2 * PIECE + 701);
    assert_eq!(pair.ends[0].info(pair.now).tcpi_unacked, 0);
    assert_eq!(pair.ends[0].state(), State::FinWait2);
}

#[test]
fn nagle_holds_the_trailing_part_alone() {
    let mut held = pair(config());
    held.write(0, 100);
    assert_eq!(lens(&sent(&mut held)), [100]);
    held.write(0, 2 * PIECE + 700);
    let first = sent(&mut held);
    assert_eq!(lens(&first), [2 * PIECE]);
    assert!(!first[0].push, "more is to come");
    ack(&mut held, 100);
    assert_eq!(lens(&sent(&mut held)), [700]);

    let mut free = pair(TcpConfig {
        nagle: false,
        ..config()
    });
    free.write(0, 100);
    assert_eq!(lens(&sent(&mut free)), [100]);
    free.write(0, 2 * PIECE + 700);
    assert_eq!(lens(&sent(&mut free)), [2 * PIECE + 700]);
}

#[test]
fn the_peers_window_is_filled_with_whole_pieces() {
    let mut pair = pair(config());
    let unit = pair.ends[0].agreed.send_scale().unit() as usize;
    let header = pair.ack_up_to(0, 1, ((2 * PIECE + 720) / unit) as u16);
    pair.give(0, header, b"");
    pair.write(0, 5 * PIECE);
    assert_eq!(lens(&sent(&mut pair)), [2 * PIECE]);
}

/// All of a window, then acknowledgements of half of it and of one more, at the same time.
fn with_a_little_window(tso_win_divisor: u8) -> (Pair, Vec<Large>) {
    let mut pair = pair(TcpConfig {
        tso_win_divisor,
        pacing: false,
        ..config()
    });
    pair.write(0, 100 * PIECE);
    assert_eq!(lens(&sent(&mut pair)), [10 * PIECE]);
    pair.wait(20);
    ack(&mut pair, 5 * PIECE);
    assert_eq!(
        lens(&sent(&mut pair)),
        [10 * PIECE],
        "five, and five by growth"
    );
    ack(&mut pair, 6 * PIECE);
    let sent = sent(&mut pair);
    (pair, sent)
}

#[test]
fn a_little_window_waits_for_more_where_an_acknowledgement_is_near() {
    let (mut pair, sent_now) = with_a_little_window(3);
    assert_eq!(lens(&sent_now), []);
    ack(&mut pair, 9 * PIECE);
    assert_eq!(lens(&sent(&mut pair)), [8 * PIECE], "a third of the window");
    let (_, sent_now) = with_a_little_window(200);
    assert_eq!(lens(&sent_now), [2 * PIECE]);
    let (_, sent_now) = with_a_little_window(0);
    assert_eq!(lens(&sent_now), [], "fewer than three");
}

#[test]
fn a_writer_that_paused_is_not_waited_for() {
    let (mut pair, sent_now) = with_a_little_window(3);
    assert_eq!(lens(&sent_now), []);
    pair.wait(2);
    assert_eq!(lens(&sent(&mut pair)), [2 * PIECE]);
}

#[test]
fn a_lost_run_is_sent_again_as_far_as_the_window_lets() {
    let mut pair = pair(config());
    pair.write(0, 10 * PIECE);
    assert_eq!(lens(&sent(&mut pair)), [10 * PIECE]);
    let rto = pair.ends[0]
        .timers
        .at(super::super::timers::Timer::Retransmit);
    while pair.ends[0].rtt.backoff() == 0 {
        pair.fire(0);
        sent(&mut pair);
    }
    assert!(pair.now >= rto);
    let retrans = pair.counters[0].retrans_segs;
    assert_eq!(pair.ends[0].info(pair.now).tcpi_snd_cwnd, PIECE as u32);
    // The first was sent again; with it acknowledged the window is two.
    pair.wait(20);
    ack(&mut pair, PIECE);
    let again = sent(&mut pair);
    assert_eq!(lens(&again), [2 * PIECE]);
    assert_eq!(
        (again[0].start, again[0].size),
        (PIECE as u64, Some(PIECE as u16))
    );
    assert_eq!(pair.counters[0].retrans_segs, retrans + 2);
    assert_eq!(pair.ends[0].info(pair.now).tcpi_total_retrans, retrans + 2);
}

#[test]
fn the_pieces_of_a_segment_that_were_not_reported_are_sent_again_and_no_other() {
    let mut pair = pair(config());
    pair.write(0, 10 * PIECE);
    assert_eq!(lens(&sent(&mut pair)), [10 * PIECE]);
    pair.wait(20);
    let at = |pieces: usize| 1 + (pieces * PIECE) as u64;
    let header = pair.sack_of(0, [at(2)..at(3), at(5)..at(10)]);
    pair.give(0, header, b"");
    let info = pair.ends[0].info(pair.now);
    assert_eq!((info.tcpi_unacked, info.tcpi_sacked), (10, 6));
    let mut again = sent(&mut pair);
    for _ in 0..3 {
        pair.wait(20);
        ack(&mut pair, 0);
        again.extend(sent(&mut pair));
        while again.len() < 4 && pair.ends[0].poll_timeout().is_some() {
            pair.fire(0);
            again.extend(sent(&mut pair));
        }
    }
    let mut pieces: Vec<_> = again.iter().flat_map(Large::cut).collect();
    pieces.sort_unstable();
    pieces.dedup();
    let starts: Vec<_> = pieces.iter().map(|piece| piece.0).collect();
    assert_eq!(starts, [0, 1, 3, 4].map(|n| n * PIECE as u64));
}

#[test]
fn a_tail_probe_is_one_piece() {
    let mut pair = pair(config());
    pair.write(0, 3 * PIECE + 50);
    assert_eq!(lens(&sent(&mut pair)), [3 * PIECE + 50]);
    pair.fire(0);
    let probe = sent(&mut pair);
    assert_eq!((lens(&probe), probe[0].start), (vec![50], 3 * PIECE as u64));
    assert_eq!(pair.counters[0].loss_probes, 1);
}

#[test]
fn several_segments_that_arrive_as_one_are_counted_and_acknowledged_at_once() {
    let mut pair = quiet_pair(TcpConfig::default());
    let isn = pair.ends[0].snd.isn;
    let mut header = pair.ack_up_to(1, 1, u16::MAX);
    header.seq = isn.at_offset(1);
    let bytes = vec![7; 3 * 1_000 + 10];
    let segment = Segment {
        segment_size: core::num::NonZeroU16::new(1_000),
        ..Segment::new(header, Payload::from(&bytes[..]))
    };
    let before = pair.ends[1].info(pair.now);
    pair.ends[1].handle_segment(pair.now, &segment, &mut pair.counters[1]);
    let info = pair.ends[1].info(pair.now);
    assert_eq!(info.tcpi_segs_in - before.tcpi_segs_in, 4);
    assert_eq!((info.tcpi_data_segs_in, info.tcpi_rcv_mss), (4, 1_000));
    let answer = pair.drain(1);
    assert_eq!(answer.len(), 1, "at once");
    assert_eq!(answer[0].header.ack, Some(isn.at_offset(1 + 3_010)));
}

#[test]
fn a_transfer_of_large_segments_survives_loss() {
    for bits in 0..8 {
        let config = TcpConfig {
            sack: bits & 1 != 0,
            timestamps: bits & 2 != 0,
            min_tso_segs: if bits & 4 != 0 { 2 } else { 5 },
            ..TcpConfig::default()
        };
        let mut pair = Pair::established(config, |n| n % 29 == 3);
        pair.ends[0].setup.gso_max_size = 60_000;
        pair.transfer(0, 500_000);
    }
}

/// What the first end puts on the wire when it writes so much at a time, with an acknowledgement of all
/// after some of it.
fn on_the_wire(
    gso_max_size: u32,
    nagle: bool,
    writes: &[(usize, bool)],
) -> Vec<(u64, usize, bool)> {
    let mut pair = quiet_pair(TcpConfig {
        nagle,
        pacing: false,
        initial_window: 30,
        tso_win_divisor: 255,
        ..config()
    });
    pair.ends[0].setup.gso_max_size = gso_max_size;
    let mut wire = Vec::new();
    for &(len, acknowledged) in writes {
        let _ = pair.ends[0].write(pair.now, &vec![0; len]);
        wire.extend(sent(&mut pair).iter().flat_map(Large::cut));
        if acknowledged {
            pair.wait(20);
            let header = pair.ack_of_all(0, u16::MAX);
            pair.give(0, header, b"");
            wire.extend(sent(&mut pair).iter().flat_map(Large::cut));
        }
    }
    pair.shutdown(0, Shutdown::Write);
    wire.extend(sent(&mut pair).iter().flat_map(Large::cut));
    wire
}

proptest! {
    #[test]
    fn large_segments_are_cut_into_those_that_would_go_without(
        writes in prop::collection::vec((1usize..30_000, any::<bool>()), 1..12),
        nagle in any::<bool>(),
        gso_max_size in 1_461u32..60_000,
    ) {
        let large = on_the_wire(gso_max_size, nagle, &writes);
        prop_assert_eq!(large, on_the_wire(0, nagle, &writes));
    }
}
