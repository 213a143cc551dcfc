//! Helpers shared by the tests that need more than one crate.

pub mod browser;
pub mod kernel;
pub mod noise;
pub mod scenarios;
pub mod settings;
pub mod transfers;
