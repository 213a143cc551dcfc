//! Where the repair of losses stands, and what moves it.

mod order;
mod rest;

use core::time::Duration;

use super::dup_acks::{AckKind, DupAcks};
use super::findings::Findings;
use super::frto::{Frto, FrtoAck};
use super::prr::{Prr, PrrAck};
use super::rack::Rack;
use super::tail_probe::{ProbeAck, ProbeKind, TailProbe};
use super::undo::Undo;
use super::view::{AckView, Outcome, Timeout, Undone};
use crate::config::RecoveryConfig;
use crate::congestion::Phase;
use crate::send::scoreboard::{Scoreboard, Sent};
use crate::time::Instant;

/// The repair of losses.
///
/// ```text
///           marked           +-----------+
///      +-------------------> | Reduction | ----+
///      |                     +-----------+     | loss
///   +------+     loss        +----------+ <----+
///   | Open | --------------> | Recovery | -----------+
///   +------+                 +----------+            | timeout
///      |         timeout     +------+                |
///      +-------------------> | Loss | <--------------+
///                            +------+
/// ```
///
/// Each leads back to `Open` when what was outstanding at its beginning (`high`) is acknowledged, or
/// when it turns out that nothing was lost.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Recovery {
    config: RecoveryConfig,
    phase: Phase,
    /// SND.NXT when the phase began.
    high: u64,
    /// What the last repair was: `Recovery` or `Loss`; `Open` before the first.
    last_repair: Phase,
    rack: Rack,
    /// As it was before the timer expired.
    rack_before: Rack,
    probe: TailProbe,
    prr: Option<Prr>,
    frto: Frto,
    undo: Undo,
    dup_acks: DupAcks,
}

impl Recovery {
    pub(crate) fn new(config: RecoveryConfig) -> Self {
        Recovery {
            config,
            phase: Phase::Open,
            high: 0,
            last_repair: Phase::Open,
            rack: Rack::new(),
            rack_before: Rack::new(),
            probe: TailProbe::default(),
            prr: None,
            frto: Frto::Off,
            undo: Undo::default(),
            dup_acks: DupAcks::default(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether losses are being repaired.
    pub(crate) fn is_repairing(&self) -> bool {
        matches!(self.phase, Phase::Recovery | Phase::Loss)
    }

    /// Whether reports of the peer would show that what begins at `start` is lost, if it is.
    pub(crate) fn would_notice_loss(&self, start: u64, sack: bool) -> bool {
        sack || self.dup_acks.are_of_interest(start)
    }

    /// Bytes that a peer without SACK has shown to have left the network, though it acknowledges none
    /// of them.
    pub(crate) fn departed(&self, scoreboard: &Scoreboard, sack: bool) -> u64 {
        if sack || self.phase == Phase::Loss {
            return 0;
        }
        self.dup_acks.departed(scoreboard)
    }

    /// The window that a reduction allows while it is under way.
    pub(crate) fn window(&self) -> Option<u32> {
        self.prr.as_ref().map(Prr::window)
    }

    /// Whether new data goes before what is thought lost.
    pub(crate) fn wants_new_data(&self) -> bool {
        self.frto.wants_new_data()
    }

    /// Whether new data has gone since the repair began.
    pub(crate) fn has_sent_new(&self, nxt: u64) -> bool {
        nxt > self.high
    }

    /// The reordering window.
    pub(crate) fn reordering_window(
        &self,
        scoreboard: &Scoreboard,
        mss: u32,
        min_rtt: Option<Duration>,
        srtt: Option<Duration>,
    ) -> Duration {
        let evident = self.is_repairing() || scoreboard.is_past_threshold(mss);
        self.rack.window(evident, min_rtt, srtt)
    }

    /// Whether a tail probe may be planned, and how long after the last segment or acknowledgement.
    pub(crate) fn probe_timeout(
        &self,
        scoreboard: &Scoreboard,
        srtt: Option<Duration>,
    ) -> Option<Duration> {
        let quiet = !self.is_repairing() && scoreboard.sacked() == 0 && self.probe.is_idle();
        let plan = self.config.tail_loss_probe && quiet && !scoreboard.is_empty();
        let srtt = srtt.filter(|_| plan)?;
        let (outstanding, _, _) = scoreboard.segments();
        Some(TailProbe::timeout(srtt, outstanding))
    }

    /// The probe goes out; SND.NXT is `end` now.
    pub(crate) fn on_probe_sent(&mut self, end: u64, kind: ProbeKind) {
        self.probe.on_sent(end, kind);
    }

    /// So many segments were sent again.
    pub(crate) fn on_retransmit(&mut self, now: Instant, segments: u64) {
        self.undo.on_retransmit(now, segments);
    }

    /// Bytes of data went out.
    pub(crate) fn on_sent(&mut self, bytes: u64) {
        if let Some(prr) = &mut self.prr {
            prr.on_sent(bytes);
        }
    }

    /// What is outstanding is to be sent again in smaller segments: no duplicate stands for any of it.
    pub(crate) fn forget_duplicates(&mut self, nxt: u64) {
        self.dup_acks.forget();
        self.dup_acks.on_repair(nxt);
    }

    /// Packets were marked: a reduction without a loss begins. Says whether it does; while losses are
    /// repaired, the window is down already.
    pub(crate) fn enter_reduction(&mut self, nxt: u64) -> bool {
        if self.phase != Phase::Open {
            return false;
        }
        self.phase = Phase::Reduction;
        self.high = nxt;
        self.undo.end();
        true
    }

    /// The payload of a full segment is another one now.
    pub(crate) fn on_mss_change(&mut self, mss: u32) {
        if let Some(prr) = &mut self.prr {
            prr.on_mss_change(mss);
        }
    }

    /// The controller has chosen `ssthresh`, with `start` bytes in flight before: lead the window there.
    pub(crate) fn start_prr(&mut self, ssthresh: u32, start: u64) {
        if self.config.proportional_rate_reduction {
            self.prr = Some(Prr::new(ssthresh, start));
        }
    }

    /// An acknowledgement, or time, while a reduction is under way.
    pub(crate) fn reduce(&mut self, ack: PrrAck) {
        if let Some(prr) = &mut self.prr {
            prr.on_ack(ack);
        }
    }

    /// An acknowledgement was applied to the scoreboard: look for losses, mark them, say what it
    /// means. Tells `lost` of each.
    pub(crate) fn on_ack(
        &mut self,
        view: &AckView<'_>,
        scoreboard: &mut Scoreboard,
        lost: &mut dyn FnMut(&Sent),
        outcome: &mut Outcome,
    ) {
        outcome.reordered = self.rack.on_delivered(view.now, view.delivered, view.mss);
        if let Some(dsack) = view.dsack {
            self.undo.on_dsack(dsack, view.mss);
            // What a timeout or a probe sent again tells of delay, not of order.
            if self.last_repair == Phase::Recovery && !self.probe.is_answered_by(dsack) {
                self.rack.on_dsack(view.una, view.nxt);
            }
        }
        outcome.probe_repaired = self.probe.on_ack(&ProbeAck {
            ack: view.una,
            dsack: view.dsack,
            pure_duplicate: view.pure_duplicate,
        });
        if !view.sack {
            let repairing = self.phase == Phase::Recovery;
            let limited_transmit = self.config.limited_transmit;
            self.dup_acks
                .on_ack(view.kind, view.una, repairing, limited_transmit, scoreboard);
        }
        match self.phase {
            Phase::Open => self.take_back_duplicates(view, outcome),
            Phase::Reduction if view.una >= self.high => {
                self.leave();
                outcome.left = true;
            }
            Phase::Reduction => {}
            Phase::Recovery => self.go_on(view, scoreboard, outcome),
            Phase::Loss => {
                self.go_on_after_timeout(view, scoreboard, outcome);
                if outcome.undone.is_some() {
                    self.rack
                        .forget_since(&self.rack_before, view.now, view.delivered);
                }
            }
        }
        self.find_losses(view, scoreboard, lost, outcome);
        if outcome.probe_repaired && self.phase == Phase::Open {
            self.undo.end();
        }
    }

    /// Time has passed: what was overtaken may be due. Tells `lost` of each.
    pub(crate) fn on_reorder_timeout(
        &mut self,
        view: &AckView<'_>,
        scoreboard: &mut Scoreboard,
        lost: &mut dyn FnMut(&Sent),
    ) -> Outcome {
        let mut outcome = Outcome::default();
        self.find_losses(view, scoreboard, lost, &mut outcome);
        outcome
    }

    /// The retransmission timer expired (RFC 6298 §5.4, RFC 5681 §3.1): what is overdue is lost. Tells
    /// `lost` of each.
    pub(crate) fn on_timeout(
        &mut self,
        view: &AckView<'_>,
        scoreboard: &mut Scoreboard,
        lost: &mut dyn FnMut(&Sent),
    ) -> Timeout {
        let phase = self.phase;
        if !self.is_repairing() {
            let resent = scoreboard.resent_segments(view.mss);
            self.undo.begin(view.una, resent);
        }
        if matches!(phase, Phase::Open | Phase::Reduction) && scoreboard.is_past_threshold(view.mss)
        {
            self.rack.doubt_degree();
        }
        if phase != Phase::Loss {
            self.rack_before = self.rack.clone();
        }
        // RFC 5682 §2.1: not when the timeout comes in the middle of another repair.
        self.frto = match phase {
            // As Linux, nor when what was lost is a probe of the path's MTU.
            Phase::Open | Phase::Reduction
                if self.config.forward_rto && view.mtu_probe.is_none() =>
            {
                Frto::Armed
            }
            Phase::Loss if self.frto == Frto::Armed => Frto::Armed,
            _ => Frto::Off,
        };
        self.phase = Phase::Loss;
        self.last_repair = Phase::Loss;
        self.high = view.nxt;
        self.prr = None;
        self.probe.cancel();
        self.dup_acks.forget();
        self.dup_acks.on_repair(view.nxt);
        // RFC 8985 §6.3: what was sent a short while ago may still arrive.
        let patience = if self.config.rack && view.sack {
            self.rack.patience(Duration::ZERO)
        } else {
            Duration::ZERO
        };
        let reneged = scoreboard.mark_timed_out(view.now, patience, lost);
        Timeout { phase, reneged }
    }

    /// Recovery: is it over, was it wrong?
    fn go_on(&mut self, view: &AckView<'_>, scoreboard: &mut Scoreboard, outcome: &mut Outcome) {
        let original = view.kind == AckKind::Advanced && self.is_of_original(view);
        let complete = view.una >= self.high;
        outcome.undone = if complete && original {
            Some(Undone::Full)
        } else if original && scoreboard.resent_in_flight() == 0 {
            // A hole was filled by what came late, and nothing sent again is under way: no loss.
            scoreboard.unmark_lost();
            Some(Undone::Partial)
        } else if self.is_all_duplicate() {
            Some(Undone::Dsack)
        } else {
            None
        };
        if outcome.undone.is_some() {
            self.undo.end();
        } else if complete {
            self.rack.on_recovery_end();
        }
        if complete || outcome.undone.is_some() {
            self.leave();
            outcome.left = true;
        }
    }

    /// After a timeout: is it repaired, was it spurious?
    fn go_on_after_timeout(
        &mut self,
        view: &AckView<'_>,
        scoreboard: &mut Scoreboard,
        outcome: &mut Outcome,
    ) {
        let advanced = view.kind == AckKind::Advanced;
        let recovered = view.una >= self.high;
        // Without SACK, what a retransmission uncovers may have arrived long ago.
        let surely = view.sack || !view.delivered.resent;
        let lowest = view.delivered.lowest_original;
        let original = lowest.is_some_and(|end| end <= self.high);
        let spurious = self.frto.on_ack(FrtoAck {
            advanced,
            recovered,
            duplicate: view.kind == AckKind::Duplicate,
            original: original && surely && self.config.undo,
            new_data: view.new_data,
        });
        outcome.undone = if advanced && self.is_of_original(view) {
            Some(Undone::Timeout)
        } else if spurious {
            Some(Undone::Frto)
        } else if self.is_all_duplicate() {
            Some(Undone::Dsack)
        } else {
            None
        };
        if outcome.undone.is_some() {
            scoreboard.unmark_lost();
            self.undo.end();
        }
        if recovered || outcome.undone.is_some() {
            outcome.recovered = true;
            self.leave();
        }
    }

    /// After a repair, what it sent again may turn out to have arrived twice (RFC 3708).
    fn take_back_duplicates(&mut self, view: &AckView<'_>, outcome: &mut Outcome) {
        if view.dsack.is_some() && self.is_all_duplicate() {
            self.undo.end();
            outcome.undone = Some(Undone::Dsack);
        }
    }

    fn is_of_original(&self, view: &AckView<'_>) -> bool {
        self.config.undo && self.undo.is_of_original(view.delivered.echo)
    }

    fn is_all_duplicate(&self) -> bool {
        self.config.undo && self.undo.is_all_duplicate()
    }

    fn leave(&mut self) {
        self.phase = Phase::Open;
        self.prr = None;
        self.frto = Frto::Off;
        self.dup_acks.forget();
    }

    /// Marks what is lost, and begins to repair it.
    fn find_losses(
        &mut self,
        view: &AckView<'_>,
        scoreboard: &mut Scoreboard,
        lost: &mut dyn FnMut(&Sent),
        outcome: &mut Outcome,
    ) {
        let over = outcome.left || outcome.recovered;
        let suspect = view.mtu_probe.filter(|&start| start == view.una);
        let suspect = suspect.filter(|_| self.phase == Phase::Open && !over);
        let mut findings = Findings::new(suspect, lost);
        let mut note = |sent: &Sent| findings.note(sent);
        if view.sack && self.config.rack {
            outcome.look_again = self.find_overtaken(view, scoreboard, &mut note);
        } else if view.sack {
            if view.kind == AckKind::Duplicate || view.delivered.bytes > 0 {
                scoreboard.mark_lost_below_sacked(view.mss, &mut note);
            }
        } else if self.phase == Phase::Recovery {
            // Without SACK, what follows a partial acknowledgement is missing too (RFC 6582).
            if view.kind == AckKind::Advanced {
                scoreboard.mark_first_lost(&mut note);
                outcome.resend = true;
            }
        } else if self.dup_acks.shows_loss(view.kind, view.una) {
            scoreboard.mark_first_lost(&mut note);
        }
        let (found, only_probe) = (findings.any(), findings.is_only_probe());
        outcome.lost = found;
        outcome.mtu_probe_lost = only_probe;
        // What a repair leaves behind as lost was sent while it went on, and no cut has answered for it.
        let left_behind = over && scoreboard.lost() > 0;
        // What was sent again after a timeout and lost again is congestion of its own.
        let enters = match self.phase {
            Phase::Open | Phase::Reduction => (found && !only_probe) || left_behind,
            Phase::Recovery => false,
            Phase::Loss => findings.any_again() && view.sack,
        };
        if enters {
            // A window that is being reduced already is not cut again.
            outcome.entered = self.phase != Phase::Reduction;
            self.enter(view, scoreboard);
        }
    }

    fn find_overtaken(
        &self,
        view: &AckView<'_>,
        scoreboard: &mut Scoreboard,
        lost: &mut dyn FnMut(&Sent),
    ) -> Option<Instant> {
        let window = self.reordering_window(scoreboard, view.mss, view.min_rtt, view.srtt);
        let overtaken = self.rack.overtaken(view.now, window)?;
        scoreboard.mark_overtaken(overtaken, lost)
    }

    fn enter(&mut self, view: &AckView<'_>, scoreboard: &Scoreboard) {
        if self.phase == Phase::Reduction {
            self.undo.end();
        } else {
            self.undo
                .begin(view.una, scoreboard.resent_segments(view.mss));
        }
        self.phase = Phase::Recovery;
        self.last_repair = Phase::Recovery;
        self.high = view.nxt;
        self.frto = Frto::Off;
        self.probe.cancel();
        if !view.sack {
            self.dup_acks.on_repair(view.nxt);
            self.dup_acks
                .depart_at_entry(scoreboard, self.config.limited_transmit);
        }
    }
}
