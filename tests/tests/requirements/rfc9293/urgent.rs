//! Urgent data: section 3.8.5.

use tcp_core::{ConnectionEvent, TcpConfig};
use tcp_sim::script::{LoneStack, Tester, ack};

use crate::rig::served;

/// A sender points at the urgent octet (§3.8.5).
#[test]
fn must_30_urgent_data_is_sent() {
    served(
        "
        +0 send(4, ..., 10, MSG_OOB) = 10
        +0 > PU. 1:11(10) ack 1 urg 10
        +.1 < . 1:1(0) ack 11 win 65535
        +0 write(4, ..., 10) = 10
        +0 > P. 11:21(10) ack 1
        ",
    );
}

/// A receiver's user reads it, out of turn or in its place in the stream (§3.8.5).
#[test]
fn must_30_urgent_data_is_received() {
    served(
        "
        +0 < PU. 1:11(10) ack 1 win 65535 urg 10
        +0 > . 1:1(0) ack 11
        +0 recv(4, ..., 1, MSG_OOB) = 1
        +0 recv(4, ..., 100, 0) = 9
        ",
    );
    served(
        "
        +0 setsockopt(4, SOL_SOCKET, SO_OOBINLINE, [1], 4) = 0
        +0 < PU. 1:11(10) ack 1 win 65535 urg 10
        +0 > . 1:1(0) ack 11
        +0 recv(4, ..., 100, 0) = 9
        +0 recv(4, ..., 100, 0) = 1
        ",
    );
}

/// What is sent points at the octet after the last urgent one, whatever the segment begins with (§3.8.5).
#[test]
fn must_62_the_pointer_sent_names_the_octet_after() {
    served(
        "
        +0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
        +0 write(4, ..., 5) = 5
        +0 > P. 1:6(5) ack 1
        +0 send(4, ..., 1, MSG_OOB) = 1
        +0 > PU. 6:7(1) ack 1 urg 1
        ",
    );
}

/// What is received is read so, too: the octet before the one that is pointed at is urgent (§3.8.5).
#[test]
fn must_62_the_pointer_received_names_the_octet_after() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(101, 301).data(b"abc!de").urgent(4));
    let octet = tester.call(|end: &mut LoneStack, now| end.connection(now, |it| it.take_urgent()));
    assert_eq!(octet, Some(b'!'));
}

/// Urgent data may be longer than a window and than a pointer reaches: segments point at its end as soon
/// as they can, and all of it arrives (§3.8.5).
#[test]
fn must_31_urgent_data_may_have_any_length() {
    let mut tester = Tester::established(TcpConfig {
        pacing: false,
        ..TcpConfig::default()
    });
    const LENGTH: u32 = 200_000;
    let urge = |tester: &mut Tester<LoneStack>, count: u32| {
        tester.call(|end, now| {
            end.connection(now, |it| {
                let taken = it.write(&vec![b'u'; count as usize]).unwrap_or(0);
                it.mark_urgent();
                taken as u32
            })
        })
    };
    let mut written = urge(&mut tester, LENGTH);
    let (mut sent, mut pointed) = (0, 0);
    while sent < LENGTH {
        let Some(segment) = tester.take_sent() else {
            tester.inject(ack(101, 301 + sent));
            written += urge(&mut tester, LENGTH - written);
            continue;
        };
        let ahead = u32::from(segment.header.urgent.expect("every segment is urgent"));
        assert!(ahead as usize >= segment.payload.len(), "{ahead}");
        pointed = pointed.max(sent + ahead);
        sent += segment.payload.len() as u32;
    }
    assert_eq!(pointed, LENGTH, "the end of all of it");
}

/// A pointer that reaches far beyond its segment is remembered, and more is asked for until it is reached
/// (§3.8.5).
#[test]
fn must_31_a_pointer_beyond_the_segment_is_remembered() {
    let mut tester = Tester::established(TcpConfig::default());
    let ahead = |tester: &mut Tester<LoneStack>| {
        tester.call(|end, now| end.connection(now, |it| it.urgent().map(|urgent| urgent.ahead)))
    };
    tester.inject(ack(101, 301).data(&[1; 1_000]).urgent(50_000));
    assert_eq!(ahead(&mut tester), Some(49_999));
    tester.read(&[1; 1_000]);
    assert_eq!(ahead(&mut tester), Some(48_999));
}

/// The arrival of a pointer is an event, before the octet itself has come, and `POLLPRI` when it has
/// (§3.8.5).
#[test]
fn must_32_the_user_is_told_of_urgent_data() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.take_events();
    tester.inject(ack(101, 301).urgent(100));
    assert_eq!(tester.take_events(), [ConnectionEvent::Readable]);
    let told = tester.call(|end: &mut LoneStack, now| end.connection(now, |it| it.urgent()));
    assert_eq!(told.map(|urgent| urgent.octet), Some(None));
    served(
        "
        +0...0.5 poll([{fd=4, events=POLLPRI, revents=POLLPRI}], 1, 1000) = 1
        +.5 < PU. 1:11(10) ack 1 win 65535 urg 10
        +0 > . 1:1(0) ack 11
        ",
    );
}

/// The user learns whether urgent data is left, and how many octets there are up to its end (§3.8.5).
#[test]
fn must_33_the_user_learns_how_much_urgent_data_is_left() {
    served(
        "
        +0 < PU. 1:11(10) ack 1 win 65535 urg 6
        +0 > . 1:1(0) ack 11
        +0 ioctl(4, SIOCATMARK, [0]) = 0
        +0 ioctl(4, SIOCINQ, [5]) = 0
        +0 recv(4, ..., 100, 0) = 5
        +0 ioctl(4, SIOCATMARK, [1]) = 0
        +0 recv(4, ..., 100, 0) = 4
        +0 ioctl(4, SIOCATMARK, [0]) = 0
        ",
    );
    let mut tester = Tester::established(TcpConfig::default());
    let ahead = |tester: &mut Tester<LoneStack>| {
        tester.call(|end, now| end.connection(now, |it| it.urgent().map(|urgent| urgent.ahead)))
    };
    assert_eq!(ahead(&mut tester), None);
    tester.inject(ack(101, 301).data(b"ab!").urgent(3));
    assert_eq!(ahead(&mut tester), Some(2));
    tester.read(b"ab!");
    assert_eq!(ahead(&mut tester), None);
}

/// The documentation of the calls tells new programs to do without (§3.8.5).
#[test]
fn shld_13_the_documentation_advises_against_it() {
    for (page, words) in [
        (
            include_str!("../../../../tcp-core/src/connection/urgent.rs"),
            "New protocols do without urgent data",
        ),
        (
            include_str!("../../../../docs/posix.md"),
            "new programs do without",
        ),
    ] {
        assert!(page.contains(words), "{words}");
    }
}
