//! Order: the same input gives the same output, and everyone gets a turn.

use super::*;

/// Everything that both sides sent in a short life of a few connections.
fn transcript(secret: [u8; 32]) -> Vec<Vec<u8>> {
    let mut pair = Pair::new();
    pair.client.stack = Stack::new(config(client_ip()), secret);
    pair.server.stack = Stack::new(config(server_ip()), secret);
    let listener = pair.listen(ListenConfig::default());
    let mut said = Vec::new();
    let mut clients = Vec::new();
    for step in 0..200_u64 {
        if step < 20 {
            clients.push(pair.start_connect());
        }
        if let Ok(server) = pair.server.stack.accept(listener) {
            pair.server.write(pair.now, server, &[step as u8; 5_000]);
            pair.server.close(pair.now, server);
        }
        if step > 100
            && let Some(client) = clients.pop()
        {
            pair.client.close(pair.now, client);
        }
        let to_server = pair.client_to_server();
        let to_client = pair.server_to_client();
        // Every seventh packet is lost, so that timers have their say.
        for (number, packet) in to_server.iter().enumerate() {
            if !(said.len() + number).is_multiple_of(7) {
                pair.server.handle(pair.now, packet);
            }
        }
        for (number, packet) in to_client.iter().enumerate() {
            if !(said.len() + number).is_multiple_of(7) {
                pair.client.handle(pair.now, packet);
            }
        }
        said.extend(to_server);
        said.extend(to_client);
        pair.now += Duration::from_millis(50);
        pair.client.stack.handle_timeout(pair.now);
        pair.server.stack.handle_timeout(pair.now);
    }
    said
}

#[test]
fn the_same_secret_and_input_give_the_same_bytes() {
    let first = transcript([1; 32]);
    assert!(first.len() > 100);
    assert!(first == transcript([1; 32]), "a single bit of difference");
    assert!(first != transcript([2; 32]), "the secret is of no effect");
}

#[test]
fn a_clone_goes_on_as_its_original() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, _) = pair.establish(listener);
    pair.client.write(pair.now, client, &[7; 5_000]);
    let mut copy = pair.client.clone();
    let said = pair.client.drain(pair.now);
    assert!(!said.is_empty());
    assert_eq!(copy.drain(pair.now), said);
    assert_eq!(copy.stack.poll_timeout(), pair.client.stack.poll_timeout());
}

#[test]
fn connections_take_turns_and_answers_go_first() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (first, _) = pair.establish(listener);
    let (second, _) = pair.establish(listener);
    let ports = [first, second].map(|id| pair.client_addr(id).port());
    for id in [first, second] {
        pair.client.write(pair.now, id, &[7; 1_400 * 4]);
    }
    pair.client.inject(
        pair.now,
        addr("10.0.0.2:9"),
        addr("10.0.0.1:9"),
        header(Control::None, 1, Some(1)),
    );
    let sent = pair.client_to_server();
    let from: Vec<_> = sent.iter().map(|packet| parse(packet).src.port()).collect();
    let [one, two] = ports;
    // A turn is a train.
    assert_eq!(from[..9], [9, one, one, one, one, two, two, two, two]);
}

#[test]
fn a_buffer_below_the_mtu_gets_nothing_and_loses_nothing() {
    let mut pair = Pair::new();
    pair.start_connect();
    let mut short = [0; 1_499];
    assert_eq!(pair.client.stack.poll_transmit(pair.now, &mut short), None);
    assert_eq!(pair.client_to_server().len(), 1);
}

#[test]
fn looking_at_a_connection_changes_nothing() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, _) = pair.establish(listener);
    pair.run();
    let connection = pair.client.stack.connection(pair.now, client).unwrap();
    assert_eq!(connection.info().tcpi_state, connection.state());
    assert_eq!(
        connection.peek(&mut [0; 8]),
        Err(crate::ReadError::WouldBlock)
    );
    drop(connection);
    assert_eq!(pair.client.stack.ready.front(), None);
}
