//! A half-open connection under fire.

use proptest::prelude::*;
use tcp_core::connection::{HalfOpen, HalfOpenOutcome, HalfOpenTimeout};
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header};
use tcp_core::{Counters, Instant, State, ValidConfig};
use tcp_sim::script::{LoneConnection, segment};

use rigs::connection::{View, syn_of};
use rigs::plan::{Shot, Start, Step};

struct Bench {
    half_open: HalfOpen,
    config: ValidConfig,
    counters: Counters,
    now: Instant,
    view: View,
}

impl Bench {
    fn new(start: &Start) -> Bench {
        let config = start
            .tcp
            .clone()
            .validate()
            .expect("the plan makes valid ones");
        let (isn, peer_isn) = (SeqNumber::new(start.isn), SeqNumber::new(start.peer_isn));
        let syn = syn_of(&start.peer, peer_isn);
        let setup = LoneConnection::setup(start.isn);
        let mut half_open = HalfOpen::new(Instant::ZERO, &config, setup, &segment(&syn, &[]));
        let mut view = View::new(isn, peer_isn);
        view.note(&half_open.syn_ack(Instant::ZERO, &config), 1);
        Bench {
            half_open,
            config,
            counters: Counters::default(),
            now: Instant::ZERO,
            view,
        }
    }

    /// What it may answer: its SYN-ACK, an acknowledgement of the SYN, a reset.
    fn check_reply(&self, reply: &Header) {
        let acknowledges_syn = reply.ack == Some(self.view.peer_isn.advanced_by(1));
        match reply.control {
            Control::Syn => assert!(acknowledges_syn && reply.seq == self.view.isn),
            Control::None => {
                assert!(acknowledges_syn && reply.seq == self.view.isn.advanced_by(1));
            }
            Control::Rst => {}
            Control::Fin => panic!("a FIN before the handshake: {reply:?}"),
        }
    }

    /// Says whether it is still there.
    fn takes(&mut self, shot: &Shot) -> bool {
        let header = self.view.header_of(shot);
        let payload = self.view.payload(header.seq, shot.len);
        let arrived = segment(&header, &payload);
        let (config, counters) = (&self.config, &mut self.counters);
        match self
            .half_open
            .handle_segment(self.now, config, &arrived, counters)
        {
            HalfOpenOutcome::Ignore => true,
            HalfOpenOutcome::Reply(reply) => {
                self.check_reply(&reply);
                true
            }
            HalfOpenOutcome::Drop(reply) => {
                if let Some(reply) = reply {
                    self.check_reply(&reply);
                }
                false
            }
            HalfOpenOutcome::Complete => {
                assert_eq!(header.ack, Some(self.view.isn.advanced_by(1)));
                let mut connection = self.half_open.promote(self.now, self.config.clone());
                connection.handle_segment(self.now, &arrived, &mut self.counters);
                let state = connection.state();
                assert!(
                    matches!(state, State::Established | State::CloseWait),
                    "{state} after what was said to complete the handshake"
                );
                // It is still here, as if the accept queue had been full.
                true
            }
        }
    }

    fn times_out(&mut self) -> bool {
        self.now = self.half_open.poll_timeout().expect("a timer runs");
        let (config, counters) = (&self.config, &mut self.counters);
        match self.half_open.handle_timeout(self.now, config, counters) {
            HalfOpenTimeout::NotDue => panic!("a deadline that is not due"),
            HalfOpenTimeout::Retransmit(syn_ack) => {
                assert_eq!(syn_ack.control, Control::Syn);
                self.check_reply(&syn_ack);
                true
            }
            HalfOpenTimeout::Expired => false,
        }
    }
}

proptest! {
    #![proptest_config(crate::cases(1_000))]

    /// It answers with nothing but what a handshake may say, and ends by itself.
    #[test]
    fn a_half_open_connection_survives_anything(
        start in any::<Start>(),
        steps in prop::collection::vec(any::<Step>(), 1..60),
    ) {
        let mut bench = Bench::new(&start);
        let mut is_there = true;
        for step in steps {
            is_there = is_there && match step {
                Step::Segment(shot) => bench.takes(&shot),
                Step::NextDeadline => bench.times_out(),
                _ => true,
            };
        }
        for _ in 0..100 {
            is_there = is_there && bench.times_out();
        }
        prop_assert!(!is_there, "half-open for ever");
    }
}
