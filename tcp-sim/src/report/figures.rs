//! The figures of a report.

use tcp_core::Instant;

use super::html::escape;
use super::panels::{Figure, Panel, Scale};
use super::theme;
use super::traces::{self, Ends, Unit};
use crate::record::series::{Line, Stream};
use crate::record::{LinkId, Series};

/// One direction of a connection: its sequence space, its congestion control and its times; at
/// most `limit` entries of each kind.
pub fn stream(id: String, heading: String, stream: &Stream, end: Instant, limit: usize) -> Figure {
    let steps = |name, color, unit, line: &Line| {
        traces::steps(name, color, unit, &line.thinned_to(limit / 2), stream.end)
    };
    let bytes = |name, color, line| steps(name, color, Unit::Bytes, line);
    let times = |name, color, line| steps(name, color, Unit::Seconds, line);
    let fresh = stream.fresh.thinned_to(limit);
    let again = stream.again.thinned_to(limit);
    let panels = vec![
        Panel {
            title: "offset in the stream",
            unit: "B",
            // A window that is far ahead of the data must not make it small.
            scale: Scale::UpTo(stream.snd_max() + stream.snd_max() / 16),
            height: 440,
            traces: vec![
                bytes("window", theme::WINDOW, &stream.right_edge),
                bytes("ACK", theme::ACK, &stream.acked),
                traces::sacks(stream.sacks.thinned_to(limit).points()),
                traces::segments("data", theme::DATA, Ends::Plain, fresh.points()),
                traces::segments("retransmission", theme::AGAIN, Ends::Knobs, again.points()),
                traces::drops(stream.drops.thinned_to(limit).points()),
                traces::marks(stream.marks.thinned_to(limit).points()),
            ],
        },
        Panel {
            title: "congestion control",
            unit: "B",
            scale: Scale::Linear,
            height: 170,
            traces: vec![
                bytes("in flight", theme::IN_FLIGHT, &stream.in_flight),
                bytes("ssthresh", theme::SSTHRESH, &stream.ssthresh),
                bytes("cwnd", theme::CWND, &stream.cwnd),
            ],
        },
        Panel {
            title: "round trip",
            unit: "s",
            // A timeout that was backed off is a thousand round trips long.
            scale: Scale::Logarithmic,
            height: 150,
            traces: vec![
                traces::measured("RTT", theme::RTT, &stream.rtt.thinned_to(limit / 2)),
                times("smoothed RTT", theme::SRTT, &stream.srtt),
                times("RTO", theme::RTO, &stream.rto),
            ],
        },
    ];
    Figure::new(id, heading, end, panels)
}

/// How far every stream has come that carries data.
pub fn progress(id: String, series: &Series, limit: usize) -> Figure {
    let carriers = series.streams().iter().filter(|it| it.totals.bytes > 0);
    let lines = carriers.zip(theme::CYCLE.iter().cycle());
    let lines = lines.map(|(stream, color)| {
        let name = format!("{} → {}", stream.src, stream.dst);
        let line = stream.acked.thinned_to(limit);
        traces::steps(&name, color, Unit::Bytes, &line, series.end())
    });
    let panel = Panel {
        title: "acknowledged",
        unit: "B",
        scale: Scale::Linear,
        height: 260,
        traces: lines.collect(),
    };
    let heading = "Progress of all connections".to_owned();
    Figure::new(id, heading, series.end(), vec![panel])
}

/// The queues of the links that had one; `None` where none had.
pub fn queues(id: String, series: &Series, limit: usize) -> Option<Figure> {
    let queues = series.queues().iter().enumerate();
    let queues = queues.filter(|(_, queue)| queue.greatest() > 0);
    let lines = queues.zip(theme::CYCLE.iter().cycle());
    let lines = lines.map(|((index, queue), color)| {
        let [from, to] = series.map().end_names(LinkId(index)).map(escape);
        let line = queue.thinned_to(limit / 2);
        let name = format!("{from} → {to}");
        traces::steps(&name, color, Unit::Packets, &line, series.end())
    });
    let panel = Panel {
        title: "packets waiting",
        unit: "",
        scale: Scale::Linear,
        height: 200,
        traces: lines.collect(),
    };
    let heading = "Queues of the links".to_owned();
    (!panel.traces.is_empty()).then(|| Figure::new(id, heading, series.end(), vec![panel]))
}
