//! Who agrees on ECN: sections 6.1.1 and 6.1.1.1.

use super::{AGREED, ASKING, from};
use crate::rig::script;

/// Neither the SYN that asks, nor the SYN-ACK that agrees, nor those that repeat them (§6.1.1).
#[test]
fn must_2_syns_are_not_ecn_capable() {
    from(ASKING, "+1 > [noecn] S 0:0(0) <...>");
    script(
        "
        `sysctl -q net.ipv4.tcp_ecn=1`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < SEW 0:0(0) win 65535 <mss 1000>
        +0 > [noecn] SE. 0:0(0) ack 1 <mss 1460>
        +1 > [noecn] SE. 0:0(0) ack 1 <mss 1460>
        ",
    );
}

/// A SYN with one of the flags is as one without: no ECN. So is a SYN-ACK with CWR, with both, or with none (§6.1.1).
#[test]
fn must_3_every_other_syn_is_a_refusal() {
    for flags in ["S", "SE", "SW"] {
        script(&format!(
            "
            `sysctl -q net.ipv4.tcp_ecn=1`
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 bind(3, ..., ...) = 0
            +0 listen(3, 1) = 0
            +0 < {flags} 0:0(0) win 65535 <mss 1000>
            +0 > S. 0:0(0) ack 1 <mss 1460>
            +.1 < . 1:1(0) ack 1 win 65535
            +0 accept(3, ..., ...) = 4
            +0 write(4, ..., 1000) = 1000
            +0 > [noecn] P. 1:1001(1000) ack 1
            "
        ));
    }
    for flags in ["S.", "SW.", "SEW."] {
        from(
            ASKING,
            &format!(
                "
            +.1 < {flags} 0:0(0) ack 1 win 65535 <mss 1000>
            +0 > . 1:1(0) ack 1
            +0 write(3, ..., 1000) = 1000
            +0 > [noecn] P. 1:1001(1000) ack 1
            "
            ),
        );
    }
}

/// With ECN turned off neither a SYN nor the answer to one that asks has a flag (§6.1.1).
#[test]
fn shld_2_who_does_not_want_ecn_clears_both_flags() {
    script(
        "
        `sysctl -q net.ipv4.tcp_ecn=0`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < SEW 0:0(0) win 65535 <mss 1000>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < . 1:1(0) ack 1 win 65535
        +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
        +0 fcntl(5, F_SETFL, O_RDWR|O_NONBLOCK) = 0
        +0 connect(5, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0 > S 0:0(0) <...>
        ",
    );
}

/// A server that would agree answers a plain SYN by a plain SYN-ACK (§6.1.1).
#[test]
fn must_4_nobody_is_offered_what_was_not_asked_for() {
    script(
        "
        `sysctl -q net.ipv4.tcp_ecn=1`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 65535 <mss 1000>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        ",
    );
}

/// After a SYN that has not asked any more, a SYN-ACK that agrees comes too late; and so does a SYN of the peer's that
/// repeats one without asking (§6.1.1).
#[test]
fn must_5_one_syn_without_the_flags_is_enough() {
    from(
        ASKING,
        "
        +1 > S 0:0(0) <...>
        +.1 < SE. 0:0(0) ack 1 win 65535 <mss 1000>
        +0 > . 1:1(0) ack 1
        +0 write(3, ..., 1000) = 1000
        +0 > [noecn] P. 1:1001(1000) ack 1
        ",
    );
    from(
        ASKING,
        "
        +.1 < SE. 0:0(0) ack 1 win 65535 <mss 1000>
        +0 > [noecn] . 1:1(0) ack 1
        +0 write(3, ..., 1000) = 1000
        +0 > [ect0] P. 1:1001(1000) ack 1
        ",
    );
    script(
        "
        `sysctl -q net.ipv4.tcp_ecn=1`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < SEW 0:0(0) win 65535 <mss 1000>
        +0 > SE. 0:0(0) ack 1 <mss 1460>
        +.1 < S 0:0(0) win 65535 <mss 1000>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        +0 write(4, ..., 1000) = 1000
        +0 > [noecn] P. 1:1001(1000) ack 1
        ",
    );
}

/// A mark is heard by who has answered and by who has asked, and by nobody who has done neither (§6.1.1).
#[test]
fn must_6_marks_are_heeded_where_both_agreed() {
    from(
        AGREED,
        "
        +0 < [ce] . 1:1001(1000) ack 1 win 65535
        +0 > E. 1:1(0) ack 1001
        ",
    );
    from(
        ASKING,
        "
        +.1 < SE. 0:0(0) ack 1 win 65535 <mss 1000>
        +0 > . 1:1(0) ack 1
        +0 < [ce] . 1:1001(1000) ack 1 win 65535
        +0 > E. 1:1(0) ack 1001
        ",
    );
    from(
        ASKING,
        "
        +.1 < S. 0:0(0) ack 1 win 65535 <mss 1000>
        +0 > . 1:1(0) ack 1
        +0 < [ce] . 1:1001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1001
        +0 < [ce] . 2001:3001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1001
        ",
    );
}

/// The second SYN does not ask; with the fallback turned off it does (§6.1.1.1).
#[test]
fn may_1_a_syn_without_an_answer_is_repeated_without_the_flags() {
    from(ASKING, "+1 > S 0:0(0) <...>");
    let insistent = ASKING.replace(
        "net.ipv4.tcp_timestamps=0",
        "net.ipv4.tcp_timestamps=0\n    sysctl -q net.ipv4.tcp_ecn_fallback=0",
    );
    from(&insistent, "+1 > SEW 0:0(0) <...>");
}
