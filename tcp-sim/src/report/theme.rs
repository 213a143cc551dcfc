//! Colours, which read on a light page and on a dark one.

/// Data sent for the first time.
pub const DATA: &str = "#3b7dd8";
/// Data sent again.
pub const AGAIN: &str = "#e03131";
/// What was dropped.
pub const DROP: &str = "#f08c00";
/// Acknowledgements.
pub const ACK: &str = "#2b9348";
/// The edge of the receiver's window.
pub const WINDOW: &str = "#a68a00";
/// Selective acknowledgements.
pub const SACK: &str = "#a03cc8";
/// SYN, FIN, RST and probes.
pub const MARK: &str = "#868e96";
/// Congestion window.
pub const CWND: &str = "#3b7dd8";
/// Slow start threshold.
pub const SSTHRESH: &str = "#e03131";
/// Bytes in flight.
pub const IN_FLIGHT: &str = "#2b9348";
/// Measured round-trip times.
pub const RTT: &str = "#74a9e8";
/// Smoothed round-trip time.
pub const SRTT: &str = "#1c5fb8";
/// Retransmission timeout.
pub const RTO: &str = "#e03131";

/// Lines of one kind, one after the other.
pub const CYCLE: [&str; 10] = [
    "#3b7dd8", "#e8590c", "#2b9348", "#a03cc8", "#c79100", "#0c9db0", "#e03131", "#8d6e63",
    "#d6336c", "#7a8791",
];
