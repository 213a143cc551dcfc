//! A client that resets the connection on the way.

use std::time::Duration;

use tcp_core::{ConnectionError, ConnectionEvent};

use super::sockets::{App, AppError, Cause, Sockets, Status};
use super::stream::{Line, Role};

/// Says half of what it has to say, waits until that is acknowledged, says the rest, and resets the
/// connection while that is under way.
#[derive(Clone, Debug)]
pub struct Quitter {
    line: Line,
    bytes: u64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Until the peer has acknowledged the first half, and so has taken the connection.
    FirstHalf,
    SecondHalf,
    Leaving,
}

/// How long the last bytes have to get on their way.
const HASTE: Duration = Duration::from_millis(1);

impl Quitter {
    /// A client that says so many bytes before.
    pub fn new(bytes: u64) -> Quitter {
        Quitter {
            line: Line::new(Role::Client),
            bytes,
            phase: Phase::FirstHalf,
        }
    }
}

impl App for Quitter {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        let Some(stream) = self.line.turn(cause, sockets) else {
            return;
        };
        let half = self.bytes / 2;
        if self.phase == Phase::FirstHalf && stream.say(sockets, half) {
            let proof = if half > 0 {
                ConnectionEvent::Flushed
            } else {
                ConnectionEvent::Connected
            };
            if matches!(cause, Cause::Told(_, event) if event == proof) {
                self.phase = Phase::SecondHalf;
            }
        }
        if self.phase == Phase::SecondHalf && stream.say(sockets, self.bytes) {
            self.phase = Phase::Leaving;
            sockets.wake_after(HASTE);
        }
        if self.phase == Phase::Leaving && cause == Cause::Woken {
            sockets.abort(stream.id());
            sockets.close(stream.id());
            return self.line.end_with(Status::Done);
        }
        self.line.end(sockets, false, 0);
    }

    fn status(&self) -> Status {
        self.line.status()
    }
}

/// A server that hears until the connection is reset.
#[derive(Clone, Debug)]
pub struct Witness {
    line: Line,
}

impl Witness {
    /// A server that expects the reset.
    pub fn new() -> Witness {
        Witness {
            line: Line::new(Role::Server),
        }
    }
}

impl Default for Witness {
    fn default() -> Self {
        Witness::new()
    }
}

impl App for Witness {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        let Some(stream) = self.line.turn(cause, sockets) else {
            return;
        };
        stream.hear_all(sockets);
        self.line.end(sockets, false, 0);
        if self.line.status() == Status::Failed(AppError::Connection(ConnectionError::Reset)) {
            self.line.end_with(Status::Done);
        }
    }

    fn status(&self) -> Status {
        self.line.status()
    }
}
