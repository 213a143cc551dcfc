//! Virtual time, scripted networks, and rules that every run must obey: where the protocol of
//! `tcp-core` is put to the test without a clock, a thread or a socket.
//!
//! - [`world`] is two hosts on a link: a [`Pair`](world::Pair) runs them, loses and reorders
//!   what its plan says, and keeps a [`Trace`](world::Trace).
//! - [`oracle`] holds the rules that are checked after each event.
//! - [`script`] is for tests that write segments by hand, or play a figure of RFC 9293.
//! - [`app`] is what runs on top of a pair.
//! - [`explore`] tries every schedule of a small conversation.

pub mod app;
pub mod capture;
pub mod explore;
pub mod link;
pub mod oracle;
pub mod record;
pub mod report;
pub mod scenario;
pub mod script;
pub mod units;
pub mod world;

pub use world::Side;
