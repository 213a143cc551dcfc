//! Reno: slow start and congestion avoidance (RFC 5681), counting bytes (RFC 3465).

use core::time::Duration;

use super::{AckSample, Controller, Repeated};
use crate::time::Instant;

/// Reno's state: the window, the threshold, and the bytes acknowledged towards the next increase.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reno {
    mss: u32,
    initial_window: u32,
    cwnd: u32,
    ssthresh: u32,
    /// Bytes acknowledged in congestion avoidance since the window last grew; below `cwnd`.
    acked: u32,
}

impl Reno {
    /// Slow start from `initial_window` bytes with segments of `mss` bytes.
    pub fn new(mss: u32, initial_window: u32) -> Self {
        Reno {
            mss,
            initial_window,
            cwnd: initial_window,
            ssthresh: u32::MAX,
            acked: 0,
        }
    }

    /// RFC 5681 §3.1, equation 4: half of what is in the network, at least two segments.
    fn halved(&self, in_flight: u32) -> u32 {
        (in_flight / 2).max(2 * self.mss)
    }
}

impl Controller for Reno {
    fn name(&self) -> &'static str {
        "reno"
    }

    fn window(&self) -> u32 {
        self.cwnd
    }

    fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    fn on_ack(&mut self, sample: &AckSample) {
        if !sample.cwnd_limited {
            return;
        }
        let mut delivered = sample.delivered;
        if self.cwnd < self.ssthresh {
            // Slow start; what goes past the threshold counts towards congestion avoidance.
            let growth = delivered.min(self.ssthresh - self.cwnd);
            self.cwnd = self.cwnd.saturating_add(growth);
            delivered -= growth;
        }
        // One segment for each window acknowledged (RFC 5681 §3.1, RFC 3465 §2.1).
        self.acked = self.acked.saturating_add(delivered);
        if self.acked >= self.cwnd {
            self.acked -= self.cwnd;
            self.cwnd = self.cwnd.saturating_add(self.mss);
        }
        self.acked = self.acked.min(self.cwnd);
    }

    fn on_loss(&mut self, _now: Instant, in_flight: u32) {
        self.ssthresh = self.halved(in_flight);
        self.cwnd = self.ssthresh;
        self.acked = 0;
    }

    fn on_recovery_end(&mut self, _now: Instant, in_flight: u32) {
        // RFC 6582 §3.2 step 3, option 1: no burst after a recovery that drained the network.
        self.cwnd = self
            .ssthresh
            .min(in_flight.max(self.mss).saturating_add(self.mss));
    }

    fn on_timeout(&mut self, _now: Instant, in_flight: u32, repeated: Repeated) {
        if repeated == Repeated::First {
            self.ssthresh = self.halved(in_flight);
        }
        self.cwnd = self.mss;
        self.acked = 0;
    }

    fn on_idle(&mut self, _now: Instant, idle: Duration, rto: Duration) {
        // RFC 2861 §3: half for each timeout that passed, no lower than the restart window, and
        // the threshold remembers three quarters of the window that was.
        self.ssthresh = self.ssthresh.max(self.cwnd / 4 * 3);
        let restart = self.initial_window.min(self.cwnd);
        let mut left = idle;
        while left > rto && self.cwnd > restart {
            left -= rto;
            self.cwnd = (self.cwnd / 2).max(restart);
        }
        self.acked = 0;
    }

    fn on_mss_change(&mut self, mss: u32) {
        // The window keeps its number of segments.
        let segments = (self.cwnd / self.mss.max(1)).max(1);
        self.mss = mss;
        self.cwnd = segments.saturating_mul(mss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1_000;

    fn ack(delivered: u32) -> AckSample {
        AckSample {
            now: Instant::ZERO,
            delivered,
            prior_in_flight: 10 * MSS,
            in_flight: 9 * MSS,
            rtt: None,
            cwnd_limited: true,
        }
    }

    #[test]
    fn slow_start_doubles_in_a_round_trip() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        for _ in 0..10 {
            reno.on_ack(&ack(MSS));
        }
        assert_eq!(reno.window(), 20 * MSS);
    }

    #[test]
    fn congestion_avoidance_adds_a_segment_in_a_round_trip() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        reno.on_loss(Instant::ZERO, 20 * MSS);
        assert_eq!((reno.window(), reno.ssthresh()), (10 * MSS, 10 * MSS));
        for _ in 0..10 {
            reno.on_ack(&ack(MSS));
        }
        assert_eq!(reno.window(), 11 * MSS);
    }

    #[test]
    fn a_timeout_starts_from_one_segment_and_remembers_half() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        reno.on_timeout(Instant::ZERO, 10 * MSS, Repeated::First);
        reno.on_timeout(Instant::ZERO, MSS, Repeated::Again);
        assert_eq!((reno.window(), reno.ssthresh()), (MSS, 5 * MSS));
    }

    #[test]
    fn an_application_that_sends_little_does_not_grow_the_window() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        reno.on_ack(&AckSample {
            cwnd_limited: false,
            ..ack(MSS)
        });
        assert_eq!(reno.window(), 10 * MSS);
    }

    #[test]
    fn idleness_halves_the_window_for_each_timeout_down_to_the_initial_one() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        reno.on_ack(&ack(70 * MSS));
        assert_eq!(reno.window(), 80 * MSS);
        let rto = Duration::from_secs(1);
        reno.on_idle(Instant::ZERO, Duration::from_millis(2_500), rto);
        assert_eq!(reno.window(), 20 * MSS);
        reno.on_idle(Instant::ZERO, Duration::from_secs(100), rto);
        assert_eq!(reno.window(), 10 * MSS);
    }

    #[test]
    fn an_mss_change_keeps_the_number_of_segments() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        reno.on_mss_change(500);
        assert_eq!(reno.window(), 5_000);
    }
}
