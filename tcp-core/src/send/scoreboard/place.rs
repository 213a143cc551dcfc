//! Where in the queue of runs an offset lies.

use alloc::collections::VecDeque;

use super::sent::Sent;

/// From so many runs on it pays to guess first: they no longer all fit into the processor's nearest cache.
const MANY_RUNS: usize = 64;

/// Index of the first run that ends after `offset`.
///
/// Runs are much alike in length, so that the place follows from the offset, or nearly so. The search begins there and doubles
/// its steps until it has gone past: a few looks where the guess is good, and never more than twice those of a
/// search by halves.
pub(super) fn index_of(sent: &VecDeque<Sent>, offset: u64) -> usize {
    let ends_by = |sent: &Sent| sent.end <= offset;
    let count = sent.len();
    let (Some(first), Some(last)) = (sent.front(), sent.back()) else {
        return 0;
    };
    if !ends_by(first) {
        return 0;
    }
    if ends_by(last) {
        return count;
    }
    if count < MANY_RUNS {
        return sent.partition_point(ends_by);
    }
    let (ahead, length) = (offset - first.start, last.end - first.start);
    let guess = u128::from(ahead) * count as u128 / u128::from(length.max(1));
    let guess = (guess as usize).min(count - 1);
    // All below `low` end by the offset, and what is at `high` does not.
    let (mut low, mut high, mut step) = (0, count - 1, 1);
    if ends_by(&sent[guess]) {
        low = guess + 1;
        while low < high && ends_by(&sent[(low + step - 1).min(high)]) {
            low = (low + step).min(high);
            step *= 2;
        }
        high = high.min(low + step - 1);
    } else {
        high = guess;
        while high > low && !ends_by(&sent[high.saturating_sub(step)]) {
            high = high.saturating_sub(step);
            step *= 2;
        }
        low = low.max((high + 1).saturating_sub(step));
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if ends_by(&sent[middle]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::{Pieces, Scoreboard, SendStamp};
    use super::*;
    use crate::time::Instant;
    use proptest::prelude::*;

    fn board(lengths: &[u64]) -> Scoreboard {
        let (mut board, mut at) = (Scoreboard::default(), 1_000);
        for len in lengths {
            let range = at..at + len;
            board.push(range, Pieces::ONE, Instant::ZERO, SendStamp::default());
            at += len;
        }
        board
    }

    fn check(lengths: &[u64]) {
        let board = board(lengths);
        let total: u64 = lengths.iter().sum();
        let step = total as usize / 500 + 1;
        for offset in (990..1_010 + total).step_by(step) {
            let right = board.sent.partition_point(|sent| sent.end <= offset);
            assert_eq!(index_of(&board.sent, offset), right, "{offset}");
        }
    }

    #[test]
    fn the_guess_may_be_as_wrong_as_it_likes() {
        check(&[]);
        check(&[100]);
        check(&[100; 1_000]);
        let long_first: Vec<u64> = (0..300).map(|it| if it < 3 { 60_000 } else { 1 }).collect();
        let long_last: Vec<u64> = long_first.iter().rev().copied().collect();
        check(&long_first);
        check(&long_last);
    }

    proptest! {
        #[test]
        fn it_is_found_as_by_halves(
            lengths in prop::collection::vec(prop_oneof![1u64..10, 1_000u64..60_000], 1..400),
        ) {
            check(&lengths);
        }
    }
}
