//! Faults that a script asks for: 'drop the third packet'.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What happens to one packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Fault {
    /// It is lost.
    Drop,
    /// It arrives twice, one copy right after the other.
    Duplicate,
    /// It arrives later by this much.
    Delay(Duration),
    /// It arrives right after the next packet of its direction; without a next one, later by this
    /// much.
    PastNext(Duration),
    /// One bit of its TCP header or payload is inverted: this one, counted from the first bit of
    /// the TCP header, round and round.
    Corrupt(usize),
}

/// The faults of one direction, by the number of the packet. The first packet is number 1.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct FaultPlan {
    faults: BTreeMap<u64, Fault>,
}

impl FaultPlan {
    /// A perfect link.
    pub fn none() -> FaultPlan {
        FaultPlan::default()
    }

    /// A link that does this to packet `number` and nothing to the others.
    pub fn on(number: u64, fault: Fault) -> FaultPlan {
        FaultPlan::none().and(number, fault)
    }

    /// The same plan with one more fault.
    pub fn and(mut self, number: u64, fault: Fault) -> FaultPlan {
        self.faults.insert(number, fault);
        self
    }

    /// What happens to packet `number`.
    pub fn fault_of(&self, number: u64) -> Option<Fault> {
        self.faults.get(&number).copied()
    }
}
