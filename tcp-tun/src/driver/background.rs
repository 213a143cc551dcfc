//! The interface's own thread, which drives when nobody waits.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Mutex, MutexGuard};

use super::clock::Clock;
use super::link::Link;
use super::role::Relief;
use super::seat::{DEVICE, Seat};
use super::state::State;
use super::{Setup, Shared};

/// Starts the thread of one interface.
///
/// # Errors
///
/// Those of `epoll`, and of starting a thread.
pub(crate) fn spawn(setup: Setup) -> io::Result<(Arc<Shared>, JoinHandle<io::Result<()>>)> {
    let (seat, waker, registry) = Seat::new()?;
    let link = Link::register(setup.device, registry, DEVICE, setup.observer)?;
    let shared = Arc::new(Shared {
        state: Mutex::new(State::new(setup.stack, link)),
        waker,
        relief: Relief::new()?,
        clock: Clock::start(),
        busy_poll: setup.busy_poll,
        tcp: setup.tcp,
    });
    let handle = Arc::clone(&shared);
    let thread = thread::Builder::new()
        .name("tcp-tun".to_owned())
        .spawn(move || {
            let stopped = StopOnExit(&shared);
            let result = run(Box::new(seat), &shared);
            stopped.with(result)
        })?;
    Ok((handle, thread))
}

/// Why the thread no longer drives.
enum Relieved {
    /// A caller does.
    ByCaller,
    /// The interface has come to its end.
    AtEnd,
}

fn run(seat: Box<Seat>, shared: &Shared) -> io::Result<()> {
    let mut state = shared.lock();
    let mut seat = Some(seat);
    loop {
        if let Some(seat) = seat.take()
            && let Relieved::AtEnd = drive(seat, &mut state, shared)?
        {
            return Ok(());
        }
        MutexGuard::unlocked(&mut state, || shared.relief.wait())?;
        state.role.relief_rang();
        if let Some(fault) = state.role.take_fault() {
            return Err(fault);
        }
        seat = state.role.relieve(shared.clock.now(), &shared.relief);
        if let Some(seat) = &mut seat {
            // What has come meanwhile is to be heard before a timer that is due because nobody did.
            seat.look_again();
        }
    }
}

fn drive(
    mut seat: Box<Seat>,
    state: &mut MutexGuard<'_, State>,
    shared: &Shared,
) -> io::Result<Relieved> {
    loop {
        let now = seat.work(state, &shared.clock)?;
        if state.may_stop(now) {
            return Ok(Relieved::AtEnd);
        }
        if state.role.is_wanted() {
            let next = state.role.get_up(seat, now, &shared.relief);
            state.tell(next);
            return Ok(Relieved::ByCaller);
        }
        seat.rest(state, &shared.clock, None)?;
    }
}

/// Stops the state when the thread ends, however it ends: after a panic there would be nobody left to
/// wake those who wait.
struct StopOnExit<'a>(&'a Shared);

impl StopOnExit<'_> {
    /// The thread ended in good order, or by an error of the device.
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
            let error = io::Error::other("the interface's thread has panicked");
            let observer = self.0.lock().stop(Some(Arc::new(error)));
            drop(observer);
        }
    }
}
