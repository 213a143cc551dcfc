//! Header prediction (Jacobson, 1990; Linux's `tcp_rcv_established`): while a peer only sends, its next segment is
//! known but for its payload. What is as predicted passes every step of RFC 9293 §3.10.7.4 without another
//! effect than that of its text, which is taken here at once; all else goes its way through `input`.

use core::num::NonZeroU16;

use super::machine::Connection;
use super::timers::Timer;
use crate::congestion::Phase;
use crate::recv::ack::Arrival;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Plain, pieces};

/// What became of a segment.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Predicted {
    /// It was as predicted, and is taken.
    Taken,
    /// The same, but its checksum is wrong: nothing of it is taken.
    Damaged,
    /// It was not as predicted, and has not been looked at further.
    Other,
}

impl Connection {
    /// Takes a segment that is as predicted; in several pieces, if `segment_size` says so.
    pub(crate) fn take_predicted(
        &mut self,
        now: Instant,
        arrived: Instant,
        plain: &Plain<'_>,
        segment_size: Option<NonZeroU16>,
        counters: &mut Counters,
    ) -> Predicted {
        if !self.predicts(now, plain) {
            return Predicted::Other;
        }
        #[cfg(test)]
        let unpredicted = self.unpredicted(now, arrived, plain, segment_size, counters);
        let (seq, len) = (self.rcv.reassembly.nxt(), plain.payload.len());
        if !self
            .rcv
            .reassembly
            .append_checked(plain.payload, plain.check)
        {
            return Predicted::Damaged;
        }
        let pieces = pieces(len, segment_size);
        self.tally.segs_in += pieces;
        self.tally.data_segs_in += pieces;
        self.tally.last_data_received = Some(arrived);
        counters.hp_hits += pieces;
        self.last_heard = now;
        self.keep_alive_probes = 0;
        self.snd.window.update(plain.window, seq, self.snd.una);
        self.snd.probes = 0;
        if let Some(timestamps) = plain.timestamps
            && seq <= self.rcv.acked
        {
            self.clock.take(now, timestamps.value);
        }
        let echo = plain.timestamps.map(|timestamps| timestamps.echo);
        self.measure_arrival(now, len, echo);
        let arrival = Arrival::new(len as u32, segment_size, plain.push);
        self.on_in_order(now, len as u64, arrival, false);
        #[cfg(test)]
        assert_eq!((&*self, &*counters), (&unpredicted.0, &unpredicted.1));
        Predicted::Taken
    }

    /// Whether it is the next of a stream that flows to us alone, and says nothing new.
    fn predicts(&self, now: Instant, plain: &Plain<'_>) -> bool {
        let nxt = self.rcv.reassembly.nxt();
        let next = self.rcv.irs.at_offset(nxt);
        self.state == State::Established
            && (plain.seq, plain.ack) == (next, self.snd.isn.at_offset(self.snd.una))
            && self.snd.scoreboard.is_empty()
            && self.recovery.phase() == Phase::Open
            && !self.timers.is_armed(Timer::Persist)
            && self.snd.window.is_open_and_repeated(plain.window)
            && self.rcv.fin.is_none()
            && self.rcv.reassembly.beyond().is_empty()
            && nxt + plain.payload.len() as u64 <= self.rcv.window.edge()
            && !self.user.closed
            && !self.agreed.ecn
            && match plain.timestamps {
                Some(timestamps) => {
                    self.agreed.timestamps && !self.clock.is_old(now, timestamps.value)
                }
                None => !self.agreed.timestamps,
            }
    }
}

#[cfg(test)]
impl Connection {
    /// What becomes of connection and counters by the long way.
    fn unpredicted(
        &self,
        now: Instant,
        arrived: Instant,
        plain: &Plain<'_>,
        segment_size: Option<NonZeroU16>,
        counters: &Counters,
    ) -> (Connection, Counters) {
        use crate::wire::{Header, Options, Segment};
        let (mut connection, mut counters) = (self.clone(), counters.clone());
        let header = Header {
            ack: Some(plain.ack),
            push: plain.push,
            window: plain.window,
            ecn: plain.ecn,
            options: Options {
                timestamps: plain.timestamps,
                ..Options::NONE
            },
            ..Header::new(plain.seq)
        };
        let segment = Segment {
            header,
            payload: plain.payload.into(),
            segment_size,
        };
        connection.handle_arrival(now, arrived, &segment, &mut counters);
        counters.hp_hits += segment.pieces();
        (connection, counters)
    }
}
