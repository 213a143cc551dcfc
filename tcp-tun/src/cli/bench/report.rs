//! Figures of a measurement, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

/// What one run of a load over a path has given.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The processor that the near end stayed on, if it did.
    pub processor: Option<usize>,
    /// Gbit/s, microseconds (p50, p99) or connections a second.
    pub figures: Figures,
    /// Seconds of processor for a gigabyte carried, of all processes and interrupts.
    pub cpu: Option<f64>,
}

/// What a load is judged by.
#[derive(Clone, Copy, Debug)]
pub enum Figures {
    /// Gbit/s of payload.
    Rate(f64),
    /// The median round trip and that which one in a hundred exceeds.
    RoundTrip { p50: Duration, p99: Duration },
    /// Connections a second.
    Connections(f64),
}

/// The median over the runs of one load over one path: over those on one processor, and of these the mean.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The path's name.
    pub path: &'static str,
    /// The load's name.
    pub load: &'static str,
    /// Connections at a time.
    pub flows: usize,
    /// Runs of which these are medians.
    pub runs: usize,
    /// Payload, in Gbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gbit_per_s: Option<f64>,
    /// Seconds of processor a gigabyte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_s_per_gb: Option<f64>,
    /// Half of the round trips take no longer, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<f64>,
    /// All but one in a hundred take no longer, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<f64>,
    /// Connections made, used and closed a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_per_s: Option<f64>,
}

impl Row {
    /// The medians of these samples, each figure's by itself.
    pub fn of(path: &'static str, load: &'static str, flows: usize, samples: &[Sample]) -> Row {
        let of =
            |pick: fn(&Figures) -> Option<f64>| typical(samples, |sample| pick(&sample.figures));
        Row {
            path,
            load,
            flows,
            runs: samples.len(),
            gbit_per_s: of(|figures| match figures {
                Figures::Rate(rate) => Some(*rate),
                _ => None,
            }),
            cpu_s_per_gb: typical(samples, |sample| sample.cpu),
            p50_us: of(|figures| match figures {
                Figures::RoundTrip { p50, .. } => Some(micros(*p50)),
                _ => None,
            }),
            p99_us: of(|figures| match figures {
                Figures::RoundTrip { p99, .. } => Some(micros(*p99)),
                _ => None,
            }),
            connections_per_s: of(|figures| match figures {
                Figures::Connections(rate) => Some(*rate),
                _ => None,
            }),
        }
    }

    /// The one figure that paths are compared by.
    fn headline(&self) -> Option<f64> {
        self.gbit_per_s.or(self.p50_us).or(self.connections_per_s)
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The median on each processor, and of these the mean: the runs on one may all be better than those on the other, and
/// what is in the middle of them all would be chance.
fn typical(samples: &[Sample], figure: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    let mut by_processor: BTreeMap<Option<usize>, Vec<f64>> = BTreeMap::new();
    for sample in samples {
        if let Some(figure) = figure(sample) {
            by_processor
                .entry(sample.processor)
                .or_default()
                .push(figure);
        }
    }
    let medians: Vec<f64> = by_processor.into_values().filter_map(median).collect();
    (!medians.is_empty()).then(|| medians.iter().sum::<f64>() / medians.len() as f64)
}

/// The one in the middle, or the mean of the two that are.
fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let upper = *figures.get(figures.len() / 2)?;
    let lower = figures[(figures.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

/// The value that a share of the sorted values does not exceed.
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// A table, a block for each load, with each path's share of the first's figure.
pub fn print_table(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let mut shown: Option<(&str, usize)> = None;
    let mut first = None;
    for row in rows {
        if shown != Some((row.load, row.flows)) {
            shown = Some((row.load, row.flows));
            first = row.headline();
            writeln!(out, "\n{}, {} at a time", row.load, row.flows)?;
        }
        write!(out, "  {:<12}", row.path)?;
        if let Some(rate) = row.gbit_per_s {
            write!(out, "{rate:>9.2} Gbit/s")?;
        }
        if let Some(cpu) = row.cpu_s_per_gb {
            write!(out, "{cpu:>8.3} CPU s/GB")?;
        }
        if let (Some(p50), Some(p99)) = (row.p50_us, row.p99_us) {
            write!(out, "  p50 {p50:>8.1} us  p99 {p99:>8.1} us")?;
        }
        if let Some(rate) = row.connections_per_s {
            write!(out, "{rate:>9.0} connections/s")?;
        }
        if let (Some(own), Some(first)) = (row.headline(), first) {
            write!(out, "  {:>6.2} x", own / first)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(gbit: f64, cpu: f64) -> Sample {
        Sample {
            processor: None,
            figures: Figures::Rate(gbit),
            cpu: Some(cpu),
        }
    }

    #[test]
    fn rows_hold_medians() {
        let samples = [rate(9.0, 0.1), rate(1.0, 0.4), rate(3.0, 0.2)];
        let row = Row::of("tun", "bulk", 1, &samples);
        assert_eq!((row.gbit_per_s, row.cpu_s_per_gb), (Some(3.0), Some(0.2)));
        assert_eq!((row.runs, row.p50_us), (3, None));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn each_processor_has_a_median_of_its_own() {
        let on = |processor, gbit| Sample {
            processor: Some(processor),
            ..rate(gbit, gbit / 10.0)
        };
        // Five runs: the first has three.
        let samples = [
            on(0, 30.0),
            on(1, 50.0),
            on(0, 10.0),
            on(1, 70.0),
            on(0, 20.0),
        ];
        let row = Row::of("tun", "bulk", 1, &samples);
        assert_eq!(row.gbit_per_s, Some((20.0 + 60.0) / 2.0));
        assert_eq!(row.cpu_s_per_gb, Some((2.0 + 6.0) / 2.0));
        assert_eq!(row.runs, 5);
    }

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let times: Vec<Duration> = (0..=100).map(Duration::from_micros).collect();
        assert_eq!(quantile(&times, 0.5), Duration::from_micros(50));
        assert_eq!(quantile(&times, 0.99), Duration::from_micros(99));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn a_table_compares_with_the_first_path_of_each_load() {
        let rows = [
            Row::of("veth", "bulk", 1, &[rate(20.0, 0.5)]),
            Row::of("tun", "bulk", 1, &[rate(10.0, 0.5)]),
        ];
        let mut table = Vec::new();
        print_table(&rows, &mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[1], "bulk, 1 at a time");
        assert!(lines[2].ends_with("1.00 x"), "{table}");
        assert!(lines[3].contains("10.00 Gbit/s"), "{table}");
        assert!(lines[3].ends_with("0.50 x"), "{table}");
    }
}
