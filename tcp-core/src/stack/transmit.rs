//! What goes out: stateless answers first, then a train of segments of each connection in turn.

use super::Stack;
use super::lent::Lent;
use super::parts::Apart;
use super::reply::{Marking, Reply};
use super::train::emit_first;
use super::tuple::FourTuple;
use crate::config::Offload;
use crate::event::Transmit;
use crate::time::Instant;
use crate::wire::{self, Control, IpFields, Segment, Summed};

impl Stack {
    /// With `PARTS`, the payload of large segments may stay apart; with `lent`, some of it is the user's yet.
    pub(super) fn next_transmit<const PARTS: bool>(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        lent: Option<Lent<'_>>,
    ) -> Option<Transmit> {
        // What is polled counts as sent, so nothing is polled that might not fit.
        if buf.len() < self.config.largest_packet() {
            return None;
        }
        self.transmit_reply(buf)
            .or_else(|| self.transmit_wagon(buf, lent))
            .or_else(|| self.transmit_segment::<PARTS>(now, buf, lent))
    }

    fn transmit_reply(&mut self, buf: &mut [u8]) -> Option<Transmit> {
        let Reply {
            tuple,
            header,
            marking,
        } = self.replies.pop()?;
        self.counters.out_segs += 1;
        if header.control == Control::Rst {
            self.counters.out_rsts += 1;
        }
        let summed = summed_by(self.config.offload);
        let fields = fields_of(&tuple, marking);
        wire::write(&fields, &Segment::bare(header), summed, buf)
    }

    /// Round robin: who has sent a train goes to the end of the queue.
    fn transmit_segment<const PARTS: bool>(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        lent: Option<Lent<'_>>,
    ) -> Option<Transmit> {
        while let Some(index) = self.ready.pop_front() {
            let Some((key, entry)) = self.connections.named_mut(index) else {
                continue;
            };
            let (tuple, connection) = (entry.tuple, entry.resident.rouse());
            let marking = Marking::from(&*connection);
            let (fields, summed) = (fields_of(&tuple, marking), summed_by(self.config.offload));
            let mut apart = None;
            let said = connection.poll_train(now, &mut self.counters, |segment, cutter| {
                let payload = lent
                    .filter(|_| PARTS)
                    .and_then(|lent| lent.payload(key, segment.header.seq, segment.payload.len()));
                let with_lent;
                let segment = match payload {
                    Some(payload) => {
                        let payload = payload.into();
                        with_lent = Segment {
                            payload,
                            ..*segment
                        };
                        &with_lent
                    }
                    None => segment,
                };
                if PARTS && summed == Summed::PseudoHeader {
                    apart = Apart::of(key, segment, cutter);
                    if apart.is_some() {
                        let alone = Summed::PseudoHeaderAlone;
                        return Some((wire::write(&fields, segment, alone, buf)?, None));
                    }
                }
                emit_first(key, &fields, (segment, cutter), summed, buf)
            });
            let Some(emitted) = said else {
                self.note_changes(index);
                continue;
            };
            // Most often that was all.
            if connection.rest_if_silent(now) {
                self.note_changes(index);
            } else {
                self.settle(index);
            }
            if let Some((transmit, train)) = emitted {
                if train.is_some() {
                    self.train = train;
                }
                if PARTS {
                    self.apart = apart;
                }
                return Some(transmit);
            }
        }
        None
    }
}

fn fields_of(tuple: &FourTuple, marking: Marking) -> IpFields {
    IpFields {
        src: tuple.local(),
        dst: tuple.remote(),
        dscp: marking.dscp,
        hop_limit: marking.hop_limit,
        identification: marking.identification,
        fragments: marking.fragments,
    }
}

/// How much of a checksum is left to us.
fn summed_by(offload: Offload) -> Summed {
    if offload.checksum {
        Summed::PseudoHeader
    } else {
        Summed::All
    }
}
