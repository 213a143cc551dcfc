//! Explicit Congestion Notification (RFC 3168): what the steps of a connection ask of it.

use core::ops::Range;

use super::agreed::is_ecn_setup;
use super::ecn_state::Heard;
use super::machine::Connection;
use crate::config::EcnMode;
use crate::congestion::CongestionSignal;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Control, Ecn, Header};

impl Connection {
    /// Whether new data goes out as ECN-capable.
    pub(super) fn is_ecn_capable(&self) -> bool {
        self.agreed.ecn && !self.ecn.withdrawn
    }

    /// Our SYN asks, but not again where asking may be why nobody answered (RFC 3168 §6.1.1.1). The
    /// SYN-ACK of a simultaneous open answers.
    pub(super) fn negotiate_ecn(&mut self, syn: &mut Header) {
        if syn.ack.is_some() {
            syn.ece = self.is_ecn_capable();
        } else if self.config.ecn == EcnMode::Request {
            self.ecn.withdrawn |= self.config.ecn_fallback && self.snd.retries > 0;
            syn.ece = !self.ecn.withdrawn;
            syn.cwr = syn.ece;
        }
    }

    /// A SYN or SYN-ACK after the one that agreed: whether it still does.
    pub(super) fn hear_syn_again(&mut self, syn: &Header) {
        self.ecn.withdrawn |= self.agreed.ecn && !is_ecn_setup(syn);
    }

    /// Text arrived in the window; only there are marks believed (RFC 3168 §6.1.5).
    pub(super) fn hear_marks(&mut self, header: &Header) {
        // The flags of a SYN mean something else, and it cannot be marked.
        if !self.agreed.ecn || header.control == Control::Syn {
            return;
        }
        if self.ecn.on_data(header) == Heard::Haste {
            // As Linux, for as few acknowledgements as can be asked for.
            self.rcv.ack_policy.enter_quick(0);
        }
    }

    /// The ECN field and CWR of a segment that carries this data for the first time. What is sent again
    /// and what carries no data has neither (RFC 3168 §6.1.4, §6.1.5).
    pub(super) fn mark_new(&mut self, data: &Range<u64>) -> (Ecn, bool) {
        if data.is_empty() || !self.is_ecn_capable() {
            return (Ecn::NotCapable, false);
        }
        (Ecn::Capable0, self.ecn.take_cwr())
    }

    /// Whether an acknowledgement up to offset `ack`, which has been taken, tells of marks.
    pub(super) fn is_ecn_echo(&self, header: &Header, ack: u64) -> bool {
        header.ece && self.is_ecn_capable() && ack == self.snd.una
    }

    /// An acknowledgement with ECE newly delivered so many segments.
    pub(super) fn count_marked(&mut self, segments: u64, counters: &mut Counters) {
        self.tally.delivered_ce += segments;
        counters.delivered_ce += segments;
    }

    /// ECE on an acceptable acknowledgement: one reduction for each window of data (RFC 3168 §6.1.2),
    /// which the repair of losses is as well. `flight_size` is the bytes that were outstanding before it,
    /// and `delivered` those that it newly delivered.
    pub(super) fn on_ecn_echo(&mut self, now: Instant, flight_size: u32, delivered: u64) {
        if self.ecn.is_news(self.snd.una) && self.recovery.enter_reduction(self.snd.nxt) {
            self.cut(now, CongestionSignal::Ecn, flight_size, delivered);
        }
    }

    /// The congestion window was reduced: the peer hears of it by CWR, and marks from before ask for no
    /// more.
    pub(super) fn note_reduction(&mut self) {
        if self.is_ecn_capable() {
            self.ecn.on_reduction(self.snd.nxt);
        }
    }
}
