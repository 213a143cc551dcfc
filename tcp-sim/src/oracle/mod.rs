//! What must hold at every moment of every run, judged from outside.
//!
//! - [`Conduct`] watches the segments that one end of a connection sends, and knows what it was
//!   sent: sequence space, acknowledgements, windows, congestion notification, the bytes themselves.
//! - [`Accounts`] compares a host's counters with what went over its wire.
//! - [`Ledger`] compares what is read with what was written.
//! - [`check_health`] looks at a connection at rest: that it cannot stall, and that its
//!   [`TcpInfo`](tcp_core::TcpInfo) makes sense.
//!
//! Each gives a [`Violation`] where something is wrong, so that a test can panic with it and an
//! explorer can print the way to it.

mod accounts;
mod conduct;
mod ecn;
mod health;
mod ledger;
mod peer;

use std::fmt;

pub use accounts::{Accounts, Novelty};
pub use conduct::Conduct;
pub use health::{InfoHistory, check_health, check_info};
pub use ledger::Ledger;

/// A rule that was broken, in words.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

/// `Ok` where the rule holds, else a [`Violation`] with these words.
macro_rules! rule {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err($crate::oracle::Violation(format!($($words)+)));
        }
    };
}
pub(crate) use rule;
