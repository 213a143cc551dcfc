//! CUBIC (RFC 9438), counting bytes, with HyStart++ (RFC 9406).

mod curve;
mod epoch;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use core::time::Duration;

use self::curve::{refit, rescale};
use self::epoch::{Epoch, Growth};
use super::controller::Controller;
use super::hystart::HyStart;
use super::sample::{AckSample, CongestionEvent, CongestionSignal, Repeated, SentSample};
use crate::state::Phase;
use crate::time::Instant;

/// What of CUBIC may be turned off.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CubicOptions {
    /// HyStart++ (RFC 9406): slow start ends when the round-trip time grows.
    pub hystart: bool,
    /// A flow that meets congestion earlier than the last time makes room for others (RFC 9438 §4.7).
    pub fast_convergence: bool,
    /// A mark takes less from the window than a loss (RFC 8511). Linux's takes as much.
    pub mark_backoff: bool,
}

impl Default for CubicOptions {
    fn default() -> Self {
        CubicOptions {
            hystart: true,
            fast_convergence: true,
            mark_backoff: true,
        }
    }
}

/// CUBIC's state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Cubic {
    options: CubicOptions,
    /// Bytes in a segment; above zero.
    mss: u32,
    /// In bytes; no less than a segment.
    initial_window: u32,
    /// As RFC 6298 smooths it, without a floor.
    srtt: Option<Duration>,
    window: Window,
    /// The window before the repair under way, until it is restored.
    before: Option<Box<Window>>,
}

/// All that a reduction changes, and an undone one brings back (RFC 9438 §4.9).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Window {
    /// In bytes; no less than a segment.
    cwnd: u32,
    /// In bytes; `u32::MAX` before the first loss.
    ssthresh: u32,
    /// Where the window met congestion, or a little below it; zero where that is not known.
    w_max: u32,
    /// The window when `ssthresh` was last set.
    cwnd_prior: u32,
    /// The stage of congestion avoidance, once an acknowledgement has begun it.
    epoch: Option<Epoch>,
    /// In the first slow start, where it is wanted.
    hystart: Option<HyStart>,
}

/// A multiplicative decrease, in twentieths.
#[derive(Clone, Copy)]
struct Beta(u32);

impl Beta {
    const UNIT: u32 = 20;

    /// 0.7 for a loss (RFC 9438 §4.6), and 0.85 for a mark (RFC 8511 §3).
    fn of(signal: CongestionSignal, options: CubicOptions) -> Self {
        match signal {
            CongestionSignal::Ecn if options.mark_backoff => Beta(17),
            CongestionSignal::Loss | CongestionSignal::Ecn => Beta(14),
        }
    }

    fn apply(self, bytes: u32) -> u32 {
        rescale(bytes, Beta::UNIT, self.0)
    }

    /// The middle between what was and what is left.
    fn apply_half(self, bytes: u32) -> u32 {
        rescale(bytes, 2 * Beta::UNIT, Beta::UNIT + self.0)
    }
}

impl Cubic {
    /// Slow start from `initial_window` bytes with segments of `mss` bytes.
    pub fn new(mss: u32, initial_window: u32, options: CubicOptions) -> Self {
        let mss = mss.max(1);
        let initial_window = initial_window.max(mss);
        Cubic {
            options,
            mss,
            initial_window,
            srtt: None,
            window: Window {
                cwnd: initial_window,
                ssthresh: u32::MAX,
                w_max: 0,
                cwnd_prior: initial_window,
                epoch: None,
                hystart: options.hystart.then(HyStart::default),
            },
            before: None,
        }
    }

    /// RFC 9438 §4.6: the threshold is a part of the window, and at least two segments. As Linux has
    /// it, the window counts and not what is outstanding: it grows only while it is used, so that what
    /// the peer's window or the application keeps back at the moment does not make the cut deeper.
    fn reduce_threshold(&mut self, beta: Beta) {
        let window = &mut self.window;
        window.ssthresh = beta.apply(window.cwnd).max(self.mss.saturating_mul(2));
        window.cwnd_prior = window.cwnd;
        window.epoch = None;
        window.hystart = None;
    }

    /// Slow start; gives the bytes that are left for congestion avoidance.
    fn grow_by_slow_start(&mut self, sample: &AckSample) -> u32 {
        let window = &mut self.window;
        let growth = match &window.hystart {
            Some(hystart) => hystart.growth(sample, self.mss),
            None => sample.delivered,
        };
        let room = window.ssthresh - window.cwnd;
        window.cwnd += growth.min(room);
        growth.saturating_sub(room)
    }

    fn grow_by_congestion_avoidance(&mut self, sample: &AckSample, acked: u32) {
        let window = &mut self.window;
        let epoch = window.epoch.get_or_insert_with(|| {
            window.w_max = window.w_max.max(window.cwnd);
            Epoch::begin(sample.now, window.cwnd, window.w_max, self.mss)
        });
        epoch.run_to(sample.now);
        window.cwnd = epoch.grow(&Growth {
            cwnd: window.cwnd,
            cwnd_prior: window.cwnd_prior,
            acked,
            srtt: self.srtt.or(sample.min_rtt).unwrap_or_default(),
            mss: self.mss,
        });
    }

    fn watch_delay(&mut self, sample: &AckSample) {
        if let Some(rtt) = sample.rtt {
            self.srtt = Some(match self.srtt {
                Some(srtt) => (srtt / 8).saturating_mul(7).saturating_add(rtt / 8),
                None => rtt,
            });
        }
        let window = &mut self.window;
        if sample.phase == Phase::Open
            && let Some(hystart) = &mut window.hystart
        {
            hystart.on_ack(sample);
            if hystart.is_over() {
                // RFC 9438 §4.10: the first stage begins on its plateau, with K = 0.
                window.ssthresh = window.cwnd;
                window.cwnd_prior = window.cwnd;
                window.hystart = None;
            }
        }
    }

    /// A part of the window goes unproven: the threshold remembers three quarters of it (RFC 2861
    /// §3), and the curve begins anew from the rest.
    fn give_back(&mut self, cwnd: u32) {
        let window = &mut self.window;
        window.ssthresh = window.ssthresh.max(window.cwnd / 4 * 3);
        window.cwnd = cwnd;
        window.epoch = None;
    }
}

impl Controller for Cubic {
    fn name(&self) -> &'static str {
        "cubic"
    }

    fn window(&self) -> u32 {
        self.window.cwnd
    }

    fn ssthresh(&self) -> u32 {
        self.window.ssthresh
    }

    fn on_sent(&mut self, sent: &SentSample) {
        // Nothing was outstanding: until now there was nothing to wait for.
        if sent.prior_in_flight == 0
            && let Some(epoch) = &mut self.window.epoch
        {
            epoch.pause_to(sent.now);
        }
    }

    fn on_ack(&mut self, sample: &AckSample) {
        self.watch_delay(sample);
        if !sample.may_grow() {
            if sample.in_order
                && let Some(epoch) = &mut self.window.epoch
            {
                epoch.pause_to(sample.now);
            }
            return;
        }
        let mut acked = sample.delivered;
        if self.window.cwnd < self.window.ssthresh {
            acked = self.grow_by_slow_start(sample);
        }
        if self.window.cwnd >= self.window.ssthresh {
            self.grow_by_congestion_avoidance(sample, acked);
        }
    }

    fn on_congestion(&mut self, event: &CongestionEvent) {
        let beta = Beta::of(event.signal, self.options);
        let window = &mut self.window;
        // RFC 9438 §4.7.
        let makes_room = self.options.fast_convergence && window.cwnd < window.w_max;
        window.w_max = if makes_room {
            beta.apply_half(window.cwnd)
        } else {
            window.cwnd
        };
        self.reduce_threshold(beta);
        self.window.cwnd = self.window.ssthresh;
    }

    fn on_timeout(&mut self, _now: Instant, _flight_size: u32, repeated: Repeated) {
        if repeated == Repeated::First {
            self.reduce_threshold(Beta::of(CongestionSignal::Loss, self.options));
        }
        // RFC 9438 §4.8: the curve has its plateau where slow start will end.
        self.window.w_max = 0;
        self.window.epoch = None;
        self.window.cwnd = self.mss;
    }

    fn remember(&mut self) {
        self.before = Some(Box::new(self.window));
    }

    fn restore(&mut self, now: Instant) {
        let Some(before) = self.before.take() else {
            return;
        };
        let after = core::mem::replace(&mut self.window, *before);
        self.window.cwnd = before.cwnd.max(after.cwnd);
        self.window.ssthresh = before.ssthresh.max(after.ssthresh);
        if let Some(epoch) = &mut self.window.epoch {
            epoch.pause_to(now);
        }
    }

    fn on_idle(&mut self, now: Instant, idle: Duration, rto: Duration) {
        let cwnd = self.window.cwnd;
        if let Some(epoch) = &mut self.window.epoch {
            epoch.pause_to(now);
        }
        if let Some(hystart) = &mut self.window.hystart {
            // The path may have become another one.
            *hystart = HyStart::default();
        }
        // RFC 2861 §3: half for each timeout that passed, no lower than the restart window.
        let restart = self.initial_window.min(cwnd);
        let mut left = idle;
        let mut kept = cwnd;
        while left > rto && kept > restart {
            left -= rto;
            kept = (kept / 2).max(restart);
        }
        if kept < cwnd {
            self.give_back(kept);
        }
    }

    fn on_application_limited(&mut self, _now: Instant, used: u32) {
        // RFC 2861 §3.1: half way down to what was used.
        let used = used.max(self.initial_window);
        if used < self.window.cwnd {
            self.give_back(self.window.cwnd.midpoint(used));
        }
    }

    fn on_mss_change(&mut self, mss: u32) {
        let (from, to) = (self.mss, mss.max(1));
        self.mss = to;
        self.initial_window = rescale(self.initial_window, from, to).max(to);
        self.window = self.window.with_mss(from, to);
        if let Some(before) = &mut self.before {
            **before = before.with_mss(from, to);
        }
    }

    fn restart(&mut self, mss: u32, initial_window: u32) -> bool {
        *self = Cubic::new(mss, initial_window, self.options);
        true
    }

    fn on_take_over(&mut self, window: u32, ssthresh: u32) {
        let taken = Cubic::new(self.mss, self.initial_window, self.options);
        self.window = Window {
            cwnd: window.max(self.mss),
            ssthresh,
            cwnd_prior: window.max(self.mss),
            // A threshold was found: this is not the first slow start.
            hystart: taken.window.hystart.filter(|_| ssthresh == u32::MAX),
            ..taken.window
        };
        self.before = None;
    }
}

impl Window {
    /// The window keeps its number of segments, or its bytes where segments become larger, and so does all that is
    /// measured against it.
    fn with_mss(self, from: u32, to: u32) -> Self {
        let ssthresh = match self.ssthresh {
            u32::MAX => u32::MAX,
            ssthresh => refit(ssthresh, from, to).max(to),
        };
        Window {
            cwnd: refit(self.cwnd, from, to).max(to),
            ssthresh,
            w_max: refit(self.w_max, from, to),
            cwnd_prior: refit(self.cwnd_prior, from, to),
            epoch: self.epoch.map(|epoch| epoch.with_mss(from, to)),
            hystart: self.hystart,
        }
    }
}
