//! The user's calls on the hosts of a network: those of `Stack`, with what the oracles must know of
//! them. After calls on a host, it is to be [settled](Network::settle).

use std::net::SocketAddr;

use tcp_core::{
    AcceptError, ConnectError, ConnectionId, ConnectionMut, CookieNeed, ListenerId, ReadError,
    Shutdown, ValidConfig, WriteError,
};

use super::network::Network;
use crate::pattern::Pattern;
use crate::record::{NodeId, Observer};

impl<O: Observer> Network<O> {
    /// Connects; without `local`, from an address and a port that the stack chooses.
    ///
    /// # Errors
    ///
    /// As `Stack::connect`: no port is free.
    pub fn connect(
        &mut self,
        host: NodeId,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: ValidConfig,
    ) -> Result<ConnectionId, ConnectError> {
        let now = self.now();
        let id = self.host(host).stack.connect(now, local, remote, config)?;
        self.hold(host, id);
        Ok(id)
    }

    /// As [`connect`](Network::connect), by fast open with cookies (RFC 7413).
    ///
    /// # Errors
    ///
    /// Those of [`Stack::connect_fast`](tcp_core::Stack::connect_fast).
    pub fn connect_fast(
        &mut self,
        host: NodeId,
        remote: SocketAddr,
        config: ValidConfig,
    ) -> Result<ConnectionId, ConnectError> {
        let (now, need) = (self.now(), CookieNeed::Needed);
        let stack = &mut self.host(host).stack;
        let id = stack.connect_fast(now, None, remote, config, need)?;
        self.hold(host, id);
        Ok(id)
    }

    /// The next connection of the accept queue, if there is one.
    ///
    /// # Panics
    ///
    /// When there is no such listener.
    pub fn accept(&mut self, host: NodeId, listener: ListenerId) -> Option<ConnectionId> {
        match self.host(host).stack.accept(listener) {
            Ok(id) => {
                self.hold(host, id);
                Some(id)
            }
            Err(AcceptError::WouldBlock) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// All that will be written on a new connection is this pattern, from its start: then nothing
    /// of it need be kept to know it again.
    pub fn will_write(&mut self, host: NodeId, id: ConnectionId, pattern: Pattern) {
        if let Some(watch) = &mut self.watch {
            watch.writes(host.0, id, pattern);
        }
    }

    /// Writes what fits now.
    ///
    /// # Errors
    ///
    /// As `Connection::write`.
    #[track_caller]
    pub fn write(
        &mut self,
        host: NodeId,
        id: ConnectionId,
        data: &[u8],
    ) -> Result<usize, WriteError> {
        let written = self.on(host, id, |connection| connection.write(data));
        if let (Ok(count), Some(watch)) = (written, &mut self.watch)
            && let Some(ledger) = watch.outgoing(host.0, id)
        {
            ledger.wrote(&data[..count]);
        }
        written
    }

    /// Reads what is there, up to the length of `buf`.
    ///
    /// # Errors
    ///
    /// As `Connection::read`.
    #[track_caller]
    pub fn read(
        &mut self,
        host: NodeId,
        id: ConnectionId,
        buf: &mut [u8],
    ) -> Result<usize, ReadError> {
        let result = self.on(host, id, |connection| connection.read(buf));
        let Some(watch) = &mut self.watch else {
            return result;
        };
        let judgement = match result {
            Ok(0) if buf.is_empty() => Ok(()),
            Ok(0) if watch.expects_whole_stream(host.0, id) => watch
                .incoming(host.0, id)
                .map_or(Ok(()), |ledger| ledger.read_end()),
            Ok(count) => watch
                .incoming(host.0, id)
                .map_or(Ok(()), |ledger| ledger.read(&buf[..count])),
            Err(ReadError::WouldBlock) => Ok(()),
            Err(ReadError::Connection(_)) => {
                watch.cuts_off(host.0, id);
                Ok(())
            }
        };
        self.judge(host, judgement);
        result
    }

    /// Closes one or both directions.
    #[track_caller]
    pub fn shutdown(&mut self, host: NodeId, id: ConnectionId, how: Shutdown) {
        self.on(host, id, |connection| connection.shutdown(how));
        if let Some(watch) = &mut self.watch {
            if how != Shutdown::Read {
                watch.closes(host.0, id);
            }
            if how != Shutdown::Write {
                watch.cuts_off(host.0, id);
            }
        }
    }

    /// Gives the connection up.
    ///
    /// # Panics
    ///
    /// When it is not there.
    pub fn close(&mut self, host: NodeId, id: ConnectionId) {
        if let Some(watch) = &mut self.watch {
            watch.closes(host.0, id);
            watch.touched(host.0, id);
        }
        let now = self.now();
        let connection = self.host(host).stack.connection(now, id);
        connection.expect("the connection is there").close();
    }

    /// Ends the connection at once.
    #[track_caller]
    pub fn abort(&mut self, host: NodeId, id: ConnectionId) {
        if let Some(watch) = &mut self.watch {
            watch.cuts_off(host.0, id);
        }
        self.on(host, id, |connection| connection.abort());
    }

    /// Makes any call on a connection.
    ///
    /// # Panics
    ///
    /// When it is not there.
    #[track_caller]
    pub fn on<T>(
        &mut self,
        host: NodeId,
        id: ConnectionId,
        call: impl FnOnce(&mut ConnectionMut<'_>) -> T,
    ) -> T {
        if let Some(watch) = &mut self.watch {
            watch.touched(host.0, id);
        }
        let now = self.now();
        let connection = self.host(host).stack.connection(now, id);
        call(&mut connection.expect("the connection is there"))
    }

    fn hold(&mut self, host: NodeId, id: ConnectionId) {
        let now = self.now();
        let connection = self.host(host).stack.connection(now, id);
        let connection = connection.expect("the connection is new");
        let (local, remote) = (connection.local_addr(), connection.remote_addr());
        drop(connection);
        if let Some(watch) = &mut self.watch {
            watch.holds(host.0, id, local, remote);
        }
    }
}
