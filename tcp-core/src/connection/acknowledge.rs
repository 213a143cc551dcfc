//! Fifth step of RFC 9293 §3.10.7.4: what an acknowledgement acknowledges, selectively reports, and
//! opens.

use core::ops::Range;
use core::time::Duration;

use super::machine::Connection;
use super::timers::Timer;
use crate::config::CloseMode;
use crate::recovery::AckKind;
use crate::send::scoreboard::Delivered;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Control, Segment};

/// What an acknowledgement told, in the order in which it was found out.
#[derive(Debug)]
pub(super) struct Acknowledged<'a> {
    /// When it arrived.
    pub(super) arrived: Instant,
    /// Bytes in the network before it.
    pub(super) prior_in_flight: u32,
    /// Bytes that duplicates had shown to have left the network before it.
    pub(super) prior_departed: u64,
    /// Bytes sent and not cumulatively acknowledged before it.
    pub(super) prior_outstanding: u32,
    pub(super) kind: AckKind,
    pub(super) delivered: &'a Delivered,
    /// What it reports as received twice.
    pub(super) dsack: Option<Range<u64>>,
    /// Whether it repeats the last one and reports nothing.
    pub(super) pure_duplicate: bool,
    /// The round-trip time that it measures.
    pub(super) rtt: Option<Duration>,
    /// Whether it tells of marks (ECN).
    pub(super) marked: bool,
}

impl Connection {
    /// An acceptable acknowledgement of everything before offset `ack`, in a segment at `seq` that
    /// arrived at `arrived`, no later than now.
    pub(super) fn process_ack(
        &mut self,
        now: Instant,
        arrived: Instant,
        segment: &Segment<'_>,
        seq: u64,
        ack: u64,
        counters: &mut Counters,
    ) {
        if segment.payload.is_empty() && segment.header.control == Control::None {
            counters.pure_acks += 1;
        }
        let had_no_window = self.snd.window.bytes() == 0;
        let was_closed = had_no_window || self.timers.is_armed(Timer::Persist);
        // It is too large to be handed on by value.
        let mut delivered = Delivered {
            echo: self.echo(arrived, segment),
            too_recent: self.rtt.min_rtt().map(|least| arrived - least),
            ..Delivered::default()
        };
        let acknowledged = self.apply_ack(arrived, segment, (seq, ack), &mut delivered, counters);
        let advanced = acknowledged.kind == AckKind::Advanced;
        self.repair(now, &acknowledged, counters);
        if advanced {
            self.take_mtu_probe(counters);
        }
        if was_closed && self.snd.window.bytes() > 0 {
            if had_no_window {
                // Where the window is too small to be filled, it is armed anew, not backed off.
                self.timers.disarm(Timer::Persist);
            }
            self.on_window_opened(now);
        }
        self.after_ack(now, advanced);
        if advanced || acknowledged.delivered.bytes > 0 {
            self.plan_tail_probe(now);
        }
        if advanced {
            self.on_fin_acknowledged(now, counters);
        }
    }

    /// Scoreboard, SND.UNA, round-trip time and window.
    fn apply_ack<'a>(
        &mut self,
        arrived: Instant,
        segment: &Segment<'_>,
        (seq, ack): (u64, u64),
        delivered: &'a mut Delivered,
        counters: &mut Counters,
    ) -> Acknowledged<'a> {
        let prior_in_flight = self.in_flight();
        let prior_departed = self.departed();
        let prior_outstanding = self.snd.outstanding();
        let dsack = self.take_sack(segment, ack, delivered, counters);
        let reported = delivered.bytes > 0;
        let advanced = ack > self.snd.una;
        if advanced {
            self.advance_una(ack, delivered);
        }
        let rtt = self.measure_rtt(arrived, segment, advanced, delivered, dsack.is_some());
        let window_changed = self.snd.window.update(segment.header.window, seq, ack);
        let repeats =
            !advanced && !window_changed && self.is_duplicate(segment, ack, prior_outstanding);
        let duplicate = if self.agreed.sack { reported } else { repeats };
        Acknowledged {
            arrived,
            prior_in_flight,
            prior_departed,
            prior_outstanding,
            kind: match (advanced, duplicate) {
                (true, _) => AckKind::Advanced,
                (false, true) => AckKind::Duplicate,
                (false, false) => AckKind::Other,
            },
            pure_duplicate: repeats && !reported,
            delivered,
            dsack,
            rtt,
            marked: self.is_ecn_echo(&segment.header, ack),
        }
    }

    /// The SACK blocks (RFC 2018), the first of which may report a duplicate (RFC 2883).
    fn take_sack(
        &mut self,
        segment: &Segment<'_>,
        ack: u64,
        delivered: &mut Delivered,
        counters: &mut Counters,
    ) -> Option<Range<u64>> {
        if !self.agreed.sack {
            return None;
        }
        let (isn, una) = (self.snd.isn, self.snd.una);
        let mut blocks = segment.header.options.sack.as_slice().iter().map(|block| {
            let start = block.start.offset_near(isn, una)?;
            let end = block.end.offset_near(isn, una)?;
            (start < end).then_some(start..end)
        });
        let first = blocks.next()?;
        let mut second = None;
        for (index, block) in blocks.flatten().enumerate() {
            if index == 0 {
                second = Some(block.clone());
            }
            self.take_block(block, ack, delivered);
        }
        let first = first?;
        let repeated = second.is_some_and(|it| it.start <= first.start && first.end <= it.end);
        if first.end <= ack || repeated {
            counters.dsack_recv += 1;
            self.tally.dsack_dups += 1;
            return Some(first);
        }
        self.take_block(first, ack, delivered);
        None
    }

    /// What lies outside of the outstanding range reports nothing.
    fn take_block(&mut self, block: Range<u64>, ack: u64, delivered: &mut Delivered) {
        let start = block.start.max(self.snd.una).max(ack);
        if start < block.end && block.end <= self.snd.nxt {
            self.snd.scoreboard.sack(start..block.end, delivered);
        }
    }

    pub(super) fn advance_una(&mut self, ack: u64, delivered: &mut Delivered) {
        self.snd.scoreboard.acknowledge(ack, delivered);
        let fin_acknowledged = self.snd.fin.is_some_and(|fin| ack > fin);
        self.tally.bytes_acked += ack - self.snd.una - u64::from(fin_acknowledged);
        self.snd.una = ack;
        self.snd.buffer.release(ack);
        if let Some(chunks) = &mut self.snd.chunks {
            chunks.on_acknowledged(ack);
        }
    }

    /// When what the segment echoes was sent, in milliseconds. What was sent before all that is
    /// outstanding tells nothing of it: where our timestamps do not reach the peer, it repeats an old one
    /// for ever.
    fn echo(&self, arrived: Instant, segment: &Segment<'_>) -> Option<u64> {
        let timestamps = segment.header.options.timestamps?;
        let usable = self.agreed.timestamps && timestamps.echo != 0;
        let echo = usable.then_some(timestamps.echo)?;
        let first = self.snd.scoreboard.first_sent_at()?;
        let sent_at = self.clock.sent_at(arrived, echo)?;
        (sent_at >= first.as_millis()).then_some(sent_at)
    }

    /// RFC 6298 §3: a sample from what was sent once. When something sent again is acknowledged, the echo
    /// tells which transmission it was (RFC 7323 §4.1), but for one case: an acknowledgement was lost, and
    /// what was sent again arrived twice. The report of the duplicate is for the last transmission, and
    /// the echo of the first would take our own timeout for a round trip.
    fn measure_rtt(
        &mut self,
        arrived: Instant,
        segment: &Segment<'_>,
        advanced: bool,
        delivered: &Delivered,
        is_duplicate: bool,
    ) -> Option<Duration> {
        let echoed = || {
            let timestamps = segment.header.options.timestamps?;
            if advanced && delivered.echo.is_some() {
                self.clock.measure(arrived, timestamps.echo)
            } else {
                None
            }
        };
        let since = |sent_at| arrived.saturating_duration_since(sent_at);
        let rtt = match delivered.late_sent_at {
            _ if !delivered.resent => delivered.sent_at.map(since),
            Some(last) if is_duplicate => {
                let least = self.rtt.min_rtt().unwrap_or_default();
                Some(since(last)).filter(|&rtt| rtt >= least)
            }
            _ => echoed(),
        };
        if let Some(rtt) = rtt {
            self.rtt.on_measurement(rtt);
        }
        rtt
    }

    /// RFC 5681 §2: the definition of a duplicate acknowledgement.
    fn is_duplicate(&self, segment: &Segment<'_>, ack: u64, prior_outstanding: u32) -> bool {
        ack == self.snd.una
            && prior_outstanding > 0
            && segment.payload.is_empty()
            && segment.header.control == Control::None
    }

    /// Probing is over, and its backoff with it; the user timeout counts anew.
    fn on_window_opened(&mut self, now: Instant) {
        self.rtt.end_probing();
        if self.snd.unsent() > 0 {
            // What waited for the window follows a pause as what is written after one does.
            self.slow_start_after_idle(now);
        }
        let outstanding = !self.snd.scoreboard.is_empty();
        self.snd.stalled_since = outstanding.then_some(now);
        if outstanding {
            self.arm_retransmit(now);
        }
    }

    /// Timers and events that depend on what is outstanding (RFC 6298 §5.2, §5.3).
    fn after_ack(&mut self, now: Instant, advanced: bool) {
        if self.snd.window.bytes() == 0 {
            // The peer answers, if with a closed window: it may do so for ever (MUST-37).
            self.snd.retries = 0;
        }
        self.snd.probes = 0;
        if !advanced {
            return;
        }
        self.snd.retries = 0;
        self.soft_error = None;
        self.user.expects_more = false;
        let outstanding = !self.snd.scoreboard.is_empty();
        self.snd.stalled_since = outstanding.then_some(now);
        if outstanding {
            self.arm_retransmit(now);
        } else {
            self.timers.disarm(Timer::Retransmit);
        }
        if self.headroom.is_plenty() {
            self.snd.buffer.grow(self.wanted_buffer());
        }
        self.note_room();
        if self.user.wants_flush && self.is_flushed() {
            self.user.wants_flush = false;
            self.events.flushed = true;
        }
    }

    /// Wakes a writer that found no room, once there is some.
    pub(super) fn note_room(&mut self) {
        if self.user.wants_room && self.is_writable() {
            self.user.wants_room = false;
            self.events.writable = true;
        }
    }

    /// Our FIN is acknowledged: on to the next state (RFC 9293 §3.10.7.4, fifth).
    fn on_fin_acknowledged(&mut self, now: Instant, counters: &mut Counters) {
        if self.snd.fin.is_none_or(|fin| self.snd.una <= fin) {
            return;
        }
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                self.wait_for_peer_fin(now, counters);
            }
            State::Closing => self.enter_time_wait(now, counters),
            State::LastAck => self.die(None, counters),
            _ => {}
        }
    }

    /// In FIN-WAIT-2: for ever while the user may read, else for a while (Linux's
    /// `tcp_fin_timeout`), or not at all.
    pub(super) fn wait_for_peer_fin(&mut self, now: Instant, counters: &mut Counters) {
        if !self.user.closed {
            return;
        }
        match self.config.close_mode {
            CloseMode::TimeWait if !self.options.fin_timeout.is_zero() => {
                let at = now + self.options.fin_timeout;
                self.timers.arm(Timer::FinWait, at);
            }
            CloseMode::TimeWait | CloseMode::Reset => {
                self.reset_peer();
                self.die(None, counters);
            }
        }
    }
}
