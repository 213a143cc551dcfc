//! How large a receive buffer ought to be: dynamic right-sizing (Fisk and Feng, "Dynamic right-sizing
//! in TCP", as Linux's `tcp_rcv_space_adjust` has it).
//!
//! A sender that is limited by its congestion window alone sends in one round trip what the window
//! allows, and twice as much in the next when it is in slow start. So the buffer follows what the
//! application reads in a round trip, with room for twice that and for growth. A reader that does not
//! keep up does not make it grow.

use core::time::Duration;

use crate::pack::packs;
use crate::time::Instant;

/// What is measured to size the buffer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RightSizing {
    /// Bytes that the buffer may become.
    max: u64,
    /// The most bytes that were read in one round trip.
    space: u64,
    /// What had been read when the present round began, and when that was.
    round: Mark,
    /// Where and since when the round-trip time is measured by the window.
    window: Option<Mark>,
    /// The round-trip time as the receiver sees it; zero before the first measurement.
    rtt: Duration,
    /// The last timestamp that was echoed.
    echo: u32,
}

/// A place in the stream, and a time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Mark {
    offset: u64,
    at: Instant,
}

packs!(RightSizing {
    max,
    space,
    round,
    window,
    rtt,
    echo,
});

packs!(Mark { offset, at });

/// What a buffer is sized by, beside how much is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// Up to where the application has read.
    pub(crate) read: u64,
    /// Bytes from the first hole to the end of what arrived beyond it.
    pub(crate) beyond: u64,
    /// Payload of a full segment.
    pub(crate) mss: u32,
}

impl RightSizing {
    /// For a buffer of `capacity` bytes that may become `max`, of which the application has read up to
    /// `read`, and segments of `mss` bytes.
    pub(crate) fn new(now: Instant, read: u64, capacity: u64, max: u64, mss: u32) -> Self {
        RightSizing {
            max,
            space: capacity.min(10 * u64::from(mss)).max(1),
            round: Mark {
                offset: read,
                at: now,
            },
            window: None,
            rtt: Duration::ZERO,
            echo: 0,
        }
    }

    /// The most bytes that were read in one round trip (`tcpi_rcv_space`).
    pub(crate) fn space(&self) -> u64 {
        self.space
    }

    /// The round-trip time as the receiver sees it (`tcpi_rcv_rtt`).
    pub(crate) fn rtt(&self) -> Option<Duration> {
        (!self.rtt.is_zero()).then_some(self.rtt)
    }

    /// A full segment echoed a timestamp of `sample` ago. Only the first one after the timestamp had
    /// reached the peer tells the round trip, or a little more.
    pub(crate) fn on_echo(&mut self, echo: u32, sample: Duration) {
        if core::mem::replace(&mut self.echo, echo) == echo {
            return;
        }
        self.rtt = if self.rtt.is_zero() {
            sample
        } else {
            (self.rtt * 7 + sample) / 8
        };
    }

    /// Without timestamps: what lies beyond the window of a moment ago can only have been sent after
    /// the peer had heard of the window since. `nxt` has arrived, and the peer may send up to `edge`.
    pub(crate) fn on_arrival(&mut self, now: Instant, nxt: u64, edge: u64) {
        match self.window {
            Some(mark) if nxt < mark.offset => return,
            Some(mark) => {
                // The window may have been larger than what was under way, so the least counts.
                let sample = now.saturating_duration_since(mark.at);
                let sample = sample.max(Duration::from_micros(1));
                if self.rtt.is_zero() || sample < self.rtt {
                    self.rtt = sample;
                }
            }
            None => {}
        }
        self.window = Some(Mark {
            offset: edge,
            at: now,
        });
    }

    /// The application has read: the size that the buffer ought to have now, where a round trip shows
    /// that it could be larger.
    pub(crate) fn on_read(&mut self, now: Instant, demand: Demand) -> Option<u64> {
        let elapsed = now.saturating_duration_since(self.round.at);
        if self.rtt.is_zero() || elapsed < self.rtt {
            return None;
        }
        let copied = demand.read - self.round.offset;
        self.round = Mark {
            offset: demand.read,
            at: now,
        };
        if copied <= self.space {
            return None;
        }
        // Twice the round trip's bytes, so that what is lost can be repaired while the sender goes on,
        // and some segments for variation; and twice again by how fast it grows.
        let steady = 2 * copied + 16 * u64::from(demand.mss);
        let growth = copied - self.space;
        let ahead = u128::from(steady) * u128::from(growth) / u128::from(self.space);
        let ahead = u64::try_from(2 * ahead).unwrap_or(u64::MAX);
        self.space = copied;
        Some(
            steady
                .saturating_add(ahead)
                .saturating_add(demand.beyond)
                .min(self.max),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1_000;
    const RTT: Duration = Duration::from_millis(100);

    fn sizing() -> RightSizing {
        let mut sizing = RightSizing::new(Instant::ZERO, 1, 64_000, 6_000_000, MSS);
        sizing.on_echo(7, RTT);
        sizing.on_echo(7, 9 * RTT);
        sizing
    }

    fn demand(read: u64) -> Demand {
        Demand {
            read,
            beyond: 0,
            mss: MSS,
        }
    }

    #[test]
    fn it_stays_ahead_of_slow_start() {
        let mut sizing = sizing();
        let (mut read, mut flight, mut size) = (1, 10_000, 64_000);
        let mut now = Instant::ZERO;
        while flight < 1_000_000 {
            now += RTT;
            read += flight;
            if let Some(larger) = sizing.on_read(now, demand(read)) {
                size = size.max(larger);
            }
            flight *= 2;
            assert!(size >= flight, "{size} bytes hold back {flight}");
        }
    }

    #[test]
    fn a_steady_rate_gets_twice_its_round_trip() {
        let mut sizing = sizing();
        let mut now = Instant::ZERO;
        let mut sizes = alloc::vec::Vec::new();
        for round in 1..10 {
            now += RTT;
            sizes.extend(sizing.on_read(now, demand(1 + round * 10_001)));
        }
        assert_eq!(
            sizes,
            [36_002 + 6],
            "once, a little above the initial window"
        );
    }

    #[test]
    fn within_a_round_trip_nothing_is_concluded() {
        let mut sizing = sizing();
        assert_eq!(
            sizing.on_read(Instant::ZERO + RTT / 2, demand(500_000)),
            None
        );
        let at_end = sizing.on_read(Instant::ZERO + RTT, demand(500_000));
        assert_eq!(at_end, Some(6_000_000), "and no more than the most");
    }

    #[test]
    fn a_hole_needs_room_beside_the_rate() {
        let mut sizing = sizing();
        let with_hole = Demand {
            beyond: 30_000,
            ..demand(1 + 10_001)
        };
        let size = sizing.on_read(Instant::ZERO + RTT, with_hole);
        assert_eq!(size, Some(36_002 + 6 + 30_000));
    }

    #[test]
    fn without_timestamps_the_least_time_to_fill_a_window_counts() {
        let mut sizing = RightSizing::new(Instant::ZERO, 1, 64_000, 6_000_000, MSS);
        let at = Instant::from_millis;
        sizing.on_arrival(at(0), 1_001, 65_001);
        sizing.on_arrival(at(50), 60_001, 125_001);
        assert_eq!(sizing.rtt(), None, "the window is not through");
        sizing.on_arrival(at(150), 65_001, 130_001);
        assert_eq!(sizing.rtt(), Some(Duration::from_millis(150)));
        sizing.on_arrival(at(250), 130_001, 200_001);
        assert_eq!(sizing.rtt(), Some(RTT));
        sizing.on_arrival(at(950), 200_001, 270_001);
        assert_eq!(sizing.rtt(), Some(RTT), "a pause is no round trip");
    }
}
