//! When the interface's thread comes to a seat that is free.
//!
//! A timer calls it, and is set whenever the seat is put back. For as long as callers come and go, and drive, the thread
//! hears the timer and lies down again, without the lock.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tcp_core::Instant;

use super::clock::Clock;

/// How long the seat may be free before the interface's thread comes, if it hears the timer; a caller that comes back
/// within it costs nobody a wake-up.
pub(super) const GRACE: Duration = Duration::from_micros(250);

/// How long it may be free where callers have come and gone again and again, lest the interface's thread be woken for
/// nothing thousands of times a second.
pub(super) const MOST_GRACE: Duration = Duration::from_millis(1);

/// The same where they drive, and are at work each time that the timer rings: large writes, one after another, which even a
/// thread that wakes up and lies down again slows by a fiftieth.
const WORKING_GRACE: Duration = Duration::from_millis(4);

/// Times that the timer may ring in vain because a caller is at work, while nobody drives. Those who are may not be those
/// who drive next.
const MOST_WORKING: u32 = 8;

/// What the interface's thread waits on while it does not drive.
pub(super) struct Relief {
    timer: TimerFd,
    /// When the seat was put back last, in nanoseconds. It is told without the lock, for which there would be
    /// nothing but competition as long as callers come and go.
    put_back: AtomicU64,
    /// A caller is at work, and will drive, or look at the device, when it is done. A large write by a plain device
    /// takes longer than [`GRACE`].
    caller_works: AtomicBool,
}

impl Relief {
    /// # Errors
    ///
    /// The kernel's, for want of descriptors or memory.
    pub(super) fn new() -> io::Result<Relief> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
        Ok(Relief {
            timer,
            put_back: AtomicU64::new(0),
            caller_works: AtomicBool::new(false),
        })
    }

    /// Notes that the seat is put back.
    pub(super) fn note_put_back(&self, now: Instant) {
        self.put_back.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// Notes that a caller with the lock is at work, or no longer.
    pub(super) fn caller_works(&self, works: bool) {
        self.caller_works.store(works, Ordering::Relaxed);
    }

    /// Waits until the timer rings, and nobody has had the seat for a while, nor is about to.
    ///
    /// # Errors
    ///
    /// None that an open timer descriptor has.
    pub(super) fn wait(&self, clock: &Clock) -> io::Result<()> {
        // It is doubled before it is set for the first time.
        let (mut delay, mut rings) = (GRACE / 2, Rings::default());
        loop {
            self.timer.wait()?;
            let put_back = Instant::from_nanos(self.put_back.load(Ordering::Relaxed));
            let works = self.caller_works.load(Ordering::Relaxed);
            if rings.is_heard(put_back, works, clock.now()) {
                return Ok(());
            }
            // Nobody else sets it before it is said to have rung.
            delay = rings.longest_delay(works).min(2 * delay);
            self.set(delay);
        }
    }

    pub(super) fn set(&self, delay: Duration) {
        let once = Expiration::OneShot(TimeSpec::from_duration(delay));
        let set = self.timer.set(once, TimerSetTimeFlags::empty());
        debug_assert!(set.is_ok(), "a short time ahead is a valid time");
    }
}

/// What the interface's thread remembers from one ring of the timer to the next.
#[derive(Default)]
struct Rings {
    /// When the seat had been put back last.
    put_back: Instant,
    /// Rings since then at which it was a caller's turn, who was at work.
    working: u32,
}

impl Rings {
    /// Whether the thread is to take the seat, which was put back at such a time, if it can.
    fn is_heard(&mut self, put_back: Instant, caller_works: bool, now: Instant) -> bool {
        if put_back != mem::replace(&mut self.put_back, put_back) {
            // Those who work do drive.
            self.working = 0;
        }
        if !rest_of_grace(put_back, now).is_zero() {
            return false;
        }
        self.working += 1;
        !caller_works || self.working > MOST_WORKING
    }

    /// How long the timer may be set for next, though nobody would hear of it that the callers stay away.
    fn longest_delay(&self, caller_works: bool) -> Duration {
        // None of the rings has been in vain, but for this one.
        if caller_works && self.working <= 1 {
            WORKING_GRACE
        } else {
            MOST_GRACE
        }
    }
}

/// How much longer the seat may be free, since it has been so for some time.
pub(super) fn rest_of_grace(since: Instant, now: Instant) -> Duration {
    GRACE.saturating_sub(now.saturating_duration_since(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_is_not_heard_as_long_as_those_at_work_drive() {
        let mut rings = Rings::default();
        let at = |ring: u32| Instant::ZERO + MOST_GRACE * ring;
        // Large writes, each of which ends just before the next ring, and drove when it began.
        for ring in 1..100 {
            assert!(!rings.is_heard(at(ring), true, at(ring + 1)));
        }
        assert_eq!(rings.longest_delay(true), WORKING_GRACE);
        assert_eq!(rings.longest_delay(false), MOST_GRACE);
        // They go on without driving.
        assert!(!rings.is_heard(at(99), true, at(100)));
        assert_eq!(rings.longest_delay(true), MOST_GRACE);
        let heard = (101..).find(|&ring| rings.is_heard(at(99), true, at(ring)));
        assert_eq!(heard, Some(99 + MOST_WORKING));
        assert!(rings.is_heard(at(200), false, at(201)), "nobody is there");
        let used = at(300);
        assert!(!rings.is_heard(used, false, used + GRACE / 2), "just left");
    }
}
