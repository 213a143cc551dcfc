//! How a caller waits: by driving, if nobody else does.

use std::io;
use std::mem;
use std::task;
use std::thread;

use parking_lot::MutexGuard;
use tcp_core::{Instant, PostedRead};

use super::Shared;
use super::clock::Clock;
use super::patience::Patience;
use super::role::Driver;
use super::seat::Seat;
use super::state::State;
use super::wait::Waiting;

/// A call that may have to wait.
pub(crate) trait Call {
    type Output;

    /// Tries it.
    fn attempt(&mut self, state: &mut State, now: Instant) -> task::Poll<io::Result<Self::Output>>;

    /// Whether it may go better at the driver's seat.
    fn is_large(&self) -> bool {
        false
    }

    /// Tries it at the driver's seat; `None` where there is nothing in that.
    fn attempt_at_seat(
        &mut self,
        _state: &mut State,
        _now: Instant,
        _seat: &mut Seat,
        _clock: &Clock,
    ) -> Option<Self::Output> {
        None
    }

    /// Where packets may put what the call waits for, while it waits.
    fn posted(&mut self) -> Option<PostedRead<'_>> {
        None
    }

    /// They have put so many bytes there.
    fn on_filled(&mut self, _count: usize) {}

    /// Whether there are such bytes: they are read, and the call has succeeded, whatever else happens.
    fn is_filled(&self) -> bool {
        false
    }
}

/// A call that is tried, and no more.
struct Attempt<F>(F);

/// A call that is this function, until it is ready.
pub(crate) fn attempt<T, F>(attempt: F) -> impl Call<Output = T>
where
    F: FnMut(&mut State, Instant) -> task::Poll<io::Result<T>>,
{
    Attempt(attempt)
}

impl<T, F> Call for Attempt<F>
where
    F: FnMut(&mut State, Instant) -> task::Poll<io::Result<T>>,
{
    type Output = T;

    fn attempt(&mut self, state: &mut State, now: Instant) -> task::Poll<io::Result<T>> {
        self.0(state, now)
    }
}

impl Shared {
    /// Tries a call until it is ready, and between the tries drives the interface, or waits to be told
    /// by whoever does.
    ///
    /// # Errors
    ///
    /// What the call fails with, `WouldBlock` when patience ends, and `NotConnected` when the
    /// interface is shut down.
    pub(crate) fn wait_for<T>(
        &self,
        waiting: Waiting<'_>,
        patience: Patience,
        attempt: impl FnMut(&mut State, Instant) -> task::Poll<io::Result<T>>,
    ) -> io::Result<T> {
        self.wait_for_call(waiting, patience, self::attempt(attempt))
    }

    /// The same, for a call that packets may answer by themselves.
    ///
    /// # Errors
    ///
    /// Those of [`wait_for`](Shared::wait_for).
    pub(crate) fn wait_for_call<C: Call>(
        &self,
        waiting: Waiting<'_>,
        patience: Patience,
        mut call: C,
    ) -> io::Result<C::Output> {
        let until = match patience {
            Patience::None => Some(Instant::ZERO),
            Patience::Until(deadline) => Some(self.clock.at(deadline)),
            Patience::Forever => None,
        };
        // Declared before the lock is taken, and so dropped after it is let go.
        let mut caller = Caller::new(self, waiting, until);
        let mut state = self.lock();
        self.relief.caller_works(true);
        let mut now = self.clock.now();
        let mut looked = false;
        let result = loop {
            if let Err(error) = state.check_running()
                && !call.is_filled()
            {
                break Err(error);
            }
            let outcome = match caller.attempt_at_seat(&mut call, &mut state, now) {
                Some(output) => task::Poll::Ready(Ok(output)),
                None => call.attempt(&mut state, now),
            };
            let notified = self.settle(&mut state, now);
            if let task::Poll::Ready(result) = outcome {
                caller.look_in_passing(&mut state);
                break result;
            }
            // Settling may itself have changed the answer; its notice found nobody waiting.
            if notified {
                continue;
            }
            if until.is_some_and(|until| until <= now) {
                // Nobody else would look at the device, if such calls come again and again.
                if !mem::replace(&mut looked, true) && caller.look_in_passing(&mut state) {
                    now = self.clock.now();
                    continue;
                }
                break Err(io::ErrorKind::WouldBlock.into());
            }
            let mut posted = call.posted();
            self.relief.caller_works(false);
            now = caller.wait(&mut state, now, posted.as_mut());
            self.relief.caller_works(true);
            if let Some(filled) = posted.map(|posted| posted.filled()) {
                call.on_filled(filled);
            }
        };
        caller.leave(&mut state, now);
        self.relief.caller_works(false);
        result
    }
}

/// A thread that waits, and perhaps drives meanwhile.
struct Caller<'a> {
    shared: &'a Shared,
    waiting: Waiting<'a>,
    until: Option<Instant>,
    /// Until when the device is asked again and again, once the wait has begun.
    busy_until: Option<Instant>,
    seat: Option<Box<Seat>>,
    /// It has got up for callers that do not wait, and is not to drive until it is told something.
    stands: bool,
    /// When it has looked at the device last, since it has the seat.
    worked: Option<Instant>,
}

impl<'a> Caller<'a> {
    fn new(shared: &'a Shared, waiting: Waiting<'a>, until: Option<Instant>) -> Caller<'a> {
        Caller {
            shared,
            waiting,
            until,
            busy_until: None,
            seat: None,
            stands: false,
            worked: None,
        }
    }

    /// Returns when the call's answer may have changed, or its time is over: the time that it is then.
    fn wait(
        &mut self,
        state: &mut MutexGuard<'_, State>,
        now: Instant,
        posted: Option<&mut PostedRead<'_>>,
    ) -> Instant {
        let busy_until = *self.busy_until.get_or_insert(now + self.shared.busy_poll);
        self.sit_down(state);
        let Some(seat) = &mut self.seat else {
            self.stand_by(state, now);
            self.stands = false;
            return self.shared.clock.now();
        };
        if now < busy_until {
            seat.look_again();
        }
        let clock = &self.shared.clock;
        let before = (state.rx_packets(), state.role.events_for_others());
        let driven = seat
            .rest(state, clock, self.until)
            .and_then(|()| seat.work(state, clock, posted));
        let now = match driven {
            Ok(now) => {
                self.worked = Some(now);
                if state.rx_packets() > before.0 && state.role.events_for_others() == before.1 {
                    state.role.count_turn();
                }
                now
            }
            Err(error) => {
                self.give_up(state, error);
                return self.shared.clock.now();
            }
        };
        if state.role.is_wanted()
            && let Some(seat) = self.seat.take()
        {
            self.worked = None;
            self.stands = state.role.is_left_to_passers();
            let next = state.role.get_up(seat, now, &self.shared.relief);
            state.tell(next);
        }
        now
    }

    /// Takes the seat, if it is free.
    fn sit_down(&mut self, state: &mut State) {
        if self.seat.is_none() && !self.stands {
            self.seat = state.role.take_seat(self.waiting.waiter);
        }
    }

    /// Receives a batch, where the seat is free and nobody has looked for a while. A caller that need not wait, call
    /// after call, so takes the answers to what it sends itself; else the interface's thread would come for
    /// them, and compete for the lock and for a processor. Says whether it did.
    fn look_in_passing(&mut self, state: &mut State) -> bool {
        let now = self.shared.clock.now();
        if self.seat.is_none() {
            if state.role.pass_by(now) == Driver::GetsUp {
                self.shared.wake_driver();
            }
            self.seat = state.role.take_idle_seat(self.waiting.waiter, now);
        } else if self.worked.is_some() {
            return false;
        }
        let Some(seat) = &mut self.seat else {
            return false;
        };
        seat.look_again();
        self.work(state);
        self.leave(state, now);
        true
    }

    /// Tries a call that goes better at the driver's seat there, if that is free.
    fn attempt_at_seat<C: Call>(
        &mut self,
        call: &mut C,
        state: &mut State,
        now: Instant,
    ) -> Option<C::Output> {
        if !call.is_large() {
            return None;
        }
        self.sit_down(state);
        let seat = self.seat.as_mut()?;
        let outcome = call.attempt_at_seat(state, now, seat, &self.shared.clock)?;
        // Timers, and what other queues have read: who writes on and on must see to them as well.
        self.work(state);
        Some(outcome)
    }

    /// Does what the driver has to do, without waiting.
    fn work(&mut self, state: &mut State) {
        let Some(seat) = &mut self.seat else {
            return;
        };
        match seat.work(state, &self.shared.clock, None) {
            Ok(now) => self.worked = Some(now),
            Err(error) => self.give_up(state, error),
        }
    }

    /// Waits to be told.
    fn stand_by(&self, state: &mut MutexGuard<'_, State>, now: Instant) {
        let (ticket, driver) = state.role.join_queue(self.waiting.waiter);
        if driver == Driver::GetsUp {
            self.shared.wake_driver();
        }
        match self.until {
            None => self.waiting.changed.wait(state),
            Some(until) => {
                let timeout = until.saturating_duration_since(now);
                self.waiting.changed.wait_for(state, timeout);
            }
        }
        state.role.leave_queue(ticket);
    }

    /// Leaves the seat, if this is the driver.
    fn leave(&mut self, state: &mut State, now: Instant) {
        if let Some(seat) = self.seat.take() {
            let since = self.worked.take().map_or(now, |worked| worked.max(now));
            state.role.put_back(seat, since, &self.shared.relief);
        }
    }

    /// The device is gone, or what looks at its packets has panicked: the interface's thread ends it.
    fn give_up(&mut self, state: &mut State, why: io::Error) {
        if let Some(seat) = self.seat.take() {
            let now = self.shared.clock.now();
            state.role.give_up(seat, now, &self.shared.relief, why);
        }
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let shared = self.shared;
        shared.relief.caller_works(false);
        if self.seat.is_some() {
            let why = io::Error::other("a thread that drove the interface has panicked");
            self.give_up(&mut shared.lock(), why);
        }
    }
}
