//! Reads that wait while packets are handed in.

use proptest::prelude::*;

use super::*;
use crate::event::PostedRead;

/// The server's connection is read by posted reads of `room` bytes, and by plain ones of `plain`.
fn transfer(writes: &[usize], room: usize, plain: usize, damage: usize) -> Vec<Event> {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    pair.run();
    pair.server.events.clear();
    let mut sent = Vec::new();
    let mut got = Vec::new();
    let mut handed_in = 0;
    for &len in writes {
        let data: Vec<u8> = (0..len).map(|at| (sent.len() + at * 7) as u8).collect();
        pair.client.write(pair.now, client, &data);
        sent.extend(data);
        let mut turns = 0;
        while got.len() < sent.len() {
            turns += 1;
            assert!(turns < 1_000, "what is lost is sent again");
            let mut buf = vec![0; room];
            let mut posted = PostedRead::new(server, &mut buf);
            for mut packet in pair.client.drain(pair.now) {
                handed_in += 1;
                if damage > 0 && handed_in % damage == 0 {
                    *packet.last_mut().unwrap() ^= 1;
                }
                let meta = PacketMeta::default();
                let stack = &mut pair.server.stack;
                stack.handle_packet_for(pair.now, &packet, meta, &mut posted);
            }
            let filled = posted.filled();
            got.extend_from_slice(&buf[..filled]);
            let mut rest = vec![0; plain];
            let mut connection = pair.server.stack.connection(pair.now, server).unwrap();
            while let Ok(count @ 1..) = connection.read(&mut rest) {
                got.extend_from_slice(&rest[..count]);
            }
            drop(connection);
            for packet in pair.server.drain(pair.now) {
                pair.client.handle(pair.now, &packet);
            }
            let next = pair.client.stack.poll_timeout();
            if got.len() < sent.len()
                && let Some(next) = next
            {
                pair.now = pair.now.max(next);
                pair.client.stack.handle_timeout(pair.now);
                pair.server.stack.handle_timeout(pair.now);
            }
        }
    }
    assert_eq!(got, sent);
    assert_eq!(pair.server.stack.counters().in_csum_errors > 0, damage > 0);
    pair.server.events
}

#[test]
fn what_a_posted_read_takes_is_no_event() {
    let whole = transfer(&[1_000, 20, 3_000], 10_000, 1, 0);
    assert_eq!(whole, [], "who reads it knows");
    let in_part = transfer(&[3_000], 2_000, 10_000, 0);
    assert!(!in_part.is_empty(), "there was more than the read took");
}

#[test]
fn only_its_own_connection_is_read() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    let (_, other) = pair.establish(listener);
    pair.client.write(pair.now, client, b"hello");
    let mut buf = [0; 8];
    let mut posted = PostedRead::new(other, &mut buf);
    for packet in pair.client.drain(pair.now) {
        let meta = PacketMeta::default();
        let stack = &mut pair.server.stack;
        stack.handle_packet_for(pair.now, &packet, meta, &mut posted);
    }
    assert_eq!(posted.filled(), 0);
    assert_eq!(pair.server.read_all(pair.now, server), b"hello");
}

proptest! {
    /// However what arrives is divided among posted reads, plain ones and damage, it is the stream.
    #[test]
    fn the_stream_is_whole(
        writes in prop::collection::vec(1usize..20_000, 1..5),
        (room, plain) in (1usize..9_000, 1usize..9_000),
    ) {
        transfer(&writes, room, plain, 0);
    }
}

#[test]
fn damaged_bytes_are_not_read() {
    transfer(&[30_000, 30_000], 5_000, 700, 3);
}
