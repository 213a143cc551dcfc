//! How fast to send, and what keeps the sender from sending.

use super::decision::{Cutter, Shape};
use super::limit::Limit;
use super::machine::Connection;
use super::timers::Timer;
use crate::congestion::SentSample;
use crate::send::pacing::Pacer;
use crate::send::scoreboard::SendStamp;
use crate::send::usage::Rest;
use crate::time::Instant;

/// Segments' worth of the stream that goes out without a pace at the beginning of a connection, and
/// whenever nothing is in the network: the initial window of RFC 6928, and the `initial_quantum` of
/// Linux's `sch_fq`.
const UNPACED_SEGMENTS: u64 = 10;

impl Connection {
    /// The bytes that may be in the network.
    pub(super) fn cwnd(&self) -> u32 {
        self.recovery
            .window()
            .unwrap_or_else(|| self.congestion.window())
    }

    /// The rate to send at, in bytes a second; `None` for as fast as the windows allow.
    pub(super) fn pacing_rate(&self) -> Option<u64> {
        let bound = self.options.max_pacing_rate;
        self.rate()
            .filter(|_| self.config.pacing || bound != u64::MAX)
    }

    /// The same, whether or not what is sent is spread; `None` before a round trip was measured.
    pub(super) fn rate(&self) -> Option<u64> {
        let rate = self.unbounded_rate();
        match self.options.max_pacing_rate {
            u64::MAX => rate,
            bound => Some(rate.map_or(bound, |rate| rate.min(bound))),
        }
    }

    /// Bounds the rate at which data is sent, in bytes a second (`SO_MAX_PACING_RATE`), and spreads it even where
    /// [`TcpConfig::pacing`](crate::TcpConfig::pacing) does not; `None` for no bound.
    pub fn set_max_pacing_rate(&mut self, rate: Option<u64>) {
        self.options.max_pacing_rate = rate.unwrap_or(u64::MAX);
    }

    /// The bound on the rate, in bytes a second, where there is one.
    pub fn max_pacing_rate(&self) -> Option<u64> {
        Some(self.options.max_pacing_rate).filter(|&rate| rate != u64::MAX)
    }

    fn unbounded_rate(&self) -> Option<u64> {
        self.congestion.pacing_rate().or_else(|| {
            let srtt = self.rtt.srtt()?.as_nanos().max(1);
            let srtt = u64::try_from(srtt).unwrap_or(u64::MAX);
            let window = self.congestion.window().max(self.in_flight());
            // As Linux: twice the window in a round trip while it doubles, 1.2 times after.
            let doubles = self.congestion.window() < self.congestion.ssthresh() / 2;
            let percent = if doubles { 200 } else { 120 };
            // Even the largest window leaves the product below 2^63.
            Some(u64::from(window) * percent * 10_000_000 / srtt)
        })
    }

    /// Whether the pace lets data go now.
    pub(super) fn check_pace(&self, now: Instant) -> Result<(), Limit> {
        let at = self.snd.pacer.ready_at(now);
        if at > now {
            Err(Limit::Pace(at))
        } else {
            Ok(())
        }
    }

    /// Data is about to go out: everything that counts it, but the scoreboard.
    pub(super) fn stamp_data(&mut self, now: Instant, len: u64, shape: &Shape) -> SendStamp {
        let in_flight = self.in_flight();
        let stamp = self.snd.rate.on_send(now, in_flight, len);
        self.congestion.on_sent(&SentSample {
            now,
            bytes: len.min(u64::from(u32::MAX)) as u32,
            prior_in_flight: in_flight,
            app_limited: stamp.app_limited,
        });
        self.recovery.on_sent(len);
        if self.snd.nxt > self.unpaced()
            && let Some(rate) = self.pacing_rate()
        {
            let mut quantum = self.quantum(rate);
            if shape.goal > shape.piece && shape.cutter == Cutter::Device {
                // A burst is whole segments: a rest would cost as much as one.
                quantum = (quantum / shape.goal).max(1) * shape.goal;
            }
            let quantum = quantum.max(self.start(in_flight));
            self.snd.pacer.on_sent(now, len, rate, quantum);
        }
        stamp
    }

    /// Bytes that may go before the pace counts again: the rest of the burst that is under way, or all of
    /// the one that begins now. `None` where nothing is spread.
    pub(super) fn left_of_burst(&self, in_flight: u64) -> Option<u64> {
        let unpaced = self.unpaced().checked_sub(self.snd.nxt);
        if let Some(left) = unpaced {
            return Some(left + 1);
        }
        let rate = self.pacing_rate()?;
        let left = self.snd.pacer.left();
        let in_flight = in_flight.min(u64::from(u32::MAX)) as u32;
        Some(left.unwrap_or_else(|| self.quantum(rate).max(self.start(in_flight))))
    }

    /// The offset up to which the stream is not spread. By the stream, not by what was counted: counts
    /// decide nothing.
    fn unpaced(&self) -> u64 {
        UNPACED_SEGMENTS * u64::from(self.full_payload())
    }

    /// The least burst that begins with nothing in the network.
    fn start(&self, in_flight: u32) -> u64 {
        if in_flight == 0 { self.unpaced() } else { 0 }
    }

    /// The bytes of a burst at `rate`.
    fn quantum(&self, rate: u64) -> u64 {
        let quantum = u64::from(self.congestion.send_quantum().unwrap_or(0));
        quantum.max(Pacer::quantum(rate, self.full_payload()))
    }

    /// Whether the send buffer, and not the application, is why nothing is left to send: it is full
    /// of what is outstanding, or the application has yet to use the room that it was refused.
    fn is_bound_by_buffer(&self) -> bool {
        self.is_queue_full() || (self.user.holds_more && !self.snd.scoreboard.is_empty())
    }

    /// No data can be sent now, for this reason.
    pub(super) fn note_limit(&mut self, now: Instant, limit: Limit) {
        if let Limit::Pace(at) = limit {
            self.timers.arm(Timer::Pacing, at);
        } else {
            self.timers.disarm(Timer::Pacing);
            self.snd.pacer.end_burst();
        }
        let in_flight = self.in_flight();
        let full = in_flight.saturating_add(self.full_payload()) > self.cwnd();
        let limited = limit == Limit::Congestion || full;
        let nothing = matches!(limit, Limit::NoData | Limit::Held);
        if nothing && !self.is_bound_by_buffer() && !full && self.snd.scoreboard.lost() == 0 {
            self.snd.rate.on_app_limited(in_flight);
        }
        self.snd.usage.on_rest(Rest {
            now,
            una: self.snd.una,
            nxt: self.snd.nxt,
            in_flight,
            limited,
            waiting: self.snd.unsent() > 0,
        });
        let rto = self.rtt.rto();
        if self.config.slow_start_after_idle
            && let Some(used) = self.snd.usage.take_unused(now, rto)
        {
            self.congestion.on_application_limited(now, used);
        }
        self.tally
            .note_limit(now, limit, in_flight > 0, self.is_queue_full());
    }
}
