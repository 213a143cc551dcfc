//! Who drives.
//!
//! Exactly one thread may have the [`Seat`], which its ownership sees to. It is a caller that waits for
//! its own connection, so that what it waits for need not pass from thread to thread; or the
//! interface's own thread, where no caller waits.
//!
//! ```text
//!                a caller waits, and takes it
//!        Free ──────────────────────────────────────> Caller
//!        │  ^                                            │
//!        │  └────────────────────────────────────────────┘
//!        │      it has its answer, or gets up for another
//!        │ free for a while
//!        v      a caller waits, and wants it
//!    Background ──────────────────────────────────────> Free
//! ```
//!
//! A caller that has its answer is likely to wait again at once: to have somebody else drive meanwhile,
//! and then to ask for the seat back, would cost more than what lies between. So the seat is left free,
//! and a timer is set. The one thing that must hold is: *while the seat is free, the relief timer is
//! armed*. It then takes at most twice [`GRACE`] until somebody drives again; or [`MOST_GRACE`] more where callers come
//! and go all the time, 4 ms where large writes did, some times at most where none of them drives ([`super::relief`]). Those that need not
//! wait look at the device in passing.
//!
//! A caller that drives and gets nothing for itself, but for others (one that waits for connections to
//! accept, say), gets up for the next that begins to wait, as the interface's thread does at once; and for those that
//! need not wait, if they are many.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::time::Duration;

use tcp_core::Instant;

use super::relief::{GRACE, MOST_GRACE, Relief, rest_of_grace};
use super::seat::Seat;
use super::wait::Waiter;

/// How long the seat may be free before a caller that passes by looks at the device: well within [`GRACE`], and long
/// enough that many small calls do not each ask the device for nothing.
const IDLE: Duration = Duration::from_micros(20);

/// So many calls within so long are many: a large write by a plain device takes most of a millisecond.
const MANY_PASSERS: u32 = 4;
const PASSING: Duration = Duration::from_millis(10);

/// Events for others after which a caller that drives is taken to do so for others. As many connections
/// as this may each get an answer, and none of their callers is moved.
const EVENTS_FOR_OTHERS: u32 = 32;

/// Turns that a driver may take in which it receives something and none who wait get anything by it, where callers often
/// pass by: what it does is theirs to do, and it competes with them for the lock.
const TURNS_FOR_PASSERS: u32 = 4;

/// Where the seat is, and who waits beside the driver.
pub(super) struct Role {
    place: Place,
    /// The ticket of a caller that waits for the driver to get up.
    wanted_by: Option<u64>,
    /// The ticket of the caller that the driver got up for, until it has heard of it.
    kept_for: Option<u64>,
    /// Events that the driver has brought to others since it drives.
    events_for_others: u32,
    /// Turns that the caller that drives has taken for nobody who waits.
    turns: u32,
    /// Callers that did not wait, since somebody drives.
    passers: Passers,
    /// It is to get up for them.
    left_to_passers: bool,
    /// The relief timer is set, or has rung and not been heard.
    armed: bool,
    /// What a caller has met while it drove; the interface's thread ends by it.
    fault: Option<io::Error>,
    /// Callers that wait without driving, by their tickets.
    waiters: BTreeMap<u64, Waiter>,
    next_ticket: u64,
}

/// So many calls since then.
struct Passers {
    since: Instant,
    count: u32,
}

enum Place {
    Free { seat: Box<Seat>, since: Instant },
    Background,
    Caller(Waiter),
}

/// What becomes of the driver when a caller begins to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Driver {
    /// It goes on.
    Stays,
    /// It is to be woken, and to get up.
    GetsUp,
}

impl Role {
    /// The interface's thread begins; it is to take the seat that it made.
    pub(super) fn new() -> Role {
        Role {
            place: Place::Background,
            wanted_by: None,
            kept_for: None,
            events_for_others: 0,
            turns: 0,
            passers: Passers {
                since: Instant::ZERO,
                count: 0,
            },
            left_to_passers: false,
            armed: false,
            fault: None,
            waiters: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    /// The seat for a caller that must wait, where it is free. After a fault nobody is to drive any more.
    pub(super) fn take_seat(&mut self, waiter: Waiter) -> Option<Box<Seat>> {
        if self.fault.is_some() || self.kept_for.is_some() {
            return None;
        }
        match mem::replace(&mut self.place, Place::Caller(waiter)) {
            Place::Free { seat, .. } => {
                self.events_for_others = 0;
                self.turns = 0;
                Some(seat)
            }
            place => {
                self.place = place;
                None
            }
        }
    }

    /// Notes a caller that need not wait. Where such come often, a driver that gets nothing by it for itself is to
    /// leave them the seat: it would be woken by every answer to what they send.
    pub(super) fn pass_by(&mut self, now: Instant) -> Driver {
        if matches!(self.place, Place::Free { .. }) || self.is_wanted() {
            return Driver::Stays;
        }
        let Passers { since, count } = &mut self.passers;
        if now.saturating_duration_since(*since) > PASSING {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        let are_many = *count >= MANY_PASSERS;
        let for_passers = self.is_driven_for_others() || self.turns >= TURNS_FOR_PASSERS;
        self.left_to_passers = are_many && for_passers;
        match self.left_to_passers {
            true => Driver::GetsUp,
            false => Driver::Stays,
        }
    }

    /// The seat for a caller that need not wait, where nobody has had it for a while.
    pub(super) fn take_idle_seat(&mut self, waiter: Waiter, now: Instant) -> Option<Box<Seat>> {
        match self.place {
            Place::Free { since, .. } if now.saturating_duration_since(since) >= IDLE => {
                self.take_seat(waiter)
            }
            _ => None,
        }
    }

    /// Notes a caller that waits without driving: its ticket, and what the driver does about it.
    pub(super) fn join_queue(&mut self, waiter: Waiter) -> (u64, Driver) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiters.insert(ticket, waiter);
        if !self.is_driven_for_others() || self.wanted_by.is_some() || self.fault.is_some() {
            return (ticket, Driver::Stays);
        }
        self.wanted_by = Some(ticket);
        (ticket, Driver::GetsUp)
    }

    /// Whether the driver gets nothing by it for itself.
    fn is_driven_for_others(&self) -> bool {
        match self.place {
            Place::Free { .. } => false,
            Place::Background => true,
            Place::Caller(_) => self.events_for_others >= EVENTS_FOR_OTHERS,
        }
    }

    /// The caller with this ticket no longer waits.
    pub(super) fn leave_queue(&mut self, ticket: u64) {
        self.waiters.remove(&ticket);
        self.wanted_by = self.wanted_by.filter(|&wanted_by| wanted_by != ticket);
        self.kept_for = self.kept_for.filter(|&kept_for| kept_for != ticket);
    }

    /// An event came for somebody who waits for something else than the driver does.
    pub(super) fn count_event_for_others(&mut self) {
        if !self.waiters.is_empty() || self.passers.count > 0 {
            self.events_for_others = self.events_for_others.saturating_add(1);
        }
    }

    /// Events that the driver has brought to others since it drives.
    pub(super) fn events_for_others(&self) -> u32 {
        self.events_for_others
    }

    /// A caller has driven, and what it has received was for nobody who waits.
    pub(super) fn count_turn(&mut self) {
        self.turns = self.turns.saturating_add(1);
    }

    /// Whether the driver is to get up for those who need not wait: it is not to take the seat again at once.
    pub(super) fn is_left_to_passers(&self) -> bool {
        self.left_to_passers
    }

    /// Whether a caller waits for the driver to get up.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted_by.is_some() || self.left_to_passers
    }

    /// Gets up for the caller that wants the seat, who is to be told: what it waits for, if it does.
    pub(super) fn get_up(
        &mut self,
        seat: Box<Seat>,
        now: Instant,
        relief: &Relief,
    ) -> Option<Waiter> {
        self.kept_for = self.wanted_by.take();
        self.put_back(seat, now, relief);
        self.kept_for
            .and_then(|ticket| self.waiters.get(&ticket).copied())
    }

    /// Gives the seat back.
    pub(super) fn put_back(&mut self, seat: Box<Seat>, now: Instant, relief: &Relief) {
        self.place = Place::Free { seat, since: now };
        self.left_to_passers = false;
        self.passers.count = 0;
        relief.note_put_back(now);
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
        if !rest_of_grace(since, now).is_zero() {
            // It has been used meanwhile, and may well be again.
            self.arm(relief, MOST_GRACE);
            return None;
        }
        // Whom it was kept for has not come.
        self.kept_for = None;
        match mem::replace(&mut self.place, Place::Background) {
            Place::Free { seat, .. } => Some(seat),
            Place::Background | Place::Caller(_) => None,
        }
    }

    /// The relief timer has rung, and was heard.
    pub(super) fn relief_rang(&mut self) {
        self.armed = false;
    }

    /// Whether the driver is a caller that waits for something that this concerns.
    pub(super) fn is_driven_by(&self, concerns: impl FnOnce(Waiter) -> bool) -> bool {
        matches!(self.place, Place::Caller(waiter) if concerns(waiter))
    }

    fn arm(&mut self, relief: &Relief, delay: Duration) {
        if !self.armed {
            relief.set(delay);
            self.armed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::clock::Clock;
    use tcp_core::{Stack, StackConfig, ValidConfig};

    fn seat() -> Box<Seat> {
        Box::new(Seat::new(true).unwrap().0)
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
    fn the_interface_s_thread_gets_up_for_the_first_who_waits() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let waiter = waiter();
        assert!(role.take_seat(waiter).is_none());
        let (first, driver) = role.join_queue(waiter);
        assert_eq!(driver, Driver::GetsUp);
        let (_, driver) = role.join_queue(waiter);
        assert_eq!(driver, Driver::Stays);
        assert!(role.is_wanted());
        let told = role.get_up(seat(), Instant::ZERO, &relief);
        assert_eq!(told, Some(waiter));
        // It is kept for the first until that has come.
        assert!(role.take_seat(waiter).is_none());
        role.leave_queue(first);
        assert!(role.take_seat(waiter).is_some());
        assert!(!role.is_wanted());
    }

    #[test]
    fn a_caller_gets_up_once_it_drives_for_others() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let waiter = waiter();
        role.put_back(seat(), Instant::ZERO, &relief);
        let seat = role.take_seat(waiter).unwrap();
        let join = |role: &mut Role| {
            let (ticket, driver) = role.join_queue(waiter);
            role.count_event_for_others();
            role.leave_queue(ticket);
            driver
        };
        for _ in 0..EVENTS_FOR_OTHERS {
            assert_eq!(join(&mut role), Driver::Stays);
        }
        assert_eq!(join(&mut role), Driver::GetsUp);
        // Who wanted it has gone again.
        assert!(!role.is_wanted());
        assert_eq!(role.get_up(seat, Instant::ZERO, &relief), None);
        assert!(role.take_seat(waiter).is_some());
    }

    #[test]
    fn the_seat_is_left_free_for_a_while_and_then_taken_over() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let clock = Clock::start();
        role.put_back(seat(), Instant::ZERO, &relief);
        relief.wait(&clock).unwrap();
        role.relief_rang();
        // Somebody has had it meanwhile: the timer rings again.
        assert!(role.relieve(Instant::ZERO + GRACE / 2, &relief).is_none());
        relief.wait(&clock).unwrap();
        role.relief_rang();
        assert!(role.relieve(Instant::ZERO + GRACE, &relief).is_some());
        assert!(role.relieve(Instant::ZERO + GRACE, &relief).is_none());
    }

    #[test]
    fn after_a_fault_the_seat_is_the_interface_s_thread_s() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let clock = Clock::start();
        let waiter = waiter();
        role.give_up(
            seat(),
            Instant::ZERO,
            &relief,
            io::ErrorKind::BrokenPipe.into(),
        );
        assert!(role.take_seat(waiter).is_none());
        assert_eq!(role.join_queue(waiter).1, Driver::Stays);
        relief.wait(&clock).unwrap();
        let fault = role.take_fault().map(|fault| fault.kind());
        assert_eq!(fault, Some(io::ErrorKind::BrokenPipe));
    }

    #[test]
    fn the_timer_is_heard_only_when_callers_have_stayed_away() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let clock = Clock::start();
        role.put_back(seat(), clock.now(), &relief);
        // As if somebody had it until then: the timer rings several times meanwhile.
        let last = clock.now() + 8 * GRACE;
        let seat = role.take_seat(waiter()).unwrap();
        role.put_back(seat, last, &relief);
        relief.wait(&clock).unwrap();
        let rang = clock.now();
        assert!(rang >= last + GRACE, "{rang:?} is too early");
        role.relief_rang();
        assert!(role.relieve(rang, &relief).is_some());
    }

    #[test]
    fn the_timer_is_heard_in_the_end_though_a_caller_works() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let clock = Clock::start();
        relief.caller_works(true);
        role.put_back(seat(), clock.now(), &relief);
        relief.wait(&clock).unwrap();
        assert!(clock.now() >= Instant::ZERO + 8 * GRACE);
    }

    #[test]
    fn a_seat_just_used_is_not_taken_in_passing() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let now = Instant::from_millis(1);
        role.put_back(seat(), now, &relief);
        assert!(role.take_idle_seat(waiter(), now + IDLE / 2).is_none());
        assert!(role.take_idle_seat(waiter(), now + IDLE).is_some());
        assert!(role.take_idle_seat(waiter(), now + 2 * IDLE).is_none());
    }

    #[test]
    fn the_seat_is_left_to_callers_that_often_pass_by() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let now = Instant::from_millis(5);
        // Too few, and too seldom.
        for turn in 0..3 * MANY_PASSERS {
            assert_eq!(role.pass_by(now + PASSING * turn), Driver::Stays);
        }
        let now = now + PASSING * 100;
        let asked: Vec<Driver> = (0..MANY_PASSERS).map(|_| role.pass_by(now)).collect();
        assert_eq!(asked.last(), Some(&Driver::GetsUp));
        assert!(!asked[..asked.len() - 1].contains(&Driver::GetsUp));
        // Once is enough.
        assert_eq!(role.pass_by(now), Driver::Stays);
        assert!(role.is_wanted() && role.is_left_to_passers());
        assert_eq!(role.get_up(seat(), now, &relief), None);
        assert!(!role.is_wanted());
        assert_eq!(role.pass_by(now), Driver::Stays, "it is free");
        assert!(role.take_idle_seat(waiter(), now + IDLE).is_some());
    }

    #[test]
    fn a_caller_that_drives_for_itself_stays_whoever_passes_by() {
        let (mut role, relief) = (Role::new(), Relief::new().unwrap());
        let now = Instant::from_millis(5);
        role.put_back(seat(), now, &relief);
        assert!(role.take_seat(waiter()).is_some());
        for _ in 0..3 * MANY_PASSERS {
            assert_eq!(role.pass_by(now), Driver::Stays);
        }
        for _ in 0..TURNS_FOR_PASSERS {
            assert_eq!(role.pass_by(now), Driver::Stays);
            role.count_turn();
        }
        assert_eq!(role.pass_by(now), Driver::GetsUp);
        assert_eq!(role.get_up(seat(), now, &relief), None);
        assert!(role.take_seat(waiter()).is_some());
        for _ in 0..MANY_PASSERS {
            assert_eq!(role.pass_by(now), Driver::Stays, "it begins anew");
        }
        for _ in 0..EVENTS_FOR_OTHERS {
            assert!(!role.is_wanted());
            role.count_event_for_others();
        }
        assert_eq!(role.pass_by(now), Driver::GetsUp);
    }
}
