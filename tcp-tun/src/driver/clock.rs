//! The one clock of an interface.

use std::time;

use tcp_core::Instant;

/// Turns the machine's monotonic clock into the stack's time, which starts at zero.
///
/// The stack's time must not go backwards, so it is read only under the lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: time::Instant,
}

impl Clock {
    pub(super) fn start() -> Clock {
        Clock {
            epoch: time::Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::ZERO + self.epoch.elapsed()
    }

    /// The stack's time at a time of the machine's clock.
    pub(super) fn at(&self, time: time::Instant) -> Instant {
        Instant::ZERO + time.saturating_duration_since(self.epoch)
    }
}
