//! RFC 5681: congestion control.

mod receiver;
mod repair;
mod window;
