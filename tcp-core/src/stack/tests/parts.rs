//! Packets polled in parts are those polled whole.

use core::num::NonZeroU16;

use proptest::prelude::*;

use super::*;
use crate::event::Transmit;

/// What a host sends, and how many bytes of it were gathered from where they lay.
fn drain_in_parts(host: &mut Host, now: Instant) -> (Vec<(Transmit, Vec<u8>)>, usize) {
    let mut twin = host.clone();
    let (mut sent, mut apart) = (Vec::new(), 0);
    let mut buf = vec![0xa5; BIG.max_packet as usize + 1];
    while let Some(parts) = host.stack.poll_transmit_parts(now, &mut buf) {
        let len = parts.transmit.len;
        let [first, second] = parts.payload;
        apart += first.len() + second.len();
        let gathered = [&buf[..parts.in_buffer()], first, second].concat();
        let mut joined = buf.clone();
        assert_eq!(parts.join(&mut joined[..len - 1]), None);
        assert_eq!(parts.join(&mut joined), Some(()));
        assert_eq!(joined[..len], gathered[..]);
        sent.push((parts.transmit, gathered));
    }
    let mut buf = vec![0; BIG.max_packet as usize];
    let mut whole = Vec::new();
    while let Some(transmit) = twin.stack.poll_transmit(now, &mut buf) {
        whole.push((transmit, buf[..transmit.len].to_vec()));
    }
    assert!(sent == whole, "{} and {} packets", sent.len(), whole.len());
    assert_eq!(host.stack.counters(), twin.stack.counters());
    assert_eq!(host.stack.poll_timeout(), twin.stack.poll_timeout());
    (sent, apart)
}

/// A packet arrives whose checksum nobody has completed.
fn take(host: &mut Host, now: Instant, packet: &[u8], segment_size: Option<NonZeroU16>) {
    let meta = PacketMeta {
        checksum: ReceiveChecksum::Verified,
        segment_size,
        ..PacketMeta::default()
    };
    host.stack.handle_packet(now, packet, meta);
}

/// Carries `data` from the client to the server; of the client's packets those are lost that `lost` says. How many
/// bytes never were in the caller's buffer, and how long the longest packet was.
fn transfer(data: &[u8], offload: Offload, mut lost: impl FnMut() -> bool) -> (usize, usize) {
    let with = |address| StackConfig {
        offload,
        ..config(address)
    };
    let mut pair = Pair::with(with(client_ip()), with(server_ip()));
    let listener = pair.listen(ListenConfig::default());
    let client = pair.start_connect();
    for _ in 0..2 {
        for packet in pair.client.drain(pair.now) {
            take(&mut pair.server, pair.now, &packet, None);
        }
        for packet in pair.server.drain(pair.now) {
            take(&mut pair.client, pair.now, &packet, None);
        }
    }
    let server = pair.server.stack.accept(listener).unwrap();
    let mut connection = pair.client.stack.connection(pair.now, client).unwrap();
    connection.set_gso_max_size(Offload::MAX);
    drop(connection);
    let (mut written, mut got) = (0, Vec::new());
    let (mut apart, mut longest) = (0, 0);
    for _ in 0..2_000 {
        let mut connection = pair.client.stack.connection(pair.now, client).unwrap();
        written += connection.write(&data[written..]).unwrap_or(0);
        drop(connection);
        let (sent, left) = drain_in_parts(&mut pair.client, pair.now);
        apart += left;
        for (transmit, packet) in &sent {
            longest = longest.max(transmit.len);
            let said = match transmit.len {
                len @ ..65_536 => len as u16,
                _ => 0,
            };
            assert_eq!(packet[2..4], said.to_be_bytes());
        }
        for (transmit, packet) in sent.into_iter().filter(|_| !lost()) {
            take(&mut pair.server, pair.now, &packet, transmit.segment_size);
        }
        got.extend(pair.server.read_all(pair.now, server));
        if got.len() == data.len() {
            assert!(got == data, "the stream is another");
            return (apart, longest);
        }
        for packet in pair.server.drain(pair.now) {
            take(&mut pair.client, pair.now, &packet, None);
        }
        pair.run_timers();
    }
    panic!("what is lost is sent again");
}

#[test]
fn what_a_device_cuts_stays_where_it_is() {
    let data = stream(300_000);
    for (offload, least) in [(CARD, 65_000), (BIG, 100_000)] {
        let (apart, longest) = transfer(&data, offload, || false);
        assert!(apart > 200_000, "{apart}");
        assert!((least..=offload.max_packet as usize).contains(&longest));
    }
}

#[test]
fn without_offloads_packets_are_whole() {
    let data = stream(300_000);
    assert_eq!(transfer(&data, Offload::NONE, || false).0, 0);
    let checksum_alone = Offload {
        max_packet: 0,
        ..CARD
    };
    assert_eq!(transfer(&data, checksum_alone, || false).0, 0);
}

proptest! {
    /// Also where segments are sent again, in other pieces than before.
    #[test]
    fn they_are_the_same_to_the_byte(
        len in 1usize..400_000, fates in prop::collection::vec(0u8..8, 1..40),
        offload in prop::sample::select(vec![CARD, BIG]),
    ) {
        let mut fates = fates.into_iter();
        transfer(&stream(len), offload, || fates.next() == Some(0));
    }
}
