//! The reassembly of a stream against one of bytes.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::reassembly::{Inserted, Reassembly};
use crate::wire::Payload;

/// What may happen to a stream.
#[derive(Clone, Debug)]
pub enum Step {
    /// Bytes arrive, so far from the next that is wanted; they are all `fill`.
    Insert {
        /// From the next byte that is wanted.
        ahead: i64,
        /// How many.
        len: usize,
        /// What they are.
        fill: u8,
    },
    /// So many are read.
    Read(usize),
    /// What lies beyond holes is dropped.
    Forget,
}

/// Room for 16 ranges.
const CAPACITY: usize = 1 << 11;
const MOST_RANGES: usize = 16;

/// Any step.
pub fn any_step() -> impl Strategy<Value = Step> {
    let insert = (-200i64..1_000, 0usize..300, any::<u8>());
    prop_oneof![
        12 => insert.prop_map(|(ahead, len, fill)| Step::Insert { ahead, len, fill }),
        2 => (0usize..500).prop_map(Step::Read),
        1 => Just(Step::Forget),
    ]
}

/// Any steps, fewer than this.
pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any_step(), 0..most)
}

/// A stream of bytes: those that were received and not read, by their offsets.
struct Naive {
    read: u64,
    held: BTreeMap<u64, u8>,
}

impl Naive {
    fn nxt(&self) -> u64 {
        let mut nxt = self.read;
        while self.held.contains_key(&nxt) {
            nxt += 1;
        }
        nxt
    }

    /// How many separate ranges lie beyond a hole.
    fn ranges(&self) -> usize {
        let begins = |offset: &u64| !self.held.contains_key(&(offset - 1));
        let beyond = self.held.range(self.nxt() + 1..);
        beyond.filter(|(offset, _)| begins(offset)).count()
    }

    /// What is held stays as it is.
    fn insert(&mut self, start: u64, len: usize, fill: u8) {
        for offset in start..start + len as u64 {
            if offset >= self.read {
                self.held.entry(offset).or_insert(fill);
            }
        }
    }

    fn take(&mut self, most: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(byte) = self.held.remove(&self.read)
        {
            self.read += 1;
            taken.push(byte);
        }
        taken
    }
}

/// Takes all steps: after each the stream holds the same bytes as the naive one, and in no more ranges than it may.
pub fn survive(steps: &[Step]) {
    let mut stream = Reassembly::new(1_000, CAPACITY);
    let mut naive = Naive {
        read: 1_000,
        held: BTreeMap::new(),
    };
    for step in steps {
        match *step {
            Step::Insert { ahead, len, fill } => {
                let start = naive.nxt().saturating_add_signed(ahead);
                insert(&mut stream, &mut naive, start, len, fill);
            }
            Step::Read(most) => {
                let mut buf = vec![0; most];
                let count = stream.read(&mut buf);
                assert_eq!(buf[..count], naive.take(most));
            }
            Step::Forget => {
                stream.forget_beyond();
                let nxt = naive.nxt();
                naive.held.retain(|offset, _| *offset < nxt);
            }
        }
        assert_eq!(stream.nxt(), naive.nxt());
        assert_eq!(stream.read_offset(), naive.read);
        assert_eq!(stream.is_empty(), naive.held.is_empty());
        assert_eq!(stream.beyond().len(), naive.ranges());
        assert!(naive.ranges() <= MOST_RANGES);
    }
}

fn insert(stream: &mut Reassembly, naive: &mut Naive, start: u64, len: usize, fill: u8) {
    let (nxt, ranges) = (naive.nxt(), naive.ranges());
    let bytes = vec![fill; len];
    let (first, second) = bytes.split_at(len / 3);
    match stream.insert(start, Payload::new(first, second)) {
        Inserted::Refused => {
            assert_eq!(ranges, MOST_RANGES, "refused for no reason");
            let mut around = start - 1..=start + len as u64;
            let touches = around.any(|offset| naive.held.contains_key(&offset));
            assert!(start > nxt && !touches, "it would join others");
        }
        Inserted::Beyond => {
            naive.insert(start, len, fill);
            assert_eq!(naive.nxt(), nxt);
        }
        Inserted::InOrder(count) => {
            naive.insert(start, len, fill);
            assert_eq!(naive.nxt() - nxt, count);
        }
    }
}
