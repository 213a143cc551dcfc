//! Many connections, each for one request and one response; the server closes first.

use std::collections::BTreeMap;

use tcp_core::ConnectionId;

use super::request_response::Exchanges;
use super::sockets::{App, AppError, Cause, Sockets, Status};
use super::stream::Stream;

/// A client that has so many connections at a time, until it has had all.
#[derive(Clone, Debug)]
pub struct Visitor {
    exchanges: Exchanges,
    parallel: u64,
    opened: u64,
    streams: BTreeMap<ConnectionId, Stream>,
    /// The first that went wrong.
    error: Option<AppError>,
}

impl Visitor {
    /// A client that makes a connection for each exchange.
    pub fn new(exchanges: Exchanges, parallel: u64) -> Visitor {
        Visitor {
            exchanges,
            parallel: parallel.max(1),
            opened: 0,
            streams: BTreeMap::new(),
            error: None,
        }
    }

    fn open(&mut self, sockets: &mut dyn Sockets) {
        while self.opened < self.exchanges.count && (self.streams.len() as u64) < self.parallel {
            self.opened += 1;
            match sockets.connect() {
                Ok(opened) => {
                    let mut stream = Stream::new(opened);
                    stream.say(sockets, self.exchanges.request);
                    self.streams.insert(opened.id, stream);
                }
                Err(error) => {
                    self.error.get_or_insert(AppError::Connect(error));
                    // What is wrong now, a lack of ports above all, is wrong for the next ones.
                    self.opened = self.exchanges.count;
                }
            }
        }
    }
}

impl App for Visitor {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        if let Cause::Told(id, event) = cause
            && let Some(stream) = self.streams.get_mut(&id)
        {
            stream.note(event);
            stream.hear_all(sockets);
            let said_all = stream.say(sockets, self.exchanges.request);
            if let Some(status) = stream.end(sockets, said_all, self.exchanges.response) {
                self.streams.remove(&id);
                if let Status::Failed(error) = status {
                    self.error.get_or_insert(error);
                }
            }
        }
        self.open(sockets);
    }

    fn status(&self) -> Status {
        match self.error {
            _ if !self.streams.is_empty() => Status::Busy,
            _ if self.opened < self.exchanges.count => Status::Waiting,
            Some(error) => Status::Failed(error),
            None => Status::Done,
        }
    }
}

/// A server that answers and closes, as often as it is asked.
#[derive(Clone, Debug)]
pub struct Counter {
    exchanges: Exchanges,
    served: u64,
    streams: BTreeMap<ConnectionId, Stream>,
    error: Option<AppError>,
}

impl Counter {
    /// A server of these connections.
    pub fn new(exchanges: Exchanges) -> Counter {
        Counter {
            exchanges,
            served: 0,
            streams: BTreeMap::new(),
            error: None,
        }
    }

    fn serve(&mut self, id: ConnectionId, sockets: &mut dyn Sockets) {
        let Exchanges {
            request, response, ..
        } = self.exchanges;
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        stream.hear_all(sockets);
        let said_all = stream.heard() >= request && stream.say(sockets, response);
        if said_all {
            stream.finish(sockets);
        }
        if let Some(status) = stream.end(sockets, said_all, request) {
            self.streams.remove(&id);
            match status {
                Status::Failed(error) => _ = self.error.get_or_insert(error),
                _ => self.served += 1,
            }
        }
    }
}

impl App for Counter {
    fn act(&mut self, cause: Cause, sockets: &mut dyn Sockets) {
        match cause {
            Cause::Incoming => {
                while let Some(opened) = sockets.accept() {
                    self.streams.insert(opened.id, Stream::new(opened));
                    self.serve(opened.id, sockets);
                }
            }
            Cause::Told(id, event) => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.note(event);
                }
                self.serve(id, sockets);
            }
            Cause::Start | Cause::Woken => {}
        }
    }

    fn status(&self) -> Status {
        match self.error {
            _ if !self.streams.is_empty() => Status::Busy,
            Some(error) => Status::Failed(error),
            None if self.served < self.exchanges.count => Status::Waiting,
            None => Status::Done,
        }
    }
}
