//! Finding and repairing losses: timers and duplicate acknowledgements.

pub(crate) mod newreno;
pub(crate) mod rtt;
