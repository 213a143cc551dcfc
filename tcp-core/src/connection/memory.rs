//! The memory of buffers in which nothing is.

use super::machine::Connection;

impl Connection {
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

    /// Takes a little memory for its first use from a connection that is not needed any more, being new.
    pub(crate) fn inherit(&mut self, other: &mut Connection) {
        self.snd.buffer.inherit(&mut other.snd.buffer);
        self.snd.scoreboard.inherit(&mut other.snd.scoreboard);
        self.rcv.reassembly.inherit(&mut other.rcv.reassembly);
    }
}
