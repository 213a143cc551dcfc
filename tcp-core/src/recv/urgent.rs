//! Where the peer's urgent octet lies.

use crate::pack::packs;

/// The peer's urgent octet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Mark {
    /// Its offset.
    pub(crate) at: u64,
    /// Whether the user has taken it out of turn.
    pub(crate) taken: bool,
}

packs!(Mark { at, taken });
