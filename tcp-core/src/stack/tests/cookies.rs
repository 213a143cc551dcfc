//! Handshakes that nobody remembers.

use super::*;
use crate::config::{Admission, EcnMode, SynCookies, TcpConfig};
use crate::wire::Timestamps;

fn cookies(when: SynCookies) -> ListenConfig {
    ListenConfig {
        syn_backlog: 1,
        syn_cookies: when,
        ..ListenConfig::default()
    }
}

/// A SYN of somebody who never answers.
fn stranger(port: u16) -> SocketAddr {
    SocketAddr::new(client_ip(), port)
}

fn fill_queue(pair: &mut Pair) {
    let answers = pair
        .server
        .answer(pair.now, stranger(1), server_addr(), syn(7));
    assert_eq!(answers.len(), 1);
    assert_eq!(pair.server.sockets(), 1, "a record");
}

#[test]
fn a_full_queue_bakes_cookies_and_the_connection_is_as_any_other() {
    let mut pair = Pair::new();
    let listener = pair.listen(cookies(SynCookies::UnderPressure));
    fill_queue(&mut pair);
    let (client, server) = pair.establish(listener);
    pair.client.write(pair.now, client, b"question");
    pair.run();
    assert_eq!(pair.server.read_all(pair.now, server), b"question");
    let info = pair
        .server
        .stack
        .connection(pair.now, server)
        .unwrap()
        .info();
    let peer = pair
        .client
        .stack
        .connection(pair.now, client)
        .unwrap()
        .info();
    assert_eq!(info.tcpi_snd_mss, peer.tcpi_snd_mss);
    assert_eq!(info.tcpi_snd_wscale, peer.tcpi_rcv_wscale);
    assert_eq!(info.tcpi_rcv_wscale, peer.tcpi_snd_wscale);
    let counters = pair.server.stack.counters();
    assert_eq!(
        (
            counters.syncookies_sent,
            counters.syncookies_recv,
            counters.syncookies_failed
        ),
        (1, 1, 0)
    );
    assert_eq!(counters.req_q_full_do_cookies, 1);
    assert_eq!(counters.listen_drops, 0);
    assert_eq!(counters.passive_opens, 1);
}

#[test]
fn a_cookie_leaves_no_record() {
    let mut pair = Pair::new();
    pair.listen(cookies(SynCookies::Always));
    for port in 1..=1_000 {
        let answers = pair
            .server
            .answer(pair.now, stranger(port), server_addr(), syn(7));
        assert_eq!(answers.len(), 1);
    }
    assert_eq!(pair.server.sockets(), 0, "no record");
    assert_eq!(pair.server.stack.poll_timeout(), None);
}

#[test]
fn without_cookies_a_full_queue_drops() {
    let mut pair = Pair::new();
    pair.listen(cookies(SynCookies::Never));
    fill_queue(&mut pair);
    let answers = pair
        .server
        .answer(pair.now, stranger(2), server_addr(), syn(7));
    assert_eq!(answers, []);
    assert_eq!(pair.server.stack.counters().req_q_full_drop, 1);
}

#[test]
fn who_is_asked_about_each_syn_bakes_none() {
    let mut pair = Pair::new();
    pair.listen(ListenConfig {
        admission: Admission::Ask,
        ..cookies(SynCookies::Always)
    });
    let answers = pair
        .server
        .answer(pair.now, stranger(1), server_addr(), syn(7));
    assert_eq!(answers, []);
    assert_eq!(pair.server.stack.counters().syncookies_sent, 0);
}

/// What a peer's SYN may offer, and what the answer to it may be taken to mean.
#[test]
fn options_live_in_the_timestamp_and_nowhere_else() {
    for (timestamps, ece) in [(true, true), (true, false), (false, true)] {
        let mut pair = Pair::new();
        let config = TcpConfig {
            ecn: EcnMode::Accept,
            ..TcpConfig::default()
        };
        let listener = pair.listen(ListenConfig {
            tcp: config.validate().unwrap(),
            ..cookies(SynCookies::Always)
        });
        let mut first = syn(7);
        first.ece = ece;
        first.cwr = ece;
        first.options.mss = Some(1_300);
        first.options.sack_permitted = true;
        first.options.window_scale = Some(crate::wire::WindowScale::clamped(9));
        first.options.timestamps = timestamps.then_some(Timestamps { value: 55, echo: 0 });
        let [reply] = &pair
            .server
            .answer(pair.now, stranger(2), server_addr(), first)[..]
        else {
            panic!("a SYN-ACK")
        };
        assert_eq!(reply.options.sack_permitted, timestamps);
        assert_eq!(reply.options.window_scale.is_some(), timestamps);
        assert_eq!(reply.ece, timestamps && ece);
        let echo = reply.options.timestamps.map_or(0, |theirs| theirs.value);
        let mut last = header(Control::None, 8, Some(reply.seq.advanced_by(1).get()));
        last.options.timestamps = timestamps.then_some(Timestamps { value: 56, echo });
        pair.server
            .answer(pair.now, stranger(2), server_addr(), last);
        let id = pair.server.stack.accept(listener).unwrap();
        let info = pair.server.stack.connection(pair.now, id).unwrap().info();
        let expected = if timestamps { 1_220 - 12 } else { 1_220 };
        assert_eq!(info.tcpi_snd_mss, expected, "rounded down");
        let scale = timestamps.then_some(9);
        assert_eq!(info.tcpi_snd_wscale, scale);
        assert_eq!(info.ecn, timestamps && ece);
    }
}

#[test]
fn a_guess_is_refused_and_counted_while_cookies_are_out() {
    let mut pair = Pair::new();
    pair.listen(cookies(SynCookies::UnderPressure));
    let guess = header(Control::None, 8, Some(12_345));
    let ask = |pair: &mut Pair| {
        let answers = pair
            .server
            .answer(pair.now, stranger(9), server_addr(), guess);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].control, Control::Rst);
        pair.server.stack.counters().syncookies_failed
    };
    assert_eq!(ask(&mut pair), 0, "none was baked");
    fill_queue(&mut pair);
    pair.server
        .answer(pair.now, stranger(2), server_addr(), syn(7));
    assert_eq!(ask(&mut pair), 1);
    pair.now += Duration::from_secs(121);
    assert_eq!(ask(&mut pair), 1, "all are stale");
}

#[test]
fn a_cookie_that_is_too_old_is_refused() {
    let mut pair = Pair::new();
    let listener = pair.listen(cookies(SynCookies::Always));
    let [reply] = &pair
        .server
        .answer(pair.now, stranger(2), server_addr(), syn(7))[..]
    else {
        panic!("a SYN-ACK")
    };
    let last = header(Control::None, 8, Some(reply.seq.advanced_by(1).get()));
    pair.now += Duration::from_secs(119);
    let answers = pair
        .server
        .answer(pair.now, stranger(2), server_addr(), last);
    assert_eq!(answers[0].control, Control::Rst);
    assert!(pair.server.stack.accept(listener).is_err());
}

#[test]
fn a_cookie_finds_the_accept_queue_full() {
    let mut pair = Pair::new();
    pair.listen(ListenConfig {
        backlog: 0,
        ..cookies(SynCookies::Always)
    });
    let ids = [pair.start_connect(), pair.start_connect()];
    pair.run();
    assert_eq!(pair.server.stack.counters().syncookies_recv, 2);
    assert_eq!(pair.server.stack.counters().listen_overflows, 1);
    let established = ids.map(|id| pair.client.stack.connection(pair.now, id).is_some());
    assert_eq!(established, [true, true], "the client knows nothing of it");
}
