//! Bbr.

use core::time::Duration;

use super::{AckSample, CongestionEvent, Controller, Reno, Repeated};
use crate::time::Instant;

/// Bbr's state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Bbr(Reno);

impl Bbr {
    /// Starts from `initial_window` bytes with segments of `mss` bytes.
    pub fn new(mss: u32, initial_window: u32) -> Self {
        Bbr(Reno::new(mss, initial_window))
    }
}

impl Controller for Bbr {
    fn name(&self) -> &'static str {
        "bbr"
    }
    fn window(&self) -> u32 {
        self.0.window()
    }
    fn ssthresh(&self) -> u32 {
        self.0.ssthresh()
    }
    fn on_ack(&mut self, sample: &AckSample) {
        self.0.on_ack(sample)
    }
    fn on_congestion(&mut self, event: &CongestionEvent) {
        self.0.on_congestion(event)
    }
    fn on_timeout(&mut self, now: Instant, flight_size: u32, repeated: Repeated) {
        self.0.on_timeout(now, flight_size, repeated)
    }
    fn remember(&mut self) {
        self.0.remember()
    }
    fn restore(&mut self, now: Instant) {
        self.0.restore(now)
    }
    fn on_idle(&mut self, now: Instant, idle: Duration, rto: Duration) {
        self.0.on_idle(now, idle, rto)
    }
    fn on_mss_change(&mut self, mss: u32) {
        self.0.on_mss_change(mss)
    }
    fn on_take_over(&mut self, window: u32, ssthresh: u32) {
        self.0.on_take_over(window, ssthresh)
    }
}
