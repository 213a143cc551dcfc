//! What came of a run, in numbers: as it is printed.

use serde::Serialize;

use super::sums::InfoSums;
use crate::link::LinkStats;

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Progress {
    /// Virtual seconds.
    pub sim_seconds: f64,
    /// Packets sent on all links.
    pub packets: u64,
    /// Bytes read by the applications.
    pub bytes_done: u64,
    /// Bytes that they will read.
    pub bytes_total: u64,
}

/// What came of a run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Outcome {
    /// The scenario's.
    pub seed: u64,
    /// The hash of all packets: 16 hexadecimal digits.
    pub trace_hash: String,
    /// Virtual seconds until the last flow had ended, TIME-WAIT not included.
    pub sim_seconds: f64,
    /// Virtual seconds until nothing was left to happen.
    pub end_seconds: f64,
    /// Bits of payload that applications have read, in both directions, for each second from the
    /// beginning of the first flow to the end of the last.
    pub goodput_bps: f64,
    /// Packets sent on all links; over two links they count twice.
    pub packets: u64,
    /// Segments that were sent again, handshakes included.
    pub retransmitted_segments: u64,
    /// Segments that a peer reported to have come twice: sent again needlessly, or copied by a link.
    pub dsack_count: u64,
    /// Retransmission timeouts.
    pub rto_count: u64,
    /// Tail loss probes.
    pub loss_probe_count: u64,
    /// Reductions of the window that were taken back.
    pub undo_count: u64,
    /// Seconds of the machine's own time; the only number here that is not the same every time.
    pub wall_seconds: f64,
    /// Whether every flow is complete, no rule was broken, and nothing is left.
    pub complete: bool,
    /// Whether the time limit has cut the run short.
    pub time_limit_reached: bool,
    /// Rules that were broken.
    pub violations: Vec<String>,
    /// In the order of the scenario.
    pub flows: Vec<FlowOutcome>,
    /// Both directions of each link, in the order of the scenario.
    pub links: Vec<LinkOutcome>,
    /// In the order of the scenario.
    pub hosts: Vec<HostOutcome>,
}

/// What came of a flow.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FlowOutcome {
    /// The host that connects.
    pub client: String,
    /// The host that listens.
    pub server: String,
    /// The application's kind.
    pub app: &'static str,
    /// Whether every byte was read, and both ends have closed.
    pub complete: bool,
    /// Why it is not complete, as far as an application knows.
    pub error: Option<String>,
    /// Bytes that the server has read.
    pub bytes_to_server: u64,
    /// Bytes that the client has read.
    pub bytes_to_client: u64,
    /// Virtual seconds from its beginning to its end, or to the end of the run.
    pub seconds: f64,
    /// Bits of payload that were read, in both directions, for each of these seconds.
    pub goodput_bps: f64,
    /// Connections that the client has opened.
    pub connections: u64,
    /// Segments that were sent again, until each end closed its connection.
    pub retransmitted: u64,
    /// What the connections said of themselves as they were closed.
    pub tcp_info: FlowInfo,
}

/// What the connections of a flow said of themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct FlowInfo {
    /// Those of the client.
    pub client: InfoSums,
    /// Those of the server.
    pub server: InfoSums,
}

/// What one direction of a link has done.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LinkOutcome {
    /// Its sender.
    pub from: String,
    /// Its receiver.
    pub to: String,
    /// Its counters.
    pub stats: LinkStats,
}

/// What a host has counted.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HostOutcome {
    /// Its name.
    pub name: String,
    /// Its counters that are not zero, by the names that `nstat` prints.
    pub counters: serde_json::Map<String, serde_json::Value>,
}
