//! The tables of a report.

use std::time::Duration;

use tcp_core::TcpInfo;

use super::html::{grouped, table};
use crate::record::Series;
use crate::record::series::Stream;

/// A row for each of these streams.
pub fn streams<'a>(streams: impl Iterator<Item = &'a Stream>) -> String {
    let heads = [
        "from → to",
        "state",
        "bytes",
        "segments",
        "sent again",
        "dropped",
        "MSS",
        "cwnd",
        "most",
        "ssthresh",
        "least RTT, ms",
        "smoothed RTT, ms",
        "RTO, ms",
        "options",
    ];
    let rows: Vec<_> = streams.map(stream_row).collect();
    table(&heads, &rows)
}

fn stream_row(stream: &Stream) -> Vec<String> {
    let totals = &stream.totals;
    let said = |what: fn(&TcpInfo) -> String| stream.info.as_ref().map_or(String::new(), what);
    vec![
        format!("{} → {}", stream.src, stream.dst),
        said(|info| info.tcpi_state.to_string()),
        grouped(totals.bytes),
        grouped(totals.segments),
        grouped(totals.segments_again),
        grouped(totals.dropped),
        said(|info| info.tcpi_snd_mss.to_string()),
        said(|info| grouped(info.tcpi_snd_cwnd.into())),
        grouped(stream.cwnd.greatest()),
        stream.ssthresh.last().map_or("–".to_owned(), grouped),
        said(|info| millis(info.tcpi_min_rtt)),
        said(|info| format!("{} ± {}", millis(info.tcpi_rtt), millis(info.tcpi_rttvar))),
        said(|info| millis(info.tcpi_rto)),
        said(options),
    ]
}

/// What the handshake agreed on, in the words of `ss`.
fn options(info: &TcpInfo) -> String {
    let mut names = Vec::new();
    if info.timestamps {
        names.push("ts".to_owned());
    }
    if info.sack {
        names.push("sack".to_owned());
    }
    if let (Some(snd), Some(rcv)) = (info.tcpi_snd_wscale, info.tcpi_rcv_wscale) {
        names.push(format!("wscale:{snd},{rcv}"));
    }
    names.join(" ")
}

/// A row for each direction of a link.
pub fn links(series: &Series) -> String {
    let heads = [
        "link",
        "packets",
        "bytes",
        "arrived",
        "dropped",
        "longest queue",
        "most bytes waiting",
    ];
    let map = series.map();
    let links = series.links().iter().zip(&map.links);
    let rows = links.map(|(link, ends)| {
        let [from, to] = ends.map(|node| map.node_name(node));
        let dropped = link.dropped.iter();
        let dropped = dropped.map(|(reason, count)| format!("{} {}", grouped(*count), reason));
        vec![
            format!("{from} → {to}"),
            grouped(link.packets),
            grouped(link.bytes),
            grouped(link.arrived),
            dropped.collect::<Vec<_>>().join(", "),
            grouped(link.queue.greatest()),
            grouped(link.queue_bytes),
        ]
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

fn millis(span: Duration) -> String {
    let micros = span.as_micros();
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}
