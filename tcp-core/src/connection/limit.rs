//! What keeps the sender from sending.

use crate::time::Instant;

/// Why no data can be sent now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Limit {
    /// There is none.
    NoData,
    /// What there is waits for more, or for an acknowledgement (Nagle, cork).
    Held,
    /// The peer's window.
    PeerWindow,
    /// The congestion window.
    Congestion,
    /// The pace: at this time the next may go.
    Pace(Instant),
}
