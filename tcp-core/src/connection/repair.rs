//! What acknowledgements and timers show of losses becomes window, retransmissions and timers.

use super::acknowledge::Acknowledged;
use super::machine::Connection;
use super::timers::Timer;
use crate::congestion::{AckSample, CongestionEvent, CongestionSignal, Phase, Repeated};
use crate::recovery::{AckKind, AckView, Outcome, PrrAck, Recovery, Undone};
use crate::send::scoreboard::{Delivered, Scoreboard, Sent};
use crate::stats::Counters;
use crate::time::Instant;

impl Connection {
    /// What a reduction counts in: whole segments where the send queue is as Linux's, else bytes.
    fn grain(&self) -> u32 {
        match self.snd.chunks {
            Some(_) => self.full_payload(),
            None => 1,
        }
    }

    /// An acknowledgement has been applied: look for losses, and let the congestion control know.
    pub(super) fn repair(
        &mut self,
        now: Instant,
        acknowledged: &Acknowledged<'_>,
        counters: &mut Counters,
    ) {
        let &Acknowledged {
            arrived, delivered, ..
        } = acknowledged;
        let total_lost = self.snd.rate.lost();
        let rate = self
            .snd
            .rate
            .on_delivered(arrived, delivered, self.rtt.min_rtt());
        let view = AckView {
            kind: acknowledged.kind,
            dsack: acknowledged.dsack.as_ref(),
            pure_duplicate: acknowledged.pure_duplicate,
            ..self.view(arrived, delivered)
        };
        let (recovery, scoreboard, mut lost) = self.repair_parts(now, counters);
        let mut outcome = Outcome::default();
        recovery.on_ack(&view, scoreboard, &mut lost, &mut outcome);
        drop(lost);
        self.apply(
            now,
            &outcome,
            acknowledged.prior_outstanding,
            delivered.bytes,
            counters,
        );
        if acknowledged.marked {
            self.count_marked(delivered.segments, counters);
            self.on_ecn_echo(now, acknowledged.prior_outstanding, delivered.bytes);
        }
        let lost = clamp(self.snd.rate.lost() - total_lost);
        let phase = self.recovery.phase();
        if delivered.bytes > 0 || lost > 0 {
            let (window, ssthresh) = (self.congestion.window(), self.congestion.ssthresh());
            let sample = AckSample {
                now: arrived,
                delivered: clamp(delivered.bytes),
                lost,
                prior_in_flight: acknowledged.prior_in_flight,
                in_flight: self.in_flight(),
                una: self.snd.una,
                nxt: self.snd.nxt,
                rtt: acknowledged.rtt,
                min_rtt: self.rtt.min_rtt(),
                cwnd_limited: self.snd.usage.is_limited(window, ssthresh),
                in_order: acknowledged.kind == AckKind::Advanced
                    || self.recovery.is_reordering_usual(),
                // Linux's slow start has no bound for bursts.
                paced: self.config.pacing || self.snd.chunks.is_some(),
                phase,
                rate,
                total_delivered: self.snd.rate.delivered(),
                total_lost: self.snd.rate.lost(),
            };
            self.congestion.on_ack(&sample);
        }
        // RFC 9937 §6: without SACK a duplicate stands for what it shows to have left, and what is
        // acknowledged after it is not delivered again.
        let newly_departed = delivered.bytes + self.departed();
        self.recovery.reduce(PrrAck {
            delivered: newly_departed.saturating_sub(acknowledged.prior_departed),
            in_flight: u64::from(self.in_flight()),
            safe: acknowledged.kind == AckKind::Advanced && !outcome.lost,
            mss: self.full_payload(),
            grain: self.grain(),
        });
    }

    /// What may have been overtaken is due.
    pub(super) fn on_reorder_timeout(&mut self, now: Instant, counters: &mut Counters) {
        let nothing = Delivered::default();
        let outstanding = self.snd.outstanding();
        let view = self.view(now, &nothing);
        let (recovery, scoreboard, mut lost) = self.repair_parts(now, counters);
        let outcome = recovery.on_reorder_timeout(&view, scoreboard, &mut lost);
        drop(lost);
        self.apply(now, &outcome, outstanding, 0, counters);
        if outcome.lost {
            self.recovery.reduce(PrrAck {
                delivered: 0,
                in_flight: u64::from(self.in_flight()),
                safe: false,
                mss: self.full_payload(),
                grain: self.grain(),
            });
        }
    }

    /// Nothing came back for a whole timeout: RFC 6298 §5.4, RFC 5681 §3.1.
    pub(super) fn give_up_flight(&mut self, now: Instant, counters: &mut Counters) {
        let nothing = Delivered::default();
        let outstanding = self.snd.outstanding();
        if !self.recovery.is_repairing() {
            self.congestion.remember();
            self.tally.begin_timeouts(now);
        }
        let view = self.view(now, &nothing);
        let (recovery, scoreboard, mut lost) = self.repair_parts(now, counters);
        let timeout = recovery.on_timeout(&view, scoreboard, &mut lost);
        drop(lost);
        self.timers.disarm(Timer::Reorder);
        self.timers.disarm(Timer::TailProbe);
        counters.recovery_fail += u64::from(timeout.phase == Phase::Recovery);
        counters.sack_reneging += u64::from(timeout.reneged);
        // In recovery the window is down already.
        let repeated = if self.snd.retries > 1 || timeout.phase == Phase::Recovery {
            Repeated::Again
        } else {
            Repeated::First
        };
        self.congestion.on_timeout(now, outstanding, repeated);
        self.note_reduction();
    }

    /// Cuts the window, at most once for each window of data, and leads it down to where it is cut to.
    pub(super) fn cut(
        &mut self,
        now: Instant,
        signal: CongestionSignal,
        flight_size: u32,
        delivered: u64,
    ) {
        self.cut_at_once(now, signal, flight_size);
        if !self.congestion.governs_recovery() {
            // RFC 9937 §6.2: RecoverFS.
            let sacked = self.snd.scoreboard.sacked();
            let start = u64::from(self.snd.outstanding()).saturating_sub(sacked) + delivered;
            self.recovery.start_prr(self.congestion.ssthresh(), start);
        }
    }

    /// The controller cuts the window, and the peer hears of it where it marks.
    fn cut_at_once(&mut self, now: Instant, signal: CongestionSignal, flight_size: u32) {
        self.congestion.remember();
        self.congestion.on_congestion(&CongestionEvent {
            now,
            signal,
            flight_size,
        });
        self.note_reduction();
    }

    /// When to probe, if nothing comes back until then (RFC 8985 §7.2).
    pub(super) fn plan_tail_probe(&mut self, now: Instant) {
        let timeout = if self.agreed.sack && self.state.may_transmit() {
            self.recovery
                .probe_timeout(&self.snd.scoreboard, self.rtt.srtt())
        } else {
            None
        };
        match timeout {
            Some(timeout) => {
                let at = (now + timeout).min(self.timers.at(Timer::Retransmit));
                self.timers.arm(Timer::TailProbe, at);
            }
            None => self.timers.disarm(Timer::TailProbe),
        }
    }

    fn apply(
        &mut self,
        now: Instant,
        outcome: &Outcome,
        flight_size: u32,
        delivered: u64,
        counters: &mut Counters,
    ) {
        counters.sack_reorder += u64::from(outcome.reordered && self.agreed.sack);
        if let Some(undone) = outcome.undone {
            self.congestion.restore(now);
            count_undone(undone, counters);
        }
        if outcome.left {
            self.congestion.on_recovery_end(now);
        }
        if outcome.recovered || outcome.left {
            self.tally.end_timeouts(now);
        }
        if outcome.entered {
            if self.agreed.sack {
                counters.sack_recovery += 1;
            } else {
                counters.reno_recovery += 1;
            }
            self.cut(now, CongestionSignal::Loss, flight_size, delivered);
            self.pending.retransmit = true;
            self.arm_retransmit(now);
        } else if outcome.probe_repaired && self.recovery.phase() == Phase::Open {
            counters.loss_probe_recovery += 1;
            self.cut_at_once(now, CongestionSignal::Loss, flight_size);
            self.congestion.on_recovery_end(now);
        }
        if outcome.lost {
            self.timers.disarm(Timer::TailProbe);
        }
        if outcome.mtu_probe_lost {
            self.on_mtu_probe_lost(now, counters);
        }
        self.pending.retransmit |= outcome.resend;
        match outcome.look_again {
            Some(at) => self.timers.arm(Timer::Reorder, at.max(now)),
            None => self.timers.disarm(Timer::Reorder),
        }
    }

    /// The repair of losses, what it works on, and what is to be called for each loss.
    fn repair_parts<'a>(
        &'a mut self,
        now: Instant,
        counters: &'a mut Counters,
    ) -> (&'a mut Recovery, &'a mut Scoreboard, impl FnMut(&Sent) + 'a) {
        let (snd, congestion) = (&mut self.snd, &mut self.congestion);
        let rate = &mut snd.rate;
        let lost = move |sent: &Sent| {
            counters.lost_retransmit += u64::from(sent.is_resent());
            congestion.on_lost(&rate.on_lost(now, sent));
        };
        (&mut self.recovery, &mut snd.scoreboard, lost)
    }

    /// The connection as the repair of losses sees it, when nothing has arrived.
    fn view<'a>(&self, now: Instant, delivered: &'a Delivered) -> AckView<'a> {
        AckView {
            now,
            una: self.snd.una,
            nxt: self.snd.nxt,
            kind: AckKind::Other,
            delivered,
            dsack: None,
            pure_duplicate: false,
            sack: self.agreed.sack,
            mss: self.full_payload(),
            min_rtt: self.rtt.min_rtt(),
            srtt: self.rtt.srtt(),
            new_data: self.snd.unsent() > 0 && self.snd.usable() > 0,
            mtu_probe: self.snd.mtu_search.as_ref().and_then(|it| it.probe_start()),
        }
    }
}

fn count_undone(undone: Undone, counters: &mut Counters) {
    match undone {
        Undone::Partial => counters.partial_undo += 1,
        Undone::Full => counters.full_undo += 1,
        Undone::Dsack => counters.dsack_undo += 1,
        Undone::Timeout => counters.loss_undo += 1,
        Undone::Frto => {
            counters.loss_undo += 1;
            counters.spurious_rtos += 1;
        }
    }
}

fn clamp(bytes: u64) -> u32 {
    bytes.min(u64::from(u32::MAX)) as u32
}
