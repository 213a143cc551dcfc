//! Whose a segment is: the connection with its four-tuple, else the listener on its destination.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use core::iter;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hashbrown::{HashMap, HashTable};

use super::ListenAddr;
use super::keys::Key;
use super::recent::{Look, Recent};
use super::tuple::FourTuple;

/// The two tables, hashed under a secret key so that no peer can choose tuples that collide.
/// They are looked up and never walked: the order of a hash table must not reach the output.
///
/// A route does not hold its four-tuple: the record that it leads to does, and is asked. So a route takes eight
/// bytes, and those of many connections stay in the processor's cache.
#[derive(Clone, Debug)]
pub(super) struct Demux {
    key: Key,
    routes: HashTable<Route>,
    recent: Recent<Record>,
    /// Those that share an address, in the order in which they came.
    listeners: HashMap<ListenAddr, Vec<u32>, Key>,
    /// How many listeners name each port.
    listeners_on_port: BTreeMap<u16, u32>,
}

/// Where the segments of a four-tuple go.
#[derive(Clone, Copy, Debug)]
struct Route {
    /// Thirty bits of the four-tuple's hash, and two that tell the record's kind.
    hash_and_kind: u32,
    /// The record's slot.
    slot: u32,
}

/// What knows a four-tuple; the number is its slot in the table of that kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Record {
    Connection(u32),
    HalfOpen(u32),
    TimeWait(u32),
}

/// Bits that tell kinds of records apart.
const KIND_BITS: u32 = 2;

impl Route {
    fn new(hash: u64, record: Record) -> Route {
        let (kind, slot) = match record {
            Record::Connection(slot) => (0, slot),
            Record::HalfOpen(slot) => (1, slot),
            Record::TimeWait(slot) => (2, slot),
        };
        Route {
            hash_and_kind: (hash as u32) << KIND_BITS | kind,
            slot,
        }
    }

    fn record(&self) -> Record {
        match self.hash_and_kind & ((1 << KIND_BITS) - 1) {
            0 => Record::Connection(self.slot),
            1 => Record::HalfOpen(self.slot),
            _ => Record::TimeWait(self.slot),
        }
    }

    fn is(&self, other: &Route) -> bool {
        self.hash_and_kind == other.hash_and_kind && self.slot == other.slot
    }

    /// Whether it may be that of a four-tuple with this hash.
    fn has_hash(&self, hash: u64) -> bool {
        self.hash_and_kind >> KIND_BITS == (hash as u32) << KIND_BITS >> KIND_BITS
    }

    fn place(&self) -> u64 {
        spread(self.hash_and_kind >> KIND_BITS)
    }
}

/// Where the table looks for a route: it goes by the upmost bits and by the lowest, and a route keeps thirty of the
/// hash. Different ones stay different (Fibonacci hashing).
fn spread(kept: u32) -> u64 {
    u64::from(kept).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn place(hash: u64) -> u64 {
    spread((hash as u32) << KIND_BITS >> KIND_BITS)
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

    /// Where the segments of a four-tuple go; `is_its` says whether a record is that of the four-tuple.
    pub(super) fn route(
        &self,
        tuple: &FourTuple,
        is_its: impl Fn(Record) -> bool,
    ) -> Option<Record> {
        match self.recent.get(tuple) {
            Some(look) => look.record,
            None => self.find(tuple.hash(&self.key), is_its),
        }
    }

    /// As [`route`](Demux::route); the next look for it is shorter.
    #[inline]
    pub(super) fn look(
        &mut self,
        tuple: &FourTuple,
        is_its: impl Fn(Record) -> bool,
    ) -> Option<Record> {
        if let Some(look) = self.recent.get(tuple) {
            return look.record;
        }
        let (tuple, hash) = (*tuple, tuple.hash(&self.key));
        let record = self.find(hash, is_its);
        self.note(tuple, hash, record);
        record
    }

    fn find(&self, hash: u64, is_its: impl Fn(Record) -> bool) -> Option<Record> {
        let is_its = |route: &Route| route.has_hash(hash) && is_its(route.record());
        let route = self.routes.find(place(hash), is_its)?;
        Some(route.record())
    }

    fn hash(&self, tuple: &FourTuple) -> u64 {
        let look = self.recent.get(tuple);
        look.map_or_else(|| tuple.hash(&self.key), |look| look.hash)
    }

    /// Routes a four-tuple to `record`. `before` is where it went until now: one leads to one place only.
    pub(super) fn insert(&mut self, tuple: FourTuple, before: Option<Record>, record: Record) {
        let hash = self.hash(&tuple);
        let route = Route::new(hash, record);
        let had_route = before.is_some();
        let before = before.map(|before| Route::new(hash, before));
        let place = before.and_then(|before| {
            let is_that = |route: &Route| route.is(&before);
            self.routes.find_mut(place(hash), is_that)
        });
        debug_assert!(
            place.is_some() == had_route,
            "a four-tuple has the route that it is said to have"
        );
        match place {
            Some(place) => *place = route,
            None => drop(
                self.routes
                    .insert_unique(route.place(), route, Route::place),
            ),
        }
        self.note(tuple, hash, Some(record));
    }

    /// Looks for the routes of several four-tuples whose turn comes soon. They have not been used for long, and the
    /// table has left the cache meanwhile: to wait for all of them takes hardly longer than for one.
    pub(super) fn look_for_all<const N: usize>(
        &mut self,
        routed: [Option<(FourTuple, Record)>; N],
    ) {
        let looks = routed.map(|routed| {
            let (tuple, record) = routed?;
            let (hash, record) = (tuple.hash(&self.key), Some(record));
            Some(Look {
                tuple,
                hash,
                record,
            })
        });
        // Nothing between one and the next that the processor could not do before it has the one.
        let found = looks.map(|look| {
            let route = look.and_then(|look| Some(Route::new(look.hash, look.record?)));
            route.is_some_and(|route| {
                let found = self.routes.find(route.place(), |other| other.is(&route));
                found.is_some()
            })
        });
        for look in iter::zip(looks, found).filter_map(|(look, found)| look.filter(|_| found)) {
            self.recent.put(look);
        }
    }

    /// Ends the route of a four-tuple to `record`, if there is one.
    pub(super) fn remove(&mut self, tuple: &FourTuple, record: Record) {
        let hash = self.hash(tuple);
        let route = Route::new(hash, record);
        let is_that = |other: &Route| other.is(&route);
        if let Ok(place) = self.routes.find_entry(route.place(), is_that) {
            place.remove();
        }
        let look = self.recent.get(tuple);
        if look.is_some_and(|look| look.record == Some(record)) {
            self.note(*tuple, hash, None);
        }
    }

    fn note(&mut self, tuple: FourTuple, hash: u64, record: Option<Record>) {
        self.recent.put(Look {
            tuple,
            hash,
            record,
        });
    }

    pub(super) fn has_no_routes(&self) -> bool {
        self.routes.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.routes.len()
    }

    /// The listener for a SYN, the most specific first. Of several that share an address each has its
    /// part of the peers, chosen by a keyed hash (`SO_REUSEPORT`).
    pub(super) fn listener(&self, tuple: &FourTuple) -> Option<u32> {
        let local = tuple.local();
        let (ip, family) = (Some(local.ip()), Some(any_of_family(local.ip())));
        let port = Some(local.port());
        let with_port = [(ip, port), (family, port), (None, port)];
        let without = [(ip, None), (family, None), (None, None)];
        // Where nobody names the port, three looks are saved.
        let named = self.listeners_on_port.contains_key(&local.port());
        let with_port = with_port.into_iter().filter(|_| named);
        let mut groups = with_port.chain(without);
        let group = groups.find_map(|(ip, port)| self.listeners.get(&ListenAddr { ip, port }))?;
        let place = match group.len() {
            1 => 0,
            len => self.hash(tuple).checked_rem(len as u64)? as usize,
        };
        group.get(place).copied()
    }

    /// Whether somebody listens on this port in particular: at `ip` or everywhere; and where `ip` is
    /// `None` or unspecified, at any address.
    pub(super) fn has_listener_on_port(&self, port: u16, ip: Option<IpAddr>) -> bool {
        let at = |ip| {
            let port = Some(port);
            self.listener_at(&ListenAddr { ip, port }).is_some()
        };
        match ip {
            Some(here) if !here.is_unspecified() => {
                at(ip) || at(Some(any_of_family(here))) || at(None)
            }
            _ => self.listeners_on_port.contains_key(&port),
        }
    }

    /// The first listener on exactly this address.
    pub(super) fn listener_at(&self, addr: &ListenAddr) -> Option<u32> {
        self.listeners.get(addr)?.first().copied()
    }

    pub(super) fn insert_listener(&mut self, addr: ListenAddr, slot: u32) {
        self.listeners.entry(addr).or_default().push(slot);
        if let Some(port) = addr.port {
            *self.listeners_on_port.entry(port).or_default() += 1;
        }
    }

    pub(super) fn remove_listener(&mut self, addr: &ListenAddr, slot: u32) {
        if let Some(group) = self.listeners.get_mut(addr) {
            group.retain(|&listener| listener != slot);
            if group.is_empty() {
                self.listeners.remove(addr);
            }
        }
        if let Some(port) = addr.port
            && let Entry::Occupied(mut count) = self.listeners_on_port.entry(port)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Every address of the family of `ip`.
const fn any_of_family(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use core::net::SocketAddr;

    use super::*;
    use crate::stack::keys::Keys;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// A SYN to `local`.
    fn syn_to(local: SocketAddr) -> FourTuple {
        let peer = match local {
            SocketAddr::V4(_) => "192.0.2.1:4000",
            SocketAddr::V6(_) => "[2001:db8::1]:4000",
        };
        FourTuple::new(local, addr(peer)).unwrap()
    }

    fn demux() -> Demux {
        Demux::new(Keys::new(&[1; 32]).demux)
    }

    #[test]
    fn a_tuple_leads_to_one_place() {
        let mut demux = demux();
        let tuple = FourTuple::new(addr("10.0.0.1:80"), addr("10.0.0.2:4000")).unwrap();
        let turned = FourTuple::new(addr("10.0.0.2:4000"), addr("10.0.0.1:80")).unwrap();
        let route = |demux: &Demux, of: &FourTuple| demux.route(of, |_| *of == tuple);
        let (first, second) = (Record::HalfOpen(7), Record::Connection(3));
        assert_eq!(route(&demux, &tuple), None);
        demux.insert(tuple, None, first);
        demux.insert(tuple, Some(first), second);
        assert_eq!(route(&demux, &tuple), Some(second));
        assert_eq!(route(&demux, &turned), None);
        assert_eq!(demux.len(), 1);
        demux.remove(&tuple, first);
        assert_eq!(route(&demux, &tuple), Some(second), "that one has none");
        demux.remove(&tuple, second);
        assert_eq!(route(&demux, &tuple), None);
        assert_eq!(demux.len(), 0);
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
        demux.remove_listener(&at("10.0.0.1"), 0);
        assert!(taken(&demux, None));
        demux.remove_listener(&at("10.0.0.2"), 0);
        assert!(!taken(&demux, None));
    }

    #[test]
    fn the_most_specific_listener_wins() {
        let mut demux = demux();
        let here = addr("10.0.0.1:80");
        let ip = Some(here.ip());
        let any = Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let least_to_most = [
            (None, None),
            (any, None),
            (ip, None),
            (None, Some(80)),
            (any, Some(80)),
            (ip, Some(80)),
        ];
        let listener = |demux: &Demux, local| demux.listener(&syn_to(local));
        assert_eq!(listener(&demux, here), None);
        for (slot, (ip, port)) in (0..).zip(least_to_most) {
            demux.insert_listener(ListenAddr { ip, port }, slot);
            assert_eq!(listener(&demux, here), Some(slot));
        }
        for (local, expected) in [
            ("10.0.0.1:81", 2),
            ("10.0.0.2:81", 1),
            ("10.0.0.2:80", 4),
            ("[fd00::1]:80", 3),
            ("[fd00::1]:81", 0),
        ] {
            assert_eq!(listener(&demux, addr(local)), Some(expected), "{local}");
        }
        demux.remove_listener(&ListenAddr { ip, port: Some(80) }, 5);
        assert_eq!(listener(&demux, here), Some(4));
    }

    fn is_of(port_of: &BTreeMap<u32, u16>, record: Record, port: u16) -> bool {
        let Record::Connection(number) = record else {
            return false;
        };
        port_of.get(&number) == Some(&port)
    }

    #[test]
    fn those_that_share_an_address_share_its_peers() {
        let mut demux = demux();
        let here = addr("10.0.0.1:80");
        let at = ListenAddr::from(here);
        for slot in 0..3 {
            demux.insert_listener(at, slot);
        }
        let count = |demux: &Demux, slot| {
            let peers = (1..=999).map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
            let listeners = peers.map(|peer| demux.listener(&FourTuple::new(here, peer).unwrap()));
            listeners.filter(|found| *found == Some(slot)).count()
        };
        for slot in 0..3 {
            let part = count(&demux, slot);
            assert!((250..420).contains(&part), "{slot} gets {part} of 999");
        }
        demux.remove_listener(&at, 1);
        assert_eq!(count(&demux, 0) + count(&demux, 2), 999);
        assert!(demux.has_listener_on_port(80, Some(here.ip())));
    }

    /// Two peers of one address whose four-tuples with `local` have the same thirty bits of hash.
    pub(in crate::stack) fn alike(key: &Key, local: SocketAddr) -> [SocketAddr; 2] {
        let mut seen = BTreeMap::new();
        for (host, port) in (1..=255).flat_map(|host| (1..=u16::MAX).map(move |port| (host, port)))
        {
            let peer = SocketAddr::from(([10, 0, 1, host], port));
            let hash = FourTuple::new(local, peer).unwrap().hash(key);
            if let Some(other) = seen.insert(hash as u32 & 0x3fff_ffff, peer) {
                return [other, peer];
            }
        }
        panic!("of sixteen million there are many pairs");
    }

    #[test]
    fn routes_that_look_alike_are_told_apart() {
        let mut demux = demux();
        let local = addr("10.0.0.1:80");
        let tuples = alike(&demux.key, local).map(|peer| FourTuple::new(local, peer).unwrap());
        let records = [Record::Connection(0), Record::HalfOpen(0)];
        let of = |which: usize| move |record| record == records[which];
        // Nothing is remembered of what was looked for last.
        let route = |demux: &Demux, which: usize| {
            let mut demux = demux.clone();
            demux.recent = Recent::new();
            demux.route(&tuples[which], of(which))
        };
        for (tuple, record) in tuples.iter().zip(records) {
            demux.insert(*tuple, None, record);
        }
        assert_eq!(demux.len(), 2);
        assert_eq!([0, 1].map(|which| route(&demux, which)), records.map(Some));
        demux.recent = Recent::new();
        assert_eq!(demux.look(&tuples[1], |_| false), None);
        demux.remove(&tuples[0], records[0]);
        assert_eq!(demux.len(), 1);
        assert_eq!(
            [0, 1].map(|which| route(&demux, which)),
            [None, Some(records[1])]
        );
        demux.remove(&tuples[1], records[1]);
        assert_eq!(demux.len(), 0);
    }

    proptest! {
        /// Whatever was looked for before.
        #[test]
        fn a_tuple_leads_where_it_was_last_routed(
            steps in prop::collection::vec((0u16..300, prop::option::of(any::<bool>())), 0..600),
        ) {
            let mut demux = demux();
            let mut model = [None; 300];
            // Every record's port, of those that are gone as well.
            let mut port_of = BTreeMap::new();
            let tuples: Vec<_> = (0u16..300)
                .map(|port| FourTuple::new(addr("10.0.0.1:80"), SocketAddr::new(addr("10.0.0.2:0").ip(), port)).unwrap())
                .collect();
            for (number, (port, step)) in (0u32..).zip(steps) {
                let (tuple, expected) = (&tuples[usize::from(port)], &mut model[usize::from(port)]);
                match step {
                    Some(true) => {
                        let record = Record::Connection(number);
                        port_of.insert(number, port);
                        demux.insert(*tuple, *expected, record);
                        *expected = Some(record);
                    }
                    Some(false) => {
                        let record = expected.take();
                        demux.remove(tuple, record.unwrap_or(Record::Connection(number)));
                    }
                    None => {
                        let found = demux.look(tuple, |record| is_of(&port_of, record, port));
                        prop_assert_eq!(found, *expected);
                    }
                }
                let found = demux.route(tuple, |record| is_of(&port_of, record, port));
                prop_assert_eq!(found, *expected);
                prop_assert_eq!(demux.len(), model.iter().flatten().count());
            }
        }
    }
}
