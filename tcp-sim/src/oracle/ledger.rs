//! What one side wrote and the other has not read yet.

use std::collections::VecDeque;

use super::{Violation, rule};
use crate::pattern::Pattern;

/// One direction of a connection: what was written, until the other side has read the same bytes in
/// the same order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Ledger {
    content: Content,
    written: u64,
    read: u64,
    closed: bool,
}

/// How the bytes are known again.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Content {
    /// They wait here until they are read.
    Kept(VecDeque<u8>),
    /// They are those of a pattern, and need not be kept.
    Made(Pattern),
}

impl Default for Content {
    fn default() -> Self {
        Content::Kept(VecDeque::new())
    }
}

impl Ledger {
    /// A ledger for a writer who writes this pattern from its start, and nothing else.
    pub fn of(pattern: Pattern) -> Ledger {
        Ledger {
            content: Content::Made(pattern),
            ..Ledger::default()
        }
    }

    /// The writer's stack took these bytes.
    pub fn wrote(&mut self, bytes: &[u8]) {
        if let Content::Kept(unread) = &mut self.content {
            unread.extend(bytes);
        }
        self.written += bytes.len() as u64;
    }

    /// The writer closed its side.
    pub fn closed(&mut self) {
        self.closed = true;
    }

    /// How many bytes were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The reader's stack gave these bytes: they must be the next ones.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let offset = self.read;
        let end = offset + bytes.len() as u64;
        rule!(
            end <= self.written,
            "{} bytes were read at offset {offset}, but only {} were written",
            bytes.len(),
            self.written
        );
        let differs = match &mut self.content {
            Content::Made(pattern) => pattern.first_difference(offset, bytes),
            Content::Kept(unread) => {
                let differs = first_difference(unread, bytes);
                unread.drain(..bytes.len());
                differs.map(|index| offset + index as u64)
            }
        };
        if let Some(at) = differs {
            let words = format!("the byte read at offset {at} is not the one written");
            return Err(Violation(words));
        }
        self.read = end;
        Ok(())
    }

    /// The reader's stack gave end of stream: all must have been read, and the writer closed.
    pub fn read_end(&self) -> Result<(), Violation> {
        rule!(self.closed, "end of stream, but the writer has not closed");
        rule!(
            self.read == self.written,
            "end of stream after {} of {} bytes",
            self.read,
            self.written
        );
        Ok(())
    }
}

/// Where `bytes` differ from the beginning of `kept`, which is no shorter.
fn first_difference(kept: &VecDeque<u8>, bytes: &[u8]) -> Option<usize> {
    let (first, second) = kept.as_slices();
    let (head, tail) = bytes.split_at(first.len().min(bytes.len()));
    if first.starts_with(head) && second.starts_with(tail) {
        return None;
    }
    kept.iter().zip(bytes).position(|(kept, read)| kept != read)
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

    #[test]
    fn a_pattern_is_known_again_without_being_kept() {
        let pattern = Pattern::new(1);
        let mut bytes = [0; 100];
        pattern.fill(0, &mut bytes);
        let mut ledger = Ledger::of(pattern);
        ledger.wrote(&bytes);
        assert_eq!(ledger.read(&bytes[..40]), Ok(()));
        assert!(ledger.clone().read(&bytes[41..]).is_err());
        assert_eq!(ledger.read(&bytes[40..]), Ok(()));
        assert!(ledger.read(&bytes[..1]).is_err(), "more than was written");
        ledger.closed();
        assert_eq!(ledger.read_end(), Ok(()));
    }
}
