//! How fast the network delivers (draft-ietf-ccwg-bbr, "Delivery Rate Samples").

use core::time::Duration;

use crate::congestion::{LostSample, RateSample};
use crate::pack::packs;
use crate::send::scoreboard::{Delivered, SendStamp, Sent};
use crate::time::Instant;

/// The sums from which samples are made, in bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct RateEstimator {
    delivered: u64,
    /// When the last of them was delivered, or the flight began.
    delivered_at: Instant,
    /// When the segment was sent whose delivery came last, or the flight began.
    first_sent_at: Instant,
    lost: u64,
    /// Once this much is delivered, what was sent while the application had nothing to send has left
    /// the network.
    app_limited_to: u64,
    /// The last sample: bytes a second, and whether the application bound it.
    latest: (u64, bool),
}

packs!(RateEstimator {
    delivered,
    delivered_at,
    first_sent_at,
    lost,
    app_limited_to,
    latest
});

impl RateEstimator {
    /// Bytes delivered.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Bytes found lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// The last sample in bytes a second, and whether it was bound by the application.
    pub(crate) fn latest(&self) -> (u64, bool) {
        self.latest
    }

    /// Whether the application, not a window, last kept the sender from sending.
    pub(crate) fn is_app_limited(&self) -> bool {
        self.app_limited_to > self.delivered
    }

    /// A segment of `len` bytes goes out, with `in_flight` before it.
    pub(crate) fn on_send(&mut self, now: Instant, in_flight: u32, len: u64) -> SendStamp {
        if in_flight == 0 {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        SendStamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            lost: self.lost,
            in_flight: in_flight.saturating_add(len.min(u64::from(u32::MAX)) as u32),
            app_limited: self.is_app_limited(),
        }
    }

    /// There is nothing to send, with room in the window and this much in the network.
    pub(crate) fn on_app_limited(&mut self, in_flight: u32) {
        self.app_limited_to = (self.delivered + u64::from(in_flight)).max(1);
    }

    /// A segment was found lost.
    pub(crate) fn on_lost(&mut self, now: Instant, sent: &Sent) -> LostSample {
        self.lost += sent.len();
        LostSample {
            now,
            bytes: sent.len().min(u64::from(u32::MAX)) as u32,
            tx_in_flight: sent.stamp.in_flight,
            lost_since_sent: self.lost - sent.stamp.lost,
            prior_delivered: sent.stamp.delivered,
            total_delivered: self.delivered,
            app_limited: sent.stamp.app_limited,
        }
    }

    /// An acknowledgement that arrived `now` delivered something; a sample shorter than the least
    /// round-trip time is no sample of the path.
    pub(crate) fn on_delivered(
        &mut self,
        now: Instant,
        delivered: &Delivered,
        min_rtt: Option<Duration>,
    ) -> Option<RateSample> {
        if delivered.bytes == 0 {
            return None;
        }
        self.delivered += delivered.bytes;
        self.delivered_at = now;
        if self.app_limited_to > 0 && self.delivered > self.app_limited_to {
            self.app_limited_to = 0;
        }
        let latest = delivered.latest.as_ref()?;
        let stamp = &latest.stamp;
        self.first_sent_at = latest.sent_at;
        let sending = latest
            .sent_at
            .saturating_duration_since(stamp.first_sent_at);
        let receiving = now.saturating_duration_since(stamp.delivered_at);
        let interval = sending.max(receiving);
        if interval.is_zero() || min_rtt.is_some_and(|least| interval < least) {
            return None;
        }
        let sample = RateSample {
            delivered: self.delivered - stamp.delivered,
            interval,
            prior_delivered: stamp.delivered,
            tx_in_flight: stamp.in_flight,
            lost: self.lost - stamp.lost,
            rtt: now.saturating_duration_since(latest.sent_at),
            app_limited: stamp.app_limited,
        };
        self.latest = (sample.rate(), sample.app_limited);
        Some(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::scoreboard::{Pieces, Scoreboard};
    use alloc::vec::Vec;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// Sends `count` segments of 1,000 bytes a millisecond apart; each is acknowledged 50 ms later.
    fn steady(count: u64) -> (RateEstimator, Vec<RateSample>) {
        let (mut rate, mut board) = (RateEstimator::default(), Scoreboard::default());
        let mut samples = Vec::new();
        for now in 0..count + 50 {
            if now >= 50 {
                let mut delivered = Delivered::default();
                board.acknowledge((now - 49) * 1_000, &mut delivered);
                samples.extend(rate.on_delivered(at(now), &delivered, None));
            }
            if now < count {
                let in_flight = board.in_flight() as u32;
                let stamp = rate.on_send(at(now), in_flight, 1_000);
                board.push(now * 1_000..(now + 1) * 1_000, Pieces::ONE, at(now), stamp);
            }
        }
        (rate, samples)
    }

    #[test]
    fn a_steady_flow_is_measured_as_it_is() {
        let (_, samples) = steady(200);
        assert!(
            samples[60..]
                .iter()
                .all(|sample| sample.rate() == 1_000_000)
        );
        let last = samples.last().unwrap();
        assert_eq!(last.prior_delivered, 150_000);
        assert_eq!(last.rtt, Duration::from_millis(50));
    }

    #[test]
    fn a_burst_of_acknowledgements_is_no_rate() {
        let (mut rate, mut board) = (RateEstimator::default(), Scoreboard::default());
        let stamp = rate.on_send(at(0), 0, 1_000);
        board.push(0..1_000, Pieces::ONE, at(0), stamp);
        let mut delivered = Delivered::default();
        board.acknowledge(1_000, &mut delivered);
        let least = Some(Duration::from_millis(50));
        assert_eq!(rate.on_delivered(at(49), &delivered, least), None);
        assert_eq!(rate.delivered(), 1_000, "yet it counts");
    }

    #[test]
    fn what_was_sent_with_nothing_more_to_send_is_marked() {
        let mut rate = RateEstimator::default();
        rate.on_app_limited(2_000);
        assert!(rate.on_send(at(1), 2_000, 1_000).app_limited);
        let mut board = Scoreboard::default();
        board.push(0..3_000, Pieces::ONE, at(0), SendStamp::default());
        let mut delivered = Delivered::default();
        board.acknowledge(3_000, &mut delivered);
        rate.on_delivered(at(9), &delivered, None);
        assert!(!rate.on_send(at(9), 0, 1_000).app_limited);
    }

    #[test]
    fn losses_count_from_when_the_segment_was_sent() {
        let (mut rate, mut board) = (RateEstimator::default(), Scoreboard::default());
        for n in 0..2 {
            let stamp = rate.on_send(at(n), board.in_flight() as u32, 1_000);
            board.push(n * 1_000..(n + 1) * 1_000, Pieces::ONE, at(n), stamp);
        }
        let mut lost = Vec::new();
        board.mark_timed_out(at(9), Duration::ZERO, &mut |sent| {
            lost.push(rate.on_lost(at(9), sent))
        });
        assert_eq!(lost.len(), 2);
        assert_eq!(
            (lost[1].lost_since_sent, lost[1].tx_in_flight),
            (2_000, 2_000)
        );
        assert_eq!(rate.lost(), 2_000);
    }
}
