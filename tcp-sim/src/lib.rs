//! Virtual time, scripted networks, and rules that every run must obey: where the protocol of
//! `tcp-core` is put to the test without a clock, a thread or a socket.
//!
//! - [`world`] is hosts, routers and links: a [`Network`](world::Network) of any number, or a
//!   [`Pair`](world::Pair) of hosts for tests, which keeps a [`Trace`](world::Trace).
//! - [`simulation`] runs a [`Scenario`](scenario::Scenario) on such a network to its end.
//! - [`oracle`] holds the rules that are checked after each event.
//! - [`script`] is for tests that write segments by hand, or play a figure of RFC 9293.
//! - [`posix`] is BSD sockets over a stack, driven by explicit time.
//! - [`app`] is what runs on top.
//! - [`explore`] tries every schedule of a small conversation.
//! - [`attack`] puts a stack under what strangers and hostile peers send, and says what it comes to.
//! - [`grid`] measures our stack beside a peer's, over bad networks; [`mod@bench`], how fast the code of both is.

pub mod app;
pub mod attack;
pub mod bench;
pub mod capture;
pub mod drill;
pub mod explore;
mod figures;
pub mod grid;
pub mod link;
pub mod oracle;
pub mod pattern;
pub mod posix;
pub mod record;
pub mod report;
pub mod scenario;
pub mod script;
pub mod simulation;
pub mod units;
pub mod world;

pub use world::Side;
