//! Many connections: one address space, one clock, one queue of packets.
//!
//! The rooms, in the order in which a packet meets them: `input` takes it in, `demux` and
//! `routes` say whose it is, `listener` and `half_open` open a connection for it (`syn_cookies` where there is no
//! room, `fast_open` where the SYN brings data), `connections` keeps the stack's books on
//! connections, `time_wait` on what is left of them, `icmp` brings them the network's complaints,
//! `reply` answers for nobody. `deadlines` runs the clock, `events` tells the user, `transmit`
//! sends, `warm` gives memory back, `limits` bounds what `holdings` adds up, `rates` how often
//! strangers are answered. `connect` opens actively, and [`ConnectionMut`] is the user's hand on
//! one connection.

mod bucket;
mod connect;
mod connection_mut;
mod connections;
mod cookie_cache;
mod deadlines;
mod demux;
mod events;
mod fast_open;
mod fast_open_cookie;
mod half_open;
mod holdings;
mod icmp;
mod input;
mod isn;
mod keys;
mod lent;
mod limits;
mod listener;
mod names;
mod parts;
mod ports;
mod queue;
mod rates;
mod recent;
mod reply;
mod rest;
mod routes;
mod shard;
mod slab;
mod spare;
mod syn_cookies;
mod time_wait;
mod train;
mod transmit;
mod tuple;
mod warm;
mod wheel;

#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use core::net::{IpAddr, SocketAddr};

pub use connection_mut::ConnectionMut;
pub use fast_open::CookieNeed;
pub use fast_open_cookie::fast_open_cookie;
pub use lent::LentWrite;
pub use shard::{Shard, Steering};

use crate::config::{ListenConfig, StackConfig, ValidConfig};
use crate::connection::{Connection, State};
use crate::error::{AcceptError, ConnectError, ListenError};
use crate::event::{
    ConnectionId, Event, ListenerId, PacketMeta, PostedRead, SynDecision, SynId, Transmit,
    TransmitParts,
};
use crate::stats::Counters;
use crate::time::Instant;
use connections::Entry;
use deadlines::Deadlines;
use demux::{Demux, Record};
use events::Events;
use fast_open::FastOpens;
use half_open::Embryo;
use holdings::Holdings;
use keys::Keys;
use listener::Listener;
use parts::Apart;
use ports::EphemeralPorts;
use queue::SlotQueue;
use rates::Rates;
use reply::Replies;
use slab::{Slab, SlotId};
use spare::Spares;
use time_wait::TimeWaits;
use train::Train;
use tuple::FourTuple;
use warm::Warm;

/// A TCP endpoint with any number of connections and listeners.
///
/// It does nothing by itself. The caller brings packets and the time, and takes packets, events
/// and the next deadline:
///
/// 1. **In**: call [`handle_packet`](Stack::handle_packet) for a packet,
///    [`handle_timeout`](Stack::handle_timeout) when a deadline has come, or act as a user:
///    [`listen`](Stack::listen), [`accept`](Stack::accept), [`connect`](Stack::connect), and the
///    calls of a [`connection`](Stack::connection).
/// 2. **Out**: after any of these drain [`poll_transmit`](Stack::poll_transmit) and
///    [`poll_event`](Stack::poll_event), each until `None`. Several inputs may go before one
///    draining, a batch of packets for instance; acknowledgements are the fewer for it.
/// 3. **Sleep** until [`poll_timeout`](Stack::poll_timeout), or the next input.
///
/// A time before the latest that was given counts as that: where the caller's clock steps back, time
/// stands still until it has caught up. The same secret, configuration and calls give the same
/// packets, byte for byte, on every machine. No call but [`sockets`](Stack::sockets) takes longer
/// for there being more connections.
///
/// ```text
///   handle_packet ──┐              ┌──> poll_transmit
///   handle_timeout ─┼──> [Stack] ──┼──> poll_event
///   user's calls ───┘              └──> poll_timeout
/// ```
#[derive(Clone, Debug)]
pub struct Stack {
    config: StackConfig,
    counters: Counters,
    keys: Keys,
    /// Which stack this is, where it is one of several.
    shard: Option<Shard>,
    ports: EphemeralPorts,
    demux: Demux,
    listeners: Slab<Listener>,
    half_opens: Slab<Embryo>,
    connections: Slab<Entry>,
    spares: Spares,
    time_waits: TimeWaits,
    deadlines: Deadlines,
    fast_opens: FastOpens,
    /// Connections that may have something to say.
    ready: SlotQueue,
    /// Connections at rest that are kept in full, in the order in which they came to it.
    resting: SlotQueue,
    warm: Warm,
    holdings: Holdings,
    rates: Rates,
    replies: Replies,
    /// What was said and is going out.
    train: Option<Train>,
    /// What the packet lacks that is being polled in parts.
    apart: Option<Apart>,
    events: Events,
    /// The connection that the last packets were for, where the books do not know of them yet.
    touched: Option<u32>,
    /// The latest time that was given.
    latest: Instant,
}

/// Where a listener listens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ListenAddr {
    /// The local address, or `None` for every address; an unspecified one is every address of its family.
    pub ip: Option<IpAddr>,
    /// The local port, or `None` for every port. (Port 0 in [`ListenAddr::from`] means: choose one.)
    pub port: Option<u16>,
}

impl ListenAddr {
    /// Every address and every port: the catch-all of a proxy or tunnel.
    pub const ANY: ListenAddr = ListenAddr {
        ip: None,
        port: None,
    };
}

/// As `bind` reads it: an unspecified address is every address of both families.
impl From<SocketAddr> for ListenAddr {
    fn from(addr: SocketAddr) -> Self {
        let ip = (!addr.ip().is_unspecified()).then_some(addr.ip());
        ListenAddr {
            ip,
            port: Some(addr.port()),
        }
    }
}

impl Stack {
    /// A stack whose random choices all derive from `secret`.
    pub fn new(config: StackConfig, secret: [u8; 32]) -> Stack {
        let keys = Keys::new(&secret);
        Stack {
            config,
            counters: Counters::default(),
            demux: Demux::new(keys.demux),
            ports: EphemeralPorts::new(&keys),
            fast_opens: FastOpens::new(keys.fast_open.to_bytes()),
            rates: Rates::new(keys.rates),
            keys,
            shard: None,
            listeners: Slab::new(),
            half_opens: Slab::new(),
            connections: Slab::new(),
            spares: Spares::new(),
            time_waits: TimeWaits::new(),
            deadlines: Deadlines::new(),
            ready: SlotQueue::new(),
            resting: SlotQueue::new(),
            warm: Warm::new(),
            holdings: Holdings::new(),
            replies: Replies::new(),
            train: None,
            apart: None,
            events: Events::default(),
            touched: None,
            latest: Instant::ZERO,
        }
    }

    /// One of several stacks with the same addresses. It is to be handed only the packets of its own
    /// flows ([`Steering::owner_of_packet`]), and opens no others. All of them may have the same secret:
    /// what derives from it for a flow, its owner alone uses, so that a flow's next incarnation goes on
    /// from the last whatever the number of stacks was then.
    pub fn sharded(config: StackConfig, secret: [u8; 32], shard: Shard) -> Stack {
        let shard = Some(shard);
        Stack {
            shard,
            ..Stack::new(config, secret)
        }
    }

    // The user's calls.

    /// Starts to take connections. Of the listeners that match a destination the most specific
    /// gets the SYN: address and port, then port, then address, then [`ListenAddr::ANY`].
    pub fn listen(
        &mut self,
        local: impl Into<ListenAddr>,
        config: ListenConfig,
    ) -> Result<ListenerId, ListenError> {
        let addr = self.free_listen_addr(local.into(), config.sharing)?;
        Ok(self.open_listener(addr, config).into())
    }

    /// Where the listener listens; tells the port that was chosen for port 0.
    pub fn listener_addr(&self, listener: ListenerId) -> Option<ListenAddr> {
        let listener = self.listeners.get_key(listener.into())?;
        Some(listener.addr)
    }

    /// Changes how the listener takes connections; those that have sent their SYN stay as they are. The
    /// sharing of its address is not changed. Says whether there is such a listener.
    pub fn set_listen_config(&mut self, listener: ListenerId, config: ListenConfig) -> bool {
        let listener = SlotId::from(listener);
        if self.listeners.get_key(listener).is_none() {
            return false;
        }
        let listener = self.listeners.get_mut(listener.index);
        listener
            .map(|listener| listener.reconfigure(config))
            .is_some()
    }

    /// Stops listening. Half-open connections are forgotten; those that wait to be accepted are
    /// reset, as Linux does.
    pub fn close_listener(&mut self, now: Instant, listener: ListenerId) {
        let now = self.at(now);
        self.settle_touched();
        let listener = SlotId::from(listener);
        if self.listeners.get_key(listener).is_some() {
            self.shut_listener(now, listener.index);
        }
    }

    /// The next connection of a listener's accept queue, first come, first served.
    ///
    /// It is established, or has been [opened fast](crate::FastOpenConfig) and may be used as if it were; it may
    /// have bytes to read, or even have ended, already: try to read and
    /// write at once. Events tell of what has happened since the handshake, so that waiting for
    /// [`Readable`](crate::ConnectionEvent::Readable) before the first read is right as well. No
    /// [`Connected`](crate::ConnectionEvent::Connected) follows.
    pub fn accept(&mut self, listener: ListenerId) -> Result<ConnectionId, AcceptError> {
        let listener = SlotId::from(listener);
        if self.listeners.get_key(listener).is_none() {
            return Err(AcceptError::NoSuchListener);
        }
        self.settle_touched();
        self.take_accepted(listener.index)
            .map(ConnectionId::from)
            .ok_or(AcceptError::WouldBlock)
    }

    /// Connections that wait to be accepted; 0 where there is no such listener.
    pub fn accept_queue_len(&self, listener: ListenerId) -> usize {
        let listener = self.listeners.get_key(listener.into());
        listener.map_or(0, Listener::accept_queue_len)
    }

    /// Answers [`Event::Syn`]; says whether the SYN was still there and undecided.
    pub fn decide(&mut self, now: Instant, syn: SynId, decision: SynDecision) -> bool {
        let now = self.at(now);
        self.settle_touched();
        let undecided = self.is_undecided(syn);
        if undecided {
            self.decide_syn(now, SlotId::from(syn).index, decision);
        }
        undecided
    }

    /// Whether a SYN still awaits its decision: the peer may have withdrawn it, or its time be over.
    pub fn is_undecided(&self, syn: SynId) -> bool {
        self.half_opens
            .get_key(syn.into())
            .is_some_and(Embryo::is_undecided)
    }

    /// Active open. Without `local`, the first address of the remote's family and an ephemeral port
    /// (RFC 6056); with port 0, an ephemeral port on that address. [One of several](Stack::sharded)
    /// stacks chooses among the ports that make the flow its own.
    pub fn connect(
        &mut self,
        now: Instant,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: ValidConfig,
    ) -> Result<ConnectionId, ConnectError> {
        let now = self.at(now);
        self.settle_touched();
        let tuple = self.free_tuple(local, remote)?;
        if !self.admits_connection() {
            return Err(ConnectError::TooMany);
        }
        Ok(self.open_actively(now, tuple, config).into())
    }

    /// An ephemeral port on `local` (RFC 6056) that `is_free`, and on which nobody listens; with `remote`, one
    /// that is not connected to it yet. `None` when each was tried.
    pub fn ephemeral_port(
        &mut self,
        local: IpAddr,
        remote: Option<SocketAddr>,
        is_free: impl Fn(u16) -> bool,
    ) -> Option<u16> {
        match remote {
            Some(remote) => self.choose_port(local, remote, is_free),
            None => self.choose_listen_port(Some(local), is_free),
        }
    }

    /// Changes the first and last ephemeral port (`net.ipv4.ip_local_port_range`).
    pub fn set_ephemeral_ports(&mut self, range: (u16, u16)) {
        self.config.ephemeral_ports = range;
    }

    /// Access to one connection; `None` once the user has closed it. The time is that of the calls
    /// made on it.
    ///
    /// A connection that has ended by itself keeps its id, so that what arrived can still be read
    /// and the error told, until the user calls [`close`](ConnectionMut::close): each id got from
    /// `connect` or `accept` must be closed once.
    pub fn connection(&mut self, now: Instant, id: ConnectionId) -> Option<ConnectionMut<'_>> {
        let now = self.at(now);
        self.settle_touched();
        ConnectionMut::new(self, id.into(), now)
    }

    /// The connection that segments between these addresses go to, whether or not a user holds it:
    /// it may wait to be accepted, or finish by itself after the user has closed it. `None` where a
    /// half-open connection or one in TIME-WAIT, or nobody, takes them. For diagnosis: the id only
    /// tells it from others between the same addresses, before and after it, and becomes good for
    /// [`connection`](Stack::connection) when the user gets it.
    pub fn connection_between(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<(ConnectionId, Cow<'_, Connection>)> {
        let Record::Connection(index) = self.route(&FourTuple::new(local, remote)?)? else {
            return None;
        };
        let key = self.connections.key(index)?;
        Some((key.into(), self.connections.get(index)?.resident.look()))
    }

    /// Every connection with its local and remote address and its state (as `ss`), half-open and
    /// TIME-WAIT ones included. Those that the user does not hold, not accepted yet or closed
    /// already, have no id. For people to look at: the cost is linear.
    pub fn sockets(
        &self,
    ) -> impl Iterator<Item = (Option<ConnectionId>, SocketAddr, SocketAddr, State)> + '_ {
        let half_opens = self
            .half_opens
            .iter()
            .map(|(_, embryo)| (None, &embryo.tuple, State::SynReceived));
        let connections = self.connections.iter().map(|(key, entry)| {
            let id = entry.is_users().then(|| ConnectionId::from(key));
            (id, &entry.tuple, entry.resident.state())
        });
        // One that the user still holds is in both tables.
        let time_waits = self
            .time_waits
            .iter()
            .filter(|record| self.connections.get_key(record.connection).is_none())
            .map(|record| (None, &record.tuple, State::TimeWait));
        half_opens
            .chain(connections)
            .chain(time_waits)
            .map(|(id, tuple, state)| (id, tuple.local(), tuple.remote(), state))
    }

    /// Whether nothing is left of any connection: no record of one, no route, timer, answer or event.
    /// Listeners may be there.
    pub fn is_idle(&self) -> bool {
        self.sockets().next().is_none()
            && self.demux.has_no_routes()
            && self.deadlines.next().is_none()
            && self.ready.front().is_none()
            && self.replies.is_empty()
            && self.train.is_none()
            && self.events.are_told()
            && self.touched.is_none()
    }

    // What comes in.

    /// An IP packet arrived.
    pub fn handle_packet(&mut self, now: Instant, packet: &[u8], meta: PacketMeta) {
        let now = self.at(now);
        self.take_packet(now, packet, meta, None);
    }

    /// As [`handle_packet`](Stack::handle_packet), while a read waits: where the packet holds what comes next in
    /// its connection's stream, with nothing unread before it, the bytes are put into the read's buffer, and no
    /// [`Readable`](crate::ConnectionEvent::Readable) tells of them. Whatever does not fit, or is not as simple, waits
    /// to be read as ever.
    pub fn handle_packet_for(
        &mut self,
        now: Instant,
        packet: &[u8],
        meta: PacketMeta,
        posted: &mut PostedRead<'_>,
    ) {
        let now = self.at(now);
        self.take_packet(now, packet, meta, Some(posted));
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.at(now);
        self.settle_touched();
        self.run_deadlines(now);
    }

    // What goes out.

    /// Writes the next packet to the start of `buf`, which must hold the
    /// [largest](StackConfig::largest_packet) (a shorter one gets nothing); drain until `None`.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let now = self.at(now);
        self.settle_touched();
        self.next_transmit::<false>(now, buf, None)
    }

    /// As [`poll_transmit`](Stack::poll_transmit), but leaves the payload of large segments where it is, in its
    /// connection's send buffer: a packet less to copy. Only where the device [completes
    /// checksums](crate::Offload::checksum) and cuts segments; other packets are written whole.
    pub fn poll_transmit_parts(
        &mut self,
        now: Instant,
        buf: &mut [u8],
    ) -> Option<TransmitParts<'_>> {
        self.poll_parts(now, buf, None)
    }

    /// When to call `handle_timeout` next. It may be earlier than anything is due: a deadline that
    /// has moved is looked at again when its old time comes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (next, touched) = (self.deadlines.next(), self.touched_deadline());
        next.into_iter().chain(touched).min()
    }

    /// The next event; drain until `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.settle_touched();
        self.next_event()
    }

    /// What has been counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The configuration.
    pub fn config(&self) -> &StackConfig {
        &self.config
    }

    /// The caller's time, which does not go back.
    fn at(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }
}
