//! The thread that receives packets and keeps the time.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};
use parking_lot::{Mutex, MutexGuard};

use super::alarm::Alarm;
use super::clock::Clock;
use super::link::Link;
use super::state::{Input, State};
use super::{Setup, Shared};
use crate::device::MAX_PACKET;

const DEVICE: Token = Token(0);
const WAKER: Token = Token(1);
const ALARM: Token = Token(2);

/// Starts the loop of one interface.
///
/// # Errors
///
/// Those of `epoll`, and of starting a thread.
pub(crate) fn spawn(setup: Setup) -> io::Result<(Arc<Shared>, JoinHandle<io::Result<()>>)> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    let alarm = Alarm::register(poll.registry(), ALARM)?;
    let registry = poll.registry().try_clone()?;
    let link = Link::register(setup.device, registry, DEVICE, setup.observer)?;
    let shared = Arc::new(Shared {
        state: Mutex::new(State::new(setup.stack, link)),
        waker,
        clock: Clock::start(),
        tcp: setup.tcp,
    });
    let handle = Arc::clone(&shared);
    let thread = thread::Builder::new()
        .name("tcp-tun".to_owned())
        .spawn(move || {
            let stopped = StopOnExit(&shared);
            let result = run(poll, &alarm, &shared);
            stopped.with(result)
        })?;
    Ok((handle, thread))
}

fn run(mut poll: Poll, alarm: &Alarm, shared: &Shared) -> io::Result<()> {
    let mut events = Events::with_capacity(3);
    let mut buf = vec![0; MAX_PACKET];
    // The device is polled for edges, so it may hold packets until `recv` says that it does not.
    let mut input = Input::More;
    let mut state = shared.state.lock();
    loop {
        if input == Input::More {
            input = state.receive_batch(&shared.clock, &mut buf)?;
        }
        let now = shared.clock.now();
        state.run_timers(now);
        state.settle(now);
        if state.may_stop(now) {
            return Ok(());
        }
        if input == Input::More {
            MutexGuard::bump(&mut state);
            continue;
        }
        // Time has passed since: a device may take long to send a burst.
        let now = shared.clock.now();
        let timeout = state
            .fall_asleep()
            .map(|deadline| deadline.saturating_duration_since(now));
        let woken =
            MutexGuard::unlocked(&mut state, || wait(&mut poll, alarm, &mut events, timeout));
        state.wake_up();
        if woken? {
            input = Input::More;
        }
    }
}

/// Sleeps until something happens; says whether it happened to the device. The poll's own timeout is
/// rounded up to a millisecond, as `epoll` counts: a timer is late by so much at most, and never early.
/// Where that would be much, the alarm is exact.
fn wait(
    poll: &mut Poll,
    alarm: &Alarm,
    events: &mut Events,
    timeout: Option<Duration>,
) -> io::Result<bool> {
    if let Some(timeout) = timeout {
        alarm.set(timeout);
    }
    match poll.poll(events, timeout) {
        Ok(()) => Ok(events.iter().any(|event| event.token() == DEVICE)),
        // A signal: whoever asked for it has handled it.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

/// Stops the state when the loop ends, however it ends: after a panic there would be nobody left to
/// wake those who wait.
struct StopOnExit<'a>(&'a Shared);

impl StopOnExit<'_> {
    /// The loop ended in good order, or by an error of the device.
    fn with(self, result: io::Result<()>) -> io::Result<()> {
        let result = result.map_err(Arc::new);
        let observer = self.0.lock().stop(result.as_ref().err().cloned());
        drop(observer);
        result.map_err(|error| io::Error::new(error.kind(), error))
    }
}

impl Drop for StopOnExit<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let error = io::Error::other("the loop has panicked");
            let observer = self.0.lock().stop(Some(Arc::new(error)));
            drop(observer);
        }
    }
}
