//! Several segments that a connection has said at once, on their way out one by one.

use super::Stack;
use super::lent::Lent;
use super::slab::SlotId;
use crate::connection::Cutter;
use crate::event::Transmit;
use crate::seq::SeqNumber;
use crate::wire::{self, Control, Header, IpFields, Payload, Segment, Summed, Template, Wagon};

/// What is left of a train. The payload stays where it is, in the connection's send buffer or with its user.
#[derive(Clone, Debug)]
pub(super) struct Train {
    connection: SlotId,
    template: Template,
    /// Of the next segment.
    seq: SeqNumber,
    /// FIN and PSH are for the last.
    control: Control,
    push: bool,
    /// Payload of each segment but the last.
    size: usize,
    /// Payload that is left.
    left: usize,
}

/// Writes a segment, and says what is left of the train whose first it is, if `cutter` is to send one.
pub(super) fn emit_first(
    connection: SlotId,
    fields: &IpFields,
    (segment, cutter): (&Segment<'_>, Cutter),
    summed: Summed,
    buf: &mut [u8],
) -> Option<(Transmit, Option<Train>)> {
    let (Some(size), Cutter::Caller) = (segment.segment_size, cutter) else {
        return Some((wire::write(fields, segment, summed, buf)?, None));
    };
    let (size, header) = (usize::from(size.get()), segment.header);
    let plain = Header {
        control: Control::None,
        push: false,
        ..header
    };
    let first = Segment::new(plain, segment.payload.slice(0, size));
    let transmit = wire::write(fields, &first, summed, buf)?;
    let train = Train {
        connection,
        template: Template::of(fields, buf, summed)?,
        seq: header.seq.advanced_by(size as u32),
        control: header.control,
        push: header.push,
        size,
        left: segment.payload.len() - size,
    };
    Some((transmit, Some(train)))
}

impl Stack {
    /// The next segment of the train that is under way. What its peer has acknowledged since, or its
    /// connection given up, is not sent.
    pub(super) fn transmit_wagon(
        &mut self,
        buf: &mut [u8],
        lent: Option<Lent<'_>>,
    ) -> Option<Transmit> {
        let train = self.train.as_mut()?;
        let len = train.size.min(train.left);
        let is_last = len == train.left;
        let entry = self.connections.get_key(train.connection);
        let connection = entry.and_then(|entry| entry.resident.awake());
        let held = connection.and_then(|it| it.sent(train.seq, len));
        let held = held.filter(|it| it.len() == len);
        let transmit = held.and_then(|held| {
            let lent = lent.and_then(|lent| lent.payload(train.connection, train.seq, len));
            let payload = lent.map_or(held, Payload::from);
            let wagon = Wagon {
                seq: train.seq,
                control: if is_last {
                    train.control
                } else {
                    Control::None
                },
                push: is_last && train.push,
                payload,
            };
            train.template.write(&wagon, buf)
        });
        if transmit.is_none() {
            self.counters.out_segs -= train.left.div_ceil(train.size) as u64;
        }
        train.seq = train.seq.advanced_by(len as u32);
        train.left -= len;
        if is_last || transmit.is_none() {
            self.train = None;
        }
        transmit
    }
}
