//! A server that answers when the client has closed its direction.

use super::sockets::{App, Cause, Sockets, Status};
use super::stream::{Line, Role};

/// Hears to the end of the stream, and only then answers and closes.
#[derive(Clone, Debug)]
pub struct LateAnswerer {
    line: Line,
    expected: u64,
    response: u64,
}

impl LateAnswerer {
    /// A server that expects so many bytes, and answers with so many.
    pub fn new(expected: u64, response: u64) -> LateAnswerer {
        LateAnswerer {
            line: Line::new(Role::Server),
            expected,
            response,
        }
    }
}

impl App for LateAnswerer {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        let Some(stream) = self.line.turn(cause, sockets) else {
            return;
        };
        stream.hear_all(sockets);
        let said_all = stream.heard_end() && stream.say(sockets, self.response);
        self.line.end(sockets, said_all, self.expected);
    }

    fn status(&self) -> Status {
        self.line.status()
    }
}
