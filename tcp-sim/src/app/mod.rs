//! What runs on top of a pair or of a simulation.

mod talker;

pub use talker::{Closes, Talker, converse, pattern};
