//! What a report draws, kept in bounded memory however long the run is.

mod clock;
mod line;
mod marks;
mod stream;
mod thin;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use tcp_core::wire::{self, Control, Incoming, TcpPacket, WindowScale};
use tcp_core::{Instant, ReceiveChecksum};

pub use line::Line;
pub use marks::{Flags, Mark, MarkKind, Range, Segment};
pub use stream::{Stream, Totals};
pub use thin::{Point, Thinned};

use super::{Event, LinkId, Map, NodeId, Observer};
use crate::link::{DropReason, Fate};

/// Watches a run as each sender sees it, in the manner of tcptrace on a sender's capture: a segment
/// counts when it is sent, and an acknowledgement when it arrives.
///
/// The first [`Series::MOST_STREAMS`] streams are kept, and a stream that has more of something
/// than there is room for merges neighbours in time.
#[derive(Clone, Debug)]
pub struct Series {
    map: Map,
    streams: Vec<Stream>,
    /// Packets that wait at each direction of a link.
    queues: Vec<Line>,
    end: Instant,
    untracked: u64,
    /// The stream between these addresses that began last.
    index: BTreeMap<(SocketAddr, SocketAddr), usize>,
    /// Where a source address is at home: the node that first sent from it.
    homes: BTreeMap<IpAddr, NodeId>,
    /// SYNs that came before the answer in the other direction: sender, receiver, window scale.
    heard: BTreeMap<(SocketAddr, SocketAddr), Option<WindowScale>>,
}

impl Series {
    /// How many streams are kept.
    pub const MOST_STREAMS: usize = 256;

    /// Nothing seen yet.
    pub fn new(map: &Map) -> Series {
        Series {
            map: map.clone(),
            streams: Vec::new(),
            queues: vec![Line::new(QUEUE_ENTRIES); map.links.len()],
            end: Instant::ZERO,
            untracked: 0,
            index: BTreeMap::new(),
            homes: BTreeMap::new(),
            heard: BTreeMap::new(),
        }
    }

    /// The names of nodes and the ends of links.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The streams in the order of their SYNs.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// How many streams began when there was no room for more.
    pub fn untracked(&self) -> u64 {
        self.untracked
    }

    /// How many packets waited at each direction of a link, by [`LinkId`].
    pub fn queues(&self) -> &[Line] {
        &self.queues
    }

    /// The name of the node whose address this is, as far as it has sent anything.
    pub fn home(&self, addr: IpAddr) -> Option<&str> {
        self.homes.get(&addr).map(|node| self.map.node_name(*node))
    }

    /// When the last packet was sent or arrived.
    pub fn end(&self) -> Instant {
        self.end
    }

    fn sent(&mut self, at: Instant, from: NodeId, tcp: &TcpPacket<'_>, fate: &Fate) {
        let home = *self.homes.entry(tcp.src.ip()).or_insert(from);
        let header = &tcp.segment.header;
        let payload = tcp.segment.payload.len();
        if home == from {
            if header.control == Control::Syn {
                self.begin(tcp);
            }
            if let Some(stream) = self.stream(tcp.src, tcp.dst) {
                stream.sent(at, header, payload, fate);
            }
        }
        if let Some(reason) = fate.dropped {
            self.dropped(tcp, reason);
        }
    }

    fn dropped(&mut self, tcp: &TcpPacket<'_>, reason: DropReason) {
        if let Some(stream) = self.stream(tcp.src, tcp.dst) {
            let payload = tcp.segment.payload.len();
            stream.dropped(&tcp.segment.header, payload, reason);
        }
    }

    fn arrived(&mut self, at: Instant, to: NodeId, tcp: &TcpPacket<'_>) {
        let header = &tcp.segment.header;
        let is_syn = header.control == Control::Syn;
        let Some(stream) = self.stream(tcp.dst, tcp.src) else {
            if is_syn && self.streams.len() < Series::MOST_STREAMS {
                self.heard
                    .insert((tcp.src, tcp.dst), header.options.window_scale);
            }
            return;
        };
        if is_syn {
            stream.heard_syn(header);
        }
        if self.homes.get(&tcp.dst.ip()) == Some(&to)
            && let Some(stream) = self.stream(tcp.dst, tcp.src)
        {
            stream.heard(at, header);
        }
    }

    /// Begins a stream, unless its SYN is sent again.
    fn begin(&mut self, tcp: &TcpPacket<'_>) {
        let syn = &tcp.segment.header;
        let known = self.stream(tcp.src, tcp.dst);
        if known.is_some_and(|stream| !stream.is_succeeded_by(syn)) {
            return;
        }
        if self.streams.len() >= Series::MOST_STREAMS {
            self.untracked += 1;
            self.index.remove(&(tcp.src, tcp.dst));
            return;
        }
        // The more streams there are, the less room each has; all have the same.
        let limit = ENTRIES / (self.streams.len() + 1).next_power_of_two().max(FEW);
        if self.streams.len().is_power_of_two() {
            self.streams.iter_mut().for_each(|it| it.set_limit(limit));
        }
        let peer_scale = self.heard.remove(&(tcp.dst, tcp.src)).flatten();
        self.index.insert((tcp.src, tcp.dst), self.streams.len());
        let ends = [tcp.src, tcp.dst];
        self.streams.push(Stream::new(ends, syn, peer_scale, limit));
    }

    fn stream(&mut self, src: SocketAddr, dst: SocketAddr) -> Option<&mut Stream> {
        let index = *self.index.get(&(src, dst))?;
        self.streams.get_mut(index)
    }

    fn end_of(&self, link: LinkId, end: usize) -> Option<NodeId> {
        Some(self.map.links.get(link.0)?[end])
    }
}

impl Observer for Series {
    fn observe(&mut self, at: Instant, event: &Event<'_>) {
        match *event {
            Event::Sent { link, packet, fate } => {
                self.end = at;
                if let (Some(from), Some(tcp)) = (self.end_of(link, 0), parse(packet)) {
                    self.sent(at, from, &tcp, fate);
                }
            }
            Event::Dropped { packet, reason, .. } => {
                if let Some(tcp) = parse(packet) {
                    self.dropped(&tcp, reason);
                }
            }
            Event::Arrived { link, packet } => {
                self.end = at;
                if let (Some(to), Some(tcp)) = (self.end_of(link, 1), parse(packet)) {
                    self.arrived(at, to, &tcp);
                }
            }
            Event::Queue { link, packets, .. } => {
                if let Some(queue) = self.queues.get_mut(link.0) {
                    queue.set(at, packets as u64);
                }
            }
            Event::Connection {
                local,
                remote,
                info,
                ..
            } => {
                if let Some(stream) = self.stream(local, remote) {
                    stream.told(at, info);
                }
            }
        }
    }

    fn wants_connections(&self) -> bool {
        true
    }
}

/// Reads a segment that nobody has damaged: what is corrupt is not heard by a host either.
fn parse(packet: &[u8]) -> Option<TcpPacket<'_>> {
    match wire::parse(packet, ReceiveChecksum::Unchecked) {
        Ok(Incoming::Tcp(tcp)) => Some(tcp),
        Ok(Incoming::IcmpError(_) | Incoming::IcmpOther) | Err(_) => None,
    }
}

/// Entries of each kind that all streams together keep.
const ENTRIES: usize = 160_000;

/// One of at most so many streams has no more room than this share of it.
const FEW: usize = 16;

/// Changes of a queue's length that a link keeps.
const QUEUE_ENTRIES: usize = 3_000;
