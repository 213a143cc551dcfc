//! How large a segment may be: what ICMP tells of the path (RFC 1191, RFC 8201), and what probes find out
//! (RFC 4821, as Linux does it).

use alloc::boxed::Box;
use core::ops::Range;
use core::time::Duration;

use super::State;
use super::decision::Shape;
use super::limit::Limit;
use super::machine::Connection;
use crate::config::{MIN_MSS, MtuDiscovery, MtuProbing};
use crate::congestion::Phase;
use crate::send::mtu_search::MtuSearch;
use crate::send::scoreboard::DUP_THRESH;
use crate::stats::Counters;
use crate::time::Instant;

/// Segments of the least window in which a probe may go: with the loss of one the others still show it.
const PROBE_WINDOW: u64 = 11;
/// Segments that must be able to follow a probe, so that its loss is soon seen.
const FOLLOWERS: u64 = DUP_THRESH + 1;

/// So many full segments' worth of bytes delivered prove their size.
const PROOF: u64 = 10;

/// Bytes of the timestamps option with its padding.
const TIMESTAMPS_LEN: u16 = 12;

impl Connection {
    /// Payload bytes of a full segment that carries no SACK blocks.
    pub(super) fn full_payload(&self) -> u32 {
        let payload = self.agreed.mss.saturating_sub(self.fixed_options());
        u32::from(payload).max(1)
    }

    /// Bytes of the options that every segment has.
    fn fixed_options(&self) -> u16 {
        if self.agreed.timestamps {
            TIMESTAMPS_LEN
        } else {
            0
        }
    }

    /// The handshake is complete: where it is asked for, the search begins, and what is sent fits its base.
    pub(super) fn begin_mtu_search(&mut self, now: Instant) {
        if self.config.mtu_probing.mode == MtuProbing::Always {
            self.snd.mtu_search = Some(Box::new(self.new_mtu_search(now)));
            self.fit_mss();
        }
    }

    /// ICMP: smaller segments from now on, and what is outstanding again in them.
    pub(super) fn on_path_mtu(&mut self, now: Instant, mss: u16) {
        let mss = mss.max(MIN_MSS).max(self.config.mtu_probing.min_snd_mss);
        self.agreed.path_mss = self.agreed.path_mss.min(mss);
        if self.state == State::SynSent && self.agreed.path_mss < self.setup.mss {
            self.take_data_off_syn();
            // As Linux, whose routes have one MTU for both ways, the SYN that goes again asks for no more either.
            self.setup.mss = self.agreed.path_mss;
        }
        if !self.state.is_synchronized() {
            return;
        }
        let is_smaller = mss < self.agreed.mss;
        let probe = self.bound_mtu_search(now, mss);
        if is_smaller {
            self.set_mss(mss);
        }
        if self.options.mtu_discovery == MtuDiscovery::Ignore {
            return;
        }
        if is_smaller {
            self.send_outstanding_again(now);
        } else if let Some(start) = probe {
            self.snd.scoreboard.mark_lost_at(start);
            self.send_again(now);
        }
    }

    /// Changes what becomes of packets that are too large for the path (`IP_MTU_DISCOVER`).
    pub fn set_mtu_discovery(&mut self, mtu_discovery: MtuDiscovery) {
        self.options.mtu_discovery = mtu_discovery;
    }

    /// What becomes of packets that are too large for the path.
    pub fn mtu_discovery(&self) -> MtuDiscovery {
        self.options.mtu_discovery
    }

    /// What tells the next packet's fragments from others': it counts packets, from where each connection begins anew.
    pub(crate) fn next_identification(&self) -> u16 {
        let begins = self.setup.timestamp_offset as u16;
        begins.wrapping_add(self.tally.segs_out as u16)
    }

    /// What is outstanding is known not to have arrived, and through nobody's congestion.
    pub(super) fn send_outstanding_again(&mut self, now: Instant) {
        let _ = self
            .snd
            .scoreboard
            .mark_timed_out(now, Duration::ZERO, &mut |_| {});
        self.send_again(now);
    }

    /// Bytes of payload and options that are known to pass, and that may, where that is searched for.
    pub(super) fn mtu_bounds(&self) -> Option<(u16, u16)> {
        let search = self.snd.mtu_search.as_ref()?;
        Some((search.low(), search.high()))
    }

    /// Where the search was over long ago, it begins anew.
    pub(super) fn renew_mtu_search(&mut self, now: Instant) {
        if let Some(search) = &mut self.snd.mtu_search
            && search.is_stale(now, &self.config.mtu_probing)
        {
            search.begin_anew(now, self.agreed.mss);
        }
    }

    /// The data of a probe that may go now (Linux's `tcp_mtu_probe`). An error says what it is better to wait for than to
    /// send what is smaller.
    pub(super) fn mtu_probe(
        &self,
        shape: &Shape,
        in_flight: u64,
    ) -> Result<Option<Range<u64>>, Limit> {
        let Some(search) = &self.snd.mtu_search else {
            return Ok(None);
        };
        let Some(size) = search.next_size(&self.config.mtu_probing) else {
            return Ok(None);
        };
        let piece = shape.piece;
        let cwnd = u64::from(self.cwnd());
        let calm = self.recovery.phase() == Phase::Open
            && self.snd.scoreboard.lost() == 0
            && self
                .recovery
                .would_notice_loss(self.snd.nxt, self.agreed.sack);
        let plain = shape.options.sack.is_empty() && !self.is_urgent();
        if !calm || !plain || size <= self.agreed.mss || cwnd < PROBE_WINDOW * piece {
            return Ok(None);
        }
        let payload = piece + u64::from(size - self.agreed.mss);
        let needed = payload + FOLLOWERS * u64::from(self.full_payload());
        let data = self.snd.nxt..self.snd.nxt + payload;
        let available = self.snd.buffer.end().saturating_sub(self.snd.nxt);
        let record = self.snd.buffer.record_end(self.snd.nxt);
        let joins_records = record.is_some_and(|end| end < data.end);
        if available < needed || u64::from(self.snd.window.bytes()) < needed || joins_records {
            return Ok(None);
        }
        if self.snd.usable() < needed {
            return Err(Limit::PeerWindow);
        }
        if in_flight + payload.max(2 * piece) <= cwnd {
            return Ok(Some(data));
        }
        if in_flight == 0 {
            Ok(None)
        } else {
            Err(Limit::Congestion)
        }
    }

    /// The probe goes out.
    pub(super) fn note_mtu_probe(&mut self, data: Range<u64>, shape: &Shape) {
        let beyond = data.end - data.start - shape.piece;
        let size = u64::from(self.agreed.mss) + beyond;
        if let Some(search) = &mut self.snd.mtu_search {
            search.on_sent(data, size.min(u64::from(u16::MAX)) as u16);
        }
    }

    /// SND.UNA has moved: where it passed the probe, all segments may be as large.
    pub(super) fn take_mtu_probe(&mut self, counters: &mut Counters) {
        let Some(search) = &mut self.snd.mtu_search else {
            return;
        };
        if search.on_acked(self.snd.una) {
            counters.mtup_success += 1;
            self.agreed.path_mss = self.agreed.path_mss.max(search.low());
            self.fit_mss();
        }
    }

    /// The probe was lost, and nothing else: it was too large, and the window stays as it is.
    pub(super) fn on_mtu_probe_lost(&mut self, now: Instant, counters: &mut Counters) {
        counters.mtup_fail += 1;
        if let Some(search) = &mut self.snd.mtu_search {
            search.on_lost();
        }
        self.send_again(now);
    }

    /// What is outstanding timed out time and again: the path may swallow what is large (RFC 2923, RFC 4821 §7.7).
    pub(super) fn doubt_path(&mut self, now: Instant) {
        let config = self.config.mtu_probing;
        let patience = self.config.retries1.max(1);
        let patience = if self.is_size_proven() {
            patience.saturating_mul(2)
        } else {
            patience
        };
        // What a closed window throws away says nothing of the path (Linux, `tcp_retransmit_timer`).
        let is_open = self.snd.window.bytes() > 0;
        if config.mode == MtuProbing::Off || self.snd.retries <= patience || !is_open {
            return;
        }
        let options = self.fixed_options();
        let search = match &self.snd.mtu_search {
            Some(search) => search.after_black_hole(options, &config),
            None => self.new_mtu_search(now),
        };
        let first = self.snd.scoreboard.first_end().unwrap_or(self.snd.una);
        let first = (first - self.snd.una).min(self.full_payload().into());
        // What fits already would fare no better.
        if first > u64::from(search.low().saturating_sub(options)) {
            self.snd.mtu_search = Some(Box::new(search));
            self.fit_mss();
        }
    }

    /// Whether segments as large as they may be have passed before: a path that did carry them is more likely to lose
    /// much than to swallow what is large.
    fn is_size_proven(&self) -> bool {
        self.snd.mtu_search.is_none()
            && self.tally.bytes_acked >= PROOF * u64::from(self.full_payload())
    }

    /// Between the base and what both ends agreed on.
    fn new_mtu_search(&self, now: Instant) -> MtuSearch {
        let base = self.config.mtu_probing.base_mss;
        let low = base.saturating_add(self.fixed_options());
        MtuSearch::new(now, low, self.agreed.mss)
    }

    /// What ICMP told bounds the search, for an interval. Gives the offset of a probe that is too large.
    fn bound_mtu_search(&mut self, now: Instant, mss: u16) -> Option<u64> {
        let ceiling = self.agreed.mss;
        if self.snd.mtu_search.is_none() {
            if self.config.mtu_probing.mode == MtuProbing::Off || mss >= ceiling {
                return None;
            }
            self.snd.mtu_search = Some(Box::new(MtuSearch::new(now, ceiling, ceiling)));
        }
        let search = self.snd.mtu_search.as_mut()?;
        search.on_too_big(now, mss)
    }

    /// The MSS follows the search.
    fn fit_mss(&mut self) {
        if let Some(search) = &self.snd.mtu_search {
            let least = self.config.mtu_probing.min_snd_mss;
            let passes = search.low().min(self.agreed.path_mss);
            self.set_mss(passes.max(least).min(search.ceiling()));
        }
    }

    fn set_mss(&mut self, mss: u16) {
        if mss != self.agreed.mss {
            self.agreed.mss = mss;
            let payload = self.full_payload();
            self.congestion.on_mss_change(payload);
            self.recovery.on_mss_change(payload);
        }
    }

    /// What is lost was too large: again, in smaller segments, and no sign of congestion.
    fn send_again(&mut self, now: Instant) {
        self.recovery.forget_duplicates(self.snd.nxt);
        self.pending.retransmit = true;
        self.arm_retransmit(now);
    }
}
