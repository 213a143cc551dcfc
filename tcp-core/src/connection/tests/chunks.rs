//! The send queue in chunks, as Linux has it.

use super::*;
use crate::config::{BufferSize, CongestionAlgorithm, SendQueue};

/// A pair whose first end sends segments of 1,000 bytes, large ones of up to ten, to one that offers `window`.
fn pair(window: usize, send_buffer: usize) -> Pair {
    let config = |recv_buffer: usize| TcpConfig {
        send_buffer: BufferSize::Fixed(send_buffer),
        recv_buffer: BufferSize::Fixed(recv_buffer),
        send_queue: SendQueue::Chunks { overhead: 1_280 },
        max_segment_size: Some(1_000),
        timestamps: false,
        min_tso_segs: 10,
        pacing: false,
        congestion: CongestionAlgorithm::Reno,
        ..TcpConfig::default()
    };
    let mut pair = Pair::between([config(65_535), config(window)], |_| false);
    pair.drain(0);
    pair.drain(1);
    pair.ends[0].setup.gso_max_size = 65_000;
    pair
}

/// Writes as a system call does: a chunk at a time, sending what may go between; says how much was taken, and
/// what went out.
fn write(pair: &mut Pair, len: usize) -> (usize, Vec<(u64, u64, bool)>) {
    let (mut taken, mut sent) = (0, Vec::new());
    while taken < len {
        let part = pair.ends[0].chunk_room().min(len - taken);
        match pair.ends[0].write(pair.now, &vec![7; part]) {
            Ok(count) => taken += count,
            Err(error) => {
                assert_eq!(error, WriteError::WouldBlock);
                break;
            }
        }
        sent.extend(segments(pair));
    }
    (taken, sent)
}

/// What goes out: from where to where, and whether with PSH.
fn segments(pair: &mut Pair) -> Vec<(u64, u64, bool)> {
    let isn = pair.ends[0].snd.isn;
    let said = pair.drain(0);
    let of = |said: Said| {
        let start = said.header.seq.offset_near(isn, 0).expect("it is near");
        (start, start + said.payload.len() as u64, said.header.push)
    };
    said.into_iter().map(of).collect()
}

/// The peer acknowledges up to `offset`, with a window of 50,000.
fn acknowledge(pair: &mut Pair, offset: u64) -> Vec<(u64, u64, bool)> {
    let connection = &mut pair.ends[0];
    let header = Header {
        ack: Some(connection.snd.isn.at_offset(offset)),
        window: WireWindow::new(50_000),
        ..Header::new(connection.rcv.irs.at_offset(connection.rcv.nxt()))
    };
    pair.now += Duration::from_millis(20);
    connection.handle_segment(pair.now, &Segment::bare(header), &mut pair.counters[0]);
    segments(pair)
}

/// Whether a writer that found no room has been woken.
fn is_woken(pair: &mut Pair) -> bool {
    core::iter::from_fn(|| pair.ends[0].poll_event())
        .any(|event| event == ConnectionEvent::Writable)
}

#[test]
fn a_blocking_write_sends_what_linux_sends() {
    let mut pair = pair(50_000, 42_000);
    let (taken, sent) = write(&mut pair, 61_000);
    assert_eq!(taken, 60_000);
    assert_eq!(sent, [(1, 5_001, true), (5_001, 10_001, true)]);
    assert_eq!(
        acknowledge(&mut pair, 10_001),
        [(10_001, 20_001, true), (20_001, 30_001, true)]
    );
    assert_eq!(
        acknowledge(&mut pair, 30_001),
        [
            (30_001, 35_001, true),
            (35_001, 45_001, true),
            (45_001, 55_001, true),
            (55_001, 60_001, true)
        ]
    );
    assert_eq!(acknowledge(&mut pair, 35_001), []);
    assert!(!is_woken(&mut pair));
    assert_eq!(acknowledge(&mut pair, 36_001), []);
    assert!(is_woken(&mut pair));
    let (taken, sent) = write(&mut pair, 1_000);
    assert_eq!((taken, &sent[..]), (1_000, &[(60_001, 61_001, true)][..]));
}

/// Linux begins with 46080 bytes for segments of 1,000, and grows by the same rule.
#[test]
fn a_buffer_that_grows_counts_as_linux_does() {
    let pair = pair(50_000, 42_000);
    assert_eq!(pair.ends[0].cwnd(), 10_000);
    assert_eq!(pair.ends[0].wanted_buffer(), 46_080);
}

#[test]
fn records_are_not_joined() {
    let mut pair = pair(50_000, 42_000);
    pair.ends[0].set_nodelay(true);
    pair.ends[0].write(pair.now, &[1; 300]).unwrap();
    pair.ends[0].end_record();
    pair.ends[0].write(pair.now, &[2; 1_500]).unwrap();
    assert_eq!(
        segments(&mut pair),
        [(1, 301, true), (301, 1_801, true)],
        "the second is large"
    );
}
