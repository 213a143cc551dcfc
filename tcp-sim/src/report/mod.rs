//! A run as pictures: one HTML file that needs no network.
//!
//! Time-sequence plots in the manner of tcptrace, congestion control, round trips and queues, all
//! over one time axis that can be zoomed, and tables of what was counted.

mod figures;
mod html;
mod page;
mod panels;
mod tables;
mod theme;
mod traces;
mod words;

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io::{self, Write};

use html::{escape, grouped};
use page::{Library, Page};
use panels::Figure;

use crate::record::Series;
use crate::record::series::Stream;
use crate::scenario::Scenario;
use crate::simulation::Outcome;

/// A report is always smaller than this, in bytes.
pub const SIZE_LIMIT: usize = 3 << 20;

/// Writes a report of a run.
///
/// # Errors
///
/// Where it cannot be written, or would reach [`SIZE_LIMIT`] however much it leaves out.
pub fn write(
    mut out: impl Write,
    scenario: &Scenario,
    outcome: &Outcome,
    series: &Series,
) -> io::Result<()> {
    let library = Library::pack()?;
    let carriers = carriers(series);
    let drawn = most_eventful(&carriers);
    let mut entries = (ALL_ENTRIES / drawn.len().max(1)).min(MOST_ENTRIES);
    loop {
        let chosen = Chosen {
            carriers: &carriers,
            drawn: &drawn,
            entries,
        };
        let html = page(scenario, outcome, series, &chosen).render(&library)?;
        if html.len() < SIZE_LIMIT {
            out.write_all(html.as_bytes())?;
            return out.flush();
        }
        if entries < LEAST_ENTRIES {
            let message = format!("the report would have {} bytes", html.len());
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        entries /= 2;
    }
}

/// What of a series is in a page.
struct Chosen<'a> {
    /// The streams that are worth telling of.
    carriers: &'a [&'a Stream],
    /// Those with a figure of their own.
    drawn: &'a [&'a Stream],
    /// How many entries of a kind a figure has at most.
    entries: usize,
}

fn page(scenario: &Scenario, outcome: &Outcome, series: &Series, chosen: &Chosen<'_>) -> Page {
    let Chosen {
        carriers,
        drawn,
        entries,
    } = *chosen;
    let mut figures: Vec<Figure> = Vec::new();
    let next_id = |figures: &[Figure]| format!("plot-{}", figures.len());
    for stream in drawn {
        let heading = stream_heading(series, stream);
        let id = next_id(&figures);
        figures.push(figures::stream(id, heading, stream, series.end(), entries));
    }
    figures.extend(figures::queues(next_id(&figures), series, entries));
    if carriers.len() > 1 {
        let of_many = entries / carriers.len();
        figures.push(figures::progress(next_id(&figures), series, of_many));
    }
    let mut head = words::head(scenario, outcome);
    if drawn.len() < carriers.len() || series.untracked() > 0 {
        let _ = writeln!(
            head,
            "<p class=\"note\">Of {} streams with data, {} are drawn: those that were sent again \
             most, and then the largest.</p>",
            carriers.len() as u64 + series.untracked(),
            drawn.len(),
        );
    }
    if drawn.iter().any(|stream| stream.is_merged_at(entries)) {
        head.push_str(MERGED);
    }
    head.push_str(HINT);
    let foot = format!(
        "<h2>Connections</h2>\n{}<h2>Flows</h2>\n{}<h2>Links</h2>\n{}\
         <details><summary>The scenario</summary><pre>{}</pre></details>\n",
        tables::streams(carriers.iter().take(MOST_ROWS).copied()),
        tables::flows(outcome.flows.iter().take(MOST_ROWS)),
        tables::links(scenario, &outcome.links),
        escape(&toml::to_string(scenario).unwrap_or_default()),
    );
    Page {
        title: words::title(scenario),
        head,
        figures,
        foot,
    }
}

/// The streams that carry data; where there is none, all of them.
fn carriers(series: &Series) -> Vec<&Stream> {
    let carriers: Vec<_> = series
        .streams()
        .iter()
        .filter(|it| it.totals.bytes > 0)
        .collect();
    match carriers.is_empty() {
        true => series.streams().iter().collect(),
        false => carriers,
    }
}

/// Those that are worth a figure of their own, in their order.
fn most_eventful<'a>(streams: &[&'a Stream]) -> Vec<&'a Stream> {
    let mut ranked: Vec<(usize, &Stream)> = streams.iter().copied().enumerate().collect();
    ranked.sort_by_key(|(_, it)| Reverse((it.totals.segments_again, it.totals.bytes)));
    ranked.truncate(MOST_FIGURES);
    ranked.sort_by_key(|(index, _)| *index);
    ranked.into_iter().map(|(_, stream)| stream).collect()
}

fn stream_heading(series: &Series, stream: &Stream) -> String {
    let name = |addr: std::net::SocketAddr| match series.home(addr.ip()) {
        Some(node) => format!("{} ({addr})", escape(node)),
        None => addr.to_string(),
    };
    format!(
        "{} → {}: {} B",
        name(stream.src),
        name(stream.dst),
        grouped(stream.totals.bytes)
    )
}

/// Streams with a figure of their own, and rows of a table.
const MOST_FIGURES: usize = 6;
const MOST_ROWS: usize = 100;

/// Entries of a kind in a figure: as many as a browser draws at once, and as few as still show a
/// shape.
const MOST_ENTRIES: usize = 10_000;
const LEAST_ENTRIES: usize = 200;

/// Entries of a kind in all figures together, to begin with.
const ALL_ENTRIES: usize = 20_000;

const MERGED: &str = "<p class=\"note\">There is more than can be drawn: neighbours in time are \
    merged, and a bar that leans is several segments.</p>\n";

const HINT: &str = "<p class=\"note\">Drag to zoom, all plots follow; drag an axis to move it; \
    double-click for the whole run; click a name in the legend to hide it. A bar is a segment from \
    its first to its last byte, at the time when it was sent; the lines are what had been \
    acknowledged and allowed when the sender heard of it.</p>\n";
