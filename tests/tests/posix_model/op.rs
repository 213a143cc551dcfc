//! The calls that are tried.

use proptest::prelude::*;
use tcp_sim::posix::Errno;

/// What a call returns.
pub type Answer = Result<i64, Errno>;

/// One call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Op {
    /// The descriptor; `socket` has none.
    pub fd: i32,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Socket,
    Bind {
        port: u16,
    },
    Listen,
    Connect {
        port: u16,
    },
    /// `connect` to AF_UNSPEC.
    Dissolve,
    Accept,
    Send {
        len: usize,
    },
    Receive {
        len: usize,
    },
    Peek {
        len: usize,
    },
    Shutdown {
        how: i32,
    },
    Close,
    Duplicate,
    PeerPort,
    Port,
    Poll,
    Error,
    Listens,
    Unread,
}

/// Calls on few ports, so that they meet: first those that make a listener, then any.
pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    let port = || 80u16..83;
    let len = || 1usize..200;
    let kind = prop_oneof![
        3 => Just(Kind::Socket),
        2 => port().prop_map(|port| Kind::Bind { port }),
        2 => Just(Kind::Listen),
        9 => port().prop_map(|port| Kind::Connect { port }),
        1 => Just(Kind::Dissolve),
        9 => Just(Kind::Accept),
        6 => len().prop_map(|len| Kind::Send { len }),
        4 => len().prop_map(|len| Kind::Receive { len }),
        1 => len().prop_map(|len| Kind::Peek { len }),
        2 => (-1..4).prop_map(|how| Kind::Shutdown { how }),
        2 => Just(Kind::Close),
        1 => Just(Kind::Duplicate),
        1 => Just(Kind::PeerPort),
        1 => Just(Kind::Port),
        4 => Just(Kind::Poll),
        2 => Just(Kind::Error),
        1 => Just(Kind::Listens),
        1 => Just(Kind::Unread),
    ];
    let op = (0..1_600, kind).prop_map(|(fd, kind)| Op { fd, kind });
    prop::collection::vec(op, 1..150).prop_map(|ops| {
        let start = [
            Kind::Socket,
            Kind::Bind { port: 80 },
            Kind::Listen,
            Kind::Socket,
            Kind::Socket,
        ];
        let start = start.map(|kind| Op { fd: 0, kind });
        start.into_iter().chain(ops).collect()
    })
}
