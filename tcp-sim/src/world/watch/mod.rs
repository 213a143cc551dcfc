//! The oracles of a network: which of them looks at what.

mod end;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use tcp_core::wire::{self, Incoming};
use tcp_core::{ConnectionEvent, ConnectionId, Instant, ReceiveChecksum, TcpInfo};

use super::host::Host;
use crate::oracle::{Accounts, Ledger, Novelty, Violation};
use crate::pattern::Pattern;
use end::{End, User};
use streams::Streams;

/// Everything that is remembered about the connections of a network in order to judge them. Hosts
/// are named by their index.
#[derive(Clone, Debug)]
pub struct Watch {
    hosts: Vec<HostWatch>,
    streams: Streams,
}

/// One host's connections, seen from outside.
#[derive(Clone, Debug)]
struct HostWatch {
    accounts: Accounts,
    ends: Vec<End>,
    /// Places in `ends` that are free.
    free: Vec<usize>,
    by_addresses: BTreeMap<(SocketAddr, SocketAddr), usize>,
    by_id: BTreeMap<ConnectionId, usize>,
    /// Where the last search ended: the next one is for the same connection more often than not.
    last: usize,
    /// Ends that something has happened to since they were last looked at.
    touched: Vec<usize>,
    /// Where to go on looking at those that nothing has happened to.
    round: usize,
    /// How many ends there may be before those of connections long gone are forgotten.
    sweep_above: usize,
}

/// A connection that was looked at.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Its name.
    pub id: ConnectionId,
    /// Its own address.
    pub local: SocketAddr,
    /// Its peer's.
    pub remote: SocketAddr,
    /// What it says of itself.
    pub info: &'a TcpInfo,
}

/// How many connections are looked at after a timer, besides those that showed a sign of life.
const ROUND: usize = 16;

/// So many ends of one host are not worth a search for those that can be forgotten.
const SWEEP: usize = 4_096;

impl Watch {
    /// A watch over so many hosts.
    pub fn new(hosts: usize) -> Watch {
        Watch {
            hosts: vec![HostWatch::new(); hosts],
            streams: Streams::default(),
        }
    }

    /// A host sent this packet.
    pub fn sent(&mut self, host: usize, packet: &[u8]) -> Result<(), Violation> {
        let parsed = wire::parse(packet, ReceiveChecksum::Verified);
        let Ok(Incoming::Tcp(tcp)) = parsed else {
            return Err(Violation(format!("a host sent what is no TCP: {parsed:?}")));
        };
        let header = &tcp.segment.header;
        // A packet's payload is one slice.
        let [payload, _] = tcp.segment.payload.parts();
        let host = &mut self.hosts[host];
        let index = host.end_between(tcp.src, tcp.dst);
        host.touch(index);
        let conduct = &mut host.ends[index].conduct;
        if conduct.is_reborn_by(header) {
            *conduct = std::mem::take(conduct).reborn();
        }
        let novelty = if conduct.is_repeat(header, payload.len()) {
            Novelty::Repeat
        } else {
            Novelty::New
        };
        host.accounts.sent(header, novelty);
        conduct.sent(header, payload)
    }

    /// This packet arrived at a host, with a checksum that may be known to be right.
    pub fn handed(&mut self, host: usize, packet: &[u8], checksum: ReceiveChecksum) {
        let parsed = wire::parse(packet, checksum);
        let host = &mut self.hosts[host];
        host.accounts.handed(&parsed);
        match parsed {
            Ok(Incoming::Tcp(tcp)) => {
                let index = host.end_between(tcp.dst, tcp.src);
                host.touch(index);
                let payload_len = tcp.segment.payload.len();
                host.ends[index]
                    .conduct
                    .handed(&tcp.segment.header, payload_len);
            }
            Ok(Incoming::IcmpError(error)) => {
                let index = host.end_between(error.local, error.remote);
                host.touch(index);
            }
            Ok(Incoming::IcmpOther) | Err(_) => {}
        }
    }

    /// Of the packets that a host was handed, so many were part of the one before.
    pub fn joined(&mut self, host: usize, packets: usize) {
        self.hosts[host].accounts.joined(packets as u64);
    }

    /// A user has a connection from now on; what it writes is counted from zero.
    pub fn holds(&mut self, host: usize, id: ConnectionId, local: SocketAddr, remote: SocketAddr) {
        let held = &mut self.hosts[host];
        let mut index = held.end_between(local, remote);
        let checkup = held.ends[index].hand_over(id);
        if held.ends[index].user.is_some() {
            // The user has not closed the last connection between these addresses yet.
            let conduct = std::mem::take(&mut held.ends[index].conduct);
            held.ends[index].is_latest = false;
            held.by_addresses.remove(&(local, remote));
            index = held.end_between(local, remote);
            held.ends[index].conduct = conduct;
        }
        let place = self.streams.join(local, remote);
        held.ends[index].user = Some(User::new(id, place, checkup));
        held.by_id.insert(id, index);
    }

    /// All that the user writes will be this pattern from its start.
    pub fn writes(&mut self, host: usize, id: ConnectionId, pattern: Pattern) {
        if let Some(ledger) = self.outgoing(host, id) {
            *ledger = Ledger::of(pattern);
        }
    }

    /// Where a user's writes are kept; `None` for a connection that nobody holds.
    pub fn outgoing(&mut self, host: usize, id: ConnectionId) -> Option<&mut Ledger> {
        let place = self.user(host, id)?.place;
        Some(self.streams.outgoing(place))
    }

    /// What a user may still read; `None` for a connection that nobody holds.
    pub fn incoming(&mut self, host: usize, id: ConnectionId) -> Option<&mut Ledger> {
        let place = self.user(host, id)?.place;
        Some(self.streams.incoming(place))
    }

    /// The user will write no more.
    pub fn closes(&mut self, host: usize, id: ConnectionId) {
        if let Some(ledger) = self.outgoing(host, id) {
            ledger.closed();
        }
    }

    /// A connection has told its user of something.
    pub fn heard(&mut self, host: usize, id: ConnectionId, event: ConnectionEvent) {
        self.touched(host, id);
        if matches!(event, ConnectionEvent::Closed(Some(_))) {
            self.cuts_off(host, id);
        }
    }

    /// The user, or an error, has cut the peer's stream off.
    pub fn cuts_off(&mut self, host: usize, id: ConnectionId) {
        if let Some(user) = self.user(host, id) {
            user.is_cut_off = true;
        }
    }

    /// Whether the end of the stream must be the end of what was written.
    pub fn expects_whole_stream(&mut self, host: usize, id: ConnectionId) -> bool {
        self.user(host, id).is_some_and(|user| !user.is_cut_off)
    }

    /// The user has made a call on a connection.
    pub fn touched(&mut self, host: usize, id: ConnectionId) {
        let host = &mut self.hosts[host];
        if let Some(index) = host.index_of(id) {
            host.touch(index);
        }
    }

    /// A timer has run: some of the connections may have had something to do with it that show no
    /// sign of life, and each has its turn.
    pub fn timer_ran(&mut self, host: usize) {
        let host = &mut self.hosts[host];
        for _ in 0..ROUND.min(host.ends.len()) {
            host.round = (host.round + 1) % host.ends.len();
            host.touch(host.round);
        }
    }

    /// Looks at every connection of a host that something has happened to, and tells of each that
    /// has a user.
    pub fn look_at(
        &mut self,
        index: usize,
        host: &mut Host,
        now: Instant,
        mut tell: impl FnMut(&Seen<'_>),
    ) -> Result<(), Violation> {
        let watch = &mut self.hosts[index];
        while let Some(touched) = watch.touched.pop() {
            let end = &mut watch.ends[touched];
            end.is_touched = false;
            if let Some(user) = end.look_at(host, now, &mut tell)? {
                if !end.is_latest {
                    watch.free.push(touched);
                }
                watch.by_id.remove(&user.id);
                self.streams.leave(user.place);
            }
        }
        watch.accounts.check(host.stack.counters())?;
        if watch.by_addresses.len() > watch.sweep_above {
            watch.sweep(host, &mut self.streams);
        }
        Ok(())
    }

    fn user(&mut self, host: usize, id: ConnectionId) -> Option<&mut User> {
        let host = &mut self.hosts[host];
        let index = host.index_of(id)?;
        host.ends[index].user.as_mut()
    }
}

impl HostWatch {
    fn new() -> HostWatch {
        HostWatch {
            accounts: Accounts::default(),
            ends: Vec::new(),
            free: Vec::new(),
            by_addresses: BTreeMap::new(),
            by_id: BTreeMap::new(),
            last: 0,
            touched: Vec::new(),
            round: 0,
            sweep_above: SWEEP,
        }
    }

    /// The latest connection between these addresses.
    fn end_between(&mut self, local: SocketAddr, remote: SocketAddr) -> usize {
        let is_it = |end: &End| end.is_latest && (end.local, end.remote) == (local, remote);
        if self.ends.get(self.last).is_some_and(is_it) {
            return self.last;
        }
        let known = self.by_addresses.get(&(local, remote)).copied();
        self.last = known.unwrap_or_else(|| {
            let end = End::new(local, remote);
            let index = match self.free.pop() {
                Some(index) => {
                    self.ends[index] = end;
                    index
                }
                None => {
                    self.ends.push(end);
                    self.ends.len() - 1
                }
            };
            self.by_addresses.insert((local, remote), index);
            index
        });
        self.last
    }

    fn index_of(&self, id: ConnectionId) -> Option<usize> {
        let is_it = |end: &End| end.user.as_ref().is_some_and(|user| user.id == id);
        if self.ends.get(self.last).is_some_and(is_it) {
            return Some(self.last);
        }
        self.by_id.get(&id).copied()
    }

    fn touch(&mut self, index: usize) {
        let end = &mut self.ends[index];
        if !end.is_touched {
            end.is_touched = true;
            self.touched.push(index);
        }
    }

    /// Forgets the connections that neither the user nor the stack knows any more. Whatever still
    /// comes for them is answered as for nobody.
    fn sweep(&mut self, host: &Host, streams: &mut Streams) {
        let sockets = host.stack.sockets();
        let alive: BTreeSet<_> = sockets
            .map(|(_, local, remote, _)| (local, remote))
            .collect();
        let (ends, free) = (&mut self.ends, &mut self.free);
        self.by_addresses.retain(|addresses, index| {
            let end = &mut ends[*index];
            let is_kept = end.user.is_some() || alive.contains(addresses);
            if !is_kept {
                end.is_latest = false;
                free.push(*index);
                streams.abandon(addresses.0, addresses.1);
            }
            is_kept
        });
        self.sweep_above = SWEEP.max(2 * self.by_addresses.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Side;
    use crate::script::{Numbering, Seg, ack, syn};
    use crate::world::{Family, write_packet};

    fn client(port: u16) -> SocketAddr {
        Side::A.addr(Family::V4, port)
    }

    fn server() -> SocketAddr {
        Side::B.addr(Family::V4, 80)
    }

    fn packet(src: SocketAddr, dst: SocketAddr, seg: Seg) -> Vec<u8> {
        let (header, payload) = seg.to_wire(Side::A, &Numbering::default());
        write_packet(src, dst, &header, &payload)
    }

    fn words(judgement: Result<(), Violation>) -> String {
        judgement.expect_err("something is wrong").0
    }

    #[test]
    fn a_segment_that_may_not_be_sent_is_found() {
        let mut watch = Watch::new(2);
        let early = packet(client(5_000), server(), ack(101, 1).data(b"early"));
        assert!(words(watch.sent(0, &early)).contains("no such SYN"));
        assert!(words(watch.sent(0, &[0x45; 40])).contains("no TCP"));
        // Another host's connections are another matter.
        let open = packet(client(5_000), server(), syn(100));
        assert_eq!(watch.sent(1, &open), Ok(()));
    }

    #[test]
    fn a_counter_that_the_wire_does_not_bear_out_is_found() {
        let mut watch = Watch::new(1);
        let mut host = Host::new(Side::A, 1_500, [1; 32]);
        assert_eq!(watch.look_at(0, &mut host, Instant::ZERO, |_| {}), Ok(()));
        let syn = packet(server(), client(5_000), syn(100));
        watch.handed(0, &syn, ReceiveChecksum::Unchecked);
        let judgement = watch.look_at(0, &mut host, Instant::ZERO, |_| {});
        assert!(words(judgement).contains("ip_in_receives is 0, the wire saw 1"));
    }

    #[test]
    fn connections_long_gone_are_forgotten() {
        let mut watch = Watch::new(1);
        let mut host = Host::new(Side::A, 1_500, [1; 32]);
        for port in 1..=20_000 {
            let stray = packet(server(), client(port), syn(100));
            watch.handed(0, &stray, ReceiveChecksum::Unchecked);
            host.receive(Instant::ZERO, &stray);
            for answer in host.drain(Instant::ZERO) {
                assert_eq!(watch.sent(0, &answer), Ok(()));
            }
            assert_eq!(watch.look_at(0, &mut host, Instant::ZERO, |_| {}), Ok(()));
        }
        assert!(watch.hosts[0].ends.len() <= SWEEP + 1);
    }
}
