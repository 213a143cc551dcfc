//! What the tests stand on.

use std::path::Path;

use tcp_sim::drill::{Family, Job, check};

/// Runs a packetdrill script over IPv4 and over IPv6, and panics with the place and both packets
/// where it does not hold.
#[track_caller]
pub fn script(text: &str) {
    for family in [Family::V4, Family::V6] {
        script_over(family, text);
    }
}

/// The same over one of them, where they differ.
#[track_caller]
pub fn script_over(family: Family, text: &str) {
    let report = check("script", text, Path::new("."), family, &Job::default()).report;
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    assert!(report.is_passed(), "{report}");
}
