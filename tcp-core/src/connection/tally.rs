//! Counts of one connection.

use core::hash::{Hash, Hasher};

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
}

/// Connections that will do the same from now on have the same hash, whatever they have counted.
impl Hash for Tally {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Tally {
    pub(super) fn on_data_sent(&mut self, bytes: u64) {
        self.data_segs_out += u64::from(bytes > 0);
        self.bytes_sent += bytes;
    }
}
