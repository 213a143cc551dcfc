//! What one look finds to be lost, where that may be a probe of the path's MTU.

use crate::send::scoreboard::Sent;

/// The losses that are found at once. If the only one is the probe, nobody is told of it: it was too large for the
/// path, and says nothing of congestion (RFC 4821 §7.6.2).
pub(super) struct Findings<'a> {
    /// Where a probe begins that may be lost by its size.
    suspect: Option<u64>,
    /// The probe, while it is the only one.
    held: Option<Sent>,
    /// Others were found.
    others: bool,
    again: bool,
    tell: &'a mut dyn FnMut(&Sent),
}

impl<'a> Findings<'a> {
    pub(super) fn new(suspect: Option<u64>, tell: &'a mut dyn FnMut(&Sent)) -> Self {
        Findings {
            suspect,
            held: None,
            others: false,
            again: false,
            tell,
        }
    }

    /// This is lost.
    pub(super) fn note(&mut self, sent: &Sent) {
        if self.suspect == Some(sent.start) && !self.others {
            self.held = Some(*sent);
            return;
        }
        if let Some(probe) = self.held.take() {
            (self.tell)(&probe);
        }
        self.others = true;
        self.again |= sent.is_resent();
        (self.tell)(sent);
    }

    pub(super) fn any(&self) -> bool {
        self.others || self.held.is_some()
    }

    /// Whether something was found that had been sent again.
    pub(super) fn any_again(&self) -> bool {
        self.again
    }

    pub(super) fn is_only_probe(&self) -> bool {
        self.held.is_some()
    }
}
