//! Counts of one connection.

use core::hash::{Hash, Hasher};
use core::time::Duration;

use super::limit::Limit;
use crate::pack::packs;
use crate::time::Instant;

/// What only adds up, and decides nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub(super) segs_in: u64,
    pub(super) segs_out: u64,
    pub(super) data_segs_in: u64,
    pub(super) data_segs_out: u64,
    pub(super) bytes_sent: u64,
    pub(super) bytes_retrans: u64,
    pub(super) bytes_acked: u64,
    pub(super) bytes_received: u64,
    pub(super) total_retrans: u64,
    pub(super) rcv_ooopack: u64,
    pub(super) dsack_dups: u64,
    pub(super) delivered_ce: u64,
    pub(super) total_rto: u64,
    pub(super) rto_recoveries: u64,
    pub(super) rto_time: Duration,
    /// Since when a timeout is being repaired.
    timeouts_since: Option<Instant>,
    pub(super) busy_time: Duration,
    pub(super) rwnd_limited: Duration,
    pub(super) sndbuf_limited: Duration,
    /// What the sender has been doing, and since when.
    activity: (Activity, Instant),
    pub(super) last_data_sent: Option<Instant>,
    pub(super) last_data_received: Option<Instant>,
}

packs!(Tally {
    segs_in,
    segs_out,
    data_segs_in,
    data_segs_out,
    bytes_sent,
    bytes_retrans,
    bytes_acked,
    bytes_received,
    total_retrans,
    rcv_ooopack,
    dsack_dups,
    delivered_ce,
    total_rto,
    rto_recoveries,
    rto_time,
    timeouts_since,
    busy_time,
    rwnd_limited,
    sndbuf_limited,
    activity,
    last_data_sent,
    last_data_received,
});

/// What the sender does (RFC 4898, `tcpi_busy_time` and the parts of it).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Activity {
    /// There is nothing to send, and nothing outstanding.
    #[default]
    Idle,
    /// Data is outstanding.
    Busy,
    /// The same, and the peer's window is full.
    PeerWindow,
    /// The same, and so is the send buffer, all of it sent.
    SendBuffer,
}

packs!(
    enum Activity {
        Idle,
        Busy,
        PeerWindow,
        SendBuffer,
    }
);

/// Connections that will do the same from now on have the same hash, whatever they have counted.
impl Hash for Tally {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Tally {
    /// A segment went out, which is so many on the wire.
    pub(super) fn on_data_sent(&mut self, bytes: u64, segments: u64) {
        self.data_segs_out += if bytes > 0 { segments } else { 0 };
        self.bytes_sent += bytes;
    }

    /// A repair by timeout begins.
    pub(super) fn begin_timeouts(&mut self, now: Instant) {
        self.timeouts_since.get_or_insert(now);
    }

    /// It is complete.
    pub(super) fn end_timeouts(&mut self, now: Instant) {
        if let Some(since) = self.timeouts_since.take() {
            self.rto_recoveries += 1;
            self.rto_time += now.saturating_duration_since(since);
        }
    }

    /// The sender rests: for this reason, with something outstanding or not.
    pub(super) fn note_limit(&mut self, now: Instant, limit: Limit, busy: bool, buffer_full: bool) {
        let next = match limit {
            Limit::PeerWindow => Activity::PeerWindow,
            Limit::NoData if busy && buffer_full => Activity::SendBuffer,
            Limit::NoData if !busy => Activity::Idle,
            _ => Activity::Busy,
        };
        let (activity, since) = core::mem::replace(&mut self.activity, (next, now));
        let span = now.saturating_duration_since(since);
        match activity {
            Activity::Idle => return,
            Activity::Busy => {}
            Activity::PeerWindow => self.rwnd_limited += span,
            Activity::SendBuffer => self.sndbuf_limited += span,
        }
        self.busy_time += span;
    }
}
