//! What the receiver acknowledges, and when: sections 3.2 and 4.2.

use crate::rig::served;

/// How a script makes the connection one that delays its acknowledgements.
const DELAYING: &str = "
    +0 write(4, ..., 100) = 100
    +0 > P. 1:101(100) ack 1
    +.1 < P. 1:101(100) ack 101 win 65535
    +0 > . 101:101(0) ack 101
    +0 setsockopt(4, IPPROTO_TCP, TCP_QUICKACK, [0], 4) = 0
";

/// A segment beyond a gap is answered at once by what was acknowledged before (§3.2, §4.2).
#[test]
fn shld_3_a_segment_out_of_order_is_answered_at_once() {
    served(
        &[
            DELAYING,
            "
        +.1 < . 1101:2101(1000) ack 101 win 65535
        +0 > . 101:101(0) ack 101
        +.01 < . 2101:3101(1000) ack 101 win 65535
        +0 > . 101:101(0) ack 101
        ",
        ]
        .concat(),
    );
}

/// What fills a part of a gap, and what fills the rest, is acknowledged at once, small as it is (§3.2, §4.2).
#[test]
fn shld_4_what_fills_a_gap_is_acknowledged_at_once() {
    served(
        &[
            DELAYING,
            "
        +.1 < . 301:401(100) ack 101 win 65535
        +0 > . 101:101(0) ack 101
        +.01 < . 101:201(100) ack 101 win 65535
        +0 > . 101:101(0) ack 201
        +.01 < . 201:301(100) ack 101 win 65535
        +0 > . 101:101(0) ack 401
        ",
        ]
        .concat(),
    );
}

/// One full segment waits, and the second is acknowledged at once, with the first (§4.2).
#[test]
fn shld_7_every_second_segment_is_acknowledged() {
    served(
        &[
            DELAYING,
            "
        +.1 < . 101:1101(1000) ack 101 win 65535
        +.03 < . 1101:2101(1000) ack 101 win 65535
        +0 > . 101:101(0) ack 2101
        ",
        ]
        .concat(),
    );
}

/// A segment by itself is acknowledged in less than half a second (§4.2).
#[test]
fn must_16_an_acknowledgement_comes_within_half_a_second() {
    served(
        &[
            DELAYING,
            "
        +.1 < . 101:1101(1000) ack 101 win 65535
        +.04~+.5 > . 101:101(0) ack 1101
        ",
        ]
        .concat(),
    );
}

/// Whatever arrives, in order, beyond a gap, twice, or before the window, brings one acknowledgement (§4.2).
#[test]
fn must_17_no_segment_brings_two_acknowledgements() {
    served(
        "
        +0 < . 1:1001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1001
        +0 < . 2001:3001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1001
        +0 < . 1:1001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1001
        +0 < . 1001:2001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 3001
        +1 read(4, ..., 3000) = 3000
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 3001
        ",
    );
}
