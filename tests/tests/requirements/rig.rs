//! What the tests stand on.

use std::path::Path;

use tcp_sim::drill::{Family, Job, check};

/// How a script of a server begins: its connection has descriptor 4. The peer takes segments of 1,000
/// bytes and offers 65,535; neither side has other options; the round trip takes 100 ms.
const SERVED: &str = "
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0 bind(3, ..., ...) = 0
    +0 listen(3, 1) = 0
    +0 < S 0:0(0) win 65535 <mss 1000>
    +0 > S. 0:0(0) ack 1 <mss 1460>
    +.1 < . 1:1(0) ack 1 win 65535
    +0 accept(3, ..., ...) = 4
";

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

/// Runs a script that goes on from a handshake: descriptor 4 is a server's connection, whose peer takes
/// segments of 1,000 bytes and offers a window of 65,535.
#[track_caller]
pub fn served(text: &str) {
    script(&[SERVED, text].concat());
}

/// The same over one version of IP.
#[track_caller]
pub fn served_over(family: Family, text: &str) {
    script_over(family, &[SERVED, text].concat());
}
