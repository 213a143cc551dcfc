//! Two hosts and what lies between them, in virtual time.

mod calls;
mod host;
mod packet;
mod pair;
mod trace;
mod watch;

pub use crate::link::{Fate, Fault, FaultPlan, Link};
pub use host::{Family, Host};
pub use packet::{TcpPacket, write_packet};
pub use pair::{Pair, PairConfig};
pub use trace::{Trace, TraceEntry};

/// One of two hosts, as RFC 9293's figures call them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// TCP Peer A, on the left of a figure.
    A,
    /// TCP Peer B, on the right.
    B,
}

impl Side {
    /// Both, A first.
    pub const BOTH: [Side; 2] = [Side::A, Side::B];

    /// The other one.
    pub const fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }

    /// 0 for A, 1 for B.
    pub const fn index(self) -> usize {
        match self {
            Side::A => 0,
            Side::B => 1,
        }
    }
}
