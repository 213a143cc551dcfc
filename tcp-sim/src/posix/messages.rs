//! What goes into calls and comes out of them.

use std::net::SocketAddr;

use super::address::Address;

/// Bytes to send, as the caller points to them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source<'a> {
    /// These.
    Bytes(&'a [u8]),
    /// A pointer that leads nowhere (null), and the length given with it: the call that would read
    /// from there fails with EFAULT.
    Bad(usize),
}

impl Source<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Source::Bytes(bytes) => bytes.len(),
            Source::Bad(len) => *len,
        }
    }
}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Source::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Source<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Source::Bytes(bytes)
    }
}

/// `struct msghdr` for `sendmsg`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Message<'a> {
    /// `msg_name`: a connected socket ignores it, as Linux does for TCP.
    pub name: Option<Address>,
    /// `msg_iov`.
    pub iov: &'a [Source<'a>],
    /// `msg_control`.
    pub control: &'a [ControlMessage],
}

/// `struct cmsghdr` and its data (cmsg(3)).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ControlMessage {
    /// `cmsg_level`.
    pub level: i32,
    /// `cmsg_type`.
    pub kind: i32,
    /// `CMSG_DATA`.
    pub data: Vec<u8>,
}

impl ControlMessage {
    /// Bytes of `struct cmsghdr`, and what its length is a multiple of, on x86-64.
    const HEADER: usize = 16;
    const ALIGN: usize = 8;

    /// What it takes of `msg_controllen` (`CMSG_SPACE`).
    pub fn space(&self) -> usize {
        ControlMessage::HEADER + self.data.len().next_multiple_of(ControlMessage::ALIGN)
    }
}

/// What a call that receives has got.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Received {
    /// What the call returns. With MSG_TRUNC more than there is in `data`: the rest was discarded.
    pub value: usize,
    /// The bytes, in the order of the buffers given.
    pub data: Vec<u8>,
    /// `msg_flags` (`recvmsg`).
    pub flags: i32,
    /// `msg_control` (`recvmsg`).
    pub control: Vec<ControlMessage>,
}

/// `struct pollfd`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PollFd {
    /// The descriptor; a negative one is passed over.
    pub fd: i32,
    /// What is asked for (`POLLIN` and so on).
    pub events: i16,
    /// What is there.
    pub revents: i16,
}

/// `struct epoll_event`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct EpollEvent {
    /// What is asked for, or what is there (`EPOLLIN` and so on).
    pub events: u32,
    /// The user's own.
    pub data: u64,
}

/// What a call that can block has brought.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// `accept`.
    Accepted {
        /// The new descriptor.
        fd: i32,
        /// The peer.
        peer: SocketAddr,
    },
    /// `connect`.
    Connected,
    /// The calls that receive.
    Received(Received),
    /// The calls that send: bytes taken.
    Sent(usize),
    /// `poll`: the descriptors with what is there; the call returns how many have something.
    Polled(Vec<PollFd>),
    /// `epoll_wait`.
    Events(Vec<EpollEvent>),
    /// `close`.
    Closed,
}

impl Reply {
    /// What the system call returns.
    pub fn value(&self) -> i64 {
        let count = match self {
            Reply::Accepted { fd, .. } => return i64::from(*fd),
            Reply::Connected | Reply::Closed => 0,
            Reply::Received(received) => received.value,
            Reply::Sent(count) => *count,
            Reply::Polled(fds) => fds.iter().filter(|fd| fd.revents != 0).count(),
            Reply::Events(events) => events.len(),
        };
        count as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poll_returns_how_many_have_something() {
        let fd = |revents| PollFd {
            fd: 3,
            events: 1,
            revents,
        };
        assert_eq!(Reply::Polled(vec![fd(0), fd(1), fd(4)]).value(), 2);
        assert_eq!(Reply::Events(vec![EpollEvent::default()]).value(), 1);
        assert_eq!(Reply::Closed.value(), 0);
    }

    #[test]
    fn a_control_message_of_an_int_takes_24_bytes() {
        let message = ControlMessage {
            level: 6,
            kind: 36,
            data: vec![0; 4],
        };
        assert_eq!(message.space(), 24);
    }
}
