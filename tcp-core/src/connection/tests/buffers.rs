//! Buffers: what they hold, how they grow, and ways to write and read that copy less.

use super::*;
use crate::config::BufferSize;

fn auto(initial: usize, max: usize) -> BufferSize {
    BufferSize::Auto { initial, max }
}

fn with_buffers(recv: BufferSize, send: BufferSize) -> TcpConfig {
    TcpConfig {
        recv_buffer: recv,
        send_buffer: send,
        ..TcpConfig::default()
    }
}

#[test]
fn both_buffers_grow_with_a_transfer_and_not_beyond_their_most() {
    let config = with_buffers(auto(20_000, 400_000), auto(20_000, 300_000));
    let mut pair = Pair::established(config, never);
    let before = pair.ends[1].info(pair.now);
    assert_eq!((before.recv_buffer, before.send_buffer), (20_000, 20_000));
    pair.transfer(0, 8_000_000);
    let [sender, receiver] = [0, 1].map(|end| pair.ends[end].info(pair.now));
    assert_eq!(sender.send_buffer, 300_000);
    assert_eq!(receiver.recv_buffer, 400_000);
    let first_window = 2 * receiver.tcpi_snd_cwnd as usize;
    assert_eq!(
        receiver.send_buffer, first_window,
        "no more is needed to send nothing"
    );
    assert!(
        receiver.tcpi_rcv_space > 100_000,
        "{}",
        receiver.tcpi_rcv_space
    );
}

#[test]
fn a_fixed_buffer_stays_as_it_is() {
    let config = with_buffers(20_000.into(), 30_000.into());
    let mut pair = Pair::established(config, never);
    pair.transfer(0, 1_000_000);
    let [sender, receiver] = [0, 1].map(|end| pair.ends[end].info(pair.now));
    assert_eq!((sender.send_buffer, receiver.recv_buffer), (30_000, 20_000));
    assert_eq!(receiver.tcpi_rcv_space, 0);
}

#[test]
fn a_buffer_of_a_slow_reader_does_not_grow() {
    let config = with_buffers(auto(40_000, 4_000_000), BufferSize::SEND);
    let mut pair = Pair::established(config, never);
    let mut byte = [0; 1_000];
    for _ in 0..100 {
        pair.write(0, 1_000);
        pair.settle();
        pair.wait(200);
        let _ = pair.ends[1].read(pair.now, &mut byte);
    }
    assert_eq!(pair.ends[1].info(pair.now).recv_buffer, 40_000);
}

#[test]
fn the_user_sets_them_at_any_time() {
    let mut pair = Pair::established(with_buffers(50_000.into(), 60_000.into()), never);
    let now = pair.now;
    pair.ends[0].set_send_buffer(10_000.into());
    assert_eq!(pair.ends[0].write(now, &[1; 20_000]), Ok(10_000));
    pair.ends[0].set_send_buffer(30_000.into());
    let written = pair.ends[0].write(now, &[1; 40_000]);
    assert_eq!(written, Ok(20_000));
    pair.ends[1].set_recv_buffer(now, 5_000.into());
    assert!(
        pair.ends[1].info(now).tcpi_rcv_wnd >= 49_000,
        "what was offered stays"
    );
    pair.settle();
    assert_eq!(pair.ends[1].unread(), 30_000);
    let mut buf = [0; 30_000];
    assert_eq!(pair.ends[1].read(pair.now, &mut buf), Ok(30_000));
    assert_eq!(buf, [1; 30_000]);
    pair.ends[0].set_send_buffer(auto(0, usize::MAX));
    assert_eq!(
        pair.ends[0].info(now).send_buffer,
        10 * 1_460,
        "ten segments"
    );
}

#[test]
fn several_buffers_are_written_and_read_as_one() {
    let mut pair = Pair::established(with_buffers(50_000.into(), 10.into()), never);
    let now = pair.now;
    let parts: [&[u8]; 4] = [b"abc", b"", b"defg", b"hijkl"];
    assert_eq!(pair.ends[0].write_vectored(now, &parts), Ok(10));
    assert_eq!(
        pair.ends[0].write_vectored(now, &parts),
        Err(WriteError::WouldBlock)
    );
    assert_eq!(pair.ends[0].write_vectored::<&[u8]>(now, &[]), Ok(0));
    pair.settle();
    let (mut first, mut second) = ([0; 4], [0; 20]);
    let mut bufs = [&mut first[..], &mut second[..]];
    assert_eq!(pair.ends[1].read_vectored(pair.now, &mut bufs), Ok(10));
    let again = pair.ends[1].read_vectored(pair.now, &mut bufs);
    assert_eq!(again, Err(ReadError::WouldBlock));
    assert_eq!((&first, &second[..6]), (b"abcd", &b"efghij"[..]));
}

#[test]
fn bytes_are_written_and_read_in_place() {
    let mut pair = Pair::established(with_buffers(50_000.into(), 100.into()), never);
    let now = pair.now;
    let [first, second] = pair.ends[0].write_chunks(60).unwrap();
    assert_eq!((first.len(), second.len()), (60, 0));
    first.fill(7);
    assert_eq!(pair.ends[0].commit_written(now, 50), Ok(50));
    assert_eq!(pair.ends[0].write(now, &[8; 100]), Ok(50));
    assert_eq!(pair.ends[0].write_chunks(1), Err(WriteError::WouldBlock));
    pair.settle();
    assert_eq!(pair.ends[0].info(pair.now).tcpi_bytes_acked, 100);
    let [first, second] = pair.ends[1].read_chunks();
    assert_eq!([first, second].concat(), [[7; 50], [8; 50]].concat());
    assert_eq!(pair.ends[1].consume(pair.now, 99), 99);
    assert_eq!(pair.ends[1].read_chunks(), [&[8][..], &[]]);
    assert_eq!(pair.ends[1].consume(pair.now, 99), 1);
    pair.close(0);
    assert_eq!(pair.ends[0].write_chunks(1), Err(WriteError::Closed));
    assert_eq!(
        pair.ends[0].commit_written(pair.now, 1),
        Err(WriteError::Closed)
    );
}
