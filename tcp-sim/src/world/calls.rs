//! The user's calls on a pair: those of `Stack`, with what the oracles must know of them.

use std::net::SocketAddr;

use tcp_core::{
    AcceptError, ConnectionError, ConnectionEvent, ConnectionId, ConnectionMut, Instant,
    ListenConfig, ListenerId, ReadError, Shutdown, Stack, State, TcpInfo, WriteError,
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

    fn connect_at(
        &mut self,
        side: Side,
        local: Option<SocketAddr>,
        remote_port: u16,
    ) -> ConnectionId {
        let remote = side.other().addr(self.family, remote_port);
        let config = self.tcp[side.index()].clone();
        let now = self.now();
        let id = self.host(side).stack.connect(now, local, remote, config);
        let id = id.expect("a port is free");
        self.hold(side, id);
        self.drain(side);
        id
    }

    /// The next connection of the accept queue, if there is one.
    pub fn try_accept(&mut self, side: Side, listener: ListenerId) -> Option<ConnectionId> {
        match self.call(side, |stack, _| stack.accept(listener)) {
            Ok(id) => {
                self.hold(side, id);
                Some(id)
            }
            Err(AcceptError::WouldBlock) => None,
            Err(error) => panic!("{error}"),
        }
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
        let written = self.on(side, id, |connection| connection.write(data));
        if let Ok(count) = written {
            self.watch.outgoing(side, id).wrote(&data[..count]);
        }
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
        let result = self.on(side, id, |connection| connection.read(buf));
        match result {
            Ok(0) if buf.is_empty() => {}
            Ok(0) => {
                if self.watch.expects_whole_stream(side, id) {
                    let judgement = self.watch.incoming(side, id).read_end();
                    self.judge(side, judgement);
                }
            }
            Ok(count) => {
                let judgement = self.watch.incoming(side, id).read(&buf[..count]);
                self.judge(side, judgement);
            }
            Err(ReadError::WouldBlock) => {}
            Err(ReadError::Connection(_)) => self.watch.cuts_off(side, id),
        }
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
        self.on(side, id, |connection| connection.shutdown(how));
        if how != Shutdown::Read {
            self.watch.outgoing(side, id).closed();
        }
        if how != Shutdown::Write {
            self.watch.cuts_off(side, id);
        }
        self.drain(side);
    }

    /// Gives the connection up.
    pub fn close(&mut self, side: Side, id: ConnectionId) {
        self.watch.outgoing(side, id).closed();
        let now = self.now();
        let connection = self.host(side).stack.connection(now, id);
        connection.expect("the connection is there").close();
        self.drain(side);
    }

    /// Ends the connection at once.
    pub fn abort(&mut self, side: Side, id: ConnectionId) {
        self.watch.cuts_off(side, id);
        self.on(side, id, |connection| connection.abort());
        self.drain(side);
    }

    /// The state; CLOSED once the connection is gone.
    pub fn state(&mut self, side: Side, id: ConnectionId) -> State {
        let now = self.now();
        let connection = self.host(side).stack.connection(now, id);
        connection.map_or(State::Closed, |connection| connection.state())
    }

    /// Everything worth knowing.
    pub fn info(&mut self, side: Side, id: ConnectionId) -> TcpInfo {
        self.on(side, id, |connection| connection.info())
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
        let result = self.on(side, id, call);
        self.drain(side);
        result
    }

    #[track_caller]
    fn on<T>(
        &mut self,
        side: Side,
        id: ConnectionId,
        call: impl FnOnce(&mut ConnectionMut<'_>) -> T,
    ) -> T {
        let now = self.now();
        let connection = self.host(side).stack.connection(now, id);
        call(&mut connection.expect("the connection is there"))
    }

    fn hold(&mut self, side: Side, id: ConnectionId) {
        let addrs = |stack: &mut Stack, now: Instant| {
            let connection = stack.connection(now, id)?;
            Some((connection.local_addr(), connection.remote_addr()))
        };
        let now = self.now();
        let (local, remote) =
            addrs(&mut self.host(side).stack, now).expect("the connection is new");
        self.watch.holds(side, id, local, remote);
    }
}
