//! RFC 5961: blind attacks on a connection.

use std::time::Duration;

use tcp_core::seq::SeqNumber;
use tcp_core::wire::Control;
use tcp_core::{Limits, ListenConfig, StackConfig, State, TcpConfig};
use tcp_sim::script::{LoneStack, Seg, Tester, ack, rst, syn};
use tcp_sim::world::Family;

/// A connection whose window goes from 101 to 65,636.
fn established() -> Tester<LoneStack> {
    Tester::established(TcpConfig::default())
}

/// An RST before the window, or beyond it, is neither answered nor does it end anything (§3.2).
#[test]
fn must_1_an_rst_outside_of_the_window_is_dropped_silently() {
    for seq in [100, 1, 101 + 65_536, 1_000_000, 0x8000_0000] {
        let mut tester = established();
        tester.inject(rst(seq));
        tester.expect_nothing();
        tester.expect_state(State::Established);
    }
}

/// An RST at RCV.NXT ends the connection, also where data has moved that, and where the RST brings an
/// acknowledgement (§3.2).
#[test]
fn must_2_an_rst_at_the_next_number_resets() {
    let mut tester = established();
    tester.inject(rst(101));
    tester.expect_state(State::Closed);
    tester.expect_nothing();

    let mut tester = established();
    tester.inject(ack(101, 301).data(b"data"));
    tester.expect(ack(301, 105));
    tester.inject(rst(105).ack(301));
    tester.expect_state(State::Closed);
}

/// An RST one beyond RCV.NXT, in the middle, or at the end of the window brings `<SEQ=SND.NXT><ACK=RCV.NXT>`, and
/// nothing else (§3.2).
#[test]
fn must_3_an_rst_in_the_window_is_challenged() {
    for seq in [102, 30_000, 101 + 65_534] {
        let mut tester = established();
        tester.write(b"sent");
        tester.expect(ack(301, 101).len(4));
        tester.inject(rst(seq));
        tester.expect(ack(305, 101));
        tester.expect_state(State::Established);
        // An honest peer, which has no connection, answers the challenge by an exact RST.
        tester.inject(rst(101));
        tester.expect_state(State::Closed);
    }
}

/// In SYN-SENT an RST without an acknowledgement, or with another one, changes nothing; with that of the SYN, the
/// connection is refused (§3.2).
#[test]
fn must_4_in_syn_sent_an_rst_has_to_acknowledge_the_syn() {
    let connecting = || {
        let mut tester = Tester::stack();
        tester.connect(TcpConfig::default());
        tester.expect(syn(300));
        tester
    };
    for guess in [rst(0), rst(0).ack(300), rst(0).ack(302), rst(0).ack(5_000)] {
        let mut tester = connecting();
        tester.inject(guess);
        tester.expect_nothing();
        tester.expect_state(State::SynSent);
    }
    let mut tester = connecting();
    tester.inject(rst(0).ack(301));
    tester.expect_state(State::Closed);
}

/// A SYN before, at, in and beyond the window brings the same challenge (§4.2).
#[test]
fn must_5_a_syn_is_challenged_wherever_it_lies() {
    for seq in [100, 101, 5_000, 1_000_000, 0x8000_0000] {
        for segment in [syn(seq), syn(seq).ack(301)] {
            let mut tester = established();
            tester.inject(segment);
            tester.expect(ack(301, 101));
            tester.expect_state(State::Established);
        }
    }
}

/// Its data is not read, what it acknowledges is still outstanding, and its window is not taken (§4.2).
#[test]
fn must_6_nothing_of_that_syn_is_processed() {
    let mut tester = established();
    tester.write(b"sent");
    tester.expect(ack(301, 101).len(4));
    let before = tester.info();
    tester.inject(syn(101).ack(305).data(b"injected").window(1));
    tester.expect(ack(305, 101));
    let after = tester.info();
    assert_eq!((after.unacked_bytes, after.unread_bytes), (4, 0));
    assert_eq!(after.tcpi_snd_wnd, before.tcpi_snd_wnd);
}

/// Of what could be injected, only what comes with a plausible acknowledgement is read: from SND.UNA less a window
/// to SND.NXT (§5.2).
#[test]
fn must_7_an_implausible_acknowledgement_brings_no_data_in() {
    let with = |number: u32| {
        let mut tester = established();
        let una = acknowledged(&mut tester, 100_000);
        tester.write(&[1; 100]);
        tester.expect(ack(una, 101).len(100));
        tester.inject(ack(101, number).data(b"injected"));
        let unread = tester.info().unread_bytes;
        let answer = tester.take_sent().expect("both are acknowledged at once");
        (unread, answer.header.ack.map(SeqNumber::get))
    };
    let (una, window) = (100_301, 65_535);
    for plausible in [una + 100, una, una - 1, una - window] {
        assert_eq!(with(plausible), (8, Some(109)), "{plausible}");
    }
    for implausible in [una + 101, una + 100_000, una - window - 1, 0x8000_0000] {
        assert_eq!(with(implausible), (0, Some(101)), "{implausible}");
    }
}

/// A peer that has offered 262,140 bytes may acknowledge something as old, though it offers 40 now (§5.2).
#[test]
fn must_8_the_largest_window_ever_offered_counts() {
    let with = |number: u32| {
        let first = syn(100).mss(1_460).window_scale(2);
        let mut tester = Tester::established_by(TcpConfig::default(), first);
        let una = acknowledged(&mut tester, 400_000);
        tester.inject(ack(101, una).window(10));
        assert_eq!(tester.info().tcpi_snd_wnd, 40);
        tester.inject(ack(101, number).data(b"injected"));
        tester.info().unread_bytes
    };
    let (una, largest) = (400_301, 65_535 * 4);
    assert_eq!(with(una - largest), 8);
    assert_eq!(with(una - largest - 1), 0);
}

/// So many bytes are sent and acknowledged; gives what SND.UNA is then.
fn acknowledged(tester: &mut Tester<LoneStack>, bytes: u32) -> u32 {
    for sent in (1_000..=bytes).step_by(1_000) {
        tester.write(&[1; 1_000]);
        tester.expect(ack(301 + sent - 1_000, 101).len(1_000));
        tester.inject(ack(101, 301 + sent));
    }
    301 + bytes
}

/// A flood of RSTs and SYNs brings one challenge in half a second, and the next one after it (§7).
#[test]
fn shld_1_challenges_are_throttled() {
    let mut tester = established();
    for round in 0..3 {
        for number in 0..100 {
            tester.inject(rst(102 + number));
            tester.inject(syn(102 + number));
        }
        tester.expect(ack(301, 101));
        tester.expect_nothing_for(Duration::from_millis(500));
        assert_eq!(tester.counters().challenge_ack, round + 1);
    }
}

/// With a budget of some in a second, a hundred connections that are attacked send about as many challenges; without
/// one, one each (§7).
#[test]
fn shld_2_the_number_of_challenges_can_be_set() {
    let challenges = |budget: Option<u32>| {
        let config = StackConfig {
            addresses: vec!["10.0.0.1".parse().expect("an address")],
            limits: Limits {
                challenge_acks: budget,
                ..Limits::default()
            },
            ..StackConfig::default()
        };
        let mut stack = LoneStack::with_config(config, Family::V4);
        stack.listen(ListenConfig::default());
        let mut tester = Tester::new(stack);
        tester.shake_hands(syn(100).mss(1_460));
        for _ in 0..10 {
            tester.inject(Seg::new(Control::Rst, 102));
            tester.advance(Duration::from_millis(500));
        }
        tester.counters().challenge_ack
    };
    assert_eq!(challenges(None), 10);
    assert_eq!(challenges(Some(0)), 0);
}
