//! A scoreboard while nothing is outstanding.

use alloc::vec::Vec;

use super::Scoreboard;
use crate::pack::Pack;

/// An empty one: the place of the next transmission among all, and how far was judged.
impl Pack for Scoreboard {
    fn pack(&self, bytes: &mut Vec<u8>) {
        debug_assert!(self.is_empty(), "what is at rest waits for nothing");
        (self.transmissions, self.judged).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (transmissions, judged) = Pack::unpack(bytes);
        Scoreboard {
            transmissions,
            judged,
            ..Scoreboard::default()
        }
    }
}
