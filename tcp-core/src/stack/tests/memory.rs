//! Buffers that have run empty.

use super::*;
use crate::connection::Connection;
use crate::stack::rest::Resident;
use crate::stack::warm::MOST;

fn has_spare_memory(resident: &Resident) -> bool {
    resident.awake().is_some_and(Connection::has_spare_memory)
}

fn spare(host: &Host) -> usize {
    let entries = host.stack.connections.iter();
    entries
        .filter(|(_, entry)| has_spare_memory(&entry.resident))
        .count()
}

#[test]
fn only_the_last_few_connections_keep_their_memory() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let ends: Vec<_> = (0..3 * MOST).map(|_| pair.establish(listener)).collect();
    for round in 0..2 {
        for &(client, server) in &ends {
            pair.client.write(pair.now, client, &[round; 1_000]);
            pair.run();
            let read = pair.server.read_all(pair.now, server);
            assert_eq!(read, [round; 1_000]);
            pair.run();
            // So that every byte is acknowledged.
            pair.sleep(Duration::from_secs(1));
        }
        assert_eq!((spare(&pair.client), spare(&pair.server)), (MOST, MOST));
    }
}

#[test]
fn who_comes_gets_the_memory_of_who_went() {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let place = |host: &Host| {
        let (_, entry) = host.stack.connections.iter().next().unwrap();
        core::ptr::from_ref(entry.resident.awake().unwrap())
    };
    let mut places = Vec::new();
    for _ in 0..3 {
        let (client, server) = pair.establish(listener);
        pair.client
            .write(pair.now, client, b"what is held is not inherited");
        places.push([place(&pair.client), place(&pair.server)]);
        pair.client.close(pair.now, client);
        pair.server.close(pair.now, server);
        pair.sleep(Duration::from_secs(1));
    }
    assert_eq!(places, [places[0]; 3]);
}
