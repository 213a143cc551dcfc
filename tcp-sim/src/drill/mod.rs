//! Scripts in packetdrill's language, run in virtual time.

pub mod ast;
mod cursor;
mod icmp;
pub mod packet;
mod parse;
mod print;
pub mod span;

pub use parse::parse;
