//! TCP Fast Open (RFC 7413): which SYN may bring data, and what is remembered of those that did.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use core::net::SocketAddr;
use core::time::Duration;

use super::Stack;
use super::connections::Origin;
use super::cookie_cache::CookieCache;
use super::fast_open_cookie::{MadeBy, fast_open_cookie, verify};
use super::slab::SlotId;
use super::tuple::FourTuple;
use crate::config::{FastOpenConfig, FastOpenKeys, ListenFastOpen, ValidConfig};
use crate::connection::{Connection, EarlyEnd, FastOpenLesson, FastOpenOffer, HalfOpen};
use crate::error::ConnectError;
use crate::event::ConnectionId;
use crate::time::Instant;
use crate::wire::{FastOpenOption, Segment};

/// For so long a connection that was reset before its handshake was complete counts for its listener's queue: who
/// forges addresses fills it, and so ends fast open (RFC 7413 §5.1).
const RESET_COUNTS: Duration = Duration::from_secs(60);

/// The greatest multiple of the pause that a blackhole brings about, as a shift.
const MOST_PAUSE_SHIFT: u32 = 6;

/// A client's need of a cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CookieNeed {
    /// Data waits for the handshake where there is none (RFC 7413).
    Needed,
    /// Data goes with the SYN in any case, and no cookie is asked for (`TCP_FASTOPEN_NO_COOKIE`).
    NotNeeded,
}

/// What a stack knows of fast open.
#[derive(Clone, Debug)]
pub(super) struct FastOpens {
    cache: CookieCache,
    /// The keys where none are configured.
    own_keys: FastOpenKeys,
    /// Connections whose handshake is not complete, by their slots, and their listeners.
    early: BTreeMap<u32, SlotId>,
    pause: Pause,
}

/// For how long clients do without it.
#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    since: Instant,
    /// How often in a row it was found to be swallowed.
    times: u32,
}

impl FastOpens {
    pub(super) fn new(own_key: [u8; 16]) -> Self {
        FastOpens {
            cache: CookieCache::default(),
            own_keys: FastOpenKeys {
                primary: own_key,
                backup: None,
            },
            early: BTreeMap::new(),
            pause: Pause::default(),
        }
    }
}

impl Pause {
    /// Whether it lasts, where the first would last so long.
    fn lasts(&self, now: Instant, timeout: Duration) -> bool {
        let shift = self.times.saturating_sub(1).min(MOST_PAUSE_SHIFT);
        self.times > 0 && now < self.since + timeout.saturating_mul(1 << shift)
    }
}

/// What a listener holds of fast opens.
#[derive(Clone, Debug, Default)]
pub(super) struct PendingFastOpens {
    /// Handshakes that are not complete.
    count: usize,
    /// Until when those that were reset are counted, the first to end first.
    resets: VecDeque<Instant>,
}

impl PendingFastOpens {
    /// Whether one more finds room among `most`. One that was reset gives way once its time is over.
    fn admit(&mut self, now: Instant, most: usize) -> bool {
        while self.resets.front().is_some_and(|&until| until <= now) {
            self.resets.pop_front();
        }
        self.count + self.resets.len() < most
    }
}

/// The client.
impl Stack {
    /// Active open by fast open, as `sendto` with `MSG_FASTOPEN` and `connect` with `TCP_FASTOPEN_CONNECT`.
    /// Where the server's cookie is known, or not needed, the SYN waits for the first write, or for
    /// [`release_syn`](super::ConnectionMut::release_syn), and brings along what fits of what is written by
    /// then ([`Connection::syn_room`]). Else it goes at once and asks for a cookie, and data follows the handshake
    /// as ever. In either case bytes that the server did not take are sent again, and none is lost; but RFC 7413 §6.2
    /// warns that a server may see the data of a SYN twice.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Stack::connect).
    pub fn connect_fast(
        &mut self,
        now: Instant,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: ValidConfig,
        need: CookieNeed,
    ) -> Result<ConnectionId, ConnectError> {
        self.settle_touched();
        let tuple = self.free_tuple(local, remote)?;
        let setup = self.setup(now, &tuple);
        let connection = match self.fast_open_offer(now, &tuple, need) {
            Some(offer) => Box::new(Connection::connect_fast(now, config, setup, offer)),
            None => self.spares.connect(now, config, setup),
        };
        let key = self.insert_connection(connection, tuple, Origin::Connect, None);
        self.counters.active_opens += 1;
        self.settle(key.index);
        Ok(key.into())
    }

    /// What the SYN offers; nothing where fast open is off, or pauses.
    fn fast_open_offer(
        &self,
        now: Instant,
        tuple: &FourTuple,
        need: CookieNeed,
    ) -> Option<FastOpenOffer> {
        let config = &self.config.fast_open;
        let pause = self.fast_opens.pause;
        let probes = !config.blackhole_timeout.is_zero() && pause.times > 0;
        if !config.client || (probes && pause.lasts(now, config.blackhole_timeout)) {
            return None;
        }
        let server = (self.fast_opens.cache).get((tuple.local().ip(), tuple.remote().ip()));
        let without = config.client_without_cookie || need == CookieNeed::NotNeeded;
        Some(FastOpenOffer {
            option: (!without).then(|| server.option()),
            mss: server.mss,
            probes,
        })
    }

    /// Forgets cookies and what else is known of servers (`ip tcp_metrics flush all`).
    pub fn forget_cookies(&mut self) {
        self.fast_opens.cache.clear();
    }
}

/// The server.
impl Stack {
    /// A SYN of which `half` is the record: a connection where its data may be taken, and else the option of its
    /// SYN-ACK (Linux's `tcp_try_fastopen`).
    pub(super) fn try_fast_open(
        &mut self,
        now: Instant,
        listener: u32,
        tuple: FourTuple,
        half: &HalfOpen,
        syn: &Segment<'_>,
    ) -> Result<(), Option<FastOpenOption>> {
        let shown = syn.header.options.fast_open;
        if shown.is_none() && syn.payload.is_empty() {
            return Err(None);
        }
        let asks = shown.is_some_and(|option| option.cookie.is_request());
        self.counters.fast_open_cookie_reqd += u64::from(asks);
        let Some(parent) = self.listeners.get_mut(listener) else {
            return Err(None);
        };
        let ListenFastOpen {
            queue,
            keys,
            without_cookie,
        } = parent.config.fast_open;
        if !self.config.fast_open.server || queue == 0 {
            return Err(None);
        }
        if !parent.fast_opens.admit(now, queue) {
            self.counters.fast_open_listen_overflow += 1;
            return Err(None);
        }
        let config = parent.config.tcp.clone();
        let mut answer = None;
        if !self.config.fast_open.server_without_cookie && !without_cookie {
            let shown = shown.ok_or(None)?;
            let keys = keys.unwrap_or(self.fast_open_keys());
            let (client, server) = (tuple.remote(), tuple.local());
            let fresh = FastOpenOption {
                cookie: fast_open_cookie(&keys.primary, client.ip(), server.ip()),
                ..shown
            };
            if asks {
                return Err(Some(fresh));
            }
            match verify(&keys, &shown.cookie, client, server) {
                None => {
                    self.counters.fast_open_passive_fail += 1;
                    return Err(Some(fresh));
                }
                Some(MadeBy::Primary) => {}
                Some(MadeBy::Backup) => {
                    self.counters.fast_open_passive_alt_key += 1;
                    answer = Some(fresh);
                }
            }
        }
        self.counters.fast_open_passive += 1;
        let connection = half.promote_early(now, config, syn, answer, &mut self.counters);
        self.insert_early(listener, tuple, connection);
        Ok(())
    }

    /// A connection whose handshake is not complete joins the accept queue.
    #[inline(never)]
    fn insert_early(&mut self, listener: u32, tuple: FourTuple, connection: Connection) {
        let index = self
            .insert_connection(Box::new(connection), tuple, Origin::AcceptQueue, None)
            .index;
        if let Some(key) = self.listeners.key(listener) {
            self.fast_opens.early.insert(index, key);
        }
        if let Some(parent) = self.listeners.get_mut(listener) {
            parent.fast_opens.count += 1;
            parent.add_established(index);
        }
        self.events.incoming.push_back(listener);
        self.settle(index);
    }

    /// The keys that cookies are made with, but for listeners that have their own.
    pub fn fast_open_keys(&self) -> FastOpenKeys {
        let configured = self.config.fast_open.keys;
        configured.unwrap_or(self.fast_opens.own_keys)
    }
}

/// Both.
impl Stack {
    /// Changes what is allowed from now on; a pause because of a blackhole ends.
    pub fn set_fast_open(&mut self, config: FastOpenConfig) {
        self.config.fast_open = config;
        self.fast_opens.pause = Pause::default();
    }

    /// A connection has learnt something.
    #[cold]
    pub(super) fn learn_of_fast_open(&mut self, now: Instant, index: u32, lesson: FastOpenLesson) {
        match lesson {
            FastOpenLesson::Answered {
                mss,
                cookie,
                refused,
            } => {
                let Some(entry) = self.connections.get(index) else {
                    return;
                };
                let path = (entry.tuple.local().ip(), entry.tuple.remote().ip());
                let limit = self.config.fast_open.cached_cookies;
                let cache = &mut self.fast_opens.cache;
                cache.learn(path, mss, cookie, refused, limit);
            }
            FastOpenLesson::Swallowed => {
                if !self.config.fast_open.blackhole_timeout.is_zero() {
                    self.counters.fast_open_blackhole += 1;
                    let pause = &mut self.fast_opens.pause;
                    pause.since = now;
                    pause.times = pause.times.saturating_add(1);
                }
            }
            FastOpenLesson::Passed => self.fast_opens.pause.times = 0,
            FastOpenLesson::Completed => self.end_pending(now, index, EarlyEnd::Other),
            FastOpenLesson::Failed(end) => self.end_pending(now, index, end),
        }
    }

    /// A handshake is over. One that was reset goes on being counted, but not before the user had it, as Linux
    /// has it.
    fn end_pending(&mut self, now: Instant, index: u32, end: EarlyEnd) {
        let listener = self.fast_opens.early.remove(&index);
        let Some(key) = listener.filter(|&key| self.listeners.get_key(key).is_some()) else {
            return;
        };
        let entry = self.connections.get(index);
        let accepted = entry.is_some_and(|entry| entry.origin == Origin::Accept);
        if let Some(listener) = self.listeners.get_mut(key.index) {
            let pending = &mut listener.fast_opens;
            pending.count = pending.count.saturating_sub(1);
            if end == EarlyEnd::Reset && accepted {
                pending.resets.push_back(now + RESET_COUNTS);
            }
        }
    }
}
