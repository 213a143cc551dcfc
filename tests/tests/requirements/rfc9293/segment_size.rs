//! Maximum segment sizes: section 3.7.

use tcp_core::{ListenConfig, StackConfig, TcpConfig};
use tcp_sim::drill::Family;
use tcp_sim::script::{LoneStack, Seg, Tester, ack, syn};
use tcp_sim::world;

use crate::rig::{script, script_over, served};

/// A listener's SYN-ACK carries the option, and no segment is larger than the peer's says (§3.7.1).
#[test]
fn must_14_a_listener_sends_the_option_and_keeps_to_the_peers() {
    script(
        "
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 65535 <mss 700>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +0 write(4, ..., 701) = 701
        +0 > . 101:801(700) ack 1
        ",
    );
}

/// A client's SYN carries the option, and no segment is larger than the server's says (§3.7.1).
#[test]
fn must_14_a_client_sends_the_option_and_keeps_to_the_peers() {
    script(
        "
        `sysctl -q net.ipv4.tcp_timestamps=0`
        0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
        +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +.1 < S. 0:0(0) ack 1 win 65535 <mss 900>
        +0 > . 1:1(0) ack 1
        +0 write(3, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +0 write(3, ..., 901) = 901
        +0 > . 101:1001(900) ack 1
        ",
    );
}

/// Every SYN says it, those that are sent again as well (§3.7.1).
#[test]
fn shld_5_the_option_is_in_every_syn() {
    script(
        "
        `sysctl -q net.ipv4.tcp_timestamps=0`
        0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
        +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +1 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +1 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        ",
    );
    script(
        "
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 65535
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +1 > S. 0:0(0) ack 1 <mss 1460>
        ",
    );
}

/// The option is there even where it says what would be taken for granted (§3.7.1).
#[test]
fn may_3_the_option_is_sent_always() {
    for (family, mtu, mss) in [(Family::V4, 576, 536), (Family::V6, 1_280, 1_220)] {
        script_over(
            family,
            &format!(
                "
                --mtu={mtu}
                0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
                +0 bind(3, ..., ...) = 0
                +0 listen(3, 1) = 0
                +0 < S 0:0(0) win 65535
                +0 > S. 0:0(0) ack 1 <mss {mss}>
                "
            ),
        );
    }
}

/// A peer that says nothing gets segments of 536 bytes over IPv4 and of 1,220 over IPv6 (§3.7.1).
#[test]
fn must_15_the_default_is_536_or_1220() {
    for (family, mss) in [(world::Family::V4, 536), (world::Family::V6, 1_220)] {
        assert_eq!(largest_sent(family, 1_500, syn(100)), mss);
    }
}

/// What is sent is bounded by the peer's word and by our own device, and options take their part of it
/// (§3.7.1).
#[test]
fn must_16_the_smaller_limit_counts_less_options() {
    let v4 = world::Family::V4;
    let v6 = world::Family::V6;
    let stamped = |mss| syn(100).mss(mss).timestamps(1, 0);
    assert_eq!(largest_sent(v4, 1_500, syn(100).mss(1_000)), 1_000);
    assert_eq!(largest_sent(v4, 1_500, syn(100).mss(9_000)), 1_460);
    assert_eq!(largest_sent(v6, 1_500, syn(100).mss(9_000)), 1_440);
    assert_eq!(largest_sent(v4, 1_500, stamped(1_000)), 1_000 - 12);
    assert_eq!(largest_sent(v6, 1_500, stamped(9_000)), 1_440 - 12);
}

/// A router that says how much the path carries is believed: what was lost goes again in segments that fit
/// (§3.7.2).
#[test]
fn shld_6_the_segment_size_follows_the_path() {
    let path = |complaint: &str, lost: &str| {
        format!(
            "
            `sysctl -q net.ipv4.tcp_min_tso_segs=1`
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 bind(3, ..., ...) = 0
            +0 listen(3, 1) = 0
            +0 < S 0:0(0) win 65535 <mss 1400>
            +0 > S. 0:0(0) ack 1 <mss 1460>
            +.1 < . 1:1(0) ack 1 win 65535
            +0 accept(3, ..., ...) = 4
            +0 write(4, ..., 1400) = 1400
            +0 > P. 1:1401(1400) ack 1
            +0 < {complaint} [1:1401(1400)]
            +0 > . {lost} ack 1
            "
        )
    };
    let v4 = path("icmp unreachable frag_needed mtu 1040", "1:1001(1000)");
    script_over(Family::V4, &v4);
    let v6 = path("icmpv6 packet_too_big mtu 1280", "1:1221(1220)");
    script_over(Family::V6, &v6);
}

/// A segment that is no SYN has no MSS option (§3.7.1).
#[test]
fn must_65_no_segment_but_a_syn_has_the_option() {
    let mut tester = Tester::established_by(
        TcpConfig::default(),
        syn(100).mss(1_000).timestamps(1, 0).sack_permitted(),
    );
    tester.write(&[1; 3_000]);
    tester.inject(ack(201, 301).timestamps(2, 0).data(b"beyond a hole"));
    tester.close();
    tester.run_next_deadline();
    let mut count = 0;
    while let Some(sent) = tester.take_sent() {
        assert_eq!(sent.header.options.mss, None, "{:?}", sent.header);
        count += 1;
    }
    assert!(
        count >= 4,
        "data, acknowledgements, retransmissions: {count}"
    );
}

/// What is announced is what the device can take, less the headers of IP and TCP (§3.7.1).
#[test]
fn must_67_the_mss_announced_is_what_can_be_taken() {
    for (family, headers) in [(world::Family::V4, 40), (world::Family::V6, 60)] {
        for mtu in [1_280, 1_500, 9_000, 65_535] {
            let mut tester = on_mtu(family, mtu);
            tester.connect(TcpConfig::default());
            tester.expect(syn(300).mss(mtu - headers));

            let mut tester = on_mtu(family, mtu);
            tester.listen(ListenConfig::default());
            tester.inject(syn(100).mss(500));
            tester.expect(syn(300).ack(101).mss(mtu - headers));
        }
    }
}

/// A segment as large as was announced is taken (§3.7.1).
#[test]
fn must_67_a_segment_as_large_as_announced_is_taken() {
    served(
        "
        +0 < P. 1:1461(1460) ack 1 win 65535
        +0 > . 1:1(0) ack 1461
        +0 read(4, ..., 2000) = 1460
        ",
    );
}

/// A stack behind a device that carries packets of `mtu` bytes.
fn on_mtu(family: world::Family, mtu: u16) -> Tester<LoneStack> {
    let config = StackConfig {
        addresses: vec![family.address(0)],
        mtu,
        ..StackConfig::default()
    };
    Tester::new(LoneStack::with_config(config, family))
}

/// The largest payload that is sent to a peer with this SYN.
fn largest_sent(family: world::Family, mtu: u16, first: Seg) -> usize {
    let mut tester = on_mtu(family, mtu);
    tester.listen(ListenConfig::default());
    tester.shake_hands(first);
    tester.write(&[1; 4_000]);
    let sent = std::iter::from_fn(|| tester.take_sent());
    sent.map(|sent| sent.payload.len()).max().unwrap_or(0)
}
