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
    /// It was as predicted, and is taken; so many of its bytes are read.
    Taken(usize),
    /// The same, but its checksum is wrong: nothing of it is taken.
    Damaged,
    /// It was not as predicted, and has not been looked at further.
    Other,
}

impl Connection {
    /// Takes a segment that is as predicted; in several pieces, if `segment_size` says so. Where nothing waits to
    /// be read, its bytes are read into `direct`, as many as fit.
    pub(crate) fn take_predicted(
        &mut self,
        now: Instant,
        arrived: Instant,
        (plain, segment_size): (&Plain<'_>, Option<NonZeroU16>),
        direct: &mut [u8],
        counters: &mut Counters,
    ) -> Predicted {
        if !self.predicts(now, plain) {
            return Predicted::Other;
        }
        #[cfg(test)]
        let unpredicted = self.unpredicted(now, arrived, plain, segment_size, counters);
        let (seq, len) = (self.rcv.reassembly.nxt(), plain.payload.len());
        let (payload, check) = (plain.payload, plain.check);
        let Some(read) = self.rcv.reassembly.append_checked(payload, check, direct) else {
            return Predicted::Damaged;
        };
        let told = self.events.readable;
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
        if read > 0 {
            // Who reads it knows.
            self.events.readable = told || self.rcv.reassembly.unread() > 0;
            self.after_read(now);
        }
        #[cfg(test)]
        unpredicted.assert_same(now, told, &direct[..read], (self, counters));
        Predicted::Taken(read)
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
mod long_way {
    use alloc::vec;

    use super::*;
    use crate::wire::Segment;

    /// What becomes of a connection, and what is counted, by the long way.
    pub(super) struct Unpredicted {
        connection: Connection,
        counters: Counters,
    }

    impl Connection {
        pub(super) fn unpredicted(
            &self,
            now: Instant,
            arrived: Instant,
            plain: &Plain<'_>,
            segment_size: Option<NonZeroU16>,
            counters: &Counters,
        ) -> Unpredicted {
            let (mut connection, mut counters) = (self.clone(), counters.clone());
            let segment = Segment {
                segment_size,
                ..plain.segment()
            };
            connection.handle_arrival(now, arrived, &segment, &mut counters);
            counters.hp_hits += segment.pieces();
            Unpredicted {
                connection,
                counters,
            }
        }
    }

    impl Unpredicted {
        /// The same, once it has read as much; but for the event, which told of what is read now.
        pub(super) fn assert_same(
            mut self,
            now: Instant,
            told: bool,
            read: &[u8],
            by_prediction: (&Connection, &Counters),
        ) {
            let mut buf = vec![0; read.len()];
            if !read.is_empty() {
                assert_eq!(self.connection.read(now, &mut buf), Ok(read.len()));
                let unread = self.connection.unread() > 0;
                self.connection.events.readable = told || unread;
            }
            assert_eq!(buf, read);
            assert_eq!(by_prediction, (&self.connection, &self.counters));
        }
    }
}
