//! What tells one run from another: a hash of every packet.

use tcp_core::Instant;
use xxhash_rust::xxh3::xxh3_64;

use crate::link::DropReason;
use crate::record::{Event, LinkId, Observer};

/// A hash over every packet that was sent, dropped or arrived: when, on which link, its fate, and its
/// bytes: all of them when it is sent; when it arrives, its length and all that a middlebox or a
/// flipped bit would change in its headers. The same on every machine.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TraceHash {
    state: u64,
    packets: u64,
}

impl TraceHash {
    /// The hash so far, as 16 hexadecimal digits.
    pub fn digits(&self) -> String {
        format!("{:016x}", self.state)
    }

    /// Packets sent so far, on all links.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    fn take(&mut self, at: Instant, link: LinkId, kind: u64, packet: &[u8]) {
        let words = [
            self.state,
            at.as_nanos(),
            link.0 as u64,
            kind,
            xxh3_64(packet),
        ];
        self.state = xxh3_64(words.map(u64::to_le_bytes).as_flattened());
    }
}

/// Bytes of the largest headers: IPv6's, and TCP's with all its options.
const HEADERS: usize = 100;

impl Observer for TraceHash {
    fn observe(&mut self, at: Instant, event: &Event<'_>) {
        match *event {
            Event::Sent { link, packet, fate } => {
                self.packets += 1;
                let chances = u64::from(fate.copies) << 16
                    | u64::from(fate.marked) << 8
                    | fate.corrupted.map_or(0, |bit| bit as u64 + 1) << 24;
                self.take(at, link, chances | number(fate.dropped), packet);
            }
            Event::Dropped {
                link,
                packet,
                reason,
            } => self.take(at, link, 0x100 + number(Some(reason)), packet),
            Event::Arrived { link, packet } => {
                let kind = 0x200 + ((packet.len() as u64) << 16);
                self.take(at, link, kind, &packet[..packet.len().min(HEADERS)]);
            }
            Event::Queue { .. } | Event::Connection { .. } => {}
        }
    }
}

/// A number for each reason that later versions will not change.
fn number(reason: Option<DropReason>) -> u64 {
    match reason {
        None => 0,
        Some(DropReason::Script) => 1,
        Some(DropReason::Loss) => 2,
        Some(DropReason::Blackhole) => 3,
        Some(DropReason::QueueFull) => 4,
        Some(DropReason::Aqm) => 5,
        Some(DropReason::TooBig) => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(events: &[(u64, usize, &[u8])]) -> String {
        let mut hash = TraceHash::default();
        for (millis, link, packet) in events {
            let arrived = Event::Arrived {
                link: LinkId(*link),
                packet,
            };
            hash.observe(Instant::from_millis(*millis), &arrived);
        }
        hash.digits()
    }

    #[test]
    fn time_place_order_and_bytes_count() {
        let hashes = [
            hash(&[(1, 0, b"a"), (2, 0, b"b")]),
            hash(&[(1, 0, b"a"), (3, 0, b"b")]),
            hash(&[(1, 1, b"a"), (2, 0, b"b")]),
            hash(&[(1, 0, b"b"), (2, 0, b"a")]),
            hash(&[(1, 0, b"a")]),
        ];
        for (index, one) in hashes.iter().enumerate() {
            assert!(hashes[index + 1..].iter().all(|other| other != one));
        }
        assert_eq!(hash(&[]), "0000000000000000");
    }

    /// Pinned, so that every machine must agree.
    #[test]
    fn it_is_the_same_everywhere() {
        let digits = hash(&[(1, 0, b"a"), (2, 1, &[7; 1_000])]);
        assert_eq!(digits, "3d89c0c598e51779");
    }
}
