//! Finding and repairing losses: what acknowledgements and timers show, and what follows from it.

mod dup_acks;
mod findings;
mod frto;
mod machine;
mod prr;
mod rack;
pub(crate) mod rate;
pub(crate) mod rtt;
mod tail_probe;
#[cfg(test)]
mod tests;
mod undo;
mod view;

pub(crate) use dup_acks::AckKind;
pub(crate) use machine::Recovery;
pub(crate) use prr::PrrAck;
pub(crate) use tail_probe::ProbeKind;
pub(crate) use view::{AckView, Outcome, Undone};
