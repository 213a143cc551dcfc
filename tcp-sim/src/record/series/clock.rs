//! Round-trip times as they are seen from outside.

use std::collections::VecDeque;
use std::time::Duration;

use tcp_core::Instant;

/// What a sender has under way for the first time. Karn's algorithm (RFC 6298 §3) holds: an
/// acknowledgement that also covers what was sent again tells nothing.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// By the offset of their ends, which rise.
    under_way: VecDeque<Sending>,
}

#[derive(Clone, Debug)]
struct Sending {
    at: Instant,
    end: u64,
    is_ambiguous: bool,
}

impl Clock {
    /// Something new was sent, up to `end`.
    pub fn sent(&mut self, at: Instant, end: u64) {
        self.under_way.push_back(Sending {
            at,
            end,
            is_ambiguous: false,
        });
    }

    /// What lies in `start..end` was sent again.
    pub fn sent_again(&mut self, start: u64, end: u64) {
        let first = self.under_way.partition_point(|it| it.end <= start);
        for sending in self.under_way.range_mut(first..) {
            sending.is_ambiguous = true;
            if sending.end >= end {
                break;
            }
        }
    }

    /// Everything before `ack` was acknowledged: how long the last of it took.
    pub fn acknowledged(&mut self, at: Instant, ack: u64) -> Option<Duration> {
        let count = self.under_way.partition_point(|it| it.end <= ack);
        let mut latest = None;
        let mut is_ambiguous = false;
        for sending in self.under_way.drain(..count) {
            is_ambiguous |= sending.is_ambiguous;
            latest = Some(sending.at);
        }
        let sent = latest.filter(|_| !is_ambiguous)?;
        Some(at.saturating_duration_since(sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_measures_the_last_segment_that_it_covers() {
        let mut clock = Clock::default();
        clock.sent(Instant::from_millis(0), 10);
        clock.sent(Instant::from_millis(5), 20);
        clock.sent(Instant::from_millis(6), 30);
        let rtt = clock.acknowledged(Instant::from_millis(20), 20);
        assert_eq!(rtt, Some(Duration::from_millis(15)));
        let rtt = clock.acknowledged(Instant::from_millis(21), 29);
        assert_eq!(rtt, None);
    }

    #[test]
    fn what_was_sent_again_measures_nothing() {
        let mut clock = Clock::default();
        for end in [10, 20, 30] {
            clock.sent(Instant::from_millis(end), end);
        }
        clock.sent_again(10, 20);
        let at = Instant::from_millis(50);
        assert_eq!(clock.acknowledged(at, 10), Some(Duration::from_millis(40)));
        assert_eq!(clock.acknowledged(at, 30), None);
    }
}
