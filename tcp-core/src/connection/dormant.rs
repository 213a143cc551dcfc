//! A connection at rest, in a tenth of its size.
//!
//! Most of what a [`Connection`] holds is there for what is under way: what is outstanding, what lies
//! beyond a hole, which timers run, what an earlier repair may still take back. While nothing is
//! under way all of it is empty or zero, and what is left is [packed](crate::pack).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::fast_open_state::FastOpenMarks;
use super::headroom::Headroom;
use super::machine::{Connection, EventFlags, Pending, UserOptions};
use super::timers::Timer;
use crate::config::{CongestionAlgorithm, TcpConfig, ValidConfig};
use crate::congestion::{BoxedController, Phase};
use crate::pack::Pack;
use crate::state::State;

/// What [`Connection::lull`] makes of a connection, and [`wake`](Dormant::wake) turns back into the
/// same connection.
#[derive(Clone, Debug)]
pub(crate) struct Dormant {
    config: ValidConfig,
    congestion: BoxedController,
    /// Where the user has chosen another than the configuration's.
    algorithm: Option<Box<CongestionAlgorithm>>,
    /// All the rest, the state first.
    bytes: Box<[u8]>,
}

impl Connection {
    /// Whether nothing is under way: nothing to send, to acknowledge, to read or to tell, and no timer
    /// but keep-alive.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.snd.scoreboard.is_empty()
            && self.snd.buffer.len() == 0
            && self.snd.nxt == self.snd.una
            && self.rcv.reassembly.is_empty()
            && matches!(
                self.state,
                State::Established | State::CloseWait | State::FinWait2
            )
            && self.recovery.phase() == Phase::Open
            && !self.user.closed
            && self.error.is_none()
            && self.fast_open.is_none()
            && self.pending == Pending::default()
            && self.events == EventFlags::default()
            && self.timers.is_none_armed_but(Timer::KeepAlive)
    }

    /// Puts a connection [at rest](Connection::is_at_rest) into few bytes.
    pub(crate) fn lull(mut self) -> Dormant {
        self.headroom = Headroom::PLENTY;
        debug_assert!(self.is_at_rest(), "what is under way cannot be packed");
        #[cfg(debug_assertions)]
        let before = self.clone();
        let mut bytes = Vec::with_capacity(TYPICAL_LEN);
        let Connection {
            state,
            origin,
            config,
            options,
            setup,
            agreed,
            snd,
            rcv,
            clock,
            rtt,
            recovery,
            congestion,
            ecn,
            timers,
            pending: _,
            events: _,
            user,
            error: _,
            soft_error,
            last_heard,
            keep_alive_probes,
            last_rebuke,
            time_wait: _,
            fast_open: _,
            fast_open_marks,
            tally,
            headroom: _,
        } = self;
        state.pack(&mut bytes);
        let algorithm = options.pack(&config, &mut bytes);
        (origin, (setup, agreed)).pack(&mut bytes);
        (snd, rcv).pack(&mut bytes);
        (clock, (rtt, recovery)).pack(&mut bytes);
        (ecn, (timers, user)).pack(&mut bytes);
        (soft_error, last_heard).pack(&mut bytes);
        fast_open_marks.pack_with(keep_alive_probes, &mut bytes);
        (last_rebuke, tally).pack(&mut bytes);
        let dormant = Dormant {
            algorithm: (algorithm != config.congestion).then(|| Box::new(algorithm)),
            config,
            congestion,
            bytes: bytes.into_boxed_slice(),
        };
        #[cfg(debug_assertions)]
        assert_eq!(dormant.clone().wake(), before, "nothing is forgotten");
        dormant
    }
}

impl Dormant {
    /// The state.
    pub(crate) fn state(&self) -> State {
        State::unpack(&mut &*self.bytes)
    }

    /// The connection that it was.
    pub(crate) fn wake(self) -> Connection {
        let Dormant {
            config,
            congestion,
            algorithm,
            bytes,
        } = self;
        let algorithm = algorithm.map_or_else(|| config.congestion.clone(), |chosen| *chosen);
        let bytes = &mut &*bytes;
        let state = Pack::unpack(bytes);
        let options = UserOptions::unpack(bytes, &config, algorithm);
        let (origin, (setup, agreed)) = Pack::unpack(bytes);
        let (snd, rcv) = Pack::unpack(bytes);
        let (clock, (rtt, recovery)) = Pack::unpack(bytes);
        let (ecn, (timers, user)) = Pack::unpack(bytes);
        let (soft_error, last_heard) = Pack::unpack(bytes);
        let (fast_open_marks, keep_alive_probes) = FastOpenMarks::unpack_with(bytes);
        let (last_rebuke, tally) = Pack::unpack(bytes);
        Connection {
            state,
            origin,
            config,
            options,
            setup,
            agreed,
            snd,
            rcv,
            clock,
            rtt,
            recovery,
            congestion,
            ecn,
            timers,
            pending: Pending::default(),
            events: EventFlags::default(),
            user,
            error: None,
            soft_error,
            last_heard,
            keep_alive_probes,
            last_rebuke,
            time_wait: None,
            fast_open: None,
            fast_open_marks,
            tally,
            headroom: Headroom::PLENTY,
        }
    }
}

impl UserOptions {
    /// As a connection begins with them.
    pub(super) fn of(config: &TcpConfig) -> Self {
        UserOptions {
            nagle: config.nagle,
            corked: false,
            keep_alive: config.keep_alive.map(Box::new),
            user_timeout: config.user_timeout,
            linger: config.linger,
            fin_timeout: config.fin_timeout,
            notsent_lowat: config.notsent_lowat,
            hop_limit: config.hop_limit,
            dscp: config.dscp,
            soft_errors: config.soft_errors,
            mtu_discovery: config.mtu_discovery,
            max_pacing_rate: config.max_pacing_rate.unwrap_or(u64::MAX),
            congestion: config.congestion.clone(),
        }
    }

    /// Packs all but the algorithm, which may hold a user's function; in one byte where the user has changed
    /// nothing.
    fn pack(self, config: &TcpConfig, bytes: &mut Vec<u8>) -> CongestionAlgorithm {
        let begun_with = UserOptions {
            congestion: self.congestion.clone(),
            ..UserOptions::of(config)
        };
        let changed = self != begun_with;
        changed.pack(bytes);
        if !changed {
            return self.congestion;
        }
        let UserOptions {
            nagle,
            corked,
            keep_alive,
            user_timeout,
            linger,
            fin_timeout,
            notsent_lowat,
            hop_limit,
            dscp,
            soft_errors,
            mtu_discovery,
            max_pacing_rate,
            congestion,
        } = self;
        (nagle, (corked, keep_alive)).pack(bytes);
        (user_timeout, (linger, dscp)).pack(bytes);
        (fin_timeout, (notsent_lowat, (hop_limit, soft_errors))).pack(bytes);
        (mtu_discovery, max_pacing_rate).pack(bytes);
        congestion
    }

    fn unpack(bytes: &mut &[u8], config: &TcpConfig, congestion: CongestionAlgorithm) -> Self {
        let changed: bool = Pack::unpack(bytes);
        if !changed {
            return UserOptions {
                congestion,
                ..UserOptions::of(config)
            };
        }
        let (nagle, (corked, keep_alive)) = Pack::unpack(bytes);
        let (user_timeout, (linger, dscp)) = Pack::unpack(bytes);
        let (fin_timeout, (notsent_lowat, (hop_limit, soft_errors))) = Pack::unpack(bytes);
        let (mtu_discovery, max_pacing_rate) = Pack::unpack(bytes);
        UserOptions {
            nagle,
            corked,
            keep_alive,
            user_timeout,
            linger,
            fin_timeout,
            notsent_lowat,
            hop_limit,
            dscp,
            soft_errors,
            mtu_discovery,
            max_pacing_rate,
            congestion,
        }
    }
}

/// Bytes that a packed connection seldom exceeds.
const TYPICAL_LEN: usize = 384;
