//! Proof that `tcp-core` and everything below it do without std.
//!
//! std brings a panic handler, and a program has one: with std anywhere in the graph of
//! dependencies, the handler below is a second one, and this crate does not compile. Without std
//! there is no clock, no thread, no file and no socket that the core could name. The feature
//! `with-std` brings std in, to show that the proof would fail.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "with-std")]
extern crate std;

pub use tcp_core::Stack;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
