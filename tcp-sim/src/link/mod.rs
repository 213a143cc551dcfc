//! What lies between two nodes: one direction of a link, in virtual time.

pub mod config;
mod corrupt;
mod direction;
mod ecn;
mod error;
mod fate;
mod fault;
mod flight;
mod gate;
mod impairments;
mod layout;
mod loss;
mod middlebox;
mod passage;
mod queue;
mod random;
#[cfg(test)]
mod sample;
mod stats;
pub(crate) mod too_big;
mod wire;

pub use config::LinkConfig;
pub use direction::Link;
pub use error::LinkError;
pub use fate::{DropReason, Fate, Handling, LinkEvent};
pub use fault::{Fault, FaultError, FaultPlan, Target};
pub(crate) use middlebox::offload;
pub use stats::{Drops, LinkStats, QueueLen};
