//! One connection: the state machine of RFC 9293 §3.10 over typed segments.

mod half_open;
mod state;
mod time_wait;

use core::time::Duration;

pub use half_open::{HalfOpen, HalfOpenOutcome, HalfOpenTimeout};
pub use state::State;
pub use time_wait::{TimeWait, TimeWaitOutcome};

use crate::config::{KeepAlive, ValidConfig};
use crate::error::{ConnectionError, ReadError, WriteError};
use crate::event::ConnectionEvent;
use crate::seq::SeqNumber;
use crate::stats::{Counters, TcpInfo};
use crate::time::Instant;
use crate::wire::Segment;

/// What a connection must be told at its birth, beside its configuration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Setup {
    /// Our initial sequence number (RFC 6528).
    pub isn: SeqNumber,
    /// Added to the clock's milliseconds to make TSval.
    pub timestamp_offset: u32,
    /// Bytes of TCP payload that fit into the device's MTU without options: announced as our MSS,
    /// and the bound of what we send.
    pub mss: u16,
    /// The MSS to assume where the peer announces none: 536 for IPv4, 1220 for IPv6.
    pub default_mss: u16,
}

/// Which direction [`Connection::shutdown`] closes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shutdown {
    /// Reads give end of stream; what arrives later is acknowledged and discarded.
    Read,
    /// A FIN follows what was written; writes fail.
    Write,
    /// Both.
    Both,
}

/// What an ICMP error says about a connection (RFC 9293 §3.9.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NetworkError {
    /// Soft: network, host or route unreachable, time exceeded, parameter problem. Reported, and
    /// fatal only to a handshake that times out.
    Soft,
    /// Hard: protocol or port unreachable, or administratively prohibited.
    Hard,
    /// The path carries no IP packets larger than this; the value is the MSS that results.
    TooBig {
        /// Payload bytes without options that fit.
        mss: u16,
    },
}

/// One connection of TCP.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Connection {
    state: State,
}

impl Connection {
    /// Active open: a connection in SYN-SENT, whose SYN the next `poll_segment` gives.
    pub fn connect(now: Instant, config: ValidConfig, setup: Setup) -> Connection {
        let _ = (now, config, setup);
        todo!()
    }

    /// A segment arrived (RFC 9293 §3.10.7).
    pub fn handle_segment(&mut self, now: Instant, segment: &Segment<'_>, counters: &mut Counters) {
        let _ = (now, segment, counters);
        todo!()
    }

    /// The network reported an error about a segment of ours that started at `seq`.
    pub fn handle_network_error(
        &mut self,
        now: Instant,
        error: NetworkError,
        seq: SeqNumber,
        counters: &mut Counters,
    ) {
        let _ = (now, error, seq, counters);
        todo!()
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant, counters: &mut Counters) {
        let _ = (now, counters);
        todo!()
    }

    /// The next segment to send, committed as sent: drain until `None`.
    pub fn poll_segment(&mut self, now: Instant, counters: &mut Counters) -> Option<Segment<'_>> {
        let _ = (now, counters);
        todo!()
    }

    /// The earliest deadline.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// The next event: drain until `None`.
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        todo!()
    }

    /// Takes bytes out of the receive buffer, as many as there are and fit; 0 is end of stream.
    pub fn read(&mut self, now: Instant, buf: &mut [u8]) -> Result<usize, ReadError> {
        let _ = (now, buf);
        todo!()
    }

    /// As `read`, but leaves the bytes where they are.
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize, ReadError> {
        let _ = buf;
        todo!()
    }

    /// Puts bytes into the send buffer, as many as fit.
    pub fn write(&mut self, now: Instant, data: &[u8]) -> Result<usize, WriteError> {
        let _ = (now, data);
        todo!()
    }

    /// Closes one or both directions; the user keeps the connection.
    pub fn shutdown(&mut self, now: Instant, how: Shutdown, counters: &mut Counters) {
        let _ = (now, how, counters);
        todo!()
    }

    /// The user gives the connection up. What was written is still delivered, unless data is unread
    /// or `linger` is zero: then the peer gets RST. No event follows.
    pub fn close(&mut self, now: Instant, counters: &mut Counters) {
        let _ = (now, counters);
        todo!()
    }

    /// Ends the connection at once with RST.
    pub fn abort(&mut self, now: Instant, counters: &mut Counters) {
        let _ = (now, counters);
        todo!()
    }

    /// Takes the error that ended the connection, once (`SO_ERROR`).
    pub fn take_error(&mut self) -> Option<ConnectionError> {
        todo!()
    }

    /// The state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether nothing is left to send and no timer runs: the connection may be dropped once its
    /// user has given it up.
    pub fn is_finished(&self) -> bool {
        todo!()
    }

    /// Whether the user has given it up.
    pub fn is_orphan(&self) -> bool {
        todo!()
    }

    /// In TIME-WAIT, the compact record that answers for the connection from now on.
    pub fn time_wait(&self) -> Option<&TimeWait> {
        todo!()
    }

    /// A snapshot of everything worth knowing.
    pub fn info(&self, now: Instant) -> TcpInfo {
        let _ = now;
        todo!()
    }

    /// Whether every byte written, and the FIN if there is one, is acknowledged.
    pub fn is_flushed(&self) -> bool {
        todo!()
    }

    /// Free room in the send buffer, in bytes.
    pub fn send_room(&self) -> usize {
        todo!()
    }

    /// Bytes in order that wait to be read.
    pub fn unread(&self) -> usize {
        todo!()
    }

    /// Turns Nagle's algorithm off or on (`TCP_NODELAY`).
    pub fn set_nodelay(&mut self, nodelay: bool) {
        let _ = nodelay;
        todo!()
    }

    /// Holds partial segments back for up to 200 ms (`TCP_CORK`).
    pub fn set_cork(&mut self, now: Instant, cork: bool) {
        let _ = (now, cork);
        todo!()
    }

    /// Changes keep-alive probing (`SO_KEEPALIVE`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`).
    pub fn set_keep_alive(&mut self, now: Instant, keep_alive: Option<KeepAlive>) {
        let _ = (now, keep_alive);
        todo!()
    }

    /// Changes the user timeout (`TCP_USER_TIMEOUT`).
    pub fn set_user_timeout(&mut self, user_timeout: Option<Duration>) {
        let _ = user_timeout;
        todo!()
    }

    /// Changes what `close` does with unsent data (`SO_LINGER`).
    pub fn set_linger(&mut self, linger: Option<Duration>) {
        let _ = linger;
        todo!()
    }

    /// TTL or hop limit, and Diffserv code point, of every packet.
    pub fn ip_fields(&self) -> (u8, u8) {
        todo!()
    }

    /// Changes the Diffserv code point, cut to six bits (`IP_TOS >> 2`).
    pub fn set_dscp(&mut self, dscp: u8) {
        let _ = dscp;
        todo!()
    }
}
