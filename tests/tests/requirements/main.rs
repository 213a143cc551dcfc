//! One test, or a few, for each requirement of the standards.
//!
//! A test is named after the row that it shows: `must_36_zero_window_is_probed` in the module
//! `rfc9293` is of MUST-36 in `tests/requirements/lists/rfc9293.tsv`, and the first sentence of its
//! documentation says what is seen. It makes the situation by segments and calls alone. Most are
//! packetdrill scripts, because those read like the figures of an RFC: see [`script`](rig::script).

mod hosts;
mod path;
mod raw;
mod rfc3168;
mod rfc5681;
mod rfc5961;
mod rfc6298;
mod rfc6582;
mod rfc6675;
mod rfc6928;
mod rfc7323;
mod rfc7413;
mod rfc8985;
mod rfc9293;
mod rfc9406;
mod rfc9438;
mod rfc9937;
mod rig;
mod transfer;
