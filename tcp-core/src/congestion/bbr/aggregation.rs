//! How much more than the bandwidth acknowledgements report at times: receivers and links that hold
//! them back and hand them on in heaps.

use super::arithmetic::bytes_over;
use super::filter::WindowedMax;
use crate::time::Instant;

/// Rounds that what was seen counts for once the bandwidth is known; before that, one.
const FILTER_LENGTH: usize = 10;

/// The most that was delivered beyond the bandwidth's due, over the last rounds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Aggregation {
    /// Since when deliveries have been ahead of the bandwidth.
    began: Instant,
    /// Bytes delivered since then.
    delivered: u64,
    extra: WindowedMax<FILTER_LENGTH>,
}

impl Aggregation {
    pub(super) fn new() -> Self {
        Aggregation {
            began: Instant::ZERO,
            delivered: 0,
            extra: WindowedMax::new(),
        }
    }

    /// `newly` bytes were delivered over a path of `bw` bytes a second; no more than `most` bytes can
    /// be extra.
    pub(super) fn on_ack(&mut self, now: Instant, newly: u32, bw: u64, most: u64) {
        let mut due = bytes_over(bw, now.saturating_duration_since(self.began));
        if self.delivered <= due {
            self.restart(now);
            due = 0;
        }
        self.delivered = self.delivered.saturating_add(u64::from(newly));
        self.extra
            .take(self.delivered.saturating_sub(due).min(most));
    }

    pub(super) fn on_round(&mut self) {
        self.extra.end_period();
    }

    /// Counts from now on: what came before was not sent at the bandwidth.
    pub(super) fn restart(&mut self, now: Instant) {
        self.began = now;
        self.delivered = 0;
    }

    /// Bytes to let into the network beyond the bandwidth-delay product.
    pub(super) fn extra(&self, full_bw_reached: bool) -> u64 {
        self.extra
            .max_of_last(if full_bw_reached { FILTER_LENGTH } else { 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const BW: u64 = 1_000_000;

    #[test]
    fn a_steady_stream_is_hardly_extra_and_a_heap_is() {
        let mut aggregation = Aggregation::new();
        let mut now = Instant::ZERO;
        for _ in 0..100 {
            now += Duration::from_millis(1);
            aggregation.on_ack(now, 1_000, BW, u64::MAX);
        }
        assert_eq!(aggregation.extra(true), 1_000);
        now += Duration::from_millis(20);
        for _ in 0..20 {
            aggregation.on_ack(now, 1_000, BW, u64::MAX);
        }
        assert_eq!(aggregation.extra(true), 20_000);
    }

    #[test]
    fn what_is_extra_is_forgotten_after_ten_rounds() {
        let mut aggregation = Aggregation::new();
        aggregation.on_ack(Instant::from_millis(1), 5_000, BW, 3_000);
        assert_eq!(aggregation.extra(false), 3_000);
        for _ in 0..9 {
            aggregation.on_round();
        }
        assert_eq!(
            (aggregation.extra(true), aggregation.extra(false)),
            (3_000, 0)
        );
        aggregation.on_round();
        assert_eq!(aggregation.extra(true), 0);
    }
}
