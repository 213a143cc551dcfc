//! Questions and answers, one after the other on one connection.

use std::time::Duration;

use super::sockets::{App, Cause, Sockets, Status};
use super::stream::{Line, Role};

/// How much goes to and fro.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exchanges {
    /// How many requests.
    pub count: u64,
    /// Bytes of a request.
    pub request: u64,
    /// Bytes of a response.
    pub response: u64,
}

/// A client that asks, waits for the whole answer, thinks, and asks again; then closes.
#[derive(Clone, Debug)]
pub struct Asker {
    line: Line,
    exchanges: Exchanges,
    think: Duration,
    /// Requests that it has begun to send.
    asked: u64,
    pause: Pause,
}

/// What is between a response and the next request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pause {
    /// It is still to come.
    Due,
    Now,
    Over,
}

impl Asker {
    /// A client that thinks so long after a response.
    pub fn new(exchanges: Exchanges, think: Duration) -> Asker {
        Asker {
            line: Line::new(Role::Client),
            exchanges,
            think,
            asked: 0,
            pause: Pause::Over,
        }
    }
}

impl App for Asker {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        let Some(stream) = self.line.turn(cause, sockets) else {
            return;
        };
        let Exchanges {
            count,
            request,
            response,
        } = self.exchanges;
        stream.hear_all(sockets);
        if cause == Cause::Woken {
            self.pause = Pause::Over;
        }
        let mut said = stream.say(sockets, self.asked * request);
        while said && self.asked < count && stream.heard() >= self.asked * response {
            if self.pause == Pause::Due {
                self.pause = Pause::Now;
                sockets.wake_after(self.think);
            }
            if self.pause == Pause::Now {
                break;
            }
            self.asked += 1;
            if !self.think.is_zero() {
                self.pause = Pause::Due;
            }
            said = stream.say(sockets, self.asked * request);
        }
        let is_done = said && self.asked == count && stream.heard() >= count * response;
        if is_done {
            stream.finish(sockets);
        }
        self.line.end(sockets, is_done, count * response);
    }

    fn status(&self) -> Status {
        self.line.status()
    }
}

/// A server that answers each request once it has heard all of it, and closes when the client has.
#[derive(Clone, Debug)]
pub struct Answerer {
    line: Line,
    exchanges: Exchanges,
}

impl Answerer {
    /// A server of these requests.
    pub fn new(exchanges: Exchanges) -> Answerer {
        Answerer {
            line: Line::new(Role::Server),
            exchanges,
        }
    }
}

impl App for Answerer {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        let Some(stream) = self.line.turn(cause, sockets) else {
            return;
        };
        let Exchanges {
            count,
            request,
            response,
        } = self.exchanges;
        stream.hear_all(sockets);
        // Empty requests have all been heard from the beginning.
        let requests = stream.heard().checked_div(request).unwrap_or(count);
        let said_all = stream.say(sockets, requests.min(count) * response);
        self.line.end(sockets, said_all, count * request);
    }

    fn status(&self) -> Status {
        self.line.status()
    }
}
