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
//! an answer, or has no more; and a window that is too small for the nap slows the sender, as it does one that sends at a
//! pace of its own. Either ends the naps after a few, and each such try doubles the rounds until the next.

use std::mem;
use std::time::Duration;

use tcp_core::Instant;

/// For how long the driver naps: with what the kernel adds (50 µs, `PR_SET_TIMERSLACK`), shorter than
/// [`ROUND`].
pub(super) const NAP: Duration = Duration::from_micros(20);

/// Rounds that take longer are not worth it: wake-ups are few.
pub(super) const ROUND: Duration = Duration::from_micros(100);

/// What a round of bulk brings, in bytes, and what its packets hold on average.
const BULK: u64 = 32 * 1024;
const LARGE: u64 = 8 * 1024;

/// Rounds of bulk before the first try, and at most.
const PATIENCE: u32 = 32;
const MAX_PATIENCE: u32 = 4_096;

/// Naps after which the rate is compared, and those after which it is measured anew without.
const TRIAL: u32 = 16;
const TERM: u32 = 512;

/// Naps one after another that may bring less than two rounds without.
const USELESS: u32 = 2;

/// What the device had carried when it was drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Reading {
    pub(super) at: Instant,
    pub(super) bytes: u64,
    pub(super) packets: u64,
}

/// Decides for a driver whether it naps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Moderation {
    phase: Phase,
    last: Reading,
    /// Rounds of bulk until the next try.
    patience: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// It is not to.
    Off,
    Watching(Stretch),
    Napping {
        stretch: Stretch,
        /// What came of so many rounds without.
        watched: (u32, Round),
        /// How many of the last naps were.
        useless: u32,
    },
}

/// Rounds, one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stretch {
    began: Reading,
    rounds: u32,
}

/// From one time that the device was drained to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Round {
    took: Duration,
    bytes: u64,
    packets: u64,
}

impl Moderation {
    pub(super) fn new(adaptive: bool) -> Moderation {
        let start = Reading::default();
        Moderation {
            phase: match adaptive {
                true => Phase::Watching(Stretch::from(start)),
                false => Phase::Off,
            },
            last: start,
            patience: PATIENCE,
        }
    }

    /// The driver has drained the device, and has nothing to do: whether it is to nap, rather than to listen. Where it
    /// has to be awake at a time before the nap's end, it listens, and this is not asked.
    pub(super) fn on_drained(&mut self, seen: Reading) -> bool {
        let round = seen.since(mem::replace(&mut self.last, seen));
        match &mut self.phase {
            Phase::Off => false,
            Phase::Watching(stretch) => {
                if !round.is_bulk() {
                    *stretch = Stretch::from(seen);
                    return false;
                }
                stretch.rounds += 1;
                if stretch.rounds < self.patience {
                    return false;
                }
                self.phase = Phase::Napping {
                    stretch: Stretch::from(seen),
                    watched: (stretch.rounds, seen.since(stretch.began)),
                    useless: 0,
                };
                true
            }
            Phase::Napping {
                stretch,
                watched: (rounds, watched),
                useless,
            } => {
                stretch.rounds += 1;
                if round.bytes * u64::from(*rounds) < 2 * watched.bytes {
                    *useless += 1;
                } else {
                    *useless = 0;
                }
                let napped = seen.since(stretch.began);
                let slows = stretch.rounds == TRIAL && napped.is_slower_than(watched);
                if *useless == USELESS || slows {
                    self.patience = MAX_PATIENCE.min(2 * self.patience);
                    self.watch(seen);
                    return false;
                }
                if stretch.rounds >= TRIAL {
                    self.patience = PATIENCE;
                }
                if stretch.rounds == TERM {
                    self.watch(seen);
                    return false;
                }
                true
            }
        }
    }

    fn watch(&mut self, seen: Reading) {
        self.phase = Phase::Watching(Stretch::from(seen));
    }
}

impl From<Reading> for Stretch {
    fn from(began: Reading) -> Stretch {
        Stretch { began, rounds: 0 }
    }
}

impl Reading {
    fn since(self, earlier: Reading) -> Round {
        Round {
            took: self.at.saturating_duration_since(earlier.at),
            bytes: self.bytes - earlier.bytes,
            packets: self.packets - earlier.packets,
        }
    }
}

impl Round {
    /// Whether it was a round of a bulk transfer to us, of large packets in quick succession.
    fn is_bulk(&self) -> bool {
        self.took <= ROUND && self.bytes >= BULK.max(self.packets * LARGE)
    }

    fn is_slower_than(&self, other: &Round) -> bool {
        let rate = |bytes: u64, time: Duration| u128::from(bytes) * time.as_nanos();
        rate(self.bytes, other.took) < rate(other.bytes, self.took)
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
            let naps = self.moderation.on_drained(self.seen);
            let time = match naps {
                true => 3 * NAP,
                false => self.gap,
            };
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
    }

    #[test]
    fn bulk_gathers_for_as_long_as_it_comes() {
        let mut peer = Peer::new(10, u64::MAX).rounds(PATIENCE);
        assert_eq!(peer.naps, 0, "it is watched first");
        for _ in 0..10 {
            peer = peer.rounds(TERM + PATIENCE);
        }
        assert_eq!(peer.naps, 10 * TERM, "and measured again now and then");
        // It ends in the midst of naps, with the second that brings nothing.
        peer = peer.rounds(TERM / 2);
        let naps = [(); 3].map(|()| {
            peer.seen.at += Duration::from_millis(1);
            peer.moderation.on_drained(peer.seen)
        });
        assert_eq!(naps, [true, true, false]);
    }

    #[test]
    fn who_waits_for_an_answer_to_each_message_is_left_alone_soon() {
        let peer = Peer::new(30, PACKET).rounds(100_000);
        // Tries after 32, 64, ... 4096 rounds, and each 4096 from then on.
        assert!((24..80).contains(&peer.naps), "{} naps", peer.naps);
    }

    #[test]
    fn a_window_too_small_for_the_nap_ends_it() {
        // Naps of 60 us bring four packets, where listening brings six in that time.
        let peer = Peer::new(10, 4 * PACKET).rounds(100_000);
        assert!((TRIAL..100_000 / 100).contains(&peer.naps), "{}", peer.naps);
        let mut wide = Peer::new(10, 6 * PACKET).rounds(1_000);
        assert!((0..9).any(|_| wide.round()), "nothing is lost by these");
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
            interrupted = interrupted.rounds(PATIENCE - 1);
            interrupted.seen.at += Duration::from_millis(1);
        }
        assert_eq!(interrupted.naps, 0);
    }

    #[test]
    fn who_does_not_want_it_never_naps() {
        let mut peer = Peer::new(10, u64::MAX);
        peer.moderation = Moderation::new(false);
        assert_eq!(peer.rounds(1_000).naps, 0);
    }
}
