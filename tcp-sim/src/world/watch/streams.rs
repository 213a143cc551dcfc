//! What goes from user to user, in both directions of each connection.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::oracle::Ledger;

/// The ledgers of all connections that have a user.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    streams: Vec<Stream>,
    /// Places in `streams` that are free.
    free: Vec<usize>,
    /// The latest between two addresses, the lesser first.
    latest: BTreeMap<(SocketAddr, SocketAddr), usize>,
}

/// One connection: ledgers by the writer, users by their own address, the lesser first.
#[derive(Clone, Debug)]
struct Stream {
    key: (SocketAddr, SocketAddr),
    ledgers: [Ledger; 2],
    users: [Presence; 2],
}

/// Whether an end of a connection has a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Presence {
    /// Not yet.
    Awaited,
    Here,
    /// Not any more.
    Gone,
}

/// Where a user's bytes are written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    stream: usize,
    end: usize,
}

impl Streams {
    /// A user takes the end at `local` of a connection, whose other end may have one already.
    pub(super) fn join(&mut self, local: SocketAddr, remote: SocketAddr) -> Place {
        let (key, end) = sort(local, remote);
        let known = self.latest.get(&key).copied();
        let known = known.filter(|index| self.streams[*index].users[end] == Presence::Awaited);
        let stream = known.unwrap_or_else(|| self.begin(key));
        self.streams[stream].users[end] = Presence::Here;
        Place { stream, end }
    }

    /// A user has closed.
    pub(super) fn leave(&mut self, place: Place) {
        self.streams[place.stream].users[place.end] = Presence::Gone;
        self.free_if_over(place.stream);
    }

    /// Nothing is left of a connection at `local` that nobody may have held.
    pub(super) fn abandon(&mut self, local: SocketAddr, remote: SocketAddr) {
        let (key, end) = sort(local, remote);
        let Some(index) = self.latest.get(&key).copied() else {
            return;
        };
        let users = &mut self.streams[index].users;
        if users[end] == Presence::Awaited && users[1 - end] == Presence::Gone {
            users[end] = Presence::Gone;
            self.free_if_over(index);
        }
    }

    pub(super) fn outgoing(&mut self, place: Place) -> &mut Ledger {
        &mut self.streams[place.stream].ledgers[place.end]
    }

    pub(super) fn incoming(&mut self, place: Place) -> &mut Ledger {
        &mut self.streams[place.stream].ledgers[1 - place.end]
    }

    fn begin(&mut self, key: (SocketAddr, SocketAddr)) -> usize {
        let stream = Stream {
            key,
            ledgers: Default::default(),
            users: [Presence::Awaited; 2],
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.streams[index] = stream;
                index
            }
            None => {
                self.streams.push(stream);
                self.streams.len() - 1
            }
        };
        if let Some(before) = self.latest.insert(key, index) {
            // Nobody will take an end of that one any more.
            for user in &mut self.streams[before].users {
                if *user == Presence::Awaited {
                    *user = Presence::Gone;
                }
            }
            self.free_if_over(before);
        }
        index
    }

    fn free_if_over(&mut self, index: usize) {
        let stream = &self.streams[index];
        if stream.users == [Presence::Gone; 2] {
            if self.latest.get(&stream.key) == Some(&index) {
                self.latest.remove(&stream.key);
            }
            self.free.push(index);
        }
    }
}

/// The addresses in order, and where `local` is.
fn sort(local: SocketAddr, remote: SocketAddr) -> ((SocketAddr, SocketAddr), usize) {
    if local <= remote {
        ((local, remote), 0)
    } else {
        ((remote, local), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> (SocketAddr, SocketAddr) {
        (([10, 0, 0, 1], 5_000).into(), ([10, 0, 0, 2], 80).into())
    }

    #[test]
    fn two_users_share_a_connection() {
        let (here, there) = ends();
        let mut streams = Streams::default();
        let client = streams.join(here, there);
        streams.outgoing(client).wrote(b"hello");
        let server = streams.join(there, here);
        assert_eq!(streams.incoming(server).read(b"hello"), Ok(()));
        streams.leave(client);
        assert_eq!(streams.free.len(), 0);
        streams.leave(server);
        assert_eq!((streams.free.len(), streams.latest.len()), (1, 0));
    }

    #[test]
    fn a_connection_between_the_same_addresses_is_another() {
        let (here, there) = ends();
        let mut streams = Streams::default();
        let first = streams.join(here, there);
        let server = streams.join(there, here);
        streams.outgoing(first).wrote(b"old");
        streams.leave(first);
        let second = streams.join(here, there);
        streams.outgoing(second).wrote(b"new");
        assert_eq!(streams.incoming(server).read(b"old"), Ok(()));
        streams.leave(server);
        let server = streams.join(there, here);
        assert_eq!(streams.incoming(server).read(b"new"), Ok(()));
    }

    #[test]
    fn a_connection_that_nobody_takes_is_forgotten() {
        let (here, there) = ends();
        let mut streams = Streams::default();
        let client = streams.join(here, there);
        streams.abandon(there, here);
        assert_eq!(streams.latest.len(), 1, "the client is still there");
        streams.leave(client);
        streams.abandon(there, here);
        assert_eq!((streams.free.len(), streams.latest.len()), (1, 0));
    }
}
