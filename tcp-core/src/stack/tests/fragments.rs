//! Whether routers may cut what a connection sends (RFC 791, RFC 6864).

use super::*;
use crate::config::MtuDiscovery;

/// DF and the identification of an IPv4 packet.
fn fragments(packet: &[u8]) -> (bool, u16) {
    let identification = u16::from_be_bytes([packet[4], packet[5]]);
    (packet[6] & 0x40 != 0, identification)
}

fn write_and_send(pair: &mut Pair, id: ConnectionId) -> Vec<(bool, u16)> {
    pair.client.write(pair.now, id, &[7; 5_000]);
    let packets = pair.client_to_server();
    let seen = packets.iter().map(|packet| fragments(packet)).collect();
    for packet in packets {
        pair.server.handle(pair.now, &packet);
    }
    pair.run();
    seen
}

#[test]
fn packets_that_may_be_cut_are_told_apart() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (id, _) = pair.establish(listener);
    let whole = write_and_send(&mut pair, id);
    assert!(whole.len() > 3);
    assert!(whole.iter().all(|&it| it == (true, 0)), "{whole:?}");
    let mut client = pair.client.stack.connection(pair.now, id).unwrap();
    client.set_mtu_discovery(MtuDiscovery::Allow);
    drop(client);
    let divisible = write_and_send(&mut pair, id);
    assert!(divisible.len() > 3);
    for pair in divisible.windows(2) {
        let [(first, before), (second, after)] = [pair[0], pair[1]];
        assert_eq!((first, second), (false, false));
        assert_eq!(after, before.wrapping_add(1));
    }
}

#[test]
fn a_syn_ack_is_never_cut() {
    let mut pair = Pair::new();
    let tcp = crate::config::TcpConfig {
        mtu_discovery: MtuDiscovery::Ignore,
        ..Default::default()
    };
    pair.listen(ListenConfig {
        tcp: tcp.validate().unwrap(),
        ..ListenConfig::default()
    });
    pair.start_connect();
    for packet in pair.client_to_server() {
        pair.server.handle(pair.now, &packet);
    }
    let answers = pair.server_to_client();
    assert_eq!(fragments(&answers[0]), (true, 0));
}
