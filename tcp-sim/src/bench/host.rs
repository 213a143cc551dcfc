//! What a stack must do to be measured.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;
use tcp_core::Instant;

use super::wire::Wire;

/// One end: a stack, with the calls of a user. Nothing is sent but by [`send`](Self::send).
pub(super) trait Host: Sized {
    /// Names one connection.
    type Socket: Copy;

    /// The end that connects.
    fn client(config: &HostConfig) -> Self;
    /// The end that listens, on all of [`PORTS`].
    fn server(config: &HostConfig) -> Self;
    /// Begins the connection with this number, to a port that follows from it.
    fn connect(&mut self, now: Instant, number: usize) -> Self::Socket;
    /// The next connection that was established.
    fn accept(&mut self) -> Option<Self::Socket>;
    /// Copies from the start of `data` what there is room for; says how many bytes.
    fn write(&mut self, now: Instant, socket: Self::Socket, data: &[u8]) -> usize;
    /// Copies into `buf` what has arrived.
    fn read(&mut self, now: Instant, socket: Self::Socket, buf: &mut [u8]) -> Read;
    /// Nothing will be read or written any more; the stack finishes by itself.
    fn close(&mut self, now: Instant, socket: Self::Socket);
    /// Takes in all that has arrived, and runs what is due.
    fn receive(&mut self, now: Instant, link: Link<'_>);
    /// As [`receive`](Self::receive), while a reader of `socket` waits: says how many bytes were put into its buffer, as if
    /// they were read. Where the next packet might not fit, it is left: the reader has to take what it has. A stack that
    /// cannot do so leaves all to be read as ever.
    fn receive_for(
        &mut self,
        now: Instant,
        link: Link<'_>,
        _socket: Self::Socket,
        _buf: &mut [u8],
    ) -> usize {
        self.receive(now, link);
        0
    }
    /// Sends what there is to send, as long as there is room.
    fn send(&mut self, now: Instant, link: Link<'_>);
    /// When there is something to do, if nothing arrives before.
    fn deadline(&mut self, now: Instant) -> Option<Instant>;
}

/// What an end is joined to.
pub(super) struct Link<'a> {
    /// Packets for this end.
    pub(super) arrived: &'a mut Wire,
    /// Packets of this end.
    pub(super) sent: &'a mut Wire,
}

/// What a read came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Read {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing has arrived.
    Nothing,
    /// The peer has closed, and all was read.
    End,
}

/// The family of the addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What a host is made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct HostConfig {
    pub(super) family: Family,
    /// Bytes of the largest IP packet on the wire.
    pub(super) mtu: u16,
    /// Bytes of the largest IP packet that a stack may hand over to be cut into segments; as `mtu`, or less,
    /// for none.
    pub(super) largest: u16,
    /// Bytes of each connection's send buffer, and of its receive buffer.
    pub(super) buffer: usize,
    /// Connections that are used at once, for a stack that wants to know beforehand.
    pub(super) connections: usize,
    /// Connections that are not used, beside those.
    pub(super) idle: usize,
}

/// The ports that a server listens on: as many as a million connections from one address need.
pub(super) const PORTS: std::ops::Range<u16> = 1_024..1_088;

impl HostConfig {
    pub(super) fn client_address(&self) -> IpAddr {
        self.address(1)
    }

    pub(super) fn server_address(&self) -> IpAddr {
        self.address(2)
    }

    /// Where the connection with this number goes.
    pub(super) fn remote(&self, number: usize) -> SocketAddr {
        let port = PORTS.start + (number % PORTS.len()) as u16;
        SocketAddr::new(self.server_address(), port)
    }

    /// How many of the idle connections are opened before those that are used.
    pub(super) fn idle_before(&self) -> usize {
        self.idle / 2
    }

    /// Whether the connection with this number, from zero, is one of the idle ones.
    #[cfg(feature = "smoltcp")]
    pub(super) fn is_idle(&self, number: usize) -> bool {
        let used = self.idle_before()..self.idle_before() + self.connections;
        self.idle > 0 && !used.contains(&number)
    }

    /// Bytes of the longest packet that is handed over.
    pub(super) fn longest(&self) -> usize {
        self.mtu.max(self.largest).into()
    }

    fn address(&self, last: u8) -> IpAddr {
        match self.family {
            Family::V4 => Ipv4Addr::new(10, 0, 0, last).into(),
            Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into(),
        }
    }
}
