//! What an application may do.

use std::time::Duration;

use tcp_core::{
    ConnectError, ConnectionError, ConnectionEvent, ConnectionId, Instant, ReadError, WriteError,
};
use thiserror::Error;

use crate::pattern::Pattern;

/// An application at one end of a flow: a state machine that acts when something has happened, and
/// never waits.
pub trait App {
    /// Does everything that it can do now.
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets);

    /// How far it is.
    fn status(&self) -> Status;
}

/// Why an application is asked to act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The flow begins.
    Start,
    /// A connection waits to be accepted.
    Incoming,
    /// A connection has something to tell.
    Told(ConnectionId, ConnectionEvent),
    /// The time that it asked for has come.
    Woken,
}

/// How far an application is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It holds no connection, and waits for one.
    Waiting,
    /// It is at work.
    Busy,
    /// It has done what it was to do, and holds nothing.
    Done,
    /// It has given up, and holds nothing.
    Failed(AppError),
}

/// Why an application has given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AppError {
    /// No connection could be opened.
    #[error("{0}")]
    Connect(ConnectError),
    /// A connection was lost.
    #[error("{0}")]
    Connection(ConnectionError),
    /// The peer closed, and has said another number of bytes than it was to say.
    #[error("the peer closed after {heard} of {expected} bytes")]
    Heard {
        /// What it said.
        heard: u64,
        /// What it was to say.
        expected: u64,
    },
}

/// A connection that was just opened or accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Its name.
    pub id: ConnectionId,
    /// What is to be written on it.
    pub pattern: Pattern,
}

/// The calls of an application on its host. They take no time. What is written is of a
/// [`Pattern`]; whether what is read is what was written, others check.
pub trait Sockets {
    /// The time.
    fn now(&self) -> Instant;

    /// Connects to the other end of the flow.
    ///
    /// # Errors
    ///
    /// Where no port is free.
    fn connect(&mut self) -> Result<Opened, ConnectError>;

    /// The next connection that waits to be accepted.
    fn accept(&mut self) -> Option<Opened>;

    /// Writes up to `len` bytes of the pattern from `offset` on; says how many.
    ///
    /// # Errors
    ///
    /// As `Connection::write`.
    fn write(
        &mut self,
        id: ConnectionId,
        pattern: &Pattern,
        offset: u64,
        len: u64,
    ) -> Result<u64, WriteError>;

    /// Reads up to `len` bytes, at least one; says how many, 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// As `Connection::read`.
    fn read(&mut self, id: ConnectionId, len: u64) -> Result<u64, ReadError>;

    /// Will write no more.
    fn shutdown_write(&mut self, id: ConnectionId);

    /// Gives the connection up; its name means nothing any more.
    fn close(&mut self, id: ConnectionId);

    /// Resets the connection. It is still to be closed.
    fn abort(&mut self, id: ConnectionId);

    /// Asks for [`Cause::Woken`] after this time, and not at any time asked for before.
    fn wake_after(&mut self, span: Duration);
}
