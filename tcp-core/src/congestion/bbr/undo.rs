//! What losses changed, in case that they were none.

use super::Bbr;
use super::state::State;

/// The state before a loss.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Undo {
    state: State,
    cwnd: u64,
    inflight_longterm: u64,
    bw_shortterm: u64,
    inflight_shortterm: u64,
}

impl Bbr {
    /// The state as it is, to return to.
    pub(super) fn present(&self) -> Undo {
        Undo {
            state: self.state,
            cwnd: self.cwnd,
            inflight_longterm: self.bounds.inflight_longterm,
            bw_shortterm: self.bounds.bw_shortterm,
            inflight_shortterm: self.bounds.inflight_shortterm,
        }
    }

    /// The losses since `undo` were none: no bound stays below what it was, and a probe that they
    /// ended goes on.
    pub(super) fn undo_losses(&mut self, undo: &Undo) {
        let bounds = &mut self.bounds;
        bounds.forget_losses();
        bounds.inflight_longterm = bounds.inflight_longterm.max(undo.inflight_longterm);
        bounds.bw_shortterm = bounds.bw_shortterm.max(undo.bw_shortterm);
        bounds.inflight_shortterm = bounds.inflight_shortterm.max(undo.inflight_shortterm);
        self.cwnd = self.cwnd.max(undo.cwnd);
        self.full_bw.reset(0);
        if self.state == State::ProbeRtt || self.state == undo.state {
            return;
        }
        match undo.state {
            State::Startup => {
                self.full_bw.mark_unknown();
                self.state = State::Startup;
            }
            State::Up => self.start_up(0),
            _ => {}
        }
    }
}
