//! A listener: where it listens, its SYN queue and its accept queue.

use alloc::collections::{BTreeSet, VecDeque};
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use super::fast_open::PendingFastOpens;
use super::slab::SlotId;
use super::tuple::is_unicast;
use super::{ListenAddr, Stack};
use crate::config::{ListenConfig, PortSharing};
use crate::error::ListenError;
use crate::time::Instant;

/// A listener and its two queues.
///
/// ```text
///   SYN ──> half_open ──ACK──> accept_queue ──> Stack::accept
///           syn_backlog        backlog + 1
/// ```
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) addr: ListenAddr,
    pub(super) config: ListenConfig,
    /// Slots of half-open connections, at most `config.syn_backlog`.
    half_open: BTreeSet<u32>,
    /// Slots of connections that nobody has accepted, at most `config.backlog + 1`.
    accept_queue: VecDeque<u32>,
    pub(super) fast_opens: PendingFastOpens,
    /// When a SYN was last answered by a cookie.
    pub(super) last_cookie: Option<Instant>,
}

/// How long after the last cookie an answer to one may come (Linux, `tcp_synq_no_recent_overflow`).
const COOKIE_VALIDITY: Duration = Duration::from_secs(120);

/// Which queue of a listener has no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    SynQueue,
    AcceptQueue,
}

impl Listener {
    fn new(addr: ListenAddr, config: ListenConfig) -> Self {
        Listener {
            addr,
            config,
            half_open: BTreeSet::new(),
            accept_queue: VecDeque::new(),
            fast_opens: PendingFastOpens::default(),
            last_cookie: None,
        }
    }

    /// Takes connections by `config` from now on.
    pub(super) fn reconfigure(&mut self, config: ListenConfig) {
        let sharing = self.config.sharing;
        self.config = ListenConfig { sharing, ..config };
    }

    /// Connections that wait to be accepted.
    pub(super) fn accept_queue_len(&self) -> usize {
        self.accept_queue.len()
    }

    /// Whether a SYN may be taken. With nobody accepting, a handshake would only be begun to be
    /// dropped at its end, so a full accept queue refuses SYNs too (Linux, `tcp_conn_request`).
    pub(super) fn admits_syn(&self) -> Result<(), Full> {
        if self.is_syn_queue_full() {
            return Err(Full::SynQueue);
        }
        self.admits_connection()
    }

    pub(super) fn is_syn_queue_full(&self) -> bool {
        self.half_open.len() >= self.config.syn_backlog
    }

    /// Whether an answer to a cookie may be under way.
    pub(super) fn expects_cookies(&self, now: Instant) -> bool {
        let is_recent = |at| now.saturating_duration_since(at) < COOKIE_VALIDITY;
        self.last_cookie.is_some_and(is_recent)
    }

    /// Whether a completed handshake may join the accept queue, which is full when it holds *more*
    /// than the backlog (Linux, `sk_acceptq_is_full`).
    pub(super) fn admits_connection(&self) -> Result<(), Full> {
        if self.accept_queue.len() > self.config.backlog {
            return Err(Full::AcceptQueue);
        }
        Ok(())
    }

    pub(super) fn add_half_open(&mut self, slot: u32) {
        self.half_open.insert(slot);
    }

    pub(super) fn remove_half_open(&mut self, slot: u32) {
        self.half_open.remove(&slot);
    }

    #[cfg(test)]
    pub(super) fn half_open_len(&self) -> usize {
        self.half_open.len()
    }

    pub(super) fn add_established(&mut self, slot: u32) {
        self.accept_queue.push_back(slot);
    }
}

impl Stack {
    /// The address that `listen` means, with a port chosen for port 0.
    pub(super) fn free_listen_addr(
        &mut self,
        addr: ListenAddr,
        sharing: PortSharing,
    ) -> Result<ListenAddr, ListenError> {
        let ip = addr.ip.map(|ip| ip.to_canonical());
        let addr = ListenAddr { ip, ..addr };
        let is_ours = |ip: IpAddr| ip.is_unspecified() || (is_unicast(ip) && self.is_local(ip));
        if ip.is_some_and(|ip| !is_ours(ip)) {
            return Err(ListenError::NoLocalAddress);
        }
        if addr.port == Some(0) {
            let port = self.choose_listen_port(ip, |_| true);
            let port = port.ok_or(ListenError::NoFreePort)?;
            let port = Some(port);
            return Ok(ListenAddr { ip, port });
        }
        let there = self.demux.listener_at(&addr);
        let there = there.and_then(|slot| self.listeners.get(slot));
        let shares = |there: &Listener| {
            (sharing, there.config.sharing) == (PortSharing::Shared, PortSharing::Shared)
        };
        if there.is_none_or(shares) {
            Ok(addr)
        } else {
            Err(ListenError::AddressInUse)
        }
    }

    /// An ephemeral port on which nobody listens at this address; without one, at any address.
    pub(super) fn choose_listen_port(
        &mut self,
        ip: Option<IpAddr>,
        is_free: impl Fn(u16) -> bool,
    ) -> Option<u16> {
        let demux = &self.demux;
        let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let local = ip.unwrap_or(nowhere);
        let is_free = |port| is_free(port) && !demux.has_listener_on_port(port, ip);
        let remote = SocketAddr::new(nowhere, 0);
        self.ports
            .choose(self.config.ephemeral_ports, local, remote, is_free)
    }

    pub(super) fn open_listener(&mut self, addr: ListenAddr, config: ListenConfig) -> SlotId {
        let key = self.listeners.insert(Listener::new(addr, config));
        self.demux.insert_listener(addr, key.index);
        key
    }

    pub(super) fn shut_listener(&mut self, now: Instant, slot: u32) {
        let Some(listener) = self.listeners.remove(slot) else {
            return;
        };
        self.demux.remove_listener(&listener.addr, slot);
        self.events.incoming.remove(slot);
        for half_open in listener.half_open {
            self.fail_half_open(half_open);
        }
        for index in listener.accept_queue {
            self.reset_unaccepted(now, index);
        }
    }

    /// Counts a SYN, or the last ACK of a handshake, that is dropped for want of room.
    pub(super) fn count_listen_drop(&mut self, full: Full) {
        match full {
            Full::SynQueue => self.counters.req_q_full_drop += 1,
            Full::AcceptQueue => self.counters.listen_overflows += 1,
        }
        self.counters.listen_drops += 1;
    }

    /// Takes the first connection out of the accept queue and gives it to the user. One that has
    /// been reset meanwhile is given out all the same: reading it tells the error.
    pub(super) fn take_accepted(&mut self, slot: u32) -> Option<SlotId> {
        let listener = self.listeners.get_mut(slot)?;
        let index = listener.accept_queue.pop_front()?;
        if listener.accept_queue.is_empty() {
            self.events.incoming.remove(slot);
        }
        self.hand_over(index);
        self.connections.key(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(backlog: usize, syn_backlog: usize) -> Listener {
        let config = ListenConfig {
            backlog,
            syn_backlog,
            ..ListenConfig::default()
        };
        Listener::new(ListenAddr::ANY, config)
    }

    #[test]
    fn a_backlog_of_zero_holds_one_connection() {
        let mut listener = listener(0, 1);
        assert_eq!(listener.admits_connection(), Ok(()));
        listener.add_established(0);
        assert_eq!(listener.admits_connection(), Err(Full::AcceptQueue));
        assert_eq!(listener.admits_syn(), Err(Full::AcceptQueue));
    }

    #[test]
    fn the_syn_queue_holds_its_backlog() {
        let mut listener = listener(0, 2);
        for slot in 0..2 {
            assert_eq!(listener.admits_syn(), Ok(()));
            listener.add_half_open(slot);
        }
        assert_eq!(listener.admits_syn(), Err(Full::SynQueue));
        assert_eq!(
            listener.admits_connection(),
            Ok(()),
            "what is half open may still complete"
        );
        listener.remove_half_open(0);
        assert_eq!(listener.admits_syn(), Ok(()));
    }
}
