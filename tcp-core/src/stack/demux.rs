//! Whose a segment is: the connection with its four-tuple, else the listener on its destination.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use core::net::{IpAddr, SocketAddr};

use hashbrown::{HashMap, HashTable, hash_table};

use super::ListenAddr;
use super::keys::Key;
use super::recent::{Look, Recent};
use super::tuple::FourTuple;

/// The two tables, hashed under a secret key so that no peer can choose tuples that collide.
/// They are looked up and never walked: the order of a hash table must not reach the output.
#[derive(Clone, Debug)]
pub(super) struct Demux {
    key: Key,
    routes: HashTable<Route>,
    recent: Recent,
    listeners: HashMap<ListenAddr, u32, Key>,
    /// How many listeners name each port.
    listeners_on_port: BTreeMap<u16, u32>,
}

/// Where the segments of a four-tuple go.
#[derive(Clone, Copy, Debug)]
struct Route {
    tuple: FourTuple,
    record: Record,
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
            key,
            routes: HashTable::new(),
            recent: Recent::new(),
            listeners: HashMap::with_hasher(key),
            listeners_on_port: BTreeMap::new(),
        }
    }

    pub(super) fn route(&self, tuple: &FourTuple) -> Option<Record> {
        match self.recent.get(tuple) {
            Some(look) => look.record,
            None => self.find(tuple.hash(&self.key), tuple),
        }
    }

    /// As [`route`](Demux::route); the next look for it is shorter.
    #[inline]
    pub(super) fn look(&mut self, tuple: &FourTuple) -> Option<Record> {
        if let Some(look) = self.recent.get(tuple) {
            return look.record;
        }
        let (tuple, hash) = (*tuple, tuple.hash(&self.key));
        let record = self.find(hash, &tuple);
        self.recent.put(Look {
            tuple,
            hash,
            record,
        });
        record
    }

    fn find(&self, hash: u64, tuple: &FourTuple) -> Option<Record> {
        let route = self.routes.find(hash, |route| route.tuple == *tuple)?;
        Some(route.record)
    }

    fn hash(&self, tuple: &FourTuple) -> u64 {
        let look = self.recent.get(tuple);
        look.map_or_else(|| tuple.hash(&self.key), |look| look.hash)
    }

    /// Routes a four-tuple to `record`, wherever it went before.
    pub(super) fn insert(&mut self, tuple: FourTuple, record: Record) {
        let (key, hash) = (self.key, self.hash(&tuple));
        let is_same = |route: &Route| route.tuple == tuple;
        let rehash = |route: &Route| route.tuple.hash(&key);
        let route = Route { tuple, record };
        match self.routes.entry(hash, is_same, rehash) {
            hash_table::Entry::Occupied(mut place) => *place.get_mut() = route,
            hash_table::Entry::Vacant(place) => {
                place.insert(route);
            }
        }
        let record = Some(record);
        self.recent.put(Look {
            tuple,
            hash,
            record,
        });
    }

    pub(super) fn remove(&mut self, tuple: &FourTuple) {
        let (tuple, hash) = (*tuple, self.hash(tuple));
        if let Ok(place) = self.routes.find_entry(hash, |route| route.tuple == tuple) {
            place.remove();
        }
        if self.recent.get(&tuple).is_some() {
            let record = None;
            self.recent.put(Look {
                tuple,
                hash,
                record,
            });
        }
    }

    pub(super) fn has_no_routes(&self) -> bool {
        self.routes.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.routes.len()
    }

    /// The listener for a SYN to `local`, the most specific first.
    pub(super) fn listener(&self, local: SocketAddr) -> Option<u32> {
        let (ip, port) = (Some(local.ip()), Some(local.port()));
        let on_port = self.listeners_on_port.contains_key(&local.port());
        let with_port = [(ip, port), (None, port)];
        let without = [(ip, None), (None, None)];
        let with_port = with_port.into_iter().filter(|_| on_port);
        with_port
            .chain(without)
            .find_map(|(ip, port)| self.listener_at(&ListenAddr { ip, port }))
    }

    /// Whether somebody listens on this port in particular: at `ip` or everywhere; and where `ip` is
    /// `None`, at any address.
    pub(super) fn has_listener_on_port(&self, port: u16, ip: Option<IpAddr>) -> bool {
        let at = |ip| {
            let port = Some(port);
            self.listener_at(&ListenAddr { ip, port }).is_some()
        };
        match ip {
            Some(_) => at(ip) || at(None),
            None => self.listeners_on_port.contains_key(&port),
        }
    }

    /// The listener on exactly this address.
    pub(super) fn listener_at(&self, addr: &ListenAddr) -> Option<u32> {
        self.listeners.get(addr).copied()
    }

    pub(super) fn insert_listener(&mut self, addr: ListenAddr, slot: u32) {
        let replaced = self.listeners.insert(addr, slot);
        if let (None, Some(port)) = (replaced, addr.port) {
            *self.listeners_on_port.entry(port).or_default() += 1;
        }
    }

    pub(super) fn remove_listener(&mut self, addr: &ListenAddr) {
        let removed = self.listeners.remove(addr);
        if let (Some(_), Some(port)) = (removed, addr.port)
            && let Entry::Occupied(mut count) = self.listeners_on_port.entry(port)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::keys::Keys;
    use alloc::vec::Vec;
    use proptest::prelude::*;

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
    fn a_port_is_taken_while_anybody_listens_on_it() {
        let mut demux = demux();
        let at = |ip: &str| ListenAddr::from(SocketAddr::new(ip.parse().unwrap(), 80));
        for ip in ["10.0.0.1", "10.0.0.2"] {
            demux.insert_listener(at(ip), 0);
        }
        let taken = |demux: &Demux, ip: Option<&str>| {
            demux.has_listener_on_port(80, ip.map(|ip| ip.parse().unwrap()))
        };
        assert!(taken(&demux, Some("10.0.0.1")) && !taken(&demux, Some("10.0.0.3")));
        demux.remove_listener(&at("10.0.0.1"));
        assert!(taken(&demux, None));
        demux.remove_listener(&at("10.0.0.2"));
        assert!(!taken(&demux, None));
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

    proptest! {
        /// Whatever was looked for before.
        #[test]
        fn a_tuple_leads_where_it_was_last_routed(
            steps in prop::collection::vec((0u16..300, prop::option::of(any::<bool>())), 0..600),
        ) {
            let mut demux = demux();
            let mut model = [None; 300];
            let tuples: Vec<_> = (0u16..300)
                .map(|port| FourTuple::new(addr("10.0.0.1:80"), SocketAddr::new(addr("10.0.0.2:0").ip(), port)).unwrap())
                .collect();
            for (number, (port, step)) in (0u32..).zip(steps) {
                let (tuple, expected) = (&tuples[usize::from(port)], &mut model[usize::from(port)]);
                match step {
                    Some(true) => {
                        demux.insert(*tuple, Record::Connection(number));
                        *expected = Some(Record::Connection(number));
                    }
                    Some(false) => {
                        demux.remove(tuple);
                        *expected = None;
                    }
                    None => prop_assert_eq!(demux.look(tuple), *expected),
                }
                prop_assert_eq!(demux.route(tuple), *expected);
            }
        }
    }
}
