//! When acknowledgements are sent: sections 3.8.6.3 and 3.10.7.4.

use std::time::Duration;

use tcp_core::{Instant, TcpConfig};

use crate::raw::{Raw, SYN, drain, ends, listening, shake_hands};
use crate::rig::served;

/// How a script makes the connection one that takes turns: data and an answer have gone to and fro, and no
/// acknowledgement is sent at once for being the first.
const SETTLED: &str = "
    +0 write(4, ..., 100) = 100
    +0 > P. 1:101(100) ack 1
    +.1 < P. 1:101(100) ack 101 win 65535
    +0 > . 101:101(0) ack 101
    +0 setsockopt(4, IPPROTO_TCP, TCP_QUICKACK, [0], 4) = 0
";

/// An acknowledgement waits for data that carries it (§3.8.6.3).
#[test]
fn shld_18_acknowledgements_wait_for_data() {
    served(
        &[
            SETTLED,
            "
        +.1 < P. 101:201(100) ack 101 win 65535
        +.01 write(4, ..., 100) = 100
        +0 > P. 101:201(100) ack 201
        ",
        ]
        .concat(),
    );
}

/// Nothing else to send, and the acknowledgement goes alone in less than half a second (§3.8.6.3).
#[test]
fn must_40_an_acknowledgement_waits_less_than_half_a_second() {
    served(
        &[
            SETTLED,
            "
        +.1 < P. 101:201(100) ack 101 win 65535
        +.04~+.499 > . 101:101(0) ack 201
        ",
        ]
        .concat(),
    );
}

/// A longer delay cannot be configured (§3.8.6.3).
#[test]
fn must_40_a_delay_of_half_a_second_is_refused() {
    let config = TcpConfig {
        delayed_ack_max: Duration::from_millis(500),
        ..TcpConfig::default()
    };
    let error = config.validate().unwrap_err();
    assert_eq!(error.field, "delayed_ack_max");
}

/// Every second segment of full size is acknowledged at once (§3.8.6.3).
#[test]
fn shld_19_every_second_segment_is_acknowledged_at_once() {
    served(
        &[
            SETTLED,
            "
        +.1 < . 101:1101(1000) ack 101 win 65535
        +.01 < . 1101:2101(1000) ack 101 win 65535
        +0 > . 101:101(0) ack 2101
        +.01 < . 2101:3101(1000) ack 101 win 65535
        +.01 < . 3101:4101(1000) ack 101 win 65535
        +0 > . 101:101(0) ack 4101
        ",
        ]
        .concat(),
    );
}

/// Several segments are acknowledged by one (§3.10.7.4).
#[test]
fn must_58_one_acknowledgement_stands_for_several_segments() {
    served(
        &[
            SETTLED,
            "
        +.1 < . 101:151(50) ack 101 win 65535
        +.01 < . 151:201(50) ack 101 win 65535
        +.01 < . 201:251(50) ack 101 win 65535
        +.01~+.2 > . 101:101(0) ack 251
        ",
        ]
        .concat(),
    );
}

/// All segments that have arrived are processed before one acknowledgement of all goes out (§3.10.7.4).
#[test]
fn must_59_what_has_arrived_is_processed_before_it_is_acknowledged() {
    for (ours, peers) in ends() {
        let mut host = listening(ours);
        let now = Instant::ZERO;
        let next = shake_hands(&mut host, now, &Raw::new(peers, ours, SYN, 100));
        // As from a device's queue: one after the other, before the stack is asked what it has to say.
        for number in 0..10 {
            let data = Raw {
                seq: next.seq + 1_000 * number,
                payload: vec![1; 1_000],
                ..next.clone()
            };
            host.receive(now, &data.packet());
        }
        let answers = drain(&mut host, now);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].ack, next.seq + 10_000);
    }
}

/// Segments beyond a hole are kept: once it is filled, all of it is acknowledged and can be read
/// (§3.10.7.4).
#[test]
fn shld_31_segments_out_of_order_are_kept() {
    served(
        "
        +0 < . 1001:2001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1
        +0 < P. 3001:4001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1
        +0 ioctl(4, SIOCINQ, [0]) = 0
        +0 < . 2001:3001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1
        +.1 < . 1:1001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 4001
        +0 read(4, ..., 5000) = 4000
        ",
    );
}

/// A segment beyond a hole is acknowledged at once, on a connection that delays others (§3.10.7.4).
#[test]
fn may_13_a_segment_out_of_order_is_acknowledged_at_once() {
    served(
        &[
            SETTLED,
            "
        +.1 < . 201:301(100) ack 101 win 65535
        +0 > . 101:101(0) ack 101
        +0 < . 401:501(100) ack 101 win 65535
        +0 > . 101:101(0) ack 101
        ",
        ]
        .concat(),
    );
}
