//! RFC 3168: Explicit Congestion Notification.

mod agreement;
mod marks;
mod reduction;

use std::ops::Range;

use crate::rig::script;

/// A server that agreed on ECN: descriptor 4 has a peer that takes segments of 1,000 bytes.
const AGREED: &str = "
    `sysctl -q net.ipv4.tcp_ecn=1
    sysctl -q net.ipv4.tcp_min_tso_segs=1
    sysctl -q net.ipv4.tcp_early_retrans=0
    sysctl -q net.ipv4.tcp_frto=0
    sysctl -q net.ipv4.tcp_congestion_control=reno`
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0 bind(3, ..., ...) = 0
    +0 listen(3, 1) = 0
    +0 < SEW 0:0(0) win 65535 <mss 1000>
    +0 > SE. 0:0(0) ack 1 <mss 1460>
    +.1 < . 1:1(0) ack 1 win 65535
    +0 accept(3, ..., ...) = 4
";

/// A client that asks.
const ASKING: &str = "
    `sysctl -q net.ipv4.tcp_ecn=1
    sysctl -q net.ipv4.tcp_timestamps=0`
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
    +0 > [noecn] SEW 0:0(0) <...>
";

/// Runs a script that goes on from one of the above.
#[track_caller]
fn from(start: &str, text: &str) {
    script(&[start, text].concat());
}

/// The lines of these segments of 1,000 bytes, all of which go at once.
fn segments(numbers: Range<u32>) -> String {
    let line = |number: u32| {
        let start = number * 1_000 + 1;
        format!("+0 > [ect0] . {start}:{}(1000) ack 1\n", start + 1_000)
    };
    numbers.map(line).collect()
}
