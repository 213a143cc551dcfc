//! Calls that may block: their outcome, and what is kept of one that waits.

use std::time::Duration;

use tcp_core::{ConnectionId, Instant};

use super::errno::Errno;
use super::file::{Blocking, FileId};
use super::messages::{PollFd, Reply};

/// What a call that may block came to.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It returns.
    Done(Result<Reply, Errno>),
    /// It sleeps: ask [`Host::is_ready`](super::Host::is_ready) after whatever happens, and
    /// [`Host::resume`](super::Host::resume) it then.
    Blocked(Call),
}

impl Outcome {
    /// What it returns, unless it sleeps.
    pub fn done(self) -> Option<Result<Reply, Errno>> {
        match self {
            Outcome::Done(result) => Some(result),
            Outcome::Blocked(_) => None,
        }
    }

    /// The call, where it sleeps.
    pub fn blocked(self) -> Option<Call> {
        match self {
            Outcome::Done(_) => None,
            Outcome::Blocked(call) => Some(call),
        }
    }

    /// What the system call returns, if it succeeds at once.
    pub fn value(&self) -> Option<i64> {
        match self {
            Outcome::Done(Ok(reply)) => Some(reply.value()),
            Outcome::Done(Err(_)) | Outcome::Blocked(_) => None,
        }
    }

    /// What it fails with, if it fails at once.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Outcome::Done(Err(errno)) => Some(*errno),
            Outcome::Done(Ok(_)) | Outcome::Blocked(_) => None,
        }
    }
}

/// A call that sleeps, with what it has done so far. One on a file that is closed meanwhile fails with
/// EBADF when it is resumed; one that is dropped is as if a signal had ended it, but for
/// [`close`](super::Host::close), whose connection must be finished by resuming it.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    pub(super) kind: Kind,
    pub(super) deadline: Option<Instant>,
}

impl Call {
    /// When it gives up (SO_RCVTIMEO, SO_SNDTIMEO, SO_LINGER, the timeout of `poll`): it is ready then.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The kind of call: `"accept"`, `"connect"`, `"recv"`, `"send"`, `"poll"`, `"epoll_wait"` or
    /// `"close"`.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Accept(_) => "accept",
            Kind::Connect(_) => "connect",
            Kind::Receive(_) => "recv",
            Kind::Send(_) => "send",
            Kind::Poll(_) => "poll",
            Kind::EpollWait { .. } => "epoll_wait",
            Kind::Close(_) => "close",
        }
    }
}

/// What a call does, and how far it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Accept(Accept),
    Connect(Connect),
    Receive(Receive),
    Send(Send),
    Poll(Vec<PollFd>),
    EpollWait { set: FileId, most: usize },
    Close(ConnectionId),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Accept {
    pub(super) file: FileId,
    /// SOCK_NONBLOCK and SOCK_CLOEXEC for the new one.
    pub(super) flags: i32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Connect {
    pub(super) file: FileId,
    /// EINPROGRESS for the call that began it, EALREADY for a later one.
    pub(super) pending: Errno,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Receive {
    pub(super) file: FileId,
    /// Bytes asked for.
    pub(super) len: usize,
    pub(super) flags: i32,
    /// Room for ancillary data, where the call is `recvmsg`.
    pub(super) control_len: usize,
    /// Bytes received so far; with MSG_TRUNC they are counted in `dropped` instead.
    pub(super) data: Vec<u8>,
    pub(super) dropped: usize,
}

impl Receive {
    pub(super) fn taken(&self) -> usize {
        self.data.len() + self.dropped
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Send {
    pub(super) file: FileId,
    pub(super) flags: i32,
    /// Bytes taken so far.
    pub(super) taken: usize,
    /// What is still to be taken, and whether a bad pointer follows it.
    pub(super) rest: Vec<u8>,
    pub(super) then_fault: bool,
    pub(super) opening: Opening,
}

/// What a call that sends waits for first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Opening {
    /// Nothing.
    None,
    /// The handshake of the connection that it has opened (MSG_FASTOPEN).
    Fast,
}

/// How long a call may sleep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Patience {
    /// Not at all: O_NONBLOCK, MSG_DONTWAIT, a timeout of zero.
    None,
    /// For so long; `None` for ever.
    For(Option<Duration>),
}

impl Patience {
    /// Of a call on a file, with the socket's timeout.
    pub(super) fn of(blocking: Blocking, timeout: Option<Duration>) -> Patience {
        match (blocking, timeout) {
            (Blocking::Fails, _) | (_, Some(Duration::ZERO)) => Patience::None,
            (Blocking::Sleeps, timeout) => Patience::For(timeout),
        }
    }

    /// The deadline of a call that begins to sleep now.
    pub(super) fn deadline(self, now: Instant) -> Option<Instant> {
        match self {
            Patience::None => Some(now),
            Patience::For(span) => span.map(|span| now + span),
        }
    }

    /// A timeout in milliseconds, as `poll` has it: below zero for ever.
    pub(super) fn from_millis(timeout: i32) -> Patience {
        match u64::try_from(timeout) {
            Ok(0) => Patience::None,
            Ok(millis) => Patience::For(Some(Duration::from_millis(millis))),
            Err(_) => Patience::For(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_timeout_waits_for_ever() {
        let now = Instant::from_millis(5);
        assert_eq!(Patience::from_millis(-1).deadline(now), None);
        assert_eq!(Patience::from_millis(0), Patience::None);
        let later = Some(Instant::from_millis(15));
        assert_eq!(Patience::from_millis(10).deadline(now), later);
    }
}
