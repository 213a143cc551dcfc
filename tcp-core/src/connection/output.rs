//! What to send next: decided first, without changing anything.

use core::ops::Range;

use super::decision::Decision;
use super::machine::Connection;
use super::timers::Timer;
use crate::send::window::Hold;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Segment, options_len};

/// As Linux: a corked partial segment waits no longer than this.
const CORK_CEILING: core::time::Duration = core::time::Duration::from_millis(200);

impl Connection {
    /// The next segment to send, committed as sent: drain until `None`.
    pub fn poll_segment(&mut self, now: Instant, counters: &mut Counters) -> Option<Segment<'_>> {
        self.take_end_of_stream(now, counters);
        match self.decide(now) {
            Some(decision) => Some(self.commit(decision, now, counters)),
            None => {
                self.rest(now);
                None
            }
        }
    }

    /// In a fixed order: RST, SYN, lost range, new data and FIN, probe, bare ACK.
    fn decide(&self, now: Instant) -> Option<Decision> {
        if let Some(reset) = self.pending.reset {
            return Some(Decision::Reset(reset));
        }
        match self.state {
            State::Closed => return None,
            State::SynSent | State::SynReceived if self.pending.syn => return Some(Decision::Syn),
            State::SynSent => return None,
            _ => {}
        }
        if self.state.may_transmit()
            && let Some(decision) = self.decide_data(now)
        {
            return Some(decision);
        }
        if self.pending.probe {
            return Some(Decision::Probe);
        }
        self.pending.ack.then_some(Decision::Ack)
    }

    /// Lost data before new data (RFC 6675 §4, `NextSeg`).
    fn decide_data(&self, now: Instant) -> Option<Decision> {
        let most = self.payload_limit(now);
        let in_flight = u64::from(self.in_flight());
        let cwnd = u64::from(self.congestion.window());
        if let Some(lost) = self.snd.scoreboard.first_lost() {
            let range = lost.start..self.segment_end(&lost, most);
            let fits = in_flight + (range.end - range.start) <= cwnd || in_flight == 0;
            return (fits || self.pending.retransmit).then_some(Decision::Retransmit(range));
        }
        let range = self.new_range(most)?;
        let data_end = self.snd.buffer.end();
        let bytes = range.end.min(data_end).saturating_sub(range.start);
        // A FIN by itself waits for no congestion window.
        let fits = bytes == 0 || in_flight + bytes <= cwnd || in_flight == 0;
        fits.then_some(Decision::New(range))
    }

    /// New data that the peer's window, Nagle's algorithm and silly window avoidance let go, and
    /// FIN with it.
    fn new_range(&self, most: u64) -> Option<Range<u64>> {
        let start = self.snd.nxt;
        let data_end = self.snd.buffer.end();
        let available = data_end.saturating_sub(start);
        let usable = self.snd.usable();
        if available == 0 {
            let fin = self.snd.fin?;
            return (start == fin && usable > 0).then_some(fin..fin + 1);
        }
        let len = available.min(usable).min(most);
        let finishing = self.snd.fin.is_some() && len == available;
        let hold = Hold {
            nagle: self.options.nagle,
            corked: self.options.corked,
            small_outstanding: self.snd.small_end > self.snd.una,
            outstanding: !self.snd.scoreboard.is_empty(),
            max_window: self.snd.window.max(),
        };
        let goes = hold.allows(len as u32, available, most as u32, finishing);
        let forced = self.pending.flush && len > 0;
        if !goes && !forced {
            return None;
        }
        let with_fin = finishing && usable > len;
        Some(start..start + len + u64::from(with_fin))
    }

    /// Where a segment that begins a run must end: at the limit of its payload, which FIN is not
    /// part of.
    fn segment_end(&self, run: &Range<u64>, most: u64) -> u64 {
        let full = run.start + most;
        match self.snd.fin {
            Some(fin) if run.end == fin + 1 && fin <= full => run.end,
            _ => run.end.min(full),
        }
    }

    /// Payload bytes of the next segment: the MSS less the options that it will carry.
    fn payload_limit(&self, now: Instant) -> u64 {
        let options = options_len(&self.segment_options(now)) as u64;
        u64::from(self.agreed.mss).saturating_sub(options).max(1)
    }

    /// Bytes thought to be in the network.
    pub(super) fn in_flight(&self) -> u32 {
        let scoreboard = &self.snd.scoreboard;
        let departed = self.recovery.departed(scoreboard, self.agreed.sack);
        let in_flight = scoreboard.in_flight().saturating_sub(departed);
        in_flight.min(u64::from(u32::MAX)) as u32
    }

    /// Nothing can be sent now: see to it that something makes us look again.
    fn rest(&mut self, now: Instant) {
        self.pending.flush = false;
        self.pending.retransmit &= self.snd.scoreboard.lost() > 0;
        if !self.state.may_transmit() {
            return;
        }
        let stuck = self.snd.scoreboard.is_empty() && self.snd.unsent() > 0;
        let corked = stuck && self.is_held_by_cork();
        if corked {
            if !self.timers.is_armed(Timer::Cork) {
                self.timers.arm(Timer::Cork, now + CORK_CEILING);
            }
        } else {
            self.timers.disarm(Timer::Cork);
        }
        if stuck && !corked {
            // The window is closed, or too small to be worth filling (RFC 9293 §3.8.6.1).
            self.snd.stalled_since.get_or_insert(now);
            if !self.timers.is_armed(Timer::Persist) {
                self.timers.arm(Timer::Persist, now + self.rtt.rto());
            }
        } else {
            self.timers.disarm(Timer::Persist);
        }
    }

    /// Whether only the cork keeps the data back.
    fn is_held_by_cork(&self) -> bool {
        let available = self.snd.buffer.end().saturating_sub(self.snd.nxt);
        self.options.corked && self.snd.fin.is_none() && available <= self.snd.usable()
    }
}
