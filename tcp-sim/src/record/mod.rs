//! What can be seen of a run while it goes on, and those who write it down.
//!
//! - [`LinkCaptures`] writes a file for Wireshark for each link.
//! - [`CsvTables`] writes tables of packets, connections and queues.
//! - [`Series`] keeps, in bounded memory, what a [report](crate::report) draws.
//!
//! The run owns its observers. Whoever asks one for its result afterwards gives the run an
//! `Rc<RefCell<_>>` of it, which is an observer too, and keeps the other handle.

mod captures;
mod csv;
mod names;
pub mod series;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use tcp_core::{ConnectionId, Instant, TcpInfo};

pub use captures::LinkCaptures;
pub use csv::CsvTables;
use names::flag_names;
pub use series::Series;

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

impl Map {
    /// A node's name; empty for none of the map's.
    pub fn node_name(&self, node: NodeId) -> &str {
        self.nodes.get(node.0).map_or("", String::as_str)
    }

    /// The names of a link's ends, the sender's first; empty for none of the map's.
    pub fn end_names(&self, link: LinkId) -> [&str; 2] {
        let ends = self.links.get(link.0).copied();
        ends.map_or(["", ""], |ends| ends.map(|node| self.node_name(node)))
    }
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

impl<O: Observer> Observer for Rc<RefCell<O>> {
    fn observe(&mut self, at: Instant, event: &Event<'_>) {
        self.borrow_mut().observe(at, event);
    }

    fn wants_connections(&self) -> bool {
        self.borrow().wants_connections()
    }
}
