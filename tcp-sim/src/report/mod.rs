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

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io::{self, Write};

use html::{escape, grouped};
use page::Page;
use panels::Figure;

use crate::record::Series;
use crate::record::series::Stream;
use crate::scenario::Scenario;

/// A report is always smaller than this, in bytes.
pub const SIZE_LIMIT: usize = 3 << 20;

/// Writes a report of a run.
///
/// # Errors
///
/// Where it cannot be written, or would reach [`SIZE_LIMIT`].
pub fn write(mut out: impl Write, scenario: &Scenario, series: &Series) -> io::Result<()> {
    let html = page(scenario, series).render()?;
    if html.len() >= SIZE_LIMIT {
        let message = format!("the report would have {} bytes", html.len());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    out.write_all(html.as_bytes())?;
    out.flush()
}

fn page(scenario: &Scenario, series: &Series) -> Page {
    let carriers: Vec<&Stream> = carriers(series);
    let drawn = most_eventful(&carriers);
    let limit = (ENTRIES / drawn.len().max(1)).min(MOST_ENTRIES);
    let mut figures: Vec<Figure> = Vec::new();
    let next_id = |figures: &[Figure]| format!("plot-{}", figures.len());
    for stream in &drawn {
        let id = next_id(&figures);
        figures.push(figures::stream(
            id,
            stream_heading(series, stream),
            stream,
            series.end(),
            limit,
        ));
    }
    figures.extend(figures::queues(next_id(&figures), series, limit));
    if carriers.len() > 1 {
        figures.push(figures::progress(next_id(&figures), series, limit / 8));
    }
    let mut head = format!("<h1>{}</h1>\n", escape(&title(scenario)));
    if drawn.len() < carriers.len() {
        let _ = writeln!(
            head,
            "<p class=\"note\">{} of {} streams are drawn: those that were sent again most, and \
             then the largest.</p>",
            drawn.len(),
            carriers.len()
        );
    }
    head.push_str(HINT);
    let foot = format!(
        "<h2>Connections</h2>\n{}<h2>Links</h2>\n{}<details><summary>The scenario</summary>\
         <pre>{}</pre></details>\n",
        tables::streams(carriers.iter().take(MOST_ROWS).copied()),
        tables::links(series),
        escape(&toml::to_string(scenario).unwrap_or_default()),
    );
    Page {
        title: title(scenario),
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

fn title(scenario: &Scenario) -> String {
    let count = scenario.flow.len();
    let flows = if count == 1 { "flow" } else { "flows" };
    format!(
        "TCP in virtual time: {count} {flows}, seed {}",
        scenario.seed
    )
}

/// Streams with a figure of their own; rows of the table; entries of each kind in all figures
/// together, and in one.
const MOST_FIGURES: usize = 6;
const MOST_ROWS: usize = 100;
const ENTRIES: usize = 24_000;
const MOST_ENTRIES: usize = 10_000;

const HINT: &str = "<p class=\"note\">Drag to zoom, all plots follow; drag an axis to move it; \
    double-click for the whole run; click a name in the legend to hide it. A bar is a segment from \
    its first to its last byte, at the time when it was sent; the lines are what had been \
    acknowledged and allowed when the sender heard of it.</p>\n";
