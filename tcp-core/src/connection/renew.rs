//! A new connection in the place of one that has ended: none of its two kilobytes is written twice, and the little
//! memory that it begins with need not be asked for.

use core::mem;

use super::agreed::{self, Agreed};
use super::ecn_state::EcnState;
use super::fast_open_state::FastOpenMarks;
use super::half_open::HalfOpen;
use super::headroom::Headroom;
use super::machine::{Connection, EventFlags, Origin, Pending, UserOptions, UserSide};
use super::setup::Setup;
use super::sides::{Receiver, Sender};
use super::tally::Tally;
use super::timers::Timers;
use super::timestamps::TimestampClock;
use crate::config::ValidConfig;
use crate::congestion::BoxedController;
use crate::recovery::Recovery;
use crate::recovery::rtt::RttEstimator;
use crate::time::Instant;

impl Connection {
    /// As [`connect`](Connection::connect).
    pub(crate) fn connect_again(&mut self, now: Instant, config: ValidConfig, setup: Setup) {
        self.renew(now, config, setup, Origin::Active);
        self.begin_to_connect(now);
    }

    /// As [`HalfOpen::promote`].
    pub(crate) fn promote_again(&mut self, now: Instant, config: ValidConfig, half: &HalfOpen) {
        self.renew(now, config, half.setup, Origin::Passive);
        self.continue_from(half);
    }

    /// Makes it what [`new`](Connection::new) makes.
    fn renew(&mut self, now: Instant, new_config: ValidConfig, new_setup: Setup, by: Origin) {
        let mss = agreed::announced_mss(&new_config, &new_setup);
        // The controller there is was made by the configuration's, or by what the user chose since.
        let algorithm = &new_config.congestion;
        let is_its = algorithm.is_built_in()
            && *algorithm == self.options.congestion
            && *algorithm == self.config.congestion;
        let mut sent = mem::take(&mut self.snd.scoreboard);
        sent.clear();
        let to_send = self.snd.buffer.take_memory();
        let received = self.rcv.reassembly.take_memory();
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
            pending,
            events,
            user,
            error,
            soft_error,
            last_heard,
            keep_alive_probes,
            last_rebuke,
            time_wait,
            fast_open,
            fast_open_marks,
            tally,
            headroom,
        } = self;
        if !(is_its && congestion.restart(u32::from(mss), u32::from(mss))) {
            *congestion = BoxedController(new_config.congestion.build(mss.into(), mss.into()));
        }
        *state = by.first_state();
        *origin = by;
        *options = UserOptions::of(&new_config);
        *setup = new_setup;
        *agreed = Agreed::nothing(mss, new_setup.mss);
        *snd = Sender::new(new_setup.isn, &new_config, mss);
        snd.scoreboard = sent;
        snd.buffer.give_memory(to_send);
        *rcv = Receiver::new(now, &new_config, mss);
        rcv.reassembly.give_memory(received);
        *clock = TimestampClock::new(new_setup.timestamp_offset);
        *rtt = RttEstimator::of(&new_config);
        *recovery = Recovery::new(new_config.recovery);
        *ecn = EcnState::default();
        *timers = Timers::new();
        *pending = Pending::default();
        *events = EventFlags::default();
        *user = UserSide::default();
        *error = None;
        *soft_error = None;
        *last_heard = now;
        *keep_alive_probes = 0;
        *last_rebuke = None;
        *time_wait = None;
        *fast_open = None;
        *fast_open_marks = FastOpenMarks::default();
        *tally = Tally::default();
        *headroom = Headroom::PLENTY;
        *config = new_config;
        #[cfg(debug_assertions)]
        {
            let new = Connection::new(now, self.config.clone(), new_setup, by);
            assert!(*self == new, "nothing of the connection before is left");
        }
    }
}
