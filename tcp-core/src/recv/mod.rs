//! The receiving side's rooms: bytes in order, the window offered, how large
//! it ought to be, when to acknowledge.

pub(crate) mod ack;
#[cfg(any(test, fuzzing))]
pub mod naive;
pub(crate) mod reassembly;
pub(crate) mod tuning;
pub(crate) mod urgent;
pub(crate) mod window;
