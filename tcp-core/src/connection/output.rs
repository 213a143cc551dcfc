//! What to send next: decided first, without changing anything.

use core::ops::Range;

use super::decision::{Cutter, Decision, Shape};
use super::limit::Limit;
use super::machine::Connection;
use super::timers::Timer;
use crate::congestion::Phase;
use crate::send::window::Hold;
use crate::seq::SeqNumber;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Payload, Segment};

/// As Linux (`tcp_probe0_base`): a corked partial segment waits as long as a window probe would, and no less than
/// this.
const LEAST_CORK: core::time::Duration = core::time::Duration::from_millis(200);

impl Connection {
    /// The next segment to send, committed as sent: drain until `None`.
    pub fn poll_segment(&mut self, now: Instant, counters: &mut Counters) -> Option<Segment<'_>> {
        self.poll(now, Cutter::Device, counters, |segment, _| segment)
    }

    /// As [`poll_segment`](Connection::poll_segment), but where the device cuts nothing, several segments that go
    /// out now may be given as one, which the caller cuts: CWR is for the first of them, FIN and PSH for the
    /// last, whose payload, if it has to wait, [`sent`](Connection::sent) gives again.
    ///
    /// What is said is for `take`, with who cuts it: it is too large to be handed on by value.
    pub(crate) fn poll_train<R>(
        &mut self,
        now: Instant,
        counters: &mut Counters,
        take: impl FnOnce(&Segment<'_>, Cutter) -> R,
    ) -> Option<R> {
        self.poll(now, Cutter::Caller, counters, |segment, cutter| {
            take(&segment, cutter)
        })
    }

    /// Of the bytes at `seq` those that are sent and not acknowledged, up to `most`.
    pub(crate) fn sent(&self, seq: SeqNumber, most: usize) -> Option<Payload<'_>> {
        let start = seq.offset_near(self.snd.isn, self.snd.una)?;
        let end = (start + most as u64).min(self.snd.nxt);
        (start >= self.snd.una).then(|| self.snd.buffer.slice(start..end))
    }

    #[inline]
    fn poll<'a, R>(
        &'a mut self,
        now: Instant,
        cutter: Cutter,
        counters: &mut Counters,
        take: impl FnOnce(Segment<'a>, Cutter) -> R,
    ) -> Option<R> {
        self.take_end_of_stream(now, counters);
        self.renew_mtu_search(now);
        let shape = self.shape(now, cutter);
        match self.decide(now, &shape) {
            Ok(decision) => {
                let segment = self.commit(decision, &shape, now, counters);
                Some(take(segment, shape.cutter))
            }
            Err(limit) => {
                self.rest(now, limit);
                None
            }
        }
    }

    /// In a fixed order: RST, SYN, lost range, new data and FIN, probe, bare ACK.
    fn decide(&self, now: Instant, shape: &Shape) -> Result<Decision, Limit> {
        if let Some(reset) = self.pending.reset {
            return Ok(Decision::Reset(reset));
        }
        match self.state {
            State::Closed => return Err(Limit::NoData),
            State::SynSent | State::SynReceived if self.pending.syn => return Ok(Decision::Syn),
            State::SynSent => return Err(Limit::NoData),
            _ => {}
        }
        let data = if self.may_transmit() {
            self.decide_data(now, shape)
        } else {
            Err(Limit::NoData)
        };
        match data {
            Err(_) if self.pending.probe => Ok(Decision::Probe),
            Err(_) if self.pending.ack => Ok(Decision::Ack),
            data => data,
        }
    }

    /// Lost data before new data (RFC 6675 §4, `NextSeg`), but for a test of whether it was lost.
    fn decide_data(&self, now: Instant, shape: &Shape) -> Result<Decision, Limit> {
        if self.pending.tail_probe
            && let Some(probe) = self.decide_tail_probe(shape.piece)
        {
            return Ok(probe);
        }
        let in_flight = u64::from(self.in_flight());
        let lost = self.snd.scoreboard.first_lost();
        if self.recovery.wants_new_data() {
            let new = self.decide_new(shape, in_flight, now);
            // With nothing in the network nothing would come back, and without new data there is no
            // test (RFC 5682 §2.1 step 2b).
            let held = matches!(new, Err(Limit::NoData | Limit::Held | Limit::PeerWindow));
            let tests = !held || self.recovery.has_sent_new(self.snd.nxt);
            if new.is_ok() || lost.is_none() || (in_flight > 0 && tests) {
                return new;
            }
        }
        let Some(lost) = lost else {
            return self.decide_new(shape, in_flight, now);
        };
        let most = self.most_at_once(lost.end - lost.start, shape, in_flight);
        let range = lost.start..self.segment_end(&lost, most);
        if self.pending.retransmit {
            // Whatever the windows say: a segment, and more where the congestion window lets it go.
            return Ok(Decision::Retransmit(range));
        }
        // RFC 6298 §5.4: the earliest segment, however many small ones the window had room for. A window that is
        // counted in segments, as Linux's, lets no more go either.
        if self.snd.retries > 0 && self.recovery.phase() == Phase::Loss && in_flight > 0 {
            return Err(Limit::Congestion);
        }
        if range.end - range.start <= shape.piece + 1 {
            self.check_window(in_flight, range.end - range.start)?;
        }
        self.check_pace(now)?;
        Ok(Decision::Retransmit(range))
    }

    /// What has not been sent.
    fn decide_new(&self, shape: &Shape, in_flight: u64, now: Instant) -> Result<Decision, Limit> {
        if let Some(range) = self.mtu_probe(shape, in_flight)? {
            self.check_pace(now)?;
            return Ok(Decision::MtuProbe(range));
        }
        let data_end = self.snd.buffer.end();
        let unsent = self.first_chunk_end().saturating_sub(self.snd.nxt);
        let most = self.most_at_once(unsent, shape, in_flight);
        let range = self.new_range(shape.piece, most)?;
        let bytes = range.end.min(data_end).saturating_sub(range.start);
        // A FIN by itself waits for no congestion window.
        if bytes > 0 {
            self.check_window(in_flight, bytes)?;
            self.check_pace(now)?;
            self.check_worth(unsent, shape, in_flight, now)?;
        }
        Ok(Decision::New(range))
    }

    /// Whether the congestion window lets `len` bytes go; with nothing in flight it always does.
    fn check_window(&self, in_flight: u64, len: u64) -> Result<(), Limit> {
        if in_flight == 0 || in_flight + len <= u64::from(self.cwnd()) {
            Ok(())
        } else {
            Err(Limit::Congestion)
        }
    }

    /// RFC 8985 §7.3: new data, or else the last segment again.
    fn decide_tail_probe(&self, piece: u64) -> Option<Decision> {
        if let Ok(range) = self.new_range(piece, piece) {
            return Some(Decision::New(range));
        }
        let last = self.snd.scoreboard.last()?;
        let end = self.segment_end(&last, piece);
        Some(Decision::Retransmit(last.start..end))
    }

    /// New data that the peer's window, Nagle's algorithm and silly window avoidance let go, and
    /// FIN with it: at most `most` bytes, in segments of `piece`.
    fn new_range(&self, piece: u64, most: u64) -> Result<Range<u64>, Limit> {
        let start = self.snd.nxt;
        let data_end = self.snd.buffer.end();
        let available = data_end.saturating_sub(start);
        let usable = self.snd.usable();
        if available == 0 {
            return match self.snd.fin {
                Some(fin) if start == fin && usable > 0 => Ok(fin..fin + 1),
                Some(fin) if start == fin => Err(Limit::PeerWindow),
                _ => Err(Limit::NoData),
            };
        }
        let chunk_end = self.first_chunk_end();
        let len = (chunk_end - start).min(usable).min(most);
        let finishing = self.snd.fin.is_some() && len == available;
        // Only the last segment of several may be smaller than the MSS, and be held.
        let last = if len > piece { len % piece } else { len };
        let whole = len - last;
        let hold = Hold {
            nagle: self.options.nagle && !self.is_urgent(),
            corked: self.is_corked() && !self.is_urgent(),
            small_outstanding: self.snd.small_end > self.snd.una,
            outstanding: whole > 0 || !self.snd.scoreboard.is_empty(),
            max_window: self.snd.window.max(),
        };
        let goes = hold.allows(last as u32, available - whole, piece as u32, finishing);
        // What lies in a chunk that is complete waits for nothing more.
        let complete = start + len == chunk_end && chunk_end < data_end;
        // A probe of the tail asks for an answer, whatever else would be waited for.
        let forced = (self.pending.flush || self.pending.tail_probe || complete) && len > 0;
        if !goes && !forced && whole > 0 {
            return Ok(start..start + whole);
        }
        if !goes && !forced {
            let short = usable < available.min(piece);
            return Err(if short {
                Limit::PeerWindow
            } else {
                Limit::Held
            });
        }
        let with_fin = finishing && usable > len;
        Ok(start..start + len + u64::from(with_fin))
    }

    /// Where a segment that begins a run must end: after `most` bytes of payload, which FIN is not
    /// part of, or with a record.
    fn segment_end(&self, run: &Range<u64>, most: u64) -> u64 {
        let record = self.snd.buffer.record_end(run.start).unwrap_or(u64::MAX);
        let full = record.min(run.start + most);
        match self.snd.fin {
            Some(fin) if run.end == fin + 1 && fin <= full => run.end,
            _ => run.end.min(full),
        }
    }

    /// Bytes thought to be in the network.
    pub(super) fn in_flight(&self) -> u32 {
        let in_flight = self.snd.scoreboard.in_flight();
        let in_flight = in_flight.saturating_sub(self.departed());
        in_flight.min(u64::from(u32::MAX)) as u32
    }

    /// Bytes that a peer without SACK has shown by duplicates to have left the network.
    pub(super) fn departed(&self) -> u64 {
        self.recovery
            .departed(&self.snd.scoreboard, self.agreed.sack)
    }

    /// Nothing can be sent now: see to it that something makes us look again.
    pub(super) fn rest(&mut self, now: Instant, limit: Limit) {
        self.pending.flush = false;
        self.pending.tail_probe = false;
        self.pending.retransmit &= self.snd.scoreboard.lost() > 0;
        if !self.state.may_transmit() {
            return;
        }
        self.note_limit(now, limit);
        self.note_room();
        // What waits for its pace has a timer of its own, and asks nothing of the peer.
        let paced = matches!(limit, Limit::Pace(_));
        let stuck = self.snd.scoreboard.is_empty() && self.snd.unsent() > 0 && !paced;
        let corked = stuck && self.is_held_by_cork();
        if corked {
            if !self.timers.is_armed(Timer::Cork) {
                let ceiling = self.rtt.rto().max(LEAST_CORK);
                self.timers.arm(Timer::Cork, now + ceiling);
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
        self.is_corked() && self.snd.fin.is_none() && available <= self.snd.usable()
    }
}
