//! What becomes of packets: as it is known when one is sent, and as it turns out.

use std::fmt;
use std::time::Duration;

use super::fault::Fault;

/// What became of a packet that was sent, as far as sending it decides that.
///
/// A queue may drop it at its head later, and so may a link whose middlebox made several packets of
/// it, or one of several: [`LinkEvent::Dropped`] tells.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Fate {
    /// The packet's number in its direction; the first is 1.
    pub number: u64,
    /// What the plan did to it.
    pub fault: Option<Fault>,
    /// Why it will not arrive.
    pub dropped: Option<DropReason>,
    /// How often it arrives beside the first time, by chance.
    pub copies: u8,
    /// How much later than those around it, by chance; they may pass it.
    pub late: Option<Duration>,
    /// Which bit behind its IP header is inverted, by chance.
    pub corrupted: Option<usize>,
    /// Whether the queue marked it 'congestion experienced' as it came in.
    pub marked: bool,
    /// What the middlebox made of it.
    pub handling: Handling,
}

impl Fate {
    /// The fate of a packet to which nothing happens.
    pub fn unharmed(number: u64) -> Fate {
        Fate {
            number,
            ..Fate::default()
        }
    }

    /// Whether what arrives may be other bytes than those that were sent, marks of queues aside.
    pub fn may_be_altered(&self) -> bool {
        self.corrupted.is_some()
            || matches!(self.fault, Some(Fault::Corrupt(_)))
            || self.handling != Handling::Untouched
    }
}

/// What a middlebox made of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Handling {
    /// It went through as it was.
    #[default]
    Untouched,
    /// Its header has changed.
    Rewritten,
    /// It became so many packets.
    Split(u16),
    /// It waits for those that follow it, to become one with them.
    Held,
}

/// Why a packet does not arrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DropReason {
    /// The plan says so.
    Script,
    /// Loss at random.
    Loss,
    /// It was sent in a blackhole's time.
    Blackhole,
    /// The queue had no room.
    QueueFull,
    /// Active queue management.
    Aqm,
    /// It is larger than the MTU.
    TooBig,
}

/// Something that happened on a link after a packet was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkEvent {
    /// A packet came to the end of the link.
    Arrived(Vec<u8>),
    /// A packet that was taken will not arrive.
    Dropped(Vec<u8>, DropReason),
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DropReason::Script => "dropped",
            DropReason::Loss => "lost",
            DropReason::Blackhole => "lost in a blackhole",
            DropReason::QueueFull => "dropped, queue full",
            DropReason::Aqm => "dropped by queue management",
            DropReason::TooBig => "dropped, too big",
        })
    }
}

/// What happened to the packet, in words, separated by commas; nothing where nothing did.
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = Vec::new();
        match self.handling {
            Handling::Untouched => {}
            Handling::Rewritten => words.push("rewritten".into()),
            Handling::Split(parts) => words.push(format!("split into {parts}")),
            Handling::Held => words.push("held to be merged".into()),
        }
        match self.fault {
            // The reason of the drop says it.
            None | Some(Fault::Drop) => {}
            Some(Fault::Duplicate) => words.push("duplicated".into()),
            Some(Fault::Delay(by)) => words.push(format!("delayed by {by:?}")),
            Some(Fault::PastNext(_)) => words.push("delayed past the next".into()),
            Some(Fault::Corrupt(bit)) => words.push(format!("bit {bit} inverted")),
        }
        if self.marked {
            words.push("marked".into());
        }
        if self.copies > 0 {
            words.push("duplicated".into());
        }
        if let Some(by) = self.late {
            words.push(format!("late by {by:?}"));
        }
        if let Some(bit) = self.corrupted {
            words.push(format!("bit {bit} inverted"));
        }
        if let Some(reason) = self.dropped {
            words.push(reason.to_string());
        }
        f.write_str(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_is_told_in_words() {
        assert_eq!(Fate::unharmed(7).to_string(), "");
        let dropped = Fate {
            fault: Some(Fault::Drop),
            dropped: Some(DropReason::Script),
            ..Fate::unharmed(1)
        };
        assert_eq!(dropped.to_string(), "dropped");
        let much = Fate {
            fault: Some(Fault::Delay(Duration::from_millis(30))),
            copies: 1,
            corrupted: Some(9),
            marked: true,
            handling: Handling::Split(3),
            ..Fate::unharmed(1)
        };
        let words = "split into 3, delayed by 30ms, marked, duplicated, bit 9 inverted";
        assert_eq!(much.to_string(), words);
    }
}
