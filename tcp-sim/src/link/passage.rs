//! How one packet passes over the wire, decided as it is sent.

use std::time::Duration;

use super::fate::{DropReason, Fate};
use super::fault::Fault;

/// How long a packet takes, and whether that is all there is to say. Small, since queues are full
/// of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Passage {
    /// Nanoseconds beside the delay, which do not cost it its place.
    pub(super) jitter: u64,
    /// What happens to few.
    pub(super) trouble: Option<Box<Trouble>>,
}

/// What the wire does to a packet beside carrying it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Trouble {
    /// What the plan does.
    pub(super) fault: Option<Fault>,
    /// Why it is lost.
    pub(super) lost: Option<DropReason>,
    /// How many copies arrive right after it.
    pub(super) copies: u8,
    /// It is late by this much, and others may pass it.
    pub(super) late: Option<Duration>,
    /// A bit behind the IP header that is inverted.
    pub(super) corrupted: Option<usize>,
}

impl Passage {
    /// Why the packet will be lost.
    pub(super) fn lost(&self) -> Option<DropReason> {
        self.trouble.as_ref()?.lost
    }

    /// Writes down what the sender may know.
    pub(super) fn tell(&self, fate: &mut Fate) {
        if let Some(trouble) = &self.trouble {
            fate.fault = trouble.fault;
            fate.copies = trouble.copies;
            fate.late = trouble.late;
            fate.corrupted = trouble.corrupted;
        }
    }
}
