//! Userspace TCP over a TUN device.
pub mod http;
