//! What a socket is to its user: no segment, no window, no timer.

mod ends;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tcp_sim::posix::Errno;
use tcp_sim::posix::constants::{
    POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP, SHUT_RD, SHUT_RDWR, SHUT_WR,
};

use crate::op::{Answer, Kind, Op};

type SocketId = usize;

/// A descriptor that nobody has.
const NO_DESCRIPTOR: i32 = 1_000;

/// Descriptors, and the sockets that they name.
#[derive(Clone, Debug, Default)]
pub struct Model {
    descriptors: BTreeMap<i32, SocketId>,
    sockets: Vec<Socket>,
    /// Pairs of ports that have been connected once: something of it may be left.
    used: BTreeSet<(u16, u16)>,
}

/// An end of a connection, or a listener, or nothing yet.
#[derive(Clone, Debug)]
struct Socket {
    port: Option<u16>,
    /// Whether `bind` gave it its port, so that it stays.
    bound: bool,
    association: Association,
    what: What,
    error: Option<Errno>,
    recv_shut: bool,
    send_shut: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Association {
    None,
    Connecting,
    Connected,
    Dissolving,
}

#[derive(Clone, Debug)]
enum What {
    Nothing,
    Listener { queue: VecDeque<SocketId> },
    End(End),
}

#[derive(Clone, Debug)]
struct End {
    peer: SocketId,
    peer_port: u16,
    unread: usize,
    /// Our stream is at its end.
    finished: bool,
    /// The peer's is.
    peer_finished: bool,
    /// Nothing comes or goes any more.
    dead: bool,
    /// Nobody holds it any more.
    orphan: bool,
}

impl Socket {
    fn new() -> Socket {
        Socket {
            port: None,
            bound: false,
            association: Association::None,
            what: What::Nothing,
            error: None,
            recv_shut: false,
            send_shut: false,
        }
    }

    fn end(&self) -> Option<&End> {
        match &self.what {
            What::End(end) => Some(end),
            _ => None,
        }
    }

    fn end_mut(&mut self) -> Option<&mut End> {
        match &mut self.what {
            What::End(end) => Some(end),
            _ => None,
        }
    }

    fn is_listener(&self) -> bool {
        matches!(self.what, What::Listener { .. })
    }

    fn take_error(&mut self) -> Result<(), Errno> {
        self.error.take().map_or(Ok(()), Err)
    }
}

impl Model {
    /// The call on one of the descriptors that there are, which the number of its own stands for; on none
    /// where that is odd enough. No call where it leads to where the model does not follow: a connection to
    /// itself, or from a port and to a port that there was one between already.
    pub fn fit(&self, op: Op) -> Option<Op> {
        let fds = self.descriptors();
        let place = usize::try_from(op.fd).unwrap_or(0);
        let fd = match fds.len() {
            0 => NO_DESCRIPTOR,
            _ if place % 16 == 15 => NO_DESCRIPTOR,
            count => fds[place % count],
        };
        if let Kind::Connect { port } = op.kind
            && let Some(socket) = self.descriptors.get(&fd).map(|id| &self.sockets[*id])
            && let Some(own) = socket.port
            && (own == port || self.used.contains(&(own, port)))
        {
            return None;
        }
        Some(Op { fd, ..op })
    }

    /// Which port was chosen is the host's to say, once.
    pub fn learn_port(&mut self, op: Op, answer: Answer) {
        let (Kind::Port | Kind::PeerPort, Ok(port)) = (op.kind, answer) else {
            return;
        };
        let Some(&id) = self.descriptors.get(&op.fd) else {
            return;
        };
        let asks_for_own = op.kind == Kind::Port;
        let unknown = match &mut self.sockets[id] {
            socket if asks_for_own => socket.port.as_mut(),
            socket => socket.end_mut().map(|end| &mut end.peer_port),
        };
        if let (Some(unknown @ 0), Ok(port)) = (unknown, u16::try_from(port)) {
            *unknown = port;
        }
    }

    pub fn descriptors(&self) -> Vec<i32> {
        self.descriptors.keys().copied().collect()
    }

    pub fn call(&mut self, op: Op) -> Answer {
        let Op { fd, kind } = op;
        match kind {
            Kind::Socket => Ok(self.open(Socket::new()).into()),
            Kind::Duplicate => {
                let id = self.id(fd)?;
                let new = self.lowest();
                self.descriptors.insert(new, id);
                Ok(new.into())
            }
            Kind::Close => {
                let id = self.descriptors.remove(&fd).ok_or(Errno::EBADF)?;
                if !self.descriptors.values().any(|other| *other == id) {
                    self.release(id);
                }
                Ok(0)
            }
            Kind::Poll => Ok(match self.id(fd) {
                Ok(id) => self.events(id).into(),
                Err(_) => POLLNVAL.into(),
            }),
            Kind::Bind { port } => self.bind(fd, port),
            Kind::Listen => self.listen(fd),
            Kind::Connect { port } => self.connect(fd, port),
            Kind::Dissolve => {
                let id = self.id(fd)?;
                self.sockets[id].association = Association::None;
                self.disconnect(id);
                Ok(0)
            }
            Kind::Accept => self.accept(fd),
            Kind::Send { len } => self.send(fd, len),
            Kind::Receive { len } => self.receive(fd, len, len),
            Kind::Peek { len } => self.receive(fd, len, 0),
            Kind::Shutdown { how } => self.shutdown(fd, how),
            Kind::PeerPort => {
                let end = self.sockets[self.id(fd)?].end();
                let end = end.filter(|end| !end.dead).ok_or(Errno::ENOTCONN)?;
                Ok(end.peer_port.into())
            }
            Kind::Port => Ok(self.sockets[self.id(fd)?].port.unwrap_or(0).into()),
            Kind::Error => {
                let id = self.id(fd)?;
                let error = self.sockets[id].error.take();
                Ok(error.map_or(0, Errno::number).into())
            }
            Kind::Listens => Ok(self.sockets[self.id(fd)?].is_listener().into()),
            Kind::Unread => match &self.sockets[self.id(fd)?].what {
                What::Listener { .. } => Err(Errno::EINVAL),
                What::Nothing => Ok(0),
                What::End(end) => Ok(end.unread as i64),
            },
        }
    }

    fn id(&self, fd: i32) -> Result<SocketId, Errno> {
        self.descriptors.get(&fd).copied().ok_or(Errno::EBADF)
    }

    fn lowest(&self) -> i32 {
        let mut fds = 3..;
        fds.find(|fd| !self.descriptors.contains_key(fd))
            .expect("there are more descriptors than sockets")
    }

    fn open(&mut self, socket: Socket) -> i32 {
        let fd = self.lowest();
        self.descriptors.insert(fd, self.sockets.len());
        self.sockets.push(socket);
        fd
    }

    fn listener_on(&self, port: u16) -> Option<SocketId> {
        let held = |id: &SocketId| self.descriptors.values().any(|held| held == id);
        let mut ids = (0..self.sockets.len()).filter(held);
        ids.find(|id| self.sockets[*id].is_listener() && self.sockets[*id].port == Some(port))
    }

    /// Each socket says that it shares its port, so only a listener keeps others off.
    fn bind(&mut self, fd: i32, port: u16) -> Answer {
        let id = self.id(fd)?;
        let socket = &self.sockets[id];
        if !matches!(socket.what, What::Nothing) || socket.port.is_some() {
            return Err(Errno::EINVAL);
        }
        if self.listener_on(port).is_some() {
            return Err(Errno::EADDRINUSE);
        }
        self.sockets[id].port = Some(port);
        self.sockets[id].bound = true;
        Ok(0)
    }

    fn listen(&mut self, fd: i32) -> Answer {
        let id = self.id(fd)?;
        let socket = &self.sockets[id];
        match socket.what {
            _ if socket.association != Association::None => return Err(Errno::EINVAL),
            What::End(_) => return Err(Errno::EINVAL),
            What::Listener { .. } => return Ok(0),
            What::Nothing => {}
        }
        if socket
            .port
            .is_some_and(|port| self.listener_on(port).is_some())
        {
            return Err(Errno::EADDRINUSE);
        }
        let socket = &mut self.sockets[id];
        // Chosen, and not known yet.
        socket.port = socket.port.or(Some(0));
        let queue = VecDeque::new();
        socket.what = What::Listener { queue };
        Ok(0)
    }

    fn connect(&mut self, fd: i32, port: u16) -> Answer {
        let id = self.id(fd)?;
        match self.sockets[id].association {
            Association::Connected => return Err(Errno::EISCONN),
            Association::Dissolving => return Err(Errno::EINVAL),
            Association::Connecting => return self.finish_connecting(id),
            Association::None if self.sockets[id].is_listener() => return Err(Errno::EISCONN),
            Association::None => {}
        }
        let own = self.sockets[id].port;
        if let Some(own) = own.filter(|own| *own != 0) {
            // Both ends are here.
            self.used.extend([(own, port), (port, own)]);
        }
        let end = |peer, peer_port| End {
            peer,
            peer_port,
            unread: 0,
            finished: false,
            peer_finished: false,
            dead: false,
            orphan: false,
        };
        let child = self.sockets.len();
        let listener = self.listener_on(port);
        let socket = &mut self.sockets[id];
        socket.association = Association::Connecting;
        socket.port = own.or(Some(0));
        socket.error = None;
        socket.what = What::End(end(child, port));
        match listener {
            None => self.die(id, Some(Errno::ECONNREFUSED)),
            Some(listener) => {
                if let What::Listener { queue } = &mut self.sockets[listener].what {
                    queue.push_back(child);
                }
                self.sockets.push(Socket {
                    port: Some(port),
                    bound: true,
                    association: Association::Connected,
                    what: What::End(end(id, own.unwrap_or(0))),
                    ..Socket::new()
                });
            }
        }
        Err(Errno::EINPROGRESS)
    }

    /// The call after the one that was in progress tells what became of it.
    fn finish_connecting(&mut self, id: SocketId) -> Answer {
        let socket = &mut self.sockets[id];
        if socket.end().is_some_and(|end| !end.dead) {
            socket.association = Association::Connected;
            return Ok(0);
        }
        let error = socket.error.take().unwrap_or(Errno::ECONNABORTED);
        socket.association = Association::None;
        self.disconnect(id);
        Err(error)
    }

    fn accept(&mut self, fd: i32) -> Answer {
        let id = self.id(fd)?;
        let What::Listener { queue } = &mut self.sockets[id].what else {
            return Err(Errno::EINVAL);
        };
        let child = queue.pop_front().ok_or(Errno::EAGAIN)?;
        let fd = self.lowest();
        self.descriptors.insert(fd, child);
        Ok(fd.into())
    }

    fn send(&mut self, fd: i32, len: usize) -> Answer {
        let id = self.id(fd)?;
        let socket = &mut self.sockets[id];
        socket.take_error()?;
        let send_shut = socket.send_shut;
        let end = socket.end().ok_or(Errno::EPIPE)?;
        if end.dead || end.finished || send_shut {
            return Err(Errno::EPIPE);
        }
        let peer = end.peer;
        self.deliver(id, peer, len);
        Ok(len as i64)
    }

    fn receive(&mut self, fd: i32, len: usize, consumed: usize) -> Answer {
        let id = self.id(fd)?;
        let socket = &mut self.sockets[id];
        let recv_shut = socket.recv_shut;
        match &mut socket.what {
            What::Listener { .. } => return Err(Errno::ENOTCONN),
            What::Nothing => {
                socket.take_error()?;
                return if recv_shut {
                    Ok(0)
                } else {
                    Err(Errno::ENOTCONN)
                };
            }
            What::End(end) if end.unread > 0 => {
                let count = end.unread.min(len);
                end.unread -= count.min(consumed);
                return Ok(count as i64);
            }
            What::End(end) if end.peer_finished => return Ok(0),
            What::End(_) => {}
        }
        socket.take_error()?;
        let dead = socket.end().is_some_and(|end| end.dead);
        if dead || recv_shut {
            Ok(0)
        } else {
            Err(Errno::EAGAIN)
        }
    }

    fn shutdown(&mut self, fd: i32, how: i32) -> Answer {
        let id = self.id(fd)?;
        let (reads, writes) = match how {
            SHUT_RD => (true, false),
            SHUT_WR => (false, true),
            SHUT_RDWR => (true, true),
            _ => return Err(Errno::EINVAL),
        };
        let socket = &mut self.sockets[id];
        match &socket.what {
            What::Listener { .. } if reads => {
                self.disconnect(id);
                Ok(0)
            }
            What::Listener { .. } => Ok(0),
            What::End(end) if !end.dead => {
                socket.association = Association::Connected;
                socket.recv_shut |= reads;
                socket.send_shut |= writes;
                if writes {
                    self.finish(id);
                }
                Ok(0)
            }
            What::Nothing | What::End(_) => {
                if socket.association == Association::Connecting {
                    socket.association = Association::Dissolving;
                }
                socket.recv_shut |= reads;
                socket.send_shut |= writes;
                Err(Errno::ENOTCONN)
            }
        }
    }

    fn events(&self, id: SocketId) -> i16 {
        let socket = &self.sockets[id];
        // What listens does not tell of errors.
        let fails = socket.error.is_some() && !socket.is_listener();
        let error = if fails { POLLERR } else { 0 };
        let closed = |recv_shut| POLLHUP | POLLOUT | if recv_shut { POLLIN | POLLRDHUP } else { 0 };
        error
            | match &socket.what {
                What::Nothing => closed(socket.recv_shut),
                What::Listener { queue } if queue.is_empty() => 0,
                What::Listener { .. } => POLLIN,
                What::End(end) if end.dead => closed(true),
                What::End(end) => {
                    let recv_shut = socket.recv_shut || end.peer_finished;
                    let readable = if end.unread > 0 { POLLIN } else { 0 };
                    let ended = if recv_shut { POLLIN | POLLRDHUP } else { 0 };
                    let both = recv_shut && (socket.send_shut || end.finished);
                    POLLOUT | readable | ended | if both { POLLHUP } else { 0 }
                }
            }
    }
}
