//! Whether a connection has said all that it has to say.

use super::limit::Limit;
use super::machine::Connection;
use crate::time::Instant;

impl Connection {
    /// Where it is plain that there is nothing to send, does what a [`poll_segment`](Connection::poll_segment)
    /// that gives nothing does; says whether it was plain.
    pub(crate) fn rest_if_silent(&mut self, now: Instant) -> bool {
        if !self.is_silent() {
            return false;
        }
        #[cfg(test)]
        let polled = self.polled(now);
        self.rest(now, Limit::NoData);
        #[cfg(test)]
        assert_eq!(*self, polled, "it is as if it had been polled");
        true
    }

    fn is_silent(&self) -> bool {
        let pending = &self.pending;
        let asked = pending.syn || pending.ack || pending.probe || pending.tail_probe;
        let nothing_left = self.snd.unsent() == 0 && self.snd.scoreboard.lost() == 0;
        !asked
            && pending.reset.is_none()
            && (nothing_left || !self.may_transmit())
            && !self.is_end_of_stream_due()
    }

    /// The same after a poll, which must give nothing.
    #[cfg(test)]
    fn polled(&self, now: Instant) -> Connection {
        let (mut connection, mut counters) = (self.clone(), crate::Counters::default());
        assert_eq!(connection.poll_segment(now, &mut counters), None);
        assert_eq!(counters, crate::Counters::default());
        connection
    }
}
