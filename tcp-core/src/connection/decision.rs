//! What the next segment is.

use core::ops::Range;

use super::machine::Reset;

/// The next segment. Ranges are stream offsets; our FIN's may be among them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    Reset(Reset),
    /// SYN, or SYN-ACK.
    Syn,
    /// Part of what was sent before.
    Retransmit(Range<u64>),
    /// What has not been sent.
    New(Range<u64>),
    /// A segment that the peer must answer: the octet before `una`, without the octet.
    Probe,
    Ack,
}
