//! The clock of ProbeBW: when to probe, how fast to grow while probing, and what an acknowledgement
//! is an answer to.

use core::time::Duration;

use crate::time::Instant;

/// No wait for the next probe is shorter.
const LEAST_WAIT: Duration = Duration::from_secs(2);
/// The part of the wait that differs from one probe to the next.
const WAIT_SPREAD_NANOS: u64 = 1_000_000_000;
/// Rounds after which Reno, with as much in the network, would have lost a packet at a loss rate
/// that the draft wants to leave it; no wait is longer.
const MOST_ROUNDS: u64 = 63;
/// The doublings of the growth end here, before they overflow.
const MOST_UP_ROUNDS: u32 = 30;

/// What the acknowledgements that come in answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Answering {
    /// Nothing of a probe.
    Nothing,
    /// What was sent before the probe.
    Starting,
    /// The probe.
    Probe,
    /// The end of the probe.
    Stopping,
}

/// Where in its cycle ProbeBW is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Cycle {
    began: Instant,
    wait: Duration,
    rounds_since_probe: u64,
    /// Cycles begun.
    count: u64,
    answering: Answering,
    /// Whether losses are of packets that probed, and not yet answered.
    pub(super) probing: bool,
    up_rounds: u32,
    /// Bytes acknowledged towards the next growth of the bound.
    up_acked: u64,
    /// Bytes that must be acknowledged for each byte of growth; above zero.
    up_price: u64,
}

impl Cycle {
    pub(super) fn new() -> Self {
        Cycle {
            began: Instant::ZERO,
            wait: LEAST_WAIT,
            rounds_since_probe: 0,
            count: 0,
            answering: Answering::Nothing,
            probing: false,
            up_rounds: 0,
            up_acked: 0,
            up_price: u64::MAX,
        }
    }

    /// Begins with Down. `seed` tells flows apart, so that they do not all probe at once.
    pub(super) fn start_down(&mut self, now: Instant, seed: u64) {
        self.count = self.count.wrapping_add(1);
        let drawn = mixed(seed ^ mixed(self.count ^ now.as_nanos()));
        self.wait = LEAST_WAIT + Duration::from_nanos(drawn % WAIT_SPREAD_NANOS);
        self.rounds_since_probe = drawn >> 63;
        self.began = now;
        self.up_price = u64::MAX;
        self.answering = Answering::Stopping;
    }

    pub(super) fn start_refill(&mut self) {
        self.up_rounds = 0;
        self.up_acked = 0;
        self.answering = Answering::Nothing;
    }

    pub(super) fn start_up(&mut self, cwnd: u64, mss: u64) {
        self.answering = Answering::Starting;
        self.probing = true;
        self.raise_slope(cwnd, mss);
    }

    /// ProbeRTT interrupts: what comes in answers no probe.
    pub(super) fn interrupt(&mut self) {
        self.answering = Answering::Stopping;
    }

    /// A round began. Returns whether all of a probe is answered, so that a cycle's bandwidth is
    /// complete.
    pub(super) fn on_round(&mut self) -> bool {
        self.rounds_since_probe = self.rounds_since_probe.saturating_add(1);
        match self.answering {
            Answering::Starting => {
                self.answering = Answering::Probe;
                false
            }
            Answering::Stopping => {
                self.answering = Answering::Nothing;
                self.probing = false;
                true
            }
            Answering::Nothing | Answering::Probe => false,
        }
    }

    /// Whether to probe again, with `segments` meant to be in the network: by the clock, or because
    /// Reno would have grown for as many rounds.
    pub(super) fn is_time_to_probe(&self, now: Instant, segments: u64) -> bool {
        now > self.began + self.wait || self.rounds_since_probe >= segments.min(MOST_ROUNDS)
    }

    /// By how many bytes the long-term bound grows for `newly` bytes acknowledged in Up.
    pub(super) fn growth(&mut self, newly: u32) -> u64 {
        self.up_acked = self.up_acked.saturating_add(u64::from(newly));
        let growth = self.up_acked / self.up_price;
        self.up_acked %= self.up_price;
        growth
    }

    /// The bound grows by one segment in a round, then by two, by four.
    pub(super) fn raise_slope(&mut self, cwnd: u64, mss: u64) {
        let growth = mss.max(1).saturating_mul(1 << self.up_rounds);
        self.up_rounds = (self.up_rounds + 1).min(MOST_UP_ROUNDS);
        self.up_price = (cwnd / growth).max(1);
    }
}

/// A number that hangs on every bit of `value` (the finaliser of MurmurHash3): the core draws no
/// random numbers.
fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_two_to_three_seconds_and_differs() {
        let mut waits = alloc::collections::BTreeSet::new();
        for seed in 0..100 {
            let mut cycle = Cycle::new();
            cycle.start_down(Instant::from_millis(10), seed);
            assert!(!cycle.is_time_to_probe(Instant::from_millis(2_010), 1_000));
            assert!(cycle.is_time_to_probe(Instant::from_millis(3_011), 1_000));
            assert!(cycle.rounds_since_probe <= 1);
            waits.insert(cycle.wait);
        }
        assert!(waits.len() > 90);
    }

    #[test]
    fn a_small_flow_probes_after_as_many_rounds_as_it_has_segments() {
        let mut cycle = Cycle::new();
        cycle.start_down(Instant::ZERO, 1);
        for round in cycle.rounds_since_probe..10 {
            assert!(!cycle.is_time_to_probe(Instant::ZERO, 10), "{round}");
            cycle.on_round();
        }
        assert!(cycle.is_time_to_probe(Instant::ZERO, 10));
        assert!(!cycle.is_time_to_probe(Instant::ZERO, 1_000));
    }

    #[test]
    fn a_probe_is_answered_a_round_after_it_stops() {
        let mut cycle = Cycle::new();
        cycle.start_refill();
        assert!(!cycle.on_round());
        cycle.start_up(100_000, 1_000);
        assert!(!cycle.on_round() && !cycle.on_round());
        assert!(cycle.probing);
        cycle.start_down(Instant::ZERO, 1);
        assert!(cycle.on_round());
        assert!(!cycle.probing);
        assert!(!cycle.on_round());
    }

    #[test]
    fn the_bound_grows_by_one_two_four_segments_a_round() {
        let mut cycle = Cycle::new();
        cycle.start_refill();
        cycle.start_up(100_000, 1_000);
        for expected in [1_000, 2_000, 4_000, 8_333] {
            let grown: u64 = (0..100).map(|_| cycle.growth(1_000)).sum();
            assert_eq!(grown, expected);
            cycle.raise_slope(100_000, 1_000);
        }
        for _ in 0..100 {
            cycle.raise_slope(100_000, u64::MAX);
        }
        assert_eq!(cycle.growth(u32::MAX), u64::from(u32::MAX) + 4);
    }
}
