//! Faults that a script asks for: 'drop the third data segment'.

mod follow;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use follow::Follower;
pub use text::FaultError;

/// What happens to one packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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

/// What a fault counts in its direction, retransmissions included. A segment can be of several
/// kinds: one with data and FIN is both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// Packets of any kind.
    Packet,
    /// Segments with payload.
    Data,
    /// SYN and SYN-ACK.
    Syn,
    /// Segments with FIN.
    Fin,
    /// Segments that only acknowledge: no payload, SYN, FIN or RST.
    Ack,
    /// Segments with RST.
    Rst,
}

/// The faults of one direction: at most one for the n-th packet of each [`Target`].
///
/// As text, and in a scenario's list, one fault is `drop data 3`, `duplicate syn 1`,
/// `delay packet 5 30ms`, `swap data 2 500ms` (past the next one, or by so much) or
/// `corrupt ack 4 17` (the bit). A plan is faults separated by commas.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct FaultPlan {
    faults: BTreeMap<(Target, u64), Fault>,
}

impl FaultPlan {
    /// A perfect link.
    pub fn none() -> FaultPlan {
        FaultPlan::default()
    }

    /// A link that does this to packet `number`, counted from 1, and nothing to the others.
    pub fn on(number: u64, fault: Fault) -> FaultPlan {
        FaultPlan::none().and(number, fault)
    }

    /// The same plan with one more fault.
    pub fn and(self, number: u64, fault: Fault) -> FaultPlan {
        self.and_nth(Target::Packet, number, fault)
    }

    /// The same plan with a fault of the `nth` one, counted from 1, of a kind.
    pub fn and_nth(mut self, target: Target, nth: u64, fault: Fault) -> FaultPlan {
        self.faults.insert((target, nth), fault);
        self
    }

    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault_of(&self, target: Target, nth: u64) -> Option<Fault> {
        self.faults.get(&(target, nth)).copied()
    }
}
