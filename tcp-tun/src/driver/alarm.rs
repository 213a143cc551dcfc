//! Deadlines that a millisecond is too coarse for.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// Ends a sleep exactly. `epoll` counts in milliseconds, and mio rounds up: what is sent at a pace goes
/// in bursts of a millisecond, so each would be late by up to its own length, and the pacer makes up for
/// half of it only.
pub(super) struct Alarm {
    timer: TimerFd,
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
        Ok(Alarm { timer })
    }

    /// Wakes the poll after `timeout`, where that is short and not over already; longer ones are left to
    /// the poll's own. An alarm of before that goes off after all costs one look more. It need not be
    /// read: it is polled for edges, and to set it anew clears it.
    pub(super) fn set(&self, timeout: Duration) {
        if timeout.is_zero() || timeout >= COARSE {
            return;
        }
        let once = Expiration::OneShot(TimeSpec::from_duration(timeout));
        let set = self.timer.set(once, TimerSetTimeFlags::empty());
        debug_assert!(set.is_ok(), "a short time ahead is a valid time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::time::Instant;

    const ALARM: Token = Token(7);

    fn poll_with_alarm() -> (Poll, Alarm) {
        let poll = Poll::new().unwrap();
        let alarm = Alarm::register(poll.registry(), ALARM).unwrap();
        (poll, alarm)
    }

    /// The time that one sleep took, which the alarm has ended.
    fn sleep(poll: &mut Poll, alarm: &Alarm, timeout: Duration) -> Duration {
        let mut events = Events::with_capacity(2);
        let began = Instant::now();
        alarm.set(timeout);
        poll.poll(&mut events, Some(Duration::from_secs(10)))
            .unwrap();
        assert!(events.iter().all(|event| event.token() == ALARM));
        assert!(!events.is_empty(), "the alarm did not go off");
        began.elapsed()
    }

    #[test]
    fn it_goes_off_each_time_and_never_early() {
        let (mut poll, alarm) = poll_with_alarm();
        let timeout = Duration::from_micros(300);
        let best = (0..50)
            .map(|_| {
                let took = sleep(&mut poll, &alarm, timeout);
                assert!(took >= timeout, "{took:?}");
                took
            })
            .min()
            .unwrap();
        // The best of many: other work on the machine may disturb some.
        assert!(best < Duration::from_millis(1), "{best:?}");
    }

    #[test]
    fn what_is_over_and_what_is_far_is_left_to_the_poll() {
        let (mut poll, alarm) = poll_with_alarm();
        let mut events = Events::with_capacity(2);
        for timeout in [Duration::ZERO, COARSE] {
            alarm.set(timeout);
            poll.poll(&mut events, Some(2 * COARSE)).unwrap();
            assert!(events.is_empty(), "{timeout:?}");
        }
    }
}
