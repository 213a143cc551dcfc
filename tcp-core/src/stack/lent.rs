//! A write from where the user's data is: what is acknowledged before the user goes on is never copied.

use super::Stack;
use super::slab::SlotId;
use crate::connection::Connection;
use crate::event::{ConnectionId, PacketMeta, TransmitParts};
use crate::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::Payload;

/// A write whose data stays with the user for as long as this lives, while packets go out and come in. What is not
/// acknowledged by then is copied into the send buffer when it is dropped. It must be: if it is forgotten
/// (`mem::forget`), what is sent again later is not what was written.
#[derive(Debug)]
pub struct LentWrite<'a> {
    stack: &'a mut Stack,
    lent: Lent<'a>,
    /// Stream offset of the first byte.
    start: u64,
}

/// What a connection sends from a place of its user's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lent<'a> {
    connection: SlotId,
    /// Of the first byte.
    seq: SeqNumber,
    data: &'a [u8],
}

impl<'a> Lent<'a> {
    /// The payload of a segment of this connection, if it is lent.
    pub(super) fn payload(
        &self,
        connection: SlotId,
        seq: SeqNumber,
        len: usize,
    ) -> Option<&'a [u8]> {
        let at = seq.get().wrapping_sub(self.seq.get()) as usize;
        let is_its = connection == self.connection;
        is_its
            .then(|| self.data.get(at..at.checked_add(len)?))
            .flatten()
    }
}

impl Stack {
    /// Writes as much of `data` as there is room for, and leaves it where it is until the [`LentWrite`] is dropped: for
    /// a device on which acknowledgements come at once. `None`, and nothing is written, where that is not possible: the
    /// connection must have nothing else to send.
    pub fn lend<'a>(
        &'a mut self,
        now: Instant,
        id: ConnectionId,
        data: &'a [u8],
    ) -> Option<LentWrite<'a>> {
        let mut connection = self.connection(now, id)?;
        let (start, seq, count) = connection.lend(data.len())?;
        let data = data.get(..count)?;
        drop(connection);
        let lent = Lent {
            connection: id.into(),
            seq,
            data,
        };
        Some(LentWrite {
            stack: self,
            lent,
            start,
        })
    }

    /// The bytes of a connection from `seq` on, of which it has sent `len`.
    pub(super) fn sent(
        &self,
        connection: SlotId,
        seq: SeqNumber,
        len: usize,
    ) -> Option<Payload<'_>> {
        let entry = self.connections.get_key(connection)?;
        let payload = entry.resident.awake()?.sent(seq, len)?;
        (payload.len() == len).then_some(payload)
    }
}

impl LentWrite<'_> {
    /// Bytes that have been written: all, or as many as there was room for.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.lent.data.len()
    }

    /// As [`Stack::poll_transmit_parts`].
    pub fn poll_transmit_parts(
        &mut self,
        now: Instant,
        buf: &mut [u8],
    ) -> Option<TransmitParts<'_>> {
        self.stack.poll_parts(now, buf, Some(self.lent))
    }

    /// As [`Stack::handle_packet`].
    pub fn handle_packet(&mut self, now: Instant, packet: &[u8], meta: PacketMeta) {
        self.stack.handle_packet(now, packet, meta);
    }
}

impl Drop for LentWrite<'_> {
    fn drop(&mut self) {
        let entry = self.stack.connections.get_key_mut(self.lent.connection);
        // One that is packed holds nothing.
        if let Some(entry) = entry.filter(|entry| entry.resident.awake().is_some()) {
            let connection: &mut Connection = entry.resident.rouse();
            connection.take_lent(self.start, self.lent.data);
        }
    }
}
