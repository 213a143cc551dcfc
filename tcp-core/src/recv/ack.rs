//! When to acknowledge: at once, every second segment, or after a delay.

use core::num::NonZeroU16;
use core::time::Duration;

use crate::pack::packs;
use crate::time::Instant;

/// The delayed acknowledgement of RFC 9293 §3.8.6.3 with Linux's judgement of when not to delay:
/// at the start of a connection and after a pause (`quick`), when the application has read the end of
/// what the peer wrote (`ends`), not when we answer with data anyway (`interactive`), and with a delay
/// that follows the pace of arrivals (`ato`).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct AckPolicy {
    /// Least and greatest delay.
    bounds: (Duration, Duration),
    /// The delay, zero before the first data.
    ato: Duration,
    /// When data last arrived.
    last_arrival: Option<Instant>,
    /// Acknowledgements that still go at once.
    quick: u8,
    /// Whether the application answers what arrives, so that the answer can carry the ACK.
    interactive: bool,
    /// What has arrived since the last acknowledgement.
    ends: Ends,
    /// Payload of the largest recent segment: what counts as a full one.
    rcv_mss: u32,
    /// The MSS that we announced: coalesced segments are no larger.
    mss: u32,
}

packs!(AckPolicy {
    bounds,
    ato,
    last_arrival,
    quick,
    interactive,
    ends,
    rcv_mss,
    mss
});

/// The payload of a segment that arrived in order; of several that were put together on the way, if it
/// is so large.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Arrival {
    /// Bytes of the first, which is as large as any.
    first: u32,
    /// Bytes of the last.
    last: u32,
    /// Whether it had PSH.
    push: bool,
}

impl Arrival {
    /// `len` bytes were taken of a segment, of several pieces of `segment_size` if that is said, with PSH or
    /// without.
    pub(crate) fn new(len: u32, segment_size: Option<NonZeroU16>, push: bool) -> Arrival {
        let size = segment_size.map_or(len, |size| u32::from(size.get()));
        let first = size.min(len);
        let rest = len.checked_rem(first).unwrap_or(0);
        Arrival {
            first,
            last: if rest == 0 { first } else { rest },
            push,
        }
    }
}

/// Segments that look like the end of what the peer had to send: below the full size, or with PSH
/// (Linux's `ICSK_ACK_PUSHED` and `ICSK_ACK_PUSHED2`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Ends {
    None,
    One,
    /// Another one after that, and below the full size.
    Several,
}

packs!(
    enum Ends {
        None,
        One,
        Several,
    }
);

/// Whether an acknowledgement can wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AckWhen {
    /// Send it with the next packet out, which is this one.
    Now,
    /// It may wait until then.
    At(Instant),
}

/// As Linux's `TCP_MAX_QUICKACKS`.
const MAX_QUICK: u32 = 16;

impl AckPolicy {
    /// `mss` is what we announced; segments are taken for full ones from half of it or 536.
    pub(crate) fn new(min: Duration, max: Duration, mss: u32) -> Self {
        AckPolicy {
            bounds: (min, max),
            ato: Duration::ZERO,
            last_arrival: None,
            quick: 0,
            interactive: false,
            ends: Ends::None,
            rcv_mss: mss.min(536),
            mss,
        }
    }

    pub(crate) fn ato(&self) -> Duration {
        self.ato
    }

    pub(crate) fn rcv_mss(&self) -> u32 {
        self.rcv_mss
    }

    /// Data arrived in order; `window` is what we offer and `rto` bounds the delay.
    pub(crate) fn on_data(&mut self, now: Instant, data: Arrival, window: u32, rto: Duration) {
        let is_full = data.last >= self.rcv_mss;
        self.rcv_mss = self.rcv_mss.max(data.first.min(self.mss));
        self.ends = match self.ends {
            Ends::None if !is_full || data.push => Ends::One,
            Ends::One if !is_full => Ends::Several,
            ends => ends,
        };
        let (min, _) = self.bounds;
        match self.last_arrival {
            None => {
                self.ato = min;
                self.grant_quick(window);
            }
            Some(last) => {
                let gap = now.saturating_duration_since(last);
                if gap <= min / 2 {
                    self.ato = self.ato / 2 + min / 2;
                } else if gap < self.ato {
                    self.ato = (self.ato / 2 + gap).min(rto);
                } else if gap > rto {
                    // Too long a pause: the sender may be starting anew.
                    self.grant_quick(window);
                }
            }
        }
        self.last_arrival = Some(now);
    }

    /// We sent data: soon after data arrived, it was an answer.
    pub(crate) fn on_data_sent(&mut self, now: Instant) {
        let answered = |last| now.saturating_duration_since(last) < self.ato;
        if self.last_arrival.is_some_and(answered) {
            self.interactive = true;
        }
    }

    /// Something is odd (a hole, a duplicate, a FIN): the next acknowledgements go at once.
    pub(crate) fn enter_quick(&mut self, window: u32) {
        self.grant_quick(window);
        self.interactive = false;
        self.ato = self.bounds.0;
    }

    /// Judges anew, by the user's word, whether the application answers what arrives.
    pub(crate) fn set_interactive(&mut self, interactive: bool) {
        self.interactive = interactive;
        if !interactive {
            self.quick = self.quick.max(MAX_QUICK as u8);
        }
    }

    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// An acknowledgement went out.
    pub(crate) fn on_ack_sent(&mut self) {
        self.ends = Ends::None;
        self.quick = self.quick.saturating_sub(1);
    }

    /// The delay ended before anything carried the acknowledgement: less interactive than thought.
    pub(crate) fn on_delay_over(&mut self, rto: Duration) {
        if self.interactive {
            self.interactive = false;
            self.ato = self.bounds.0;
        } else {
            self.ato = (self.ato * 2).min(rto);
        }
    }

    /// Whether to acknowledge at once when the application has read all that there is, as Linux does
    /// (`tcp_cleanup_rbuf`): the peer may wait for it, to send what it holds back or has no room for.
    pub(crate) fn is_due_when_drained(&self) -> bool {
        match self.ends {
            Ends::None => false,
            Ends::One => !self.interactive,
            Ends::Several => true,
        }
    }

    /// When to acknowledge `unacknowledged` bytes that arrived in order.
    pub(crate) fn when(
        &self,
        now: Instant,
        unacknowledged: u64,
        srtt: Option<Duration>,
    ) -> AckWhen {
        let second_segment = unacknowledged > u64::from(self.rcv_mss);
        if second_segment || (self.quick > 0 && !self.interactive) {
            return AckWhen::Now;
        }
        let (min, max) = self.bounds;
        let bound = match srtt {
            Some(srtt) if !self.interactive => (srtt / 8).max(min).min(max),
            _ => max,
        };
        AckWhen::At(now + self.ato.clamp(min, bound))
    }

    fn grant_quick(&mut self, window: u32) {
        let segments = window / (2 * self.rcv_mss.max(1));
        self.quick = self.quick.max(segments.clamp(2, MAX_QUICK) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTO: Duration = Duration::from_millis(300);
    const FULL: Arrival = one(1_000);
    const SMALL: Arrival = one(10);

    const fn one(len: u32) -> Arrival {
        Arrival {
            first: len,
            last: len,
            push: false,
        }
    }

    fn policy() -> AckPolicy {
        AckPolicy::new(Duration::from_millis(40), Duration::from_millis(200), 1_000)
    }

    #[test]
    fn a_connection_starts_with_quick_acknowledgements() {
        let mut policy = policy();
        let now = Instant::from_millis(1);
        policy.on_data(now, FULL, 1 << 20, RTO);
        for _ in 0..16 {
            assert_eq!(policy.when(now, 1_000, None), AckWhen::Now);
            policy.on_ack_sent();
        }
        let at = Instant::from_millis(41);
        assert_eq!(policy.when(now, 1_000, None), AckWhen::At(at));
        assert_eq!(
            policy.when(now, 1_001, None),
            AckWhen::Now,
            "the second segment"
        );
    }

    #[test]
    fn an_application_that_answers_lets_the_answer_acknowledge() {
        let mut policy = policy();
        let now = Instant::from_millis(1);
        policy.on_data(now, SMALL, 1 << 20, RTO);
        policy.on_data_sent(Instant::from_millis(2));
        assert_eq!(
            policy.when(now, 10, None),
            AckWhen::At(Instant::from_millis(41))
        );
        policy.on_delay_over(RTO);
        assert_eq!(
            policy.when(now, 10, None),
            AckWhen::Now,
            "quick ones are left"
        );
    }

    fn coalesced(len: u32, size: u16) -> Arrival {
        Arrival::new(len, NonZeroU16::new(size), false)
    }

    #[test]
    fn several_segments_in_one_are_judged_by_their_own_size() {
        let now = Instant::from_millis(1);
        let mut policy = policy();
        policy.on_data(now, coalesced(2_700, 900), 1 << 20, RTO);
        assert_eq!(policy.rcv_mss(), 900, "not the size of them all");
        assert!(!policy.is_due_when_drained(), "the last is a full one");
        policy.quick = 0;
        assert_eq!(policy.when(now, 2_700, None), AckWhen::Now);
        policy.on_data(now, coalesced(2_710, 900), 1 << 20, RTO);
        assert!(policy.is_due_when_drained(), "the last is a small one");
        // What cannot be: no more than what arrived, nor than what was announced.
        policy.on_data(now, coalesced(30, 9_000), 1 << 20, RTO);
        assert_eq!(policy.rcv_mss(), 900);
        policy.on_data(now, coalesced(30_000, 9_000), 1 << 20, RTO);
        assert_eq!(policy.rcv_mss(), 1_000);
        assert_eq!(
            coalesced(0, 9),
            Arrival {
                push: false,
                ..one(0)
            }
        );
    }

    #[test]
    fn the_end_of_what_was_written_is_acknowledged_when_it_is_read() {
        let mut policy = policy();
        let now = Instant::from_millis(1);
        policy.on_data(now, FULL, 1 << 20, RTO);
        assert!(!policy.is_due_when_drained(), "more may follow");
        policy.on_data(now, SMALL, 1 << 20, RTO);
        assert!(policy.is_due_when_drained());
        policy.on_ack_sent();
        assert!(!policy.is_due_when_drained());
        policy.on_data(now, Arrival { push: true, ..FULL }, 1 << 20, RTO);
        assert!(policy.is_due_when_drained(), "pushed");

        policy.on_data_sent(now);
        assert!(!policy.is_due_when_drained(), "the answer will say it");
        policy.on_data(now, FULL, 1 << 20, RTO);
        assert!(!policy.is_due_when_drained());
        policy.on_data(now, SMALL, 1 << 20, RTO);
        assert!(policy.is_due_when_drained(), "it did not");
    }

    #[test]
    fn the_delay_follows_arrivals_within_its_bounds() {
        let mut policy = policy();
        let mut now = Instant::ZERO;
        for _ in 0..50 {
            now += Duration::from_millis(70);
            policy.on_data(now, SMALL, 1 << 20, RTO);
            policy.on_delay_over(RTO);
            policy.on_ack_sent();
        }
        policy.quick = 0;
        let AckWhen::At(at) = policy.when(now, 10, None) else {
            panic!("delayed")
        };
        let delay = at.saturating_duration_since(now);
        assert!(delay >= Duration::from_millis(40) && delay <= Duration::from_millis(200));
    }

    /// The delay after a second arrival that came so many milliseconds after the first.
    fn delay_after(gap: u64) -> (u64, u8) {
        let mut policy = policy();
        policy.on_data(Instant::from_millis(1), SMALL, 1 << 20, RTO);
        // Twice the least.
        policy.on_delay_over(RTO);
        policy.quick = 0;
        policy.on_data(Instant::from_millis(1 + gap), SMALL, 1 << 20, RTO);
        (policy.ato().as_millis() as u64, policy.quick)
    }

    /// As Linux's `tcp_event_data_recv`.
    #[test]
    fn the_delay_learns_from_the_gaps_between_arrivals() {
        for (gap, delay) in [
            (0, 60),
            (20, 60),
            (21, 61),
            (79, 119),
            (80, 80),
            (300, 80),
            (301, 80),
        ] {
            let quick = if gap > 300 { 16 } else { 0 };
            assert_eq!(delay_after(gap), (delay, quick), "after {gap} ms");
        }
    }

    #[test]
    fn a_delay_that_ends_in_vain_doubles_up_to_the_timeout() {
        let mut policy = policy();
        policy.on_data(Instant::from_millis(1), SMALL, 1 << 20, RTO);
        let mut delays = [0; 4];
        for delay in &mut delays {
            policy.on_delay_over(RTO);
            *delay = policy.ato().as_millis();
        }
        assert_eq!(delays, [80, 160, 300, 300]);
        policy.set_interactive(true);
        policy.on_delay_over(RTO);
        assert_eq!(policy.ato().as_millis(), 40);
    }

    /// A short path lets an acknowledgement wait an eighth of it, unless an answer is to carry it.
    #[test]
    fn the_longest_delay_follows_the_path() {
        let mut policy = policy();
        let now = Instant::from_millis(1);
        policy.on_data(now, SMALL, 1 << 20, RTO);
        policy.quick = 0;
        policy.ato = Duration::from_millis(150);
        for (interactive, srtt, delay) in [
            (false, None, 150),
            (false, Some(80), 40),
            (false, Some(800), 100),
            (false, Some(1_600), 150),
            (true, Some(80), 150),
        ] {
            policy.interactive = interactive;
            let srtt = srtt.map(Duration::from_millis);
            let at = now + Duration::from_millis(delay);
            assert_eq!(policy.when(now, 10, srtt), AckWhen::At(at), "{srtt:?}");
        }
    }

    #[test]
    fn quick_acknowledgements_are_as_many_as_half_a_window_of_segments() {
        for (window, quick) in [(0, 2), (5_999, 2), (6_000, 3), (32_000, 16), (1 << 20, 16)] {
            let mut policy = policy();
            policy.on_data(Instant::from_millis(1), FULL, window, RTO);
            assert_eq!(policy.quick, quick, "a window of {window}");
        }
        let mut policy = policy();
        policy.set_interactive(true);
        assert_eq!((policy.quick, policy.is_interactive()), (0, true));
        policy.set_interactive(false);
        assert_eq!((policy.quick, policy.is_interactive()), (16, false));
    }

    #[test]
    fn an_answer_is_what_follows_within_the_delay() {
        for (millis, answers) in [(40, true), (41, false)] {
            let mut policy = policy();
            policy.on_data(Instant::from_millis(1), SMALL, 1 << 20, RTO);
            policy.on_data_sent(Instant::from_millis(millis));
            assert_eq!(policy.is_interactive(), answers, "at {millis}");
        }
    }
}
