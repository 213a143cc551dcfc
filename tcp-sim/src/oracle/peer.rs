//! What one end of a connection knows of its peer, from the segments that it was handed.

use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Header, WindowScale};

/// The peer, as this end knows it since it acknowledged a SYN.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Peer {
    pub(super) isn: SeqNumber,
    pub(super) scale: Option<WindowScale>,
    pub(super) mss: Option<u16>,
    /// Offsets of the peer's stream that were handed in, as disjoint sorted ranges.
    handed: Vec<(u64, u64)>,
    /// The highest right edge that the peer offered.
    pub(super) granted: u64,
}

impl Peer {
    /// The peer that sent this SYN.
    pub(super) fn new(syn: &Header) -> Peer {
        Peer {
            isn: syn.seq,
            scale: syn.options.window_scale,
            mss: syn.options.mss,
            handed: Vec::new(),
            granted: 0,
        }
    }

    /// The offset up to which everything was handed in.
    pub(super) fn handed_without_hole(&self) -> u64 {
        match self.handed.first() {
            Some((0, end)) => *end,
            _ => 0,
        }
    }

    /// Whether an acknowledgement is one of its SYN, and of what came with it or after it (RFC 7413).
    pub(super) fn has_sent_before(&self, ack: SeqNumber) -> bool {
        let handed = self.handed_without_hole();
        let offset = ack.offset_near(self.isn, handed);
        offset.is_some_and(|offset| (1..=handed).contains(&offset))
    }

    /// These offsets were handed in.
    pub(super) fn note(&mut self, start: u64, end: u64) {
        if let Some((_, last)) = self.handed.last_mut()
            && *last == start
        {
            *last = end;
            return;
        }
        let touches = |range: &(u64, u64)| range.0 <= end && start <= range.1;
        let (mut from, mut to) = (start, end);
        for range in self.handed.iter().filter(|range| touches(range)) {
            from = from.min(range.0);
            to = to.max(range.1);
        }
        self.handed.retain(|range| !touches(range));
        let index = self.handed.partition_point(|range| range.0 < from);
        self.handed.insert(index, (from, to));
    }
}
