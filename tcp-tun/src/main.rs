//! The `tcp-tun` program.
fn main() {}
