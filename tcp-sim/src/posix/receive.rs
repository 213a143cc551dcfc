//! Calls that receive (`tcp_recvmsg`).

use tcp_core::{ConnectionMut, Instant, State};

use super::address::Domain;
use super::call::{Kind, Outcome, Patience, Receive};
use super::constants::{
    IP_RECVERR, IPV6_RECVERR, MSG_CTRUNC, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC,
    MSG_WAITALL, SCM_TIMESTAMPING, SOF_TIMESTAMPING_OPT_TSONLY, SOF_TIMESTAMPING_SOFTWARE, SOL_IP,
    SOL_IPV6, SOL_SOCKET, SOL_TCP, TCP_CM_INQ,
};
use super::errno::Errno;
use super::error_queue::Note;
use super::file::{Blocking, FileId};
use super::host::Host;
use super::messages::{ControlMessage, Received, Reply};
use super::settings::Settings;
use super::socket::{Stage, state_of};

const MOST_BUFFERS: usize = 1_024;

impl Host {
    /// `read(2)`: up to `len` bytes.
    ///
    /// # Errors
    ///
    /// EBADF; EINVAL for an epoll descriptor; EAGAIN; ENOTCONN before there is a connection; and once,
    /// what ended the connection.
    pub fn read(&mut self, now: Instant, fd: i32, len: usize) -> Outcome {
        match self.descriptors.socket_id(fd) {
            // What has no read(2) says so by EINVAL.
            Err(Errno::ENOTSOCK) => Outcome::Done(Err(Errno::EINVAL)),
            _ => self.recv(now, fd, len, 0),
        }
    }

    /// `readv(2)`: into buffers of these lengths, in turn.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Host::read), and EINVAL for more than 1024 buffers.
    pub fn readv(&mut self, now: Instant, fd: i32, lens: &[usize]) -> Outcome {
        if lens.len() > MOST_BUFFERS {
            return Outcome::Done(Err(Errno::EINVAL));
        }
        self.read(now, fd, lens.iter().sum())
    }

    /// `recv(2)` with MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_OOB, MSG_ERRQUEUE.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Host::read); ENOTSOCK; EINVAL where there is no urgent data.
    pub fn recv(&mut self, now: Instant, fd: i32, len: usize, flags: i32) -> Outcome {
        self.start_receive(now, fd, len, flags, 0)
    }

    /// `recvfrom(2)`: of TCP it tells no address.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Host::recv).
    pub fn recvfrom(&mut self, now: Instant, fd: i32, len: usize, flags: i32) -> Outcome {
        self.recv(now, fd, len, flags)
    }

    /// `recvmsg(2)`: into buffers of these lengths, with so much room for ancillary data (`TCP_INQ`).
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Host::recv), and EMSGSIZE for more than 1024 buffers.
    pub fn recvmsg(
        &mut self,
        now: Instant,
        fd: i32,
        lens: &[usize],
        control_len: usize,
        flags: i32,
    ) -> Outcome {
        if lens.len() > MOST_BUFFERS {
            return Outcome::Done(Err(Errno::EMSGSIZE));
        }
        self.start_receive(now, fd, lens.iter().sum(), flags, control_len)
    }

    fn start_receive(
        &mut self,
        now: Instant,
        fd: i32,
        len: usize,
        flags: i32,
        control_len: usize,
    ) -> Outcome {
        let (file, patience) = match self.receiver(fd, flags) {
            Ok(found) => found,
            Err(errno) => return Outcome::Done(Err(errno)),
        };
        if flags & MSG_ERRQUEUE != 0 {
            return Outcome::Done(self.take_note(file, control_len));
        }
        let receive = Receive {
            file,
            len,
            flags,
            control_len,
            data: Vec::new(),
            dropped: 0,
        };
        self.begin(now, Kind::Receive(receive), patience)
    }

    fn receiver(&self, fd: i32, flags: i32) -> Result<(FileId, Patience), Errno> {
        let file = self.descriptors.socket_id(fd)?;
        let timeout = self.descriptors.socket(file)?.settings.recv_timeout;
        let blocking = match flags & MSG_DONTWAIT {
            0 => self.descriptors.file(file)?.blocking,
            _ => Blocking::Fails,
        };
        let patience = Patience::of(blocking, timeout);
        Ok((file, patience))
    }

    /// MSG_ERRQUEUE: the next of what is told of sending (`inet_recv_error`). It never blocks.
    fn take_note(&mut self, file: FileId, control_len: usize) -> Result<Reply, Errno> {
        let socket = self.descriptors.socket_mut(file)?;
        let note = socket.error_queue.take().ok_or(Errno::EAGAIN)?;
        let (domain, flags) = (socket.domain, socket.settings.timestamping);
        let mut received = Received {
            flags: MSG_ERRQUEUE,
            ..Received::default()
        };
        if let Note::Stamped { at, .. } = note {
            if flags & SOF_TIMESTAMPING_OPT_TSONLY == 0 {
                // The packet would come with it.
                received.flags |= MSG_TRUNC;
            }
            if flags & SOF_TIMESTAMPING_SOFTWARE != 0 {
                received.control.push(timestamps(at));
            }
        }
        received.control.push(extended_error(domain, &note));
        let mut room = control_len;
        received.control.retain(|message| {
            let fits = message.space() <= room;
            room -= if fits { message.space() } else { room };
            received.flags |= if fits { 0 } else { MSG_CTRUNC };
            fits
        });
        Ok(Reply::Received(received))
    }

    /// Whether a call that sleeps finds as much as it wants to be woken for, or an end.
    pub(super) fn may_receive(&mut self, now: Instant, receive: &Receive) -> bool {
        let Ok(socket) = self.descriptors.socket(receive.file) else {
            return true;
        };
        if socket.error.is_some() || socket.recv_shut {
            return true;
        }
        let (low_water, id) = (socket.settings.recv_low_water as usize, socket.connection());
        let Some(connection) = id.and_then(|id| self.stack.connection(now, id)) else {
            return true;
        };
        // What is looked at only stays, and counts again.
        let taken = if receive.flags & MSG_PEEK == 0 {
            receive.taken()
        } else {
            0
        };
        let wanted = low_water.min(receive.len - taken).max(1);
        let has_more = connection.unread() > receive.data.len();
        let enough = match receive.flags & MSG_PEEK {
            0 => connection.unread() >= wanted,
            _ => has_more && connection.unread() >= wanted,
        };
        enough || connection.has_peer_finished() || state_of(&connection) == State::Closed
    }

    pub(super) fn try_receive(
        &mut self,
        now: Instant,
        receive: &mut Receive,
    ) -> Option<Result<Reply, Errno>> {
        match self.take_data(now, receive) {
            Ok(true) => {
                let receive = std::mem::replace(
                    receive,
                    Receive {
                        data: Vec::new(),
                        ..*receive
                    },
                );
                Some(Ok(self.received(now, receive)))
            }
            Ok(false) => None,
            Err(errno) => Some(Err(errno)),
        }
    }

    /// Takes what is there; says whether the call returns with it.
    fn take_data(&mut self, now: Instant, receive: &mut Receive) -> Result<bool, Errno> {
        let socket = self.descriptors.socket(receive.file)?;
        let low_water = socket.settings.recv_low_water as usize;
        let id = match socket.stage {
            Stage::Listening(_) => return Err(Errno::ENOTCONN),
            Stage::Closed => None,
            Stage::Connection(id) => Some(id),
        };
        if receive.flags & MSG_OOB != 0 {
            return self.take_urgent(now, receive);
        }
        let urgent = Turn::of(&self.descriptors.socket(receive.file)?.settings);
        let (mut finished, mut state) = (false, State::Closed);
        if let Some(mut connection) = id.and_then(|id| self.stack.connection(now, id)) {
            let at_mark = copy(&mut connection, receive, urgent);
            if at_mark && receive.taken() > 0 {
                return Ok(true);
            }
            finished = connection.has_peer_finished() && connection.unread() == 0;
            state = state_of(&connection);
        }
        let target = match receive.flags & MSG_WAITALL {
            0 => low_water.min(receive.len),
            _ => receive.len,
        };
        let taken = receive.taken();
        if taken > 0 && taken >= target {
            return Ok(true);
        }
        let socket = self.descriptors.socket_mut(receive.file)?;
        if taken > 0 {
            let is_over = socket.error.is_some() || socket.recv_shut;
            return Ok(is_over || finished || state == State::Closed);
        }
        if receive.len == 0 && self.unread(now, receive) > 0 {
            return Ok(true);
        }
        if finished {
            return Ok(true);
        }
        let socket = self.descriptors.socket_mut(receive.file)?;
        socket.take_error()?;
        if socket.recv_shut {
            return Ok(true);
        }
        match (state, id) {
            (State::Closed, None) => Err(Errno::ENOTCONN),
            // The error that ended it has been told.
            (State::Closed, Some(_)) => Ok(true),
            _ => Ok(false),
        }
    }

    /// MSG_OOB: the peer's urgent octet, once (`tcp_recv_urg`). It never blocks.
    fn take_urgent(&mut self, now: Instant, receive: &mut Receive) -> Result<bool, Errno> {
        let socket = self.descriptors.socket(receive.file)?;
        let in_line = Turn::of(&socket.settings) == Turn::InLine;
        let (id, recv_shut) = (socket.connection(), socket.recv_shut);
        let connection = id.and_then(|id| self.stack.connection(now, id));
        let mut connection = connection.ok_or(Errno::EINVAL)?;
        let urgent = connection.urgent().filter(|urgent| !urgent.taken);
        let urgent = urgent.filter(|_| !in_line).ok_or(Errno::EINVAL)?;
        let Some(octet) = urgent.octet else {
            let is_over = recv_shut || state_of(&connection) == State::Closed;
            return if is_over {
                Ok(true)
            } else {
                Err(Errno::EAGAIN)
            };
        };
        if receive.flags & MSG_PEEK == 0 {
            connection.take_urgent();
        }
        match (receive.len, receive.flags & MSG_TRUNC) {
            (0, _) => {}
            (_, 0) => receive.data.push(octet),
            _ => receive.dropped = 1,
        }
        Ok(true)
    }

    fn unread(&mut self, now: Instant, receive: &Receive) -> usize {
        let socket = self.descriptors.socket(receive.file).ok();
        let id = socket.and_then(|socket| socket.connection());
        let connection = id.and_then(|id| self.stack.connection(now, id));
        connection.map_or(0, |connection| connection.unread())
    }

    /// What a call returns that has received something, or the end.
    pub(super) fn received(&mut self, now: Instant, receive: Receive) -> Reply {
        let mut received = Received {
            value: receive.taken(),
            flags: receive.flags & MSG_OOB,
            ..Received::default()
        };
        if receive.control_len > 0 {
            let control = self.control(now, &receive);
            let fits = |message: &ControlMessage| message.space() <= receive.control_len;
            if control.as_ref().is_some_and(|message| !fits(message)) {
                received.flags |= MSG_CTRUNC;
            }
            received.control = control.into_iter().filter(fits).collect();
        }
        received.data = receive.data;
        Reply::Received(received)
    }

    /// TCP_CM_INQ: how much is left, and 1 where nothing but the end is, so that the reader goes on.
    fn control(&mut self, now: Instant, receive: &Receive) -> Option<ControlMessage> {
        let socket = self.descriptors.socket(receive.file).ok()?;
        if !socket.settings.tell_inq {
            return None;
        }
        let connection = self.stack.connection(now, socket.connection()?)?;
        let left = match connection.unread() {
            0 => usize::from(connection.has_peer_finished()),
            left => left,
        };
        let left = i32::try_from(left).unwrap_or(i32::MAX);
        Some(ControlMessage {
            level: SOL_TCP,
            kind: TCP_CM_INQ,
            data: left.to_ne_bytes().to_vec(),
        })
    }
}

/// What tells a note: IP_RECVERR or IPV6_RECVERR, with no address behind it.
fn extended_error(domain: Domain, note: &Note) -> ControlMessage {
    let (level, kind, address_len) = match domain {
        Domain::Inet => (SOL_IP, IP_RECVERR, 16),
        Domain::Inet6 => (SOL_IPV6, IPV6_RECVERR, 28),
    };
    let mut data = note.extended_error().to_vec();
    data.resize(data.len() + address_len, 0);
    ControlMessage { level, kind, data }
}

/// `struct scm_timestamping`: the time of the software, and none of a device's clock.
fn timestamps(at: Instant) -> ControlMessage {
    let since = at.saturating_duration_since(Instant::ZERO);
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let times = [seconds, since.subsec_nanos().into(), 0, 0, 0, 0];
    ControlMessage {
        level: SOL_SOCKET,
        kind: SCM_TIMESTAMPING,
        data: times.iter().flat_map(|time| time.to_ne_bytes()).collect(),
    }
}

/// Where the urgent octet is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    /// By MSG_OOB alone: who reads on after it passes over it.
    Apart,
    /// In the stream (SO_OOBINLINE).
    InLine,
}

impl Turn {
    fn of(settings: &Settings) -> Turn {
        if settings.urgent_inline {
            Turn::InLine
        } else {
            Turn::Apart
        }
    }
}

/// Moves what is there to the call, or with MSG_PEEK shows it, or with MSG_TRUNC throws it away. Nothing is
/// read across the urgent octet in one go; says whether it has come that far.
fn copy(connection: &mut ConnectionMut<'_>, receive: &mut Receive, turn: Turn) -> bool {
    let peeks = receive.flags & MSG_PEEK != 0;
    if peeks {
        receive.data.clear();
        receive.dropped = 0;
    }
    let unread = connection.unread();
    let wanted = receive.len - receive.taken();
    let ahead = connection
        .urgent()
        .and_then(|urgent| usize::try_from(urgent.ahead).ok())
        .filter(|ahead| *ahead < unread);
    let (skipped, count, at_mark) = match ahead {
        // The urgent octet is next, which ends a call that has read something.
        Some(0) if receive.taken() > 0 => return true,
        Some(0) if wanted > 0 && turn == Turn::Apart => (1, wanted.min(unread - 1), false),
        Some(0) | None => (0, wanted.min(unread), false),
        Some(ahead) => (0, wanted.min(ahead), wanted >= ahead),
    };
    let discards = receive.flags & MSG_TRUNC != 0;
    if peeks {
        let mut seen = vec![0; skipped + count];
        // There are as many bytes, so it cannot fail.
        let shown = connection.peek(&mut seen).unwrap_or(0).max(skipped);
        if discards {
            receive.dropped = shown - skipped;
        } else {
            receive.data = seen[skipped..shown].to_vec();
        }
        return at_mark;
    }
    connection.consume(skipped);
    if discards {
        receive.dropped += connection.consume(count);
    } else if count > 0 {
        let start = receive.data.len();
        receive.data.resize(start + count, 0);
        let taken = connection.read(&mut receive.data[start..]).unwrap_or(0);
        receive.data.truncate(start + taken);
    }
    at_mark
}
