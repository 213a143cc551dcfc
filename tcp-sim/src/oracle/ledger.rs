//! What one side wrote and the other has not read yet.

use std::collections::VecDeque;

use super::{Violation, rule};

/// One direction of a connection: bytes that were written wait here until the other side has read
/// the same ones in the same order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Ledger {
    unread: VecDeque<u8>,
    written: u64,
    closed: bool,
}

impl Ledger {
    /// The writer's stack took these bytes.
    pub fn wrote(&mut self, bytes: &[u8]) {
        self.unread.extend(bytes);
        self.written += bytes.len() as u64;
    }

    /// The writer closed its side.
    pub fn closed(&mut self) {
        self.closed = true;
    }

    /// The reader's stack gave these bytes: they must be the next ones.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let offset = self.read_bytes();
        rule!(
            bytes.len() <= self.unread.len(),
            "{} bytes were read at offset {offset}, but only {} were written",
            bytes.len(),
            self.written
        );
        let differs = bytes.iter().zip(self.unread.drain(..bytes.len()));
        let differs = differs
            .enumerate()
            .find(|(_, (read, wrote))| *read != wrote);
        rule!(
            differs.is_none(),
            "the byte read at offset {} is not the one written",
            offset + differs.map_or(0, |(index, _)| index as u64)
        );
        Ok(())
    }

    /// The reader's stack gave end of stream: all must have been read, and the writer closed.
    pub fn read_end(&self) -> Result<(), Violation> {
        rule!(self.closed, "end of stream, but the writer has not closed");
        rule!(
            self.unread.is_empty(),
            "end of stream after {} of {} bytes",
            self.read_bytes(),
            self.written
        );
        Ok(())
    }

    /// How many bytes were read.
    fn read_bytes(&self) -> u64 {
        self.written - self.unread.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_passes_and_nothing_else_does() {
        let mut ledger = Ledger::default();
        ledger.wrote(b"abcdef");
        assert_eq!(ledger.read(b"abc"), Ok(()));
        assert!(ledger.clone().read(b"dx").is_err());
        assert!(ledger.clone().read(b"defg").is_err());
        assert!(ledger.read_end().is_err());
        assert_eq!(ledger.read(b"def"), Ok(()));
        assert!(ledger.read_end().is_err());
        ledger.closed();
        assert_eq!(ledger.read_end(), Ok(()));
    }
}
