//! RED: the longer the average queue, the more packets are dropped or marked before it is full
//! (Floyd and Jacobson, 'Random Early Detection Gateways for Congestion Avoidance', 1993).

use std::time::Duration;

use tcp_core::Instant;

use super::store::Marking;
use crate::link::random::{Feature, Random};
use crate::units::{Bytes, Probability, Rate};

/// How much a new measurement counts in the average: w_q in the paper.
const WEIGHT: f64 = 0.002;

/// What is thought to have passed, one after the other, while the queue was empty.
const TYPICAL_PACKET: usize = 1_000;

/// What RED does to a packet that comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Pass,
    /// Marked, or dropped where it cannot be.
    Mark,
    Drop,
}

/// The state of the paper's figure 2. All arithmetic is additions, multiplications, divisions and
/// comparisons, which IEEE 754 fixes to the bit.
#[derive(Clone, Debug)]
pub(super) struct Red {
    /// Bytes.
    min: f64,
    /// Bytes.
    max: f64,
    /// How often it happens just below `max`.
    max_probability: f64,
    marking: Marking,
    typical_time: Duration,
    /// The average queue in bytes.
    average: f64,
    /// Packets that have passed since the last one that did not, while the average is not low.
    count: u32,
    random: Random,
}

impl Red {
    pub(super) fn new(
        [min, max]: [Bytes; 2],
        probability: Probability,
        marking: Marking,
        rate: Rate,
        seed: u64,
    ) -> Red {
        Red {
            min: min.0 as f64,
            max: max.0 as f64,
            max_probability: probability.get(),
            marking,
            typical_time: rate.time_for(TYPICAL_PACKET),
            average: 0.0,
            count: 0,
            random: Random::new(seed, Feature::Red),
        }
    }

    /// A packet comes to a queue of `bytes`, that was idle since `idle_since` if it is idle.
    pub(super) fn arrival(
        &mut self,
        now: Instant,
        bytes: usize,
        idle_since: Option<Instant>,
    ) -> Verdict {
        match idle_since {
            Some(since) => self.decay(now.saturating_duration_since(since)),
            None => self.average += WEIGHT * (bytes as f64 - self.average),
        }
        if self.average < self.min {
            self.count = 0;
            return Verdict::Pass;
        }
        if self.average >= self.max {
            self.count = 0;
            return Verdict::Drop;
        }
        let base = self.max_probability * (self.average - self.min) / (self.max - self.min);
        // Spreads the drops evenly: the gap between two is uniform, not geometric.
        let rest = 1.0 - f64::from(self.count) * base;
        let spread = if base < rest { base / rest } else { 1.0 };
        let probability = Probability::new(spread).unwrap_or(Probability::ONE);
        if !self.random.happens(probability) {
            self.count = self.count.saturating_add(1);
            return Verdict::Pass;
        }
        self.count = 0;
        match self.marking {
            Marking::Ecn => Verdict::Mark,
            Marking::Never => Verdict::Drop,
        }
    }

    /// While the queue is idle, as many empty queues are averaged in as packets could have passed.
    fn decay(&mut self, idle: Duration) {
        let typical = self.typical_time.as_nanos().max(1);
        let mut packets = idle.as_nanos() / typical;
        // By squaring: (1 - w)^packets without a power function.
        let mut factor = 1.0 - WEIGHT;
        while packets > 0 && self.average > 0.0 {
            if packets % 2 == 1 {
                self.average *= factor;
            }
            factor *= factor;
            packets /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red(marking: Marking) -> Red {
        let marks = [Bytes(10_000), Bytes(30_000)];
        let tenth = Probability::new(0.1).unwrap();
        Red::new(marks, tenth, marking, Rate(8_000_000), 11)
    }

    /// Verdicts on arrivals at a queue that always has this many bytes.
    fn steady(red: &mut Red, bytes: usize, arrivals: usize) -> Vec<Verdict> {
        // So many that the average has settled first.
        for _ in 0..10_000 {
            red.arrival(Instant::ZERO, bytes, None);
        }
        (0..arrivals)
            .map(|_| red.arrival(Instant::ZERO, bytes, None))
            .collect()
    }

    #[test]
    fn below_the_lower_mark_all_pass_and_above_the_upper_none() {
        for marking in [Marking::Never, Marking::Ecn] {
            let low = steady(&mut red(marking), 9_900, 10_000);
            assert!(low.iter().all(|it| *it == Verdict::Pass));
            let high = steady(&mut red(marking), 31_000, 1_000);
            assert!(high.iter().all(|it| *it == Verdict::Drop));
        }
    }

    #[test]
    fn in_between_the_gaps_are_even() {
        for (marking, hit) in [
            (Marking::Never, Verdict::Drop),
            (Marking::Ecn, Verdict::Mark),
        ] {
            let verdicts = steady(&mut red(marking), 20_000, 1_000_000);
            let hits: Vec<usize> = (0..verdicts.len())
                .filter(|index| verdicts[*index] == hit)
                .collect();
            // Halfway p_b is 0.05: gaps are even between 1 and 20, as the paper's section 7 says,
            // and 10.5 on average.
            let gaps: Vec<usize> = hits.windows(2).map(|it| it[1] - it[0]).collect();
            assert_eq!(gaps.iter().max(), Some(&20));
            let mean = gaps.iter().sum::<usize>() as f64 / gaps.len() as f64;
            assert!((mean - 10.5).abs() < 0.1, "{mean}");
            assert_eq!(
                verdicts.iter().filter(|it| **it != Verdict::Pass).count(),
                hits.len()
            );
        }
    }

    #[test]
    fn the_average_follows_slowly() {
        let mut red = red(Marking::Never);
        for _ in 0..100 {
            red.arrival(Instant::ZERO, 10_000, None);
        }
        // 10,000 × (1 - 0.998^100).
        assert!((red.average - 1_814.3).abs() < 0.1, "{}", red.average);
    }

    #[test]
    fn an_idle_queue_is_forgotten_as_fast_as_packets_would_have_passed() {
        let mut red = red(Marking::Never);
        red.average = 10_000.0;
        // 1,000 bytes take a millisecond at 8 Mbit/s: a hundred empty queues.
        red.arrival(Instant::from_millis(150), 0, Some(Instant::from_millis(50)));
        assert!((red.average - 8_185.7).abs() < 0.1, "{}", red.average);
        red.arrival(Instant::FAR_FUTURE, 0, Some(Instant::ZERO));
        assert_eq!(red.average, 0.0);
    }
}
