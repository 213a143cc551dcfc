//! What changes segments on their way, by itself alone: it keeps no connections.

mod edit;
mod header;
mod merge;
pub(crate) mod offload;
mod split;

use tcp_core::Instant;

use super::config::MiddleboxConfig;
use super::fate::Handling;
use super::stats::LinkStats;
use edit::Edit;
use header::Header;
use merge::{Merged, Merger};

/// A middlebox: it rewrites headers, then merges segments, and then splits them. What is no intact
/// TCP segment passes untouched.
#[derive(Clone, Debug)]
pub(super) struct Middlebox {
    header: Header,
    merger: Option<Merger>,
    split: Option<u16>,
}

/// What came out for a packet.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    /// Packets that had waited, and go before it.
    pub(super) before: Vec<Vec<u8>>,
    /// What it became: nothing where it waits now.
    pub(super) packets: Vec<Vec<u8>>,
    pub(super) handling: Handling,
}

impl Middlebox {
    pub(super) fn new(config: &MiddleboxConfig) -> Middlebox {
        Middlebox {
            header: Header::new(config),
            merger: config.merge.map(Merger::new),
            split: config.split,
        }
    }

    /// Takes this from acknowledgement numbers from now on.
    pub(super) fn set_shift_ack(&mut self, by: u32) {
        self.header.shift_ack = by;
    }

    /// Takes a packet.
    pub(super) fn handle(
        &mut self,
        now: Instant,
        packet: Vec<u8>,
        stats: &mut LinkStats,
    ) -> Output {
        let mut segment = match Edit::of(packet) {
            Ok(segment) => segment,
            Err(packet) => {
                return Output {
                    before: self.release(stats),
                    packets: vec![packet],
                    handling: Handling::Untouched,
                };
            }
        };
        let is_rewritten = self.header.rewrite(&mut segment);
        stats.rewritten += u64::from(is_rewritten);
        let mut released = None;
        let merged = match &mut self.merger {
            Some(merger) => merger.take(now, segment, &mut released),
            None => Merged::Passes(segment),
        };
        let before = self.finish_released(released, stats);
        let held = Output {
            before,
            packets: Vec::new(),
            handling: Handling::Held,
        };
        match merged {
            Merged::Held => held,
            Merged::Joined => {
                stats.merged += 1;
                held
            }
            Merged::Passes(segment) => {
                let packets = self.split(segment, stats);
                let handling = match packets.len() {
                    1 if is_rewritten => Handling::Rewritten,
                    1 => Handling::Untouched,
                    parts => Handling::Split(parts as u16),
                };
                Output {
                    packets,
                    handling,
                    ..held
                }
            }
        }
    }

    /// When something that waits has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.merger.as_ref().and_then(Merger::deadline)
    }

    /// Lets go of what waits.
    pub(super) fn release(&mut self, stats: &mut LinkStats) -> Vec<Vec<u8>> {
        let released = self.merger.as_mut().and_then(Merger::release);
        self.finish_released(released, stats)
    }

    fn finish_released(&self, released: Option<Edit>, stats: &mut LinkStats) -> Vec<Vec<u8>> {
        released.map_or(Vec::new(), |segment| self.split(segment, stats))
    }

    fn split(&self, segment: Edit, stats: &mut LinkStats) -> Vec<Vec<u8>> {
        let parts = match self.split {
            Some(most) => split::split(segment, most),
            None => vec![segment],
        };
        stats.split += u64::from(parts.len() > 1);
        parts.into_iter().map(Edit::finish).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::layout::{ACK, SYN};
    use crate::link::sample::{header, packet, segment};
    use crate::world::TcpPacket;
    use tcp_core::seq::SeqNumber;

    fn middlebox(toml: &str) -> Middlebox {
        Middlebox::new(&toml::from_str(toml).unwrap())
    }

    #[test]
    fn what_waited_is_rewritten_merged_and_split_again() {
        let mut middlebox =
            middlebox("shift_seq = 100\nsplit = 8\nmerge = {max = 20, hold = '1ms'}");
        let mut stats = LinkStats::default();
        let mut next = header(ACK);
        for (index, waits) in [(0, true), (1, false)] {
            next.seq = SeqNumber::new(1_000 + index * 10);
            let packet = packet(&next, &[index as u8; 10]);
            let output = middlebox.handle(Instant::ZERO, packet, &mut stats);
            assert_eq!(output.handling, Handling::Held);
            assert_eq!((output.packets.len(), output.before.is_empty()), (0, waits));
            let parts = output.before.iter().map(|it| TcpPacket::parse(it).unwrap());
            let parts = parts.map(|it| (it.header.seq.get(), it.payload.len()));
            if !waits {
                let expected = [(1_100, 8), (1_108, 8), (1_116, 4)];
                assert_eq!(parts.collect::<Vec<_>>(), expected);
            }
        }
        assert_eq!(middlebox.deadline(), None);
        assert_eq!((stats.rewritten, stats.merged, stats.split), (2, 1, 1));
    }

    #[test]
    fn what_is_no_segment_pushes_out_what_waits_and_passes_untouched() {
        let mut middlebox = middlebox("shift_seq = 1\nmerge = {max = 20, hold = '1ms'}");
        let mut stats = LinkStats::default();
        let data = segment(ACK, b"data");
        middlebox.handle(Instant::ZERO, data, &mut stats);
        let output = middlebox.handle(Instant::ZERO, b"noise".to_vec(), &mut stats);
        let waited = TcpPacket::parse(&output.before[0]).unwrap();
        assert_eq!(waited.header.seq.get(), 1_001);
        assert_eq!(output.packets, [b"noise"]);
        assert_eq!(output.handling, Handling::Untouched);
    }

    #[test]
    fn a_single_change_is_told() {
        let mut middlebox = middlebox("clamp_mss = 500");
        let mut stats = LinkStats::default();
        let mut syn = header(SYN);
        syn.options.mss = Some(1_000);
        let output = middlebox.handle(Instant::ZERO, packet(&syn, b""), &mut stats);
        assert_eq!(output.handling, Handling::Rewritten);
        let plain = segment(ACK, b"");
        let output = middlebox.handle(Instant::ZERO, plain.clone(), &mut stats);
        assert_eq!(
            (output.handling, output.packets),
            (Handling::Untouched, vec![plain])
        );
        assert_eq!(stats.rewritten, 1);
    }
}
