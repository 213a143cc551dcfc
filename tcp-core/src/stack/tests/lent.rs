//! Writes from where the user's data is.

use core::num::NonZeroU16;

use proptest::prelude::*;

use super::*;

/// Two hosts with devices that do so much.
fn joined(offload: Offload) -> (Pair, ConnectionId, ConnectionId) {
    let with = |address| StackConfig {
        offload,
        ..config(address)
    };
    let mut pair = Pair::with(with(client_ip()), with(server_ip()));
    let listener = pair.listen(ListenConfig::default());
    let client = pair.start_connect();
    for _ in 0..2 {
        for packet in pair.client.drain(pair.now) {
            let meta = meta(offload, None);
            pair.server.stack.handle_packet(pair.now, &packet, meta);
        }
        for packet in pair.server.drain(pair.now) {
            let meta = meta(offload, None);
            pair.client.stack.handle_packet(pair.now, &packet, meta);
        }
    }
    let server = pair.server.stack.accept(listener).unwrap();
    let mut connection = pair.client.stack.connection(pair.now, client).unwrap();
    connection.set_gso_max_size(Offload::MAX);
    drop(connection);
    (pair, client, server)
}

/// Of a packet by such a device: where it was to complete the checksum, nobody has.
fn meta(offload: Offload, segment_size: Option<NonZeroU16>) -> PacketMeta {
    PacketMeta {
        checksum: match offload.checksum {
            true => ReceiveChecksum::Verified,
            false => ReceiveChecksum::Unchecked,
        },
        segment_size,
        ..PacketMeta::default()
    }
}

fn connection_of(host: &mut Host, now: Instant, id: ConnectionId) -> crate::Connection {
    (**host.stack.connection(now, id).as_ref().unwrap()).clone()
}

/// Carries `data` from client to server, lent piece by piece, beside a twin that writes it; how many bytes were lent. Packets are
/// lost, from one end or the other, as `lost` says.
fn transfer(data: &[u8], piece: usize, offload: Offload, mut lost: impl FnMut() -> bool) -> usize {
    let (mut pair, client, server) = joined(offload);
    let (mut written, mut got, mut lent) = (0, Vec::new(), 0);
    let mut buf = vec![0; pair.client.stack.config().largest_packet()];
    for _ in 0..5_000 {
        let now = pair.now;
        let next = &data[written..data.len().min(written + piece)];
        let (mut twin, mut is_lent) = (pair.client.clone(), false);
        if let Some(mut writing) = pair.client.stack.lend(now, client, next) {
            let count = writing.len();
            let mut connection = twin.stack.connection(now, client).unwrap();
            assert_eq!(connection.write(next), Ok(count));
            drop(connection);
            (written, lent) = (written + count, lent + count);
            let mut sent = Vec::new();
            while let Some(parts) = writing.poll_transmit_parts(now, &mut buf) {
                let [first, second] = parts.payload;
                let packet = [&buf[..parts.in_buffer()], first, second].concat();
                sent.push((packet, parts.transmit.segment_size));
            }
            let mut by_twin = Vec::new();
            while let Some(transmit) = twin.stack.poll_transmit(now, &mut buf) {
                by_twin.push((buf[..transmit.len].to_vec(), transmit.segment_size));
            }
            assert!(sent == by_twin, "{} and {}", sent.len(), by_twin.len());
            for (packet, size) in sent.iter().filter(|_| !lost()) {
                pair.server
                    .stack
                    .handle_packet(now, packet, meta(offload, *size));
            }
            got.extend(pair.server.read_all(now, server));
            for packet in pair.server.drain(now).iter().filter(|_| !lost()) {
                writing.handle_packet(now, packet, meta(offload, None));
                twin.stack.handle_packet(now, packet, meta(offload, None));
            }
            is_lent = true;
        }
        if is_lent {
            let same = connection_of(&mut pair.client, now, client)
                == connection_of(&mut twin, now, client);
            assert!(same, "what is not acknowledged is taken");
        } else {
            let mut connection = pair.client.stack.connection(now, client).unwrap();
            written += connection.write(next).unwrap_or(0);
        }
        while let Some(transmit) = pair.client.stack.poll_transmit(now, &mut buf) {
            let meta = meta(offload, transmit.segment_size);
            if !lost() {
                let packet = &buf[..transmit.len];
                pair.server.stack.handle_packet(now, packet, meta);
            }
        }
        got.extend(pair.server.read_all(now, server));
        if got.len() == data.len() {
            assert!(got == data, "the stream is another");
            return lent;
        }
        for packet in pair.server.drain(now) {
            pair.client
                .stack
                .handle_packet(now, &packet, meta(offload, None));
        }
        pair.run_timers();
    }
    panic!("what is lost is sent again");
}

#[test]
fn what_is_acknowledged_at_once_is_lent() {
    let data = stream(500_000);
    let lent = transfer(&data, 20_000, CARD, || false);
    assert!(lent > 400_000, "{lent}");
}

#[test]
fn what_goes_segment_by_segment_is_lent_as_well() {
    let data = stream(500_000);
    let lent = transfer(&data, 20_000, Offload::NONE, || false);
    assert!(lent > 400_000, "{lent}");
}

#[test]
fn nothing_is_lent_where_something_else_is_to_be_sent_or_there_is_no_room() {
    let (mut pair, client, _) = joined(CARD);
    let now = pair.now;
    let mut connection = pair.client.stack.connection(now, client).unwrap();
    connection.set_nodelay(true);
    drop(connection);
    assert!(pair.client.stack.lend(now, client, &[]).is_none());
    pair.client.write(now, client, b"unsent");
    assert!(pair.client.stack.lend(now, client, b"after").is_none());
    pair.client.drain(now);
    assert!(pair.client.stack.lend(now, client, b"after").is_some());
    pair.client.drain(now);
    let much = vec![1; 2 << 20];
    let room = pair.client.stack.lend(now, client, &much).unwrap().len();
    assert!(room < much.len(), "{room}");
    assert!(pair.client.stack.lend(now, client, b"no room").is_none());
    let mut connection = pair.client.stack.connection(now, client).unwrap();
    connection.shutdown(crate::Shutdown::Write);
    drop(connection);
    assert!(pair.client.stack.lend(now, client, b"too late").is_none());
}

#[test]
fn a_reset_meanwhile_ends_it() {
    let (mut pair, client, server) = joined(CARD);
    let now = pair.now;
    pair.server.stack.connection(now, server).unwrap().abort();
    let resets = pair.server.drain(now);
    let data = stream(20_000);
    let mut writing = pair.client.stack.lend(now, client, &data).unwrap();
    for packet in &resets {
        writing.handle_packet(now, packet, meta(CARD, None));
    }
    let mut buf = vec![0; 65_536];
    assert!(writing.poll_transmit_parts(now, &mut buf).is_none());
    drop(writing);
    let mut connection = pair.client.stack.connection(now, client).unwrap();
    assert!(connection.write(b"x").is_err());
}

#[test]
fn a_reset_ends_a_train_that_is_under_way() {
    for offload in [Offload::NONE, CARD] {
        let (mut pair, client, server) = joined(offload);
        let now = pair.now;
        pair.server.stack.connection(now, server).unwrap().abort();
        let resets = pair.server.drain(now);
        let data = stream(14_000);
        let mut writing = pair.client.stack.lend(now, client, &data).unwrap();
        let mut buf = vec![0; 65_536];
        let first = writing.poll_transmit_parts(now, &mut buf).unwrap();
        let whole = first.transmit.len > data.len();
        assert_eq!(whole, offload == CARD);
        for packet in &resets {
            writing.handle_packet(now, packet, meta(offload, None));
        }
        assert!(writing.poll_transmit_parts(now, &mut buf).is_none());
    }
}

proptest! {
    /// To the peer, and to the connection afterwards, it is as if it had been written.
    #[test]
    fn what_is_lent_is_as_if_written(
        len in 1usize..400_000, piece in 200usize..70_000,
        fates in prop::collection::vec(0u8..6, 1..60),
        offload in prop::sample::select(vec![
            Offload::NONE,
            CARD,
            BIG,
            Offload { checksum: false, ..CARD },
            Offload { max_packet: 0, ..CARD },
        ]),
    ) {
        let mut fates = fates.into_iter();
        transfer(&stream(len), piece, offload, || fates.next() == Some(0));
    }
}
