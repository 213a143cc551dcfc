//! TCP Fast Open (RFC 7413): data in the SYN, from both sides.

mod lessons;

use super::*;
use crate::config::{FastOpenConfig, ListenFastOpen};
use crate::connection::{FastOpenFail, State};
use crate::error::{ConnectionError, ReadError};
use crate::stack::CookieNeed;
use crate::wire::{Cookie, FastOpenForm, FastOpenOption};

fn both(address: IpAddr) -> StackConfig {
    StackConfig {
        fast_open: FastOpenConfig {
            server: true,
            blackhole_timeout: Duration::from_secs(10),
            ..FastOpenConfig::default()
        },
        ..config(address)
    }
}

fn pair() -> Pair {
    Pair::with(both(client_ip()), both(server_ip()))
}

fn listening(queue: usize) -> ListenConfig {
    ListenConfig {
        fast_open: ListenFastOpen {
            queue,
            ..ListenFastOpen::default()
        },
        ..ListenConfig::default()
    }
}

impl Pair {
    /// An open with this data; what the client sends at first.
    fn open_fast(&mut self, data: &[u8]) -> (ConnectionId, Vec<Vec<u8>>) {
        let config = ValidConfig::default();
        let (now, stack) = (self.now, &mut self.client.stack);
        let id = stack
            .connect_fast(now, None, server_addr(), config, CookieNeed::Needed)
            .unwrap();
        self.client.write(now, id, data);
        (id, self.client_to_server())
    }

    fn deliver(&mut self, packets: &[Vec<u8>]) {
        for packet in packets {
            self.server.handle(self.now, packet);
        }
    }

    /// The client learns the server's cookie.
    fn learn_cookie(&mut self, listener: ListenerId) {
        let (id, packets) = self.open_fast(b"first");
        assert!(parse(&packets[0]).segment.payload.is_empty());
        self.deliver(&packets);
        self.run();
        let served = self.server.stack.accept(listener).unwrap();
        assert_eq!(self.server.read_all(self.now, served), b"first");
        self.client.close(self.now, id);
        self.server.close(self.now, served);
        self.run();
    }

    fn info(&mut self, id: ConnectionId) -> crate::TcpInfo {
        self.client.stack.connection(self.now, id).unwrap().info()
    }

    fn assert_at_server(&mut self, listener: ListenerId, data: &[u8]) -> ConnectionId {
        let id = self.server.stack.accept(listener).unwrap();
        let read = self.server.read_all(self.now, id);
        assert!(read == data, "{} bytes of {}", read.len(), data.len());
        id
    }
}

#[test]
fn a_cookie_is_asked_for_once_and_data_goes_with_the_next_syn() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    assert_eq!(pair.server.stack.counters().fast_open_cookie_reqd, 1);
    let (id, packets) = pair.open_fast(b"hello");
    assert_eq!(packets.len(), 1, "the SYN");
    let segment = parse(&packets[0]).segment;
    assert_eq!(segment.payload.len(), 5);
    let option = segment.header.options.fast_open.unwrap();
    assert_eq!(option.cookie.as_bytes().len(), 8);
    pair.deliver(&packets);
    let served = pair.assert_at_server(listener, b"hello");
    pair.server.write(pair.now, served, b"world");
    let answer = pair.server_to_client();
    assert_eq!(
        answer.len(),
        2,
        "SYN-ACK and data, before the handshake is complete"
    );
    for packet in &answer {
        pair.client.handle(pair.now, packet);
    }
    assert_eq!(pair.client.read_all(pair.now, id), b"world");
    pair.run();
    let info = pair.info(id);
    assert!(info.syn_data);
    assert_eq!(info.tcpi_state, State::Established);
    let state = pair
        .server
        .stack
        .connection(pair.now, served)
        .unwrap()
        .state();
    assert_eq!(state, State::Established);
    let counters = pair.client.stack.counters();
    assert_eq!(
        (counters.fast_open_active, counters.fast_open_active_fail),
        (1, 0)
    );
    assert_eq!(pair.server.stack.counters().fast_open_passive, 1);
    assert_eq!(pair.server.stack.counters().retrans_segs, 0);
}

#[test]
fn of_data_beyond_the_syn_the_rest_follows_the_handshake() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    let data: Vec<u8> = (0..10_000u32).map(|at| at as u8).collect();
    let (id, packets) = pair.open_fast(&data);
    let in_syn = parse(&packets[0]).segment.payload.len();
    assert_eq!(in_syn, 1_460 - 40, "room is left for options");
    pair.deliver(&packets);
    pair.run();
    let served = pair.assert_at_server(listener, &data);
    assert!(pair.info(id).syn_data);
    pair.client.close(pair.now, id);
    pair.server.close(pair.now, served);
    pair.sleep(Duration::from_secs(120));
    assert!(pair.client.stack.is_idle() && pair.server.stack.is_idle());
}

#[test]
fn a_lost_syn_is_sent_again_without_data_and_option() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    let (id, _lost) = pair.open_fast(b"hello");
    pair.now += Duration::from_secs(1);
    pair.client.stack.handle_timeout(pair.now);
    let again = pair.client_to_server();
    let segment = parse(&again[0]).segment;
    assert!(segment.payload.is_empty());
    assert_eq!(segment.header.options.fast_open, None);
    pair.deliver(&again);
    pair.run();
    pair.assert_at_server(listener, b"hello");
    let info = pair.info(id);
    assert!(!info.syn_data);
    assert_eq!(
        info.tcpi_fastopen_client_fail,
        FastOpenFail::SynRetransmitted
    );
    assert_eq!(pair.client.stack.counters().fast_open_active_fail, 1);
}

#[test]
fn a_lost_syn_ack_is_sent_again_and_acknowledges_the_data() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    let (id, packets) = pair.open_fast(b"hello");
    pair.deliver(&packets);
    let first = pair.server_to_client();
    let served = pair.assert_at_server(listener, b"hello");
    pair.now += Duration::from_secs(1);
    pair.server.stack.handle_timeout(pair.now);
    let again = pair.server_to_client();
    let acks = [&first[0], &again[0]].map(|packet| parse(packet).segment.header.ack);
    assert_eq!(acks[0], acks[1]);
    pair.client.handle(pair.now, &again[0]);
    pair.run();
    assert!(pair.info(id).syn_data);
    let state = pair
        .server
        .stack
        .connection(pair.now, served)
        .unwrap()
        .state();
    assert_eq!(state, State::Established);
}

#[test]
fn a_wrong_cookie_gets_the_right_one_and_the_data_goes_again() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    let keys = crate::FastOpenKeys {
        primary: [9; 16],
        backup: None,
    };
    let changed = FastOpenConfig {
        keys: Some(keys),
        ..both(server_ip()).fast_open
    };
    pair.server.stack.set_fast_open(changed);
    let (id, packets) = pair.open_fast(b"hello");
    assert_eq!(parse(&packets[0]).segment.payload.len(), 5);
    pair.deliver(&packets);
    assert!(pair.server.stack.accept(listener).is_err());
    pair.run();
    pair.assert_at_server(listener, b"hello");
    let fail = pair.info(id).tcpi_fastopen_client_fail;
    assert_eq!(fail, FastOpenFail::DataNotAcknowledged);
    assert_eq!(pair.server.stack.counters().fast_open_passive_fail, 1);
    let (id, packets) = pair.open_fast(b"again");
    pair.deliver(&packets);
    pair.assert_at_server(listener, b"again");
    pair.run();
    assert!(pair.info(id).syn_data, "the SYN-ACK brought the new cookie");
}

#[test]
fn a_cookie_of_the_backup_key_is_believed_and_renewed() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    let old = pair.server.stack.fast_open_keys();
    let keys = crate::FastOpenKeys {
        primary: [9; 16],
        backup: Some(old.primary),
    };
    let changed = FastOpenConfig {
        keys: Some(keys),
        ..both(server_ip()).fast_open
    };
    pair.server.stack.set_fast_open(changed);
    for expected in [1, 1] {
        let (_, packets) = pair.open_fast(b"hello");
        pair.deliver(&packets);
        pair.assert_at_server(listener, b"hello");
        pair.run();
        let counters = pair.server.stack.counters();
        assert_eq!(counters.fast_open_passive_alt_key, expected);
    }
}

#[test]
fn the_queue_bounds_fast_opens_and_resets_go_on_counting() {
    let mut pair = pair();
    let listener = pair.listen(listening(1));
    pair.learn_cookie(listener);
    let (first, packets) = pair.open_fast(b"1");
    pair.deliver(&packets);
    let syn_ack = pair.server_to_client();
    let served = pair.assert_at_server(listener, b"1");
    let (_, packets) = pair.open_fast(b"2");
    pair.deliver(&packets);
    assert_eq!(pair.server.stack.counters().fast_open_listen_overflow, 1);
    assert!(pair.server.stack.accept(listener).is_err());
    // The peer resets the first before its handshake is complete.
    let (local, remote) = (pair.client_addr(first), server_addr());
    let ack = parse(&syn_ack[0]).segment.header.ack.unwrap();
    let rst = header(Control::Rst, ack.get(), None);
    pair.server.inject(pair.now, local, remote, rst);
    let connection = pair.server.stack.connection(pair.now, served).unwrap();
    assert_eq!(connection.state(), State::Closed);
    drop(connection);
    let (_, packets) = pair.open_fast(b"3");
    pair.deliver(&packets);
    assert_eq!(pair.server.stack.counters().fast_open_listen_overflow, 2);
    pair.now += Duration::from_secs(60);
    let (_, packets) = pair.open_fast(b"4");
    pair.deliver(&packets);
    assert_eq!(pair.server.stack.counters().fast_open_passive, 2);
}

#[test]
fn a_reset_before_accept_is_told_after_the_data() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    let (id, packets) = pair.open_fast(b"hello");
    pair.deliver(&packets);
    let ack = parse(&pair.server_to_client()[0])
        .segment
        .header
        .ack
        .unwrap();
    let local = pair.client_addr(id);
    let rst = header(Control::Rst, ack.get(), None);
    pair.server.inject(pair.now, local, server_addr(), rst);
    let served = pair.server.stack.accept(listener).unwrap();
    let mut buf = [0; 9];
    let mut connection = pair.server.stack.connection(pair.now, served).unwrap();
    assert_eq!(connection.read(&mut buf), Ok(5));
    let reset = ReadError::Connection(ConnectionError::Reset);
    assert_eq!(connection.read(&mut buf), Err(reset));
}

#[test]
fn the_server_may_close_before_the_handshake_is_complete() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    let (id, packets) = pair.open_fast(b"hello");
    pair.deliver(&packets);
    let served = pair.assert_at_server(listener, b"hello");
    pair.server.write(pair.now, served, b"bye");
    pair.server.close(pair.now, served);
    pair.run();
    assert_eq!(pair.client.read_all(pair.now, id), b"bye");
    pair.client.close(pair.now, id);
    pair.sleep(Duration::from_secs(120));
    assert!(pair.client.stack.is_idle() && pair.server.stack.is_idle());
    assert_eq!(pair.server.stack.counters().out_rsts, 0);
}

#[test]
fn a_closed_listener_resets_who_waits() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    pair.sleep(Duration::from_secs(120));
    let (_, packets) = pair.open_fast(b"hello");
    pair.deliver(&packets);
    pair.server.stack.close_listener(pair.now, listener);
    let sent = pair.server_to_client();
    let header = parse(&sent[0]).segment.header;
    assert_eq!(header.control, Control::Rst);
    assert!(pair.server.stack.is_idle());
}

#[test]
fn without_the_need_of_a_cookie_there_is_no_option() {
    let mut pair = pair();
    let mut listen = listening(5);
    listen.fast_open.without_cookie = true;
    let listener = pair.listen(listen);
    let config = ValidConfig::default();
    let (now, stack) = (pair.now, &mut pair.client.stack);
    let id = stack
        .connect_fast(now, None, server_addr(), config, CookieNeed::NotNeeded)
        .unwrap();
    assert_eq!(stack.connection(now, id).unwrap().syn_room(), 1_420);
    pair.client.write(now, id, b"hello");
    let packets = pair.client_to_server();
    assert_eq!(parse(&packets[0]).segment.header.options.fast_open, None);
    pair.deliver(&packets);
    pair.assert_at_server(listener, b"hello");
    pair.run();
    assert!(pair.info(id).syn_data);
}

#[test]
fn a_server_without_fast_open_is_asked_in_both_forms() {
    let mut pair = Pair::with(both(client_ip()), config(server_ip()));
    let listener = pair.listen(listening(5));
    let mut forms = Vec::new();
    for _ in 0..3 {
        let (id, packets) = pair.open_fast(b"hello");
        let option = parse(&packets[0]).segment.header.options.fast_open.unwrap();
        assert_eq!(option.cookie, Cookie::REQUEST);
        forms.push(option.form);
        let fail = pair.info(id).tcpi_fastopen_client_fail;
        assert_eq!(fail, FastOpenFail::CookieUnavailable);
        pair.deliver(&packets);
        pair.run();
        pair.assert_at_server(listener, b"hello");
    }
    use FastOpenForm::{Assigned, Experimental};
    assert_eq!(forms, [Assigned, Experimental, Assigned]);
}

#[test]
fn a_network_that_swallows_ends_fast_open_for_a_while() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    let (_, _lost) = pair.open_fast(b"hello");
    for seconds in [1, 2, 4] {
        assert_eq!(pair.client.stack.counters().fast_open_blackhole, 0);
        pair.now += Duration::from_secs(seconds);
        pair.client.stack.handle_timeout(pair.now);
        let _lost = pair.client_to_server();
    }
    assert_eq!(pair.client.stack.counters().fast_open_blackhole, 1);
    let option_of = |pair: &mut Pair| {
        let (_, packets) = pair.open_fast(b"hello");
        parse(&packets[0]).segment.header.options.fast_open
    };
    assert_eq!(option_of(&mut pair), None);
    pair.now += Duration::from_secs(10);
    assert!(option_of(&mut pair).is_some_and(|option| !option.cookie.is_request()));
}

#[test]
fn a_syn_that_waits_for_data_holds_no_timer_and_can_be_let_go() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    pair.sleep(Duration::from_secs(120));
    let config = ValidConfig::default();
    let (now, stack) = (pair.now, &mut pair.client.stack);
    let id = stack
        .connect_fast(now, None, server_addr(), config, CookieNeed::Needed)
        .unwrap();
    assert!(stack.connection(now, id).unwrap().is_syn_deferred());
    assert_eq!(stack.poll_timeout(), None);
    assert!(pair.client_to_server().is_empty());
    let mut connection = pair.client.stack.connection(now, id).unwrap();
    connection.release_syn();
    drop(connection);
    let packets = pair.client_to_server();
    let segment = parse(&packets[0]).segment;
    assert!(segment.payload.is_empty() && segment.header.options.fast_open.is_some());
    pair.deliver(&packets);
    let served = pair.assert_at_server(listener, b"");
    pair.server.write(now, served, b"early");
    pair.run();
    assert_eq!(pair.client.read_all(now, id), b"early");
}

#[test]
fn the_experimental_form_is_answered_in_it() {
    let mut pair = pair();
    pair.listen(listening(5));
    let mut asking = syn(7);
    asking.options.fast_open = Some(FastOpenOption {
        cookie: Cookie::REQUEST,
        form: FastOpenForm::Experimental,
    });
    let from = SocketAddr::new(client_ip(), 9_000);
    let answers = pair.server.answer(pair.now, from, server_addr(), asking);
    let given = answers[0].options.fast_open.unwrap();
    assert_eq!(given.form, FastOpenForm::Experimental);
    assert_eq!(given.cookie.as_bytes().len(), 8);
}
