//! Series as the traces of a plot.

use plotly::Scatter;
use plotly::common::{Line as Stroke, LineShape, Marker, MarkerSymbol, Mode, Position};
use plotly::traces::scatter::Scatter as Trace;
use serde::Serialize;
use tcp_core::Instant;
use tcp_core::wire::Control;

use super::theme;
use crate::record::series::{Flags, Line, Mark, MarkKind, Range, Segment};

/// A trace over time in seconds.
pub type TimeTrace = Box<Trace<Option<f64>, Y>>;

/// A number of a series on its axis.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub enum Y {
    /// Bytes, packets or an offset.
    Count(u64),
    /// Seconds.
    Seconds(f64),
    /// Nothing: a line has a gap here.
    Gap,
}

/// How a bar ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ends {
    /// Where it ends.
    Plain,
    /// In a knob, which is seen where the bar itself is too short.
    Knobs,
}

/// What a series counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Packets.
    Packets,
    /// Nanoseconds, which are drawn as seconds.
    Seconds,
}

impl Unit {
    fn on_axis(self, value: u64) -> Y {
        match self {
            Unit::Bytes | Unit::Packets => Y::Count(value),
            Unit::Seconds => Y::Seconds(value as f64 / 1e9),
        }
    }

    /// What the pointer shows of it.
    fn hover(self, name: &str) -> String {
        let value = match self {
            Unit::Bytes => "%{y:,} B",
            Unit::Packets => "%{y:,} packets",
            Unit::Seconds => "%{y:.4~s}s",
        };
        format!("{name}: {value}<br>%{{x:.6f}} s<extra></extra>")
    }
}

/// Seconds since the run began.
pub fn seconds(at: Instant) -> f64 {
    at.as_nanos() as f64 / 1e9
}

/// A line of steps that keeps its last value until `end`.
pub fn steps(name: &str, color: &'static str, unit: Unit, line: &Line, end: Instant) -> TimeTrace {
    let mut samples = line.samples();
    if let Some((at, value)) = samples.last().copied() {
        samples.push((end.max(at), value));
    }
    over_time(samples.into_iter(), unit)
        .name(name)
        .mode(Mode::Lines)
        .line(Stroke::new().color(color).width(1.5).shape(LineShape::Hv))
        .hover_template(unit.hover(name))
}

/// Measured times as points.
pub fn measured(name: &str, color: &'static str, line: &Line) -> TimeTrace {
    over_time(line.samples().into_iter(), Unit::Seconds)
        .name(name)
        .mode(Mode::Markers)
        .marker(Marker::new().size(3).color(color))
        .hover_template(Unit::Seconds.hover(name))
}

/// Segments as upright bars from their first to their last byte; those that were merged lean.
pub fn segments(name: &str, color: &'static str, ends: Ends, list: &[Segment]) -> TimeTrace {
    bars(
        name,
        color,
        ends,
        list.iter().map(|segment| Bar {
            times: [segment.at, segment.until],
            range: [segment.start, segment.end],
            text: format!("{name}<br>{}", segment_text(segment)),
        }),
    )
}

/// Blocks of selective acknowledgements as upright bars.
pub fn sacks(list: &[Range]) -> TimeTrace {
    bars(
        "SACK",
        theme::SACK,
        Ends::Plain,
        list.iter().map(|block| Bar {
            times: [block.at; 2],
            range: [block.start, block.end],
            text: format!("SACK {}", range_text(block.start, block.end)),
        }),
    )
}

/// A cross at each segment that was dropped.
pub fn drops(list: &[Range]) -> TimeTrace {
    let middles = list.iter().map(|it| (it.at, it.start.midpoint(it.end)));
    let texts = list.iter().map(|drop| {
        let range = range_text(drop.start, drop.end);
        let reason = drop.reason.map_or(String::new(), |it| it.to_string());
        format!("{reason}<br>{range}")
    });
    over_time(middles, Unit::Bytes)
        .name("dropped")
        .mode(Mode::Markers)
        .marker(
            Marker::new()
                .symbol(MarkerSymbol::X)
                .size(8)
                .color(theme::DROP),
        )
        .text_array(texts.collect::<Vec<_>>())
        .hover_template(TEXT_AND_TIME)
}

/// SYN, FIN, RST and probes by name.
pub fn marks(list: &[Mark]) -> TimeTrace {
    let places = list.iter().map(|mark| (mark.at, mark.offset));
    let names = list.iter().map(|mark| match mark.kind {
        MarkKind::Syn => "SYN",
        MarkKind::Fin => "FIN",
        MarkKind::Rst => "RST",
        MarkKind::Probe => "probe",
    });
    over_time(places, Unit::Bytes)
        .name("SYN, FIN, RST, probe")
        .mode(Mode::MarkersText)
        .marker(
            Marker::new()
                .symbol(MarkerSymbol::Diamond)
                .size(7)
                .color(theme::MARK),
        )
        .text_array(names.collect::<Vec<_>>())
        .text_position(Position::TopCenter)
        .hover_template("%{text} at %{y:,}<br>%{x:.6f} s<extra></extra>")
}

fn over_time(samples: impl Iterator<Item = (Instant, u64)>, unit: Unit) -> TimeTrace {
    let (x, y) = samples
        .map(|(at, value)| (Some(seconds(at)), unit.on_axis(value)))
        .unzip();
    Scatter::new(x, y)
}

struct Bar {
    times: [Instant; 2],
    range: [u64; 2],
    text: String,
}

/// One trace for all bars, with gaps between them: a browser draws it as a single path.
fn bars(name: &str, color: &'static str, ends: Ends, list: impl Iterator<Item = Bar>) -> TimeTrace {
    let (mut x, mut y, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for bar in list {
        x.extend(bar.times.map(|at| Some(seconds(at))));
        y.extend(bar.range.map(Y::Count));
        texts.extend([bar.text.clone(), bar.text]);
        x.push(None);
        y.push(Y::Gap);
        texts.push(String::new());
    }
    let mode = match ends {
        Ends::Plain => Mode::Lines,
        Ends::Knobs => Mode::LinesMarkers,
    };
    Scatter::new(x, y)
        .name(name)
        .mode(mode)
        .marker(Marker::new().size(4).color(color))
        .line(Stroke::new().color(color).width(2.0).simplify(false))
        .text_array(texts)
        .hover_template(TEXT_AND_TIME)
}

fn segment_text(segment: &Segment) -> String {
    let range = range_text(segment.start, segment.end);
    if segment.count > 1 {
        let dropped = match segment.dropped {
            0 => String::new(),
            count => format!(", {count} dropped"),
        };
        return format!("{} segments{dropped}<br>{range}", segment.count);
    }
    let flags = flag_text(&segment.flags);
    let fate = segment.fate.as_ref();
    let fate = fate.map_or(String::new(), |fate| format!("<br>{fate}"));
    format!("{range}{flags}{fate}")
}

fn flag_text(flags: &Flags) -> String {
    let names = [
        (flags.control == Control::Syn, " SYN"),
        (flags.control == Control::Fin, " FIN"),
        (flags.control == Control::Rst, " RST"),
        (flags.push, " PSH"),
        (flags.cwr, " CWR"),
    ];
    let set = names.into_iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, name)| name).collect()
}

fn range_text(start: u64, end: u64) -> String {
    format!("{start}–{end} ({} B)", end.saturating_sub(start))
}

/// What the pointer shows of a point with a text.
const TEXT_AND_TIME: &str = "%{text}<br>%{x:.6f} s<extra></extra>";
