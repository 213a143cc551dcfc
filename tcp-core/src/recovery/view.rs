//! What the repair of losses is told, and what it answers.

use core::ops::Range;
use core::time::Duration;

use super::dup_acks::AckKind;
use crate::congestion::Phase;
use crate::send::scoreboard::Delivered;
use crate::time::Instant;

/// What an acknowledgement is to the repair of losses, once the scoreboard has taken note of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckView<'a> {
    /// When it arrived.
    pub(crate) now: Instant,
    /// SND.UNA after it.
    pub(crate) una: u64,
    /// SND.NXT.
    pub(crate) nxt: u64,
    /// Whether SND.UNA moved; or whether it is a duplicate: RFC 5681 §2, or by SACK it reports
    /// something new.
    pub(crate) kind: AckKind,
    /// What it newly delivered.
    pub(crate) delivered: &'a Delivered,
    /// What it reports as received twice.
    pub(crate) dsack: Option<&'a Range<u64>>,
    /// Whether it repeats the last one and reports nothing.
    pub(crate) pure_duplicate: bool,
    /// Whether SACK was agreed on.
    pub(crate) sack: bool,
    /// The payload of a full segment.
    pub(crate) mss: u32,
    pub(crate) min_rtt: Option<Duration>,
    pub(crate) srtt: Option<Duration>,
    /// Whether there is new data, and a window for it.
    pub(crate) new_data: bool,
    /// Where the probe of the path's MTU begins that is outstanding.
    pub(crate) mtu_probe: Option<u64>,
}

/// What came of an acknowledgement or of time passing.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outcome {
    /// A reduction was taken back.
    pub(crate) undone: Option<Undone>,
    /// A reduction is complete.
    pub(crate) left: bool,
    /// A timeout is repaired.
    pub(crate) recovered: bool,
    /// A loss was found: cut the window, and send what is lost at once.
    pub(crate) entered: bool,
    /// The tail probe repaired a loss: cut the window.
    pub(crate) probe_repaired: bool,
    /// The next hole is to be sent at once, whatever the window says (RFC 6582 §3.2 step 3).
    pub(crate) resend: bool,
    /// Losses were found.
    pub(crate) lost: bool,
    /// The only loss is the probe of the path's MTU: it was too large, and nothing is congested.
    pub(crate) mtu_probe_lost: bool,
    /// Reordering was seen.
    pub(crate) reordered: bool,
    /// When to look again for what has been overtaken.
    pub(crate) look_again: Option<Instant>,
}

/// How a reduction was found to be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Undone {
    /// By the echo of an original, before all was acknowledged.
    Partial,
    /// By the echo of an original, when all was acknowledged.
    Full,
    /// Everything sent again was received twice.
    Dsack,
    /// A timeout, by the echo of an original.
    Timeout,
    /// A timeout, by what was acknowledged after it (F-RTO).
    Frto,
}

/// What a timeout is.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Timeout {
    /// The phase in which it came.
    pub(crate) phase: Phase,
    /// Whether the peer has taken back what it reported.
    pub(crate) reneged: bool,
}
