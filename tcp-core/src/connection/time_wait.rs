//! TIME-WAIT: a small record that outlives its connection.

use core::time::Duration;

use super::rebuke::may_rebuke;
use super::timestamps::TimestampClock;
use crate::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::{Control, Header, Options, Segment, WireWindow};

/// What is left of a connection that both sides have closed (RFC 9293 §3.6.1): enough to answer
/// the peer's last FIN again, and to tell an old segment from a new connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TimeWait {
    pub(super) expires_at: Instant,
    /// 2 MSL.
    pub(super) span: Duration,
    pub(super) snd_nxt: SeqNumber,
    pub(super) rcv_nxt: SeqNumber,
    /// The window as it was last announced; the peer has nothing left to fill it with.
    pub(super) window: WireWindow,
    /// The window in bytes: which sequence numbers are not beyond it.
    pub(super) window_bytes: u32,
    /// Where timestamps were agreed on.
    pub(super) clock: Option<TimestampClock>,
    /// When an unacceptable segment was last answered.
    pub(super) last_rebuke: Option<Instant>,
    /// Whether RST is ignored (RFC 1337).
    pub(super) rfc1337: bool,
}

/// What a segment did in TIME-WAIT.
#[must_use]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TimeWaitOutcome {
    /// Nothing to do (look at [`TimeWait::expires_at`] again: it may have moved).
    Ignore,
    /// Send this and stay.
    Reply(Header),
    /// A RST ended it.
    Drop,
    /// A SYN that cannot be an old one (RFC 6191): forget the record, and let the listener answer
    /// with an initial sequence number of at least this.
    Reopen(SeqNumber),
}

impl TimeWait {
    /// A segment arrived on its four-tuple (RFC 9293 §3.10.7.4, TIME-WAIT).
    pub fn handle_segment(&mut self, now: Instant, segment: &Segment<'_>) -> TimeWaitOutcome {
        let header = &segment.header;
        let old = match (&self.clock, header.options.timestamps) {
            (Some(clock), Some(timestamps)) => clock.is_old(now, timestamps.value),
            _ => false,
        };
        match header.control {
            Control::Rst => self.on_rst(header.seq, old),
            Control::Syn if header.ack.is_none() && !old && self.is_new_connection(header) => {
                // Beyond anything that the old connection sent or could have.
                TimeWaitOutcome::Reopen(self.snd_nxt.advanced_by(u32::from(u16::MAX) + 2))
            }
            _ => self.on_old_segment(now, segment, old),
        }
    }

    /// When 2 MSL are over.
    pub fn expires_at(&self) -> Instant {
        self.expires_at
    }

    fn on_rst(&self, seq: SeqNumber, old: bool) -> TimeWaitOutcome {
        if self.rfc1337 || old || seq != self.rcv_nxt {
            return TimeWaitOutcome::Ignore;
        }
        TimeWaitOutcome::Drop
    }

    /// RFC 6191 §2: a later timestamp, or else a sequence number beyond the old connection's.
    fn is_new_connection(&self, header: &Header) -> bool {
        let newer = match (&self.clock, header.options.timestamps) {
            (Some(clock), Some(timestamps)) => clock.is_newer(timestamps.value),
            _ => false,
        };
        newer || header.seq.distance_from(self.rcv_nxt) > 0
    }

    /// A retransmitted FIN starts 2 MSL anew and is acknowledged again; so is whatever else is not
    /// just an acknowledgement in its place.
    fn on_old_segment(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        old: bool,
    ) -> TimeWaitOutcome {
        let header = &segment.header;
        let from_edge = header.seq.distance_from(self.rcv_nxt);
        let in_place = from_edge == 0 && segment.sequence_len() == 0;
        if in_place && !old {
            return TimeWaitOutcome::Ignore;
        }
        let beyond = i64::from(from_edge) > i64::from(self.window_bytes);
        if header.control == Control::Fin && !old && !beyond {
            self.expires_at = now + self.span;
        }
        if header.ack.is_none() && header.control != Control::Syn {
            return TimeWaitOutcome::Ignore;
        }
        if segment.sequence_len() == 0 && !may_rebuke(&mut self.last_rebuke, now) {
            return TimeWaitOutcome::Ignore;
        }
        if let (Some(clock), Some(timestamps)) = (&mut self.clock, header.options.timestamps)
            && !beyond
            && from_edge <= 0
        {
            clock.take(now, timestamps.value);
        }
        TimeWaitOutcome::Reply(Header {
            ack: Some(self.rcv_nxt),
            window: self.window,
            options: Options {
                timestamps: self.clock.as_ref().map(|clock| clock.stamp(now)),
                ..Options::NONE
            },
            ..Header::new(self.snd_nxt)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Timestamps;

    fn record(clock: Option<TimestampClock>) -> TimeWait {
        TimeWait {
            expires_at: Instant::from_millis(60_000),
            span: Duration::from_secs(60),
            snd_nxt: SeqNumber::new(100),
            rcv_nxt: SeqNumber::new(200),
            window: WireWindow::new(10),
            window_bytes: 10,
            clock,
            last_rebuke: None,
            rfc1337: false,
        }
    }

    fn segment(control: Control, seq: u32, timestamp: Option<u32>) -> Segment<'static> {
        let mut header = Header::new(SeqNumber::new(seq));
        header.control = control;
        header.ack = (control != Control::Syn).then_some(SeqNumber::new(100));
        header.options.timestamps = timestamp.map(|value| Timestamps { value, echo: 0 });
        Segment::bare(header)
    }

    #[test]
    fn the_last_fin_is_acknowledged_again_and_time_starts_anew() {
        let mut record = record(None);
        let now = Instant::from_millis(30_000);
        let outcome = record.handle_segment(now, &segment(Control::Fin, 199, None));
        let TimeWaitOutcome::Reply(reply) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(
            (reply.seq.get(), reply.ack),
            (100, Some(SeqNumber::new(200)))
        );
        assert_eq!(record.expires_at(), Instant::from_millis(90_000));
    }

    #[test]
    fn a_syn_reopens_when_it_cannot_be_old() {
        let now = Instant::from_millis(30_000);
        let reopened = TimeWaitOutcome::Reopen(SeqNumber::new(100 + 65_537));
        let syn = |seq, timestamp| segment(Control::Syn, seq, timestamp);
        assert_eq!(record(None).handle_segment(now, &syn(201, None)), reopened);
        let outcome = record(None).handle_segment(now, &syn(199, None));
        assert!(
            matches!(outcome, TimeWaitOutcome::Reply(_)),
            "an old SYN gets an ACK"
        );
        let mut clock = TimestampClock::new(0);
        clock.take(now, 50);
        assert_eq!(
            record(Some(clock)).handle_segment(now, &syn(5, Some(51))),
            reopened
        );
        let outcome = record(Some(clock)).handle_segment(now, &syn(500, Some(49)));
        assert!(
            matches!(outcome, TimeWaitOutcome::Reply(_)),
            "an old timestamp"
        );
    }

    #[test]
    fn only_an_exact_reset_ends_it_and_rfc_1337_none() {
        let now = Instant::ZERO;
        let rst = |seq| segment(Control::Rst, seq, None);
        assert_eq!(
            record(None).handle_segment(now, &rst(201)),
            TimeWaitOutcome::Ignore
        );
        assert_eq!(
            record(None).handle_segment(now, &rst(200)),
            TimeWaitOutcome::Drop
        );
        let mut strict = record(None);
        strict.rfc1337 = true;
        assert_eq!(
            strict.handle_segment(now, &rst(200)),
            TimeWaitOutcome::Ignore
        );
    }

    /// An ack of 100 for 200 is what this end says, at whatever comes.
    fn reply(echo: Option<u32>) -> TimeWaitOutcome {
        let mut header = Header::new(SeqNumber::new(100));
        header.ack = Some(SeqNumber::new(200));
        header.window = WireWindow::new(10);
        header.options.timestamps = echo.map(|echo| Timestamps {
            value: 30_000,
            echo,
        });
        TimeWaitOutcome::Reply(header)
    }

    #[test]
    fn what_is_old_is_answered_and_only_a_fin_in_reach_starts_time_anew() {
        let now = Instant::from_millis(30_000);
        let (asked, anew) = (60_000, 90_000);
        let (fin, text) = (Control::Fin, Control::None);
        // What comes, from where, with which timestamp, how many bytes: the answer's echo, and when it ends.
        for (control, seq, timestamp, bytes, echo, ends) in [
            // In place and without text: just an acknowledgement.
            (text, 200, 50, 0, None, asked),
            (text, 200, 51, 0, None, asked),
            // In place, and with an old timestamp (RFC 7323 §5.3, R1).
            (text, 200, 49, 0, Some(50), asked),
            // Text, which nobody reads any more.
            (text, 200, 51, 1, Some(51), asked),
            // Before and beyond its place.
            (text, 199, 51, 0, Some(51), asked),
            (text, 201, 51, 0, Some(50), asked),
            (fin, 199, 51, 0, Some(51), anew),
            (fin, 199, 49, 0, Some(50), asked),
            (fin, 200, 51, 0, Some(51), anew),
            (fin, 210, 51, 0, Some(50), anew),
            (fin, 211, 51, 0, Some(50), asked),
        ] {
            let mut clock = TimestampClock::new(0);
            clock.take(Instant::ZERO, 50);
            let mut record = record(Some(clock));
            let mut segment = segment(control, seq, Some(timestamp));
            segment.payload = crate::wire::Payload::from(&b"text"[..bytes]);
            let said = record.handle_segment(now, &segment);
            let expected = echo.map_or(TimeWaitOutcome::Ignore, |echo| reply(Some(echo)));
            assert_eq!(said, expected, "{control:?} {seq} {timestamp} {bytes}");
            let ends = Instant::from_millis(ends);
            assert_eq!(record.expires_at(), ends, "{control:?} {seq} {timestamp}");
        }
    }

    #[test]
    fn without_an_acknowledgement_only_a_syn_is_answered() {
        let mut record = record(None);
        let mut bare = segment(Control::Fin, 199, None);
        bare.header.ack = None;
        let now = Instant::from_millis(30_000);
        assert_eq!(record.handle_segment(now, &bare), TimeWaitOutcome::Ignore);
        let mut old_syn = segment(Control::Syn, 200, None);
        old_syn.header.ack = None;
        assert_eq!(record.handle_segment(now, &old_syn), reply(None));
    }

    #[test]
    fn what_carries_nothing_is_answered_twice_a_second_at_most() {
        let mut record = record(None);
        let empty = segment(Control::None, 190, None);
        let fin = segment(Control::Fin, 199, None);
        for (millis, segment, answered) in [
            (30_000, &empty, true),
            (30_499, &empty, false),
            (30_499, &fin, true),
            (30_500, &empty, true),
            (30_999, &empty, false),
        ] {
            let said = record.handle_segment(Instant::from_millis(millis), segment);
            let expected = if answered {
                reply(None)
            } else {
                TimeWaitOutcome::Ignore
            };
            assert_eq!(said, expected, "at {millis}");
        }
    }
}
