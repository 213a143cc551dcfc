//! The memory of buffers in which nothing is.

use super::machine::Connection;

impl Connection {
    /// Whether a buffer has memory and nothing in it: what it needed when it was used last. A
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

    /// Gives the memory of all buffers back: the connection is not needed any more.
    pub(crate) fn give_back_memory(&mut self) {
        self.snd.buffer.clear();
        self.snd.scoreboard.clear();
        self.rcv.reassembly.clear();
    }
}
