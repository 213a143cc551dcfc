//! A passive open before the handshake is complete: a small record, no buffers.

use super::agreed::{Agreed, Role, agree, announced_mss, answer, is_ecn_setup};
use super::machine::Connection;
use super::rebuke::may_rebuke;
use super::setup::Setup;
use super::timestamps::TimestampClock;
use crate::config::{TcpConfig, ValidConfig};
use crate::recv::window::RecvWindow;
use crate::seq::SeqNumber;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Control, FastOpenOption, Header, Options, Segment, WireWindow};

/// A connection in SYN-RECEIVED that came from LISTEN. It answers the peer's SYN, sends the SYN-ACK
/// again when the peer is silent, and becomes a [`Connection`] when the final ACK arrives.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HalfOpen {
    pub(super) setup: Setup,
    pub(super) irs: SeqNumber,
    pub(super) agreed: Agreed,
    /// Whether the peer's SYN came again without asking for the ECN that was agreed on.
    pub(super) ecn_withdrawn: bool,
    /// The window field of the peer's SYN.
    pub(super) peer_window: WireWindow,
    /// The window field of our SYN-ACK.
    pub(super) window: WireWindow,
    pub(super) clock: TimestampClock,
    /// When the SYN-ACK was first sent; `None` before.
    pub(super) sent_at: Option<Instant>,
    /// How often the SYN-ACK was sent again after a timeout.
    pub(super) retransmits: u8,
    /// Timeouts of the SYN-ACK, those included in which the peer's data was waited for.
    timeouts: u8,
    /// Whether the peer has acknowledged it, and its data is waited for.
    acknowledged: bool,
    /// Whether it was sent again because the peer's SYN came again.
    pub(super) repeated: bool,
    /// When an unacceptable segment was last answered.
    last_rebuke: Option<Instant>,
    deadline: Option<Instant>,
}

/// What a segment did to a half-open connection.
#[must_use]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum HalfOpenOutcome {
    /// Nothing to do.
    Ignore,
    /// Send this and stay.
    Reply(Header),
    /// The peer reset it, or sent what a handshake cannot hold: forget it, and send the header if
    /// there is one.
    Drop(Option<Header>),
    /// The handshake is complete. If there is room, call [`HalfOpen::promote`] and give the new
    /// connection this same segment; if not, ignore the segment (the SYN-ACK is sent again).
    Complete,
}

/// What a timeout did to a half-open connection.
#[must_use]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum HalfOpenTimeout {
    /// It was not due, or there is nothing to say.
    NotDue,
    /// Send the SYN-ACK again.
    Retransmit(Header),
    /// The peer never answered: forget it.
    Expired,
}

impl HalfOpen {
    /// The record for a SYN that arrived at a listener. `syn` has SYN and neither ACK nor RST.
    pub fn new(now: Instant, config: &ValidConfig, setup: Setup, syn: &Segment<'_>) -> HalfOpen {
        let options = &syn.header.options;
        let mut clock = TimestampClock::new(setup.timestamp_offset);
        if let Some(timestamps) = options.timestamps {
            clock.take(now, timestamps.value);
        }
        HalfOpen {
            setup,
            irs: syn.header.seq,
            agreed: agree(config, &setup, &syn.header, Role::Listener),
            ecn_withdrawn: false,
            peer_window: syn.header.window,
            window: RecvWindow::new(
                config
                    .recv_buffer
                    .initial_for(announced_mss(config, &setup)),
                config.first_recv_window,
            )
            .announce_in_syn(1, 1),
            clock,
            sent_at: None,
            retransmits: 0,
            timeouts: 0,
            acknowledged: false,
            repeated: false,
            last_rebuke: None,
            deadline: None,
        }
    }

    /// The SYN-ACK, for the first time; starts the retransmission timer.
    pub fn syn_ack(&mut self, now: Instant, config: &ValidConfig) -> Header {
        self.sent_at.get_or_insert(now);
        self.deadline = Some(now + config.initial_rto);
        self.syn_ack_header(now, config)
    }

    /// A segment arrived on its four-tuple (RFC 9293 §3.10.7.4, SYN-RECEIVED).
    pub fn handle_segment(
        &mut self,
        now: Instant,
        config: &ValidConfig,
        segment: &Segment<'_>,
        counters: &mut Counters,
    ) -> HalfOpenOutcome {
        let header = &segment.header;
        if header.control == Control::Syn && header.ack.is_none() && header.seq == self.irs {
            // The peer's SYN again: our SYN-ACK was lost.
            self.hear_syn_again(header);
            if self.sent_at.is_none() {
                return HalfOpenOutcome::Ignore;
            }
            counters.syn_retrans += 1;
            self.repeated = true;
            return HalfOpenOutcome::Reply(self.syn_ack_header(now, config));
        }
        if !self.is_acceptable(now, segment, counters) {
            return match header.control {
                Control::Rst => HalfOpenOutcome::Ignore,
                _ => self.rebuke(now, counters),
            };
        }
        match header.control {
            Control::Rst if header.seq == self.rcv_nxt() => {
                counters.attempt_fails += 1;
                return HalfOpenOutcome::Drop(None);
            }
            Control::Rst => {
                // RFC 5961 §3.2: in the window but not exact.
                counters.challenge_ack += 1;
                return self.rebuke(now, counters);
            }
            Control::Syn => {
                // A SYN in the window: back to LISTEN.
                counters.attempt_fails += 1;
                return HalfOpenOutcome::Drop(None);
            }
            Control::None | Control::Fin => {}
        }
        match header.ack {
            None => HalfOpenOutcome::Ignore,
            Some(ack) if ack != self.setup.isn.advanced_by(1) => {
                counters.ack_unacceptable += 1;
                let rst = Header {
                    control: Control::Rst,
                    ..Header::new(ack)
                };
                HalfOpenOutcome::Reply(rst)
            }
            Some(_) if self.sent_at.is_none() => HalfOpenOutcome::Ignore,
            Some(_) if self.timeouts < config.defer_accept && segment.sequence_len() == 0 => {
                self.acknowledged = true;
                HalfOpenOutcome::Ignore
            }
            Some(_) => HalfOpenOutcome::Complete,
        }
    }

    /// The peer's SYN came again, and may not ask any more for what was agreed on.
    pub(crate) fn hear_syn_again(&mut self, syn: &Header) {
        self.ecn_withdrawn |= self.agreed.ecn && !is_ecn_setup(syn);
    }

    /// Retransmits or expires if due.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        config: &ValidConfig,
        counters: &mut Counters,
    ) -> HalfOpenTimeout {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return HalfOpenTimeout::NotDue;
        }
        // As Linux's `syn_ack_recalc`: while data is waited for the peer is left alone, but for the last
        // timeout, which gives it another chance to answer.
        let waits = self.acknowledged && self.timeouts < config.defer_accept;
        if self.timeouts >= config.synack_retries && !waits {
            counters.attempt_fails += 1;
            self.deadline = None;
            return HalfOpenTimeout::Expired;
        }
        let resends = !self.acknowledged || self.timeouts + 1 >= config.defer_accept;
        self.timeouts = self.timeouts.saturating_add(1);
        let doubled = 2u32.saturating_pow(u32::from(self.timeouts));
        let rto = config
            .initial_rto
            .saturating_mul(doubled)
            .min(config.max_rto);
        self.deadline = Some(now + rto);
        if !resends {
            return HalfOpenTimeout::NotDue;
        }
        self.retransmits += 1;
        counters.syn_retrans += 1;
        counters.timeouts += 1;
        HalfOpenTimeout::Retransmit(self.syn_ack_header(now, config))
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// The connection, in SYN-RECEIVED: give it the segment that completed the handshake.
    pub fn promote(&self, now: Instant, config: ValidConfig) -> Connection {
        Connection::from_half_open(now, config, self)
    }

    /// The connection, in SYN-RECEIVED, for a SYN whose data is taken at once (RFC 7413); it sends its SYN-ACK,
    /// with this option, by itself.
    #[inline(never)]
    pub(crate) fn promote_early(
        &self,
        now: Instant,
        config: ValidConfig,
        syn: &Segment<'_>,
        option: Option<FastOpenOption>,
        counters: &mut Counters,
    ) -> Connection {
        Connection::open_early(now, config, self, syn, option, counters)
    }

    /// Answers what is unacceptable, but not too often (RFC 5961 §7).
    fn rebuke(&mut self, now: Instant, counters: &mut Counters) -> HalfOpenOutcome {
        if !may_rebuke(&mut self.last_rebuke, now) {
            counters.ack_skipped += 1;
            return HalfOpenOutcome::Ignore;
        }
        HalfOpenOutcome::Reply(self.plain_ack(now))
    }

    fn rcv_nxt(&self) -> SeqNumber {
        self.irs.advanced_by(1)
    }

    /// PAWS, then the window (RFC 9293 §3.10.7.4, first step).
    fn is_acceptable(&self, now: Instant, segment: &Segment<'_>, counters: &mut Counters) -> bool {
        let header = &segment.header;
        if let (true, Some(timestamps)) = (self.agreed.timestamps, header.options.timestamps)
            && header.control != Control::Rst
            && self.clock.is_old(now, timestamps.value)
        {
            counters.paws_estab += 1;
            return false;
        }
        let start = i64::from(header.seq.distance_from(self.rcv_nxt()));
        (0..=i64::from(self.window.get())).contains(&start)
    }

    fn syn_ack_header(&self, now: Instant, config: &TcpConfig) -> Header {
        Header {
            control: Control::Syn,
            ack: Some(self.rcv_nxt()),
            ece: self.agreed.ecn && !self.ecn_withdrawn,
            window: self.window,
            options: Options {
                timestamps: self.timestamps(now),
                ..answer(config, &self.setup, &self.agreed)
            },
            ..Header::new(self.setup.isn)
        }
    }

    fn plain_ack(&self, now: Instant) -> Header {
        let scale = self.agreed.recv_scale();
        Header {
            ack: Some(self.rcv_nxt()),
            window: WireWindow::new(self.window.get() >> scale.shift()),
            options: Options {
                timestamps: self.timestamps(now),
                ..Options::NONE
            },
            ..Header::new(self.setup.isn.advanced_by(1))
        }
    }

    fn timestamps(&self, now: Instant) -> Option<crate::wire::Timestamps> {
        self.agreed.timestamps.then(|| self.clock.stamp(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETUP: Setup = Setup {
        isn: SeqNumber::new(300),
        timestamp_offset: 0,
        mss: 1_460,
        gso_max_size: 0,
        default_mss: 536,
    };

    fn segment(control: Control, seq: u32, ack: Option<u32>) -> Segment<'static> {
        let mut header = Header::new(SeqNumber::new(seq));
        header.control = control;
        header.ack = ack.map(SeqNumber::new);
        header.window = WireWindow::new(1_000);
        Segment::bare(header)
    }

    fn half_open(config: &ValidConfig) -> HalfOpen {
        let mut half_open = HalfOpen::new(
            Instant::ZERO,
            config,
            SETUP,
            &segment(Control::Syn, 100, None),
        );
        let syn_ack = half_open.syn_ack(Instant::ZERO, config);
        assert_eq!(
            (syn_ack.seq.get(), syn_ack.ack),
            (300, Some(SeqNumber::new(101)))
        );
        assert_eq!(
            syn_ack.options.window_scale, None,
            "the peer did not offer it"
        );
        half_open
    }

    #[test]
    fn the_final_acknowledgement_completes() {
        let config = ValidConfig::default();
        let mut counters = Counters::default();
        let mut half_open = half_open(&config);
        let mut give =
            |segment| half_open.handle_segment(Instant::ZERO, &config, &segment, &mut counters);
        assert_eq!(
            give(segment(Control::None, 101, Some(301))),
            HalfOpenOutcome::Complete
        );
        let HalfOpenOutcome::Reply(rst) = give(segment(Control::None, 101, Some(302))) else {
            panic!("an acknowledgement of nothing sent gets RST")
        };
        assert_eq!((rst.control, rst.seq.get()), (Control::Rst, 302));
        assert_eq!(
            give(segment(Control::Rst, 101, None)),
            HalfOpenOutcome::Drop(None)
        );
        let challenge = give(segment(Control::Rst, 102, None));
        assert!(matches!(challenge, HalfOpenOutcome::Reply(_)));
        assert_eq!(
            give(segment(Control::Rst, 99, None)),
            HalfOpenOutcome::Ignore
        );
    }

    #[test]
    fn a_deferred_handshake_waits_for_data_and_asks_once_more() {
        let config = TcpConfig {
            defer_accept: 3,
            ..TcpConfig::default()
        };
        let config = config.validate().unwrap();
        let mut counters = Counters::default();
        let mut half_open = half_open(&config);
        let ack = segment(Control::None, 101, Some(301));
        let mut give = |half_open: &mut HalfOpen, segment: &Segment<'_>| {
            half_open.handle_segment(Instant::ZERO, &config, segment, &mut counters)
        };
        assert_eq!(give(&mut half_open, &ack), HalfOpenOutcome::Ignore);
        let mut data = ack;
        data.payload = crate::wire::Payload::from(&b"x"[..]);
        let outcome = give(&mut half_open.clone(), &data);
        assert_eq!(outcome, HalfOpenOutcome::Complete);
        let mut repeated = alloc::vec::Vec::new();
        let mut counters = Counters::default();
        for _ in 0..3 {
            let at = half_open.poll_timeout().unwrap();
            if let HalfOpenTimeout::Retransmit(_) =
                half_open.handle_timeout(at, &config, &mut counters)
            {
                repeated.push(at.as_millis() / 1_000);
            }
        }
        assert_eq!(repeated, [1 + 2 + 4]);
        let mut counters = Counters::default();
        let outcome = half_open.handle_segment(Instant::ZERO, &config, &ack, &mut counters);
        assert_eq!(outcome, HalfOpenOutcome::Complete);
    }

    #[test]
    fn silence_is_answered_by_doubling_and_then_by_giving_up() {
        let config = ValidConfig::default();
        let mut counters = Counters::default();
        let mut half_open = half_open(&config);
        let mut waited = alloc::vec::Vec::new();
        let mut last = 0;
        while let Some(at) = half_open.poll_timeout() {
            waited.push((at.as_millis() - last) / 1_000);
            last = at.as_millis();
            let _ = half_open.handle_timeout(at, &config, &mut counters);
        }
        assert_eq!(waited, [1, 2, 4, 8, 16, 32]);
        assert_eq!((counters.syn_retrans, counters.attempt_fails), (5, 1));
    }

    /// One whose peer speaks timestamps and a window scale; 50 was its SYN's.
    fn stamped(config: &ValidConfig) -> HalfOpen {
        let mut syn = segment(Control::Syn, 100, None);
        syn.header.options.timestamps = Some(crate::wire::Timestamps { value: 50, echo: 0 });
        syn.header.options.window_scale = Some(crate::wire::WindowScale::clamped(2));
        let mut half_open = HalfOpen::new(Instant::ZERO, config, SETUP, &syn);
        let _ = half_open.syn_ack(Instant::ZERO, config);
        half_open
    }

    fn at(seq: u32, timestamp: u32, control: Control) -> Segment<'static> {
        let mut segment = segment(control, seq, Some(301));
        segment.header.options.timestamps = Some(crate::wire::Timestamps {
            value: timestamp,
            echo: 0,
        });
        segment
    }

    #[test]
    fn what_is_old_or_outside_is_answered_with_where_we_stand() {
        let config = ValidConfig::default();
        let now = Instant::from_millis(10);
        let window = u32::from(stamped(&config).window.get());
        for (segment, complete) in [
            (at(101, 50, Control::None), true),
            (at(101, 49, Control::None), false),
            (at(100, 50, Control::None), false),
            (at(101 + window, 50, Control::None), true),
            (at(102 + window, 50, Control::None), false),
        ] {
            let (mut half_open, mut counters) = (stamped(&config), Counters::default());
            let outcome = half_open.handle_segment(now, &config, &segment, &mut counters);
            let is_old = segment.header.options.timestamps.unwrap().value < 50;
            assert_eq!(counters.paws_estab, u64::from(is_old));
            if complete {
                assert_eq!(outcome, HalfOpenOutcome::Complete);
                continue;
            }
            let HalfOpenOutcome::Reply(reply) = outcome else {
                panic!("{outcome:?}")
            };
            assert_eq!(reply.control, Control::None);
            assert_eq!(
                (reply.seq.get(), reply.ack),
                (301, Some(SeqNumber::new(101)))
            );
            let scale = half_open.agreed.recv_scale().shift();
            assert!(scale > 0);
            assert_eq!(u32::from(reply.window.get()), window >> scale);
            let stamp = crate::wire::Timestamps {
                value: 10,
                echo: 50,
            };
            assert_eq!(reply.options.timestamps, Some(stamp));
            // The next half a second it says nothing.
            let again = half_open.handle_segment(now, &config, &segment, &mut counters);
            assert_eq!((again, counters.ack_skipped), (HalfOpenOutcome::Ignore, 1));
        }
    }

    #[test]
    fn an_old_reset_ends_nothing_and_is_not_judged_by_its_timestamp() {
        let config = ValidConfig::default();
        let (mut half_open, mut counters) = (stamped(&config), Counters::default());
        let mut give =
            |segment| half_open.handle_segment(Instant::ZERO, &config, &segment, &mut counters);
        assert_eq!(give(at(100, 50, Control::Rst)), HalfOpenOutcome::Ignore);
        let challenge = give(at(102, 50, Control::Rst));
        assert!(matches!(challenge, HalfOpenOutcome::Reply(_)));
        // RFC 7323 §5.3: no PAWS for RST.
        let ended = give(at(101, 49, Control::Rst));
        assert_eq!(ended, HalfOpenOutcome::Drop(None));
        assert_eq!((counters.challenge_ack, counters.attempt_fails), (1, 1));
        assert_eq!(counters.paws_estab, 0);
    }

    #[test]
    fn each_wrong_segment_is_counted_as_what_it_is() {
        let config = ValidConfig::default();
        let (mut half_open, mut counters) = (half_open(&config), Counters::default());
        let mut give =
            |segment| half_open.handle_segment(Instant::ZERO, &config, &segment, &mut counters);
        assert!(matches!(
            give(segment(Control::Syn, 100, None)),
            HalfOpenOutcome::Reply(_)
        ));
        assert!(matches!(
            give(segment(Control::None, 101, Some(300))),
            HalfOpenOutcome::Reply(_)
        ));
        assert_eq!(
            give(segment(Control::None, 101, None)),
            HalfOpenOutcome::Ignore
        );
        // Neither the SYN again nor one that is acknowledged ends it where it stands; one in the window does.
        assert!(matches!(
            give(segment(Control::Syn, 100, Some(301))),
            HalfOpenOutcome::Reply(_)
        ));
        assert_eq!(
            give(segment(Control::Syn, 101, None)),
            HalfOpenOutcome::Drop(None)
        );
        assert_eq!((counters.syn_retrans, counters.ack_unacceptable), (1, 1));
        assert_eq!((counters.attempt_fails, counters.challenge_ack), (1, 0));
    }

    #[test]
    fn before_its_syn_ack_has_gone_nothing_is_answered_and_nothing_complete() {
        let config = ValidConfig::default();
        let syn = segment(Control::Syn, 100, None);
        let mut half_open = HalfOpen::new(Instant::ZERO, &config, SETUP, &syn);
        let mut counters = Counters::default();
        for segment in [syn, segment(Control::None, 101, Some(301))] {
            let outcome = half_open.handle_segment(Instant::ZERO, &config, &segment, &mut counters);
            assert_eq!(outcome, HalfOpenOutcome::Ignore);
        }
        assert_eq!(counters, Counters::default());
    }
}
