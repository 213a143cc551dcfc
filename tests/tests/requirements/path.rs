//! A congestion control by itself, and a path that acknowledges.

use std::time::Duration;

use tcp_core::Instant;
use tcp_core::congestion::{
    AckSample, CongestionEvent, CongestionSignal, Controller, Cubic, CubicOptions, Phase,
};

/// Bytes in a segment.
pub const MSS: u32 = 1_000;

/// CUBIC, and what has been acknowledged to it.
#[derive(Clone)]
pub struct Path {
    pub cubic: Cubic,
    pub now: Instant,
    /// The next segment that is acknowledged.
    una: u64,
    /// Whether sending is paced, so that no acknowledgement lets go too much.
    pub paced: bool,
    /// Whether the window is what keeps the sender back.
    pub limited: bool,
}

impl Path {
    /// A window of so many segments, in slow start.
    pub fn new(segments: u32) -> Path {
        Path::with(segments, CubicOptions::default())
    }

    pub fn with(segments: u32, options: CubicOptions) -> Path {
        Path {
            cubic: Cubic::new(MSS, segments * MSS, options),
            now: Instant::ZERO,
            una: 0,
            paced: false,
            limited: true,
        }
    }

    /// The window in bytes.
    pub fn window(&self) -> u32 {
        self.cubic.window()
    }

    /// A round trip of so many acknowledgements of a segment each, which measure it; no time passes.
    pub fn round(&mut self, acks: u64, rtt: Duration) {
        self.round_of(&vec![rtt; acks as usize]);
    }

    /// A round trip of acknowledgements that measure these times.
    pub fn round_of(&mut self, rtts: &[Duration]) {
        let acks = rtts.len() as u64;
        for rtt in rtts {
            self.acknowledge(MSS, Some(*rtt), self.una + acks);
            self.una += 1;
        }
    }

    /// One acknowledgement of so many bytes, which measures nothing.
    pub fn ack(&mut self, bytes: u32) {
        self.acknowledge(bytes, None, u64::MAX);
    }

    /// A window is acknowledged in each round trip for so many milliseconds.
    pub fn run(&mut self, millis: u64, rtt: Duration) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.round(u64::from(self.window() / MSS), rtt);
            self.now += rtt;
        }
    }

    /// A loss is found.
    pub fn lose(&mut self) {
        self.meet(CongestionSignal::Loss);
    }

    pub fn meet(&mut self, signal: CongestionSignal) {
        self.cubic.remember();
        self.cubic.on_congestion(&CongestionEvent {
            now: self.now,
            signal,
            flight_size: self.cubic.window(),
        });
    }

    fn acknowledge(&mut self, delivered: u32, rtt: Option<Duration>, nxt: u64) {
        let outstanding = self.cubic.window();
        self.cubic.on_ack(&AckSample {
            now: self.now,
            delivered,
            lost: 0,
            prior_in_flight: outstanding,
            in_flight: outstanding,
            una: self.una,
            nxt,
            rtt,
            min_rtt: rtt,
            cwnd_limited: self.limited,
            in_order: true,
            paced: self.paced,
            phase: Phase::Open,
            rate: None,
            total_delivered: 0,
            total_lost: 0,
        });
    }
}
