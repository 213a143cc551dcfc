//! The application at one end: how far it has come in its script.

use tcp_core::{Connection, ConnectionError, Counters, Instant, ReadError, Shutdown, WriteError};

use super::machine::Machine;
use super::scenario::Step;
use crate::oracle::{Violation, rule};

/// How far an application has come.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct App {
    /// The next step of the script.
    at: usize,
    /// Bytes of that step that are done.
    progress: usize,
    written: usize,
    read: usize,
    aborted: bool,
    /// Connections that it was given after the first one.
    accepted: u8,
    /// Why the connection failed; nothing is done after it.
    error: Option<ConnectionError>,
}

impl App {
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn written_bytes(&self) -> usize {
        self.written
    }

    pub(super) fn read_bytes(&self) -> usize {
        self.read
    }

    pub(super) fn has_aborted(&self) -> bool {
        self.aborted
    }

    pub(super) fn error(&self) -> Option<ConnectionError> {
        self.error
    }

    /// The next step, if it can be taken now.
    pub(super) fn ready<M: Machine>(&self, script: &[Step], machine: &M) -> Option<Step> {
        let step = *script.get(self.at)?;
        let connection = machine.connection();
        let possible = match step {
            Step::Connect => connection.is_some_and(Connection::is_finished),
            Step::Accept => connection.is_some() && machine.incarnation() > self.accepted + 1,
            Step::Write(_) => connection?.send_room() > 0,
            Step::Read(_) | Step::ReadToEnd => {
                connection?.peek(&mut [0]) != Err(ReadError::WouldBlock)
            }
            Step::Shutdown | Step::Close | Step::Abort => connection.is_some(),
        };
        possible.then_some(step)
    }

    /// Takes a step. `streams` are all that this side ever writes, and all that the other does.
    pub(super) fn take<M: Machine>(
        &mut self,
        step: Step,
        now: Instant,
        machine: &mut M,
        streams: [&[u8]; 2],
    ) -> Result<(), Violation> {
        let [outgoing, incoming] = streams;
        let mut counters = Counters::default();
        match (step, machine.connection_mut()) {
            (Step::Connect, _) => {
                machine.reconnect(now);
                self.next();
            }
            (_, None) => {}
            (Step::Accept, Some(_)) => {
                self.accepted += 1;
                self.next();
            }
            (Step::Write(count), Some(it)) => self.write(now, it, count, outgoing),
            (Step::Read(count), Some(it)) => return self.read(now, it, count, incoming),
            (Step::ReadToEnd, Some(it)) => return self.read_to_end(now, it, incoming),
            (Step::Shutdown, Some(it)) => {
                it.shutdown(now, Shutdown::Write, &mut counters);
                self.next();
            }
            (Step::Close, Some(it)) => {
                it.close(now, &mut counters);
                self.next();
            }
            (Step::Abort, Some(it)) => {
                self.aborted = true;
                it.abort(now, &mut counters);
                self.next();
            }
        }
        Ok(())
    }

    fn write(&mut self, now: Instant, connection: &mut Connection, count: usize, stream: &[u8]) {
        let rest = &stream[self.written..self.written + count - self.progress];
        match connection.write(now, rest) {
            Ok(taken) => {
                self.written += taken;
                self.advance(taken, count);
            }
            Err(WriteError::WouldBlock) => {}
            Err(WriteError::Closed) => self.next(),
            Err(WriteError::Connection(error)) => self.fail(error),
        }
    }

    fn read(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        count: usize,
        incoming: &[u8],
    ) -> Result<(), Violation> {
        let mut buf = vec![0; count - self.progress];
        match connection.read(now, &mut buf) {
            Ok(0) => {
                rule!(false, "the stream ended where more was to be read");
            }
            Ok(taken) => {
                self.check_read(&buf[..taken], incoming)?;
                self.advance(taken, count);
            }
            Err(ReadError::WouldBlock) => {}
            Err(ReadError::Connection(error)) => self.fail(error),
        }
        Ok(())
    }

    fn read_to_end(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        incoming: &[u8],
    ) -> Result<(), Violation> {
        let mut buf = [0; 1_024];
        match connection.read(now, &mut buf) {
            Ok(0) => self.next(),
            Ok(taken) => self.check_read(&buf[..taken], incoming)?,
            Err(ReadError::WouldBlock) => {}
            Err(ReadError::Connection(error)) => self.fail(error),
        }
        Ok(())
    }

    /// What was read must be what was written next.
    fn check_read(&mut self, bytes: &[u8], incoming: &[u8]) -> Result<(), Violation> {
        let at = self.read;
        self.read += bytes.len();
        rule!(
            incoming.get(at..self.read) == Some(bytes),
            "{} bytes read at offset {at} are not those written",
            bytes.len()
        );
        Ok(())
    }

    fn advance(&mut self, taken: usize, count: usize) {
        self.progress += taken;
        if self.progress == count {
            self.next();
        }
    }

    fn next(&mut self) {
        self.at += 1;
        self.progress = 0;
    }

    /// The connection failed: what is left of the script is skipped.
    fn fail(&mut self, error: ConnectionError) {
        self.error = Some(error);
        self.at = usize::MAX;
    }
}
