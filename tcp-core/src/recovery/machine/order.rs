//! What the repair of losses has learnt of the order in which data arrives.

use super::Recovery;
use crate::send::scoreboard::DUP_THRESH;

impl Recovery {
    /// How far reordering has reached, in segments (`tcpi_reordering`).
    pub(crate) fn reordering(&self) -> u32 {
        self.rack.degree()
    }

    /// Whether data is so often late that a report is as good as an acknowledgement.
    pub(crate) fn is_reordering_usual(&self) -> bool {
        self.rack.degree() > DUP_THRESH as u32
    }

    /// How often reordering was seen.
    pub(crate) fn reorderings(&self) -> u32 {
        self.rack.reorderings()
    }
}
