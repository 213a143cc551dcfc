//! RFC 7413: TCP Fast Open.

use tcp_core::{FastOpenConfig, Instant, ListenConfig, ListenFastOpen, StackConfig};
use tcp_sim::world::Host;

use crate::hosts::at;
use crate::raw::{Raw, SYN, give};
use crate::rig::script;

/// A server that takes data in SYNs: four at most without a complete handshake.
const SERVER: &str = "
    `sysctl -q net.ipv4.tcp_fastopen=3
    sysctl -q net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4
    sysctl -q net.ipv4.tcp_timestamps=0`
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0 bind(3, ..., ...) = 0
    +0 setsockopt(3, SOL_TCP, TCP_FASTOPEN, [4], 4) = 0
    +0 listen(3, 8) = 0
    +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
";

/// A client whose first connection to a server asks for a cookie.
const ASKS: &str = "
    `sysctl -q net.ipv4.tcp_fastopen=1
    sysctl -q net.ipv4.tcp_timestamps=0`
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 sendto(3, ..., 70, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS (Operation now in progress)
    +0 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO,nop,nop>
";

/// And has been given one.
const KNOWS: &str = "
    +.03 < S. 0:0(0) ack 1 win 16000 <mss 1240,nop,nop,sackOK,FO 0badcafe5eed>
    +0 > . 1:1(0) ack 1
    +0 close(3) = 0
    +0 > F. 1:1(0) ack 1
    +.03 < F. 1:1(0) ack 2 win 16000
    +0 > . 2:2(0) ack 2
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
    +0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
";

#[track_caller]
fn server(text: &str) {
    script(&[SERVER, text].concat());
}

#[track_caller]
fn client(text: &str) {
    script(&[ASKS, KNOWS, text].concat());
}

/// A listener whose user has not asked for it gives no cookie, and a `connect` no data, whatever the host allows (§2.1).
#[test]
fn must_1_it_is_off_unless_the_application_wants_it() {
    script(
        "
        `sysctl -q net.ipv4.tcp_fastopen=3
        sysctl -q net.ipv4.tcp_timestamps=0`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0 bind(3, ..., ...) = 0
        +0 listen(3, 8) = 0
        +0 < S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO,nop,nop>
        +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
        +.1 < . 1:1(0) ack 1 win 20000
        +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
        +0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
        +0 connect(4, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        ",
    );
}

/// A cookie of two bytes, of three, of five or of eighteen is as none: no cookie is given; and one in an acknowledgement
/// changes nothing (§4.1.1).
#[test]
fn must_2_what_is_no_option_is_ignored() {
    for cookie in [
        "0011",
        "001122",
        "0011223344",
        "00112233445566778899aabbccddeeff0011",
    ] {
        let length = cookie.len() / 2 + 2;
        let padding = ["", ",nop,nop,nop", ",nop,nop", ",nop"][length % 4];
        server(&format!(
            "
            +0 < S 0:64(64) win 20000 <mss 1300,FO {cookie}{padding}>
            +0 > S. 0:0(0) ack 1 <mss 1460>
            "
        ));
    }
    server(
        "
        +0 < S 0:0(0) win 20000 <mss 1300>
        +0 > S. 0:0(0) ack 1 <mss 1460>
        +.1 < . 1:1(0) ack 1 win 20000 <FO,nop,nop>
        +0 accept(3, ..., ...) = 4
        +0 < P. 1:65(64) ack 1 win 20000 <FO TFO_COOKIE,nop,nop>
        +0 > . 1:1(0) ack 65
        ",
    );
}

/// A cookie is good for the address that it was given to, from whatever port, and for one key; any other bit is worth
/// nothing (§4.1.2).
#[test]
fn must_3_a_cookie_proves_an_address() {
    server(
        "
        +0 < 5001>8080 S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 > 8080>5001 S. 0:0(0) ack 65 <mss 1460,nop,nop,sackOK>
        +0 < 5002>8080 S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 > 8080>5002 S. 0:0(0) ack 65 <mss 1460,nop,nop,sackOK>
        +0 < 5003>8080 S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE_ZERO,nop,nop>
        +0 > 8080>5003 S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        ",
    );
}

/// Two addresses are given two cookies, and that of the other is refused (§4.1.2).
#[test]
fn must_3_another_address_has_another_cookie() {
    let mut cookies = Vec::new();
    for client in ["10.0.0.2:4000", "10.0.0.3:4000"] {
        let mut host = taking_data();
        let answer = syn_with(&mut host, client, &[], &[]);
        cookies.push(cookie_of(&answer).expect("one is given"));
    }
    assert_ne!(cookies[0], cookies[1]);
    for (client, taken) in [("10.0.0.2:4001", true), ("10.0.0.3:4001", false)] {
        let mut host = taking_data();
        let answer = syn_with(&mut host, client, &cookies[0], b"data");
        assert_eq!(answer.ack, if taken { 105 } else { 101 });
    }
}

/// With a new key, and the old one kept for a while, old cookies are taken, and new ones given with the answer; once it is
/// dropped they are not (§4.1.2).
#[test]
fn may_1_cookies_expire_with_their_key() {
    let zeros = r"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let old = r"\xa1\xa1\xa1\xa1\xb2\xb2\xb2\xb2\xc3\xc3\xc3\xc3\xd4\xd4\xd4\xd4";
    server(&format!(
        "
        +0 setsockopt(3, SOL_TCP, TCP_FASTOPEN_KEY, \"{zeros}{old}\", 32) = 0
        +0 < 5001>8080 S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 > 8080>5001 S. 0:0(0) ack 65 <mss 1460,nop,nop,sackOK,FO TFO_COOKIE_ZERO,nop,nop>
        +0 setsockopt(3, SOL_TCP, TCP_FASTOPEN_KEY, \"{zeros}\", 16) = 0
        +0 < 5002>8080 S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 > 8080>5002 S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,FO TFO_COOKIE_ZERO,nop,nop>
        "
    ));
}

/// The second connection has the cookie that the first was given, and the third the one that the second was (§4.1.3).
#[test]
fn must_4_a_client_uses_the_latest_cookie() {
    client(
        "
        +0 sendto(4, ..., 500, MSG_FASTOPEN, ..., ...) = 500
        +0 > S 0:500(500) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO 0badcafe5eed>
        +.03 < S. 0:0(0) ack 501 win 16000 <mss 1240,nop,nop,sackOK,FO 5eed5eed,nop,nop>
        +0 > . 501:501(0) ack 1
        +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
        +0 fcntl(5, F_SETFL, O_RDWR|O_NONBLOCK) = 0
        +0 sendto(5, ..., 500, MSG_FASTOPEN, ..., ...) = 500
        +0 > S 0:500(500) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO 5eed5eed,nop,nop>
        ",
    );
}

/// A server that takes segments of 1,240 bytes gets 1,200 with the SYN, whose options have 40 (§4.1.3).
#[test]
fn shld_1_the_servers_mss_bounds_the_data() {
    client(
        "
        +0 sendto(4, ..., 5000, MSG_FASTOPEN, ..., ...) = 1200
        +0 > S 0:1200(1200) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO 0badcafe5eed>
        ",
    );
}

/// After three timeouts no SYN has the option for a minute, whichever server it is for (§4.1.3.1; Linux).
#[test]
fn must_5_a_network_that_swallows_is_remembered() {
    let remembers = ASKS.replace(
        "tcp_timestamps=0",
        "tcp_timestamps=0\n    sysctl -q net.ipv4.tcp_fastopen_blackhole_timeout_sec=60",
    );
    script(
        &[
            &remembers,
            KNOWS,
            "
        +0 sendto(4, ..., 500, MSG_FASTOPEN, ..., ...) = 500
        +0 > S 0:500(500) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO 0badcafe5eed>
        +1 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +1 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +1 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +0 close(4) = 0
        +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
        +0 fcntl(5, F_SETFL, O_RDWR|O_NONBLOCK) = 0
        +0 sendto(5, ..., 500, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +0 close(5) = 0
        +61 socket(..., SOCK_STREAM, IPPROTO_TCP) = 6
        +0 fcntl(6, F_SETFL, O_RDWR|O_NONBLOCK) = 0
        +0 sendto(6, ..., 500, MSG_FASTOPEN, ..., ...) = 500
        +0 > S 0:500(500) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO 0badcafe5eed>
        ",
        ]
        .concat(),
    );
}

/// Its SYN asks, and the data goes after the handshake (§4.2.1).
#[test]
fn must_6_who_has_no_cookie_asks_for_one() {
    script(
        &[
            ASKS,
            "
        +.03 < S. 0:0(0) ack 1 win 16000 <mss 1240,nop,nop,sackOK,FO 0badcafe5eed>
        +0 > . 1:1(0) ack 1
        +0 write(3, ..., 70) = 70
        +0 > P. 1:71(70) ack 1
        ",
        ]
        .concat(),
    );
}

/// It is not read, until it comes again after the handshake (§4.2.2).
#[test]
fn must_7_data_with_a_wrong_cookie_is_dropped() {
    server(
        "
        +0 < S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO 0011223344556677,nop,nop>
        +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 accept(3, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)
        +.05 < . 1:1(0) ack 1 win 20000
        +0 accept(3, ..., ...) = 4
        +0 ioctl(4, SIOCINQ, [0]) = 0
        +0 < P. 1:65(64) ack 1 win 20000
        +0 > . 1:1(0) ack 65
        +0 read(4, ..., 100) = 64
        ",
    );
}

/// The SYN-ACK acknowledges it, and it is read before anything else arrives (§4.2.2).
#[test]
fn must_8_data_with_a_valid_cookie_is_read_at_once() {
    server(
        "
        +0 < S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 > S. 0:0(0) ack 65 <mss 1460,nop,nop,sackOK>
        +0 accept(3, ..., ...) = 4
        +0 read(4, ..., 100) = 64
        ",
    );
}

/// The answer goes half a round trip after the question, and the client acknowledges both at once (§4.2.2).
#[test]
fn may_2_the_server_answers_before_the_handshake_is_complete() {
    server(
        "
        +0 < S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 > S. 0:0(0) ack 65 <mss 1460,nop,nop,sackOK>
        +0 accept(3, ..., ...) = 4
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1:1001(1000) ack 65
        +.05 < . 65:65(0) ack 1001 win 20000
        +0 write(4, ..., 1000) = 1000
        +0 > P. 1001:2001(1000) ack 65
        ",
    );
}

/// Of 500 bytes the SYN-ACK acknowledges none, or 300, and the rest goes with the handshake's end (§4.2.2).
#[test]
fn must_9_what_was_not_acknowledged_is_sent_again() {
    for (acked, left) in [(1, 500), (301, 200)] {
        client(&format!(
            "
            +0 sendto(4, ..., 500, MSG_FASTOPEN, ..., ...) = 500
            +0 > S 0:500(500) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO 0badcafe5eed>
            +.03 < S. 0:0(0) ack {acked} win 16000 <mss 1240,nop,nop,sackOK>
            +0 > P. {acked}:501({left}) ack 1
            "
        ));
    }
}

/// It has neither data nor the option, and the data follows the handshake (§4.1.3, §4.2.2).
#[test]
fn must_10_a_syn_is_repeated_without_data() {
    client(
        "
        +0 sendto(4, ..., 500, MSG_FASTOPEN, ..., ...) = 500
        +0 > S 0:500(500) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO 0badcafe5eed>
        +1 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7>
        +.03 < S. 0:0(0) ack 1 win 16000 <mss 1240,nop,nop,sackOK>
        +0 > P. 1:501(500) ack 1
        ",
    );
}

/// Of a bound of one the second SYN is answered as one without data, until the first handshake is complete (§5.1).
#[test]
fn shld_2_what_is_pending_is_bounded() {
    server(
        "
        +0 setsockopt(3, SOL_TCP, TCP_FASTOPEN, [1], 4) = 0
        +0 < 5001>8080 S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 > 8080>5001 S. 0:0(0) ack 65 <mss 1460,nop,nop,sackOK>
        +0 < 5002>8080 S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 > 8080>5002 S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
        +.05 < 5001>8080 . 65:65(0) ack 1 win 20000
        +0 < 5003>8080 S 0:64(64) win 20000 <mss 1300,nop,nop,sackOK,FO TFO_COOKIE,nop,nop>
        +0 > 8080>5003 S. 0:0(0) ack 65 <mss 1460,nop,nop,sackOK>
        ",
    );
}

/// A host whose port 80 takes data in SYNs.
fn taking_data() -> Host {
    let ours = at("10.0.0.1", 80);
    let config = StackConfig {
        addresses: vec![ours.ip()],
        fast_open: FastOpenConfig {
            server: true,
            ..FastOpenConfig::default()
        },
        ..StackConfig::default()
    };
    let mut host = Host::with_config(config, [7; 32]);
    let listen = ListenConfig {
        fast_open: ListenFastOpen {
            queue: 4,
            ..ListenFastOpen::default()
        },
        ..ListenConfig::default()
    };
    host.stack
        .listen(ours, listen)
        .expect("nobody else listens");
    host
}

/// A SYN with this cookie, or one that asks for one, and with data; gives the SYN-ACK.
fn syn_with(host: &mut Host, client: &str, cookie: &[u8], data: &[u8]) -> Raw {
    let client = client.parse().expect("an address");
    let mut segment = Raw::new(client, at("10.0.0.1", 80), SYN, 100);
    segment.options = vec![34, cookie.len() as u8 + 2];
    segment.options.extend(cookie);
    while !segment.options.len().is_multiple_of(4) {
        segment.options.push(1);
    }
    segment.payload = data.to_vec();
    let answers = give(host, Instant::ZERO, &segment.packet());
    answers.into_iter().next().expect("it is answered")
}

/// The cookie that a SYN-ACK gives.
fn cookie_of(answer: &Raw) -> Option<Vec<u8>> {
    let at = answer
        .options
        .windows(2)
        .position(|pair| pair == [34, 10])?;
    answer.options.get(at + 2..at + 10).map(<[u8]>::to_vec)
}
