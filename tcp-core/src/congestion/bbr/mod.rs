//! BBR version 3 (draft-ietf-ccwg-bbr): a model of the path, and not a loss, sets the rate.
//!
//! The model is the highest rate at which the path lately delivered (`max_bw`) and the least
//! round-trip time: their product is what keeps the path busy with no queue. Probes refresh it, and
//! bounds learned from losses hold it ([`bounds`]). A round trip may lose 2 % before that is taken
//! for too much, so random loss costs little.
//!
//! ```text
//! Startup --plateau, or high loss--> Drain --queue empty--> Down
//! Down --queue empty--> Cruise --2 to 3 s, or Reno's rounds--> Refill --1 round--> Up
//! Up --plateau, or high loss--> Down
//! any --5 s without a new least RTT--> ProbeRtt --200 ms and 1 round--> Cruise, or Startup
//! ```
//!
//! A mark of the network (RFC 3168 wants it answered as a loss) counts as a round trip with too much
//! loss: it ends a probe, and takes the short-term bound on what is in the network down by the same
//! factor once in a round.
//!
//! All sums are of integers; what the draft draws at random is mixed from the flow's own history.
//!
//! It departs from the draft in five points. Startup is left for high loss only after a round in
//! which the rate did not grow: random loss of more than 2 % would else end it at any rate. The
//! pacing rate is never below a segment in the least round-trip time: a flow of timeouts alone would
//! measure a rate that makes it wait ever longer. The short-term bounds come down for a round that
//! lost more than 2 %, and not for any loss: where each round loses one packet in a hundred, each
//! would measure a little less than it was paced at, and the rate would sink from probe to probe.
//! Losses end a probe only if as much was in the network as the bound may come down to: a few
//! packets that a full buffer left there lose 2 % by chance. And rounds in the repair of a timeout do
//! not count towards the plateau that ends Startup: they measure the window of the repair.

mod aggregation;
mod arithmetic;
mod bounds;
mod cycle;
mod filter;
mod machine;
mod probe_bw;
mod probe_rtt;
mod rounds;
mod startup;
mod state;
mod undo;
mod window;

#[cfg(test)]
mod tests;

use core::time::Duration;

use self::aggregation::Aggregation;
use self::bounds::{BETA, Bounds};
use self::cycle::Cycle;
use self::filter::WindowedMax;
use self::probe_rtt::ProbeRtt;
use self::rounds::Rounds;
use self::startup::{FullBandwidth, LossEvents};
use self::state::State;
use self::undo::Undo;
use super::{
    AckSample, CongestionEvent, CongestionSignal, Controller, LostSample, Phase, Repeated,
    SentSample,
};
use crate::time::Instant;

/// BBR's state. Sizes are bytes, rates bytes a second.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Bbr {
    mss: u64,
    initial_window: u64,
    state: State,
    cwnd: u64,
    /// The window to return to after a repair or a quiet moment.
    prior_cwnd: u64,
    pacing_rate: u64,
    /// Whether the pacing rate comes from a measured round-trip time yet.
    has_measured: bool,
    /// Whether losses are being repaired.
    repairing: bool,
    /// Whether the application let the network run empty, and nothing was delivered since.
    idle_restart: bool,
    /// Bytes delivered since the connection began.
    delivered: u64,
    rounds: Rounds,
    /// The highest rates measured in this cycle of ProbeBW and in the last.
    max_bw: WindowedMax<2>,
    /// The rate that the model holds for the path's: `max_bw` within its bound.
    bw: u64,
    aggregation: Aggregation,
    full_bw: FullBandwidth,
    loss_events: LossEvents,
    bounds: Bounds,
    cycle: Cycle,
    probe_rtt: ProbeRtt,
    /// What the acknowledgement being processed changed by its losses.
    latest: Option<Undo>,
    undo: Option<Undo>,
}

impl Bbr {
    /// Starts from `initial_window` bytes with segments of `mss` bytes.
    pub fn new(mss: u32, initial_window: u32) -> Self {
        let initial_window = u64::from(initial_window);
        let mut bbr = Bbr {
            mss: u64::from(mss.max(1)),
            initial_window,
            state: State::Startup,
            cwnd: initial_window,
            prior_cwnd: initial_window,
            pacing_rate: 0,
            has_measured: false,
            repairing: false,
            idle_restart: false,
            delivered: 0,
            rounds: Rounds::default(),
            max_bw: WindowedMax::new(),
            bw: 0,
            aggregation: Aggregation::new(),
            full_bw: FullBandwidth::default(),
            loss_events: LossEvents::default(),
            bounds: Bounds::new(),
            cycle: Cycle::new(),
            probe_rtt: ProbeRtt::default(),
            latest: None,
            undo: None,
        };
        bbr.set_initial_pacing_rate(window::UNMEASURED_RTT);
        bbr
    }
}

impl Controller for Bbr {
    fn name(&self) -> &'static str {
        "bbr"
    }

    fn window(&self) -> u32 {
        u32::try_from(self.cwnd).unwrap_or(u32::MAX)
    }

    /// There is no threshold: once Startup is over, the window is never in slow start.
    fn ssthresh(&self) -> u32 {
        if self.full_bw.reached() {
            self.window()
        } else {
            u32::MAX
        }
    }

    fn pacing_rate(&self) -> Option<u64> {
        Some(self.pacing_rate)
    }

    fn send_quantum(&self) -> Option<u32> {
        Some(self.quantum().try_into().unwrap_or(u32::MAX))
    }

    fn governs_recovery(&self) -> bool {
        true
    }

    fn on_sent(&mut self, sent: &SentSample) {
        if sent.prior_in_flight == 0 && sent.app_limited {
            self.restart_from_idle(sent.now);
        }
    }

    fn on_ack(&mut self, sample: &AckSample) {
        if sample.phase == Phase::Open {
            self.end_repair();
        }
        self.update_model_and_state(sample);
        self.update_pacing_rate(sample);
        self.update_cwnd(sample);
        self.latest = None;
    }

    fn on_lost(&mut self, lost: &LostSample) {
        if self.latest.is_none() {
            self.latest = Some(self.present());
        }
        self.delivered = lost.total_delivered;
        self.bounds.note_loss(u64::from(lost.bytes), self.delivered);
        self.check_inflight_at_loss(lost);
    }

    fn on_congestion(&mut self, event: &CongestionEvent) {
        match event.signal {
            CongestionSignal::Loss => {
                self.save_cwnd();
                self.repairing = true;
            }
            CongestionSignal::Ecn => {
                self.bounds.note_mark(self.delivered);
                let inflight = arithmetic::scaled(u64::from(event.flight_size), BETA);
                self.on_mark(event.now, inflight);
            }
        }
    }

    fn on_recovery_end(&mut self, _now: Instant) {
        self.end_repair();
    }

    fn on_timeout(&mut self, _now: Instant, _flight_size: u32, _repeated: Repeated) {
        self.save_cwnd();
        self.repairing = true;
        self.bounds.note_loss(0, self.delivered);
        self.cwnd = self.mss;
        self.latest = None;
    }

    fn remember(&mut self) {
        let before = self.latest.take();
        self.undo = Some(before.unwrap_or_else(|| self.present()));
    }

    fn restore(&mut self, _now: Instant) {
        self.repairing = false;
        if let Some(undo) = self.undo.take() {
            self.undo_losses(&undo);
        }
    }

    /// The pacing rate keeps a flow that was idle from sending its window in a burst, and the model
    /// of the path is worth keeping.
    fn on_idle(&mut self, _now: Instant, _idle: Duration, _rto: Duration) {}

    fn on_mss_change(&mut self, mss: u32) {
        self.mss = u64::from(mss.max(1));
        self.cwnd = self.cwnd.max(self.mss);
    }

    fn restart(&mut self, mss: u32, initial_window: u32) -> bool {
        *self = Bbr::new(mss, initial_window);
        true
    }

    fn on_take_over(&mut self, window: u32, _ssthresh: u32) {
        self.cwnd = u64::from(window).max(self.mss);
        self.prior_cwnd = self.cwnd;
        self.set_initial_pacing_rate(window::UNMEASURED_RTT);
    }
}
