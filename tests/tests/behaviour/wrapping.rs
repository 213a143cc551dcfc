//! Sequence numbers that wrap: each interesting offset of a conversation falls on the seam.

use std::time::Duration;

use tcp_core::{Instant, Shutdown, State, TcpConfig};
use tcp_sim::app::pattern;
use tcp_sim::oracle::Conduct;
use tcp_sim::script::{Endpoint, LoneConnection, Tester, ack, fin, syn};

const LEN: usize = 4_000;

/// Two connections on a perfect link without delay, but for the packets that are lost.
struct Wire {
    ends: [LoneConnection; 2],
    conducts: [Conduct; 2],
    now: Instant,
    sent: usize,
}

impl Wire {
    fn new(tcp: &TcpConfig, isns: [u32; 2]) -> Wire {
        let [client, server] = isns.map(LoneConnection::setup);
        Wire {
            ends: [
                LoneConnection::connect(Instant::ZERO, tcp.clone(), client),
                LoneConnection::listen(tcp.clone(), server),
            ],
            conducts: [Conduct::default(), Conduct::default()],
            now: Instant::ZERO,
            sent: 0,
        }
    }

    /// Hands segments over until both ends are silent; the packet of this number is lost.
    fn exchange(&mut self, lost: Option<usize>) {
        let mut silent = 0;
        let mut from = 0;
        while silent < 2 {
            silent += 1;
            while let Some((header, payload)) = self.ends[from].poll(self.now) {
                silent = 0;
                let judgement = self.conducts[from].sent(&header, &payload);
                assert_eq!(judgement, Ok(()));
                self.sent += 1;
                if Some(self.sent) == lost {
                    continue;
                }
                self.conducts[1 - from].handed(&header, payload.len());
                self.ends[1 - from].handle(self.now, &header, &payload);
            }
            from = 1 - from;
        }
    }

    /// Lets the next timer of either end run.
    fn run_next_deadline(&mut self) {
        let deadlines = self.ends.iter().filter_map(Endpoint::poll_timeout);
        let next = deadlines.min();
        let states = [self.ends[0].state(), self.ends[1].state()];
        self.now =
            next.unwrap_or_else(|| panic!("a stall in {states:?} after {} packets", self.sent));
        for end in &mut self.ends {
            end.handle_timeout(self.now);
        }
    }
}

/// A conversation of [`LEN`] bytes each way and a close, with one packet lost.
fn converse(tcp: &TcpConfig, isns: [u32; 2], lost: Option<usize>) -> usize {
    let mut wire = Wire::new(tcp, isns);
    let data = [pattern(1, LEN), pattern(2, LEN)];
    let mut received = [Vec::new(), Vec::new()];
    let mut has_written = [false; 2];
    for _ in 0..1_000 {
        wire.exchange(lost);
        for side in 0..2 {
            let end = &mut wire.ends[side];
            if !matches!(end.state(), Some(state) if state.is_synchronized()) {
                continue;
            }
            if !has_written[side] {
                has_written[side] = true;
                assert_eq!(end.write(wire.now, &data[side]), Ok(LEN));
                end.shutdown(wire.now, Shutdown::Write);
            }
        }
        wire.exchange(lost);
        for (end, received) in wire.ends.iter_mut().zip(&mut received) {
            let mut buf = [0; 2 * LEN];
            let is_open = end.state().is_some_and(|state| state != State::SynReceived);
            if is_open && let Ok(count) = end.read(wire.now, &mut buf) {
                received.extend_from_slice(&buf[..count]);
            }
        }
        let is_over =
            |end: &LoneConnection| matches!(end.state(), Some(State::TimeWait | State::Closed));
        if wire.ends.iter().all(is_over) {
            assert!(
                received[0] == data[1] && received[1] == data[0],
                "{isns:?} {lost:?}"
            );
            return wire.sent;
        }
        let can_write = |side: usize| {
            let state = wire.ends[side].state();
            !has_written[side] && state.is_some_and(State::is_synchronized)
        };
        if !(0..2).any(can_write) {
            wire.run_next_deadline();
        }
    }
    panic!("not over: {isns:?}, packet {lost:?} lost");
}

/// Initial sequence numbers that put the seam on the SYN, on the first byte, within each segment and
/// at its edges, on the FIN, and behind it.
fn initial_numbers() -> Vec<u32> {
    let offsets = [
        0, 1, 2, 1_447, 1_448, 1_449, 1_450, 2_896, 2_897, 2_898, 3_000,
    ];
    let near_fin = [LEN as u32 - 1, LEN as u32, LEN as u32 + 1, LEN as u32 + 2];
    let offsets = offsets.into_iter().chain(near_fin);
    offsets.map(|offset| 0u32.wrapping_sub(offset)).collect()
}

#[test]
fn a_conversation_across_the_seam() {
    let configs = [true, false].map(|sack| TcpConfig {
        sack,
        timestamps: sack,
        ..TcpConfig::default()
    });
    for tcp in &configs {
        for isn in initial_numbers() {
            for isns in [[isn, 77], [77, isn], [isn, isn]] {
                let packets = converse(tcp, isns, None);
                for lost in 1..=packets {
                    converse(tcp, isns, Some(lost));
                }
            }
        }
    }
}

/// The same, the other way to look at it: nothing but the numbers depends on where they start.
#[test]
fn the_course_of_a_conversation_does_not_depend_on_its_numbers() {
    let tcp = TcpConfig::default();
    let usual = converse(&tcp, [1_000, 2_000], None);
    for isn in initial_numbers() {
        assert_eq!(converse(&tcp, [isn, isn], None), usual);
    }
}

/// SACK blocks on both sides of the seam.
#[test]
fn selective_acknowledgements_across_the_seam() {
    let isn = u32::MAX - 1_000;
    let mut tester = Tester::connecting(TcpConfig::default(), LoneConnection::setup(isn));
    tester.expect(syn(isn));
    let peer = u32::MAX - 500;
    let at = |offset: u32| peer.wrapping_add(offset);
    tester.inject(
        syn(peer)
            .ack(isn.wrapping_add(1))
            .mss(1_460)
            .sack_permitted(),
    );
    let next = isn.wrapping_add(1);
    tester.expect(ack(next, at(1)));
    tester.inject(ack(at(301), next).len(100));
    tester.expect(ack(next, at(1)).sack(&[(at(301), at(401))]));
    tester.inject(ack(at(451), next).len(200));
    tester.expect(ack(next, at(1)).sack(&[(at(451), at(651)), (at(301), at(401))]));
    tester.inject(ack(at(401), next).len(50));
    tester.expect(ack(next, at(1)).sack(&[(at(301), at(651))]));
    tester.inject(ack(at(1), next).len(300));
    tester.expect(ack(next, at(651)).sack(&[]));

    // And those that we are sent: a hole of one segment across the seam is sent again.
    tester.write(&[b'.'; 4 * 1_460]);
    for index in 0..4u32 {
        tester.expect(ack(next.wrapping_add(index * 1_460), at(651)).len(1_460));
    }
    let edge = |index: u32| next.wrapping_add(index * 1_460);
    tester.inject(ack(at(651), next).sack(&[(edge(1), edge(4))]));
    let soon = Duration::ZERO..=Duration::from_millis(400);
    let again = match tester.take_sent() {
        Some(sent) => sent.header.seq.get(),
        None => tester
            .expect_within(soon, ack(next, at(651)).len(1_460))
            .header
            .seq
            .get(),
    };
    assert_eq!(again, next);
    tester.inject(ack(at(651), edge(4)));
    tester.shutdown(Shutdown::Write);
    tester.expect(fin(edge(4), at(651)));
}
