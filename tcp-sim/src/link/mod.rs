//! What lies between two nodes: one direction of a link, in virtual time.

pub mod config;
mod direction;
mod error;
mod fate;
mod fault;
mod flight;
mod stats;

pub use config::LinkConfig;
pub use direction::{Link, QueueLen};
pub use error::LinkError;
pub use fate::{DropReason, Fate, Handling, LinkEvent};
pub use fault::{Fault, FaultPlan};
pub use stats::{Drops, LinkStats};
