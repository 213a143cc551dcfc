//! Which timers a connection has.

use crate::pack::packs;
use crate::time::Instant;

/// Every timer of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Timer {
    /// What has been overtaken is lost (RFC 8985 §6.2).
    Reorder,
    /// Tail loss probe (RFC 8985 §7); before the retransmission that it puts off.
    TailProbe,
    /// Retransmission of SYN, data or FIN (RFC 6298).
    Retransmit,
    /// Probing of a closed window (RFC 9293 §3.8.6.1).
    Persist,
    /// A delayed acknowledgement.
    DelayedAck,
    /// Keep-alive (RFC 9293 §3.8.4).
    KeepAlive,
    /// The end of corking.
    Cork,
    /// The next burst of data.
    Pacing,
    /// FIN-WAIT-2 of a connection that its user has given up.
    FinWait,
}

impl Timer {
    pub(super) const ALL: [Timer; 9] = [
        Timer::Reorder,
        Timer::TailProbe,
        Timer::Retransmit,
        Timer::Persist,
        Timer::DelayedAck,
        Timer::KeepAlive,
        Timer::Cork,
        Timer::Pacing,
        Timer::FinWait,
    ];
}

/// The deadline of each timer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Timers {
    deadlines: [Instant; Timer::ALL.len()],
}

packs!(Timers { deadlines });

impl Timers {
    pub(crate) fn new() -> Self {
        Timers {
            deadlines: [Instant::FAR_FUTURE; Timer::ALL.len()],
        }
    }

    pub(crate) fn arm(&mut self, timer: Timer, at: Instant) {
        self.deadlines[timer as usize] = at;
    }

    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.arm(timer, Instant::FAR_FUTURE);
    }

    /// Its deadline; the far future where it is not armed.
    pub(crate) fn at(&self, timer: Timer) -> Instant {
        self.deadlines[timer as usize]
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        self.deadlines[timer as usize] != Instant::FAR_FUTURE
    }

    pub(super) fn is_none_armed_but(&self, allowed: Timer) -> bool {
        Timer::ALL
            .into_iter()
            .all(|timer| timer == allowed || !self.is_armed(timer))
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        let earliest = self.deadlines.iter().copied();
        let earliest = earliest.fold(
            Instant::FAR_FUTURE,
            |least, at| if at < least { at } else { least },
        );
        (earliest != Instant::FAR_FUTURE).then_some(earliest)
    }

    /// Disarms a timer that is due; says whether it was.
    pub(super) fn take_due(&mut self, timer: Timer, now: Instant) -> bool {
        let due = self.is_armed(timer) && self.deadlines[timer as usize] <= now;
        if due {
            self.disarm(timer);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_is_next() {
        let mut timers = Timers::new();
        assert_eq!(timers.next(), None);
        timers.arm(Timer::KeepAlive, Instant::from_millis(9));
        timers.arm(Timer::Retransmit, Instant::from_millis(5));
        assert_eq!(timers.next(), Some(Instant::from_millis(5)));
        assert!(!timers.take_due(Timer::Retransmit, Instant::from_millis(4)));
        assert!(timers.take_due(Timer::Retransmit, Instant::from_millis(5)));
        assert_eq!(timers.next(), Some(Instant::from_millis(9)));
    }
}
