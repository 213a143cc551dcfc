//! Segments that follow each other become one, as generic receive offload makes them.

use tcp_core::Instant;

use super::edit::{Edit, options};
use crate::link::config::MergeConfig;
use crate::link::layout::{ACK, FIN, PSH};

const ECE: u8 = 0x40;

/// At most one segment that waits for the next of its flow.
#[derive(Clone, Debug)]
pub(super) struct Merger {
    config: MergeConfig,
    held: Option<Held>,
}

#[derive(Clone, Debug)]
struct Held {
    segment: Edit,
    until: Instant,
}

/// What became of a segment.
#[derive(Clone, Debug)]
pub(super) enum Merged {
    /// It does not wait: it comes after the one that did.
    Passes(Edit),
    /// It waits.
    Held,
    /// It is part of the one that waits.
    Joined,
}

impl Merger {
    pub(super) fn new(config: MergeConfig) -> Merger {
        Merger { config, held: None }
    }

    /// Takes a segment. One that had waited and does so no longer goes to `released`.
    pub(super) fn take(
        &mut self,
        now: Instant,
        segment: Edit,
        released: &mut Option<Edit>,
    ) -> Merged {
        let max = usize::from(self.config.max);
        if let Some(held) = &mut self.held {
            if follows(&held.segment, &segment, max) {
                held.segment.append(segment.payload());
                // PSH and FIN of the last one.
                held.segment.set_flags(segment.flags());
                let is_full = held.segment.payload().len() >= max;
                if is_full || !can_wait(&held.segment, max) {
                    *released = self.release();
                }
                return Merged::Joined;
            }
            *released = self.release();
        }
        if !can_wait(&segment, max) {
            return Merged::Passes(segment);
        }
        self.held = Some(Held {
            segment,
            until: now + self.config.hold,
        });
        Merged::Held
    }

    /// When the segment that waits has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.until)
    }

    /// Lets go of the segment that waits.
    pub(super) fn release(&mut self) -> Option<Edit> {
        self.held.take().map(|held| held.segment)
    }
}

/// Whether a segment can be the first of several: data, with nothing that must not be late.
pub(super) fn can_wait(segment: &Edit, max: usize) -> bool {
    let len = segment.payload().len();
    segment.flags() & !ECE == ACK && len > 0 && len < max
}

/// Whether `next` can become the end of `held` without a loss of meaning.
pub(super) fn follows(held: &Edit, next: &Edit, max: usize) -> bool {
    let end = held.seq().wrapping_add(held.payload().len() as u32);
    let len = held.payload().len() + next.payload().len();
    !next.payload().is_empty()
        && len <= max
        && held.len() + next.payload().len() <= usize::from(u16::MAX)
        && same_ip(held, next)
        && held.ports() == next.ports()
        && next.seq() == end
        && next.ack() == held.ack()
        && next.window() == held.window()
        && next.flags() & !(PSH | FIN) == held.flags()
        && same_options(held, next)
}

/// Whether IP headers differ only in length, identification and checksum.
fn same_ip(held: &Edit, next: &Edit) -> bool {
    let (held, next) = (held.ip_header(), next.ip_header());
    if held.len() != next.len() || held[..2] != next[..2] {
        return false;
    }
    match held[0] >> 4 {
        4 => held[6..10] == next[6..10] && held[12..] == next[12..],
        _ => held[2..4] == next[2..4] && held[6..] == next[6..],
    }
}

/// Whether options are the same but for the sender's clock; the earlier reading stays.
fn same_options(held: &Edit, next: &Edit) -> bool {
    const TIMESTAMPS: u8 = 8;
    let masked = |segment: &Edit| {
        let mut bytes = segment.options().to_vec();
        for (kind, range) in options(segment.options()) {
            if kind == TIMESTAMPS && range.len() == 10 {
                bytes[range.start + 2..range.start + 6].fill(0);
            }
        }
        bytes
    };
    masked(held) == masked(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::layout::{RST, SYN};
    use crate::link::sample::{header, packet, packet_v6};
    use crate::world::TcpPacket;
    use std::time::Duration;
    use tcp_core::seq::SeqNumber;
    use tcp_core::wire::{Ecn, Header, Timestamps, WireWindow};

    const HOLD: Duration = Duration::from_millis(1);

    fn merger(max: u16) -> Merger {
        Merger::new(MergeConfig { max, hold: HOLD })
    }

    fn at(seq: u32, flags: u8) -> Header {
        let mut header = header(flags);
        header.seq = SeqNumber::new(seq);
        header.options.timestamps = Some(Timestamps {
            value: seq,
            echo: 5,
        });
        header
    }

    fn edit(header: &Header, len: usize) -> Edit {
        Edit::of(packet(header, &vec![b'x'; len])).unwrap()
    }

    fn read(segment: Edit) -> TcpPacket {
        TcpPacket::parse(&segment.finish()).expect("it is right")
    }

    /// Whether the second segment of ten bytes joins the first.
    fn joins(second: &Header) -> bool {
        let mut merger = merger(100);
        let mut released = None;
        let first = edit(&at(1_000, ACK), 10);
        assert!(matches!(
            merger.take(Instant::ZERO, first, &mut released),
            Merged::Held
        ));
        let merged = merger.take(Instant::ZERO, edit(second, 10), &mut released);
        let joined = matches!(merged, Merged::Joined);
        assert!(joined || released.is_some(), "the first goes on");
        joined
    }

    #[test]
    fn a_run_becomes_one_up_to_the_limit() {
        for write in [packet, packet_v6] {
            let mut merger = merger(25);
            let mut out = Vec::new();
            for index in 0..5u32 {
                let segment = write(&at(1_000 + index * 10, ACK), &[index as u8; 10]);
                let mut released = None;
                merger.take(Instant::ZERO, Edit::of(segment).unwrap(), &mut released);
                out.extend(released);
            }
            out.extend(merger.release());
            let out: Vec<TcpPacket> = out.into_iter().map(read).collect();
            let seqs = out.iter().map(|it| it.header.seq.get());
            assert_eq!(seqs.collect::<Vec<_>>(), [1_000, 1_020, 1_040]);
            assert_eq!(out[1].payload, [[2; 10], [3; 10]].concat());
            assert_eq!(out[0].header, at(1_000, ACK));
        }
    }

    #[test]
    fn the_last_one_gives_push_and_fin_and_ends_the_wait() {
        for flags in [PSH, FIN, PSH | FIN] {
            let mut merger = merger(100);
            let mut released = None;
            merger.take(Instant::ZERO, edit(&at(1_000, ACK), 10), &mut released);
            merger.take(
                Instant::ZERO,
                edit(&at(1_010, ACK | flags), 10),
                &mut released,
            );
            assert_eq!(merger.deadline(), None);
            let merged = read(released.unwrap());
            let expected = header(ACK | flags);
            assert_eq!(merged.header.push, expected.push);
            assert_eq!(merged.header.control, expected.control);
            assert_eq!(merged.payload.len(), 20);
        }
    }

    #[test]
    fn only_what_says_the_same_joins() {
        let next = at(1_010, ACK);
        assert!(joins(&next));
        assert!(!joins(&at(1_020, ACK)), "a gap");
        assert!(!joins(&at(1_000, ACK)), "a retransmission");
        assert!(!joins(&at(1_010, SYN)) && !joins(&at(1_010, ACK | RST)));
        let changes: [fn(&mut Header); 5] = [
            |it| it.ack = Some(SeqNumber::new(5_001)),
            |it| it.window = WireWindow::new(9),
            |it| it.options.timestamps = None,
            |it| it.ecn = Ecn::CongestionExperienced,
            |it| it.cwr = true,
        ];
        for change in changes {
            let mut other = next;
            change(&mut other);
            assert!(!joins(&other), "{other:?}");
        }
        let mut echo = next;
        echo.options.timestamps = Some(Timestamps { value: 1, echo: 6 });
        assert!(!joins(&echo));
    }

    #[test]
    fn a_bare_acknowledgement_passes_behind_what_waited() {
        let mut merger = merger(100);
        let mut released = None;
        merger.take(Instant::ZERO, edit(&at(1_000, ACK), 10), &mut released);
        assert_eq!(merger.deadline(), Some(Instant::ZERO + HOLD));
        let ack = merger.take(Instant::ZERO, edit(&at(1_010, ACK), 0), &mut released);
        assert!(matches!(ack, Merged::Passes(_)));
        let released = released.expect("it was let go").finish();
        assert_eq!(released, packet(&at(1_000, ACK), &[b'x'; 10]));
        assert_eq!(merger.deadline(), None);
    }
}
