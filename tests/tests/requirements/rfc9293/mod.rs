//! RFC 9293, in the order of its sections.

mod acks;
mod close;
mod header;
mod icmp;
mod isn;
mod keep_alive;
mod nagle;
mod network_layer;
mod open;
mod optional;
mod retransmission;
mod segment_size;
mod urgent;
mod user;
mod windows;
