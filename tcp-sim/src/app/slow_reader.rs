//! A reader that lets the sender's window close.

use std::time::Duration;

use super::sockets::{App, Cause, Sockets, Status};
use super::stream::{Line, Role};

/// A server that reads a piece at a time, and closes when the client has.
#[derive(Clone, Debug)]
pub struct SlowReader {
    line: Line,
    expected: u64,
    piece: u64,
    every: Duration,
}

impl SlowReader {
    /// A server that expects so many bytes, and reads at most `piece` of them after every span.
    pub fn new(expected: u64, piece: u64, every: Duration) -> SlowReader {
        SlowReader {
            line: Line::new(Role::Server),
            expected,
            piece,
            every,
        }
    }
}

impl App for SlowReader {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        let Some(stream) = self.line.turn(cause, sockets) else {
            return;
        };
        match cause {
            Cause::Incoming => sockets.wake_after(self.every),
            Cause::Woken => {
                stream.hear(sockets, self.piece);
                sockets.wake_after(self.every);
            }
            Cause::Start | Cause::Told(..) => {}
        }
        self.line.end(sockets, true, self.expected);
    }

    fn status(&self) -> Status {
        self.line.status()
    }
}
