//! How one packet passes over the wire, decided as it is sent.

use std::time::Duration;

use super::fate::DropReason;
use super::fault::Fault;

/// What the wire does to a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Passage {
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
    /// What it takes longer than the delay, without losing its place.
    pub(super) jitter: Duration,
}
