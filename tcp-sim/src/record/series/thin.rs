//! A list in time order that merges neighbours rather than grow without bound.

use tcp_core::Instant;

/// An entry of a [`Thinned`] list.
pub trait Point: Clone {
    /// When it happened.
    fn at(&self) -> Instant;

    /// Takes a later entry in, so that both are seen in this one.
    fn absorb(&mut self, later: Self);
}

/// At most so many entries in time order. When there are more, time is cut into pieces of equal
/// width, and the entries of a piece become one; where that is not enough, the width doubles.
#[derive(Clone, Debug)]
pub struct Thinned<P> {
    points: Vec<P>,
    limit: usize,
    /// Nanoseconds; zero while every entry stands by itself.
    width: u64,
}

impl<P: Point> Thinned<P> {
    /// An empty list of at most `limit` entries, at least 2.
    pub fn new(limit: usize) -> Thinned<P> {
        Thinned {
            points: Vec::new(),
            limit: limit.max(2),
            width: 0,
        }
    }

    /// Appends an entry, no earlier than the last one.
    pub fn push(&mut self, point: P) {
        let width = self.width;
        match self.points.last_mut() {
            Some(last) if share_a_piece(last, &point, width) => last.absorb(point),
            _ => self.points.push(point),
        }
        self.keep_to_limit();
    }

    /// Puts an entry where its time belongs.
    pub fn insert(&mut self, point: P) {
        let index = self.points.partition_point(|it| it.at() <= point.at());
        if index == self.points.len() {
            return self.push(point);
        }
        self.points.insert(index, point);
        self.keep_to_limit();
    }

    /// The entries, oldest first.
    pub fn points(&self) -> &[P] {
        &self.points
    }

    /// The entries, to be changed where their time stays.
    pub fn points_mut(&mut self) -> &mut [P] {
        &mut self.points
    }

    /// Whether entries have been merged.
    pub fn is_merged(&self) -> bool {
        self.width > 0
    }

    /// Holds at most `limit` entries from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(2);
        self.keep_to_limit();
    }

    /// The same list with at most `limit` entries.
    pub fn thinned_to(&self, limit: usize) -> Thinned<P> {
        let mut thinner = self.clone();
        thinner.set_limit(limit);
        thinner
    }

    fn keep_to_limit(&mut self) {
        if self.points.len() > self.limit {
            // With room to spare, this is not done again at the next entry.
            self.merge_down_to(self.limit * 3 / 4);
        }
    }

    fn merge_down_to(&mut self, count: usize) {
        while self.points.len() > count {
            self.width = match self.width {
                0 => self.finest_width(),
                width => width.saturating_mul(2),
            };
            let width = self.width;
            let mut merged: Vec<P> = Vec::with_capacity(self.limit);
            for point in self.points.drain(..) {
                match merged.last_mut() {
                    Some(last) if share_a_piece(last, &point, width) => last.absorb(point),
                    _ => merged.push(point),
                }
            }
            self.points = merged;
        }
    }

    /// Where to begin: far below the mean distance, since what comes in bursts stands much closer.
    fn finest_width(&self) -> u64 {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return 1;
        };
        let span = last.at().as_nanos().saturating_sub(first.at().as_nanos());
        (span / self.limit as u64 / FINEST).max(1)
    }
}

fn share_a_piece<P: Point>(one: &P, other: &P, width: u64) -> bool {
    let piece = |point: &P| point.at().as_nanos().checked_div(width);
    width > 0 && piece(one) == piece(other)
}

/// How much smaller than the mean distance of entries the first width is.
const FINEST: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// When the first was, and how many there are.
    #[derive(Clone, PartialEq, Debug)]
    struct Counted(u64, u64);

    impl Point for Counted {
        fn at(&self) -> Instant {
            Instant::from_nanos(self.0)
        }

        fn absorb(&mut self, later: Counted) {
            self.1 += later.1;
        }
    }

    #[test]
    fn nothing_is_merged_that_has_room() {
        let mut list = Thinned::new(4);
        for _ in 0..4 {
            list.push(Counted(7, 1));
        }
        assert_eq!(list.points().len(), 4);
        assert!(!list.is_merged());
        assert_eq!(list.thinned_to(2).points(), [Counted(7, 4)]);
    }

    #[test]
    fn a_late_comer_stands_where_its_time_is() {
        let mut list = Thinned::new(3);
        for at in [1, 9, 5] {
            list.insert(Counted(at, 1));
        }
        let times: Vec<u64> = list.points().iter().map(|it| it.0).collect();
        assert_eq!(times, [1, 5, 9]);
        list.insert(Counted(4, 1));
        assert!(list.points().len() <= 3);
        assert!(list.points().is_sorted_by_key(|it| it.0));
    }

    proptest! {
        #[test]
        fn the_limit_holds_and_nothing_is_lost(
            mut times in prop::collection::vec(0u64..100_000, 1..400),
            limit in 2usize..40,
        ) {
            times.sort_unstable();
            let mut list = Thinned::new(limit);
            for at in &times {
                list.push(Counted(*at, 1));
                prop_assert!(list.points().len() <= limit);
            }
            let sum = |list: &Thinned<Counted>| list.points().iter().map(|it| it.1).sum::<u64>();
            prop_assert_eq!(sum(&list), times.len() as u64);
            prop_assert!(list.points().is_sorted_by_key(|it| it.0));
            prop_assert_eq!(list.is_merged(), times.len() > limit);
            let thinner = list.thinned_to(3);
            prop_assert!(thinner.points().len() <= 3);
            prop_assert_eq!(sum(&thinner), times.len() as u64);
        }
    }
}
