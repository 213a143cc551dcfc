//! Windows that shrink, close and stay closed: section 3.8.6.

use crate::rig::script;

/// A window that closes is asked for again, one octet or an old number at a time, and the transfer
/// goes on when it opens (§3.8.6.1).
#[test]
fn must_36_zero_window_is_probed() {
    script(
        "
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 1000 <mss 1000>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < . 1:1(0) ack 1 win 1000
        +0 accept(3, ..., ...) = 4
        +0 write(4, ..., 2000) = 2000
        +0 > P. 1:1001(1000) ack 1
        +.1 < . 1:1(0) ack 1001 win 0
        +.3~+.32 > . 1000:1000(0) ack 1
        +.1 < . 1:1(0) ack 1001 win 1000
        +0 > P. 1001:2001(1000) ack 1
        ",
    );
}
