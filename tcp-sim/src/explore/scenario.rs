//! What is explored: two machines, what their applications do, and how it must end.

use super::host::Host;
use super::machine::Machine;
use crate::Side;
use crate::app::pattern;

/// What an application does next. A step that is not possible yet waits; once the connection has
/// failed, those that are left are skipped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// Writes so many bytes, in as many calls as the send buffer makes necessary.
    Write(usize),
    /// Reads so many bytes, in as many calls as it takes.
    Read(usize),
    /// Reads until the stream ends.
    ReadToEnd,
    /// Shuts the writing direction down.
    Shutdown,
    /// Gives the connection up.
    Close,
    /// Ends the connection with a reset.
    Abort,
    /// Opens the next connection of the same four-tuple, once the last one has ended.
    Connect,
    /// Takes the next connection of the same four-tuple from the listener.
    Accept,
}

/// Where the exploration begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Start {
    /// Where the machines are.
    AsGiven,
    /// When all that they have to say has been said without a fault: with the handshake done.
    Established,
}

/// How every schedule must end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ending {
    /// Both sides are established, and all data has arrived.
    Open,
    /// Both sides are closed without an error, and all data has arrived.
    Closed,
    /// The side that aborts is closed. The other is so by a reset; or is established and knows
    /// nothing, if a segment was lost and it has nothing left to say (RFC 9293 §3.5.1, a half-open
    /// connection).
    Reset,
}

/// Whether somebody may forge a segment.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Attacker {
    /// Nobody does.
    #[default]
    Absent,
    /// Once in a schedule, at any step: see the [module](super).
    Present,
}

/// A conversation to explore.
#[derive(Clone, Debug)]
pub struct Scenario<M = Host> {
    /// Its name.
    pub name: &'static str,
    /// A and B.
    pub machines: [M; 2],
    /// What A's and B's application does.
    pub scripts: [Vec<Step>; 2],
    /// Where the exploration begins.
    pub start: Start,
    /// How every schedule must end.
    pub ending: Ending,
    /// Whether somebody may forge a segment.
    pub attacker: Attacker,
    /// What A and B write.
    pub(super) streams: [Vec<u8>; 2],
}

impl<M: Machine> Scenario<M> {
    /// A conversation between these machines.
    pub fn new(
        name: &'static str,
        machines: [M; 2],
        scripts: [Vec<Step>; 2],
        start: Start,
        ending: Ending,
    ) -> Scenario<M> {
        let streams = Side::BOTH.map(|side| {
            let written = scripts[side.index()].iter().map(|step| match step {
                Step::Write(count) => *count,
                _ => 0,
            });
            pattern(1 + side.index() as u64, written.sum())
        });
        Scenario {
            name,
            machines,
            scripts,
            start,
            ending,
            attacker: Attacker::Absent,
            streams,
        }
    }

    /// The same conversation with this attacker.
    pub fn attacked(self, attacker: Attacker) -> Scenario<M> {
        Scenario { attacker, ..self }
    }

    /// The same conversation with something around each machine.
    pub fn map<N: Machine>(self, wrap: impl FnMut(M) -> N) -> Scenario<N> {
        Scenario {
            name: self.name,
            machines: self.machines.map(wrap),
            scripts: self.scripts,
            start: self.start,
            ending: self.ending,
            attacker: self.attacker,
            streams: self.streams,
        }
    }

    /// What `side` writes, from first to last.
    pub(super) fn stream(&self, side: Side) -> &[u8] {
        &self.streams[side.index()]
    }
}
