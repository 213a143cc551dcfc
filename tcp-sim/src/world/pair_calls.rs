//! The user's calls on a pair: those of a network, with what they send sent at once.

use std::net::SocketAddr;

use tcp_core::{
    ConnectionError, ConnectionEvent, ConnectionId, ConnectionMut, ListenConfig, ListenerId,
    ReadError, Shutdown, State, TcpInfo, WriteError,
};

use super::{Pair, Side};

impl Pair {
    /// Listens on a port of every address, with the side's configuration.
    pub fn listen(&mut self, side: Side, port: u16) -> ListenerId {
        let config = ListenConfig {
            tcp: self.tcp[side.index()].clone(),
            ..ListenConfig::default()
        };
        self.listen_with(side, port, config)
    }

    /// Listens on a port of every address.
    pub fn listen_with(&mut self, side: Side, port: u16, config: ListenConfig) -> ListenerId {
        let any = SocketAddr::new([0, 0, 0, 0].into(), port);
        let listener = self.call(side, |stack, _| stack.listen(any, config));
        listener.expect("the port is free")
    }

    /// Connects to a port of the other host, from a port that the stack chooses.
    pub fn connect(&mut self, side: Side, remote_port: u16) -> ConnectionId {
        self.connect_at(side, None, remote_port)
    }

    /// Connects to a port of the other host, from this port.
    pub fn connect_from(&mut self, side: Side, port: u16, remote_port: u16) -> ConnectionId {
        let local = side.addr(self.family, port);
        self.connect_at(side, Some(local), remote_port)
    }

    /// Connects to a port of the other host by fast open with cookies: the SYN may wait for the first write.
    pub fn connect_fast(&mut self, side: Side, remote_port: u16) -> ConnectionId {
        let remote = side.other().addr(self.family, remote_port);
        let config = self.tcp[side.index()].clone();
        let id = self.network.connect_fast(side.node(), remote, config);
        self.drain(side);
        id.expect("a port is free")
    }

    fn connect_at(
        &mut self,
        side: Side,
        local: Option<SocketAddr>,
        remote_port: u16,
    ) -> ConnectionId {
        let remote = side.other().addr(self.family, remote_port);
        let config = self.tcp[side.index()].clone();
        let id = self.network.connect(side.node(), local, remote, config);
        self.drain(side);
        id.expect("a port is free")
    }

    /// The next connection of the accept queue, if there is one.
    pub fn try_accept(&mut self, side: Side, listener: ListenerId) -> Option<ConnectionId> {
        let accepted = self.network.accept(side.node(), listener);
        self.drain(side);
        accepted
    }

    /// The next connection of the accept queue.
    #[track_caller]
    pub fn accept(&mut self, side: Side, listener: ListenerId) -> ConnectionId {
        self.try_accept(side, listener)
            .expect("a connection waits to be accepted")
    }

    /// A connection from A to a listener on this port of B: A's end and B's.
    pub fn establish(&mut self, port: u16) -> (ConnectionId, ConnectionId) {
        let listener = self.listen(Side::B, port);
        let client = self.connect(Side::A, port);
        let mut accepted = None;
        self.run_until_true(|pair| {
            accepted = pair.try_accept(Side::B, listener);
            accepted.is_some()
        });
        (client, accepted.expect("it was just accepted"))
    }

    /// Writes what fits now.
    pub fn write(
        &mut self,
        side: Side,
        id: ConnectionId,
        data: &[u8],
    ) -> Result<usize, WriteError> {
        let written = self.network.write(side.node(), id, data);
        self.drain(side);
        written
    }

    /// Writes everything, and lets time pass while the send buffer is full.
    #[track_caller]
    pub fn write_all(&mut self, side: Side, id: ConnectionId, data: &[u8]) {
        let mut done = 0;
        while done < data.len() {
            match self.write(side, id, &data[done..]) {
                Ok(count) => done += count,
                Err(WriteError::WouldBlock) => {
                    assert!(self.step(), "idle, and the send buffer is still full");
                }
                Err(error) => panic!("after {done} bytes: {error}"),
            }
        }
    }

    /// Reads what is there, up to the length of `buf`.
    pub fn read(
        &mut self,
        side: Side,
        id: ConnectionId,
        buf: &mut [u8],
    ) -> Result<usize, ReadError> {
        let result = self.network.read(side.node(), id, buf);
        self.drain(side);
        result
    }

    /// Reads until there is no more: the bytes, and whether the stream has ended.
    pub fn read_available(
        &mut self,
        side: Side,
        id: ConnectionId,
    ) -> Result<(Vec<u8>, bool), ConnectionError> {
        let mut bytes = Vec::new();
        let mut buf = vec![0; 65_536];
        loop {
            match self.read(side, id, &mut buf) {
                Ok(0) => return Ok((bytes, true)),
                Ok(count) => bytes.extend_from_slice(&buf[..count]),
                Err(ReadError::WouldBlock) => return Ok((bytes, false)),
                Err(ReadError::Connection(error)) => return Err(error),
            }
        }
    }

    /// Closes one or both directions.
    pub fn shutdown(&mut self, side: Side, id: ConnectionId, how: Shutdown) {
        self.network.shutdown(side.node(), id, how);
        self.drain(side);
    }

    /// Gives the connection up.
    pub fn close(&mut self, side: Side, id: ConnectionId) {
        self.network.close(side.node(), id);
        self.drain(side);
    }

    /// Ends the connection at once.
    pub fn abort(&mut self, side: Side, id: ConnectionId) {
        self.network.abort(side.node(), id);
        self.drain(side);
    }

    /// The state; CLOSED once the connection is gone.
    pub fn state(&mut self, side: Side, id: ConnectionId) -> State {
        let now = self.now();
        let connection = self.host(side).stack.connection(now, id);
        connection.map_or(State::Closed, |connection| connection.state())
    }

    /// Whether the connection's SYN waits for the first write.
    pub fn is_syn_deferred(&mut self, side: Side, id: ConnectionId) -> bool {
        let now = self.now();
        let connection = self.host(side).stack.connection(now, id);
        connection.is_some_and(|connection| connection.is_syn_deferred())
    }

    /// Everything worth knowing.
    pub fn info(&mut self, side: Side, id: ConnectionId) -> TcpInfo {
        self.network
            .on(side.node(), id, |connection| connection.info())
    }

    /// The connection's events since they were last taken.
    pub fn take_events(&mut self, side: Side, id: ConnectionId) -> Vec<ConnectionEvent> {
        self.host(side).take_events_of(id)
    }

    /// Makes any call on a connection, and drains the stack afterwards.
    #[track_caller]
    pub fn with<T>(
        &mut self,
        side: Side,
        id: ConnectionId,
        call: impl FnOnce(&mut ConnectionMut<'_>) -> T,
    ) -> T {
        let result = self.network.on(side.node(), id, call);
        self.drain(side);
        result
    }
}
