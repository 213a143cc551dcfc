//! The tail loss probe: when nothing comes back, one segment that makes the peer answer (RFC 8985 §7).

use core::ops::Range;
use core::time::Duration;

use crate::pack::packs;

/// What the probe under way is, if there is one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct TailProbe {
    under_way: Option<Probe>,
}

packs!(TailProbe { under_way });

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Probe {
    /// SND.NXT after it was sent.
    end: u64,
    /// Whether it was new data, or the last segment again.
    kind: ProbeKind,
}

packs!(Probe { end, kind });

/// What a probe carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ProbeKind {
    /// New data.
    New,
    /// The last segment again.
    Again,
}

packs!(
    enum ProbeKind {
        New,
        Again,
    }
);

/// What an acknowledgement is to the probe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ProbeAck<'a> {
    /// What it acknowledges up to.
    pub(crate) ack: u64,
    /// What it reports as duplicate.
    pub(crate) dsack: Option<&'a Range<u64>>,
    /// Whether it says nothing new at all.
    pub(crate) pure_duplicate: bool,
}

/// What the peer may wait before it acknowledges a single segment (RFC 8985 §7.2).
const MAX_ACK_DELAY: Duration = Duration::from_millis(200);

/// What a busy machine may add to the shortest of round trips, as Linux's `TCP_TIMEOUT_MIN`.
const LEAST_DELAY: Duration = Duration::from_millis(2);

impl TailProbe {
    /// Whether a probe may be planned: one at a time.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_none()
    }

    /// How long after the last segment or acknowledgement to probe, with so many segments outstanding.
    pub(crate) fn timeout(srtt: Duration, outstanding: u64) -> Duration {
        let delay = if outstanding <= 1 {
            MAX_ACK_DELAY
        } else {
            LEAST_DELAY
        };
        srtt.saturating_mul(2).saturating_add(delay)
    }

    /// The probe went out; SND.NXT is `end` now.
    pub(crate) fn on_sent(&mut self, end: u64, kind: ProbeKind) {
        self.under_way = Some(Probe { end, kind });
    }

    /// Ends what is under way: another repair begins.
    pub(crate) fn cancel(&mut self) {
        self.under_way = None;
    }

    /// Whether the segment that the probe sent again is what the peer reports as received twice.
    pub(crate) fn is_answered_by(&self, dsack: &Range<u64>) -> bool {
        self.under_way
            .is_some_and(|probe| probe.kind == ProbeKind::Again && dsack.end == probe.end)
    }

    /// Says whether the probe itself repaired a loss, for which nothing else will cut the window
    /// (RFC 8985 §7.4).
    pub(crate) fn on_ack(&mut self, ack: &ProbeAck<'_>) -> bool {
        let Some(probe) = self.under_way else {
            return false;
        };
        if ack.ack < probe.end {
            return false;
        }
        let duplicate = ack.dsack.is_some_and(|dsack| self.is_answered_by(dsack));
        if probe.kind == ProbeKind::New || duplicate {
            self.under_way = None;
            return false;
        }
        if ack.ack > probe.end {
            self.under_way = None;
            return true;
        }
        if ack.pure_duplicate {
            // The original and the probe both arrived.
            self.under_way = None;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(ack: u64) -> ProbeAck<'static> {
        ProbeAck {
            ack,
            dsack: None,
            pure_duplicate: false,
        }
    }

    fn probing(kind: ProbeKind) -> TailProbe {
        let mut probe = TailProbe::default();
        probe.on_sent(500, kind);
        assert!(!probe.is_idle());
        assert!(!probe.on_ack(&ack(499)));
        assert!(!probe.is_idle(), "not acknowledged yet");
        probe
    }

    #[test]
    fn new_data_repairs_nothing() {
        let mut probe = probing(ProbeKind::New);
        assert!(!probe.on_ack(&ack(600)));
        assert!(probe.is_idle());
    }

    #[test]
    fn a_probe_that_is_acknowledged_and_not_reported_twice_repaired_a_loss() {
        let mut probe = probing(ProbeKind::Again);
        assert!(!probe.on_ack(&ack(500)), "the original may have done it");
        assert!(probe.on_ack(&ack(600)));
        assert!(probe.is_idle());
    }

    #[test]
    fn a_duplicate_shows_that_nothing_was_lost() {
        let mut probe = probing(ProbeKind::Again);
        let dsack = 400..500;
        assert!(!probe.on_ack(&ProbeAck {
            dsack: Some(&dsack),
            ..ack(500)
        }));
        assert!(probe.is_idle());
        let mut probe = probing(ProbeKind::Again);
        assert!(!probe.on_ack(&ProbeAck {
            pure_duplicate: true,
            ..ack(500)
        }));
        assert!(probe.is_idle());
    }

    #[test]
    fn a_single_segment_gets_the_peers_delay_on_top() {
        let srtt = Duration::from_millis(100);
        assert_eq!(TailProbe::timeout(srtt, 2), Duration::from_millis(202));
        assert_eq!(TailProbe::timeout(srtt, 1), Duration::from_millis(400));
    }
}
