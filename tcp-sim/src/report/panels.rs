//! Panels one above the other, over one time axis.

use plotly::common::{Font, Title};
use plotly::configuration::{DoubleClick, ModeBarButtonName};
use plotly::layout::{
    Axis, AxisType, DragMode, GroupClick, HoverMode, Legend, Margin, RangeMode, SpikeMode,
    SpikeSnap,
};
use plotly::{Configuration, Layout, Traces};
use serde::Serialize;
use tcp_core::Instant;

use super::traces::{TimeTrace, seconds};

/// A plot and what stands above it; serialised, it is what the page's script draws.
#[derive(Serialize)]
pub struct Figure {
    /// HTML id of its place.
    pub id: String,
    /// Heading, as HTML.
    #[serde(skip)]
    pub heading: String,
    /// Pixels.
    #[serde(skip)]
    pub height: usize,
    data: Traces,
    layout: Layout,
    config: Configuration,
}

/// One panel.
pub struct Panel {
    /// What its axis shows.
    pub title: &'static str,
    /// The unit behind a number and its SI prefix.
    pub unit: &'static str,
    /// How its axis runs.
    pub scale: Scale,
    /// Pixels.
    pub height: usize,
    /// Its traces, those in front last.
    pub traces: Vec<TimeTrace>,
}

/// How the axis of a panel runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scale {
    /// From zero to the greatest value.
    Linear,
    /// From zero to this, until the user wants to see more.
    UpTo(u64),
    /// By powers of ten.
    Logarithmic,
}

impl Figure {
    /// A figure of up to four panels, the topmost first, from the begin of the run to `end`.
    ///
    /// All figures have the same margins, so that a moment stands in all of them at the same
    /// place.
    pub fn new(id: String, heading: String, end: Instant, panels: Vec<Panel>) -> Figure {
        let gaps = GAP * (panels.len() - 1);
        let inner = panels.iter().map(|panel| panel.height).sum::<usize>() + gaps;
        let height = inner + TOP + BOTTOM;
        let lowest = AXES[panels.len() - 1];
        let mut data = Traces::new();
        let mut layout = layout(height).x_axis(time_axis(end, lowest));
        let mut from_top = 0;
        for (panel, axis) in panels.into_iter().zip(AXES) {
            let share = |pixels: usize| 1.0 - pixels as f64 / inner as f64;
            let bottom = from_top + panel.height;
            let y_axis = value_axis(&panel).domain(&[share(bottom).max(0.0), share(from_top)]);
            layout = match axis {
                "y" => layout.y_axis(y_axis),
                "y2" => layout.y_axis2(y_axis),
                "y3" => layout.y_axis3(y_axis),
                _ => layout.y_axis4(y_axis),
            };
            for (index, trace) in panel.traces.into_iter().enumerate() {
                let trace = trace.y_axis(axis).legend_group(axis);
                data.push(match index {
                    0 => trace.legend_group_title(panel.title),
                    _ => trace,
                });
            }
            from_top = bottom + GAP;
        }
        Figure {
            id,
            heading,
            height,
            data,
            layout,
            config: configuration(),
        }
    }
}

fn layout(height: usize) -> Layout {
    let margin = Margin::new()
        .left(90)
        .right(RIGHT)
        .top(TOP)
        .bottom(BOTTOM)
        .auto_expand(false);
    let legend = Legend::new()
        .x(1.01)
        .y(1.0)
        .trace_group_gap(18)
        .group_click(GroupClick::ToggleItem);
    Layout::new()
        .height(height)
        .margin(margin)
        .legend(legend)
        .show_legend(true)
        .hover_mode(HoverMode::Closest)
        .drag_mode(DragMode::Zoom)
        .paper_background_color(TRANSPARENT)
        .plot_background_color(TRANSPARENT)
        .font(Font::new().family("system-ui, sans-serif").size(12))
}

fn time_axis(end: Instant, below: &str) -> Axis {
    // A margin on both sides keeps what happens at the ends off the frame.
    let end = seconds(end);
    let margin = if end > 0.0 { end * 0.01 } else { 0.001 };
    Axis::new()
        .title(Title::with_text("time since the run began"))
        .anchor(below)
        .range(vec![-margin, end + margin])
        .tick_format("~s")
        .tick_suffix("s")
        .show_spikes(true)
        .spike_mode(SpikeMode::Across)
        .spike_snap(SpikeSnap::Cursor)
        .spike_thickness(1)
        .zero_line(false)
}

fn value_axis(panel: &Panel) -> Axis {
    let axis = match panel.scale {
        Scale::Linear => Axis::new().range_mode(RangeMode::ToZero),
        Scale::UpTo(top) => Axis::new().range(vec![0.0, top as f64]),
        Scale::Logarithmic => {
            let digits = ["1", "2", "5", "10", "20", "50", "100", "200", "500"];
            let prefixes = [(1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, "")];
            let ticks = prefixes.iter().flat_map(|(power, prefix)| {
                digits.map(|digit| {
                    let value = digit.parse::<f64>().unwrap_or(1.0) * power;
                    (value, format!("{digit}{prefix}s"))
                })
            });
            let (values, texts) = ticks.unzip();
            Axis::new()
                .type_(AxisType::Log)
                .tick_values(values)
                .tick_text(texts)
        }
    };
    axis.title(Title::with_text(panel.title))
        .anchor("x")
        .tick_format("~s")
        .tick_suffix(panel.unit)
        .zero_line(false)
}

fn configuration() -> Configuration {
    Configuration::new()
        .responsive(true)
        .display_logo(false)
        .mode_bar_buttons_to_remove(vec![
            ModeBarButtonName::Select2d,
            ModeBarButtonName::Lasso2d,
            ModeBarButtonName::AutoScale2d,
        ])
        .double_click(DoubleClick::Reset)
}

/// The names of the axes, the topmost first.
const AXES: [&str; 4] = ["y", "y2", "y3", "y4"];

/// Pixels above, below, and to the right of the panels, and between two of them.
const TOP: usize = 16;
const BOTTOM: usize = 48;
const RIGHT: usize = 200;
const GAP: usize = 22;

/// The page shines through.
const TRANSPARENT: &str = "rgba(0,0,0,0)";
