//! One test, or a few, for each requirement of the standards.
//!
//! A test is named after the row that it shows: `must_36_zero_window_is_probed` in the module
//! `rfc9293` is of MUST-36 in `tests/requirements/lists/rfc9293.tsv`, and the first sentence of its
//! documentation says what is seen. It makes the situation by segments and calls alone. Most are
//! packetdrill scripts, because those read like the figures of an RFC: see [`script`](rig::script).

mod rfc9293;
mod rig;
