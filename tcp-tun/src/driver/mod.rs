//! What joins the stack, the device, the clock and the user's threads.
//!
//! # One lock
//!
//! [`Shared`] holds the stack and the device in one [`State`] under one mutex. Whoever holds it may
//! call the stack; before it lets go it *settles* the state: sends all that the stack has to send,
//! and wakes the threads that the stack's events concern. So outside of the lock the stack never
//! has anything left to say, unless the device is full.
//!
//! The mutex is `parking_lot`'s: the driver takes it again as soon as it lets go, and std's mutex,
//! which promises no order, would let it keep a user's thread out for as long as packets come.
//!
//! # One driver
//!
//! Somebody must receive packets and keep the time: the *driver*, who has the one [`Seat`](seat::Seat).
//! A user's thread that must wait takes it, if it can, and then receives itself what it waits for
//! (`caller`): no packet of its own passes from thread to thread. Where nobody waits, the interface's
//! thread drives (`background`). Who is next, and when, is told in [`role`].
//!
//! # Who waits for what
//!
//! A user's thread that does not drive waits on a condition variable of its connection or listener. It
//! has asked the stack under the lock before, and it asks again after; whatever changes the answer
//! happens under the same lock and notifies. A notice can be early or needless, but it cannot be missed.
//!
//! The driver waits in `poll` for the device and for the next deadline. It notes under the lock until
//! when it will sleep; a call that moves the deadline to an earlier time, changes the answer to the
//! driver's own call, or begins the shutdown, sees the note and wakes it. A wake-up that comes between
//! the note and the sleep is kept by the waker's descriptor. Where bulk comes in, it may nap instead, for some
//! microseconds ([`moderation`]): it makes no note then, and is as good as awake.

//! # Several queues
//!
//! A device with several queues has all of this for each: a state, a lock, a seat, a thread. They share
//! the clock and the observer, and nothing that a packet in the right queue passes. A flow belongs to one
//! of them; what another has read of it is handed over ([`exchange`]). No thread ever holds the locks of
//! two states. A listener has a part in each, and its callers wait for any of them ([`crowd`]).

mod alarm;
mod background;
mod caller;
mod clock;
mod crowd;
mod exchange;
mod link;
mod moderation;
mod observe;
mod patience;
mod queues;
mod relief;
mod role;
mod seat;
mod state;
mod turn;
mod wait;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::Waker;
use parking_lot::{Mutex, MutexGuard};
use tcp_core::{Instant, Stack, Steering, ValidConfig};

pub(crate) use background::{Running, spawn};
pub(crate) use caller::{Call, attempt};
pub(crate) use clock::Clock;
pub(crate) use crowd::{Crowd, Wanted};
pub use link::DeviceCounters;
pub use observe::Direction;
pub(crate) use observe::Observer;
pub(crate) use patience::Patience;
pub(crate) use queues::Queues;
use relief::Relief;
pub(crate) use seat::Seat;
pub(crate) use state::State;
pub(crate) use wait::{ConnectionWait, ListenerWait};

/// Everything that the driver of one queue, the interface, its listeners and its streams have in common.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes the driver, whoever it is.
    waker: Arc<Waker>,
    relief: Relief,
    clock: Clock,
    /// How long a caller that drives asks the device before it sleeps.
    busy_poll: Duration,
    tcp: ValidConfig,
    /// Addresses at which packets for them have arrived once the device has them.
    ends_here: Arc<[IpAddr]>,
}

impl Shared {
    /// The state, for a look; what changes the stack goes through [`act`](Shared::act).
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Whether packets for this address go nowhere else once the device has them.
    pub(crate) fn ends_at(&self, address: IpAddr) -> bool {
        self.ends_here.contains(&address)
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

    /// Begins the shutdown: no call succeeds from now on, connections are closed, and the interface
    /// ends once their data is acknowledged, or after `grace`.
    pub(crate) fn begin_shutdown(&self, grace: Duration) {
        let mut state = self.state.lock();
        let now = self.clock.now();
        if state.close_all(now, now + grace) {
            self.settle(&mut state, now);
            self.wake_driver();
        }
    }

    /// Sends and reports what a call has led to, and wakes the driver if that concerns it.
    /// Says whether anyone was notified.
    fn settle(&self, state: &mut State, now: Instant) -> bool {
        let notified = state.settle(now);
        if state.take_wake_needed() {
            self.wake_driver();
        }
        notified
    }

    fn wake_driver(&self) {
        let woken = self.waker.wake();
        debug_assert!(woken.is_ok(), "an eventfd that is open takes a wake-up");
    }
}

/// Stacks that are not yet driven, and how to drive them.
pub(crate) struct Setup {
    /// The queues of the device, each with its stack; at least one.
    pub(crate) queues: Vec<(Box<dyn crate::Device>, Stack)>,
    /// Which stack a flow belongs to, where there are several.
    pub(crate) steering: Option<Steering>,
    pub(crate) observer: Option<Observer>,
    pub(crate) tcp: ValidConfig,
    pub(crate) busy_poll: Duration,
    /// Packets that come in bulk are let gather.
    pub(crate) adaptive_rx: bool,
    /// Addresses at which packets for them have arrived once the device has them.
    pub(crate) ends_here: Arc<[IpAddr]>,
}
