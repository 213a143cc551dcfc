//! What must hold between calls, whatever the peer sent; for tests and fuzzing.

use super::machine::Connection;
use super::timers::Timer;
use crate::state::State;

impl Connection {
    /// Checks the invariants of the sequence spaces and of the timers. To be called when
    /// `poll_segment` has given `None`.
    ///
    /// # Panics
    ///
    /// When one does not hold; the message names it.
    pub fn assert_invariants(&self) {
        let (snd, rcv) = (&self.snd, &self.rcv);
        assert!(snd.una <= snd.nxt, "una {} <= nxt {}", snd.una, snd.nxt);
        assert!(
            rcv.reassembly.read_offset() <= rcv.reassembly.nxt(),
            "read <= rcv_nxt"
        );
        assert!(
            rcv.acked <= rcv.nxt(),
            "acknowledged {} <= rcv_nxt {}",
            rcv.acked,
            rcv.nxt()
        );
        if let Some(first) = rcv.reassembly.beyond().first() {
            assert!(
                first.start > rcv.reassembly.nxt(),
                "what is in order is not beyond a hole"
            );
        }
        if let Some(fin) = rcv.fin {
            assert!(
                rcv.reassembly.nxt() <= fin,
                "nothing is received beyond FIN"
            );
            assert!(
                rcv.reassembly
                    .beyond()
                    .last()
                    .is_none_or(|last| last.end <= fin),
                "nor kept"
            );
        }
        if self.state == State::Closed {
            assert_eq!(self.timers.next(), None, "a closed connection has no timer");
            return;
        }
        let end = snd.fin.map_or(snd.buffer.end(), |fin| fin + 1);
        assert!(
            snd.nxt <= end.max(1),
            "nothing is sent beyond what was written: {}",
            snd.nxt
        );
        if !self.state.is_synchronized() {
            let waits = self.timers.is_armed(Timer::Retransmit)
                || self.pending.syn
                || self.is_syn_deferred();
            assert!(waits, "an unanswered SYN is sent again");
            return;
        }
        snd.scoreboard.assert_invariants(snd.una, snd.nxt);
        assert!(
            rcv.reassembly
                .beyond()
                .last()
                .is_none_or(|last| last.end <= rcv.window.edge()),
            "nothing is kept beyond the window"
        );
        assert!(
            self.in_flight() <= snd.outstanding(),
            "in flight <= outstanding"
        );
        if self.state.may_transmit() {
            self.assert_liveness();
        }
        assert_eq!(
            self.time_wait.is_some(),
            self.state == State::TimeWait,
            "TIME-WAIT's record"
        );
    }

    /// Whenever work is unfinished, a timer runs: no stall.
    fn assert_liveness(&self) {
        if !self.snd.scoreboard.is_empty() {
            let armed = self.timers.is_armed(Timer::Retransmit);
            assert!(armed, "what is outstanding has a retransmission timer");
        } else if self.snd.unsent() > 0 {
            let timers = [Timer::Persist, Timer::Cork, Timer::Pacing];
            let armed = timers.iter().any(|&timer| self.timers.is_armed(timer));
            assert!(armed, "what waits for a window, or its pace, has a timer");
        }
    }
}
