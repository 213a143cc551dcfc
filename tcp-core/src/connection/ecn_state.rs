//! What a connection remembers of Explicit Congestion Notification (RFC 3168).

use crate::pack::packs;
use crate::wire::{Ecn, Header};

/// Both halves of a connection that agreed on ECN; where it was not agreed on, nothing changes here.
///
/// ```text
///   sender   data, ECT(0) ----------> CE ------>   receiver
///   reduces  <------------- ECE, on every segment  `echo`
///            new data, CWR -------------------->   until this arrives
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct EcnState {
    /// Whether, beside the SYNs that agreed, one went out or came that did not: marks are echoed then,
    /// but nothing is sent as ECN-capable (RFC 3168 §6.1.1).
    pub(super) withdrawn: bool,
    /// Whether a mark arrived, and no CWR since.
    echo: bool,
    /// Whether the next new data has to tell of a reduction.
    announce_cwr: bool,
    /// Whether a segment with an ECN-capable transport has arrived.
    seen: bool,
    /// SND.NXT at the last reduction; 0 before the first.
    reduced_to: u64,
}

packs!(EcnState {
    withdrawn,
    echo,
    announce_cwr,
    seen,
    reduced_to
});

/// What a segment's marks mean for our acknowledgements.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    /// They go when they would.
    Nothing,
    /// They do not wait: the peer's window may be too small to bear it.
    Haste,
}

impl EcnState {
    pub(super) fn is_echoing(&self) -> bool {
        self.echo
    }

    pub(super) fn has_seen_capable(&self) -> bool {
        self.seen
    }

    /// A segment with data arrived in the window (RFC 3168 §6.1.3): CWR ends the echo, and a mark on the
    /// same segment begins another.
    pub(super) fn on_data(&mut self, header: &Header) -> Heard {
        let before = *self;
        self.echo &= !header.cwr;
        self.echo |= header.ecn == Ecn::CongestionExperienced;
        self.seen |= header.ecn != Ecn::NotCapable;
        // As Linux: what comes without ECT after the rest came with it was probably sent again.
        let sent_again = before.seen && header.ecn == Ecn::NotCapable;
        if header.cwr || sent_again || (self.echo && !before.echo) {
            Heard::Haste
        } else {
            Heard::Nothing
        }
    }

    /// Whether an echo with an acknowledgement up to `una` is news. One reduction answers all marks of a
    /// window of data, and those until the peer has heard of it by CWR, which goes out beyond
    /// `reduced_to`.
    pub(super) fn is_news(&self, una: u64) -> bool {
        una > self.reduced_to
    }

    /// The congestion window was reduced, for whatever reason (RFC 3168 §6.1.2), when this was SND.NXT.
    pub(super) fn on_reduction(&mut self, nxt: u64) {
        self.reduced_to = nxt;
        self.announce_cwr = true;
    }

    /// Whether the data that goes out now for the first time has to carry CWR.
    pub(super) fn take_cwr(&mut self) -> bool {
        core::mem::take(&mut self.announce_cwr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seq::SeqNumber;

    fn header(ecn: Ecn, cwr: bool) -> Header {
        Header {
            ecn,
            cwr,
            ..Header::new(SeqNumber::new(0))
        }
    }

    #[test]
    fn a_mark_is_echoed_until_cwr_and_one_beside_cwr_again() {
        let mut state = EcnState::default();
        for (ecn, cwr, echo, heard) in [
            (Ecn::NotCapable, false, false, Heard::Nothing),
            (Ecn::Capable0, false, false, Heard::Nothing),
            (Ecn::CongestionExperienced, false, true, Heard::Haste),
            (Ecn::CongestionExperienced, false, true, Heard::Nothing),
            (Ecn::Capable1, false, true, Heard::Nothing),
            (Ecn::CongestionExperienced, true, true, Heard::Haste),
            (Ecn::Capable0, true, false, Heard::Haste),
            (Ecn::NotCapable, false, false, Heard::Haste),
        ] {
            assert_eq!(state.on_data(&header(ecn, cwr)), heard, "{ecn:?} {cwr}");
            assert_eq!(state.is_echoing(), echo, "{ecn:?} {cwr}");
        }
    }

    #[test]
    fn a_reduction_is_told_once_and_answers_a_window_of_data() {
        let mut state = EcnState::default();
        assert!(state.is_news(1) && !state.take_cwr());
        state.on_reduction(5_000);
        assert!(!state.is_news(1) && !state.is_news(5_000) && state.is_news(5_001));
        assert!(state.take_cwr() && !state.take_cwr());
    }
}
