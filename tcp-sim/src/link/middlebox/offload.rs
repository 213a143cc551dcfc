//! What a network card does with large segments: cut them before the wire, and put what arrived
//! together again.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::time::Duration;

use tcp_core::wire::{self, Incoming};
use tcp_core::{Instant, ReceiveChecksum};

use super::edit::Edit;
use super::merge::{can_wait, follows};
use super::split::split;

/// The packets of at most `segment_size` bytes of payload that a large one goes over the wire as, in
/// their order: FIN and PSH in the last, CWR in the first (Linux's `tcp_gso_segment`).
///
/// # Panics
///
/// When the packet is no TCP segment with a right checksum: its stack has written it.
pub(crate) fn cut(packet: Vec<u8>, segment_size: NonZeroU16) -> Vec<Vec<u8>> {
    let segment = Edit::of(packet).expect("an intact TCP segment");
    let parts = split(segment, segment_size.get());
    parts.into_iter().map(Edit::finish).collect()
}

/// Adds to a packet what its checksum field lacks: it holds the sum of the pseudo-header alone.
pub(crate) fn complete(packet: &mut [u8], start: u16, offset: u16) {
    let (start, at) = (usize::from(start), usize::from(start + offset));
    let sum = etherparse::checksum::Sum16BitWords::new().add_slice(&packet[start..]);
    let checksum = sum.ones_complement().to_be();
    packet[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// Puts segments of one size that follow each other together (generic receive offload).
#[derive(Clone, Debug, Default)]
pub(crate) struct Coalescer {
    held: Option<Held>,
    ready: VecDeque<Received>,
}

/// What is handed to the stack at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Received {
    /// The packet.
    pub(crate) packet: Vec<u8>,
    /// The payload of each but the last of several.
    pub(crate) segment_size: Option<NonZeroU16>,
    /// What arrived on the wire; nothing where that is the packet.
    pub(crate) parts: Vec<Vec<u8>>,
}

impl Received {
    /// One packet, as it arrived.
    pub(crate) fn alone(packet: Vec<u8>) -> Received {
        Received {
            packet,
            segment_size: None,
            parts: Vec::new(),
        }
    }

    /// What arrived on the wire.
    pub(crate) fn on_the_wire(&self) -> &[Vec<u8>] {
        if self.parts.is_empty() {
            std::slice::from_ref(&self.packet)
        } else {
            &self.parts
        }
    }
}

#[derive(Clone, Debug)]
struct Held {
    segment: Edit,
    size: usize,
    parts: Vec<Vec<u8>>,
    until: Instant,
}

/// How long a segment waits for the next (`gro_flush_timeout`).
const HOLD: Duration = Duration::from_micros(50);

/// Payload of as many as are put together.
const MOST: usize = 64_000;

impl Coalescer {
    /// A packet has arrived. What need not wait is ready then.
    pub(crate) fn take(&mut self, now: Instant, packet: Vec<u8>) {
        let Some(segment) = sound(&packet) else {
            self.release();
            return self.pass(packet);
        };
        let len = segment.payload().len();
        if let Some(held) = &mut self.held {
            if len <= held.size && follows(&held.segment, &segment, MOST) {
                held.segment.append(segment.payload());
                held.segment.set_flags(segment.flags());
                held.parts.push(packet);
                // A smaller one is the last.
                if len < held.size || !can_wait(&held.segment, MOST) {
                    self.release();
                }
                return;
            }
            self.release();
        }
        if !can_wait(&segment, MOST) {
            return self.pass(packet);
        }
        self.held = Some(Held {
            size: len,
            segment,
            parts: vec![packet],
            until: now + HOLD,
        });
    }

    /// When what waits has waited long enough.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.until)
    }

    /// Lets go of what has.
    pub(crate) fn run(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.release();
        }
    }

    /// The next that is ready.
    pub(crate) fn next_ready(&mut self) -> Option<Received> {
        self.ready.pop_front()
    }

    fn pass(&mut self, packet: Vec<u8>) {
        self.ready.push_back(Received::alone(packet));
    }

    fn release(&mut self) {
        let Some(mut held) = self.held.take() else {
            return;
        };
        if held.parts.len() == 1 {
            return self.pass(held.parts.remove(0));
        }
        let segment_size = u16::try_from(held.size).ok().and_then(NonZeroU16::new);
        self.ready.push_back(Received {
            packet: held.segment.finish(),
            segment_size,
            parts: held.parts,
        });
    }
}

/// A segment that nothing is wrong with: a card leaves all else to the stack.
fn sound(packet: &[u8]) -> Option<Edit> {
    match wire::parse(packet, ReceiveChecksum::Unchecked) {
        Ok(Incoming::Tcp(tcp)) if !tcp.bad_option => Edit::of(packet.to_vec()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::layout::{ACK, FIN, PSH};
    use crate::link::sample::{header, packet, segment, segment_v6};

    const AT: Instant = Instant::from_millis(5);

    fn size(bytes: u16) -> NonZeroU16 {
        NonZeroU16::new(bytes).expect("above zero")
    }

    /// What a card makes of these, and of nothing more for a while.
    fn coalesced(packets: &[Vec<u8>]) -> Vec<Received> {
        let mut coalescer = Coalescer::default();
        for packet in packets {
            coalescer.take(AT, packet.clone());
        }
        coalescer.run(AT + HOLD);
        std::iter::from_fn(|| coalescer.next_ready()).collect()
    }

    #[test]
    fn what_is_cut_comes_together_again() {
        let payload: Vec<u8> = (0..=250).collect();
        for write in [segment, segment_v6] {
            for most in [7, 100, 125, 250] {
                let whole = write(ACK | PSH, &payload);
                let parts = cut(whole.clone(), size(most));
                assert_eq!(parts.len(), 251usize.div_ceil(most.into()));
                let [received] = &coalesced(&parts)[..] else {
                    panic!("in one");
                };
                assert_eq!(received.packet, whole);
                assert_eq!(received.segment_size, Some(size(most)));
                assert_eq!(received.parts, parts);
            }
        }
    }

    #[test]
    fn what_does_not_follow_goes_by_itself() {
        let parts = cut(segment(ACK, &[1; 40]), size(10));
        let hole = [parts[0].clone(), parts[2].clone(), parts[3].clone()];
        let lens = |received: &[Received]| {
            let parts = received.iter().map(|it| it.parts.len().max(1));
            parts.collect::<Vec<_>>()
        };
        assert_eq!(lens(&coalesced(&hole)), [1, 2]);
        let mut damaged = parts.clone();
        damaged[1][45] ^= 1;
        assert_eq!(lens(&coalesced(&damaged)), [1, 1, 2]);
        let mut last = header(ACK | FIN);
        last.seq = last.seq.advanced_by(40);
        let mut with_fin = parts.clone();
        with_fin.push(packet(&last, b""));
        assert_eq!(lens(&coalesced(&with_fin)), [4, 1]);
        // The second is larger: not of one size.
        let mut second = header(ACK);
        second.seq = second.seq.advanced_by(10);
        let uneven = [parts[0].clone(), packet(&second, &[1; 20])];
        assert_eq!(lens(&coalesced(&uneven)), [1, 1]);
    }

    #[test]
    fn nothing_waits_for_longer_than_it_may() {
        let mut coalescer = Coalescer::default();
        coalescer.take(AT, segment(ACK, &[1; 10]));
        assert_eq!(coalescer.deadline(), Some(AT + HOLD));
        coalescer.run(AT);
        assert_eq!(coalescer.next_ready(), None);
        coalescer.run(AT + HOLD);
        assert!(coalescer.next_ready().is_some());
        assert_eq!(coalescer.deadline(), None);
    }

    #[test]
    fn a_partial_checksum_is_completed() {
        let whole = segment(ACK, &[1, 2, 3]);
        let mut partial = whole.clone();
        let pseudo = etherparse::checksum::Sum16BitWords::new()
            .add_slice(&whole[12..20])
            .add_2bytes([0, 6])
            .add_2bytes((whole.len() as u16 - 20).to_be_bytes());
        let sum = !pseudo.ones_complement().to_be();
        partial[36..38].copy_from_slice(&sum.to_be_bytes());
        complete(&mut partial, 20, 16);
        assert_eq!(partial, whole);
    }
}
