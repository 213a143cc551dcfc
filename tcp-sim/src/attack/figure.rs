//! What an attack came to, as one line of the table.

use std::fmt;

use serde::Serialize;

/// One figure of one attack.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Figure {
    /// The attack's name.
    pub attack: &'static str,
    /// What the attacker sent, in words.
    pub sent: String,
    /// What is measured, with its unit.
    pub what: String,
    /// How much it is.
    pub value: f64,
    /// What is promised.
    pub bound: Bound,
    /// Whether the promise was kept; a figure without one keeps it.
    pub held: bool,
}

/// What is promised of a figure.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// Nothing: it is told for comparison.
    None,
}

impl Bound {
    /// Whether `value` keeps it.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Bound::AtMost(most) => value <= most,
            Bound::AtLeast(least) => value >= least,
            Bound::None => !value.is_nan(),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Bound::AtMost(most) => write!(f, "<= {}", Brief(most)),
            Bound::AtLeast(least) => write!(f, ">= {}", Brief(least)),
            Bound::None => write!(f, "-"),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.bound, self.held) {
            (Bound::None, true) => "",
            (_, true) => "held",
            (_, false) => "NOT HELD",
        };
        write!(
            f,
            "{:<15} {:<44} {:<52} {:>12} {:>14} {verdict}",
            self.attack,
            self.sent,
            self.what,
            Brief(self.value).to_string(),
            self.bound.to_string(),
        )
    }
}

/// A whole number as it is, another one to three decimals.
struct Brief(f64);

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.fract() == 0.0 {
            write!(f, "{:.0}", self.0)
        } else {
            write!(f, "{:.3}", self.0)
        }
    }
}

/// Collects the figures of one attack.
#[derive(Debug)]
pub(super) struct Figures {
    attack: &'static str,
    sent: String,
    all: Vec<Figure>,
}

impl Figures {
    pub(super) fn of(attack: &'static str) -> Figures {
        Figures {
            attack,
            sent: String::new(),
            all: Vec::new(),
        }
    }

    /// What was sent, for the figures that follow.
    pub(super) fn sent(&mut self, sent: impl Into<String>) {
        self.sent = sent.into();
    }

    pub(super) fn add(&mut self, what: impl Into<String>, value: f64, bound: Bound) {
        self.all.push(Figure {
            attack: self.attack,
            sent: self.sent.clone(),
            what: what.into(),
            value,
            bound,
            held: bound.holds(value),
        });
    }

    /// What memory came to: no more than its limit, and a tenth.
    pub(super) fn add_memory(&mut self, peak: usize, limit: usize) {
        let percent = peak as f64 * 100.0 / limit.max(1) as f64;
        let percent = (percent * 10.0).round() / 10.0;
        self.add("memory peak, % of its limit", percent, Bound::AtMost(110.0));
    }

    pub(super) fn into_all(self) -> Vec<Figure> {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_its_bound_is_not_held() {
        let mut figures = Figures::of("test");
        figures.sent("nothing");
        figures.add("too much", 2.0, Bound::AtMost(1.0));
        figures.add("enough", 2.0, Bound::AtLeast(2.0));
        figures.add("no number", f64::NAN, Bound::None);
        figures.add_memory(111, 100);
        let held: Vec<bool> = figures.into_all().iter().map(|it| it.held).collect();
        assert_eq!(held, [false, true, false, false]);
    }
}
