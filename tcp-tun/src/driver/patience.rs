//! How long a call waits.

use std::time::{Duration, Instant};

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Not at all.
    None,
    /// Until this time.
    Until(Instant),
    /// For as long as it takes.
    Forever,
}

impl Patience {
    /// Patience for this long from now; without a limit where the end is too far to name.
    pub(crate) fn lasting(timeout: Option<Duration>) -> Patience {
        timeout
            .and_then(|timeout| Instant::now().checked_add(timeout))
            .map_or(Patience::Forever, Patience::Until)
    }
}
