//! What the network complains of: section 3.9.2.2.

use tcp_core::{ConnectionError, ConnectionEvent, SoftError, State, TcpConfig};
use tcp_sim::drill::Family;
use tcp_sim::script::{LoneStack, Tester, ack, syn};
use tcp_sim::world;

use crate::raw::{ACK, Raw, icmp};
use crate::rig::{script, script_over};

/// A message reaches the connection whose segment it quotes, and no other (§3.9.2.2).
#[test]
fn must_54_errors_reach_the_connection_that_they_name() {
    script(
        "
        0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
        +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0 > S 0:0(0) <...>
        +.1 < icmp unreachable port_unreachable [0:0(0)]
        +0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0
        ",
    );
    for family in FAMILIES {
        let mut tester = outstanding(family);
        let mut about = quoted(&tester, 301);
        about.src.set_port(81);
        complain(&mut tester, UNREACHABLE[family as usize], &about);
        assert_eq!(tester.take_events(), [], "another port's");
        let about = quoted(&tester, 301);
        complain(&mut tester, UNREACHABLE[family as usize], &about);
        let event = ConnectionEvent::SoftError(SoftError::NetworkUnreachable);
        assert_eq!(tester.take_events(), [event]);
    }
}

/// One about a number that is not outstanding is somebody's invention (§3.9.2.2, RFC 5927).
#[test]
fn must_54_errors_about_what_is_not_outstanding_are_ignored() {
    for family in FAMILIES {
        let mut tester = outstanding(family);
        for seq in [300, 309, 100_000] {
            let about = quoted(&tester, seq);
            complain(&mut tester, UNREACHABLE[family as usize], &about);
            assert_eq!(tester.take_events(), [], "{seq}");
        }
        assert_eq!(tester.counters().icmp_out_of_window, 3);
    }
}

/// Network and host unreachable, and a source route that failed, are told, and end neither a handshake nor a
/// connection (§3.9.2.2).
#[test]
fn shld_25_unreachable_0_1_and_5_are_soft() {
    for (code, error) in [
        (0, SoftError::NetworkUnreachable),
        (1, SoftError::HostUnreachable),
        (5, SoftError::HostUnreachable),
    ] {
        is_soft(world::Family::V4, (3, code), error);
    }
    // No route; beyond scope; address unreachable; source address failed policy.
    is_soft(world::Family::V6, (1, 0), SoftError::NetworkUnreachable);
    for code in [2, 3, 5] {
        is_soft(world::Family::V6, (1, code), SoftError::HostUnreachable);
    }
}

/// Protocol and port unreachable end a handshake (§3.9.2.2).
#[test]
fn shld_26_unreachable_2_and_3_end_a_handshake() {
    let hard = [
        (world::Family::V4, (3, 2)),
        (world::Family::V4, (3, 3)),
        (world::Family::V6, (1, 4)),
    ];
    for (family, numbers) in hard {
        let mut tester = connecting(family);
        let about = quoted(&tester, 300);
        complain(&mut tester, numbers, &about);
        let end = ConnectionEvent::Closed(Some(ConnectionError::Prohibited));
        assert!(tester.take_events().contains(&end), "{numbers:?}");
        tester.expect_nothing_for(std::time::Duration::from_secs(300));
    }
}

/// An established connection is told of them, and goes on: anybody who sees a segment could forge them, and
/// who has answered before does speak TCP (§3.9.2.2, RFC 5927 §4.3).
#[test]
fn shld_26_an_established_connection_takes_them_for_soft() {
    let hard = [
        (world::Family::V4, (3, 2)),
        (world::Family::V4, (3, 3)),
        (world::Family::V6, (1, 4)),
    ];
    for (family, numbers) in hard {
        goes_on(outstanding(family), numbers, SoftError::Refused);
    }
}

/// Code 4 with DF, and Packet Too Big, make segments smaller and end nothing (§3.9.2.2).
#[test]
fn shld_26_too_big_is_path_mtu_discovery() {
    let path = |complaint: &str, lost: &str| {
        format!(
            "
            `sysctl -q net.ipv4.tcp_min_tso_segs=1`
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 bind(3, ..., ...) = 0
            +0 listen(3, 1) = 0
            +0 < S 0:0(0) win 65535 <mss 1460>
            +0 > S. 0:0(0) ack 1 <mss 1460>
            +.1 < . 1:1(0) ack 1 win 65535
            +0 accept(3, ..., ...) = 4
            +0 write(4, ..., 1460) = 1460
            +0 > P. 1:1461(1460) ack 1
            +0 < {complaint} [1:1461(1460)]
            +0 > . {lost} ack 1
            "
        )
    };
    let v4 = path("icmp unreachable frag_needed mtu 1340", "1:1301(1300)");
    script_over(Family::V4, &v4);
    let v6 = path("icmpv6 packet_too_big mtu 1360", "1:1301(1300)");
    script_over(Family::V6, &v6);
}

/// A source quench changes nothing, and is told to nobody (§3.9.2.2, RFC 6633).
#[test]
fn must_55_source_quench_is_dropped_silently() {
    let mut tester = outstanding(world::Family::V4);
    let before = tester.info();
    let about = quoted(&tester, 301);
    complain(&mut tester, (4, 0), &about);
    assert_eq!(tester.take_events(), []);
    assert_eq!(tester.info(), before, "neither window nor rate");
    tester.expect_nothing();
}

/// Time exceeded and parameter problem end neither a handshake nor a connection (§3.9.2.2).
#[test]
fn must_56_time_exceeded_and_parameter_problem_end_nothing() {
    for code in [0, 1] {
        is_soft(world::Family::V4, (11, code), SoftError::TimeExceeded);
        is_soft(world::Family::V6, (3, code), SoftError::TimeExceeded);
        is_soft(world::Family::V4, (12, code), SoftError::ParameterProblem);
        is_soft(world::Family::V6, (4, code), SoftError::ParameterProblem);
    }
}

/// Nor does any code of unreachable that is soft, however often it comes (§3.9.2.2).
#[test]
fn must_56_soft_unreachable_ends_nothing() {
    for code in [0, 1, 5] {
        let mut tester = outstanding(world::Family::V4);
        for _ in 0..100 {
            let about = quoted(&tester, 301);
            complain(&mut tester, (3, code), &about);
        }
        tester.expect_state(State::Established);
    }
}

const FAMILIES: [world::Family; 2] = [world::Family::V4, world::Family::V6];

/// Network unreachable and no route, by family.
const UNREACHABLE: [(u8, u8); 2] = [(3, 0), (1, 0)];

/// The message is told to a handshake and to a connection, and both go on to the peer's answer.
fn is_soft(family: world::Family, numbers: (u8, u8), error: SoftError) {
    let mut tester = connecting(family);
    let about = quoted(&tester, 300);
    complain(&mut tester, numbers, &about);
    assert_eq!(tester.take_events(), [ConnectionEvent::SoftError(error)]);
    tester.inject(syn(100).ack(301));
    tester.expect(ack(301, 101));
    tester.expect_state(State::Established);
    goes_on(outstanding(family), numbers, error);
}

/// The message is told, and the connection goes on to the peer's answer.
fn goes_on(mut tester: Tester<LoneStack>, numbers: (u8, u8), error: SoftError) {
    let about = quoted(&tester, 301);
    complain(&mut tester, numbers, &about);
    let events = tester.take_events();
    assert_eq!(events, [ConnectionEvent::SoftError(error)], "{numbers:?}");
    tester.inject(ack(101, 309).data(b"yes"));
    tester.read(b"yes");
    tester.expect_state(State::Established);
}

/// A connection of which nobody has answered the SYN, 300.
fn connecting(family: world::Family) -> Tester<LoneStack> {
    let mut tester = Tester::new(LoneStack::new(family));
    tester.connect(TcpConfig::default());
    tester.expect(syn(300));
    tester
}

/// One with eight octets outstanding, from 301 on, and no events.
fn outstanding(family: world::Family) -> Tester<LoneStack> {
    let mut tester = Tester::new(LoneStack::new(family));
    tester.listen(tcp_core::ListenConfig::default());
    tester.shake_hands(syn(100).mss(1_000));
    tester.write(b"anybody?");
    tester.expect(ack(301, 101).data(b"anybody?"));
    tester.take_events();
    tester
}

/// A segment of ours that begins at `seq`.
fn quoted(tester: &Tester<LoneStack>, seq: u32) -> Raw {
    let (local, remote) = (tester.end.local, tester.end.remote);
    Raw::new(local, remote, ACK, tester.to_wire(seq).get())
}

fn complain(tester: &mut Tester<LoneStack>, numbers: (u8, u8), about: &Raw) {
    let packet = icmp(numbers, 0, about);
    tester.call(|end, now| end.host.receive(now, &packet));
}
