//! A report as tables for people.

use std::fmt;

use super::contender::Contender;
use super::report::Report;
use super::single::SingleCell;
use super::summary::{Comparison, ManyComparison, ratio};
use crate::units::Bytes;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for contender in self.single_contenders() {
            writeln!(f, "{contender}: bytes a second, by buffer and loss")?;
            self.grid(f, contender, |cell| {
                format!("{:.0}", cell.median_bytes_per_second)
            })?;
        }
        for comparison in &self.summary.single {
            let Comparison {
                contender, peer, ..
            } = comparison;
            writeln!(f, "{contender} by {peer}")?;
            self.grid(f, *contender, |cell| {
                ratio(cell, *peer, &self.single).map_or("-".into(), |it| format!("{it:.3}"))
            })?;
        }
        self.rows(f)?;
        for comparison in &self.summary.single {
            writeln!(f, "{comparison}")?;
        }
        Ok(())
    }
}

impl Report {
    fn single_contenders(&self) -> Vec<Contender> {
        let mut list: Vec<_> = self.single.iter().map(|cell| cell.contender).collect();
        list.dedup();
        list
    }

    /// A figure of each cell of one contender.
    fn grid(
        &self,
        f: &mut fmt::Formatter<'_>,
        contender: Contender,
        figure: impl Fn(&SingleCell) -> String,
    ) -> fmt::Result {
        let Some(table) = &self.config.single else {
            return Ok(());
        };
        write!(f, "{:>8}", "")?;
        for loss in &table.losses {
            write!(f, " {:>9}", loss.to_string())?;
        }
        let cells = self.single.iter().filter(|it| it.contender == contender);
        for (index, cell) in cells.enumerate() {
            if index % table.losses.len() == 0 {
                write!(f, "\n{:>8}", Bytes(cell.buffer).to_string())?;
            }
            write!(f, " {:>9}", figure(cell))?;
        }
        f.write_str("\n\n")
    }

    fn rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.many.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "{:<20} {:>5} {:>12} {:>8} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "many flows",
            "flows",
            "bytes/s",
            "of link",
            "jain",
            "dropped",
            "again",
            "gap s",
            "stalled",
            "by peer"
        )?;
        for cell in &self.many {
            let same =
                |it: &&ManyComparison| it.contender == cell.contender && it.flows == cell.flows;
            let ratio = self.summary.many.iter().find(same);
            writeln!(
                f,
                "{:<20} {:>5} {:>12.0} {:>7.1}% {:>7.4} {:>7.2}% {:>7.2}% {:>8.3} {:>8} {:>8}",
                cell.contender,
                cell.flows,
                cell.bytes_per_second,
                cell.utilisation * 100.0,
                cell.jain,
                cell.dropped_share * 100.0,
                cell.retransmitted_share * 100.0,
                cell.longest_gap_seconds,
                cell.stalled,
                ratio.map_or("-".into(), |it| format!("{:.3}", it.ratio)),
            )?;
        }
        f.write_str("\n")
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worst = &self.worst;
        write!(
            f,
            "{}: at least 0.95 times {} in {} of {} cells, above it in {} ({:.1} %); \
             median {:.3}, worst {:.3} at a buffer of {} and a loss of {}",
            self.contender,
            self.peer,
            self.at_least_0_95,
            self.cells,
            self.above,
            self.above_share * 100.0,
            self.median_ratio,
            worst.ratio,
            Bytes(worst.buffer),
            worst.loss,
        )
    }
}
