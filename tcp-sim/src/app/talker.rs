//! A conversation between the two hosts of a pair.

use tcp_core::{ConnectionError, ConnectionId, ReadError, Shutdown, State, WriteError};

use crate::Side;
use crate::pattern::words;
use crate::world::Pair;

/// An application that has something to say on one connection, listens, and closes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Talker {
    to_send: Vec<u8>,
    sent: usize,
    closes: Closes,
    received: Vec<u8>,
    /// Whether it has closed its direction, and heard that the peer has closed the other.
    has_closed: bool,
    heard_end: bool,
    /// Whether it has given the connection up.
    is_done: bool,
    error: Option<ConnectionError>,
}

/// When a [`Talker`] closes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Closes {
    /// As soon as it has sent everything; it goes on listening (half-close).
    WhenSent,
    /// When it has sent everything and the peer has closed.
    AfterPeer,
    /// When it has sent everything and has received so many bytes: it does not wait for the
    /// peer to close.
    WhenReceived(usize),
}

impl Talker {
    /// An application that says `to_send`.
    pub fn new(to_send: Vec<u8>, closes: Closes) -> Talker {
        Talker {
            to_send,
            sent: 0,
            closes,
            received: Vec::new(),
            has_closed: false,
            heard_end: false,
            is_done: false,
            error: None,
        }
    }

    /// What it has heard.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Whether it has given the connection up, or lost it.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Why it lost the connection.
    pub fn error(&self) -> Option<ConnectionError> {
        self.error
    }

    /// Does everything that it can do now.
    pub fn act(&mut self, pair: &mut Pair, side: Side, id: ConnectionId) {
        if self.is_done {
            return;
        }
        if pair.state(side, id) == State::SynSent {
            if pair.is_syn_deferred(side, id) {
                // An error is told when the handshake is over.
                let _ = self.talk(pair, side, id);
            }
            return;
        }
        let result = self.listen(pair, side, id);
        if let Err(error) = result.and_then(|()| self.talk(pair, side, id)) {
            self.error = Some(error);
            return self.give_up(pair, side, id);
        }
        if self.sent < self.to_send.len() {
            return;
        }
        if self.closes == Closes::WhenSent && !self.has_closed {
            self.has_closed = true;
            pair.shutdown(side, id, Shutdown::Write);
        }
        let has_heard_enough = match self.closes {
            Closes::WhenSent | Closes::AfterPeer => self.heard_end,
            Closes::WhenReceived(count) => self.received.len() >= count,
        };
        if has_heard_enough {
            self.give_up(pair, side, id);
        }
    }

    fn listen(
        &mut self,
        pair: &mut Pair,
        side: Side,
        id: ConnectionId,
    ) -> Result<(), ConnectionError> {
        let mut buf = [0; 4_096];
        while !self.heard_end {
            match pair.read(side, id, &mut buf) {
                Ok(0) => self.heard_end = true,
                Ok(count) => self.received.extend_from_slice(&buf[..count]),
                Err(ReadError::WouldBlock) => break,
                Err(ReadError::Connection(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn talk(
        &mut self,
        pair: &mut Pair,
        side: Side,
        id: ConnectionId,
    ) -> Result<(), ConnectionError> {
        while self.sent < self.to_send.len() {
            match pair.write(side, id, &self.to_send[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(WriteError::WouldBlock | WriteError::Closed) => break,
                Err(WriteError::Connection(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn give_up(&mut self, pair: &mut Pair, side: Side, id: ConnectionId) {
        self.is_done = true;
        pair.close(side, id);
    }
}

/// Lets A connect to B, both talk, and everything come to its end: 2 MSL after the last close.
/// Gives both talkers back, A's first.
pub fn converse(pair: &mut Pair, talkers: [Talker; 2]) -> [Talker; 2] {
    let [mut a, mut b] = talkers;
    let listener = pair.listen(Side::B, PORT);
    let client = pair.connect(Side::A, PORT);
    let mut server = None;
    loop {
        a.act(pair, Side::A, client);
        server = server.or_else(|| pair.try_accept(Side::B, listener));
        if let Some(server) = server {
            b.act(pair, Side::B, server);
        }
        if !pair.step() {
            return [a, b];
        }
    }
}

/// Where the server of a conversation listens.
const PORT: u16 = 80;

/// Bytes that look like no others at another offset or of another seed, so that a stream put
/// together wrongly is not taken for the right one.
pub fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let bytes = words(seed).flat_map(u64::to_le_bytes);
    bytes.take(len).collect()
}
