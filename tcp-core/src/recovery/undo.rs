//! Whether what was taken for a loss was one: by timestamps (Eifel, RFC 3522) and by duplicate SACK
//! (RFC 3708).

use core::ops::Range;

use crate::pack::packs;
use crate::time::Instant;

/// What was sent again since the repair began.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Undo {
    /// SND.UNA when the repair began; `None` where nothing can be taken back.
    marker: Option<u64>,
    /// When something was first sent again.
    first_at: Option<Instant>,
    /// Segments sent again and not reported as duplicates; `None` before the first.
    unconfirmed: Option<u64>,
}

packs!(Undo {
    marker,
    first_at,
    unconfirmed
});

impl Undo {
    /// A repair begins, with this many segments in the network that an earlier one sent again.
    pub(crate) fn begin(&mut self, una: u64, resent: u64) {
        *self = Undo {
            marker: Some(una),
            first_at: None,
            unconfirmed: (resent > 0).then_some(resent),
        };
    }

    /// There is nothing to take back any more.
    pub(crate) fn end(&mut self) {
        *self = Undo::default();
    }

    /// So many segments were sent again.
    pub(crate) fn on_retransmit(&mut self, now: Instant, segments: u64) {
        if self.marker.is_some() {
            self.first_at.get_or_insert(now);
            *self.unconfirmed.get_or_insert(0) += segments;
        }
    }

    /// The peer reports `range`, which it acknowledged before, as received twice.
    pub(crate) fn on_dsack(&mut self, range: &Range<u64>, mss: u32) {
        if let (Some(marker), Some(unconfirmed)) = (self.marker, &mut self.unconfirmed)
            && range.end > marker
        {
            let segments = (range.end - range.start).div_ceil(u64::from(mss.max(1)));
            *unconfirmed = unconfirmed.saturating_sub(segments);
        }
    }

    /// Whether all that was sent again arrived twice.
    pub(crate) fn is_all_duplicate(&self) -> bool {
        self.marker.is_some() && self.unconfirmed == Some(0)
    }

    /// Whether an acknowledgement of new data that echoes what was sent at `echo` milliseconds is of
    /// data that was sent before anything was sent again.
    pub(crate) fn is_of_original(&self, echo: Option<u64>) -> bool {
        let (Some(first), Some(echo)) = (self.first_at, echo) else {
            return false;
        };
        self.marker.is_some() && echo < first.as_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Undo {
        let mut undo = Undo::default();
        undo.begin(1_000, 0);
        undo
    }

    #[test]
    fn duplicates_must_account_for_all_that_was_sent_again() {
        let mut undo = begun();
        assert!(!undo.is_all_duplicate(), "nothing was sent again");
        undo.on_retransmit(Instant::from_millis(5), 1);
        undo.on_retransmit(Instant::from_millis(6), 1);
        undo.on_dsack(&(500..600), 100);
        undo.on_dsack(&(1_000..1_100), 100);
        assert!(!undo.is_all_duplicate());
        undo.on_dsack(&(1_100..1_200), 100);
        assert!(undo.is_all_duplicate());
        undo.end();
        assert!(!undo.is_all_duplicate());
    }

    #[test]
    fn one_report_may_cover_several_segments() {
        let mut undo = begun();
        undo.on_retransmit(Instant::from_millis(5), 1);
        undo.on_retransmit(Instant::from_millis(6), 1);
        undo.on_dsack(&(1_000..1_200), 100);
        assert!(undo.is_all_duplicate());
    }

    #[test]
    fn what_an_earlier_repair_sent_may_arrive_twice_as_well() {
        let mut undo = Undo::default();
        undo.begin(1_000, 1);
        undo.on_retransmit(Instant::from_millis(5), 1);
        undo.on_dsack(&(1_000..1_100), 100);
        assert!(!undo.is_all_duplicate());
    }

    #[test]
    fn an_echo_from_before_the_first_retransmission_is_of_an_original() {
        let mut undo = begun();
        assert!(!undo.is_of_original(Some(1)));
        undo.on_retransmit(Instant::from_millis(5), 1);
        undo.on_retransmit(Instant::from_millis(9), 1);
        assert!(undo.is_of_original(Some(4)));
        assert!(!undo.is_of_original(Some(5)));
        assert!(!undo.is_of_original(None));
    }
}
