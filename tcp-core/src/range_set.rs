//! Sorted disjoint ranges of stream offsets.

use alloc::collections::BTreeMap;
use core::ops::Bound::{Excluded, Unbounded};
use core::ops::Range;

/// A set of stream offsets, kept as half-open ranges that neither overlap nor touch.
///
/// ```text
///   insert 0..3, 5..7       [0 1 2]   .   .  [5 6]
///   insert 3..4             [0 1 2 3]     .  [5 6]
///   insert 4..5             [0 1 2 3 4 5 6]
/// ```
///
/// Every operation costs O(log n) in the number of ranges, plus as much for each range that it
/// removes. An empty set owns no memory.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct RangeSet {
    /// Start to end of each range; `start < end`, and `end` below the next start.
    ranges: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// Adds `range`; says how many of its offsets are new. An empty range adds nothing.
    pub(crate) fn insert(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        // The last to start by its end. The common case, a segment that follows the one before it: that range grows in
        // place, and touches no other. Where it does not even reach the new one, none does.
        match self.ranges.range_mut(..=range.end).next_back() {
            Some((start, end)) if *start <= range.start && *end >= range.start => {
                let added = range.end.saturating_sub(*end);
                *end = range.end.max(*end);
                return added;
            }
            Some((_, end)) if *end >= range.start => {}
            _ => {
                self.ranges.insert(range.start, range.end);
                return range.end - range.start;
            }
        }
        let mut merged = range;
        let mut known = 0;
        while let Some((&start, &end)) = self.ranges.range(..=merged.end).next_back()
            && end >= merged.start
        {
            self.ranges.remove(&start);
            known += end - start;
            merged = merged.start.min(start)..merged.end.max(end);
        }
        let added = merged.end - merged.start - known;
        self.ranges.insert(merged.start, merged.end);
        added
    }

    /// Adds a range that no other touches, as the caller knows; an empty one adds nothing.
    pub(crate) fn insert_apart(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        debug_assert!(!self.touches(&range), "another range touches it");
        self.ranges.insert(range.start, range.end);
    }

    /// Whether a range overlaps this one, or touches it.
    pub(crate) fn touches(&self, range: &Range<u64>) -> bool {
        let last = self.ranges.range(..=range.end).next_back();
        last.is_some_and(|(_, &end)| end >= range.start)
    }

    /// If a range holds `from`, removes it, and with it what it holds below `from`, and gives its
    /// end; else gives `from`: how far a stream that is in order up to `from` has come.
    pub(crate) fn pop_contiguous(&mut self, from: u64) -> u64 {
        match self.range_at(from) {
            Some(range) if range.end > from => {
                self.ranges.remove(&range.start);
                self.release_if_empty();
                range.end
            }
            _ => from,
        }
    }

    /// Removes every offset below `offset`.
    pub(crate) fn remove_below(&mut self, offset: u64) {
        while let Some((&start, &end)) = self.ranges.first_key_value()
            && start < offset
        {
            self.ranges.pop_first();
            if end > offset {
                self.ranges.insert(offset, end);
            }
            self.release_if_empty();
        }
    }

    /// The range that holds `offset` or ends at it.
    pub(crate) fn range_at(&self, offset: u64) -> Option<Range<u64>> {
        let (&start, &end) = self.ranges.range(..=offset).next_back()?;
        (end >= offset).then_some(start..end)
    }

    /// The first range that starts after `offset`.
    pub(crate) fn next_after(&self, offset: u64) -> Option<Range<u64>> {
        let (&start, &end) = self.ranges.range((Excluded(offset), Unbounded)).next()?;
        Some(start..end)
    }

    /// The lowest range.
    pub(crate) fn first(&self) -> Option<Range<u64>> {
        self.iter().next()
    }

    /// The highest range.
    pub(crate) fn last(&self) -> Option<Range<u64>> {
        self.iter().next_back()
    }

    /// The ranges from the lowest to the highest.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Range<u64>> + '_ {
        self.ranges.iter().map(|(&start, &end)| start..end)
    }

    /// Bytes of memory, or a little more: a node of the tree is half full at least.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.ranges.len() * RANGE_MEMORY
    }

    /// Number of ranges.
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is no range.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// A map that had entries keeps a node; an idle connection shall not.
    fn release_if_empty(&mut self) {
        if self.ranges.is_empty() {
            self.ranges = BTreeMap::new();
        }
    }
}

/// Bytes that a range costs at most: its two ends in a node that is half empty, and the node's share of those above.
pub(crate) const RANGE_MEMORY: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// Offsets that the tests draw from: few, so that ranges meet in every way.
    const OFFSETS: Range<u64> = 0..48;

    #[derive(Clone, Debug)]
    enum Operation {
        Insert(Range<u64>),
        PopContiguous(u64),
        RemoveBelow(u64),
    }

    fn any_operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            6 => (OFFSETS, 0u64..12).prop_map(|(start, len)| Operation::Insert(start..start + len)),
            1 => OFFSETS.prop_map(Operation::PopContiguous),
            1 => OFFSETS.prop_map(Operation::RemoveBelow),
        ]
    }

    /// The simplest thing that is right: a set of offsets.
    #[derive(Default)]
    struct Model(BTreeSet<u64>);

    impl Model {
        fn ranges(&self) -> Vec<Range<u64>> {
            let mut ranges: Vec<Range<u64>> = Vec::new();
            for &offset in &self.0 {
                match ranges.last_mut() {
                    Some(last) if last.end == offset => last.end += 1,
                    _ => ranges.push(offset..offset + 1),
                }
            }
            ranges
        }

        fn insert(&mut self, range: Range<u64>) -> u64 {
            range.filter(|&offset| self.0.insert(offset)).count() as u64
        }

        fn pop_contiguous(&mut self, from: u64) -> u64 {
            let Some(range) = self
                .ranges()
                .into_iter()
                .find(|range| range.contains(&from))
            else {
                return from;
            };
            self.0.retain(|offset| !range.contains(offset));
            range.end
        }
    }

    fn check_queries(set: &RangeSet, model: &Model) -> Result<(), TestCaseError> {
        let ranges = model.ranges();
        prop_assert_eq!(&set.iter().collect::<Vec<_>>(), &ranges);
        prop_assert_eq!(set.len(), ranges.len());
        prop_assert_eq!(set.is_empty(), ranges.is_empty());
        prop_assert_eq!(set.first(), ranges.first().cloned());
        prop_assert_eq!(set.last(), ranges.last().cloned());
        for offset in OFFSETS {
            let at = ranges
                .iter()
                .find(|range| range.start <= offset && offset <= range.end);
            let after = ranges.iter().find(|range| range.start > offset);
            prop_assert_eq!(set.range_at(offset), at.cloned());
            prop_assert_eq!(set.next_after(offset), after.cloned());
            let wanted = offset..offset + 3;
            let met = ranges
                .iter()
                .any(|it| it.start <= wanted.end && wanted.start <= it.end);
            prop_assert_eq!(set.touches(&wanted), met);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn it_does_as_a_set_of_offsets(
            operations in prop::collection::vec(any_operation(), 0..40),
        ) {
            let mut set = RangeSet::default();
            let mut model = Model::default();
            for operation in operations {
                match operation {
                    Operation::Insert(range) => {
                        prop_assert_eq!(set.insert(range.clone()), model.insert(range));
                    }
                    Operation::PopContiguous(from) => {
                        prop_assert_eq!(set.pop_contiguous(from), model.pop_contiguous(from));
                    }
                    Operation::RemoveBelow(offset) => {
                        set.remove_below(offset);
                        model.0.retain(|&held| held >= offset);
                    }
                }
                check_queries(&set, &model)?;
            }
        }

        #[test]
        fn the_order_of_insertion_does_not_matter(
            ranges in prop::collection::vec((OFFSETS, 0u64..12), 0..20),
        ) {
            let insert_all = |set: &mut RangeSet, (start, len): (u64, u64)| {
                set.insert(start..start + len);
            };
            let (mut forth, mut back) = (RangeSet::default(), RangeSet::default());
            ranges.iter().for_each(|&range| insert_all(&mut forth, range));
            ranges.iter().rev().for_each(|&range| insert_all(&mut back, range));
            prop_assert_eq!(forth, back);
        }
    }

    #[test]
    fn a_range_that_bridges_others_counts_only_the_gaps() {
        let mut set = RangeSet::default();
        assert_eq!(set.insert(10..20), 10);
        assert_eq!(set.insert(30..40), 10);
        assert_eq!(set.insert(50..60), 10);
        assert_eq!(set.insert(5..55), 25);
        assert!(set.iter().eq(core::iter::once(5..60)));
    }

    #[test]
    fn the_ends_of_the_range_of_offsets_are_reachable() {
        let mut set = RangeSet::default();
        assert_eq!(set.insert(u64::MAX - 1..u64::MAX), 1);
        assert_eq!(set.insert(0..u64::MAX), u64::MAX - 1);
        assert_eq!(set.range_at(u64::MAX), Some(0..u64::MAX));
        assert_eq!(set.next_after(u64::MAX), None);
        assert_eq!(set.pop_contiguous(0), u64::MAX);
        assert!(set.is_empty());
    }
}
