//! What can be seen of a run while it goes on.

use std::net::SocketAddr;

use tcp_core::{ConnectionId, Instant, TcpInfo};

use crate::link::{DropReason, Fate};

/// A node: its index among the hosts and, after them, the routers of a scenario.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub usize);

/// One direction of a link: twice the link's index in a scenario, and one more on the way back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub usize);

/// The names of what events speak of, by index.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Map {
    /// Hosts, then routers.
    pub nodes: Vec<String>,
    /// Each direction's ends, the sender first.
    pub links: Vec<[NodeId; 2]>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A node put a packet on a link.
    Sent {
        /// The link.
        link: LinkId,
        /// The IP packet.
        packet: &'a [u8],
        /// What becomes of it, as far as it is known.
        fate: &'a Fate,
    },
    /// A packet was dropped after it had been taken: by the head of a queue.
    Dropped {
        /// The link.
        link: LinkId,
        /// The IP packet.
        packet: &'a [u8],
        /// Why.
        reason: DropReason,
    },
    /// A packet came to the end of a link.
    Arrived {
        /// The link.
        link: LinkId,
        /// The IP packet.
        packet: &'a [u8],
    },
    /// How much waits in a link's queue, when it has changed.
    Queue {
        /// The link.
        link: LinkId,
        /// Packets.
        packets: usize,
        /// Bytes of them.
        bytes: usize,
    },
    /// A connection, after something has happened to it. Told where an observer
    /// [asks for it](Observer::wants_connections).
    Connection {
        /// The host.
        host: NodeId,
        /// The connection.
        id: ConnectionId,
        /// Its own address.
        local: SocketAddr,
        /// Its peer's.
        remote: SocketAddr,
        /// What it says of itself.
        info: &'a TcpInfo,
    },
}

/// Somebody who watches a run.
pub trait Observer {
    /// Something happened.
    fn observe(&mut self, at: Instant, event: &Event<'_>);

    /// Whether it is to be told of [connections](Event::Connection), which costs time.
    fn wants_connections(&self) -> bool {
        false
    }
}

/// Nobody watches.
impl Observer for () {
    fn observe(&mut self, _: Instant, _: &Event<'_>) {}
}
