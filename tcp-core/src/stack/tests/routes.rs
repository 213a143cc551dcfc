//! Four-tuples that the table of routes cannot tell apart by itself.

use super::*;
use crate::stack::demux::tests::alike;
use crate::stack::keys::Keys;

/// A handshake with the server, which has a record for the peer from the SYN on; gives the server's number.
fn shake_hands(host: &mut Host, now: Instant, peer: SocketAddr) -> u32 {
    let answers = host.answer(now, peer, server_addr(), syn(100));
    let [syn_ack] = answers[..] else {
        panic!("one answer to a SYN: {answers:?}");
    };
    assert_eq!(syn_ack.control, Control::Syn, "to {peer}");
    let ack = syn_ack.seq.get().wrapping_add(1);
    let last = header(Control::None, 101, Some(ack));
    assert_eq!(host.answer(now, peer, server_addr(), last), []);
    ack
}

#[test]
fn each_of_two_peers_that_look_alike_has_a_connection_of_its_own() {
    let now = Instant::from_millis(1_000);
    let mut server = Host::new(config(server_ip()));
    let listener = server.stack.listen(on_port(PORT), ListenConfig::default());
    let listener = listener.unwrap();
    let peers = alike(&Keys::new(&SECRET).demux, server_addr());
    let acks = peers.map(|peer| shake_hands(&mut server, now, peer));
    let ids = peers.map(|_| server.stack.accept(listener).unwrap());
    for (id, peer) in ids.into_iter().zip(peers) {
        let connection = server.stack.connection(now, id).unwrap();
        assert_eq!(connection.remote_addr(), peer);
    }
    // A reset ends the one that it is for.
    let reset = header(Control::Rst, 101, Some(acks[0]));
    assert_eq!(server.answer(now, peers[0], server_addr(), reset), []);
    let fin = header(Control::Fin, 101, Some(acks[1]));
    let answers = server.answer(now, peers[1], server_addr(), fin);
    assert_eq!(answers[0].ack, Some(SeqNumber::new(102)));
    let states = ids.map(|id| server.stack.connection(now, id).unwrap().state());
    assert_eq!(
        states,
        [crate::State::Closed, crate::State::CloseWait],
        "of {peers:?}"
    );
}
