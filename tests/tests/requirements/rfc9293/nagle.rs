//! Nagle's algorithm: section 3.7.4.

use crate::rig::served;

/// While a small segment is outstanding, small writes wait, and go together with its acknowledgement
/// (§3.7.4).
#[test]
fn shld_7_small_segments_wait_for_the_one_before() {
    served(
        "
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +.01 write(4, ..., 100) = 100
        +.01 write(4, ..., 100) = 100
        +.08 < . 1:1(0) ack 101 win 65535
        +0 > P. 101:301(200) ack 1
        ",
    );
}

/// A full segment waits for nothing (§3.7.4).
#[test]
fn shld_7_a_full_segment_does_not_wait() {
    served(
        "
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +.01 write(4, ..., 900) = 900
        +.01 write(4, ..., 150) = 150
        +0 > . 101:1101(1000) ack 1
        +.08 < . 1:1(0) ack 1101 win 65535
        +0 > P. 1101:1151(50) ack 1
        ",
    );
}

/// `TCP_NODELAY` turns it off, and on again, for one connection (§3.7.4).
#[test]
fn must_17_the_user_can_turn_it_off() {
    served(
        "
        +0 setsockopt(4, IPPROTO_TCP, TCP_NODELAY, [1], 4) = 0
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +0 write(4, ..., 100) = 100
        +0 > P. 101:201(100) ack 1
        +0 setsockopt(4, IPPROTO_TCP, TCP_NODELAY, [0], 4) = 0
        +0 write(4, ..., 100) = 100
        +.1 < . 1:1(0) ack 201 win 65535
        +0 > P. 201:301(100) ack 1
        ",
    );
}
