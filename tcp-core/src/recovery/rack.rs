//! RACK: what was sent before something that has arrived, and long enough, is lost (RFC 8985).

use core::time::Duration;

use crate::pack::packs;
use crate::send::scoreboard::{DUP_THRESH, Delivered, Overtaken, Sent, Turn};
use crate::time::Instant;

/// RACK's variables (RFC 8985 §5.3).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Rack {
    /// The latest that is known to be delivered. RFC 8985 compares times, and offsets where those are
    /// equal; numbers of transmissions are never ambiguous.
    latest: Option<Turn>,
    /// The round-trip time of the last segment that was delivered.
    rtt: Duration,
    /// The highest offset delivered.
    highest: u64,
    /// How often data that was sent once arrived after later data.
    reorderings: u32,
    /// How far the latest has overtaken, in segments: `DUP_THRESH` before any has by more (Linux's `reordering`).
    degree: u16,
    /// The reordering window in quarters of the least round-trip time.
    multiplier: u32,
    /// Recoveries for which a multiplier above one still holds.
    persist: u8,
    /// SND.NXT when a duplicate was last reported: one step in a round trip.
    dsack_round: Option<u64>,
}

packs!(Rack {
    latest,
    rtt,
    highest,
    reorderings,
    degree,
    multiplier,
    persist,
    dsack_round
});

/// Recoveries for which a wider window holds (RFC 8985 §6.2 step 4).
const PERSIST: u8 = 16;

/// `net.ipv4.tcp_reordering` and `net.ipv4.tcp_max_reordering`.
const LEAST_DEGREE: u16 = DUP_THRESH as u16;
const GREATEST_DEGREE: u64 = 300;

impl Rack {
    pub(crate) fn new() -> Self {
        Rack {
            latest: None,
            rtt: Duration::ZERO,
            highest: 0,
            reorderings: 0,
            degree: LEAST_DEGREE,
            multiplier: 1,
            persist: 0,
            dsack_round: None,
        }
    }

    /// RFC 8985 §6.2, steps 1 to 3. Says whether reordering was seen.
    pub(crate) fn on_delivered(&mut self, now: Instant, delivered: &Delivered, mss: u32) -> bool {
        let originals = [delivered.lowest_original, delivered.lowest_late];
        let overtaken = originals.iter().flatten().any(|&end| end < self.highest);
        self.reorderings = self.reorderings.saturating_add(u32::from(overtaken));
        if overtaken {
            let by = self.highest.saturating_sub(delivered.lowest_start);
            let by = by.div_ceil(u64::from(mss.max(1))).min(GREATEST_DEGREE);
            self.degree = self.degree.max(by as u16);
        }
        self.highest = self.highest.max(delivered.highest);
        if let Some(latest) = &delivered.latest {
            self.take_latest(now, latest);
        }
        overtaken
    }

    /// What was taken for the delivery of retransmissions was that of originals: nothing has been
    /// overtaken but by what was delivered `before`, and by what now surely is an original.
    pub(crate) fn forget_since(&mut self, before: &Rack, now: Instant, delivered: &Delivered) {
        self.latest = before.latest;
        self.rtt = before.rtt;
        let latest = delivered.latest.as_ref();
        if let Some(original) = latest.filter(|latest| !latest.is_resent()) {
            self.take_latest(now, original);
        }
    }

    fn take_latest(&mut self, now: Instant, latest: &Sent) {
        self.rtt = now.saturating_duration_since(latest.sent_at);
        let turn = latest.turn();
        if self.latest.is_none_or(|before| before < turn) {
            self.latest = Some(turn);
        }
    }

    /// RFC 8985 §6.2, step 4: a duplicate was reported, so what was found lost by acknowledgements was
    /// only late.
    pub(crate) fn on_dsack(&mut self, una: u64, nxt: u64) {
        self.reorderings = self.reorderings.saturating_add(1);
        if self.dsack_round.is_none_or(|round| una >= round) {
            self.dsack_round = Some(nxt);
            self.multiplier = self.multiplier.saturating_add(1);
            self.persist = PERSIST;
        }
    }

    /// A repair is complete, and nothing of it was in vain.
    pub(crate) fn on_recovery_end(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.multiplier = 1;
        }
    }

    /// How long what was overtaken may still arrive. `evident` says that losses are being repaired, or
    /// that three segments were reported: then there is no wait on a path that has never reordered.
    pub(crate) fn window(
        &self,
        evident: bool,
        min_rtt: Option<Duration>,
        srtt: Option<Duration>,
    ) -> Duration {
        if self.reorderings == 0 && evident {
            return Duration::ZERO;
        }
        let window = (min_rtt.unwrap_or_default() / 4).saturating_mul(self.multiplier);
        window.min(srtt.unwrap_or_default())
    }

    /// What is lost by now, given the reordering window; `None` before anything was delivered.
    pub(crate) fn overtaken(&self, now: Instant, window: Duration) -> Option<Overtaken> {
        Some(Overtaken {
            by: self.latest?,
            now,
            patience: self.patience(window),
        })
    }

    /// From sending to being taken for lost.
    pub(crate) fn patience(&self, window: Duration) -> Duration {
        self.rtt.saturating_add(window)
    }

    /// How far reordering has reached, in segments.
    pub(crate) fn degree(&self) -> u32 {
        self.degree.into()
    }

    /// A timeout came though more than the least was reported: the reordering was overestimated.
    pub(crate) fn doubt_degree(&mut self) {
        self.degree = LEAST_DEGREE;
    }

    /// How often reordering was seen.
    pub(crate) fn reorderings(&self) -> u32 {
        self.reorderings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::scoreboard::{Pieces, Scoreboard, SendStamp};

    const RTT: Option<Duration> = Some(Duration::from_millis(100));

    fn delivered(board: &mut Scoreboard, una: u64) -> Delivered {
        let mut delivered = Delivered::default();
        board.acknowledge(una, &mut delivered);
        delivered
    }

    #[test]
    fn the_window_opens_when_reordering_is_seen_and_widens_with_duplicates() {
        let mut rack = Rack::new();
        assert_eq!(rack.window(true, RTT, RTT), Duration::ZERO);
        assert_eq!(rack.window(false, RTT, RTT), Duration::from_millis(25));
        let late = Delivered {
            lowest_original: Some(100),
            lowest_start: 0,
            ..Delivered::default()
        };
        rack.highest = 300;
        assert!(rack.on_delivered(Instant::ZERO, &late, 100));
        assert_eq!(rack.window(true, RTT, RTT), Duration::from_millis(25));
        rack.on_dsack(100, 500);
        rack.on_dsack(499, 900);
        assert_eq!(
            rack.window(true, RTT, RTT),
            Duration::from_millis(50),
            "once a round trip"
        );
        rack.on_dsack(500, 900);
        assert_eq!(rack.window(true, RTT, RTT), Duration::from_millis(75));
        for _ in 0..10 {
            rack.on_dsack(900, 900);
        }
        assert_eq!(
            rack.window(true, RTT, RTT),
            Duration::from_millis(100),
            "srtt at most"
        );
        for _ in 0..PERSIST {
            rack.on_recovery_end();
        }
        assert_eq!(rack.window(true, RTT, RTT), Duration::from_millis(25));
    }

    #[test]
    fn the_degree_is_how_far_the_lowest_was_overtaken() {
        let mut rack = Rack::new();
        rack.highest = 9_001;
        let late = |start| Delivered {
            lowest_original: Some(start + 1_000),
            lowest_start: start,
            ..Delivered::default()
        };
        for (start, degree) in [(7_001, 3), (3_001, 6), (5_001, 6), (1, 9)] {
            assert!(rack.on_delivered(Instant::ZERO, &late(start), 1_000));
            assert_eq!(rack.degree(), degree);
        }
        rack.highest = 1 << 40;
        rack.on_delivered(Instant::ZERO, &late(1), 1_000);
        assert_eq!(rack.degree(), 300, "bounded");
        rack.doubt_degree();
        assert_eq!(rack.degree(), 3);
    }

    #[test]
    fn the_latest_delivered_is_the_last_sent() {
        let mut rack = Rack::new();
        let mut board = Scoreboard::default();
        let at = Instant::from_millis;
        assert_eq!(rack.overtaken(at(5), Duration::ZERO), None);
        for n in 0..3 {
            board.push(
                n * 10..n * 10 + 10,
                Pieces::ONE,
                at(n / 2),
                SendStamp::default(),
            );
        }
        rack.on_delivered(at(100), &delivered(&mut board, 30), 10);
        let overtaken = rack.overtaken(at(100), Duration::from_millis(9)).unwrap();
        let by = Turn { number: 3, end: 30 };
        assert_eq!(overtaken.by, by);
        assert_eq!(overtaken.patience, Duration::from_millis(99 + 9));
    }
}
