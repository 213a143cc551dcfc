//! Keep-alive: whether a silent peer is asked.

use core::time::Duration;

use crate::error::ConfigError;
use crate::pack::packs;

/// Keep-alive probing of an idle connection (RFC 9293 §3.8.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeepAlive {
    /// Idle time before the first probe (`TCP_KEEPIDLE`).
    pub idle: Duration,
    /// Time between probes (`TCP_KEEPINTVL`).
    pub interval: Duration,
    /// Unanswered probes that end the connection (`TCP_KEEPCNT`). One is what Linux lets a user ask for; RFC
    /// 9293 MUST-29 wants no single probe to decide, so ask for two at least.
    pub count: u8,
}

packs!(KeepAlive {
    idle,
    interval,
    count
});

impl KeepAlive {
    /// The least idle time and interval.
    const LEAST: Duration = Duration::from_millis(1);

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |field, expected| Err(ConfigError { field, expected });
        if self.idle < KeepAlive::LEAST {
            return wrong("keep_alive.idle", "must be at least 1 ms");
        }
        if self.interval < KeepAlive::LEAST {
            return wrong("keep_alive.interval", "must be at least 1 ms");
        }
        if self.count == 0 {
            return wrong("keep_alive.count", "must be at least 1");
        }
        Ok(())
    }

    /// The nearest value that [`TcpConfig::validate`](crate::TcpConfig::validate) takes.
    pub(crate) fn clamped(self) -> KeepAlive {
        KeepAlive {
            idle: self.idle.max(KeepAlive::LEAST),
            interval: self.interval.max(KeepAlive::LEAST),
            count: self.count.max(1),
        }
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        KeepAlive {
            idle: Duration::from_secs(7_200),
            interval: Duration::from_secs(75),
            count: 9,
        }
    }
}
