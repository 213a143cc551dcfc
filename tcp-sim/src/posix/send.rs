//! Calls that send (`tcp_sendmsg`).

use tcp_core::{ConnectionMut, Instant, State, WriteError};

use super::address::Address;
use super::call::{Kind, Opening, Outcome, Patience, Send};
use super::constants::{MSG_DONTWAIT, MSG_EOR, MSG_FASTOPEN, MSG_MORE, MSG_OOB};
use super::errno::Errno;
use super::error_queue::Part;
use super::file::{Blocking, FileId};
use super::host::Host;
use super::messages::{Message, Reply, Source};
use super::progress::Pages;
use super::socket::{is_opening, state_of};

const MOST_BUFFERS: usize = 1_024;

impl Host {
    /// `write(2)`.
    ///
    /// # Errors
    ///
    /// EBADF; EINVAL for an epoll descriptor; EPIPE without a connection, and after its end or SHUT_WR (no
    /// signal is raised, as with MSG_NOSIGNAL); EAGAIN; EFAULT; and once, what ended the connection.
    pub fn write<'a>(&mut self, now: Instant, fd: i32, data: impl Into<Source<'a>>) -> Outcome {
        self.writev(now, fd, &[data.into()])
    }

    /// `writev(2)`.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Host::write), and EINVAL for more than 1024 buffers.
    pub fn writev(&mut self, now: Instant, fd: i32, iov: &[Source<'_>]) -> Outcome {
        let refused = matches!(self.descriptors.socket_id(fd), Err(Errno::ENOTSOCK));
        if refused || iov.len() > MOST_BUFFERS {
            return Outcome::Done(Err(Errno::EINVAL));
        }
        let message = Message {
            name: None,
            iov,
            control: &[],
        };
        self.start_send(now, fd, &message, 0)
    }

    /// `send(2)` with MSG_FASTOPEN, MSG_DONTWAIT, MSG_MORE, MSG_EOR and MSG_OOB. MSG_NOSIGNAL, MSG_CONFIRM, MSG_DONTROUTE, and without
    /// SO_ZEROCOPY MSG_ZEROCOPY, change nothing, as on Linux; with it, MSG_ERRQUEUE tells when the buffer is free.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Host::write); ENOTSOCK. With MSG_FASTOPEN those of [`connect`](Host::connect), among them
    /// EINPROGRESS where nothing could go with the SYN; EOPNOTSUPP where net.ipv4.tcp_fastopen forbids it; EINVAL
    /// without an address.
    pub fn send<'a>(
        &mut self,
        now: Instant,
        fd: i32,
        data: impl Into<Source<'a>>,
        flags: i32,
    ) -> Outcome {
        self.sendto(now, fd, data, flags, None)
    }

    /// `sendto(2)`: TCP takes no notice of the address, but with MSG_FASTOPEN: that connects to it, and what fits of
    /// the data goes with the SYN.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Host::send).
    pub fn sendto<'a>(
        &mut self,
        now: Instant,
        fd: i32,
        data: impl Into<Source<'a>>,
        flags: i32,
        to: Option<Address>,
    ) -> Outcome {
        let message = Message {
            name: to,
            iov: &[data.into()],
            control: &[],
        };
        self.sendmsg(now, fd, &message, flags)
    }

    /// `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Host::send); EFAULT for a bad address; EMSGSIZE for more than 1024 buffers;
    /// EINVAL for ancillary data, of which there is none that TCP here takes.
    pub fn sendmsg(&mut self, now: Instant, fd: i32, message: &Message<'_>, flags: i32) -> Outcome {
        let refusal = if message.iov.len() > MOST_BUFFERS {
            Some(Errno::EMSGSIZE)
        } else if message.name == Some(Address::Bad) {
            Some(Errno::EFAULT)
        } else if !message.control.is_empty() {
            Some(Errno::EINVAL)
        } else {
            None
        };
        match (self.descriptors.socket_id(fd), refusal) {
            (Err(errno), _) | (Ok(_), Some(errno)) => Outcome::Done(Err(errno)),
            (Ok(_), None) => self.start_send(now, fd, message, flags),
        }
    }

    fn start_send(&mut self, now: Instant, fd: i32, message: &Message<'_>, flags: i32) -> Outcome {
        let iov = message.iov;
        let (file, patience) = match self.sender(fd, flags) {
            Ok(found) => found,
            Err(errno) => return Outcome::Done(Err(errno)),
        };
        if flags & MSG_FASTOPEN != 0 || self.is_deferred(now, file) {
            return self.start_fast_send(now, (file, patience), message, flags);
        }
        let mut taken = 0;
        let outcome = match self.take(now, file, iov, flags, Part::First, &mut taken) {
            Ok(Progress::Done) => Outcome::Done(Ok(Reply::Sent(taken))),
            Err(_) if taken > 0 => Outcome::Done(Ok(Reply::Sent(taken))),
            Err(errno) => Outcome::Done(Err(errno)),
            Ok(Progress::Waits) => {
                let (rest, then_fault) = if patience == Patience::None {
                    (Vec::new(), false)
                } else {
                    rest_of(iov, taken)
                };
                let send = Send {
                    file,
                    flags,
                    taken,
                    rest,
                    then_fault,
                    opening: Opening::None,
                };
                self.sleep(now, Kind::Send(send), patience)
            }
        };
        if outcome.value().is_some_and(|taken| taken > 0) {
            self.stamp_written(now, file);
        }
        self.settle(now);
        outcome
    }

    fn sender(&self, fd: i32, flags: i32) -> Result<(FileId, Patience), Errno> {
        let file = self.descriptors.socket_id(fd)?;
        let timeout = self.descriptors.socket(file)?.settings.send_timeout;
        let blocking = match flags & MSG_DONTWAIT {
            0 => self.descriptors.file(file)?.blocking,
            _ => Blocking::Fails,
        };
        let patience = Patience::of(blocking, timeout);
        Ok((file, patience))
    }

    /// Whether a writer that sleeps is woken: a third of the buffer is free, or there is no use in
    /// waiting.
    pub(super) fn may_send(&mut self, now: Instant, file: FileId) -> bool {
        let Ok(socket) = self.descriptors.socket(file) else {
            return true;
        };
        if socket.error.is_some() || socket.send_shut {
            return true;
        }
        let id = socket.connection();
        let Some(connection) = id.and_then(|id| self.stack.connection(now, id)) else {
            return true;
        };
        match state_of(&connection) {
            _ if is_opening(&connection) => false,
            State::SynReceived | State::Established | State::CloseWait => connection.is_writable(),
            _ => true,
        }
    }

    pub(super) fn try_send(
        &mut self,
        now: Instant,
        send: &mut Send,
    ) -> Option<Result<Reply, Errno>> {
        if let Err(errno) = self.after_fast_open(now, send)? {
            return Some(Err(errno));
        }
        let rest = std::mem::take(&mut send.rest);
        let fault = Source::Bad(1);
        let iov = [Source::Bytes(&rest), fault];
        let iov = &iov[..1 + usize::from(send.then_fault)];
        let mut taken = 0;
        let part = match send.taken {
            0 => Part::First,
            _ => Part::Rest,
        };
        let progress = self.take(now, send.file, iov, send.flags, part, &mut taken);
        send.taken += taken;
        if send.taken > 0 && !matches!(progress, Ok(Progress::Waits)) {
            self.stamp_written(now, send.file);
        }
        match progress {
            Ok(Progress::Waits) => {
                send.rest = rest;
                send.rest.drain(..taken);
                None
            }
            Ok(Progress::Done) => Some(Ok(Reply::Sent(send.taken))),
            Err(_) if send.taken > 0 => Some(Ok(Reply::Sent(send.taken))),
            Err(errno) => Some(Err(errno)),
        }
    }

    /// Puts what fits into the send buffer, and counts it in `taken`; `part` says whether it is the first of a call.
    fn take(
        &mut self,
        now: Instant,
        file: FileId,
        iov: &[Source<'_>],
        flags: i32,
        part: Part,
        taken: &mut usize,
    ) -> Result<Progress, Errno> {
        if !self.is_zerocopy(file, flags) {
            return self.put(now, file, iov, flags, taken);
        }
        let before = self.send_progress(now, file).written;
        let result = self.put(now, file, iov, flags, taken);
        if *taken > 0 {
            self.hold_buffers(now, file, before, part);
        }
        result
    }

    fn put(
        &mut self,
        now: Instant,
        file: FileId,
        iov: &[Source<'_>],
        flags: i32,
        taken: &mut usize,
    ) -> Result<Progress, Errno> {
        let mut pages = Pages::new(self.is_zerocopy(file, flags));
        let socket = self.descriptors.socket_mut(file)?;
        socket.take_error()?;
        if socket.send_shut {
            return Err(Errno::EPIPE);
        }
        let id = socket.connection().ok_or(Errno::EPIPE)?;
        let mut connection = self.stack.connection(now, id).ok_or(Errno::EPIPE)?;
        match state_of(&connection) {
            _ if is_opening(&connection) => return Ok(Progress::Waits),
            State::SynReceived | State::Established | State::CloseWait => {}
            _ => return Err(Errno::EPIPE),
        }
        for source in iov.iter().filter(|source| source.len() > 0) {
            let Source::Bytes(bytes) = source else {
                // No room is found before the pointer is.
                if connection.send_room() == 0 {
                    connection.want_room();
                    return Ok(Progress::Waits);
                }
                return Err(Errno::EFAULT);
            };
            let mut rest = *bytes;
            while !rest.is_empty() {
                if pages.room() == 0 {
                    connection.end_record();
                    pages.begin_piece();
                }
                let room = connection.chunk_room();
                let part = room.min(pages.room()).clamp(1, rest.len());
                let written = write(&mut connection, &rest[..part])?;
                *taken += written;
                pages.add(written);
                if part == room {
                    pages.begin_piece();
                }
                rest = &rest[written..];
                if written < part {
                    return Ok(Progress::Waits);
                }
                if !rest.is_empty() {
                    // As Linux, which sends what may go whenever a piece of its queue is full.
                    drop(connection);
                    self.pump(now);
                    connection = self.stack.connection(now, id).ok_or(Errno::EPIPE)?;
                }
            }
        }
        if flags & MSG_MORE != 0 {
            connection.expect_more();
        }
        if flags & MSG_EOR != 0 {
            connection.end_record();
        }
        if flags & MSG_OOB != 0 && iov.iter().any(|source| source.len() > 0) {
            connection.mark_urgent();
        }
        Ok(Progress::Done)
    }
}

/// Bytes that fit.
fn write(connection: &mut ConnectionMut<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    match connection.write(bytes) {
        Ok(written) => Ok(written),
        Err(WriteError::WouldBlock) => Ok(0),
        Err(WriteError::Closed) => Err(Errno::EPIPE),
        Err(WriteError::Connection(error)) => Err(error.into()),
    }
}

/// How far a call has come that sends.
enum Progress {
    Done,
    /// There is no room for the rest.
    Waits,
}

/// What is left after `taken` bytes, up to a bad pointer, and whether there is one.
pub(super) fn rest_of(iov: &[Source<'_>], taken: usize) -> (Vec<u8>, bool) {
    let mut rest = Vec::new();
    let mut skip = taken;
    for source in iov.iter().filter(|source| source.len() > 0) {
        match source {
            Source::Bytes(bytes) => {
                let skipped = skip.min(bytes.len());
                skip -= skipped;
                rest.extend_from_slice(&bytes[skipped..]);
            }
            Source::Bad(_) => return (rest, true),
        }
    }
    (rest, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_ends_at_a_bad_pointer() {
        let iov = [
            Source::Bytes(b"abc"),
            Source::Bad(0),
            Source::Bytes(b"def"),
            Source::Bad(4),
            Source::Bytes(b"ghi"),
        ];
        assert_eq!(rest_of(&iov, 4), (b"ef".to_vec(), true));
        assert_eq!(rest_of(&iov[..3], 0), (b"abcdef".to_vec(), false));
    }
}
