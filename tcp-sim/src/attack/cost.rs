//! What packets cost the stack, beside others of the same run.

use std::time::Instant;

use super::figure::Bound;
use crate::figures::median;

/// Times batches of packets of one kind. Batches take microseconds, so that whoever else uses the processor
/// disturbs few of them; the median leaves those out. Two kinds are compared by batches in turn.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Nanoseconds for each packet, batch by batch.
    batches: Vec<f64>,
}

/// A run is looked at in so many parts, and the worst counts: what becomes slower with time must not hide.
const PARTS: usize = 4;

impl Meter {
    /// One that needs no more memory for so many batches.
    pub(super) fn with_room(batches: usize) -> Meter {
        Meter {
            batches: Vec::with_capacity(batches),
        }
    }

    /// Times `work`, which handles so many packets.
    pub(super) fn time(&mut self, packets: usize, work: impl FnOnce()) {
        let start = Instant::now();
        work();
        let nanos = start.elapsed().as_nanos() as f64;
        self.batches.push(nanos / packets.max(1) as f64);
    }

    /// Nanoseconds for each packet, in the middle of all batches.
    pub(super) fn typical(&self) -> f64 {
        median(self.batches.iter().copied())
    }

    /// Nanoseconds for each packet in the worst part of the run.
    pub(super) fn worst(&self) -> f64 {
        let part = self.batches.len().div_ceil(PARTS).max(1);
        let parts = self.batches.chunks(part);
        let medians = parts.map(|part| median(part.iter().copied()));
        medians.fold(0.0, f64::max)
    }

    /// How many times a packet of `normal` one of these costs, in its worst part; to two decimals.
    pub(super) fn ratio_to(&self, normal: &Meter) -> f64 {
        let ratio = self.worst() / normal.typical().max(1.0);
        (ratio * 100.0).round() / 100.0
    }
}

/// What is promised of a cost, as a multiple: nothing where assertions are compiled in, which cost more than what they
/// watch.
pub(super) fn at_most(ratio: f64) -> Bound {
    if cfg!(debug_assertions) {
        Bound::None
    } else {
        Bound::AtMost(ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_part_counts_and_a_single_batch_does_not() {
        let meter = |batches: Vec<f64>| Meter { batches };
        let mut slowing: Vec<f64> = vec![10.0; 65];
        slowing.extend([50.0; 15]);
        let mut disturbed = vec![10.0; 79];
        disturbed.push(9_000.0);
        let normal = meter(vec![10.0; 5]);
        assert_eq!(meter(slowing).ratio_to(&normal), 5.0);
        assert_eq!(meter(disturbed).ratio_to(&normal), 1.0);
    }
}
