//! Helpers shared by the tests that need more than one crate.

pub mod kernel;
pub mod noise;
pub mod scenarios;
