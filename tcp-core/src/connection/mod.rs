//! One connection: the state machine of RFC 9293 §3.10 over typed segments.
//!
//! [`Connection`] knows neither addresses nor ports nor clocks. Its methods are of four kinds:
//!
//! - *in*: [`handle_segment`](Connection::handle_segment),
//!   [`handle_timeout`](Connection::handle_timeout),
//!   [`handle_network_error`](Connection::handle_network_error);
//! - *user calls*: [`read`](Connection::read), [`write`](Connection::write),
//!   [`shutdown`](Connection::shutdown), [`close`](Connection::close),
//!   [`abort`](Connection::abort) and the options;
//! - *out*: [`poll_segment`](Connection::poll_segment), [`poll_event`](Connection::poll_event);
//! - *time*: [`poll_timeout`](Connection::poll_timeout).
//!
//! After anything goes in, drain what comes out: `poll_segment` until `None`, `poll_event` until
//! `None`; then sleep until `poll_timeout`. Nothing is sent from within the other calls, so that what
//! they cause is put into as few segments as possible.

mod acknowledge;
mod agreed;
mod decision;
mod dormant;
mod ecn;
mod ecn_state;
mod emit;
mod fast_open;
mod fast_open_state;
mod half_open;
mod handshake;
mod headroom;
mod info;
mod input;
mod invariants;
mod knobs;
mod large;
mod limit;
mod machine;
mod memory;
mod output;
mod pace;
mod path_mtu;
mod predict;
mod queue;
mod rebuke;
mod renew;
mod repair;
mod setup;
mod sides;
mod silence;
mod tally;
#[cfg(test)]
mod tests;
mod text;
mod time_wait;
mod timeout;
mod timers;
mod timestamps;
mod urgent;
mod user;

pub use crate::state::{FastOpenFail, State};
pub(crate) use decision::Cutter;
pub(crate) use dormant::Dormant;
pub(crate) use fast_open_state::{EarlyEnd, FastOpenLesson, FastOpenOffer};
pub use half_open::{HalfOpen, HalfOpenOutcome, HalfOpenTimeout};
pub(crate) use headroom::Headroom;
pub use knobs::{QuickAck, SendProgress};
pub use machine::{Connection, NetworkError, Shutdown};
pub(crate) use predict::Predicted;
pub use setup::Setup;
pub use time_wait::{TimeWait, TimeWaitOutcome};
pub use urgent::Urgent;
