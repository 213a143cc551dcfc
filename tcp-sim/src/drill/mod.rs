//! Scripts in packetdrill's language, run in virtual time.

pub mod ast;
mod command;
mod compare;
mod constants;
mod cursor;
mod failure;
mod flow;
mod icmp;
pub mod packet;
mod parse;
mod print;
mod python;
mod run;
mod settings;
pub mod span;
mod tcp_info;
mod value;
mod wire;

pub use parse::parse;
