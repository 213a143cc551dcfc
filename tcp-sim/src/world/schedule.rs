//! When which part of a network is due next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tcp_core::Instant;

/// Who may be due. At the same time packets come before timers, those before applications, and
/// each by its index: packets by who receives them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Source {
    /// A direction of a link.
    Link { receiver: u32, link: u32 },
    /// A host's stack.
    Host(u32),
    /// A time that somebody outside has asked for.
    Alarm(u32),
}

/// A heap of times, at most one of which counts for each source: those that no longer do stay in
/// it until they come up.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    heap: BinaryHeap<Reverse<(Instant, Source)>>,
    links: Vec<Option<Instant>>,
    hosts: Vec<Option<Instant>>,
    alarms: Vec<Option<Instant>>,
    sources: usize,
}

impl Schedule {
    /// The source is due at `at`, and not when it was before; never, where that is `None`.
    pub(crate) fn arm(&mut self, source: Source, at: Option<Instant>) {
        let armed = self.armed(source);
        if *armed == at {
            return;
        }
        *armed = at;
        if let Some(at) = at {
            self.heap.push(Reverse((at, source)));
            if self.heap.len() > 8 * self.sources + 1_024 {
                self.forget_stale();
            }
        }
    }

    /// The time of the next source that is due.
    pub(crate) fn peek(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, source))) = self.heap.peek().copied() {
            if *self.armed(source) == Some(at) {
                return Some(at);
            }
            self.heap.pop();
        }
        None
    }

    /// The next source that is due; it is not armed any more.
    pub(crate) fn pop(&mut self) -> Option<(Instant, Source)> {
        self.peek()?;
        let Reverse((at, source)) = self.heap.pop()?;
        *self.armed(source) = None;
        Some((at, source))
    }

    fn armed(&mut self, source: Source) -> &mut Option<Instant> {
        let (table, index) = match source {
            Source::Link { link, .. } => (&mut self.links, link),
            Source::Host(host) => (&mut self.hosts, host),
            Source::Alarm(alarm) => (&mut self.alarms, alarm),
        };
        let index = index as usize;
        if index >= table.len() {
            self.sources += index + 1 - table.len();
            table.resize(index + 1, None);
        }
        &mut table[index]
    }

    /// Sources that are armed again and again at other times must not fill the heap.
    fn forget_stale(&mut self) {
        let mut entries = std::mem::take(&mut self.heap).into_vec();
        entries.retain(|Reverse((at, source))| *self.armed(*source) == Some(*at));
        entries.sort_unstable();
        entries.dedup();
        self.heap = entries.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Option<Instant> {
        Some(Instant::from_millis(millis))
    }

    #[test]
    fn packets_come_before_timers_and_each_by_its_receiver() {
        let link = |receiver, link| Source::Link { receiver, link };
        let order = [
            link(0, 1),
            link(1, 0),
            Source::Host(0),
            Source::Host(1),
            Source::Alarm(0),
        ];
        let mut schedule = Schedule::default();
        for source in order.iter().rev() {
            schedule.arm(*source, at(5));
        }
        schedule.arm(Source::Alarm(7), at(4));
        assert_eq!(
            schedule.pop(),
            Some((Instant::from_millis(4), Source::Alarm(7)))
        );
        for source in order {
            assert_eq!(schedule.pop(), Some((Instant::from_millis(5), source)));
        }
        assert_eq!(schedule.pop(), None);
    }

    #[test]
    fn only_the_last_word_counts() {
        let mut schedule = Schedule::default();
        let source = Source::Host(3);
        for millis in [30, 10, 20, 30] {
            schedule.arm(source, at(millis));
        }
        assert_eq!(schedule.peek(), at(30));
        assert_eq!(schedule.pop(), Some((Instant::from_millis(30), source)));
        assert_eq!(schedule.pop(), None);
        schedule.arm(source, at(40));
        schedule.arm(source, None);
        assert_eq!(schedule.peek(), None);
    }

    #[test]
    fn the_heap_stays_small() {
        let mut schedule = Schedule::default();
        for step in 0..100_000 {
            schedule.arm(Source::Host(0), at(1_000_000 - step));
            schedule.arm(Source::Host(1), at(2_000_000 - step % 2));
        }
        assert!(schedule.heap.len() < 2_000, "{}", schedule.heap.len());
        assert_eq!(
            schedule.pop().map(|(_, source)| source),
            Some(Source::Host(0))
        );
        assert_eq!(
            schedule.pop().map(|(_, source)| source),
            Some(Source::Host(1))
        );
        assert_eq!(schedule.pop(), None);
    }
}
