//! Sockets of two hosts.
