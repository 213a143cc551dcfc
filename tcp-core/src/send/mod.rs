//! The sending side's rooms: what is written, what is sent, what the peer's window allows.

pub(crate) mod buffer;
pub(crate) mod scoreboard;
pub(crate) mod window;
