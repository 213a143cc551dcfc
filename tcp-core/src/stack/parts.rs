//! Packets in parts: headers in the caller's buffer, payload in a connection's.

use super::Stack;
use super::lent::Lent;
use super::slab::SlotId;
use crate::connection::Cutter;
use crate::event::TransmitParts;
use crate::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::{self, Control, Payload, Segment};

/// Below it a copy costs less than a part more.
const LEAST: usize = 4_096;

/// Where the payload of the packet is whose headers have just been written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Apart {
    connection: SlotId,
    seq: SeqNumber,
    len: usize,
}

impl Apart {
    /// Of a segment of this connection, if its payload is to stay where it is. Who cuts segments for a device that does
    /// not, writes each by itself.
    pub(super) fn of(connection: SlotId, segment: &Segment<'_>, cutter: Cutter) -> Option<Apart> {
        let (header, len) = (&segment.header, segment.payload.len());
        let stays = cutter == Cutter::Device && len >= LEAST && header.control != Control::Syn;
        stays.then_some(Apart {
            connection,
            seq: header.seq,
            len,
        })
    }
}

impl Stack {
    /// The next packet, in parts; those of a connection that writes from a place of its user's are from there.
    pub(super) fn poll_parts<'a>(
        &'a mut self,
        now: Instant,
        buf: &mut [u8],
        lent: Option<Lent<'a>>,
    ) -> Option<TransmitParts<'a>> {
        let now = self.at(now);
        self.settle_touched();
        let (transmit, apart) = loop {
            let transmit = self.next_transmit::<true>(now, buf, lent)?;
            let apart = self.apart.take();
            if apart.is_none_or(|apart| self.payload_of(apart, lent).is_some()) {
                break (transmit, apart);
            }
            // Its connection has been ended for want of memory; nothing of it goes.
            self.counters.out_segs -=
                wire::pieces(apart.map_or(0, |apart| apart.len), transmit.segment_size);
        };
        let payload = match apart {
            Some(apart) => self.payload_of(apart, lent)?,
            None => Payload::EMPTY,
        };
        let payload = payload.parts();
        Some(TransmitParts { transmit, payload })
    }

    fn payload_of<'a>(&'a self, apart: Apart, lent: Option<Lent<'a>>) -> Option<Payload<'a>> {
        let Apart {
            connection,
            seq,
            len,
        } = apart;
        let held = self.sent(connection, seq, len)?;
        let payload = lent.and_then(|lent| lent.payload(connection, seq, len));
        Some(payload.map_or(held, Payload::from))
    }
}
