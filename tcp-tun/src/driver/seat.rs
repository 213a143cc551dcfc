//! The driver's seat: what it takes to receive packets and to keep the time.

use std::io;
use std::time::Duration;

use mio::{Events, Poll, Registry, Token, Waker};
use parking_lot::MutexGuard;
use tcp_core::Instant;

use super::alarm::Alarm;
use super::clock::Clock;
use super::state::{Input, State};
use crate::device::MAX_PACKET;

/// The device's events.
pub(super) const DEVICE: Token = Token(0);
const WAKER: Token = Token(1);
const ALARM: Token = Token(2);

/// There is one for each interface, and whoever has it drives. It goes from hand to hand as a whole,
/// so that what one driver has learned of the device (an edge is reported once) is the next one's too.
pub(super) struct Seat {
    poll: Poll,
    events: Events,
    alarm: Alarm,
    buf: Box<[u8]>,
    /// The device is polled for edges, so it may hold packets until `recv` says that it does not.
    input: Input,
}

impl Seat {
    /// A seat, what wakes its driver, and where the device is to be registered as [`DEVICE`].
    ///
    /// # Errors
    ///
    /// Those of `epoll`.
    pub(super) fn new() -> io::Result<(Seat, Waker, Registry)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let alarm = Alarm::register(poll.registry(), ALARM)?;
        let registry = poll.registry().try_clone()?;
        let seat = Seat {
            poll,
            events: Events::with_capacity(3),
            alarm,
            buf: vec![0; MAX_PACKET].into_boxed_slice(),
            input: Input::More,
        };
        Ok((seat, waker, registry))
    }

    /// Does what there is to do: a batch of packets, the timers that are due, and what comes of both.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub(super) fn work(&mut self, state: &mut State, clock: &Clock) -> io::Result<()> {
        if self.input == Input::More {
            self.input = state.receive_batch(clock, &mut self.buf)?;
        }
        let now = clock.now();
        state.run_timers(now);
        state.settle(now);
        Ok(())
    }

    /// Lets others have the lock; where the device has been drained, until something happens, a timer is
    /// due or `until` has come.
    ///
    /// # Errors
    ///
    /// Those of `epoll`.
    pub(super) fn rest(
        &mut self,
        state: &mut MutexGuard<'_, State>,
        clock: &Clock,
        until: Option<Instant>,
    ) -> io::Result<()> {
        if self.input == Input::More {
            MutexGuard::bump(state);
            return Ok(());
        }
        // Time has passed since the work: a device may take long to send a burst.
        let now = clock.now();
        let timeout = state
            .fall_asleep(until)
            .map(|deadline| deadline.saturating_duration_since(now));
        let woken = MutexGuard::unlocked(state, || self.sleep(timeout));
        state.wake_up();
        if woken? {
            self.input = Input::More;
        }
        Ok(())
    }

    /// Asks the device at the next turn, whether or not it has reported anything.
    pub(super) fn look_again(&mut self) {
        self.input = Input::More;
    }

    /// Sleeps until something happens; says whether it happened to the device. The poll's own timeout is
    /// rounded up to a millisecond, as `epoll` counts: a timer is late by so much at most, and never
    /// early. Where that would be much, the alarm is exact.
    fn sleep(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        if let Some(timeout) = timeout {
            self.alarm.set(timeout);
        }
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => Ok(self.events.iter().any(|event| event.token() == DEVICE)),
            // A signal: whoever asked for it has handled it.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }
}
