//! A whole stack as one end of a connection.

use std::collections::VecDeque;
use std::net::SocketAddr;

use tcp_core::wire::Header;
use tcp_core::{
    ConnectionEvent, ConnectionId, ConnectionMut, Counters, Instant, ListenConfig, ListenerId,
    ReadError, Shutdown, StackConfig, State, TcpInfo, ValidConfig, WriteError,
};

use super::Endpoint;
use crate::Side;
use crate::world::{Family, Host, TcpPacket, write_packet};

/// A stack with one connection or listener of interest, between port 80 of 10.0.0.1 and port 1000
/// of 10.0.0.2 (or the same ports over IPv6).
#[derive(Clone, Debug)]
pub struct LoneStack {
    /// The host.
    pub host: Host,
    /// The listener, where [`LoneStack::listen`] made one.
    pub listener: Option<ListenerId>,
    /// The connection, once it was opened or accepted.
    pub id: Option<ConnectionId>,
    /// Our end.
    pub local: SocketAddr,
    /// The end that the test plays.
    pub remote: SocketAddr,
    ready: VecDeque<Vec<u8>>,
}

impl LoneStack {
    /// A stack with nothing open.
    pub fn new(family: Family) -> LoneStack {
        LoneStack::with_config(
            StackConfig {
                addresses: vec![Side::A.ip(family)],
                ..StackConfig::default()
            },
            family,
        )
    }

    /// A stack of this configuration, which must hold 10.0.0.1 or fd00::1.
    pub fn with_config(config: StackConfig, family: Family) -> LoneStack {
        LoneStack {
            host: Host::with_config(config, [0x5a; 32]),
            listener: None,
            id: None,
            local: Side::A.addr(family, 80),
            remote: Side::B.addr(family, 1_000),
            ready: VecDeque::new(),
        }
    }

    /// Listens at the local end; the first connection is accepted as soon as it is there.
    pub fn listen(&mut self, config: ListenConfig) {
        let listener = self.host.stack.listen(self.local, config);
        self.listener = Some(listener.expect("nothing else listens"));
    }

    /// Connects from the local end to the remote one.
    pub fn connect(&mut self, now: Instant, config: ValidConfig) {
        let stack = &mut self.host.stack;
        let id = stack.connect(now, Some(self.local), self.remote, config);
        self.id = Some(id.expect("the addresses are free"));
    }

    /// Accepts a connection if none is held yet and one is ready.
    fn try_accept(&mut self) {
        if let (None, Some(listener)) = (self.id, self.listener) {
            self.id = self.host.stack.accept(listener).ok();
        }
    }

    /// Makes a call on the connection.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn connection<T>(
        &mut self,
        now: Instant,
        call: impl FnOnce(&mut ConnectionMut<'_>) -> T,
    ) -> T {
        let id = self.id.expect("a connection is open");
        let connection = self.host.stack.connection(now, id);
        call(&mut connection.expect("the connection is there"))
    }
}

impl Endpoint for LoneStack {
    fn handle(&mut self, now: Instant, header: &Header, payload: &[u8]) {
        let packet = write_packet(self.remote, self.local, header, payload);
        self.host.receive(now, &packet);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.host.stack.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.host.stack.poll_timeout()
    }

    fn poll(&mut self, now: Instant) -> Option<(Header, Vec<u8>)> {
        let packets = self.host.drain(now);
        self.ready.extend(packets);
        self.try_accept();
        let packet = TcpPacket::parse(&self.ready.pop_front()?).expect("a packet we can read");
        assert_eq!(
            (packet.src, packet.dst),
            (self.local, self.remote),
            "a packet between other endpoints"
        );
        Some((packet.header, packet.payload))
    }

    fn state(&self) -> Option<State> {
        self.host.state_of(self.local, self.remote)
    }

    fn take_events(&mut self) -> Vec<ConnectionEvent> {
        self.id
            .map_or_else(Vec::new, |id| self.host.take_events_of(id))
    }

    fn write(&mut self, now: Instant, data: &[u8]) -> Result<usize, WriteError> {
        self.connection(now, |connection| connection.write(data))
    }

    fn read(&mut self, now: Instant, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.connection(now, |connection| connection.read(buf))
    }

    fn shutdown(&mut self, now: Instant, how: Shutdown) {
        self.connection(now, |connection| connection.shutdown(how));
    }

    fn close(&mut self, now: Instant) {
        let id = self.id.take().expect("a connection is open");
        let connection = self.host.stack.connection(now, id);
        connection.expect("the connection is there").close();
    }

    fn abort(&mut self, now: Instant) {
        self.connection(now, |connection| connection.abort());
    }

    fn info(&mut self, now: Instant) -> TcpInfo {
        self.connection(now, |connection| connection.info())
    }

    fn counters(&self) -> &Counters {
        self.host.stack.counters()
    }
}
