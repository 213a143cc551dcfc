//! Which packets can be marked, and how marks are echoed: sections 5 and 6.1.3 to 6.1.6.

use super::{AGREED, from, segments};

/// Data carries ECT(0), and never ECT(1) (§5).
#[test]
fn shld_1_data_carries_the_first_codepoint() {
    let ten = segments(0..10);
    from(
        AGREED,
        &format!(
            "
        +0 write(4, ..., 40000) = 40000
        {ten}
        "
        ),
    );
}

/// ECE is in every acknowledgement, whatever it is for, until CWR comes, and again after the next mark (§6.1.3).
#[test]
fn must_9_a_mark_is_echoed_until_cwr_comes() {
    from(
        AGREED,
        "
        +0 < [ce] . 1:1001(1000) ack 1 win 65535
        +0 > E. 1:1(0) ack 1001
        +0 < [ect0] . 1001:2001(1000) ack 1 win 65535
        +0 > E. 1:1(0) ack 2001
        +0 write(4, ..., 1000) = 1000
        +0 > [ect0] PE. 1:1001(1000) ack 2001
        +.1 < [ect0] W. 2001:3001(1000) ack 1001 win 65535
        +0 > . 1001:1001(0) ack 3001
        +0 < [ect0] . 3001:4001(1000) ack 1001 win 65535
        +.0~+.2 > . 1001:1001(0) ack 4001
        +0 < [ce] . 4001:5001(1000) ack 1001 win 65535
        +0 > E. 1001:1001(0) ack 5001
        +0 < [ce] W. 5001:6001(1000) ack 1001 win 65535
        +0 > E. 1001:1001(0) ack 6001
        ",
    );
}

/// The acknowledgement of two segments of which the second was marked has ECE; that of a first goes at once, and has
/// it, too (§6.1.3).
#[test]
fn must_10_a_mark_is_echoed_with_whatever_is_acknowledged() {
    let delaying = "
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +.1 < [ect0] P. 1:101(100) ack 101 win 65535
        +0 > . 101:101(0) ack 101
        +0 setsockopt(4, IPPROTO_TCP, TCP_QUICKACK, [0], 4) = 0
    ";
    let second = "
        +.1 < [ect0] . 101:1101(1000) ack 101 win 65535
        +.02 < [ce] . 1101:2101(1000) ack 101 win 65535
        +0 > E. 101:101(0) ack 2101
    ";
    let first = "
        +.1 < [ce] . 101:1101(1000) ack 101 win 65535
        +0 > E. 101:101(0) ack 1101
    ";
    for marked in [first, second] {
        from(AGREED, &[delaying, marked].concat());
    }
}

/// An acknowledgement, and a FIN by itself, carry none (§6.1.4).
#[test]
fn must_11_what_has_no_data_is_not_ecn_capable() {
    from(
        AGREED,
        "
        +0 < [ect0] . 1:1001(1000) ack 1 win 65535
        +0 > [noecn] . 1:1(0) ack 1001
        +0 write(4, ..., 1000) = 1000
        +0 > [ect0] P. 1:1001(1000) ack 1001
        +.1 < . 1001:1001(0) ack 1001 win 65535
        +0 shutdown(4, SHUT_WR) = 0
        +0 > [noecn] F. 1001:1001(0) ack 1001
        ",
    );
}

/// What a timeout sends again, and what duplicates do, carries none (§6.1.5).
#[test]
fn must_12_what_is_sent_again_is_not_ecn_capable() {
    from(
        AGREED,
        "
        +0 write(4, ..., 1000) = 1000
        +0 > [ect0] P. 1:1001(1000) ack 1
        +.3 > [noecn] P. 1:1001(1000) ack 1
        +.6 > [noecn] P. 1:1001(1000) ack 1
        ",
    );
    let four = segments(0..4).replace("> [ect0] . 3001", "> [ect0] P. 3001");
    from(
        AGREED,
        &format!(
            "
        +0 write(4, ..., 4000) = 4000
        {four}
        +.1 < . 1:1(0) ack 1 win 65535
        +0 < . 1:1(0) ack 1 win 65535
        +0 < . 1:1(0) ack 1 win 65535
        +0 > [noecn] . 1:1001(1000) ack 1
        "
        ),
    );
}

/// A mark on data before or beyond the window, which anybody could send, is not echoed (§6.1.5).
#[test]
fn shld_5_marks_outside_of_the_window_are_ignored() {
    for outside in ["1:1001(1000)", "1000000:1001000(1000)"] {
        from(
            AGREED,
            &format!(
                "
            +0 < [ect0] . 1:1001(1000) ack 1 win 65535
            +0 > . 1:1(0) ack 1001
            +0 < [ce] . {outside} ack 1 win 65535
            +0 > . 1:1(0) ack 1001
            "
            ),
        );
    }
}

/// With a reduction to tell of, the probe of a closed window has neither, and what follows it has both (§6.1.6).
#[test]
fn must_13_a_window_probe_carries_neither() {
    from(
        AGREED,
        "
        +0 write(4, ..., 1000) = 1000
        +0 > [ect0] P. 1:1001(1000) ack 1
        +.1 < E. 1:1(0) ack 1001 win 0
        +0 write(4, ..., 1000) = 1000
        +.3~+.31 > [noecn] . 1000:1000(0) ack 1
        +.1 < . 1:1(0) ack 1001 win 65535
        +0 > [ect0] PW. 1001:2001(1000) ack 1
        ",
    );
}
