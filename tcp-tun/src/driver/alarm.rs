//! Deadlines that a millisecond is too coarse for.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tcp_core::Instant;

/// Ends a sleep exactly. `epoll` counts in milliseconds, and mio rounds up: what is sent at a pace goes
/// in bursts of a millisecond, so each would be late by up to its own length, and the pacer makes up for
/// half of it only.
pub(super) struct Alarm {
    timer: TimerFd,
    /// When it goes off, or went off last.
    set_for: Instant,
}

/// From here on a millisecond more is little.
const COARSE: Duration = Duration::from_millis(20);

impl Alarm {
    /// # Errors
    ///
    /// The kernel's, for want of descriptors or memory.
    pub(super) fn register(registry: &Registry, token: Token) -> io::Result<Alarm> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        registry.register(
            &mut SourceFd(&timer.as_fd().as_raw_fd()),
            token,
            Interest::READABLE,
        )?;
        let set_for = Instant::ZERO;
        Ok(Alarm { timer, set_for })
    }

    /// Wakes the poll at `deadline`, where that is near and not over already; farther ones are left to
    /// the poll's own. An alarm of before, set for a time that is to come before the deadline, is left to
    /// go off: one look more costs less than to set it anew for each packet. It need not be read: it is
    /// polled for edges, and to set it anew clears it.
    pub(super) fn set(&mut self, now: Instant, deadline: Instant) {
        let timeout = deadline.saturating_duration_since(now);
        let is_coming = now < self.set_for && self.set_for <= deadline;
        if timeout.is_zero() || timeout >= COARSE || is_coming {
            return;
        }
        let once = Expiration::OneShot(TimeSpec::from_duration(timeout));
        let set = self.timer.set(once, TimerSetTimeFlags::empty());
        debug_assert!(set.is_ok(), "a short time ahead is a valid time");
        self.set_for = deadline;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::time;

    const ALARM: Token = Token(7);

    fn poll_with_alarm() -> (Poll, Alarm) {
        let poll = Poll::new().unwrap();
        let alarm = Alarm::register(poll.registry(), ALARM).unwrap();
        (poll, alarm)
    }

    /// Sleeps until the alarm goes off, which it is set to do at `deadline`; the time it took.
    fn sleep(poll: &mut Poll, alarm: &mut Alarm, now: Instant, deadline: Instant) -> Duration {
        let mut events = Events::with_capacity(2);
        let began = time::Instant::now();
        alarm.set(now, deadline);
        poll.poll(&mut events, Some(Duration::from_secs(10)))
            .unwrap();
        assert!(events.iter().all(|event| event.token() == ALARM));
        assert!(!events.is_empty(), "the alarm did not go off");
        began.elapsed()
    }

    #[test]
    fn it_goes_off_each_time_and_never_early() {
        let (mut poll, mut alarm) = poll_with_alarm();
        let timeout = Duration::from_micros(300);
        let best = (0..50)
            .map(|turn| {
                let now = Instant::from_millis(turn);
                let took = sleep(&mut poll, &mut alarm, now, now + timeout);
                assert!(took >= timeout, "{took:?}");
                took
            })
            .min()
            .unwrap();
        // The best of many: other work on the machine may disturb some.
        assert!(best < Duration::from_millis(1), "{best:?}");
    }

    #[test]
    fn one_that_is_coming_is_not_put_off() {
        let (mut poll, mut alarm) = poll_with_alarm();
        let now = Instant::from_millis(1);
        let timeout = Duration::from_millis(5);
        alarm.set(now, now + timeout);
        let began = time::Instant::now();
        sleep(&mut poll, &mut alarm, now, now + 3 * timeout);
        assert!(began.elapsed() < 3 * timeout, "it was put off");
        // But it is, once it has gone off; and it is brought forward.
        let now = now + timeout;
        alarm.set(now, now + 3 * timeout);
        let took = sleep(&mut poll, &mut alarm, now, now + timeout);
        assert!(took < 3 * timeout, "it was not brought forward");
    }

    #[test]
    fn what_is_over_and_what_is_far_is_left_to_the_poll() {
        let (mut poll, mut alarm) = poll_with_alarm();
        let mut events = Events::with_capacity(2);
        let now = Instant::from_millis(1);
        for timeout in [Duration::ZERO, COARSE] {
            alarm.set(now, now + timeout);
            poll.poll(&mut events, Some(2 * COARSE)).unwrap();
            assert!(events.is_empty(), "{timeout:?}");
        }
    }
}
