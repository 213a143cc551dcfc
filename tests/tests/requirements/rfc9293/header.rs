//! The header: sections 3.1 and 3.2.

use std::collections::BTreeSet;
use std::time::Duration;

use tcp_core::{BufferSize, Instant, TcpConfig, WindowScaling};
use tcp_sim::script::{Tester, ack, syn};

use crate::raw::{ACK, FIN, Raw, SYN, accept, drain, ends, give, listening, shake_hands};
use crate::rig::{script, served};

/// A window above 32,767 is no negative number: what the peer offers is used (§3.1).
#[test]
fn must_1_a_window_that_is_offered_to_us_is_unsigned() {
    served(
        "
        +0 < . 1:1(0) ack 1 win 32768
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 1
        ",
    );
}

/// Nor is one that we offer: data that begins in its upper half is taken (§3.1).
#[test]
fn must_1_a_window_that_we_offer_is_unsigned() {
    served(
        "
        +0 < . 40001:41001(1000) ack 1 win 65535
        +0 > . 1:1(0) ack 1
        +0 < . 1:40001(40000) ack 1 win 65535
        +0 > . 1:1(0) ack 41001
        +0 read(4, ..., 50000) = 41000
        ",
    );
}

/// A window of more than sixteen bits is used to its end by the sender (§3.1, RFC 7323).
#[test]
fn rec_1_windows_of_thirty_bits_are_used() {
    let config = TcpConfig {
        initial_window: 1_000,
        pacing: false,
        send_buffer: BufferSize::Fixed(2 << 20),
        ..TcpConfig::default()
    };
    let mut tester = Tester::established_by(config, syn(100).mss(1_460).window_scale(14));
    tester.inject(ack(101, 301).window(64));
    tester.write(&vec![1; 2 << 20]);
    let sent = std::iter::from_fn(|| tester.take_sent());
    let bytes: usize = sent.map(|sent| sent.payload.len()).sum();
    assert!(bytes > (1 << 20) - 1_460 && bytes <= 1 << 20, "{bytes}");
    tester.inject(ack(101, 301).window(u16::MAX));
    assert_eq!(tester.info().tcpi_snd_wnd, 65_535 << 14);
}

/// And offered by the receiver (§3.1, RFC 7323).
#[test]
fn rec_1_windows_of_thirty_bits_are_offered() {
    let config = TcpConfig {
        recv_buffer: BufferSize::Fixed(1 << 30),
        window_scaling: WindowScaling::Fixed(14),
        ..TcpConfig::default()
    };
    let mut tester = Tester::established_by(config, syn(100).mss(1_460).window_scale(14));
    tester.inject(ack(101, 301).data(b"x"));
    tester.expect(ack(301, 102).window(u16::MAX));
    tester.inject(ack(101 + (1 << 29), 301).data(b"far ahead"));
    tester.expect(ack(301, 102));
    assert_eq!(tester.info().tcpi_rcv_ooopack, 1, "it is in the window");
}

/// Whatever we send has the checksum that RFC 1071 asks for, over the pseudo-header as well (§3.1).
#[test]
fn must_2_the_sender_computes_the_checksum() {
    for sent in conversations() {
        // Reading asserts that both checksums are right.
        assert!(sent.iter().any(|raw| raw.payload.len() % 2 == 1), "odd");
        assert!(sent.len() > 5);
    }
}

/// One bit that has changed on the way, anywhere in the segment, and it is dropped (§3.1).
#[test]
fn must_3_what_fails_the_checksum_is_dropped() {
    for (ours, peers) in ends() {
        let mut host = listening(ours);
        let now = Instant::ZERO;
        let mut next = shake_hands(&mut host, now, &Raw::new(peers, ours, SYN, 100));
        next.payload = b"intact".to_vec();
        let packet = next.packet();
        let header = packet.len() - 26;
        for bit in header * 8..packet.len() * 8 {
            let mut damaged = packet.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(give(&mut host, now, &damaged), [], "bit {bit}");
        }
        let counters = host.stack.counters();
        assert_eq!(counters.in_errs, 26 * 8);
        let answers = give(&mut host, now, &packet);
        assert_eq!(answers[0].ack, 107, "the connection is as it was");
    }
}

/// An MSS between no-operations and before the end of the list is kept to (§3.2).
#[test]
fn must_4_end_of_list_and_no_operation_and_mss_are_understood() {
    let reads = "
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +0 write(4, ..., 701) = 701
        +0 > . 101:801(700) ack 1
    ";
    for options in ["nop,nop,mss 700,nop,nop,eol", "mss 700,eol", "nop,mss 700"] {
        script(&format!(
            "{LISTENING} +0 < S 0:0(0) win 65535 <{options}> {ANSWERED} {reads}"
        ));
    }
}

/// What stands behind the end of the list is not read (§3.2).
#[test]
fn must_4_nothing_is_read_behind_the_end_of_the_list() {
    for (ours, peers) in ends() {
        let mut host = listening(ours);
        let mut first = Raw::new(peers, ours, SYN, 100);
        // MSS 700; end of list; SACK permitted, and an illegal length.
        first.options = vec![2, 4, 2, 188, 0, 4, 2, 3, 1, 0, 0, 0];
        let answers = give(&mut host, Instant::ZERO, &first.packet());
        assert!(!kinds(&answers[0].options).contains(&4), "{answers:?}");
        assert_eq!(host.stack.counters().bad_options, 0);
    }
}

/// Options in a segment that carries data are read, and those in an acknowledgement as well (§3.2).
#[test]
fn must_5_options_are_accepted_in_any_segment() {
    script(
        "
        `sysctl -q net.ipv4.tcp_timestamps=0`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 1) = 0
        +0 < S 0:0(0) win 65535 <mss 1000,sackOK>
        +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
        +.1 < . 1:1(0) ack 1 win 65535 <nop,nop,unknown 253 0011>
        +0 accept(3, ..., ...) = 4
        +0 < P. 1:101(100) ack 1 win 65535 <nop,unknown 254 00,nop,nop>
        +0 > . 1:1(0) ack 101
        +0 write(4, ..., 4000) = 4000
        +0 > P. 1:2001(2000) ack 101
        +0 > P. 2001:4001(2000) ack 101
        +.1 < . 101:101(0) ack 1 win 65535 <nop,nop,sack 1001:4001>
        +0 > . 1:1001(1000) ack 101
        +.1 < F. 101:101(0) ack 4001 win 65535 <unknown 253 001122334455>
        +0 > . 4001:4001(0) ack 102
        ",
    );
}

/// The MSS behind an unknown option is found (§3.2).
#[test]
fn must_6_unknown_options_are_skipped() {
    let reads = "
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +0 write(4, ..., 701) = 701
        +0 > . 101:801(700) ack 1
    ";
    for unknown in [
        "unknown 253 0123",
        "unknown 69 0123456789abcdef",
        "unknown 254",
    ] {
        let first = format!("+0 < S 0:0(0) win 65535 <{unknown},mss 700>");
        script(&format!("{LISTENING} {first} {ANSWERED} {reads}"));
    }
}

/// No length of any option makes the stack stumble: the segment counts, the connection goes on (§3.2).
#[test]
fn must_7_illegal_lengths_are_survived() {
    for (ours, peers) in ends() {
        for kind in [2, 3, 4, 5, 8, 19, 30, 34, 253, 255] {
            for len in [
                0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 17, 18, 19, 40, 41, 255,
            ] {
                let mut host = listening(ours);
                let mut first = Raw::new(peers, ours, SYN, 100);
                first.options = vec![kind, len, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
                let next = shake_hands(&mut host, Instant::ZERO, &first);
                let data = Raw {
                    options: vec![1, 1, kind, len],
                    payload: vec![7; 10],
                    ..next
                };
                let answers = give(&mut host, Instant::ZERO, &data.packet());
                assert_eq!(answers.len(), 1, "kind {kind}, length {len}");
                assert_eq!(answers[0].ack, 111, "kind {kind}, length {len}");
                let illegal = !(2..=10).contains(&len);
                assert!(!illegal || host.stack.counters().bad_options > 0);
            }
        }
    }
}

/// The options that we send, walked as a stranger would, each have their length, and all are known (§3.2).
#[test]
fn must_68_every_option_that_is_sent_has_a_length() {
    for sent in conversations() {
        let all: BTreeSet<u8> = sent.iter().flat_map(|raw| kinds(&raw.options)).collect();
        assert_eq!(all, BTreeSet::from([1, 2, 3, 4, 5, 8]));
    }
}

/// Behind the last option there is nothing but zeros or no-operations, to a whole word (§3.1).
#[test]
fn must_69_the_padding_is_zeros() {
    for sent in conversations() {
        for raw in sent {
            let options = &raw.options;
            assert!(options.len().is_multiple_of(4));
            let end = end_of_options(options);
            assert!(options[end..].iter().all(|byte| *byte == 0), "{options:?}");
        }
    }
}

/// Options are found wherever they begin (§3.1).
#[test]
fn must_64_options_are_read_at_any_alignment() {
    let reads = "
        +.1 < . 1:1(0) ack 1 win 65535
        +0 accept(3, ..., ...) = 4
        +0 write(4, ..., 100) = 100
        +0 > P. 1:101(100) ack 1
        +0 write(4, ..., 701) = 701
        +0 > . 101:801(700) ack 1
    ";
    for padding in ["", "nop,", "nop,nop,", "nop,nop,nop,"] {
        let first = format!("+0 < S 0:0(0) win 65535 <{padding}mss 700>");
        script(&format!("{LISTENING} {first} {ANSWERED} {reads}"));
    }
}

const LISTENING: &str = "
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0 bind(3, ..., ...) = 0
    +0 listen(3, 1) = 0
";

const ANSWERED: &str = "
    +0 > S. 0:0(0) ack 1 <mss 1460>
";

/// All that our end says, over IPv4 and over IPv6, of a connection with data, holes, retransmissions and
/// an end, to a peer that has all options.
fn conversations() -> Vec<Vec<Raw>> {
    let talk = |(ours, peers)| {
        let mut host = listening(ours);
        let mut now = Instant::ZERO;
        let mut first = Raw::new(peers, ours, SYN, 100);
        first.options = vec![
            2, 4, 2, 188, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
        ];
        let mut sent = give(&mut host, now, &first.packet());
        let stamp = |value: u8| vec![1, 1, 8, 10, 0, 0, 0, value, 0, 0, 0, 0];
        let next = Raw {
            ack: sent[0].seq.wrapping_add(1),
            options: stamp(2),
            ..Raw::new(peers, ours, ACK, 101)
        };
        sent.extend(give(&mut host, now, &next.packet()));
        for hole in [300, 500, 700] {
            let data = Raw {
                seq: hole,
                payload: vec![1; 9],
                ..next.clone()
            };
            sent.extend(give(&mut host, now, &data.packet()));
        }
        let id = accept(&mut host);
        let mut connection = host.stack.connection(now, id).expect("it is there");
        assert_eq!(connection.write(&[5; 2_001]), Ok(2_001));
        connection.close();
        sent.extend(drain(&mut host, now));
        for _ in 0..4 {
            now = host.stack.poll_timeout().expect("it is not acknowledged");
            host.stack.handle_timeout(now);
            sent.extend(drain(&mut host, now));
        }
        now += Duration::from_millis(1);
        let last = Raw {
            flags: FIN | ACK,
            options: stamp(3),
            ..next
        };
        sent.extend(give(&mut host, now, &last.packet()));
        sent
    };
    ends().map(talk).into()
}

/// The kinds of all options, no-operations included.
///
/// # Panics
///
/// Where a length is missing or wrong.
fn kinds(options: &[u8]) -> Vec<u8> {
    walk(options).0
}

fn end_of_options(options: &[u8]) -> usize {
    walk(options).1
}

/// The kinds, and where the list ends.
fn walk(options: &[u8]) -> (Vec<u8>, usize) {
    let (mut kinds, mut at) = (Vec::new(), 0);
    while at < options.len() && options[at] != 0 {
        let kind = options[at];
        kinds.push(kind);
        if kind == 1 {
            at += 1;
            continue;
        }
        let len = usize::from(options[at + 1]);
        let right = match kind {
            2 => len == 4,
            3 => len == 3,
            4 => len == 2,
            5 => len % 8 == 2 && len > 2,
            8 => len == 10,
            _ => false,
        };
        assert!(right, "option {kind} has {len} bytes");
        at += len;
    }
    (kinds, at)
}
