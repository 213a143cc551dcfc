//! What can be told of a connection.

use core::time::Duration;

use super::machine::Connection;
use crate::recv::tuning::RightSizing;
use crate::seq::SeqNumber;
use crate::state::State;
use crate::stats::TcpInfo;
use crate::time::Instant;

impl Connection {
    /// A snapshot of everything worth knowing (RFC 9293 §3.10.6, `TCP_INFO`).
    pub fn info(&self, now: Instant) -> TcpInfo {
        let (scoreboard, tally) = (&self.snd.scoreboard, &self.tally);
        let (sizing, scales) = (self.rcv.sizing.as_ref(), self.agreed.scales);
        let (unacked, sacked, lost) = scoreboard.segments();
        let (tcpi_delivery_rate, tcpi_delivery_rate_app_limited) = self.snd.rate.latest();
        let since = |at| now.saturating_duration_since(at);
        TcpInfo {
            tcpi_state: self.state,
            tcpi_retransmits: self.snd.retries,
            tcpi_probes: self.snd.probes.max(self.keep_alive_probes),
            timestamps: self.agreed.timestamps,
            sack: self.agreed.sack,
            tcpi_snd_wscale: scales.map(|scales| scales.send.shift()),
            tcpi_rcv_wscale: scales.map(|scales| scales.recv.shift()),
            tcpi_rto: self.rtt.rto(),
            tcpi_ato: self.rcv.ack_policy.ato(),
            tcpi_snd_mss: self.full_payload(),
            tcpi_rcv_mss: self.rcv.ack_policy.rcv_mss(),
            path_mss: self.agreed.path_mss.into(),
            mtu_search: self.mtu_bounds(),
            tcpi_advmss: u32::from(super::agreed::announced_mss(&self.config, &self.setup)),
            unacked_bytes: self.snd.nxt - self.snd.una,
            sacked_bytes: scoreboard.sacked(),
            lost_bytes: scoreboard.lost(),
            in_flight_bytes: u64::from(self.in_flight()),
            tcpi_rtt: self.rtt.srtt().unwrap_or_default(),
            tcpi_rttvar: self.rtt.rttvar(),
            tcpi_min_rtt: self.rtt.min_rtt().unwrap_or_default(),
            tcpi_snd_ssthresh: self.congestion.ssthresh(),
            tcpi_snd_cwnd: self.cwnd(),
            tcpi_snd_wnd: self.snd.window.bytes(),
            tcpi_rcv_wnd: self.window_left(),
            tcpi_rcv_ssthresh: self.rcv.window.opened(),
            tcpi_rcv_space: sizing.map_or(0, RightSizing::space),
            tcpi_rcv_rtt: sizing.and_then(RightSizing::rtt).unwrap_or_default(),
            recv_buffer: self.rcv.window.capacity() as usize,
            send_buffer: self.snd.buffer.capacity(),
            unread_bytes: self.rcv.reassembly.unread(),
            tcpi_notsent_bytes: self.snd.buffer.end().saturating_sub(self.snd.nxt.max(1)),
            tcpi_segs_out: tally.segs_out,
            tcpi_segs_in: tally.segs_in,
            tcpi_data_segs_out: tally.data_segs_out,
            tcpi_data_segs_in: tally.data_segs_in,
            tcpi_bytes_sent: tally.bytes_sent,
            tcpi_bytes_retrans: tally.bytes_retrans,
            tcpi_bytes_acked: tally.bytes_acked,
            tcpi_bytes_received: tally.bytes_received,
            tcpi_total_retrans: tally.total_retrans,
            tcpi_rcv_ooopack: tally.rcv_ooopack,
            tcpi_dsack_dups: tally.dsack_dups,
            congestion: self.congestion.name(),
            tcpi_ca_state: self.recovery.phase(),
            tcpi_backoff: self.rtt.backoff(),
            tcpi_unacked: unacked,
            tcpi_sacked: sacked,
            tcpi_lost: lost,
            tcpi_retrans: scoreboard.resent_segments(self.full_payload()),
            tcpi_reordering: self.recovery.reordering(),
            tcpi_reord_seen: u64::from(self.recovery.reorderings()),
            reordering_window: self.reordering_window(),
            tcpi_pacing_rate: self.rate(),
            tcpi_max_pacing_rate: self.max_pacing_rate(),
            tcpi_delivery_rate,
            tcpi_delivery_rate_app_limited,
            delivered_bytes: self.snd.rate.delivered(),
            lost_total_bytes: self.snd.rate.lost(),
            tcpi_delivered_ce: tally.delivered_ce,
            ecn: self.is_ecn_capable(),
            ecn_seen: self.ecn.has_seen_capable(),
            syn_data: self.fast_open_marks.syn_data(),
            tcpi_fastopen_client_fail: self.fast_open_marks.failure(),
            tcpi_total_rto: tally.total_rto,
            tcpi_total_rto_recoveries: tally.rto_recoveries,
            tcpi_total_rto_time: tally.rto_time,
            tcpi_busy_time: tally.busy_time,
            tcpi_rwnd_limited: tally.rwnd_limited,
            tcpi_sndbuf_limited: tally.sndbuf_limited,
            tcpi_last_data_sent: tally.last_data_sent.map(since),
            tcpi_last_data_recv: tally.last_data_received.map(since),
            tcpi_last_ack_recv: since(self.last_heard),
        }
    }

    /// RCV.NXT: the next number that is expected of the peer, acknowledged or not. For tests and diagnosis; it means nothing
    /// before the peer's SYN has arrived.
    pub fn rcv_nxt(&self) -> SeqNumber {
        self.rcv.irs.at_offset(self.rcv.nxt())
    }

    /// How long RACK waits for what may have been overtaken.
    fn reordering_window(&self) -> Duration {
        let (min_rtt, srtt) = (self.rtt.min_rtt(), self.rtt.srtt());
        let mss = self.full_payload();
        self.recovery
            .reordering_window(&self.snd.scoreboard, mss, min_rtt, srtt)
    }

    /// What is left of the window that we last announced, in the units that the peer sees.
    fn window_left(&self) -> u32 {
        if matches!(self.state, State::SynSent | State::SynReceived) {
            return 0;
        }
        let window = self.rcv.window.repeat(self.ack_offset());
        window.bytes(self.agreed.recv_scale())
    }
}
