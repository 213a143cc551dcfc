//! The sending side's rooms: what is written, what is sent, what the peer's window allows, and when.

pub(crate) mod buffer;
pub(crate) mod chunks;
pub(crate) mod mtu_search;
pub(crate) mod pacing;
pub(crate) mod scoreboard;
pub(crate) mod usage;
pub(crate) mod window;
