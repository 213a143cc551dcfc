//! Reading and writing.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::ops::Deref;
use std::task::Poll;
use std::time::Duration;

use tcp_core::{
    ConnectionId, ConnectionMut, Instant, PostedRead, ReadError, State as TcpState, WriteError,
};

use super::TcpStream;
use super::options::Options;
use crate::driver::{Call, Clock, Patience, Seat, State, attempt};
use crate::error;

/// A read whose bytes may come straight from the packets, if it drives while it waits.
struct ReadCall<'a> {
    id: ConnectionId,
    buf: &'a mut [u8],
    /// Bytes that have.
    filled: usize,
}

impl Call for ReadCall<'_> {
    type Output = usize;

    fn attempt(&mut self, state: &mut State, now: Instant) -> Poll<io::Result<usize>> {
        if self.filled > 0 {
            return Poll::Ready(Ok(self.filled));
        }
        match state.stack.connection(now, self.id) {
            Some(mut connection) => outcome(connection.read(self.buf)),
            None => Poll::Ready(Err(error::not_connected())),
        }
    }

    fn posted(&mut self) -> Option<PostedRead<'_>> {
        Some(PostedRead::new(self.id, self.buf))
    }

    fn on_filled(&mut self, count: usize) {
        self.filled = count;
    }

    fn is_filled(&self) -> bool {
        self.filled > 0
    }
}

/// From here on a write is large: what it sends may well be acknowledged before it has ended.
const LARGE: usize = 8 * 1024;

/// A write. Where nothing else is to be sent, a large one goes out from the user's buffer, and what of it is
/// acknowledged by then is never copied.
struct WriteCall<'a, B> {
    id: ConnectionId,
    bufs: &'a [B],
    /// It has waited for room.
    sleeps: bool,
}

impl<B: Deref<Target = [u8]>> WriteCall<'_, B> {
    /// Whether it is to sleep on. Who sleeps is woken when a third is free, as on Linux; whatever else happens on the
    /// connection is none of its business.
    fn sleeps_on(&self, connection: &ConnectionMut<'_>) -> bool {
        self.sleeps && !connection.is_writable() && !connection.has_finished()
    }
}

impl<B: Deref<Target = [u8]>> Call for WriteCall<'_, B> {
    type Output = usize;

    fn attempt(&mut self, state: &mut State, now: Instant) -> Poll<io::Result<usize>> {
        let Some(mut connection) = state.stack.connection(now, self.id) else {
            return Poll::Ready(Err(error::broken_pipe()));
        };
        if self.sleeps_on(&connection) {
            return Poll::Pending;
        }
        match connection.write_vectored(self.bufs) {
            Ok(len) => Poll::Ready(Ok(len)),
            Err(WriteError::WouldBlock) => {
                self.sleeps = true;
                Poll::Pending
            }
            Err(WriteError::Closed) => Poll::Ready(Err(error::broken_pipe())),
            Err(WriteError::Connection(error)) => Poll::Ready(Err(error::from_connection(error))),
        }
    }

    fn is_large(&self) -> bool {
        matches!(self.bufs, [buf] if buf.len() >= LARGE)
    }

    fn attempt_at_seat(
        &mut self,
        state: &mut State,
        now: Instant,
        seat: &mut Seat,
        clock: &Clock,
    ) -> Option<usize> {
        let [buf] = self.bufs else {
            return None;
        };
        if self.sleeps_on(&state.stack.connection(now, self.id)?) {
            return None;
        }
        seat.write_in_place(state, now, self.id, buf, clock)
    }
}

fn outcome(read: Result<usize, ReadError>) -> Poll<io::Result<usize>> {
    match read {
        Ok(len) => Poll::Ready(Ok(len)),
        Err(ReadError::WouldBlock) => Poll::Pending,
        Err(ReadError::Connection(error)) => Poll::Ready(Err(error::from_connection(error))),
    }
}

impl TcpStream {
    /// Reads or peeks, and waits for something to be there.
    pub(super) fn read_by(
        &self,
        mut read: impl FnMut(&mut ConnectionMut<'_>) -> Result<usize, ReadError>,
    ) -> io::Result<usize> {
        let inner = &*self.inner;
        let patience = self.patience(|options| options.read_timeout);
        inner
            .shared
            .wait_for(inner.wait.to_read(inner.id), patience, |state, now| {
                let Some(mut connection) = state.stack.connection(now, inner.id) else {
                    return Poll::Ready(Err(error::not_connected()));
                };
                outcome(read(&mut connection))
            })
    }

    fn write_some<B: Deref<Target = [u8]>>(&self, bufs: &[B]) -> io::Result<usize> {
        self.wait_to_write(WriteCall {
            id: self.inner.id,
            bufs,
            sleeps: false,
        })
    }

    fn wait_flushed(&self) -> io::Result<()> {
        let id = self.inner.id;
        self.wait_to_write(attempt(move |state, now| {
            let Some(mut connection) = state.stack.connection(now, id) else {
                return Poll::Ready(Err(error::broken_pipe()));
            };
            if connection.is_flushed() {
                return Poll::Ready(Ok(()));
            }
            if connection.state() != TcpState::Closed {
                return Poll::Pending;
            }
            // It died with data on the way.
            let error = connection.take_error().map(error::from_connection);
            Poll::Ready(Err(error.unwrap_or_else(error::broken_pipe)))
        }))
    }

    fn wait_to_write<C: Call>(&self, call: C) -> io::Result<C::Output> {
        let inner = &*self.inner;
        let patience = self.patience(|options| options.write_timeout);
        inner
            .shared
            .wait_for_call(inner.wait.to_write(inner.id), patience, call)
            .map_err(|error| match error.kind() {
                // Only the interface's shutdown says so to a writer.
                io::ErrorKind::NotConnected => io::Error::new(io::ErrorKind::BrokenPipe, error),
                _ => error,
            })
    }

    fn patience(&self, timeout: impl FnOnce(&Options) -> Option<Duration>) -> Patience {
        let options = *self.inner.options.lock();
        if options.nonblocking {
            Patience::None
        } else {
            Patience::lasting(timeout(&options))
        }
    }
}

/// Reading gives what is there, and waits only while there is nothing; 0 is the end of the stream.
///
/// # Errors
///
/// `ConnectionReset`, `TimedOut` or what else has ended the connection, once; `WouldBlock` when
/// [`set_read_timeout`](TcpStream::set_read_timeout)'s time is over, or there is nothing to read
/// [without blocking](TcpStream::set_nonblocking); `NotConnected` after the interface's shutdown.
impl Read for &TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let inner = &*self.inner;
        let patience = self.patience(|options| options.read_timeout);
        let call = ReadCall {
            id: inner.id,
            buf,
            filled: 0,
        };
        inner
            .shared
            .wait_for_call(inner.wait.to_read(inner.id), patience, call)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Ok(0);
        }
        self.read_by(|connection| connection.read_vectored(bufs))
    }
}

/// Writing takes what fits into the send buffer, and waits only while nothing fits. Flushing waits
/// until the peer has acknowledged everything that was written.
///
/// # Errors
///
/// `BrokenPipe` after our shutdown, the connection's end or the interface's; what has ended the
/// connection, once; `WouldBlock` when [`set_write_timeout`](TcpStream::set_write_timeout)'s time
/// is over, or nothing fits [without blocking](TcpStream::set_nonblocking).
impl Write for &TcpStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        self.write_some(&[data])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Ok(0);
        }
        self.write_some(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait_flushed()
    }
}

/// As for `&TcpStream`.
impl Read for TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

/// As for `&TcpStream`.
impl Write for TcpStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}
