//! Whose a segment is: the connection with its four-tuple, else the listener on its destination.

use core::net::SocketAddr;

use hashbrown::HashMap;

use super::ListenAddr;
use super::keys::Key;
use super::tuple::FourTuple;

/// The two tables, hashed under a secret key so that no peer can choose tuples that collide.
/// They are looked up and never walked: the order of a hash table must not reach the output.
#[derive(Clone, Debug)]
pub(super) struct Demux {
    routes: HashMap<FourTuple, Record, Key>,
    listeners: HashMap<ListenAddr, u32, Key>,
}

/// What knows a four-tuple; the number is its slot in the table of that kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Record {
    Connection(u32),
    HalfOpen(u32),
    TimeWait(u32),
}

impl Demux {
    pub(super) fn new(key: Key) -> Self {
        Demux {
            routes: HashMap::with_hasher(key),
            listeners: HashMap::with_hasher(key),
        }
    }

    pub(super) fn route(&self, tuple: &FourTuple) -> Option<Record> {
        self.routes.get(tuple).copied()
    }

    /// Routes a four-tuple to `record`, wherever it went before.
    pub(super) fn insert(&mut self, tuple: FourTuple, record: Record) {
        self.routes.insert(tuple, record);
    }

    pub(super) fn remove(&mut self, tuple: &FourTuple) {
        self.routes.remove(tuple);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.routes.len()
    }

    /// The listener for a SYN to `local`, the most specific first.
    pub(super) fn listener(&self, local: SocketAddr) -> Option<u32> {
        let (ip, port) = (Some(local.ip()), Some(local.port()));
        [(ip, port), (None, port), (ip, None), (None, None)]
            .into_iter()
            .find_map(|(ip, port)| self.listener_at(&ListenAddr { ip, port }))
    }

    /// Whether somebody listens on this port in particular, here or everywhere.
    pub(super) fn has_listener_on_port(&self, local: SocketAddr) -> bool {
        let port = Some(local.port());
        [Some(local.ip()), None]
            .into_iter()
            .any(|ip| self.listener_at(&ListenAddr { ip, port }).is_some())
    }

    /// The listener on exactly this address.
    pub(super) fn listener_at(&self, addr: &ListenAddr) -> Option<u32> {
        self.listeners.get(addr).copied()
    }

    pub(super) fn insert_listener(&mut self, addr: ListenAddr, slot: u32) {
        self.listeners.insert(addr, slot);
    }

    pub(super) fn remove_listener(&mut self, addr: &ListenAddr) {
        self.listeners.remove(addr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::keys::Keys;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn demux() -> Demux {
        Demux::new(Keys::new(&[1; 32]).demux)
    }

    #[test]
    fn a_tuple_leads_to_one_place() {
        let mut demux = demux();
        let tuple = FourTuple::new(addr("10.0.0.1:80"), addr("10.0.0.2:4000")).unwrap();
        let turned = FourTuple::new(addr("10.0.0.2:4000"), addr("10.0.0.1:80")).unwrap();
        assert_eq!(demux.route(&tuple), None);
        demux.insert(tuple, Record::HalfOpen(7));
        demux.insert(tuple, Record::Connection(3));
        assert_eq!(demux.route(&tuple), Some(Record::Connection(3)));
        assert_eq!(demux.route(&turned), None);
        demux.remove(&tuple);
        assert_eq!(demux.route(&tuple), None);
    }

    #[test]
    fn the_most_specific_listener_wins() {
        let mut demux = demux();
        let here = addr("10.0.0.1:80");
        let ip = Some(here.ip());
        let least_to_most = [(None, None), (ip, None), (None, Some(80)), (ip, Some(80))];
        assert_eq!(demux.listener(here), None);
        for (slot, (ip, port)) in (0..).zip(least_to_most) {
            demux.insert_listener(ListenAddr { ip, port }, slot);
            assert_eq!(demux.listener(here), Some(slot));
        }
        assert_eq!(demux.listener(addr("10.0.0.1:81")), Some(1));
        assert_eq!(demux.listener(addr("10.0.0.2:80")), Some(2));
        assert_eq!(demux.listener(addr("[fd00::1]:80")), Some(2));
        assert_eq!(demux.listener(addr("10.0.0.2:81")), Some(0));
        demux.remove_listener(&ListenAddr { ip, port: Some(80) });
        assert_eq!(demux.listener(here), Some(2));
    }
}
