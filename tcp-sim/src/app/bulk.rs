//! One side sends as fast as it may, the other reads at once.

use super::sockets::{App, Cause, Sockets, Status};
use super::stream::{Line, Role};

/// Says all that it has to say and closes its direction; hears until the peer has closed the other.
#[derive(Clone, Debug)]
pub struct Sender {
    line: Line,
    bytes: u64,
    expected: u64,
}

impl Sender {
    /// A client or server that says so many bytes, and expects to hear so many.
    pub fn new(role: Role, bytes: u64, expected: u64) -> Sender {
        Sender {
            line: Line::new(role),
            bytes,
            expected,
        }
    }
}

impl App for Sender {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        let Some(stream) = self.line.turn(cause, sockets) else {
            return;
        };
        stream.hear_all(sockets);
        let said_all = stream.say(sockets, self.bytes);
        if said_all {
            stream.finish(sockets);
        }
        self.line.end(sockets, said_all, self.expected);
    }

    fn status(&self) -> Status {
        self.line.status()
    }
}

/// A server that hears until the client has closed, and closes.
#[derive(Clone, Debug)]
pub struct Receiver {
    line: Line,
    expected: u64,
}

impl Receiver {
    /// A server that expects to hear so many bytes.
    pub fn new(expected: u64) -> Receiver {
        Receiver {
            line: Line::new(Role::Server),
            expected,
        }
    }
}

impl App for Receiver {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        let Some(stream) = self.line.turn(cause, sockets) else {
            return;
        };
        stream.hear_all(sockets);
        self.line.end(sockets, true, self.expected);
    }

    fn status(&self) -> Status {
        self.line.status()
    }
}
