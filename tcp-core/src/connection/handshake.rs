//! From SYN-SENT or SYN-RECEIVED to ESTABLISHED.

use super::agreed::{Role, agree};
use super::fast_open_state::FastOpenLesson;
use super::half_open::HalfOpen;
use super::machine::{Connection, Origin, Reset};
use super::timers::Timer;
use crate::config::ValidConfig;
use crate::congestion::BoxedController;
use crate::error::ConnectionError;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Control, Segment};

impl Connection {
    /// RFC 9293 §3.10.7.3: ACK, then RST, then SYN.
    pub(super) fn on_segment_in_syn_sent(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        counters: &mut Counters,
    ) {
        let header = &segment.header;
        let acknowledged = self.acknowledges_syn(header.ack);
        if let (Some(ack), None) = (header.ack, acknowledged) {
            counters.ack_unacceptable += 1;
            if header.control != Control::Rst {
                self.pending.reset = Some(Reset::Answer(ack));
            }
            return;
        }
        match header.control {
            Control::Rst if acknowledged.is_some() => {
                self.die(Some(ConnectionError::Refused), counters);
            }
            Control::Syn => self.on_peer_syn(now, segment, acknowledged, counters),
            Control::Rst | Control::Fin | Control::None => {}
        }
    }

    /// The peer's SYN in SYN-SENT: with ACK the handshake is done, without it both opened at once
    /// (MUST-10).
    fn on_peer_syn(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        acknowledged: Option<u64>,
        counters: &mut Counters,
    ) {
        let header = &segment.header;
        self.rcv.irs = header.seq;
        // What the path was found to carry while the SYN was under way.
        let path_mss = self.agreed.path_mss;
        self.agreed = agree(&self.config, &self.setup, header, Role::Opener);
        self.agreed.path_mss = path_mss;
        self.agreed.mss = self.agreed.mss.min(path_mss);
        // Already what answers a stray segment in SYN-RECEIVED announces a scaled window.
        self.rcv.window.set_scale(self.agreed.recv_scale());
        if self.agreed.timestamps
            && let Some(timestamps) = header.options.timestamps
        {
            self.clock.take(now, timestamps.value);
        }
        self.last_heard = now;
        let scale = self.agreed.send_scale();
        if let Some(ack) = acknowledged {
            self.snd.una = 1;
            self.snd.window.start(header.window, 0, ack, scale);
            let retries = self.snd.retries;
            self.measure_handshake(now, segment);
            self.establish(now);
            if self.fast_open.is_some() && self.user.expects_more {
                // As Linux: the acknowledgement goes with what a writer has waited to send.
                let at = now + self.config.delayed_ack_max;
                self.timers.arm(Timer::DelayedAck, at);
            } else {
                self.pending.ack = true;
            }
            self.settle_syn_data(now, segment, ack, retries, counters);
            self.receive_text(now, segment, 1, counters);
            self.receive_fin(now, segment, 1, counters);
        } else {
            self.snd.window.start(header.window, 0, 0, scale);
            self.state = State::SynReceived;
            self.pending.syn = true;
            self.snd.retries = 0;
        }
    }

    /// A connection for a handshake whose last segment has arrived but is not processed.
    pub(super) fn from_half_open(now: Instant, config: ValidConfig, half: &HalfOpen) -> Connection {
        let mut connection = Connection::new(now, config, half.setup, Origin::Passive);
        connection.continue_from(half);
        connection
    }

    /// A new connection takes over what has been said so far.
    pub(super) fn continue_from(&mut self, half: &HalfOpen) {
        self.agreed = half.agreed;
        self.ecn.withdrawn = half.ecn_withdrawn;
        self.clock = half.clock;
        self.rcv.irs = half.irs;
        let announced = self.rcv.window.announce_in_syn(1, 1);
        debug_assert_eq!(
            announced, half.window,
            "the window that the SYN-ACK announced"
        );
        self.rcv.window.set_scale(half.agreed.recv_scale());
        self.rcv.acked = 1;
        self.snd.nxt = 1;
        self.snd.last_sent = half.sent_at.filter(|_| !half.repeated);
        self.snd.retries = half.retransmits;
        let scale = half.agreed.send_scale();
        self.snd.window.start(half.peer_window, 0, 0, scale);
    }

    /// In SYN-RECEIVED our SYN was acknowledged, with what is before offset `ack`.
    pub(super) fn complete_handshake(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        seq: u64,
        ack: u64,
        counters: &mut Counters,
    ) {
        self.snd.una = 1;
        let scale = self.agreed.send_scale();
        let window = segment.header.window;
        if segment.header.control == Control::Syn {
            self.hear_syn_again(&segment.header);
            self.snd.window.start(window, 0, ack, scale);
            // If our SYN-ACK has not gone out yet, the peer waits for this instead.
            self.pending.ack |= self.pending.syn;
        } else {
            self.snd.window.update(window, seq, ack);
        }
        if self.is_early() {
            self.complete_early(now, segment, ack);
        } else {
            let retries = self.snd.retries;
            self.measure_handshake(now, segment);
            self.establish(now);
            self.settle_syn_data(now, segment, ack, retries, counters);
        }
        if self.origin == Origin::Passive {
            counters.passive_opens += 1;
        }
    }

    /// The same for a connection that is of use already: congestion control has begun, and what was sent since is
    /// outstanding.
    fn complete_early(&mut self, now: Instant, segment: &Segment<'_>, ack: u64) {
        let last_sent = self.snd.last_sent;
        if ack == 1 {
            self.snd.last_sent = self.early_since();
            self.measure_handshake(now, segment);
        }
        self.end_early(FastOpenLesson::Completed);
        let congestion = self.congestion.clone();
        self.establish(now);
        self.congestion = congestion;
        if !self.snd.scoreboard.is_empty() {
            self.snd.last_sent = last_sent;
            self.snd.stalled_since = Some(now);
            self.arm_retransmit(now);
            self.plan_tail_probe(now);
        }
    }

    /// The first measurement (RFC 6298 §2.2), by Karn's rule or timestamps; and what a lost SYN
    /// means for the start (RFC 6298 §5.7).
    fn measure_handshake(&mut self, now: Instant, segment: &Segment<'_>) {
        let measured = match (self.snd.retries, self.snd.last_sent) {
            (0, Some(sent)) => Some(now.saturating_duration_since(sent)),
            _ if self.agreed.timestamps => {
                let echo = segment
                    .header
                    .options
                    .timestamps
                    .map(|timestamps| timestamps.echo);
                echo.and_then(|echo| self.clock.measure(now, echo))
            }
            _ => None,
        };
        match measured {
            Some(rtt) => self.rtt.on_measurement(rtt),
            None => self.rtt.on_syn_timeout_recovered(),
        }
    }

    /// Both SYNs are acknowledged: data may flow.
    fn establish(&mut self, now: Instant) {
        self.state = match self.snd.fin {
            Some(_) => State::FinWait1,
            None => State::Established,
        };
        self.begin_mtu_search(now);
        self.begin_congestion();
        self.timers.disarm(Timer::Retransmit);
        self.snd.retries = 0;
        self.snd.last_sent = None;
        self.snd.stalled_since = None;
        self.pending.syn = false;
        self.events.connected = true;
        self.events.writable |= core::mem::take(&mut self.user.wants_room);
        if let Some(keep_alive) = &self.options.keep_alive {
            self.timers.arm(Timer::KeepAlive, now + keep_alive.idle);
        }
    }

    /// The congestion control as it is at the start (RFC 6928 §2): one segment if the SYN was lost more than
    /// once (RFC 5681 §3.1).
    pub(super) fn begin_congestion(&mut self) {
        let payload = self.full_payload();
        let segments = match self.snd.retries {
            0 | 1 => u32::from(self.config.initial_window),
            _ => 1,
        };
        let (algorithm, window) = (&self.options.congestion, segments * payload);
        let is_its = *algorithm == self.config.congestion && algorithm.is_built_in();
        if !(is_its && self.congestion.restart(payload, window)) {
            self.congestion = BoxedController(algorithm.build(payload, window));
        }
    }
}
