//! What the next segment is.

use core::ops::Range;

use super::machine::Reset;
use crate::wire::Options;

/// What is the same for whatever may be sent next, worked out once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The options of every segment after the SYN.
    pub(super) options: Options,
    /// Payload bytes that fit beside them into a segment on the wire, at least 1.
    pub(super) piece: u64,
    /// Payload bytes of the largest segment to hand out: whole pieces, and one at least.
    pub(super) goal: u64,
    /// Who cuts it into pieces, where it is larger than one.
    pub(super) cutter: Cutter,
}

/// Who cuts a large segment into those that go on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cutter {
    /// The device. It is worth a little waiting to give it larger ones.
    Device,
    /// Our caller, who asked for a train of segments. What goes out is the same as if it asked for one at a
    /// time.
    Caller,
}

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
    /// The same in one segment that is larger than those before: does the path carry it?
    MtuProbe(Range<u64>),
    /// A segment that the peer must answer: the octet before `una`, without the octet.
    Probe,
    Ack,
}
