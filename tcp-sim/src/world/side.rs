//! The two hosts of a pair.

use crate::record::{LinkId, NodeId};

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

    /// The host, in the network of a pair.
    pub const fn node(self) -> NodeId {
        NodeId(self.index())
    }

    /// The link on which this side sends, in the network of a pair.
    pub const fn link(self) -> LinkId {
        LinkId(self.index())
    }
}
