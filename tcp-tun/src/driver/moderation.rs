//! When to let packets gather, in place of being woken for each.
//!
//! Where a bulk transfer comes in, a driver that has drained the device sleeps for some microseconds. To wake it costs
//! the kernel that sends a tenth of what a packet of 64 KiB costs it, and it takes up each acknowledgement by itself. Network
//! cards moderate their interrupts for that reason (`adaptive-rx` of `ethtool -C`), and the kernel's own receiver
//! acknowledges at once what has gathered behind a busy socket (`net.ipv4.tcp_backlog_ack_defer`). So a driver naps for a
//! while, rather than to listen, and takes what has come then; and judges by what it gets whether to go on:
//!
//! ```text
//!             enough rounds of bulk, one after another
//!   Watching ──────────────────────────────────────────> Napping
//!      ^                                                    │
//!      └────────────────────────────────────────────────────┘
//!        nothing gathers, or it slows the sender: then the next try is later
//! ```
//!
//! A *round* is what lies between two times at which the device was drained. Nothing gathers where the peer waits for
//! an answer, or has no more, which two naps show. A window that is too small for the naps slows the sender, which the comparison of a
//! trial with the rounds before shows. Each such try doubles the time until the next, up to a second.
//!
//! What comes for others than the driver waits as well, and is not judged. So nothing is let gather for a while after a driver has
//! brought others anything.

use std::mem;
use std::time::Duration;

use tcp_core::Instant;

/// For how long the driver naps; the kernel adds up to 50 µs, where the thread has not been given another slack
/// (`PR_SET_TIMERSLACK`).
pub(super) const NAP: Duration = Duration::from_micros(20);

/// Rounds that take longer are not worth it: wake-ups are few. Nor does a driver nap that is to do something so soon.
pub(super) const ROUND: Duration = Duration::from_micros(100);

/// A nap that takes longer is late: something else had the processor, or the thread has much slack.
const LATE: Duration = Duration::from_micros(400);

/// What a round of bulk brings, in bytes, and what its packets hold on average.
const BULK: u64 = 32 * 1024;
const LARGE: u64 = 8 * 1024;

/// Rounds of bulk before a try.
const WATCH: u32 = 32;

/// Naps in a trial, and trials until the rate is measured anew without.
const TRIAL: u32 = 16;
const TRIALS: u32 = 32;

/// Naps one after another that may bring less than two rounds without, or be late.
const USELESS: u32 = 2;

/// For how long nothing is tried after the first try that was no use, and at most.
const PAUSE: Duration = Duration::from_millis(1);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// For how long others must have been brought nothing.
const QUIET: Duration = Duration::from_millis(10);

/// What had been done when the device was drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Reading {
    pub(super) at: Instant,
    /// Of packets received.
    pub(super) bytes: u64,
    pub(super) packets: u64,
    /// What was brought to others than the driver.
    pub(super) for_others: u64,
}

/// Decides for a driver whether it naps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Moderation {
    phase: Phase,
    last: Reading,
    /// How long the driver has napped since then, if it has.
    napped: Option<Duration>,
    /// Nothing is tried before.
    not_before: Instant,
    /// How long nothing will be tried once the next try is no use.
    pause: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// It is not to.
    Off,
    /// Rounds of bulk, one after another.
    Watching(Tally),
    Napping(Naps),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Naps {
    /// What came of rounds without.
    watched: Tally,
    trial: Tally,
    /// Trials that have been passed.
    passed: u32,
    /// How many of the last naps were no use.
    useless: u32,
}

/// Rounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tally {
    rounds: u32,
    bytes: u64,
    took: Duration,
}

/// From one time that the device was drained to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Round {
    bytes: u64,
    packets: u64,
    took: Duration,
    /// It has brought others something.
    for_others: bool,
}

impl Moderation {
    pub(super) fn new(adaptive: bool) -> Moderation {
        Moderation {
            phase: match adaptive {
                true => Phase::Watching(Tally::default()),
                false => Phase::Off,
            },
            last: Reading::default(),
            napped: None,
            not_before: Instant::ZERO,
            pause: PAUSE,
        }
    }

    /// One that has seen bulk.
    #[cfg(test)]
    pub(super) fn napping() -> Moderation {
        Moderation {
            phase: Phase::Napping(Naps::after(Tally::default())),
            ..Moderation::new(true)
        }
    }

    /// The driver has drained the device, and has nothing to do: whether it is to nap, rather than to listen. Not where it
    /// `must_listen`.
    pub(super) fn on_drained(&mut self, seen: Reading, must_listen: bool) -> bool {
        if self.phase == Phase::Off {
            return false;
        }
        let napped = self.napped.take();
        if napped.is_none() && seen.packets == self.last.packets {
            // It was woken for something else, and the round goes on.
            return matches!(self.phase, Phase::Napping(_)) && !must_listen;
        }
        let round = seen.since(mem::replace(&mut self.last, seen));
        if round.for_others {
            self.not_before = self.not_before.max(seen.at + QUIET);
            self.watch();
            return false;
        }
        match &mut self.phase {
            Phase::Off => false,
            Phase::Watching(tally) => {
                if !round.is_bulk() {
                    *tally = Tally::default();
                    return false;
                }
                tally.add(&round);
                if tally.rounds < WATCH || seen.at < self.not_before || must_listen {
                    return false;
                }
                self.phase = Phase::Napping(Naps::after(*tally));
                true
            }
            Phase::Napping(naps) => {
                if let Some(napped) = napped {
                    naps.judge(&round, napped);
                }
                if naps.are_of_no_use() {
                    self.not_before = seen.at + self.pause;
                    self.pause = MAX_PAUSE.min(2 * self.pause);
                    self.watch();
                    return false;
                }
                if naps.passed > 0 {
                    self.pause = PAUSE;
                }
                if naps.passed == TRIALS {
                    self.watch();
                    return false;
                }
                !must_listen
            }
        }
    }

    /// It has napped, for so long.
    pub(super) fn on_nap(&mut self, took: Duration) {
        self.napped = Some(took);
    }

    fn watch(&mut self) {
        self.phase = Phase::Watching(Tally::default());
    }
}

impl Naps {
    fn after(watched: Tally) -> Naps {
        Naps {
            watched,
            trial: Tally::default(),
            passed: 0,
            useless: 0,
        }
    }

    fn judge(&mut self, round: &Round, napped: Duration) {
        let is_useful = napped <= LATE && self.gathers(round);
        self.useless = if is_useful { 0 } else { self.useless + 1 };
        self.trial.add(round);
        if self.trial.rounds == TRIAL && !self.slow_the_sender() {
            self.trial = Tally::default();
            self.passed += 1;
        }
    }

    /// Whether this has brought as much as two rounds without a nap.
    fn gathers(&self, round: &Round) -> bool {
        let bytes = u128::from(round.bytes) * u128::from(self.watched.rounds);
        bytes >= 2 * u128::from(self.watched.bytes)
    }

    fn are_of_no_use(&self) -> bool {
        self.useless == USELESS || self.slow_the_sender()
    }

    /// Whether the trial is over, and was slower by more than what is chance.
    fn slow_the_sender(&self) -> bool {
        let scaled = |bytes: u64, time: Duration| u128::from(bytes) * time.as_nanos();
        let napped = scaled(self.trial.bytes, self.watched.took);
        let watched = scaled(self.watched.bytes, self.trial.took);
        self.trial.rounds == TRIAL && napped * 16 < watched * 15
    }
}

impl Tally {
    fn add(&mut self, round: &Round) {
        self.rounds = self.rounds.saturating_add(1);
        self.bytes += round.bytes;
        self.took += round.took;
    }
}

impl Reading {
    fn since(self, earlier: Reading) -> Round {
        Round {
            bytes: self.bytes - earlier.bytes,
            packets: self.packets - earlier.packets,
            took: self.at.saturating_duration_since(earlier.at),
            for_others: self.for_others != earlier.for_others,
        }
    }
}

impl Round {
    /// Whether it was a round of a bulk transfer, of large packets in quick succession.
    fn is_bulk(&self) -> bool {
        self.took <= ROUND && self.bytes >= BULK.max(self.packets * LARGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that sends 64 KiB each `gap`, of which at most `window` is unacknowledged, and acknowledgements that
    /// come when the device has been drained.
    struct Peer {
        gap: Duration,
        window: u64,
        seen: Reading,
        moderation: Moderation,
        naps: u32,
    }

    const PACKET: u64 = 64 * 1024;

    /// A nap with what the kernel adds.
    const REAL_NAP: Duration = Duration::from_micros(70);

    impl Peer {
        fn new(gap: u64, window: u64) -> Peer {
            Peer {
                gap: Duration::from_micros(gap),
                window,
                seen: Reading::default(),
                moderation: Moderation::new(true),
                naps: 0,
            }
        }

        /// Says whether the driver napped.
        fn round(&mut self) -> bool {
            self.round_with(REAL_NAP)
        }

        fn round_with(&mut self, nap: Duration) -> bool {
            let naps = self.moderation.on_drained(self.seen, false);
            let time = match naps {
                true => nap,
                false => self.gap,
            };
            if naps {
                self.moderation.on_nap(nap);
            }
            let sent = time.as_nanos() / self.gap.as_nanos();
            let sent = (PACKET * sent as u64).clamp(PACKET, self.window);
            self.seen.at += time;
            self.seen.bytes += sent;
            self.seen.packets += sent / PACKET;
            self.naps += u32::from(naps);
            naps
        }

        fn rounds(mut self, count: u32) -> Peer {
            for _ in 0..count {
                self.round();
            }
            self
        }

        /// Goes on until so much time has passed.
        fn lasting(mut self, time: Duration) -> Peer {
            let end = self.seen.at + time;
            while self.seen.at < end {
                self.round();
            }
            self
        }
    }

    const TERM: u32 = TRIAL * TRIALS;
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn bulk_gathers_for_as_long_as_it_comes() {
        let mut peer = Peer::new(10, u64::MAX).rounds(WATCH);
        assert_eq!(peer.naps, 0, "it is watched first");
        for _ in 0..10 {
            peer = peer.rounds(TERM + WATCH);
        }
        assert_eq!(peer.naps, 10 * TERM, "and measured again now and then");
        // It ends in the midst of naps, with the second that brings nothing.
        peer = peer.rounds(TERM / 2);
        let naps = [(); 3].map(|()| {
            peer.seen.at += REAL_NAP;
            let naps = peer.moderation.on_drained(peer.seen, false);
            peer.moderation.on_nap(REAL_NAP);
            naps
        });
        assert_eq!(naps, [true, true, false]);
    }

    #[test]
    fn who_waits_for_an_answer_to_each_message_is_left_alone_soon() {
        let peer = Peer::new(30, PACKET).lasting(100 * SECOND);
        // Tries after 1, 2, 4, ... 512 ms, and then one a second, of two naps each.
        assert!((200..250).contains(&peer.naps), "{} naps", peer.naps);
    }

    #[test]
    fn a_window_too_small_for_the_nap_ends_it() {
        // Naps bring four packets, where listening brings seven in that time.
        let peer = Peer::new(10, 4 * PACKET).lasting(10 * SECOND);
        let tries = 10..25;
        assert!(tries.contains(&(peer.naps / TRIAL)), "{} naps", peer.naps);
        assert_eq!(peer.naps % TRIAL, 0);
        let wide = Peer::new(10, 7 * PACKET).lasting(SECOND);
        assert!(wide.naps > 10_000, "nothing is lost by these");
    }

    #[test]
    fn a_transfer_that_follows_another_is_judged_by_itself() {
        let mut peer = Peer::new(10, u64::MAX).rounds(WATCH + 2 * TRIAL);
        assert!(peer.naps > TRIAL);
        peer.window = 4 * PACKET;
        let before = peer.naps;
        peer = peer.lasting(10 * SECOND);
        assert!(peer.naps - before < 25 * TRIAL, "{before} {}", peer.naps);
        // It is over, and the next gets all that it can.
        peer.window = u64::MAX;
        let before = peer.naps;
        peer = peer.lasting(3 * SECOND);
        assert!(peer.naps - before > 20_000, "{before} {}", peer.naps);
    }

    #[test]
    fn small_packets_and_slow_ones_are_not_moderated() {
        let mut small = Peer::new(30, u64::MAX);
        for _ in 0..1_000 {
            small.seen.packets += 44;
            assert!(!small.round());
        }
        let slow = Peer::new(101, u64::MAX).rounds(1_000);
        assert_eq!(slow.naps, 0);
        let mut interrupted = Peer::new(10, u64::MAX);
        for _ in 0..1_000 {
            interrupted = interrupted.rounds(WATCH - 1);
            interrupted.seen.at += Duration::from_millis(1);
        }
        assert_eq!(interrupted.naps, 0);
    }

    #[test]
    fn what_comes_for_others_is_not_let_gather() {
        let mut shared = Peer::new(10, u64::MAX).rounds(WATCH + TRIAL);
        assert!(shared.naps > 0);
        // They join in the midst of naps, and get something now and then.
        let before = shared.naps;
        for _ in 0..1_000 {
            shared.seen.for_others += 1;
            shared = shared.lasting(QUIET * 9 / 10);
        }
        assert_eq!(shared.naps, before);
        // They have gone.
        shared = shared.lasting(2 * QUIET);
        assert!(shared.naps > before + TRIAL);
    }

    #[test]
    fn a_kernel_that_lets_sleepers_sleep_on_is_asked_seldom() {
        let mut peer = Peer::new(10, u64::MAX);
        let (end, slack) = (Instant::ZERO + 100 * SECOND, Duration::from_millis(40));
        while peer.seen.at < end {
            peer.round_with(slack);
        }
        assert!(peer.naps < 250, "{} naps", peer.naps);
    }

    /// Goes on for ten thousand rounds, while something else has the processor now and then, and somebody wakes the driver.
    fn disturbed(mut peer: Peer) -> Peer {
        for round in 0..10_000 {
            let late = if round % 7 == 0 { 50 } else { 1 };
            peer.round_with(REAL_NAP * late);
            if round % 5 == 0 {
                assert!(!peer.moderation.on_drained(peer.seen, true));
            }
        }
        peer
    }

    #[test]
    fn neither_a_late_nap_nor_a_needless_wake_up_ends_what_helps() {
        let peer = disturbed(Peer::new(10, u64::MAX));
        assert!(peer.naps > 9_000, "{} naps", peer.naps);
    }

    #[test]
    fn late_naps_that_use_up_the_window_end_them() {
        let peer = disturbed(Peer::new(10, 64 * PACKET));
        assert!(peer.naps < 1_000, "{} naps", peer.naps);
    }

    #[test]
    fn who_does_not_want_it_never_naps() {
        let mut peer = Peer::new(10, u64::MAX);
        peer.moderation = Moderation::new(false);
        assert_eq!(peer.rounds(1_000).naps, 0);
    }
}
