//! The connection: its variables, and what its environment calls.

use core::time::Duration;

use super::agreed::{self, Agreed};
use super::ecn_state::EcnState;
use super::fast_open_state::{EarlyEnd, FastOpen, FastOpenLesson, FastOpenMarks};
use super::headroom::Headroom;
use super::setup::Setup;
use super::sides::{Receiver, Sender};
use super::tally::Tally;
use super::time_wait::TimeWait;
use super::timers::Timers;
use super::timestamps::TimestampClock;
use crate::config::{CongestionAlgorithm, KeepAlive, MtuDiscovery, ValidConfig};
use crate::congestion::BoxedController;
use crate::error::{ConnectionError, SoftError};
use crate::event::ConnectionEvent;
use crate::pack::packs;
use crate::recovery::Recovery;
use crate::recovery::rtt::RttEstimator;
use crate::seq::SeqNumber;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use alloc::boxed::Box;

/// Which direction [`Connection::shutdown`] closes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shutdown {
    /// Reads give end of stream; what arrives later is acknowledged and discarded.
    Read,
    /// A FIN follows what was written; writes fail.
    Write,
    /// Both.
    Both,
}

/// What an ICMP error says about a connection (RFC 9293 §3.9.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NetworkError {
    /// Soft: network, host or route unreachable, time exceeded, parameter problem. The user is told, where
    /// it wants to be ([`TcpConfig::soft_errors`](crate::TcpConfig::soft_errors)); remembered, and reported
    /// in place of a timeout.
    Soft(SoftError),
    /// Hard: protocol or port unreachable, or administratively prohibited. Ends a handshake; a
    /// synchronized connection treats it as soft (RFC 5927 §4.3).
    Hard,
    /// The path carries no IP packets larger than this; the value is the MSS that results.
    TooBig {
        /// Payload and option bytes that fit.
        mss: u16,
    },
}

/// One connection of TCP. See the [module](super) for the order of calls.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Connection {
    pub(super) state: State,
    pub(super) origin: Origin,
    pub(super) config: ValidConfig,
    pub(super) options: UserOptions,
    pub(super) setup: Setup,
    pub(super) agreed: Agreed,
    pub(super) snd: Sender,
    pub(super) rcv: Receiver,
    pub(super) clock: TimestampClock,
    pub(super) rtt: RttEstimator,
    pub(super) recovery: Recovery,
    pub(super) congestion: BoxedController,
    pub(super) ecn: EcnState,
    pub(super) timers: Timers,
    /// What the next `poll_segment` must say.
    pub(super) pending: Pending,
    pub(super) events: EventFlags,
    /// What the user has done with the connection.
    pub(super) user: UserSide,
    /// Why it died; taken by the first call that can report it.
    pub(super) error: Option<ConnectionError>,
    /// What ICMP said of the path since the peer last acknowledged something new (`sk_err_soft`).
    pub(super) soft_error: Option<SoftError>,
    /// When the last acceptable segment arrived.
    pub(super) last_heard: Instant,
    pub(super) keep_alive_probes: u8,
    /// When an unacceptable segment was last answered.
    pub(super) last_rebuke: Option<Instant>,
    /// In TIME-WAIT, what goes on answering.
    pub(super) time_wait: Option<TimeWait>,
    /// While it opens fast.
    pub(super) fast_open: Option<Box<FastOpen>>,
    pub(super) fast_open_marks: FastOpenMarks,
    pub(super) tally: Tally,
    /// Of the memory that all connections share.
    pub(super) headroom: Headroom,
}

/// Who opened it (RFC 9293 MUST-11).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Origin {
    Active,
    Passive,
}

impl Origin {
    /// Of a connection that has not said anything yet.
    pub(super) fn first_state(self) -> State {
        match self {
            Origin::Active => State::SynSent,
            Origin::Passive => State::SynReceived,
        }
    }
}

packs!(
    enum Origin {
        Active,
        Passive,
    }
);

/// Options that the user may change at any time.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct UserOptions {
    pub(super) nagle: bool,
    pub(super) corked: bool,
    pub(super) keep_alive: Option<Box<KeepAlive>>,
    pub(super) user_timeout: Option<Duration>,
    pub(super) linger: Option<Duration>,
    /// How long FIN-WAIT-2 may last once the user has closed; zero for not at all.
    pub(super) fin_timeout: Duration,
    /// Bytes that may wait to be sent for the first time.
    pub(super) notsent_lowat: Option<u32>,
    pub(super) hop_limit: u8,
    pub(super) dscp: u8,
    pub(super) soft_errors: bool,
    pub(super) mtu_discovery: MtuDiscovery,
    /// Bytes a second; the greatest number for no bound.
    pub(super) max_pacing_rate: u64,
    pub(super) congestion: CongestionAlgorithm,
}

/// What the next segments must say. Each flag is cleared by the segment that says it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Pending {
    /// A reset: with this sequence number, and our acknowledgement unless it answers a segment.
    pub(super) reset: Option<Reset>,
    /// SYN, or SYN-ACK.
    pub(super) syn: bool,
    /// An acknowledgement, if no other segment brings it first.
    pub(super) ack: bool,
    /// The first lost segment, whatever the congestion window says.
    pub(super) retransmit: bool,
    /// New data, or the last segment again, whatever the congestion window says.
    pub(super) tail_probe: bool,
    /// A segment that makes the peer answer.
    pub(super) probe: bool,
    /// What is there, however small.
    pub(super) flush: bool,
}

/// A RST to send.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Reset {
    /// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>, with the acknowledgement as it was decided.
    Ours {
        /// Stream offset.
        ack: u64,
    },
    /// <SEQ=SEG.ACK><CTL=RST>
    Answer(SeqNumber),
}

/// Events that the user has not seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct EventFlags {
    pub(super) connected: bool,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) flushed: bool,
    pub(super) unresponsive: bool,
    pub(super) soft_error: Option<SoftError>,
    pub(super) closed: Option<Option<ConnectionError>>,
}

/// What the user has done with the connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct UserSide {
    /// Gave it up: an orphan, whose events nobody wants.
    pub(super) closed: bool,
    /// Will not read any more.
    pub(super) read_shut: bool,
    /// Wants nothing that arrives once our stream has ended.
    pub(super) refuses_text: bool,
    /// A write found no room since the last `Writable`.
    pub(super) wants_room: bool,
    /// The last write found too little room: there is more to come.
    pub(super) holds_more: bool,
    /// Said that more follows soon what was written last.
    pub(super) expects_more: bool,
    /// Wrote something since the last `Flushed`.
    pub(super) wants_flush: bool,
}

packs!(UserSide {
    closed,
    read_shut,
    refuses_text,
    wants_room,
    holds_more,
    expects_more,
    wants_flush
});

impl Connection {
    /// Active open: a connection in SYN-SENT, whose SYN the next `poll_segment` gives.
    pub fn connect(now: Instant, config: ValidConfig, setup: Setup) -> Connection {
        let mut connection = Connection::new(now, config, setup, Origin::Active);
        connection.begin_to_connect(now);
        connection
    }

    pub(super) fn begin_to_connect(&mut self, now: Instant) {
        self.pending.syn = true;
        self.snd.stalled_since = Some(now);
    }

    /// The network reported an error about a segment of ours that started at `seq`. Errors about
    /// what is not outstanding are ignored and counted (RFC 5927 §4.1).
    pub fn handle_network_error(
        &mut self,
        now: Instant,
        error: NetworkError,
        seq: SeqNumber,
        counters: &mut Counters,
    ) {
        let offset = seq.offset_near(self.snd.isn, self.snd.una);
        let outstanding = self.snd.una..self.snd.nxt;
        if self.state == State::Closed || !offset.is_some_and(|at| outstanding.contains(&at)) {
            counters.icmp_out_of_window += 1;
            return;
        }
        match error {
            NetworkError::TooBig { mss } => self.on_path_mtu(now, mss),
            NetworkError::Hard if !self.state.is_synchronized() && !self.is_early() => {
                self.die(Some(ConnectionError::Prohibited), counters);
            }
            NetworkError::Hard => self.note_soft_error(SoftError::Refused),
            NetworkError::Soft(error) => self.note_soft_error(error),
        }
    }

    /// RFC 9293 §3.9.1.8: told as an event, and remembered as what a timeout will have been about.
    fn note_soft_error(&mut self, error: SoftError) {
        self.soft_error = Some(error);
        if self.options.soft_errors {
            self.events.soft_error = Some(error);
        }
    }

    /// The earliest deadline.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.time_wait {
            Some(time_wait) => Some(time_wait.expires_at()),
            None => self.timers.next(),
        }
    }

    /// The next event: drain until `None`. An orphan has none.
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        if self.user.closed {
            self.events = EventFlags::default();
            return None;
        }
        let take = core::mem::take::<bool>;
        if take(&mut self.events.connected) {
            Some(ConnectionEvent::Connected)
        } else if take(&mut self.events.readable) {
            Some(ConnectionEvent::Readable)
        } else if take(&mut self.events.writable) {
            Some(ConnectionEvent::Writable)
        } else if take(&mut self.events.flushed) {
            Some(ConnectionEvent::Flushed)
        } else if take(&mut self.events.unresponsive) {
            Some(ConnectionEvent::Unresponsive)
        } else if let Some(error) = self.events.soft_error.take() {
            Some(ConnectionEvent::SoftError(error))
        } else {
            self.events.closed.take().map(ConnectionEvent::Closed)
        }
    }

    /// Whether there is an event for the user.
    pub(crate) fn has_events(&self) -> bool {
        !self.user.closed && self.events != EventFlags::default()
    }

    /// The state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the connection has ended and nothing is left to send: it may be dropped once its user
    /// has given it up.
    pub fn is_finished(&self) -> bool {
        self.state == State::Closed && self.pending.reset.is_none()
    }

    /// Whether the user has given it up.
    pub fn is_orphan(&self) -> bool {
        self.user.closed
    }

    /// In TIME-WAIT, the compact record that can answer for the connection from now on. `None`
    /// while the connection itself has something left to send.
    pub fn time_wait(&self) -> Option<&TimeWait> {
        self.time_wait.as_ref().filter(|_| !self.pending.ack)
    }

    /// TTL or hop limit, and Diffserv code point, of every packet.
    pub fn ip_fields(&self) -> (u8, u8) {
        (self.options.hop_limit, self.options.dscp)
    }

    /// A connection that has not said anything yet.
    pub(super) fn new(
        now: Instant,
        config: ValidConfig,
        setup: Setup,
        origin: Origin,
    ) -> Connection {
        let mss = agreed::announced_mss(&config, &setup);
        Connection {
            state: origin.first_state(),
            origin,
            options: UserOptions::of(&config),
            setup,
            agreed: Agreed::nothing(mss, setup.mss),
            snd: Sender::new(setup.isn, &config, mss),
            rcv: Receiver::new(now, &config, mss),
            clock: TimestampClock::new(setup.timestamp_offset),
            rtt: RttEstimator::of(&config),
            recovery: Recovery::new(config.recovery),
            congestion: BoxedController(config.congestion.build(u32::from(mss), u32::from(mss))),
            ecn: EcnState::default(),
            timers: Timers::new(),
            pending: Pending::default(),
            events: EventFlags::default(),
            user: UserSide::default(),
            error: None,
            soft_error: None,
            last_heard: now,
            keep_alive_probes: 0,
            last_rebuke: None,
            time_wait: None,
            fast_open: None,
            fast_open_marks: FastOpenMarks::default(),
            tally: Tally::default(),
            headroom: Headroom::PLENTY,
            config,
        }
    }

    /// Ends the connection: nothing more is sent but a reset that is pending.
    pub(super) fn die(&mut self, error: Option<ConnectionError>, counters: &mut Counters) {
        // RFC 4022, tcpAttemptFails and tcpEstabResets: by the state that it dies from.
        match self.state {
            State::SynSent | State::SynReceived => counters.attempt_fails += 1,
            State::Established | State::CloseWait => counters.estab_resets += 1,
            _ => {}
        }
        if self.is_early() {
            self.end_early(FastOpenLesson::Failed(match error {
                Some(ConnectionError::Reset) => EarlyEnd::Reset,
                _ => EarlyEnd::Other,
            }));
        }
        self.judge_fast_open();
        if self.state != State::TimeWait {
            // TIME-WAIT has told it already.
            self.events.closed = Some(error);
        }
        self.state = State::Closed;
        self.error = error;
        self.timers = Timers::new();
        self.time_wait = None;
        self.pending = Pending {
            reset: self.pending.reset,
            ..Pending::default()
        };
        self.snd.clear();
        self.rcv.forget_holes();
        self.events.readable = true;
        self.events.writable = true;
    }

    /// What went on answering in TIME-WAIT is gone, and the connection with it.
    pub(crate) fn end_time_wait(&mut self, counters: &mut Counters) {
        if self.state == State::TimeWait {
            self.die(None, counters);
        }
    }

    /// Makes the next segment a reset, with the numbers as they are now.
    pub(super) fn reset_peer(&mut self) {
        self.pending.reset = Some(Reset::Ours {
            ack: self.ack_offset(),
        });
    }
}
