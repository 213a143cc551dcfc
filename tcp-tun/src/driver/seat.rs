//! The driver's seat: what it takes to receive packets and to keep the time.

use std::io;
use std::thread;
use std::time::{self, Duration};

use mio::{Events, Poll, Registry, Token, Waker};
use tcp_core::Instant;

use super::alarm::Alarm;
use super::moderation::{Moderation, NAP};
use crate::device::MAX_PACKET;

/// The device's events.
pub(super) const DEVICE: Token = Token(0);
const WAKER: Token = Token(1);
const ALARM: Token = Token(2);

/// There is one for each interface, and whoever has it drives. It goes from hand to hand as a whole,
/// so that what one driver has learned of the device (an edge is reported once) is the next one's too.
pub(crate) struct Seat {
    poll: Poll,
    events: Events,
    alarm: Alarm,
    /// Room for one packet.
    pub(super) buf: Box<[u8]>,
    /// What the device may hold.
    pub(super) input: Input,
    pub(super) moderation: Moderation,
}

/// What the device may hold. It is polled for edges, so there may be packets until `recv` says that
/// there are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// Nothing.
    Drained,
    /// Something new, after a sleep.
    Woken,
    /// Perhaps more than has been taken.
    More,
}

impl Seat {
    /// A seat, what wakes its driver, and where the device is to be registered as [`DEVICE`]; with `adaptive`, packets
    /// that come in bulk are let gather.
    ///
    /// # Errors
    ///
    /// Those of `epoll`.
    pub(super) fn new(adaptive: bool) -> io::Result<(Seat, Waker, Registry)> {
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
            moderation: Moderation::new(adaptive),
        };
        Ok((seat, waker, registry))
    }

    /// Asks the device at the next turn, whether or not it has reported anything.
    pub(super) fn look_again(&mut self) {
        self.input = Input::More;
    }

    /// Sleeps for a moment, to look at the device then, and says how long it was. Whatever would end a
    /// [`sleep`](Seat::sleep) waits for as long.
    pub(super) fn nap(&mut self) -> Duration {
        let began = time::Instant::now();
        thread::sleep(NAP);
        self.look_again();
        began.elapsed()
    }

    /// Sleeps until something happens, or `deadline`. The poll's own timeout is rounded up to a
    /// millisecond, as `epoll` counts: a timer is late by so much at most, and never early. Where that
    /// would be much, the alarm is exact.
    pub(super) fn sleep(&mut self, now: Instant, deadline: Option<Instant>) -> io::Result<()> {
        if let Some(deadline) = deadline {
            self.alarm.set(now, deadline);
        }
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(now));
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {
                if self.events.iter().any(|event| event.token() == DEVICE) {
                    self.input = Input::Woken;
                }
                Ok(())
            }
            // A signal: whoever asked for it has handled it.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}
