//! The tables of a report.

use std::time::Duration;

use tcp_core::TcpInfo;

use super::html::{grouped, table};
use crate::link::{LinkConfig, LinkStats};
use crate::record::series::Stream;
use crate::scenario::Scenario;
use crate::simulation::{FlowOutcome, LinkOutcome};

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

/// A row for each of these flows.
pub fn flows<'a>(flows: impl Iterator<Item = &'a FlowOutcome>) -> String {
    let heads = [
        "flow",
        "application",
        "complete",
        "connections",
        "bytes to server",
        "bytes to client",
        "seconds",
        "goodput, bit/s",
        "segments sent again",
        "error",
    ];
    let rows = flows.map(|flow| {
        vec![
            format!("{} → {}", flow.client, flow.server),
            flow.app.to_owned(),
            if flow.complete { "yes" } else { "no" }.to_owned(),
            grouped(flow.connections),
            grouped(flow.bytes_to_server),
            grouped(flow.bytes_to_client),
            format!("{:.6}", flow.seconds),
            grouped(flow.goodput_bps as u64),
            grouped(flow.retransmitted),
            flow.error.clone().unwrap_or_default(),
        ]
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

/// A row for each direction of a link, with what it was asked to do.
pub fn links(scenario: &Scenario, links: &[LinkOutcome]) -> String {
    let heads = [
        "link",
        "packets",
        "bytes",
        "delivered",
        "dropped",
        "longest queue",
        "most bytes waiting",
        "other faults",
        "settings",
    ];
    let configs = scenario
        .link
        .iter()
        .flat_map(|link| [&link.there, &link.back]);
    let rows = links.iter().zip(configs).map(|(link, config)| {
        let stats = &link.stats;
        vec![
            format!("{} → {}", link.from, link.to),
            grouped(stats.sent),
            grouped(stats.sent_bytes),
            grouped(stats.delivered),
            drops(stats),
            grouped(stats.max_queue_packets as u64),
            grouped(stats.max_queue_bytes as u64),
            faults(stats),
            settings(config),
        ]
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

fn drops(stats: &LinkStats) -> String {
    let dropped = &stats.dropped;
    counted(&[
        (dropped.script, "by script"),
        (dropped.loss, "lost"),
        (dropped.blackhole, "in a blackhole"),
        (dropped.queue_full, "queue full"),
        (dropped.aqm, "by queue management"),
        (dropped.too_big, "too big"),
    ])
}

fn faults(stats: &LinkStats) -> String {
    counted(&[
        (stats.duplicated, "duplicated"),
        (stats.reordered, "late"),
        (stats.corrupted, "corrupted"),
        (stats.marked, "marked"),
        (stats.rewritten, "rewritten"),
        (stats.split, "split"),
        (stats.merged, "merged"),
    ])
}

/// Those that are not zero.
fn counted(counts: &[(u64, &str)]) -> String {
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let texts: Vec<String> = counts
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    texts.join(", ")
}

/// What differs from a perfect link: `rate 100M, delay 50ms`.
fn settings(config: &LinkConfig) -> String {
    let Ok(serde_json::Value::Object(settings)) = serde_json::to_value(config) else {
        return String::new();
    };
    let texts = settings.iter().map(|(name, value)| match value {
        serde_json::Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn millis(span: Duration) -> String {
    let micros = span.as_micros();
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}
