//! Userspace TCP over a TUN device.
