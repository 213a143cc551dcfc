//! What goes out: stateless answers first, then one segment of each connection in turn.

use super::Stack;
use super::reply::{Marking, Reply};
use super::tuple::FourTuple;
use crate::config::Offload;
use crate::event::Transmit;
use crate::time::Instant;
use crate::wire::{self, Control, IpFields, Segment};

impl Stack {
    pub(super) fn next_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        // What is polled counts as sent, so nothing is polled that might not fit.
        if buf.len() < self.config.largest_packet() {
            return None;
        }
        self.transmit_reply(buf)
            .or_else(|| self.transmit_segment(now, buf))
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
        let offload = self.config.offload;
        emit(&tuple, marking, &Segment::bare(header), offload, buf)
    }

    /// Round robin: who has sent a segment goes to the end of the queue.
    fn transmit_segment(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        while let Some(index) = self.ready.pop_front() {
            let Some(entry) = self.connections.get_mut(index) else {
                continue;
            };
            let (tuple, connection) = (entry.tuple, entry.resident.rouse());
            let marking = Marking::from(&*connection);
            match connection.poll_segment(now, &mut self.counters) {
                Some(segment) => {
                    let offload = self.config.offload;
                    let transmit = emit(&tuple, marking, &segment, offload, buf);
                    self.settle(index);
                    if transmit.is_some() {
                        return transmit;
                    }
                }
                None => self.note_changes(index),
            }
        }
        None
    }
}

fn emit(
    tuple: &FourTuple,
    marking: Marking,
    segment: &Segment<'_>,
    offload: Offload,
    buf: &mut [u8],
) -> Option<Transmit> {
    let fields = IpFields {
        src: tuple.local(),
        dst: tuple.remote(),
        dscp: marking.dscp,
        hop_limit: marking.hop_limit,
        // Packets with DF are never fragmented, so nothing needs to tell them apart (RFC 6864
        // §4.1), and a constant tells an observer nothing.
        identification: 0,
    };
    if offload.checksum {
        wire::emit_partial(&fields, segment, buf)
    } else {
        wire::emit(&fields, segment, buf)
    }
}
