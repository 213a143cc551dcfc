//! The time that a packet takes to leave, exact over any number of packets.

use tcp_core::Instant;

use crate::units::Rate;

const BIT_NANOS_PER_BYTE: u128 = 8 * 1_000_000_000;

/// A transmitter of a certain rate, which sends one packet at a time.
#[derive(Clone, Debug)]
pub(super) struct Serializer {
    rate: Rate,
    /// When the last packet has left, without the part below a nanosecond.
    left_at: Instant,
    /// That part, as a numerator over the rate.
    carry: u64,
}

impl Serializer {
    pub(super) fn new(rate: Rate) -> Serializer {
        Serializer {
            rate,
            left_at: Instant::ZERO,
            carry: 0,
        }
    }

    /// From when on the next packet can be sent: what ends between two nanoseconds has ended at the
    /// second one.
    pub(super) fn free_at(&self) -> Instant {
        Instant::from_nanos(
            self.left_at
                .as_nanos()
                .saturating_add(u64::from(self.carry > 0)),
        )
    }

    /// Sends a packet of `bytes` at `start`, not before it is [free](Serializer::free_at), and
    /// gives the time when all of it has left.
    pub(super) fn send(&mut self, start: Instant, bytes: usize) -> Instant {
        // Packets that follow each other take turns within a nanosecond; a pause begins anew.
        if start > self.free_at() {
            self.left_at = start;
            self.carry = 0;
        }
        let rate = u128::from(self.rate.0);
        let work = bytes as u128 * BIT_NANOS_PER_BYTE + u128::from(self.carry);
        let nanos = u64::try_from(work / rate).unwrap_or(u64::MAX);
        self.left_at = Instant::from_nanos(self.left_at.as_nanos().saturating_add(nanos));
        // A remainder is below the rate, which has 64 bits.
        self.carry = (work % rate) as u64;
        self.free_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_takes_its_bits_over_the_rate() {
        let mut serializer = Serializer::new(Rate(100_000_000));
        let start = Instant::from_millis(5);
        assert_eq!(serializer.send(start, 1_500), Instant::from_micros(5_120));
        assert_eq!(
            serializer.send(Instant::from_micros(5_120), 40),
            Instant::from_nanos(5_123_200)
        );
    }

    #[test]
    fn a_long_run_does_not_drift() {
        let mut serializer = Serializer::new(Rate(3));
        let mut at = Instant::ZERO;
        for packets in 1..=3_000u64 {
            at = serializer.send(at, 1);
            // One byte takes 8/3 seconds; what is not whole is rounded up once, not each time.
            let exact = (packets * 8_000_000_000).div_ceil(3);
            assert_eq!(at, Instant::from_nanos(exact));
        }
    }

    #[test]
    fn after_a_pause_nothing_is_carried() {
        let mut serializer = Serializer::new(Rate(3));
        let first = serializer.send(Instant::ZERO, 1);
        assert_eq!(first, Instant::from_nanos(2_666_666_667));
        let start = Instant::from_millis(10_000);
        let second = serializer.send(start, 1);
        assert_eq!(second, Instant::from_nanos(12_666_666_667));
    }

    #[test]
    fn the_greatest_figures_do_not_overflow() {
        let mut slow = Serializer::new(Rate(1));
        let end = slow.send(Instant::FAR_FUTURE, usize::MAX);
        assert_eq!(end, Instant::FAR_FUTURE);
        let mut fast = Serializer::new(Rate(u64::MAX));
        let mut at = Instant::ZERO;
        for _ in 0..3 {
            at = fast.send(at, 1_500);
        }
        assert_eq!(at, Instant::from_nanos(1));
    }
}
