//! The wheel beside a sorted set.

use super::*;
use alloc::collections::BTreeSet;
use core::time::Duration;
use proptest::prelude::*;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// All that fire at `now`.
fn drain(wheel: &mut Wheel<u32>, now: u64) -> Vec<(u32, u64)> {
    core::iter::from_fn(|| wheel.pop_due(at(now)))
        .map(|(key, at)| (key, at.as_nanos()))
        .collect()
}

#[test]
fn timers_fire_in_order_and_not_early() {
    let mut wheel = Wheel::new();
    let deadlines = [5_000_000_000, 1, 70_000, 1_000, 999, u64::MAX, 1_000];
    for (key, &nanos) in (0..).zip(&deadlines) {
        wheel.arm(key, at(nanos));
    }
    assert_eq!(wheel.next(), Some(at(1)));
    assert_eq!(drain(&mut wheel, 0), []);
    assert_eq!(drain(&mut wheel, 998), [(1, 1)]);
    assert_eq!(wheel.next(), Some(at(999)));
    let fired = drain(&mut wheel, 1_000);
    assert_eq!(fired, [(4, 999), (3, 1_000), (6, 1_000)]);
    let fired = drain(&mut wheel, u64::MAX - 1);
    assert_eq!(fired, [(2, 70_000), (0, 5_000_000_000)]);
    assert_eq!(wheel.next(), Some(Instant::FAR_FUTURE));
    assert_eq!(drain(&mut wheel, u64::MAX), [(5, u64::MAX)]);
    assert_eq!((wheel.next(), wheel.len()), (None, 0));
}

#[test]
fn a_deadline_in_the_past_fires_at_once() {
    let mut wheel = Wheel::new();
    assert_eq!(drain(&mut wheel, 1_000_000), []);
    wheel.arm(1, at(5));
    wheel.arm(2, at(0));
    assert_eq!(wheel.next(), Some(at(0)));
    assert_eq!(drain(&mut wheel, 1_000_000), [(2, 0), (1, 5)]);
}

#[test]
fn a_stale_handle_cancels_nothing() {
    let mut wheel = Wheel::new();
    let first = wheel.arm(1, at(10));
    assert!(wheel.cancel(first));
    let second = wheel.arm(2, at(10));
    assert!(!wheel.cancel(first));
    assert_eq!(drain(&mut wheel, 10), [(2, 10)]);
    assert!(!wheel.cancel(second));
    assert_eq!(wheel.len(), 0);
}

#[test]
fn a_timer_that_is_due_can_still_be_cancelled() {
    let mut wheel = Wheel::new();
    wheel.arm(1, at(10));
    let second = wheel.arm(2, at(20));
    let third = wheel.arm(3, at(30));
    assert_eq!(wheel.pop_due(at(40)), Some((1, at(10))));
    assert!(wheel.cancel(second));
    let fourth = wheel.arm(4, at(20));
    assert_eq!(drain(&mut wheel, 40), [(3, 30), (4, 20)]);
    assert!(!wheel.cancel(third) && !wheel.cancel(fourth));
}

#[test]
fn the_time_of_a_cancelled_timer_is_forgotten_once_it_has_passed() {
    for nanos in [700, 70_000, 7_000_000_000] {
        let mut wheel = Wheel::new();
        let first = wheel.arm(1, at(nanos));
        wheel.arm(2, at(nanos + 3));
        wheel.cancel(first);
        assert!(wheel.next() <= Some(at(nanos + 3)));
        assert_eq!(drain(&mut wheel, nanos), []);
        assert_eq!(wheel.next(), Some(at(nanos + 3)));
    }
}

#[test]
fn entries_are_used_again() {
    let mut wheel = Wheel::new();
    for round in 0..1_000 {
        let timers = [0, 1, 2].map(|key| wheel.arm(key, at(round * 5_000 + 4_000)));
        assert!(wheel.cancel(timers[1]));
        assert_eq!(drain(&mut wheel, round * 5_000 + 4_000).len(), 2);
    }
    assert_eq!(wheel.entries.len(), 3);
}

#[derive(Clone, Debug)]
enum Operation {
    /// Arms a timer this long after (or, negative, before) the present.
    Arm(i64),
    ArmAt(u64),
    /// Cancels one of the timers ever armed.
    Cancel(prop::sample::Index),
    /// Lets time pass and fires what is due.
    Advance(u64),
    /// Lets time pass until `next` and fires what is due.
    AdvanceToNext,
    /// Lets time pass and fires but one.
    AdvanceAndPopOne(u64),
}

/// Spans of every magnitude, so that every level is used.
fn any_span() -> impl Strategy<Value = u64> {
    (0u32..64, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0u32..50, any::<i64>()).prop_map(|(shift, bits)| Operation::Arm(bits >> shift)),
        2 => (0i64..5_000).prop_map(Operation::Arm),
        1 => prop_oneof![any_span(), Just(u64::MAX)].prop_map(Operation::ArmAt),
        2 => any::<prop::sample::Index>().prop_map(Operation::Cancel),
        1 => (0u32..45).prop_flat_map(|shift| (0..=1u64 << shift).prop_map(Operation::Advance)),
        1 => (0u64..2_000).prop_map(Operation::Advance),
        3 => Just(Operation::AdvanceToNext),
        1 => (0u64..5_000).prop_map(Operation::AdvanceAndPopOne),
    ]
}

/// The wheel beside the simplest thing that is right.
#[derive(Debug)]
struct Pair {
    wheel: Wheel<u32>,
    /// Deadline and key of each timer; keys count up.
    model: BTreeSet<(Instant, u32)>,
    /// By key.
    handles: Vec<(TimerHandle, Instant)>,
    now: Instant,
    /// Whether timers that were due may have been left behind.
    interrupted: bool,
    /// Whether a timer has ever been cancelled.
    cancelled: bool,
}

impl Pair {
    fn new() -> Pair {
        Pair {
            wheel: Wheel::new(),
            model: BTreeSet::new(),
            handles: Vec::new(),
            now: Instant::ZERO,
            interrupted: false,
            cancelled: false,
        }
    }

    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Arm(span) => {
                let nanos = self.now.as_nanos().saturating_add_signed(span);
                self.arm(at(nanos));
            }
            Operation::ArmAt(nanos) => self.arm(at(nanos)),
            Operation::Cancel(index) => {
                if !self.handles.is_empty() {
                    self.cancel(index.index(self.handles.len()))?;
                }
            }
            Operation::Advance(span) => self.advance(self.now + Duration::from_nanos(span))?,
            Operation::AdvanceToNext => {
                let next = self.wheel.next().unwrap_or(self.now);
                self.advance(next.max(self.now))?;
            }
            Operation::AdvanceAndPopOne(span) => {
                self.now += Duration::from_nanos(span);
                self.interrupted = true;
                self.pop()?;
            }
        }
        self.check()
    }

    fn arm(&mut self, at: Instant) {
        let key = self.handles.len() as u32;
        self.handles.push((self.wheel.arm(key, at), at));
        self.model.insert((at, key));
    }

    fn cancel(&mut self, key: usize) -> Result<(), TestCaseError> {
        let (handle, at) = self.handles[key];
        let running = self.model.remove(&(at, key as u32));
        prop_assert_eq!(self.wheel.cancel(handle), running);
        self.cancelled |= running;
        Ok(())
    }

    /// Takes one timer; says whether there was one.
    fn pop(&mut self) -> Result<bool, TestCaseError> {
        let earliest = self.model.first().copied();
        let Some((key, at)) = self.wheel.pop_due(self.now) else {
            prop_assert!(earliest.is_none_or(|(at, _)| at > self.now));
            return Ok(false);
        };
        prop_assert!(at <= self.now);
        prop_assert!(self.model.remove(&(at, key)));
        if !self.interrupted {
            prop_assert_eq!(Some((at, key)), earliest);
        }
        Ok(true)
    }

    fn advance(&mut self, now: Instant) -> Result<(), TestCaseError> {
        self.now = now;
        while self.pop()? {}
        self.interrupted = false;
        prop_assert!(self.wheel.next().is_none_or(|at| at > now));
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let earliest = self.model.first().map(|(at, _)| *at);
        prop_assert_eq!(self.wheel.len(), self.model.len());
        if self.cancelled {
            let next = self.wheel.next();
            prop_assert!(earliest.is_none_or(|at| next.is_some_and(|next| next <= at)));
        } else {
            prop_assert_eq!(self.wheel.next(), earliest);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn it_does_as_a_sorted_set(
        operations in prop::collection::vec(any_operation(), 0..80),
        cancels: bool,
    ) {
        let mut pair = Pair::new();
        for operation in operations {
            if cancels || !matches!(operation, Operation::Cancel(_)) {
                pair.apply(operation)?;
            }
        }
        // Nothing is lost: in the end all that was not cancelled fires.
        pair.advance(Instant::FAR_FUTURE)?;
        prop_assert_eq!(pair.wheel.len(), 0);
        prop_assert!(pair.model.is_empty() && pair.wheel.next().is_none());
    }
}
