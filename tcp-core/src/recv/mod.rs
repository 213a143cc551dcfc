//! The receiving side's rooms: bytes in order, the window offered, when to acknowledge.

pub(crate) mod ack;
pub(crate) mod reassembly;
pub(crate) mod window;
