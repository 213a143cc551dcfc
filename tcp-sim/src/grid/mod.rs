//! The table that decides: our stack beside smoltcp, over the same links, by the same loop.
//!
//! A [`GridConfig`] says which contenders run over which paths; [`run`] makes a [`Report`] of it. Every
//! cell is run with the same seeds, and its figure is the median. Nothing is drawn but from those
//! seeds, and no clock is read: the same grid gives the same figures on every machine.
//!
//! What runs is smaller than a [`Simulation`](crate::simulation): a peer's stack has no oracles.
//! Senders, receivers and one shared [`Link`](crate::link::Link) in each direction, with a trait
//! between them and the stacks, so that both are driven by the same code.

mod config;
mod contender;
mod dumbbell;
mod endpoint;
mod flow;
mod many;
mod ours;
mod report;
mod single;
#[cfg(feature = "smoltcp")]
mod smoltcp_host;
mod snapshot;
mod summary;
mod text;

pub use config::{GridConfig, GridError, ManyConfig, SingleConfig};
pub use contender::{Contender, Pacing, UnknownContender};
pub use many::ManyCell;
pub use report::{Report, run};
pub use single::SingleCell;
pub use summary::{Comparison, ManyComparison, Summary, Worst};
