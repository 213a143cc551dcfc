//! What a [`Tester`](super::Tester) can talk to.

use tcp_core::wire::Header;
use tcp_core::{
    ConnectionEvent, Counters, Instant, ReadError, Shutdown, State, TcpInfo, WriteError,
};

/// One end of one connection, which takes segments, time and calls, and gives segments.
pub trait Endpoint {
    /// A segment arrives.
    fn handle(&mut self, now: Instant, header: &Header, payload: &[u8]);
    /// Timers that are due run.
    fn handle_timeout(&mut self, now: Instant);
    /// The next deadline.
    fn poll_timeout(&self) -> Option<Instant>;
    /// The next segment to send.
    fn poll(&mut self, now: Instant) -> Option<(Header, Vec<u8>)>;
    /// The connection's state; `None` where there is no connection.
    fn state(&self) -> Option<State>;
    /// The connection's events since they were last taken.
    fn take_events(&mut self) -> Vec<ConnectionEvent>;
    /// See [`write`](tcp_core::Connection::write).
    fn write(&mut self, now: Instant, data: &[u8]) -> Result<usize, WriteError>;
    /// See [`read`](tcp_core::Connection::read).
    fn read(&mut self, now: Instant, buf: &mut [u8]) -> Result<usize, ReadError>;
    /// See [`shutdown`](tcp_core::Connection::shutdown).
    fn shutdown(&mut self, now: Instant, how: Shutdown);
    /// See [`close`](tcp_core::Connection::close).
    fn close(&mut self, now: Instant);
    /// See [`abort`](tcp_core::Connection::abort).
    fn abort(&mut self, now: Instant);
    /// See [`info`](tcp_core::Connection::info).
    fn info(&mut self, now: Instant) -> TcpInfo;
    /// What has been counted.
    fn counters(&self) -> &Counters;
}
