//! TIME-WAIT: a small record that outlives its connection.

use crate::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::{Header, Segment};

/// What is left of a connection that both sides have closed (RFC 9293 §3.6.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TimeWait {
    expires_at: Instant,
}

/// What a segment did in TIME-WAIT.
#[must_use]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TimeWaitOutcome {
    /// Nothing to do (look at [`TimeWait::expires_at`] again: it may have moved).
    Ignore,
    /// Send this and stay.
    Reply(Header),
    /// A RST ended it.
    Drop,
    /// A SYN that cannot be an old one (RFC 6191): forget the record, and let the listener answer
    /// with an initial sequence number of at least this.
    Reopen(SeqNumber),
}

impl TimeWait {
    /// A segment arrived on its four-tuple.
    pub fn handle_segment(&mut self, now: Instant, segment: &Segment<'_>) -> TimeWaitOutcome {
        let _ = (now, segment);
        todo!()
    }

    /// When 2 MSL are over.
    pub fn expires_at(&self) -> Instant {
        self.expires_at
    }
}
