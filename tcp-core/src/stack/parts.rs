//! Packets in parts: headers in the caller's buffer, payload in a connection's.

use super::Stack;
use super::slab::SlotId;
use crate::connection::Cutter;
use crate::seq::SeqNumber;
use crate::wire::{Control, Segment};

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
    /// The payload that the packet lacks which was written last.
    pub(super) fn take_apart(&mut self) -> Option<[&[u8]; 2]> {
        let Some(apart) = self.apart.take() else {
            return Some([&[], &[]]);
        };
        let entry = self.connections.get_key(apart.connection);
        let connection = entry.and_then(|entry| entry.resident.awake());
        let payload = connection.and_then(|it| it.sent(apart.seq, apart.len));
        let payload = payload.filter(|payload| payload.len() == apart.len);
        debug_assert!(
            payload.is_some(),
            "what has just been sent is unacknowledged"
        );
        payload.map(|payload| payload.parts())
    }
}
