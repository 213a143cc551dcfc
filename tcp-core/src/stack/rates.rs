//! How often a stack answers what strangers send.
//!
//! Whoever shares a budget with others sees how much of it they use, and so, by segments with forged
//! sources, what is behind their addresses. What is left of one is therefore never known for sure: it is drawn
//! by a keyed hash.

use super::bucket::TokenBucket;
use super::keys::Key;
use super::tuple::FourTuple;
use super::{Stack, reply};
use crate::config::Limits;
use crate::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::{Control, Segment};

/// What is left of the budgets.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    key: Key,
    resets: TokenBucket,
    /// Draws made for resets.
    draws: u64,
    challenges: Challenges,
}

/// Challenge ACKs of one second.
#[derive(Clone, Copy, Debug)]
struct Challenges {
    second: Option<u64>,
    left: u64,
}

impl Rates {
    pub(super) const fn new(key: Key) -> Self {
        Rates {
            key,
            resets: TokenBucket::new(),
            draws: 0,
            challenges: Challenges {
                second: None,
                left: 0,
            },
        }
    }

    /// Whether a reset may be sent. Each costs nothing, one token, or two, as Linux has it for ICMP
    /// (`icmp_global_consume`).
    fn may_reset(&mut self, now: Instant, limits: &Limits) -> bool {
        self.draws += 1;
        let cost = self.key.draw(b"r", self.draws, 3);
        self.resets.take(now, limits.resets, cost as u32)
    }

    /// Whether a challenge ACK may be sent (Linux, `tcp_send_challenge_ack`).
    fn may_challenge(&mut self, now: Instant, limits: &Limits) -> bool {
        let Some(limit) = limits.challenge_acks else {
            return true;
        };
        let second = now.as_nanos() / 1_000_000_000;
        if self.challenges.second != Some(second) {
            let drawn = self.key.draw(b"c", second, u64::from(limit).max(1));
            self.challenges = Challenges {
                second: Some(second),
                left: u64::from(limit).div_ceil(2) + drawn,
            };
        }
        let allowed = limit > 0 && self.challenges.left > 0;
        self.challenges.left -= u64::from(allowed);
        allowed
    }
}

impl Stack {
    /// Answers a segment that no connection knows with a reset, unless it is one itself.
    pub(super) fn refuse(&mut self, now: Instant, tuple: FourTuple, segment: &Segment<'_>) {
        if segment.header.control != Control::Rst && self.may_reset(now) {
            self.reply_reset(tuple, reply::reset_for(segment));
        }
    }

    /// Refuses a SYN that has gone by.
    pub(super) fn refuse_syn(
        &mut self,
        now: Instant,
        tuple: FourTuple,
        seq: SeqNumber,
        sequence_len: u32,
    ) {
        if self.may_reset(now) {
            self.reply_reset(tuple, reply::reset_acknowledging(seq, sequence_len));
        }
    }

    fn may_reset(&mut self, now: Instant) -> bool {
        let allowed = self.rates.may_reset(now, &self.config.limits);
        self.counters.reset_rate_limited += u64::from(!allowed);
        allowed
    }

    /// To be called when a connection has challenged a segment, which its own limit allows: takes the challenge back
    /// where the stack's does not. `owed` says whether an acknowledgement was due before.
    #[cold]
    pub(super) fn allow_challenge(&mut self, now: Instant, index: u32, owed: bool) {
        if self.rates.may_challenge(now, &self.config.limits) {
            return;
        }
        self.counters.challenge_ack -= 1;
        self.counters.ack_skipped_challenge += 1;
        if !owed && let Some(entry) = self.connections.get_mut(index) {
            entry.resident.rouse().withhold_ack();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    fn rates() -> Rates {
        Rates::new(Key::derive(&[3; 32], "rates"))
    }

    fn second(second: u64) -> Instant {
        Instant::from_millis(1_000 * second)
    }

    #[test]
    fn resets_come_at_their_rate_but_for_what_is_drawn() {
        let limits = Limits::default();
        let mut rates = rates();
        let mut sent = |now| {
            (0..10_000)
                .filter(|_| rates.may_reset(now, &limits))
                .count()
        };
        let first = sent(second(0));
        assert!((900..1_100).contains(&first), "{first}");
        let next = sent(second(1));
        assert!((900..1_100).contains(&next), "{next}");
        assert_ne!(first, next, "nobody knows how many");
        assert_eq!(sent(second(1)), 0);
    }

    #[test]
    fn a_budget_of_challenges_is_drawn_each_second() {
        let limits = Limits {
            challenge_acks: Some(100),
            ..Limits::default()
        };
        let mut rates = rates();
        let mut budgets = BTreeSet::new();
        for at in 0..20 {
            let sent = |_: &u32| rates.may_challenge(second(at), &limits);
            let sent = (0..1_000).filter(sent).count();
            assert!((50..150).contains(&sent), "{sent}");
            budgets.insert(sent);
        }
        assert!(budgets.len() > 10, "{budgets:?}");
    }

    #[test]
    fn without_a_budget_each_may_go_and_with_none_no_one() {
        let mut rates = rates();
        let none = Limits {
            challenge_acks: Some(0),
            ..Limits::default()
        };
        assert!(!rates.may_challenge(second(0), &none));
        let unlimited = Limits::default();
        assert!((0..10_000).all(|_| rates.may_challenge(second(0), &unlimited)));
    }
}
