//! Who drives.
//!
//! Exactly one thread may have the [`Seat`], which its ownership sees to. It is a caller that waits for
//! its own connection, so that what it waits for need not pass from thread to thread; or the
//! interface's own thread, where no caller waits.
//!
//! ```text
//!                 a caller waits, and takes it
//!        Free ───────────────────────────────────────> Caller
//!        │  ^                                             │
//!        │  └─────────────────────────────────────────────┘
//!        │             the caller has its answer
//!        │ free for a while
//!        v             a caller waits, and wants it
//!    Background ─────────────────────────────────────────> Free
//! ```
//!
//! A caller that has its answer is likely to wait again at once: to ask the interface's thread to take
//! over, and then to ask for the seat back, would cost more than what lies between. So the seat is left
//! free, and a timer is set. The one thing that must hold is: *while the seat is free, the relief timer
//! is armed*. It then takes at most [`GRACE`] until somebody drives again. Where other callers wait, one
//! of them is told at once besides.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tcp_core::Instant;

use super::seat::Seat;
use super::wait::Waiter;

/// How long the seat may be free. Packets and timers wait as long at most; a caller that comes back
/// within it costs nobody a wake-up.
const GRACE: Duration = Duration::from_micros(250);

/// Where the seat is, and who waits beside the driver.
pub(super) struct Role {
    place: Place,
    /// A caller waits for the interface's thread to get up.
    wanted: bool,
    /// The relief timer is set, or has rung and not been heard.
    armed: bool,
    /// What a caller has met while it drove; the interface's thread ends by it.
    fault: Option<io::Error>,
    /// Callers that wait without driving, in the order in which they began to.
    waiters: BTreeMap<u64, Waiter>,
    next_ticket: u64,
}

enum Place {
    Free { seat: Box<Seat>, since: Instant },
    Background,
    Caller(Waiter),
}

/// What a caller that must wait is to do.
pub(super) enum Turn {
    /// Drive.
    Drive(Box<Seat>),
    /// Wait to be told.
    Wait,
    /// Wait to be told, and wake the interface's thread, which is to get up.
    WaitAndWake,
}

impl Role {
    /// The interface's thread begins; it is to take the seat that it made.
    pub(super) fn new() -> Role {
        Role {
            place: Place::Background,
            wanted: false,
            armed: false,
            fault: None,
            waiters: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    /// What a caller does that must wait.
    pub(super) fn take_turn(&mut self, waiter: Waiter) -> Turn {
        match mem::replace(&mut self.place, Place::Caller(waiter)) {
            // After a fault nobody is to drive any more.
            Place::Free { seat, .. } if self.fault.is_none() => return Turn::Drive(seat),
            place => self.place = place,
        }
        let is_first_to_ask = matches!(self.place, Place::Background) && !self.wanted;
        self.wanted |= is_first_to_ask;
        match is_first_to_ask {
            true => Turn::WaitAndWake,
            false => Turn::Wait,
        }
    }

    /// Gives the seat back.
    pub(super) fn put_back(&mut self, seat: Box<Seat>, now: Instant, relief: &Relief) {
        self.place = Place::Free { seat, since: now };
        self.wanted = false;
        self.arm(relief, GRACE);
    }

    /// As [`put_back`](Role::put_back), for good.
    pub(super) fn give_up(
        &mut self,
        seat: Box<Seat>,
        now: Instant,
        relief: &Relief,
        why: io::Error,
    ) {
        self.fault.get_or_insert(why);
        self.put_back(seat, now, relief);
    }

    pub(super) fn take_fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }

    /// The seat for the interface's thread, if it has been free for long enough.
    pub(super) fn relieve(&mut self, now: Instant, relief: &Relief) -> Option<Box<Seat>> {
        let Place::Free { since, .. } = self.place else {
            return None;
        };
        let rest = GRACE.saturating_sub(now.saturating_duration_since(since));
        if !rest.is_zero() {
            self.arm(relief, rest);
            return None;
        }
        match mem::replace(&mut self.place, Place::Background) {
            Place::Free { seat, .. } => Some(seat),
            Place::Background | Place::Caller(_) => None,
        }
    }

    /// The relief timer has rung, and was heard.
    pub(super) fn relief_rang(&mut self) {
        self.armed = false;
    }

    /// Whether a caller waits for the interface's thread to get up.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether the driver is a caller that waits for something that this concerns.
    pub(super) fn is_driven_by(&self, concerns: impl FnOnce(Waiter) -> bool) -> bool {
        matches!(self.place, Place::Caller(waiter) if concerns(waiter))
    }

    /// Notes a caller that waits without driving.
    pub(super) fn join_queue(&mut self, waiter: Waiter) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiters.insert(ticket, waiter);
        ticket
    }

    /// The caller with this ticket no longer waits.
    pub(super) fn leave_queue(&mut self, ticket: u64) {
        self.waiters.remove(&ticket);
    }

    /// Who is to be told that the seat is free: nobody, where it is not.
    pub(super) fn next_driver(&self) -> Option<Waiter> {
        let is_free = matches!(self.place, Place::Free { .. }) && self.fault.is_none();
        let (_, waiter) = self.waiters.first_key_value()?;
        is_free.then_some(*waiter)
    }

    fn arm(&mut self, relief: &Relief, delay: Duration) {
        if !self.armed {
            relief.set(delay);
            self.armed = true;
        }
    }
}

/// What the interface's thread waits on while it does not drive.
pub(super) struct Relief {
    timer: TimerFd,
}

impl Relief {
    /// # Errors
    ///
    /// The kernel's, for want of descriptors or memory.
    pub(super) fn new() -> io::Result<Relief> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
        Ok(Relief { timer })
    }

    /// Waits until the timer rings.
    ///
    /// # Errors
    ///
    /// None that an open timer descriptor has.
    pub(super) fn wait(&self) -> io::Result<()> {
        Ok(self.timer.wait()?)
    }

    fn set(&self, delay: Duration) {
        let once = Expiration::OneShot(TimeSpec::from_duration(delay));
        let set = self.timer.set(once, TimerSetTimeFlags::empty());
        debug_assert!(set.is_ok(), "a short time ahead is a valid time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcp_core::{Stack, StackConfig, ValidConfig};

    fn seat() -> Box<Seat> {
        Box::new(Seat::new().unwrap().0)
    }

    /// A caller that waits for some connection.
    fn waiter() -> Waiter {
        let config = StackConfig {
            addresses: vec!["10.0.0.2".parse().unwrap()],
            ..StackConfig::default()
        };
        let remote = "10.0.0.1:80".parse().unwrap();
        let mut stack = Stack::new(config, [7; 32]);
        let id = stack.connect(Instant::ZERO, None, remote, ValidConfig::default());
        Waiter::Readable(id.unwrap())
    }

    #[test]
    fn the_interface_s_thread_is_woken_once_for_all_who_want_the_seat() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let waiter = waiter();
        assert!(matches!(role.take_turn(waiter), Turn::WaitAndWake));
        assert!(matches!(role.take_turn(waiter), Turn::Wait));
        assert!(role.is_wanted());
        role.put_back(seat(), Instant::ZERO, &relief);
        assert!(!role.is_wanted());
        let Turn::Drive(seat) = role.take_turn(waiter) else {
            panic!("the seat is free");
        };
        // Among callers, nobody gets up for another.
        assert!(matches!(role.take_turn(waiter), Turn::Wait));
        assert!(!role.is_wanted());
        drop(seat);
    }

    #[test]
    fn the_seat_is_left_free_for_a_while_and_then_taken_over() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        role.put_back(seat(), Instant::ZERO, &relief);
        relief.wait().unwrap();
        role.relief_rang();
        // Somebody has had it meanwhile: the timer rings again.
        assert!(role.relieve(Instant::ZERO + GRACE / 2, &relief).is_none());
        relief.wait().unwrap();
        role.relief_rang();
        assert!(role.relieve(Instant::ZERO + GRACE, &relief).is_some());
        assert!(role.relieve(Instant::ZERO + GRACE, &relief).is_none());
    }

    #[test]
    fn those_who_wait_are_told_in_their_order_that_the_seat_is_free() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let Waiter::Readable(id) = waiter() else {
            unreachable!("it reads");
        };
        let first = role.join_queue(Waiter::Readable(id));
        role.join_queue(Waiter::Writable(id));
        assert_eq!(role.next_driver(), None);
        role.put_back(seat(), Instant::ZERO, &relief);
        assert_eq!(role.next_driver(), Some(Waiter::Readable(id)));
        role.leave_queue(first);
        assert_eq!(role.next_driver(), Some(Waiter::Writable(id)));
    }

    #[test]
    fn after_a_fault_the_seat_is_the_interface_s_thread_s() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let waiter = waiter();
        role.join_queue(waiter);
        role.give_up(
            seat(),
            Instant::ZERO,
            &relief,
            io::ErrorKind::BrokenPipe.into(),
        );
        assert_eq!(role.next_driver(), None);
        assert!(matches!(role.take_turn(waiter), Turn::Wait));
        relief.wait().unwrap();
        let fault = role.take_fault().map(|fault| fault.kind());
        assert_eq!(fault, Some(io::ErrorKind::BrokenPipe));
    }
}
