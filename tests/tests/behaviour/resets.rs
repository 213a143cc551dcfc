//! RST and SYN where they do not belong: RFC 9293 §3.5.2, §3.5.3 and §3.10.7.4 with RFC 5961.

use std::time::Duration;

use tcp_core::{
    ConnectionError, ConnectionEvent, ListenConfig, ReadError, Shutdown, State, TcpConfig,
};
use tcp_sim::script::{Endpoint, LoneStack, Seg, Tester, ack, fin, rst, syn};

/// A connection in a state, with the next numbers of both sides.
struct Scene {
    tester: Tester<LoneStack>,
    ours: u32,
    peers: u32,
}

/// The states that have seen both SYNs.
const STATES: [State; 8] = [
    State::SynReceived,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
];

/// A connection that the peer opened, brought into `state` by segments and calls alone.
fn scene(state: State) -> Scene {
    let mut tester = Tester::stack();
    tester.listen(ListenConfig::default());
    tester.inject(syn(100).mss(1_460));
    tester.expect(syn(300).ack(101));
    let (mut ours, mut peers) = (301, 101);
    if state != State::SynReceived {
        tester.inject(ack(101, 301));
    }
    if matches!(state, State::CloseWait | State::LastAck) {
        tester.inject(fin(101, 301));
        peers = 102;
        tester.expect(ack(301, 102));
    }
    if matches!(
        state,
        State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck | State::TimeWait
    ) {
        tester.shutdown(Shutdown::Write);
        tester.expect(fin(301, peers));
        ours = 302;
    }
    if matches!(state, State::FinWait2 | State::TimeWait) {
        tester.inject(ack(101, 302));
    }
    if matches!(state, State::Closing | State::TimeWait) {
        tester.inject(fin(101, if state == State::Closing { 301 } else { 302 }));
        peers = 102;
        tester.expect(ack(302, 102));
    }
    tester.expect_state(state);
    let _ = tester.take_events();
    Scene {
        tester,
        ours,
        peers,
    }
}

impl Scene {
    /// The segment is answered by an acknowledgement that says where we stand, and nothing changes.
    fn challenges(mut self, state: State, seg: Seg) {
        self.tester.inject(seg);
        self.tester.expect(ack(self.ours, self.peers));
        self.tester.expect_nothing();
        self.tester.expect_state(state);
    }
}

/// RFC 9293 §3.10.7.4, second step: RST with exactly the next sequence number ends the connection in
/// every state, and is never answered.
#[test]
fn an_exact_reset_ends_every_state() {
    for state in STATES {
        let Scene {
            mut tester, peers, ..
        } = scene(state);
        tester.inject(rst(peers));
        tester.expect_nothing();
        assert!(
            matches!(tester.end.state(), None | Some(State::Closed)),
            "{state}"
        );
        tester.expect_nothing_for(Duration::from_secs(86_400));
        assert_eq!(tester.end.poll_timeout(), None, "{state}: a timer is left");
        let told = match state {
            State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait => {
                Some(ConnectionError::Reset)
            }
            // Both sides have closed: nothing is lost.
            State::Closing | State::LastAck => None,
            // The user does not know of it yet, or has been told of its end.
            _ => continue,
        };
        let events = tester.take_events();
        assert!(
            events.contains(&ConnectionEvent::Closed(told)),
            "{state}: {events:?}"
        );
    }
}

/// RFC 9293 SHLD-2: RST may carry data.
#[test]
fn a_reset_with_data_is_a_reset() {
    let Scene { mut tester, .. } = scene(State::Established);
    tester.inject(rst(101).ack(301).data(b"no such user"));
    tester.expect_nothing();
    let reset = ReadError::Connection(ConnectionError::Reset);
    assert_eq!(tester.try_read(), Err(reset));
}

/// RFC 5961 §3.2: RST elsewhere in the window is challenged, and ends nothing.
#[test]
fn a_reset_in_the_window_is_challenged() {
    for state in STATES {
        if state == State::TimeWait {
            // What is left of the connection has no use for a challenge; it ends by itself.
            continue;
        }
        let scene = scene(state);
        let seq = scene.peers + 1;
        scene.challenges(state, rst(seq));
    }
}

/// RFC 5961 §3.2: RST outside of the window is dropped without a word.
#[test]
fn a_reset_outside_of_the_window_is_dropped() {
    for state in STATES {
        for offset in [-2, 1 << 30] {
            let Scene {
                mut tester, peers, ..
            } = scene(state);
            tester.inject(rst(peers.wrapping_add_signed(offset)));
            tester.expect_nothing();
            tester.expect_state(state);
        }
    }
}

/// RFC 5961 §4.2: a SYN in a synchronized state is challenged, wherever it lies. (In TIME-WAIT it may
/// open a new connection; see the closing figures.)
#[test]
fn a_syn_is_challenged_in_every_synchronized_state() {
    for state in STATES {
        if matches!(state, State::SynReceived | State::TimeWait) {
            continue;
        }
        for offset in [-1, 0, 5, 1 << 30] {
            let scene = scene(state);
            let seq = scene.peers.wrapping_add_signed(offset);
            scene.challenges(state, syn(seq));
        }
    }
}

/// RFC 5961 §4.2: the peer has really restarted. The challenge tells it our numbers, its RST has
/// exactly the right one, and its next SYN opens a new connection.
#[test]
fn a_restarted_peer_gets_through_the_challenge() {
    let Scene { mut tester, .. } = scene(State::Established);
    tester.inject(syn(9_000));
    tester.expect(ack(301, 101));
    tester.inject(rst(101));
    assert!(matches!(tester.end.state(), None | Some(State::Closed)));
    tester.end.id = None;
    tester.advance(Duration::from_secs(1));
    tester.inject(syn(9_000));
    tester.expect(syn(60_000).ack(9_001));
}

/// RFC 9293 §3.10.7.4, fourth step: a SYN in the window of a passive open returns it to LISTEN.
#[test]
fn a_syn_in_the_window_of_syn_received_returns_to_listen() {
    let Scene { mut tester, .. } = scene(State::SynReceived);
    tester.inject(syn(105));
    tester.expect_nothing();
    tester.expect_no_connection();
    tester.advance(Duration::from_secs(1));
    tester.inject(syn(5_000));
    tester.expect(syn(60_000).ack(5_001));
}

/// RFC 9293 §3.10.7.4, fifth step in SYN-RECEIVED: an acknowledgement of something never sent.
#[test]
fn a_wrong_acknowledgement_in_syn_received_is_reset() {
    for wrong in [300, 302, 301 + (1 << 30)] {
        let Scene { mut tester, .. } = scene(State::SynReceived);
        tester.inject(ack(101, wrong));
        tester.expect(rst(wrong));
        tester.expect_state(State::SynReceived);
    }
}

/// RFC 5961 §5.2: an acknowledgement of what was never sent, or of what was acknowledged more than a
/// window ago, is challenged and its data dropped.
#[test]
fn an_impossible_acknowledgement_is_challenged() {
    for state in [State::Established, State::CloseWait, State::FinWait2] {
        for distance in [1, 70_000, 1 << 30] {
            let later = scene(state);
            let (seq, number) = (later.peers, later.ours + distance);
            later.challenges(state, ack(seq, number).data(b"injected"));
        }
        let earlier = scene(state);
        let (seq, number) = (earlier.peers, earlier.ours.wrapping_sub(100_000));
        earlier.challenges(state, ack(seq, number).data(b"injected"));
    }
}

/// RFC 9293 §3.10.7.3: in SYN-SENT only an RST that acknowledges our SYN counts.
#[test]
fn syn_sent_believes_a_reset_that_acknowledges_its_syn() {
    let connecting = || {
        let mut tester = Tester::stack();
        tester.connect(TcpConfig::default());
        tester.expect(syn(300));
        tester
    };
    for unbelievable in [rst(0), rst(0).ack(300), rst(0).ack(302)] {
        let mut tester = connecting();
        tester.inject(unbelievable);
        tester.expect_nothing();
        tester.expect_state(State::SynSent);
    }
    let mut tester = connecting();
    tester.inject(rst(0).ack(301));
    tester.expect_nothing();
    let refused = ConnectionError::Refused;
    let events = tester.take_events();
    assert!(
        events.contains(&ConnectionEvent::Closed(Some(refused))),
        "{events:?}"
    );
    assert_eq!(tester.try_read(), Err(ReadError::Connection(refused)));
}

/// RFC 9293 §3.10.7.3, first step: an unacceptable ACK in SYN-SENT is answered by RST with its number.
#[test]
fn syn_sent_resets_what_acknowledges_something_else() {
    for wrong in [300, 302] {
        let mut tester = Tester::stack();
        tester.connect(TcpConfig::default());
        tester.expect(syn(300));
        tester.inject(syn(100).ack(wrong));
        tester.expect(rst(wrong));
        tester.expect_state(State::SynSent);
        tester.inject(syn(100).ack(301));
        tester.expect(ack(301, 101));
        tester.expect_state(State::Established);
    }
}

/// RFC 9293 §3.10.7.1 and §3.10.7.2: without a connection, an ACK is answered by RST with its number,
/// anything else by RST that acknowledges it, and an RST by nothing; listening makes no difference.
#[test]
fn segments_without_a_connection_are_reset() {
    for listens in [false, true] {
        let mut tester = Tester::stack();
        if listens {
            tester.listen(ListenConfig::default());
        }
        tester.inject(ack(500, 700).data(b"who?"));
        tester.expect(rst(700));
        tester.inject(fin(500, 700));
        tester.expect(rst(700));
        tester.inject(syn(500).ack(700));
        tester.expect(rst(700));
        tester.inject(rst(500));
        tester.inject(rst(500).ack(700));
        tester.expect_nothing();
        tester.expect_no_connection();
    }
}
