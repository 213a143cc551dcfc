//! What a client learns of servers, and of networks that swallow.

use super::*;

impl Pair {
    /// A fast open whose every segment is lost; what was counted of blackholes by then.
    fn swallow(&mut self) -> u64 {
        let (id, _lost) = self.open_fast(b"hello");
        for seconds in [1, 2, 4] {
            self.now += Duration::from_secs(seconds);
            self.client.stack.handle_timeout(self.now);
            let _lost = self.client_to_server();
        }
        self.client.close(self.now, id);
        self.client.stack.counters().fast_open_blackhole
    }

    /// Whether an open would be a fast one now.
    fn opens_fast(&mut self) -> bool {
        let (id, packets) = self.open_fast(b"hello");
        let option = parse(&packets[0]).segment.header.options.fast_open;
        self.client.close(self.now, id);
        option.is_some_and(|option| !option.cookie.is_request())
    }
}

/// Each blackhole in a row doubles the pause; a connection that was opened fast and brought text ends the row.
#[test]
fn only_text_from_the_server_proves_that_the_network_lets_fast_open_pass() {
    for brings_text in [false, true] {
        let mut pair = pair();
        let listener = pair.listen(listening(5));
        pair.learn_cookie(listener);
        assert_eq!(pair.swallow(), 1);
        pair.now += Duration::from_secs(10);
        let (id, packets) = pair.open_fast(b"hello");
        pair.deliver(&packets);
        pair.run();
        let served = pair.assert_at_server(listener, b"hello");
        if brings_text {
            pair.server.write(pair.now, served, b"world");
        }
        pair.run();
        pair.server.close(pair.now, served);
        pair.client.close(pair.now, id);
        pair.run();
        assert_eq!(pair.swallow(), 2);
        pair.now += Duration::from_secs(10);
        assert_eq!(pair.opens_fast(), brings_text);
        pair.now += Duration::from_secs(10);
        assert!(pair.opens_fast());
    }
}

/// Linux's `tcp_fastopen_active_disable_ofo_check`: a FIN whose text never came.
#[test]
fn a_fin_without_the_text_before_it_is_taken_for_a_blackhole() {
    for (text, fin, expected) in [(false, true, 1), (false, false, 0), (true, true, 0)] {
        let mut pair = pair();
        let listener = pair.listen(listening(5));
        pair.learn_cookie(listener);
        let (id, packets) = pair.open_fast(b"hello");
        pair.deliver(&packets);
        pair.run();
        let served = pair.assert_at_server(listener, b"hello");
        if text {
            pair.server.write(pair.now, served, b"one");
            pair.run();
        }
        pair.server.write(pair.now, served, b"two");
        let _lost = pair.server_to_client();
        let (now, server) = (pair.now, &mut pair.server.stack);
        let mut connection = server.connection(now, served).unwrap();
        connection.shutdown(crate::Shutdown::Write);
        drop(connection);
        for packet in pair.server_to_client().iter().filter(|_| fin) {
            pair.client.handle(pair.now, packet);
        }
        pair.server.stack.connection(now, served).unwrap().abort();
        pair.run();
        assert_eq!(pair.info(id).tcpi_state, State::Closed);
        let counted = pair.client.stack.counters().fast_open_blackhole;
        assert_eq!(counted, expected, "text {text}, FIN {fin}");
    }
}

/// The third timeout, or the last where there are fewer; and no other.
#[test]
fn a_connection_that_times_out_tells_of_a_blackhole_once() {
    for (syn_retries, expected) in [(1, 1), (2, 1), (6, 1)] {
        let mut pair = pair();
        let listener = pair.listen(listening(5));
        pair.learn_cookie(listener);
        let config = crate::TcpConfig {
            syn_retries,
            ..crate::TcpConfig::default()
        };
        let (now, stack) = (pair.now, &mut pair.client.stack);
        let config = config.validate().unwrap();
        let id = stack.connect_fast(now, None, server_addr(), config, CookieNeed::Needed);
        pair.client.write(now, id.unwrap(), b"hello");
        let mut timeouts = 0;
        let _lost = pair.client_to_server();
        while let Some(at) = pair.client.stack.poll_timeout() {
            pair.now = at;
            pair.client.stack.handle_timeout(at);
            timeouts += usize::from(pair.client_to_server().len() == 1);
        }
        assert_eq!(timeouts, usize::from(syn_retries));
        let counters = pair.client.stack.counters();
        assert_eq!(counters.fast_open_blackhole, expected, "{syn_retries}");
        assert_eq!(counters.fast_open_active_fail, expected, "{syn_retries}");
    }
}

#[test]
fn text_that_the_syn_brought_is_flushed_once_it_is_acknowledged() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    while pair.client.stack.poll_event().is_some() {}
    let (id, packets) = pair.open_fast(b"hello");
    pair.deliver(&packets);
    for packet in pair.server_to_client() {
        pair.client.handle(pair.now, &packet);
    }
    let events = core::iter::from_fn(|| pair.client.stack.poll_event());
    let flushed = crate::Event::Connection {
        id,
        event: crate::ConnectionEvent::Flushed,
    };
    assert!(events.into_iter().any(|event| event == flushed));
}

/// A cookie is kept until the server says otherwise to a SYN that asks; a SYN with data, or one that went twice,
/// tells nothing.
#[test]
fn who_leaves_the_data_of_a_syn_alone_has_refused_no_cookie() {
    let mut pair = pair();
    let listener = pair.listen(listening(5));
    pair.learn_cookie(listener);
    pair.server.stack.set_fast_open(FastOpenConfig::default());
    let (id, packets) = pair.open_fast(b"hello");
    pair.deliver(&packets);
    pair.run();
    assert_eq!(
        pair.info(id).tcpi_fastopen_client_fail,
        FastOpenFail::DataNotAcknowledged
    );
    assert!(pair.opens_fast());
}

#[test]
fn who_answers_a_repeated_syn_has_refused_no_cookie() {
    let mut pair = pair();
    pair.listen(ListenConfig::default());
    for _ in 0..3 {
        let (id, packets) = pair.open_fast(b"hello");
        let asked = parse(&packets[0]).segment.header.options.fast_open;
        assert_eq!(asked.map(|it| it.form), Some(FastOpenForm::Assigned));
        pair.now += Duration::from_secs(1);
        pair.client.stack.handle_timeout(pair.now);
        let again = pair.client_to_server();
        assert_eq!(parse(&again[0]).segment.header.options.fast_open, None);
        pair.deliver(&again);
        pair.run();
        assert_eq!(pair.info(id).tcpi_state, State::Established);
        pair.client.close(pair.now, id);
        pair.run();
    }
}
