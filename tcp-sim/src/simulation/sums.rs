//! What the connections of one end of a flow say of themselves, together.

use serde::Serialize;
use tcp_core::TcpInfo;

/// Sums over all connections that an end of a flow has closed, as each was then. Names are those of
/// `struct tcp_info` and of [`TcpInfo`], which says what each counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct InfoSums {
    /// Segments with data sent, those sent again included.
    pub tcpi_data_segs_out: u64,
    /// Segments sent again.
    pub tcpi_total_retrans: u64,
    /// Payload bytes sent again.
    pub tcpi_bytes_retrans: u64,
    /// Segments that the peer reported to have come twice: sent again needlessly, unless the network
    /// copies packets.
    pub tcpi_dsack_dups: u64,
    /// Events of reordering seen.
    pub tcpi_reord_seen: u64,
    /// Retransmission timeouts.
    pub tcpi_total_rto: u64,
    /// Recoveries from them.
    pub tcpi_total_rto_recoveries: u64,
    /// Segments acknowledged with an ECN echo.
    pub tcpi_delivered_ce: u64,
    /// Segments that arrived out of order.
    pub tcpi_rcv_ooopack: u64,
    /// Payload bytes delivered.
    pub delivered_bytes: u64,
    /// Payload bytes found lost, those found wrongly included.
    pub lost_total_bytes: u64,
}

impl InfoSums {
    pub(super) fn add(&mut self, info: &TcpInfo) {
        self.tcpi_data_segs_out += info.tcpi_data_segs_out;
        self.tcpi_total_retrans += info.tcpi_total_retrans;
        self.tcpi_bytes_retrans += info.tcpi_bytes_retrans;
        self.tcpi_dsack_dups += info.tcpi_dsack_dups;
        self.tcpi_reord_seen += info.tcpi_reord_seen;
        self.tcpi_total_rto += info.tcpi_total_rto;
        self.tcpi_total_rto_recoveries += info.tcpi_total_rto_recoveries;
        self.tcpi_delivered_ce += info.tcpi_delivered_ce;
        self.tcpi_rcv_ooopack += info.tcpi_rcv_ooopack;
        self.delivered_bytes += info.delivered_bytes;
        self.lost_total_bytes += info.lost_total_bytes;
    }
}
