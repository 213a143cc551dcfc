//! What a controller is told.

use core::time::Duration;

use crate::state::Phase;
use crate::time::{Instant, by_the_second};

/// What one acknowledgement tells the congestion control. Sizes are bytes of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AckSample {
    /// When the acknowledgement arrived.
    pub now: Instant,
    /// Bytes that it newly delivered, cumulatively or selectively.
    pub delivered: u32,
    /// Bytes that it newly showed to be lost.
    pub lost: u32,
    /// Bytes in the network before it arrived.
    pub prior_in_flight: u32,
    /// Bytes in the network after it, and before anything is sent in answer.
    pub in_flight: u32,
    /// SND.UNA after it, as an offset in the stream.
    pub una: u64,
    /// SND.NXT, as an offset in the stream: what is acknowledged beyond it belongs to a later round
    /// trip.
    pub nxt: u64,
    /// The round-trip time that it measured.
    pub rtt: Option<Duration>,
    /// The least round-trip time that the connection has seen.
    pub min_rtt: Option<Duration>,
    /// Whether the congestion window, and not the application or the peer's window, has been what
    /// kept the sender from sending more.
    pub cwnd_limited: bool,
    /// Whether it acknowledges new data cumulatively, or only reports it where reordering is so usual that a report
    /// is as good.
    pub in_order: bool,
    /// Whether the connection spreads what it sends over the round trip.
    pub paced: bool,
    /// Where the repair of losses stands.
    pub phase: Phase,
    /// The rate at which the network delivered lately, where this acknowledgement measures it.
    pub rate: Option<RateSample>,
    /// Bytes delivered since the connection began, this acknowledgement's included.
    pub total_delivered: u64,
    /// Bytes found lost since the connection began, this acknowledgement's included.
    pub total_lost: u64,
}

impl AckSample {
    /// Whether a window that is counted in acknowledgements may grow: the window is used in full, no reduction is
    /// under way, and nothing is missing (RFC 5681 §3.1 counts what acknowledges new data).
    pub fn may_grow(&self) -> bool {
        self.cwnd_limited && self.in_order && matches!(self.phase, Phase::Open | Phase::Loss)
    }
}

#[cfg(test)]
impl AckSample {
    /// Nothing delivered, in an open phase, with the window used in full; for tests.
    pub(crate) fn of_round(now: Instant, una: u64, nxt: u64) -> AckSample {
        AckSample {
            now,
            delivered: 0,
            lost: 0,
            prior_in_flight: (nxt - una) as u32,
            in_flight: (nxt - una) as u32,
            una,
            nxt,
            rtt: None,
            min_rtt: None,
            cwnd_limited: true,
            in_order: true,
            paced: false,
            phase: Phase::Open,
            rate: None,
            total_delivered: una,
            total_lost: 0,
        }
    }
}

/// How fast the network delivered between the sending of a packet and its acknowledgement
/// (draft-ietf-ccwg-bbr, "Delivery Rate Samples").
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RateSample {
    /// Bytes delivered over `interval`.
    pub delivered: u64,
    /// The longer of the times over which this was sent and acknowledged; above zero.
    pub interval: Duration,
    /// `total_delivered` when the packet was sent: a round trip has passed once this reaches what
    /// `total_delivered` was at its start.
    pub prior_delivered: u64,
    /// Bytes in the network just after the packet was sent.
    pub tx_in_flight: u32,
    /// Bytes found lost since the packet was sent.
    pub lost: u64,
    /// The round-trip time of the packet, by when it was last sent.
    pub rtt: Duration,
    /// Whether the packet was sent when the application had less to send than the window let go: the
    /// rate is a lower bound.
    pub app_limited: bool,
}

impl RateSample {
    /// Bytes a second.
    pub fn rate(&self) -> u64 {
        let nanos = self.interval.as_nanos().max(1);
        by_the_second(self.delivered, nanos)
    }
}

/// A segment with data goes out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SentSample {
    /// Now.
    pub now: Instant,
    /// Bytes of the stream that it carries.
    pub bytes: u32,
    /// Bytes in the network before it.
    pub prior_in_flight: u32,
    /// Whether the application, and not a window, last kept the sender from sending.
    pub app_limited: bool,
}

/// A segment was found to be lost.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LostSample {
    /// Now.
    pub now: Instant,
    /// Bytes of the stream that it carried.
    pub bytes: u32,
    /// Bytes in the network just after it was sent.
    pub tx_in_flight: u32,
    /// Bytes found lost from when it was sent until now, its own included.
    pub lost_since_sent: u64,
    /// `total_delivered` when it was sent.
    pub prior_delivered: u64,
    /// `total_delivered` now.
    pub total_delivered: u64,
    /// Whether the application had less to send than the window let go when it was sent.
    pub app_limited: bool,
}

/// Why the window must shrink.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CongestionSignal {
    /// Data was lost.
    Loss,
    /// The network marked packets (ECN, RFC 3168).
    Ecn,
}

/// Congestion, told once for each window of data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CongestionEvent {
    /// Now.
    pub now: Instant,
    /// What told of it.
    pub signal: CongestionSignal,
    /// FlightSize of RFC 5681: bytes sent and not cumulatively acknowledged, before the
    /// acknowledgement that told of it.
    pub flight_size: u32,
}

/// Whether a timeout is the first since data was last acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Repeated {
    /// It is the first.
    First,
    /// The same data has timed out before.
    Again,
}
