//! Random segments, calls and time steps against a connection in every state: nothing panics, and
//! what can be seen from outside obeys the rules of the sequence spaces after every step.
//!
//! Numbers are drawn from around the edges that matter (next expected, right edge of the window,
//! first unacknowledged, last sent), from far away and from anywhere. Every payload byte is a
//! function of its sequence number, so that whatever is accepted, in whatever pieces, what is read
//! has one right value.

mod half_open;
mod time_wait;

use proptest::prelude::*;

use rigs::connection;
use rigs::plan::{Start, Step};
use rigs::stack::Raid;

/// So many cases, unless `PROPTEST_CASES` says otherwise.
fn cases(default: u32) -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = default;
    }
    config
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// One connection, from each state on.
    #[test]
    fn a_connection_survives_anything(
        start in any::<Start>(),
        steps in prop::collection::vec(any::<Step>(), 1..60),
    ) {
        connection::survive(&start, &steps);
    }
}

proptest! {
    #![proptest_config(cases(500))]

    /// A whole stack, in bytes.
    #[test]
    fn a_stack_survives_anything(raid in Raid::any(80)) {
        raid.survive();
    }
}
