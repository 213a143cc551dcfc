//! A host: a stack, the sockets on it, and what passes between the two.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use tcp_core::{
    ConnectionError, ConnectionEvent, ConnectionId, Event, Instant, ListenerId, Offload,
    PacketMeta, SoftError, Stack, StackConfig, TcpInfo, Transmit,
};

use super::constants::{
    EPOLLERR, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDBAND, EPOLLRDNORM, EPOLLWRBAND, EPOLLWRNORM,
};
use super::descriptor::{Descriptors, Limits};
use super::errno::Errno;
use super::file::FileId;
use super::sysctl::{SysctlError, Sysctls};

/// What a host is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostConfig {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The largest IP packet that its device carries, in bytes.
    pub mtu: u16,
    /// What the device does for it.
    pub offload: Offload,
    /// The sysctls that it begins with.
    pub sysctls: Sysctls,
    /// Where the caller's clock stood at its epoch; see [`StackConfig::clock_offset`].
    pub clock_offset: Duration,
    /// How many files there may be.
    pub limits: Limits,
}

impl Default for HostConfig {
    fn default() -> Self {
        HostConfig {
            addresses: Vec::new(),
            mtu: 1_500,
            offload: Offload::NONE,
            sysctls: Sysctls::default(),
            clock_offset: Duration::ZERO,
            limits: Limits::default(),
        }
    }
}

/// A kernel's sockets over a [`Stack`]: one process, one network namespace, no clock of its own. See the
/// [module](super) for how calls work.
#[derive(Clone, Debug)]
pub struct Host {
    pub(super) stack: Stack,
    pub(super) sysctls: Sysctls,
    pub(super) descriptors: Descriptors,
    /// Whose connections and listeners are.
    pub(super) owners: BTreeMap<ConnectionId, FileId>,
    pub(super) listeners: BTreeMap<ListenerId, FileId>,
    /// The sockets that have each port.
    pub(super) ports: BTreeMap<u16, BTreeSet<FileId>>,
    /// Packets that a call has let go in its midst.
    outbox: VecDeque<(Vec<u8>, Transmit)>,
    /// Sockets that are to be told how far what they wrote has come.
    pub(super) progressing: BTreeSet<FileId>,
    /// The epoll files that watch each file.
    pub(super) watchers: BTreeMap<FileId, BTreeSet<FileId>>,
}

/// What a change of state wakes: whoever waits for anything.
pub(super) const ANYTHING: u32 = u32::MAX;

/// What an arrival wakes (`sock_def_readable`).
const ARRIVAL: u32 = EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND;

/// What room wakes (`sk_stream_write_space`).
const ROOM: u32 = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

impl Host {
    /// A host whose random choices all derive from `secret`.
    pub fn new(config: HostConfig, secret: [u8; 32]) -> Host {
        let stack = StackConfig {
            addresses: config.addresses,
            mtu: config.mtu,
            offload: config.offload,
            ephemeral_ports: config.sysctls.ports(),
            clock_offset: config.clock_offset,
            fast_open: config.sysctls.fast_open(),
            limits: config.sysctls.limits(),
            max_time_wait: config.sysctls.tcp_max_tw_buckets as usize,
            ..StackConfig::default()
        };
        Host {
            stack: Stack::new(stack, secret),
            sysctls: config.sysctls,
            descriptors: Descriptors::new(config.limits),
            owners: BTreeMap::new(),
            listeners: BTreeMap::new(),
            ports: BTreeMap::new(),
            outbox: VecDeque::new(),
            progressing: BTreeSet::new(),
            watchers: BTreeMap::new(),
        }
    }

    // Packets and time: as for a Stack, but for events, which become what calls answer.

    /// An IP packet arrived.
    pub fn handle_packet(&mut self, now: Instant, packet: &[u8], meta: PacketMeta) {
        self.stack.handle_packet(now, packet, meta);
        self.settle(now);
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.stack.handle_timeout(now);
        self.settle(now);
    }

    /// Writes the next packet to the start of `buf`, which must hold the
    /// [largest](Host::largest_packet); drain until `None`.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let largest = self.largest_packet();
        if buf.len() >= largest
            && let Some((packet, transmit)) = self.outbox.pop_front()
        {
            buf[..packet.len()].copy_from_slice(&packet);
            return Some(transmit);
        }
        let transmit = self.stack.poll_transmit(now, buf);
        self.settle(now);
        transmit
    }

    /// Lets go what may be sent, in the midst of a call: what it does next depends on it.
    pub(super) fn pump(&mut self, now: Instant) {
        let mut buf = vec![0; self.largest_packet()];
        while let Some(transmit) = self.stack.poll_transmit(now, &mut buf) {
            self.outbox
                .push_back((buf[..transmit.len].to_vec(), transmit));
        }
        self.settle(now);
    }

    /// When to call [`handle_timeout`](Host::handle_timeout) next. Blocked calls have
    /// [deadlines](super::Call::deadline) of their own.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.stack.poll_timeout()
    }

    /// Bytes of the largest packet that is sent.
    pub fn largest_packet(&self) -> usize {
        self.stack.config().largest_packet()
    }

    /// The stack beneath, to look at.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The connections of all sockets that have one, in the order in which these were opened.
    pub fn connections(&mut self, now: Instant) -> Vec<TcpInfo> {
        let mut owners: Vec<(FileId, ConnectionId)> =
            self.owners.iter().map(|(&id, &file)| (file, id)).collect();
        owners.sort_unstable();
        let ids = owners.into_iter().map(|(_, id)| id);
        ids.filter_map(|id| Some(self.stack.connection(now, id)?.info()))
            .collect()
    }

    /// The sysctls as they stand.
    pub fn sysctls(&self) -> &Sysctls {
        &self.sysctls
    }

    /// Sets a sysctl by its name or file; see [`Sysctls::set`]. It holds for what is opened, connected
    /// or made to listen later.
    pub fn set_sysctl(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
        self.sysctls.set(name, value)?;
        if name.contains("tcp_fastopen") {
            self.stack.set_fast_open(self.sysctls.fast_open());
        }
        self.stack.set_ephemeral_ports(self.sysctls.ports());
        self.stack.set_limits(self.sysctls.limits());
        let time_waits = self.sysctls.tcp_max_tw_buckets as usize;
        self.stack.set_max_time_wait(time_waits);
        Ok(())
    }

    /// Forgets what was learnt of peers: cookies of fast open (`ip tcp_metrics flush all`).
    pub fn flush_metrics(&mut self) {
        self.stack.forget_cookies();
    }

    // From the stack to the sockets.

    /// Must follow whatever touches the stack.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(event) = self.stack.poll_event() {
            match event {
                Event::Incoming { listener } => {
                    if let Some(&file) = self.listeners.get(&listener) {
                        self.wake(file, ARRIVAL);
                    }
                }
                Event::Connection { id, event } => {
                    if let Some(&file) = self.owners.get(&id) {
                        self.note(now, file, id, event);
                    }
                }
                // Listeners here ask nobody.
                Event::Syn { .. } => {}
            }
        }
        if !self.progressing.is_empty() {
            self.tell_progress(now);
        }
    }

    fn note(&mut self, now: Instant, file: FileId, id: ConnectionId, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Connected => self.wake(file, ANYTHING),
            ConnectionEvent::Readable => {
                let Some(connection) = self.stack.connection(now, id) else {
                    return;
                };
                let (unread, ended) = (connection.unread(), connection.has_peer_finished());
                drop(connection);
                let low_water = self.descriptors.socket(file);
                let low_water = low_water.map_or(1, |socket| socket.settings.recv_low_water);
                if ended {
                    self.wake(file, ANYTHING);
                } else if unread >= low_water as usize {
                    self.wake(file, ARRIVAL);
                }
            }
            ConnectionEvent::Writable => self.wake(file, ROOM),
            ConnectionEvent::Closed(error) => {
                let error = error.map(|error| self.errno_of(now, id, error));
                if let (Some(error), Ok(socket)) = (error, self.descriptors.socket_mut(file)) {
                    socket.error = Some(error);
                }
                self.wake(file, error.map_or(ANYTHING, |_| ANYTHING | EPOLLERR));
            }
            ConnectionEvent::SoftError(error) => self.note_soft_error(now, file, id, error),
            ConnectionEvent::Flushed | ConnectionEvent::Unresponsive => {}
        }
    }

    /// The end of `tcp_v4_err`: an error like any other for who asked for it by IP_RECVERR; else one that
    /// the connection keeps, for SO_ERROR.
    fn note_soft_error(&mut self, now: Instant, file: FileId, id: ConnectionId, error: SoftError) {
        let (Ok(socket), Some(mut connection)) = (
            self.descriptors.socket_mut(file),
            self.stack.connection(now, id),
        ) else {
            return;
        };
        let asked_for = match connection.local_addr().is_ipv4() {
            true => socket.settings.recv_errors,
            false => socket.settings.recv_errors_v6,
        };
        if asked_for {
            let _ = connection.take_soft_error();
            drop(connection);
            socket.error = Some(error.into());
            self.wake(file, EPOLLERR);
        }
    }

    /// What a socket tells of its connection's death; the connection itself forgets it.
    fn errno_of(&mut self, now: Instant, id: ConnectionId, error: ConnectionError) -> Errno {
        let Some(mut connection) = self.stack.connection(now, id) else {
            return error.into();
        };
        let _ = connection.take_error();
        if error == ConnectionError::Unreachable {
            // What the network complained of is why.
            return connection
                .take_soft_error()
                .map_or(error.into(), Errno::from);
        }
        // `tcp_reset`: a peer that had finished and then resets does not want to hear the answer.
        let in_close_wait = connection.has_peer_finished() && !connection.has_finished();
        if error == ConnectionError::Reset && in_close_wait {
            Errno::EPIPE
        } else {
            error.into()
        }
    }

    /// Something happened to a file: tells the epoll sets that watch it.
    pub(super) fn wake(&mut self, file: FileId, key: u32) {
        let Some(watchers) = self.watchers.get(&file) else {
            return;
        };
        for &watcher in watchers {
            if let Ok(set) = self.descriptors.epoll_mut(watcher) {
                set.notify(file, key);
            }
        }
    }
}
