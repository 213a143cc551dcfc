//! What goes out: stateless answers first, then a train of segments of each connection in turn.

use core::num::NonZeroU16;

use super::Stack;
use super::reply::{Marking, Reply};
use super::slab::SlotId;
use super::tuple::FourTuple;
use crate::config::Offload;
use crate::connection::Cutter;
use crate::event::Transmit;
use crate::time::Instant;
use crate::wire::{self, Control, Header, IpFields, Segment};

/// What a connection said at once, and goes out piece by piece, one for each call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Train {
    connection: SlotId,
    tuple: FourTuple,
    marking: Marking,
    /// The header of the next piece; but for FIN and PSH, which are the last one's.
    header: Header,
    control: Control,
    push: bool,
    /// Payload of each piece but the last.
    size: u16,
    /// Payload that is left.
    left: usize,
}

impl Stack {
    pub(super) fn next_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        // What is polled counts as sent, so nothing is polled that might not fit.
        if buf.len() < self.config.largest_packet() {
            return None;
        }
        self.transmit_reply(buf)
            .or_else(|| self.transmit_piece(buf))
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

    /// The next piece of the train that is under way. What its peer has acknowledged meanwhile, or its
    /// connection given up, is not sent.
    fn transmit_piece(&mut self, buf: &mut [u8]) -> Option<Transmit> {
        let train = self.train.as_mut()?;
        let len = usize::from(train.size).min(train.left);
        let entry = self.connections.get_key(train.connection);
        let connection = entry.and_then(|entry| entry.resident.awake());
        let payload = connection.and_then(|it| it.sent(train.header.seq, len));
        let Some(payload) = payload.filter(|payload| payload.len() == len) else {
            let unsent = train.left.div_ceil(train.size.into());
            self.counters.out_segs -= unsent as u64;
            self.train = None;
            return None;
        };
        let mut header = train.header;
        train.header.seq = header.seq.advanced_by(len as u32);
        train.left -= len;
        let is_last = train.left == 0;
        if is_last {
            (header.control, header.push) = (train.control, train.push);
        }
        let segment = Segment::new(header, payload);
        let transmit = emit(
            &train.tuple,
            train.marking,
            &segment,
            self.config.offload,
            buf,
        );
        if is_last {
            self.train = None;
        }
        transmit
    }

    /// Round robin: who has sent a train goes to the end of the queue.
    fn transmit_segment(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        while let Some(index) = self.ready.pop_front() {
            let Some(key) = self.connections.key(index) else {
                continue;
            };
            let Some(entry) = self.connections.get_mut(index) else {
                continue;
            };
            let (tuple, connection) = (entry.tuple, entry.resident.rouse());
            let marking = Marking::from(&*connection);
            match connection.poll_train(now, &mut self.counters) {
                Some((mut segment, cutter)) => {
                    if let (Some(size), Cutter::Caller) = (segment.segment_size, cutter) {
                        let whole = segment;
                        segment = first_piece(&whole, size);
                        self.train = Some(Train {
                            connection: key,
                            tuple,
                            marking,
                            header: Header {
                                seq: whole.header.seq.advanced_by(size.get().into()),
                                cwr: false,
                                ..segment.header
                            },
                            control: whole.header.control,
                            push: whole.header.push,
                            size: size.get(),
                            left: whole.payload.len() - segment.payload.len(),
                        });
                    }
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

/// The first piece of several: FIN and PSH are not its to carry.
fn first_piece<'a>(whole: &Segment<'a>, size: NonZeroU16) -> Segment<'a> {
    let header = Header {
        control: Control::None,
        push: false,
        ..whole.header
    };
    Segment::new(header, whole.payload.slice(0, size.get().into()))
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
