//! What the SYNs agree on.

use super::*;
use crate::config::ValidConfig;

const MODES: [EcnMode; 3] = [EcnMode::Off, EcnMode::Accept, EcnMode::Request];

/// An opener whose SYN is given, and what it said in it.
fn opener(config: TcpConfig) -> (Pair, Header) {
    let now = Instant::from_millis(1_000);
    let mut pair = Pair {
        now,
        ends: vec![Connection::connect(
            now,
            config.validate().unwrap(),
            setup(1),
        )],
        counters: vec![Counters::default()],
        link: VecDeque::new(),
        sent: 0,
        lose: never,
    };
    let syn = pair.drain(0)[0].header;
    (pair, syn)
}

/// The SYN-ACK that a peer says to [`opener`], with these flags.
fn syn_ack(ece: bool, cwr: bool) -> Header {
    Header {
        control: Control::Syn,
        ack: Some(SeqNumber::new(2)),
        window: WireWindow::new(u16::MAX),
        ece,
        cwr,
        ..Header::new(SeqNumber::new(500))
    }
}

/// RFC 3168 §6.1.1: agreed on where the opener asks and the listener does not refuse. Neither SYN is
/// ECN-capable itself.
#[test]
fn every_pair_of_modes_comes_to_its_agreement() {
    for client in MODES {
        for server in MODES {
            let asks = client == EcnMode::Request;
            let agrees = asks && server != EcnMode::Off;
            let (_, syn) = opener(with(client));
            assert_eq!(bits(&syn), if asks { BOTH } else { NEITHER });
            let (mut half_open, config) = half_open(with(server), syn);
            let answer = half_open.syn_ack(Instant::from_millis(1_000), &config);
            assert_eq!(bits(&answer), if agrees { ECE } else { NEITHER });

            let mut pair = Pair::between([with(client), with(server)], never);
            pair.settle();
            for end in 0..2 {
                assert_eq!(is_agreed(&pair, end), agrees, "{client:?} {server:?}");
                pair.write(end, 100);
                let expected = if agrees { CAPABLE } else { NEITHER };
                assert_eq!(said(&mut pair, end), [expected], "{client:?} {server:?}");
            }
        }
    }
}

fn half_open(config: TcpConfig, syn: Header) -> (HalfOpen, ValidConfig) {
    let config = config.validate().unwrap();
    let payload = Payload::EMPTY;
    let segment = Segment::new(syn, payload);
    let half_open = HalfOpen::new(Instant::from_millis(1_000), &config, setup(500), &segment);
    (half_open, config)
}

/// RFC 3168 §6.1.1: whoever sends our flags back does not know them.
#[test]
fn a_syn_ack_that_reflects_the_flags_agrees_to_nothing() {
    for (ece, cwr, agreed) in [
        (true, true, false),
        (false, true, false),
        (true, false, true),
    ] {
        let (mut pair, _) = opener(with(EcnMode::Request));
        pair.give(0, syn_ack(ece, cwr), &[]);
        pair.write(0, 100);
        let expected = if agreed { CAPABLE } else { NEITHER };
        assert_eq!(said(&mut pair, 0), [expected], "{ece} {cwr}");
    }
}

/// RFC 3168 §6.1.1.1: what is on the way may drop those who ask.
#[test]
fn a_repeated_syn_asks_again_only_without_the_fallback() {
    for ecn_fallback in [true, false] {
        let (mut pair, _) = opener(TcpConfig {
            ecn_fallback,
            ..with(EcnMode::Request)
        });
        for _ in 0..3 {
            pair.fire(0);
            let expected = if ecn_fallback { NEITHER } else { BOTH };
            assert_eq!(said(&mut pair, 0), [expected]);
        }
    }
}

/// RFC 3168 §6.1.1: who has sent one SYN that asks and one that does not may not send ECT, and must
/// still echo marks to a peer that knows of the first alone.
#[test]
fn an_agreement_after_the_fallback_holds_for_the_peers_data_alone() {
    let (mut pair, _) = opener(with(EcnMode::Request));
    pair.fire(0);
    assert_eq!(said(&mut pair, 0), [NEITHER]);
    pair.give(0, syn_ack(true, false), &[]);
    pair.write(0, 100);
    assert_eq!(said(&mut pair, 0), [NEITHER]);
    assert!(!is_agreed(&pair, 0));
    let marked = Header {
        ack: Some(SeqNumber::new(2)),
        ecn: Ecn::CongestionExperienced,
        window: WireWindow::new(u16::MAX),
        ..Header::new(SeqNumber::new(501))
    };
    pair.give(0, marked, b"data");
    assert_eq!(said(&mut pair, 0), [ECE]);
}

#[test]
fn a_repeated_syn_ack_agrees_while_the_peers_syns_ask() {
    let now = Instant::from_millis(1_000);
    let (_, syn) = opener(with(EcnMode::Request));
    let (mut half_open, config) = half_open(with(EcnMode::Accept), syn);
    half_open.syn_ack(now, &config);
    let at = half_open.poll_timeout().unwrap();
    let mut counters = Counters::default();
    let outcome = half_open.handle_timeout(at, &config, &mut counters);
    let HalfOpenTimeout::Retransmit(again) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(bits(&again), ECE);

    let mut hear = |header| {
        let payload = Payload::EMPTY;
        let segment = Segment::new(header, payload);
        half_open.handle_segment(at, &config, &segment, &mut counters)
    };
    let plain = Header {
        ece: false,
        cwr: false,
        ..syn
    };
    for (syn, expected) in [(syn, ECE), (plain, NEITHER), (syn, NEITHER)] {
        let outcome = hear(syn);
        let HalfOpenOutcome::Reply(answer) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(answer.control, Control::Syn);
        assert_eq!(bits(&answer), expected);
    }
    let mut connection = half_open.promote(at, config);
    assert!(!connection.info(at).ecn, "nothing is sent as ECN-capable");
    let marked = Header {
        control: Control::None,
        seq: syn.seq.advanced_by(1),
        ack: Some(SeqNumber::new(501)),
        ecn: Ecn::CongestionExperienced,
        ..plain
    };
    let payload = Payload::from(b"data".as_slice());
    let segment = Segment::new(marked, payload);
    connection.handle_segment(at, &segment, &mut counters);
    let answer = connection.poll_segment(at, &mut counters).unwrap();
    assert_eq!(bits(&answer.header), ECE, "and marks are echoed");
}

/// Where both open at once, each has asked before it could answer: one that has not cannot agree.
#[test]
fn a_simultaneous_open_agrees_where_both_ask() {
    for modes in MODES.map(|first| MODES.map(|second| [first, second])) {
        for modes in modes {
            let agrees = modes == [EcnMode::Request; 2];
            let mut pair = Pair::crossing_with(modes.map(with));
            let answers = [pair.drain(0), pair.drain(1)];
            for answer in &answers {
                let expected = if agrees { ECE } else { NEITHER };
                assert_eq!(bits(&answer[0].header), expected, "{modes:?}");
            }
            pair.give_all(0, &answers[1]);
            pair.give_all(1, &answers[0]);
            for end in 0..2 {
                assert_eq!(pair.ends[end].state(), State::Established);
                assert_eq!(is_agreed(&pair, end), agrees, "{modes:?}");
            }
            pair.transfer(0, 50_000);
        }
    }
}

#[test]
fn a_crossing_syn_ack_may_take_the_agreement_back() {
    let mut pair = Pair::crossing_with([EcnMode::Request; 2].map(with));
    let mut answer = pair.drain(1).remove(0);
    pair.drain(0);
    answer.header.ece = false;
    pair.give_all(0, &[answer]);
    assert_eq!(pair.ends[0].state(), State::Established);
    assert!(!is_agreed(&pair, 0));
}
