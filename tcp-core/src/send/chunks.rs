//! The send queue as Linux keeps it: what has not been sent lies in chunks, as in its socket buffers.
//!
//! A write fills the last chunk, as long as it is not full, and then begins others. No segment reaches from one
//! chunk into the next, so that what was written when still shows on the wire.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::pack::Pack;

/// Where chunks end.
///
/// ```text
///      nxt      closed      closed       end
///   ----+---------+-----------+-----------+
///       |  chunk  |   chunk   | the last  |
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Chunks {
    /// Bytes that each chunk, sent or not, counts beside its payload.
    overhead: u32,
    /// Ends of chunks that take no more, and whether PSH belongs there.
    closed: VecDeque<(u64, bool)>,
    /// Whether PSH belongs at the end of the last.
    push: bool,
    /// Where segments ended that went with PSH and are not acknowledged: what is sent again keeps it.
    pushed: VecDeque<u64>,
}

/// Those of a connection that has nothing to send.
impl Pack for Chunks {
    fn pack(&self, bytes: &mut Vec<u8>) {
        debug_assert!(
            self.closed.is_empty() && self.pushed.is_empty(),
            "what is at rest holds nothing"
        );
        (self.overhead, self.push).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (overhead, push) = Pack::unpack(bytes);
        Chunks {
            overhead,
            closed: VecDeque::new(),
            push,
            pushed: VecDeque::new(),
        }
    }
}

/// What is unsent, and how large a chunk may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsent {
    pub(crate) nxt: u64,
    /// The offset after the last byte written.
    pub(crate) end: u64,
    /// Bytes of a full chunk (`size_goal`).
    pub(crate) goal: u64,
}

impl Chunks {
    pub(crate) fn new(overhead: u32) -> Chunks {
        Chunks {
            overhead,
            closed: VecDeque::new(),
            push: false,
            pushed: VecDeque::new(),
        }
    }

    /// Bytes that `held` bytes of payload, `sent` of whose chunks are in the network, count.
    pub(crate) fn charge(&self, held: u64, sent: usize, unsent: Unsent) -> u64 {
        let open = u64::from(self.last_len(unsent) > 0);
        let chunks = sent as u64 + self.closed.len() as u64 + open;
        held + chunks * u64::from(self.overhead)
    }

    /// Bytes that a write may bring, where what is there counts `charge` bytes of `capacity`: what the last
    /// chunk takes, and whole chunks that begin below the capacity.
    pub(crate) fn room(&self, charge: u64, capacity: u64, unsent: Unsent) -> u64 {
        let rest = self.rest_of_last(unsent);
        let full = unsent.goal + u64::from(self.overhead);
        let chunks = capacity.saturating_sub(charge + rest).div_ceil(full);
        rest + chunks * unsent.goal
    }

    /// The same, where chunks begin only in the next `more` bytes.
    pub(crate) fn room_below(&self, more: u64, unsent: Unsent) -> u64 {
        let rest = self.rest_of_last(unsent);
        rest + more.saturating_sub(rest).next_multiple_of(unsent.goal)
    }

    /// Something was written, after which `unsent` is so; `pushed` is where PSH was last asked for, and `half` is half
    /// of the largest window: so much does not go without.
    pub(crate) fn on_written(&mut self, unsent: Unsent, pushed: &mut u64, half: u64) {
        let mut start = self.last_start(unsent.nxt);
        while unsent.end - start > unsent.goal {
            start += unsent.goal;
            let push = start > *pushed + half;
            if push {
                *pushed = start;
            }
            self.closed.push_back((start, push));
        }
        self.push = true;
        *pushed = unsent.end;
    }

    /// What was written last is to be followed soon: it does not ask for PSH.
    pub(crate) fn expect_more(&mut self) {
        self.push = false;
    }

    /// What was written last has waited in vain for what follows it.
    pub(crate) fn expect_no_more(&mut self) {
        self.push = true;
    }

    /// What is written from now on must not follow in the same segment (`MSG_EOR`).
    pub(crate) fn end_record(&mut self, unsent: Unsent) {
        if self.last_len(unsent) > 0 {
            self.closed.push_back((unsent.end, self.push));
        }
    }

    /// Everything before `nxt` was sent.
    pub(crate) fn on_sent(&mut self, nxt: u64) {
        while self.closed.front().is_some_and(|(end, _)| *end <= nxt) {
            self.closed.pop_front();
        }
    }

    /// Where the first unsent chunk ends.
    pub(crate) fn first_end(&self, unsent_end: u64) -> u64 {
        self.closed.front().map_or(unsent_end, |(end, _)| *end)
    }

    /// Whether PSH belongs on a segment that ends at `at`, before it is sent. One that takes several chunks has it
    /// where one of them does.
    pub(crate) fn pushes_at(&self, at: u64, end: u64) -> bool {
        let mut taken = self.closed.iter().take_while(|(closed, _)| *closed <= at);
        taken.any(|(_, push)| *push) || (at == end && self.push && !self.closes_at(at))
    }

    fn closes_at(&self, at: u64) -> bool {
        self.closed.front().is_some_and(|(closed, _)| *closed == at)
    }

    /// A segment that ends at `end` went for the first time, with PSH.
    pub(crate) fn on_pushed(&mut self, end: u64) {
        self.pushed.push_back(end);
    }

    /// Everything before `una` is acknowledged.
    pub(crate) fn on_acknowledged(&mut self, una: u64) {
        while self.pushed.front().is_some_and(|end| *end <= una) {
            self.pushed.pop_front();
        }
    }

    /// Whether a segment of `start..end` that went with PSH, or the end of one, is sent again: one may hold several.
    pub(crate) fn was_pushed(&self, start: u64, end: u64) -> bool {
        let first = self.pushed.partition_point(|pushed| *pushed <= start);
        self.pushed.get(first).is_some_and(|pushed| *pushed <= end)
    }

    pub(crate) fn clear(&mut self) {
        self.closed = VecDeque::new();
        self.pushed = VecDeque::new();
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.closed.capacity() * size_of::<(u64, bool)>()
            + self.pushed.capacity() * size_of::<u64>()
    }

    fn last_start(&self, nxt: u64) -> u64 {
        self.closed.back().map_or(nxt, |(end, _)| (*end).max(nxt))
    }

    fn last_len(&self, unsent: Unsent) -> u64 {
        unsent.end.saturating_sub(self.last_start(unsent.nxt))
    }

    /// Bytes that the last chunk takes, or where it is full the next.
    pub(crate) fn next_len(&self, unsent: Unsent) -> u64 {
        match self.rest_of_last(unsent) {
            0 => unsent.goal,
            rest => rest,
        }
    }

    fn rest_of_last(&self, unsent: Unsent) -> u64 {
        match self.last_len(unsent) {
            0 => 0,
            len => unsent.goal.saturating_sub(len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsent(nxt: u64, end: u64) -> Unsent {
        Unsent {
            nxt,
            end,
            goal: 25_000,
        }
    }

    /// The arithmetic of a blocking write on Linux: SO_SNDBUF 42000, chunks of 25000, 10000 sent at once.
    #[test]
    fn a_write_fills_chunks_that_begin_below_the_capacity() {
        let mut chunks = Chunks::new(1_280);
        let mut pushed = 1;
        let charge = chunks.charge(0, 0, unsent(1, 1));
        assert_eq!(chunks.room(charge, 42_000, unsent(1, 1)), 50_000);
        chunks.on_written(unsent(1, 25_001), &mut pushed, 25_000);
        chunks.on_sent(10_001);
        let charge = chunks.charge(25_000, 2, unsent(10_001, 25_001));
        assert_eq!(charge, 25_000 + 3 * 1_280);
        let room = chunks.room(charge, 42_000, unsent(10_001, 25_001));
        assert_eq!(room, 10_000 + 25_000);
        chunks.on_written(unsent(10_001, 60_001), &mut pushed, 25_000);
        assert_eq!(chunks.first_end(60_001), 35_001);
        let charge = chunks.charge(60_000, 2, unsent(10_001, 60_001));
        assert_eq!(chunks.room(charge, 42_000, unsent(10_001, 60_001)), 0);
        chunks.on_sent(35_001);
        assert_eq!(chunks.first_end(60_001), 60_001);
    }

    #[test]
    fn push_belongs_at_the_end_of_a_write_and_after_half_a_window() {
        let mut chunks = Chunks::new(0);
        let mut pushed = 1;
        chunks.on_written(unsent(1, 60_001), &mut pushed, 40_000);
        assert!(!chunks.pushes_at(25_001, 60_001));
        chunks.on_sent(25_001);
        assert!(
            chunks.pushes_at(50_001, 60_001),
            "more than half a window went without"
        );
        chunks.on_sent(50_001);
        assert!(chunks.pushes_at(60_001, 60_001) && !chunks.pushes_at(55_001, 60_001));
        chunks.expect_more();
        assert!(!chunks.pushes_at(60_001, 60_001));
    }

    #[test]
    fn what_is_sent_again_keeps_its_push() {
        let mut chunks = Chunks::new(0);
        for end in [201, 301, 901] {
            chunks.on_pushed(end);
        }
        assert!(chunks.was_pushed(101, 201) && chunks.was_pushed(101, 301));
        assert!(!chunks.was_pushed(301, 900), "the first part of one");
        assert!(chunks.was_pushed(900, 901));
        chunks.on_acknowledged(301);
        assert!(!chunks.was_pushed(101, 301) && chunks.was_pushed(301, 901));
    }

    #[test]
    fn a_record_ends_where_the_user_says() {
        let mut chunks = Chunks::new(0);
        let mut pushed = 1;
        chunks.end_record(unsent(1, 1));
        chunks.on_written(unsent(1, 101), &mut pushed, 40_000);
        chunks.end_record(unsent(1, 101));
        chunks.on_written(unsent(1, 201), &mut pushed, 40_000);
        assert_eq!(chunks.first_end(201), 101);
        assert!(chunks.pushes_at(101, 201));
    }

    #[test]
    fn what_the_marks_hold_counts() {
        let mut chunks = Chunks::new(0);
        assert_eq!(chunks.memory(), 0);
        let mut pushed = 1;
        chunks.on_written(unsent(1, 100 * 25_000), &mut pushed, 0);
        let closed = chunks.memory();
        let one = size_of::<(u64, bool)>();
        assert!((99 * one..=200 * one).contains(&closed), "{closed}");
        for end in 0..100 {
            chunks.on_pushed(end);
        }
        let pushes = chunks.memory() - closed;
        assert!((800..=1_600).contains(&pushes), "{pushes}");
        chunks.clear();
        assert_eq!(chunks.memory(), 0);
    }
}
