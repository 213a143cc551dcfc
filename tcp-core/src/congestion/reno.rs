//! Reno: slow start and congestion avoidance (RFC 5681), counting bytes (RFC 3465).

use core::time::Duration;

use super::{AckSample, CongestionEvent, CongestionSignal, Controller, Repeated};
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
    /// Window and threshold before the last reduction.
    before: (u32, u32),
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
            before: (initial_window, u32::MAX),
        }
    }

    /// RFC 5681 §3.1, equation 4: half of what is outstanding, at least two segments. A mark asks for
    /// less than a loss does (RFC 8511 §3: 0.8). What is outstanding beyond the window, by limited
    /// transmit or since a timeout, does not count (§3.2 step 2).
    fn reduced(&self, flight_size: u32, signal: CongestionSignal) -> u32 {
        let flight_size = flight_size.min(self.cwnd);
        let reduced = match signal {
            CongestionSignal::Loss => flight_size / 2,
            CongestionSignal::Ecn => flight_size / 5 * 4,
        };
        reduced.max(2 * self.mss)
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
        if !sample.may_grow() {
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

    fn on_congestion(&mut self, event: &CongestionEvent) {
        self.ssthresh = self.reduced(event.flight_size, event.signal);
        self.cwnd = self.ssthresh;
        self.acked = 0;
    }

    fn on_timeout(&mut self, _now: Instant, flight_size: u32, repeated: Repeated) {
        if repeated == Repeated::First {
            self.ssthresh = self.reduced(flight_size, CongestionSignal::Loss);
        }
        self.cwnd = self.mss;
        self.acked = 0;
    }

    fn remember(&mut self) {
        self.before = (self.cwnd, self.ssthresh);
    }

    fn restore(&mut self, _now: Instant) {
        let (cwnd, ssthresh) = self.before;
        self.cwnd = self.cwnd.max(cwnd);
        self.ssthresh = self.ssthresh.max(ssthresh);
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

    fn on_application_limited(&mut self, _now: Instant, used: u32) {
        // RFC 2861 §3.1: half way down to what was used.
        let used = used.max(self.initial_window);
        if used < self.cwnd {
            self.ssthresh = self.ssthresh.max(self.cwnd / 4 * 3);
            self.cwnd = self.cwnd.midpoint(used);
        }
        self.acked = 0;
    }

    fn on_mss_change(&mut self, mss: u32) {
        let from = self.mss.max(1);
        let keep_segments = |window: u32| (window / from).max(1).saturating_mul(mss);
        let scale = |window: u32| match window {
            u32::MAX => u32::MAX,
            // What is proven to pass in a round trip is bytes.
            _ if mss > from => window.max(mss),
            _ => keep_segments(window),
        };
        self.initial_window = keep_segments(self.initial_window);
        self.cwnd = scale(self.cwnd);
        self.ssthresh = scale(self.ssthresh);
        self.before = (scale(self.before.0), scale(self.before.1));
        self.mss = mss;
    }

    fn restart(&mut self, mss: u32, initial_window: u32) -> bool {
        *self = Reno::new(mss, initial_window);
        true
    }

    fn on_take_over(&mut self, window: u32, ssthresh: u32) {
        self.cwnd = window;
        self.ssthresh = ssthresh;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1_000;

    fn ack(delivered: u32) -> AckSample {
        AckSample {
            delivered,
            ..AckSample::of_round(Instant::ZERO, 0, 0)
        }
    }

    fn event(flight_size: u32, signal: CongestionSignal) -> CongestionEvent {
        CongestionEvent {
            now: Instant::ZERO,
            signal,
            flight_size,
        }
    }

    /// RFC 5681 §3.2 step 2: what is outstanding beyond the window does not count; after a timeout that
    /// is most of it.
    #[test]
    fn congestion_never_widens_the_window() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        reno.on_timeout(Instant::ZERO, 100 * MSS, Repeated::First);
        assert_eq!((reno.window(), reno.ssthresh()), (MSS, 5 * MSS));
        reno.on_ack(&ack(3 * MSS));
        reno.on_congestion(&event(90 * MSS, CongestionSignal::Loss));
        assert_eq!((reno.window(), reno.ssthresh()), (2 * MSS, 2 * MSS));
    }

    #[test]
    fn smaller_segments_keep_the_window_in_segments_and_what_it_is_measured_against() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        reno.remember();
        reno.on_congestion(&event(8 * MSS, CongestionSignal::Loss));
        reno.on_mss_change(500);
        assert_eq!((reno.window(), reno.ssthresh()), (2_000, 2_000));
        reno.restore(Instant::ZERO);
        assert_eq!((reno.window(), reno.ssthresh()), (5_000, u32::MAX));
        reno.on_idle(
            Instant::ZERO,
            Duration::from_secs(60),
            Duration::from_secs(1),
        );
        assert_eq!(reno.window(), 5_000, "the initial window of these segments");
    }

    /// As Linux after a probe of the path's MTU (`tcp_mtup_probe_success`).
    #[test]
    fn larger_segments_make_no_window_larger() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        reno.on_mss_change(1_250);
        assert_eq!((reno.window(), reno.ssthresh()), (10 * MSS, u32::MAX));
        reno.on_mss_change(100 * MSS);
        assert_eq!(reno.window(), 100 * MSS, "one segment at least");
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
        let mut reno = Reno::new(MSS, 20 * MSS);
        reno.on_congestion(&event(20 * MSS, CongestionSignal::Loss));
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
    fn a_mark_asks_for_less_than_a_loss() {
        let mut reno = Reno::new(MSS, 20 * MSS);
        reno.on_congestion(&event(20 * MSS, CongestionSignal::Ecn));
        assert_eq!((reno.window(), reno.ssthresh()), (16 * MSS, 16 * MSS));
    }

    #[test]
    fn what_was_no_loss_is_taken_back() {
        let mut reno = Reno::new(MSS, 40 * MSS);
        reno.remember();
        reno.on_timeout(Instant::ZERO, 40 * MSS, Repeated::First);
        reno.restore(Instant::ZERO);
        assert_eq!((reno.window(), reno.ssthresh()), (40 * MSS, u32::MAX));
    }

    #[test]
    fn what_is_not_used_for_long_is_given_back_by_half() {
        let mut reno = Reno::new(MSS, 10 * MSS);
        reno.on_ack(&ack(70 * MSS));
        reno.on_application_limited(Instant::ZERO, 20 * MSS);
        assert_eq!(reno.window(), 50 * MSS);
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
