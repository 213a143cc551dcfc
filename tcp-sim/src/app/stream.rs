//! A connection in the hands of an application.

use tcp_core::{ConnectionError, ConnectionEvent, ConnectionId, ReadError, WriteError};

use super::sockets::{AppError, Cause, Opened, Sockets, Status};
use crate::pattern::Pattern;

/// A connection, and how much was said and heard on it.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    id: ConnectionId,
    pattern: Pattern,
    said: u64,
    heard: u64,
    has_room: bool,
    has_finished: bool,
    heard_end: bool,
    error: Option<ConnectionError>,
}

impl Stream {
    pub(super) fn new(opened: Opened) -> Stream {
        Stream {
            id: opened.id,
            pattern: opened.pattern,
            said: 0,
            heard: 0,
            has_room: true,
            has_finished: false,
            heard_end: false,
            error: None,
        }
    }

    pub(super) fn id(&self) -> ConnectionId {
        self.id
    }

    /// Bytes heard so far.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// Whether the peer has said its last word.
    pub(super) fn heard_end(&self) -> bool {
        self.heard_end
    }

    /// The connection has told of something.
    pub(super) fn note(&mut self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Writable => self.has_room = true,
            ConnectionEvent::Closed(Some(error)) => self.error = Some(error),
            _ => {}
        }
    }

    /// Says what is left of the first `total` bytes, as far as there is room; says whether all of
    /// them are said.
    pub(super) fn say(&mut self, sockets: &mut dyn Sockets, total: u64) -> bool {
        while self.said < total && self.has_room {
            let left = total - self.said;
            match sockets.write(self.id, &self.pattern, self.said, left) {
                Ok(count) => self.said += count,
                Err(WriteError::Connection(error)) => {
                    self.error = Some(error);
                    self.has_room = false;
                }
                Err(WriteError::WouldBlock | WriteError::Closed) => self.has_room = false,
            }
        }
        self.said >= total
    }

    /// Hears up to `most` bytes of what is there.
    pub(super) fn hear(&mut self, sockets: &mut dyn Sockets, most: u64) {
        let limit = self.heard.saturating_add(most);
        while self.heard < limit && !self.heard_end {
            match sockets.read(self.id, limit - self.heard) {
                Ok(0) => self.heard_end = true,
                Ok(count) => self.heard += count,
                Err(ReadError::WouldBlock) => return,
                Err(ReadError::Connection(error)) => {
                    self.error = Some(error);
                    self.heard_end = true;
                }
            }
        }
    }

    /// Hears all that is there.
    pub(super) fn hear_all(&mut self, sockets: &mut dyn Sockets) {
        self.hear(sockets, u64::MAX);
    }

    /// Has no more to say.
    pub(super) fn finish(&mut self, sockets: &mut dyn Sockets) {
        if !self.has_finished {
            self.has_finished = true;
            sockets.shutdown_write(self.id);
        }
    }

    /// How the stream ended, if it has: the connection is lost, or the peer has closed, and this
    /// end has `said_all`. It is closed then.
    pub(super) fn end(
        &mut self,
        sockets: &mut dyn Sockets,
        said_all: bool,
        expected: u64,
    ) -> Option<Status> {
        let heard = self.heard;
        let status = match self.error {
            Some(error) => Status::Failed(AppError::Connection(error)),
            None if !self.heard_end => return None,
            None if heard != expected => Status::Failed(AppError::Heard { heard, expected }),
            None if !said_all => return None,
            None => Status::Done,
        };
        sockets.close(self.id);
        Some(status)
    }
}

/// Which end of a flow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// The one that connects.
    Client,
    /// The one that accepts.
    Server,
}

/// The only connection of an application.
#[derive(Clone, Debug)]
pub(super) struct Line {
    role: Role,
    stream: Option<Stream>,
    status: Status,
}

impl Line {
    pub(super) fn new(role: Role) -> Line {
        Line {
            role,
            stream: None,
            status: Status::Waiting,
        }
    }

    pub(super) fn status(&self) -> Status {
        self.status
    }

    /// Opens the connection where it is time to, and gives it while there is one.
    pub(super) fn turn(&mut self, cause: Cause, sockets: &mut dyn Sockets) -> Option<&mut Stream> {
        match (cause, self.role) {
            (Cause::Start, Role::Client) => match sockets.connect() {
                Ok(opened) => self.take(opened),
                Err(error) => self.status = Status::Failed(AppError::Connect(error)),
            },
            (Cause::Incoming, Role::Server) if self.status == Status::Waiting => {
                if let Some(opened) = sockets.accept() {
                    self.take(opened);
                }
            }
            (Cause::Told(id, event), _) => {
                if let Some(stream) = self.stream.as_mut().filter(|stream| stream.id() == id) {
                    stream.note(event);
                }
            }
            _ => {}
        }
        self.stream.as_mut()
    }

    /// Ends with the stream: see [`Stream::end`].
    pub(super) fn end(&mut self, sockets: &mut dyn Sockets, said_all: bool, expected: u64) {
        let stream = self.stream.as_mut();
        if let Some(status) = stream.and_then(|stream| stream.end(sockets, said_all, expected)) {
            self.end_with(status);
        }
    }

    /// Ends like this; the connection is closed already.
    pub(super) fn end_with(&mut self, status: Status) {
        self.status = status;
        self.stream = None;
    }

    fn take(&mut self, opened: Opened) {
        self.stream = Some(Stream::new(opened));
        self.status = Status::Busy;
    }
}
