//! Attacks on a stack, each with a figure and what is promised of it.
//!
//! An [`Attack`] puts a stack of its own (the victim, with a real configuration) under what strangers or hostile
//! peers send, in virtual time, and gives [`Figure`]s. Cost is a ratio: packets of the attack and ordinary ones are
//! timed in turn, in the same run. Everything else is the same on every machine.

mod blind;
mod config;
mod cost;
mod download;
mod figure;
mod flood;
mod forge;
mod puppet;
mod receiver;
mod sack;
mod victim;

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
];

/// The one with this name.
pub fn attack(name: &str) -> Option<&'static Attack> {
    ATTACKS.iter().find(|attack| attack.name == name)
}
