//! What the timers do when they fire.

use super::machine::Connection;
use super::timers::Timer;
use crate::error::ConnectionError;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;

impl Connection {
    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant, counters: &mut Counters) {
        for timer in Timer::ALL {
            if !self.timers.take_due(timer, now) {
                continue;
            }
            match timer {
                Timer::Reorder => self.on_reorder_timeout(now, counters),
                Timer::TailProbe => self.on_tail_probe(now),
                Timer::Retransmit if self.state.is_synchronized() => self.on_rto(now, counters),
                Timer::Retransmit => self.on_syn_timeout(now, counters),
                Timer::Persist => self.on_persist(now, counters),
                Timer::DelayedAck => {
                    self.rcv.ack_policy.on_delay_over(self.rtt.rto());
                    self.pending.ack = true;
                    counters.delayed_acks += 1;
                }
                Timer::KeepAlive => self.on_keep_alive(now, counters),
                Timer::Cork => {
                    self.pending.flush = true;
                    if let Some(chunks) = &mut self.snd.chunks {
                        chunks.expect_no_more();
                    }
                }
                // Whoever drains the segments finds that the next may go.
                Timer::Pacing => {}
                Timer::FinWait => self.die(None, counters),
            }
        }
        if let Some(time_wait) = &self.time_wait
            && time_wait.expires_at() <= now
        {
            self.die(None, counters);
        }
    }

    /// Starts, or starts again, the retransmission timer (RFC 6298 §5.1, §5.3, §5.6), no later than
    /// the user timeout.
    pub(super) fn arm_retransmit(&mut self, now: Instant) {
        let mut at = now + self.rtt.rto();
        if let (Some(since), Some(limit)) = (self.snd.stalled_since, self.options.user_timeout) {
            at = at.min((since + limit).max(now));
        }
        self.timers.arm(Timer::Retransmit, at);
    }

    /// RFC 6298 §5.4 to §5.7 and RFC 9293 §3.8.3.
    fn on_rto(&mut self, now: Instant, counters: &mut Counters) {
        if self.snd.scoreboard.is_empty() {
            return;
        }
        counters.timeouts += 1;
        let gives_up = self.is_out_of_patience(now);
        self.suspect_blackhole(gives_up, counters);
        if gives_up {
            return self.time_out(counters);
        }
        self.note_retry();
        self.doubt_path(now);
        self.tally.total_rto += 1;
        self.give_up_flight(now, counters);
        self.rtt.on_timeout();
        self.pending.retransmit = true;
        self.arm_retransmit(now);
    }

    /// RFC 8985 §7.3: one segment more, whatever the congestion window says, and the timeout anew.
    fn on_tail_probe(&mut self, now: Instant) {
        if !self.snd.scoreboard.is_empty() {
            self.pending.tail_probe = true;
            self.arm_retransmit(now);
        }
    }

    /// RFC 9293 MUST-20 to MUST-23 for a SYN that nobody answers.
    fn on_syn_timeout(&mut self, now: Instant, counters: &mut Counters) {
        let (most, linear) = match self.state {
            State::SynSent => (self.config.syn_retries, self.config.syn_linear_timeouts),
            // As Linux: who may have been given data is worth one try more.
            _ => {
                let more = u8::from(self.is_early());
                (self.config.synack_retries.saturating_add(more), 0)
            }
        };
        let gives_up = self.snd.retries >= most || self.is_out_of_patience(now);
        self.suspect_blackhole(gives_up, counters);
        if gives_up {
            return self.time_out(counters);
        }
        self.note_retry();
        if self.snd.retries > linear {
            self.rtt.on_timeout();
        }
        self.pending.syn = true;
        self.arm_retransmit(now);
        counters.syn_retrans += 1;
        counters.timeouts += 1;
    }

    /// One retransmission more in vain; R1 of them are told (RFC 9293 MUST-20, MUST-22, SHLD-9).
    fn note_retry(&mut self) {
        self.snd.retries = self.snd.retries.saturating_add(1);
        if self.snd.retries == self.config.retries1.max(1) {
            self.events.unresponsive = true;
        }
    }

    /// RFC 9293 §3.8.6.1: the window is closed, or too small to be worth filling.
    fn on_persist(&mut self, now: Instant, counters: &mut Counters) {
        if self.snd.probes >= self.most_retries() || self.is_out_of_patience(now) {
            return self.time_out(counters);
        }
        if self.snd.usable() > 0 {
            self.pending.flush = true;
        } else {
            self.pending.probe = true;
            counters.win_probes += 1;
        }
        self.snd.probes = self.snd.probes.saturating_add(1);
        self.rtt.on_timeout();
    }

    /// RFC 9293 §3.8.4, with Linux's `TCP_KEEPIDLE`, `TCP_KEEPINTVL` and `TCP_KEEPCNT`.
    fn on_keep_alive(&mut self, now: Instant, counters: &mut Counters) {
        let Some(keep_alive) = self.options.keep_alive.as_deref().copied() else {
            return;
        };
        let idle_until = self.last_heard + keep_alive.idle;
        let busy = self.snd.outstanding() > 0 || self.snd.unsent() > 0;
        if busy || idle_until > now {
            // Outstanding data has timers of its own; no need to look more often than they do.
            let at = if busy {
                now + keep_alive.idle.max(self.rtt.rto())
            } else {
                idle_until
            };
            return self.timers.arm(Timer::KeepAlive, at);
        }
        let silence = now.saturating_duration_since(self.last_heard);
        let given_up = match self.options.user_timeout {
            Some(limit) => self.keep_alive_probes > 0 && silence >= limit,
            None => self.keep_alive_probes >= keep_alive.count,
        };
        if given_up {
            self.reset_peer();
            return self.time_out(counters);
        }
        self.keep_alive_probes = self.keep_alive_probes.saturating_add(1);
        self.pending.probe = true;
        counters.keep_alives += 1;
        self.timers.arm(Timer::KeepAlive, now + keep_alive.interval);
    }

    /// R2 by count, or by time where the user has set one (RFC 9293 §3.8.3, RFC 5482).
    fn is_out_of_patience(&self, now: Instant) -> bool {
        match (self.options.user_timeout, self.snd.stalled_since) {
            (Some(limit), Some(since)) => now.saturating_duration_since(since) >= limit,
            _ => self.state.is_synchronized() && self.snd.retries >= self.most_retries(),
        }
    }

    /// Retransmissions, or probes, after which the connection ends. Nobody waits for an orphan, so that it has fewer
    /// (Linux, `tcp_orphan_retries`).
    fn most_retries(&self) -> u8 {
        if !self.user.closed {
            return self.config.retries2;
        }
        let is_alive = self.rtt.rto() < self.config.max_rto;
        match self.config.orphan_retries {
            0 if is_alive => SAFE_ORPHAN_RETRIES,
            _ if !is_alive && self.soft_error.is_some() => 0,
            retries => retries,
        }
    }

    fn time_out(&mut self, counters: &mut Counters) {
        counters.abort_on_timeout += 1;
        // What an ICMP error said of the path tells more than that time passed.
        let error = match self.soft_error {
            Some(_) => ConnectionError::Unreachable,
            None => ConnectionError::TimedOut,
        };
        self.die(Some(error), counters);
    }
}

/// More than 100 seconds with the least timeout (Linux).
const SAFE_ORPHAN_RETRIES: u8 = 8;
