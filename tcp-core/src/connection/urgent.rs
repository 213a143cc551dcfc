//! Urgent data (RFC 9293 §3.8.5): one octet of the stream that the peer points at, as BSD and Linux see
//! it, who take the pointer for the octet after it.
//!
//! It is here for those who speak old protocols. New protocols do without urgent data (SHLD-13, RFC 6093
//! §5): middleboxes clear the pointer, and systems disagree on what it says.

use super::machine::Connection;
use crate::recv::urgent::Mark;
use crate::wire::Segment;

/// What the reader is told of the peer's urgent octet, which lies in the stream as any other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Urgent {
    /// Bytes to be read before it; zero at the mark (`SIOCATMARK`).
    pub ahead: u64,
    /// The octet itself, once everything up to it has arrived.
    pub octet: Option<u8>,
    /// Whether [`take_urgent`](Connection::take_urgent) has given it.
    pub taken: bool,
}

impl Connection {
    /// The peer's urgent octet, unless the reader is past it.
    pub fn urgent(&self) -> Option<Urgent> {
        let mark = self.rcv.urgent?;
        let ahead = mark.at.checked_sub(self.rcv.reassembly.read_offset())?;
        Some(Urgent {
            ahead,
            octet: self.rcv.reassembly.byte_at(mark.at),
            taken: mark.taken,
        })
    }

    /// Takes the urgent octet out of turn (`MSG_OOB`), once; in the stream it stays. `None` where there is
    /// none, or it has not arrived.
    pub fn take_urgent(&mut self) -> Option<u8> {
        let urgent = self.urgent().filter(|urgent| !urgent.taken)?;
        let octet = urgent.octet?;
        if let Some(mark) = &mut self.rcv.urgent {
            mark.taken = true;
        }
        Some(octet)
    }

    /// Makes the last byte written urgent (`MSG_OOB`): until it is acknowledged, segments before it point
    /// at it, and no small one waits. Not for new protocols (RFC 9293 SHLD-13).
    pub fn mark_urgent(&mut self) {
        self.snd.up = self.snd.buffer.end();
    }

    /// Whether urgent data is not acknowledged (`tcp_urg_mode`).
    pub(super) fn is_urgent(&self) -> bool {
        self.snd.up > self.snd.una
    }

    /// The pointer of a segment that begins at `start`: where it does not reach, it says as much as it
    /// can, as long as nothing beyond has been sent.
    pub(super) fn urgent_pointer(&self, start: u64) -> Option<u16> {
        let ahead = self.snd.up.checked_sub(start)?;
        if !self.is_urgent() || ahead == 0 {
            return None;
        }
        let unreached = start + u64::from(u16::MAX) > self.snd.nxt;
        u16::try_from(ahead)
            .ok()
            .or_else(|| unreached.then_some(u16::MAX))
    }

    /// Sixth step of RFC 9293 §3.10.7.4: a pointer beyond what has arrived, and beyond the last one,
    /// counts (`tcp_check_urg`).
    pub(super) fn receive_urgent(&mut self, segment: &Segment<'_>, seq: u64) {
        let Some(pointer) = segment.header.urgent else {
            return;
        };
        let at = seq + u64::from(pointer.saturating_sub(1));
        let newer = self.rcv.urgent.is_none_or(|mark| at > mark.at);
        if self.state.may_receive() && newer && at >= self.rcv.reassembly.nxt() {
            self.rcv.urgent = Some(Mark { at, taken: false });
            self.events.readable = true;
        }
    }
}
