//! The interface's own threads, one for each queue, which drive when nobody waits.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::clock::Clock;
use super::exchange::Exchange;
use super::link::Link;
use super::observe;
use super::queues::Queues;
use super::relief::Relief;
use super::seat::{DEVICE, Seat};
use super::state::State;
use super::{Setup, Shared};

/// The queues of an interface, and their threads.
pub(crate) struct Running {
    pub(crate) queues: Queues,
    pub(crate) threads: Vec<JoinHandle<io::Result<()>>>,
}

/// Starts the threads of one interface, one for each queue.
///
/// # Errors
///
/// Those of `epoll`, and of starting a thread.
pub(crate) fn spawn(setup: Setup) -> io::Result<Running> {
    let count = setup.queues.len();
    // Who polls on and on wants each packet at once.
    let adaptive = setup.adaptive_rx && setup.busy_poll.is_zero();
    let seats: Vec<_> = (0..count)
        .map(|_| Seat::new(adaptive))
        .collect::<io::Result<_>>()?;
    let (mut ready, mut wakers) = (Vec::new(), Vec::new());
    for (seat, waker, registry) in seats {
        wakers.push(Arc::new(waker));
        ready.push((seat, registry));
    }
    let mut members = setup
        .steering
        .map(|steering| Exchange::join(steering, &wakers).into_iter());
    let mut observers = setup
        .observer
        .map(|observer| observe::share(observer, count).into_iter());
    let clock = Clock::start();
    let mut parts = Vec::new();
    for (((device, stack), (seat, registry)), waker) in
        setup.queues.into_iter().zip(ready).zip(wakers)
    {
        let observer = observers.as_mut().and_then(Iterator::next);
        let member = members.as_mut().and_then(Iterator::next);
        let largest = stack.config().largest_packet();
        let link = Link::register(device, registry, DEVICE, observer, largest)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(stack, link, member)),
            waker,
            relief: Relief::new()?,
            clock,
            busy_poll: setup.busy_poll,
            tcp: setup.tcp.clone(),
            ends_here: Arc::clone(&setup.ends_here),
        });
        parts.push((shared, seat));
    }
    start(parts)
}

fn start(parts: Vec<(Arc<Shared>, Seat)>) -> io::Result<Running> {
    let mut threads = Vec::new();
    let mut queues = Vec::new();
    for (shared, seat) in parts {
        queues.push(Arc::clone(&shared));
        let name = format!("tcp-tun/{}", threads.len());
        let thread = thread::Builder::new().name(name).spawn(move || {
            let stopped = StopOnExit(&shared);
            let result = run(Box::new(seat), &shared);
            stopped.with(result)
        });
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                // Those that run already have nobody to end them.
                for shared in queues {
                    shared.begin_shutdown(Duration::ZERO);
                }
                return Err(error);
            }
        }
    }
    let queues = Queues::new(queues);
    Ok(Running { queues, threads })
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
        MutexGuard::unlocked(&mut state, || shared.relief.wait(&shared.clock))?;
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
        let now = seat.work(state, &shared.clock, None)?;
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
