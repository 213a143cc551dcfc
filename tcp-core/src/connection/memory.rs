//! The memory of buffers: how much it is, and what of it has nothing in it.

use core::ops::Range;

use super::headroom::Headroom;
use super::machine::Connection;
use crate::error::ConnectionError;
use crate::send::scoreboard::Scoreboard;
use crate::state::State;
use crate::stats::Counters;

impl Connection {
    /// Bytes that its buffers hold, with the records of what is outstanding, unsent or out of order; the first
    /// [few](OWN_MEMORY) do not count.
    #[inline]
    pub(crate) fn memory(&self) -> u32 {
        let chunks = self.snd.chunks.as_ref().map_or(0, |chunks| chunks.memory());
        let sent = self.snd.buffer.memory() + self.snd.scoreboard.memory() + chunks;
        let all = sent + self.rcv.reassembly.memory();
        u32::try_from(all.saturating_sub(OWN_MEMORY)).unwrap_or(u32::MAX)
    }

    /// To be told before whatever may make a buffer grow.
    #[inline]
    pub(crate) fn set_headroom(&mut self, headroom: Headroom) {
        self.headroom = headroom;
    }

    /// Whether `range` lies beyond a hole, and further, or needs more memory, than may be. What is in order is always
    /// taken.
    pub(super) fn refuses_beyond(&self, range: &Range<u64>) -> bool {
        let reassembly = &self.rcv.reassembly;
        if range.start <= reassembly.nxt() {
            return false;
        }
        let span = range.end - reassembly.nxt();
        let too_many = || {
            reassembly.beyond().len() >= self.config.out_of_order_ranges
                && reassembly.is_alone(range)
        };
        let lacks_memory = || !self.headroom.allows(reassembly.growth(range.end));
        span > self.config.out_of_order_bytes as u64
            || too_many()
            || (!self.headroom.is_plenty() && lacks_memory())
    }

    /// Ends the connection, with RST where the peer knows of it, and gives all of its memory back: what was not read
    /// is lost.
    pub(crate) fn end_for_memory(&mut self, counters: &mut Counters) {
        counters.abort_on_memory += 1;
        let is_cut = self.rcv.reassembly.unread() > 0;
        match self.state {
            State::Closed => {}
            State::TimeWait => self.die(None, counters),
            state => {
                if state != State::SynSent {
                    self.reset_peer();
                }
                self.die(Some(ConnectionError::NoMemory), counters);
            }
        }
        if is_cut {
            // The reader must not take what is missing for the end of the stream.
            self.rcv.fin = None;
            self.error = Some(ConnectionError::NoMemory);
        }
        self.shed();
        self.give_back_spare_memory();
        self.snd.scoreboard = Scoreboard::default();
        debug_assert_eq!(self.memory(), 0, "who ends it counts on that");
    }

    /// An acknowledgement that was due for a challenge alone is not sent.
    pub(crate) fn withhold_ack(&mut self) {
        self.pending.ack = false;
    }

    /// Whether an acknowledgement is due.
    pub(crate) fn owes_ack(&self) -> bool {
        self.pending.ack
    }

    /// Whether a buffer has memory worth mentioning, and nothing in it: what it needed when it was used last. A
    /// connection that goes on needs it again.
    pub fn has_spare_memory(&self) -> bool {
        self.snd.buffer.has_spare_memory() || self.rcv.reassembly.has_spare_memory()
    }

    /// Gives such memory back. A [`Stack`](crate::Stack) does so for all connections but the few
    /// that were used last.
    pub fn give_back_spare_memory(&mut self) {
        self.snd.buffer.give_back_spare_memory();
        self.rcv.reassembly.give_back_spare_memory();
    }

    /// Forgets what is in the buffers and gives their memory back, but for a little: the connection is not needed
    /// any more.
    pub(crate) fn shed(&mut self) {
        self.snd.buffer.clear();
        self.snd.scoreboard.clear();
        self.rcv.reassembly.clear();
    }
}

/// Bytes that every connection may have for its buffers, beside the two kilobytes that it is by itself: enough for a
/// short question and its answer, so that nothing has to be noted of them.
const OWN_MEMORY: usize = 2_048;
