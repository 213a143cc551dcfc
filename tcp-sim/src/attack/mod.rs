//! Attacks on a stack, each with a figure and what is promised of it.
//!
//! An [`Attack`] puts a stack of its own (the victim, with a real configuration) under what strangers or hostile
//! peers send, in virtual time, and gives [`Figure`]s. Cost is a ratio: packets of the attack and ordinary ones are
//! timed in turn, in the same run. Everything else is the same on every machine.

mod acks;
mod blind;
mod config;
mod cost;
mod download;
mod figure;
mod flood;
mod forge;
mod hoard;
mod icmp;
mod malformed;
mod options;
mod out_of_order;
mod puppet;
mod receiver;
mod sack;
mod shrew;
mod storm;
mod timestamps;
mod victim;
mod wrap;

pub use config::AttackConfig;
pub use figure::{Bound, Figure};

use figure::Figures;

/// One attack.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// Its name.
    pub name: &'static str,
    /// What is tried, in a line.
    pub about: &'static str,
    run: fn(&AttackConfig, &mut Figures),
}

impl Attack {
    /// Carries it out.
    ///
    /// # Panics
    ///
    /// When the victim does, or does not do what it must for the attack to begin.
    pub fn run(&self, config: &AttackConfig) -> Vec<Figure> {
        let mut figures = Figures::of(self.name);
        (self.run)(config, &mut figures);
        figures.into_all()
    }
}

/// All of them.
pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "syn-flood",
        about: "SYNs from forged addresses, ten to each honest one, and a hundred",
        run: flood::syn_flood,
    },
    Attack {
        name: "blind",
        about: "RST, SYN, data and ACKs by one who knows the addresses and ports alone",
        run: blind::drawn,
    },
    Attack {
        name: "sweep",
        about: "RST, and SYN, over the whole sequence space",
        run: blind::sweeps,
    },
    Attack {
        name: "sack-flood",
        about: "reports of many small ranges",
        run: sack::sack_flood,
    },
    Attack {
        name: "optimistic",
        about: "acknowledgements of what has not been sent, and early ones",
        run: acks::optimistic,
    },
    Attack {
        name: "division",
        about: "each segment acknowledged in a hundred parts",
        run: acks::division,
    },
    Attack {
        name: "ack-storm",
        about: "two ends that disagree about where they stand",
        run: storm::ack_storm,
    },
    Attack {
        name: "out-of-order",
        about: "tiny segments behind a hole, to eat time and memory",
        run: out_of_order::flood,
    },
    Attack {
        name: "overlap",
        about: "the same bytes again and again, each time others",
        run: out_of_order::overlaps,
    },
    Attack {
        name: "stingy-window",
        about: "windows of a byte, of none, and slow readers, on a thousand connections",
        run: hoard::stingy_windows,
    },
    Attack {
        name: "orphans",
        about: "connections left in FIN-WAIT-2 and LAST-ACK",
        run: hoard::orphans,
    },
    Attack {
        name: "shrew",
        about: "bursts at the retransmission timeout",
        run: shrew::bursts,
    },
    Attack {
        name: "forced-mtu",
        about: "forged ICMP that makes segments small",
        run: icmp::forced_mtu,
    },
    Attack {
        name: "option-bombs",
        about: "40 bytes of options in every way",
        run: options::bombs,
    },
    Attack {
        name: "timestamps",
        about: "timestamps far in the future",
        run: timestamps::future,
    },
    Attack {
        name: "malformed",
        about: "random and malformed packets by the million",
        run: malformed::packets,
    },
    Attack {
        name: "wrap",
        about: "a transfer that wraps sequence numbers and timestamps",
        run: wrap::long_transfer,
    },
];

/// The one with this name.
pub fn attack(name: &str) -> Option<&'static Attack> {
    ATTACKS.iter().find(|attack| attack.name == name)
}
