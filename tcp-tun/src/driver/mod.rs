//! What joins the stack, the device, the clock and the user's threads.
//!
//! # One lock
//!
//! [`Shared`] holds the stack and the device in one [`State`] under one mutex. Whoever holds it may
//! call the stack; before it lets go it *settles* the state: sends all that the stack has to send,
//! and wakes the threads that the stack's events concern. So outside of the lock the stack never
//! has anything left to say, unless the device is full.
//!
//! The mutex is `parking_lot`'s: the loop takes it again as soon as it lets go, and std's mutex,
//! which promises no order, would let it keep a user's thread out for as long as packets come.
//!
//! # Who waits for what
//!
//! A user's thread waits on a condition variable of its connection or listener. It has asked the
//! stack under the lock before, and it asks again after; whatever changes the answer happens under
//! the same lock and notifies. A notice can be early or needless, but it cannot be missed.
//!
//! The loop waits in `poll` for the device and for the next deadline. It notes under the lock until
//! when it will sleep; a call that moves the deadline to an earlier time, or begins the shutdown,
//! sees the note and wakes it. A wake-up that comes between the note and the sleep is kept by
//! the waker's descriptor.

mod alarm;
mod clock;
mod event_loop;
mod link;
mod observe;
mod state;
mod wait;

use std::io;
use std::task;
use std::time::Duration;

use mio::Waker;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tcp_core::{Instant, Stack, ValidConfig};

use clock::Clock;
pub(crate) use event_loop::spawn;
pub use link::DeviceCounters;
pub use observe::Direction;
pub(crate) use observe::Observer;
pub(crate) use state::State;
pub(crate) use wait::{ConnectionWait, ListenerWait, Patience};

/// Everything that the loop, the interface, its listeners and its streams have in common.
pub(crate) struct Shared {
    state: Mutex<State>,
    waker: Waker,
    clock: Clock,
    tcp: ValidConfig,
}

impl Shared {
    /// How connections and listeners behave that are not told otherwise.
    pub(crate) fn tcp_config(&self) -> &ValidConfig {
        &self.tcp
    }

    /// The state, for a look; what changes the stack goes through [`act`](Shared::act).
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Calls into the state, then settles it.
    ///
    /// # Errors
    ///
    /// The interface has been shut down.
    pub(crate) fn act<T>(&self, call: impl FnOnce(&mut State, Instant) -> T) -> io::Result<T> {
        let mut state = self.state.lock();
        state.check_running()?;
        let now = self.clock.now();
        let result = call(&mut state, now);
        self.settle(&mut state, now);
        Ok(result)
    }

    /// Tries a call until it is ready, and waits on `changed` between the tries.
    ///
    /// # Errors
    ///
    /// What the call fails with, `WouldBlock` when patience ends, and `NotConnected` when the
    /// interface is shut down.
    pub(crate) fn wait_for<T>(
        &self,
        changed: &Condvar,
        mut patience: Patience,
        mut attempt: impl FnMut(&mut State, Instant) -> task::Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let mut state = self.state.lock();
        loop {
            state.check_running()?;
            let now = self.clock.now();
            let outcome = attempt(&mut state, now);
            let notified = self.settle(&mut state, now);
            if let task::Poll::Ready(result) = outcome {
                return result;
            }
            // Settling may itself have changed the answer; its notice found nobody waiting.
            if notified {
                continue;
            }
            match patience {
                Patience::None => return Err(io::ErrorKind::WouldBlock.into()),
                Patience::Forever => changed.wait(&mut state),
                Patience::Until(deadline) => {
                    if changed.wait_until(&mut state, deadline).timed_out() {
                        // What happened at the very end of the wait still counts.
                        patience = Patience::None;
                    }
                }
            }
        }
    }

    /// Begins the shutdown: no call succeeds from now on, connections are closed, and the loop
    /// ends once their data is acknowledged, or after `grace`.
    pub(crate) fn begin_shutdown(&self, grace: Duration) {
        let mut state = self.state.lock();
        let now = self.clock.now();
        if state.close_all(now, now + grace) {
            self.settle(&mut state, now);
            self.wake_loop();
        }
    }

    /// Sends and reports what a call has led to, and wakes the loop if its deadline has come nearer.
    /// Says whether anyone was notified.
    fn settle(&self, state: &mut State, now: Instant) -> bool {
        let notified = state.settle(now);
        if state.take_wake_needed() {
            self.wake_loop();
        }
        notified
    }

    fn wake_loop(&self) {
        let woken = self.waker.wake();
        debug_assert!(woken.is_ok(), "an eventfd that is open takes a wake-up");
    }
}

/// A stack that is not yet driven, and how to drive it.
pub(crate) struct Setup {
    pub(crate) device: Box<dyn crate::Device>,
    pub(crate) observer: Option<Observer>,
    pub(crate) stack: Stack,
    pub(crate) tcp: ValidConfig,
}
