//! How connections end, and listeners.

use tcp_sim::posix::Errno;

use super::{Model, Socket, SocketId, What};

impl Model {
    /// The last descriptor of a socket is gone.
    pub(super) fn release(&mut self, id: SocketId) {
        self.give_up(id);
        let socket = &mut self.sockets[id];
        socket.port = None;
        if socket.is_listener() {
            socket.what = What::Nothing;
        }
    }

    /// Ends what is behind a socket as `close` does.
    pub(super) fn give_up(&mut self, id: SocketId) {
        match &mut self.sockets[id].what {
            What::Nothing => {}
            What::Listener { queue } => {
                for child in std::mem::take(queue) {
                    self.abort(child);
                }
            }
            What::End(end) => {
                end.orphan = true;
                if end.unread > 0 {
                    self.abort(id);
                } else {
                    self.finish(id);
                }
            }
        }
    }

    pub(super) fn disconnect(&mut self, id: SocketId) {
        match &mut self.sockets[id].what {
            What::Nothing => {}
            What::Listener { .. } => self.give_up(id),
            What::End(end) => {
                end.orphan = true;
                let alive = !end.dead;
                self.abort(id);
                if alive {
                    self.sockets[id].error = Some(Errno::ECONNRESET);
                }
            }
        }
        let socket = &mut self.sockets[id];
        socket.what = What::Nothing;
        socket.recv_shut = false;
        socket.send_shut = false;
        if !socket.bound {
            socket.port = None;
        }
    }

    /// Our stream ends; where the peer's has ended, too, so does the connection.
    pub(super) fn finish(&mut self, id: SocketId) {
        let Some(end) = self.sockets[id].end_mut().filter(|end| !end.dead) else {
            return;
        };
        end.finished = true;
        let (peer, both) = (end.peer, end.peer_finished);
        if let Some(end) = self.sockets[peer].end_mut() {
            end.peer_finished = true;
        }
        if both {
            self.die(id, None);
            self.die(peer, None);
        }
    }

    /// The peer hears of the end by RST.
    pub(super) fn abort(&mut self, id: SocketId) {
        let Some(end) = self.sockets[id].end_mut().filter(|end| !end.dead) else {
            return;
        };
        end.orphan = true;
        let peer = end.peer;
        self.die(id, None);
        self.reset(peer);
    }

    /// Data goes from one end to the other, which may refuse it: RST is the answer then.
    pub(super) fn deliver(&mut self, from: SocketId, to: SocketId, len: usize) {
        let recv_shut = self.sockets.get(to).is_some_and(|socket| socket.recv_shut);
        match self.sockets[to].end_mut() {
            // Nobody will ever read what comes after our own end, once the reading side is shut.
            Some(end) if !end.orphan && end.finished && recv_shut => {
                self.die(to, Some(Errno::ECONNRESET));
                self.reset(from);
            }
            Some(end) if !end.orphan => end.unread += len,
            // Nobody holds it any more.
            _ => self.reset(from),
        }
    }

    /// RST arrives.
    pub(super) fn reset(&mut self, id: SocketId) {
        let Some(end) = self.sockets[id].end() else {
            return;
        };
        let error = if end.peer_finished && !end.finished {
            Errno::EPIPE
        } else {
            Errno::ECONNRESET
        };
        let peer = end.peer;
        self.die(id, Some(error));
        self.die(peer, None);
    }

    pub(super) fn die(&mut self, id: SocketId, error: Option<Errno>) {
        if let Some(end) = self.sockets.get_mut(id).and_then(Socket::end_mut)
            && !std::mem::replace(&mut end.dead, true)
            && !end.orphan
        {
            self.sockets[id].error = error;
        }
    }
}
