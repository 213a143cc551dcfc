//! How often an unacceptable segment is answered.

use core::time::Duration;

use crate::time::Instant;

/// As Linux's `net.ipv4.tcp_invalid_ratelimit`: two sides that each find the other's segments
/// unacceptable must not answer each other for ever, nor a blind attacker learn much (RFC 5961 §7).
const INTERVAL: Duration = Duration::from_millis(500);

/// Whether to answer now, given when the last answer was; notes it.
pub(super) fn may_rebuke(last: &mut Option<Instant>, now: Instant) -> bool {
    let recent = |at| now.saturating_duration_since(at) < INTERVAL;
    if last.is_some_and(recent) {
        return false;
    }
    *last = Some(now);
    true
}
