//! What lies between two nodes: one direction of a link, in virtual time.

pub mod config;
mod direction;
mod fault;

pub use config::LinkConfig;
pub use direction::{DropReason, Fate, Link};
pub use fault::{Fault, FaultPlan};
