//! `struct tcp_info` as the kernel lays it out on x86-64 (linux/tcp.h, Linux 6.12).

use std::net::SocketAddr;
use std::time::Duration;

use tcp_core::congestion::Phase;
use tcp_core::{State, TcpInfo};

use super::constants::{
    TCP_CA_CWR, TCP_CA_DISORDER, TCP_CA_LOSS, TCP_CA_OPEN, TCP_CA_RECOVERY, TCP_CLOSE,
    TCP_CLOSE_WAIT, TCP_CLOSING, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_LAST_ACK,
    TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT, TCPI_OPT_ECN, TCPI_OPT_ECN_SEEN, TCPI_OPT_SACK,
    TCPI_OPT_SYN_DATA, TCPI_OPT_TIMESTAMPS, TCPI_OPT_WSCALE,
};

/// What the core does not know.
const NOT_KNOWN: u32 = 0;

/// A threshold that was never set (`TCP_INFINITE_SSTHRESH`).
const INFINITE: u32 = 0x7fff_ffff;

/// Bytes of the headers in front of a segment without options.
pub(super) fn header_len(local: SocketAddr) -> u32 {
    match local {
        SocketAddr::V4(_) => 20 + 20,
        SocketAddr::V6(_) => 40 + 20,
    }
}

/// Of a socket without a connection.
pub(super) fn of_closed() -> Vec<u8> {
    let mut layout = Layout::default();
    layout.u8(TCP_CLOSE as u8);
    layout.finish()
}

/// Of a socket that listens: `tcpi_unacked` tells how many wait, `tcpi_sacked` how many may.
pub(super) fn of_listener(waiting: usize, backlog: u32) -> Vec<u8> {
    let mut layout = Layout::default();
    layout.u8(TCP_LISTEN as u8);
    layout.skip(23);
    layout.u32(waiting);
    layout.u32(backlog);
    layout.finish()
}

/// Of a connection with so many bytes of headers. Fields that the core does not know are zero.
pub(super) fn of_connection(info: &TcpInfo, headers: u32) -> Vec<u8> {
    let mut layout = Layout::default();
    head(&mut layout, info);
    let segments = |bytes: u32| bytes / info.tcpi_snd_mss.max(1);
    let last_sent = info.tcpi_last_data_sent.unwrap_or_default();
    let last_received = info.tcpi_last_data_recv.unwrap_or_default();
    layout.millis(last_sent);
    layout.u32(NOT_KNOWN); // tcpi_last_ack_sent, which Linux does not know either
    layout.millis(last_received);
    layout.millis(info.tcpi_last_ack_recv);
    layout.u32(info.path_mss + headers);
    layout.u32(info.tcpi_rcv_ssthresh);
    layout.micros(info.tcpi_rtt);
    layout.micros(info.tcpi_rttvar);
    layout.u32(match info.tcpi_snd_ssthresh {
        u32::MAX => INFINITE,
        bytes => segments(bytes),
    });
    layout.u32(segments(info.tcpi_snd_cwnd));
    layout.u32(info.tcpi_advmss);
    layout.u32(info.tcpi_reordering);
    layout.micros(info.tcpi_rcv_rtt);
    layout.u32(info.tcpi_rcv_space);
    layout.u32(info.tcpi_total_retrans);
    tail(&mut layout, info);
    layout.finish()
}

/// Up to the counts of what is under way.
fn head(layout: &mut Layout, info: &TcpInfo) {
    layout.u8(state(info.tcpi_state) as u8);
    layout.u8(match info.tcpi_ca_state {
        Phase::Open if info.tcpi_sacked > 0 || info.tcpi_retrans > 0 => TCP_CA_DISORDER,
        Phase::Open => TCP_CA_OPEN,
        Phase::Reduction => TCP_CA_CWR,
        Phase::Recovery => TCP_CA_RECOVERY,
        Phase::Loss => TCP_CA_LOSS,
    } as u8);
    layout.u8(info.tcpi_retransmits);
    layout.u8(info.tcpi_probes);
    layout.u8(info.tcpi_backoff);
    let options = [
        (info.timestamps, TCPI_OPT_TIMESTAMPS),
        (info.sack, TCPI_OPT_SACK),
        (info.tcpi_snd_wscale.is_some(), TCPI_OPT_WSCALE),
        (info.ecn, TCPI_OPT_ECN),
        (info.ecn_seen, TCPI_OPT_ECN_SEEN),
        (info.syn_data, TCPI_OPT_SYN_DATA),
    ];
    let options = options.iter().filter(|(agreed, _)| *agreed);
    layout.u8(options.map(|(_, bit)| *bit as u8).sum());
    let (theirs, ours) = (info.tcpi_snd_wscale, info.tcpi_rcv_wscale);
    layout.u8(theirs.unwrap_or(0) | (ours.unwrap_or(0) << 4));
    let limited = u8::from(info.tcpi_delivery_rate_app_limited);
    layout.u8(limited | (info.tcpi_fastopen_client_fail as u8) << 1);
    layout.micros(info.tcpi_rto);
    layout.micros(info.tcpi_ato);
    layout.u32(info.tcpi_snd_mss);
    layout.u32(info.tcpi_rcv_mss);
    layout.u32(info.tcpi_unacked);
    layout.u32(info.tcpi_sacked);
    // What was lost counts until it has arrived, and what is sent again counts beside it.
    let repairs = matches!(info.tcpi_ca_state, Phase::Recovery | Phase::Loss);
    layout.u32(info.tcpi_lost + if repairs { info.tcpi_retrans } else { 0 });
    layout.u32(info.tcpi_retrans);
    layout.u32(NOT_KNOWN); // tcpi_fackets, which Linux does not know any more
}

/// From the pacing rate on.
fn tail(layout: &mut Layout, info: &TcpInfo) {
    layout.u64(info.tcpi_pacing_rate.unwrap_or(u64::MAX));
    layout.u64(info.tcpi_max_pacing_rate.unwrap_or(u64::MAX));
    layout.u64(info.tcpi_bytes_acked);
    layout.u64(info.tcpi_bytes_received);
    layout.u32(info.tcpi_segs_out);
    layout.u32(info.tcpi_segs_in);
    layout.u32(info.tcpi_notsent_bytes);
    layout.micros(info.tcpi_min_rtt);
    layout.u32(info.tcpi_data_segs_in);
    layout.u32(info.tcpi_data_segs_out);
    layout.u64(info.tcpi_delivery_rate);
    for time in [
        info.tcpi_busy_time,
        info.tcpi_rwnd_limited,
        info.tcpi_sndbuf_limited,
    ] {
        layout.u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }
    // The core counts bytes; Linux counts segments, our SYN among them.
    let mss = u64::from(info.tcpi_snd_mss.max(1));
    let opened = u64::from(info.tcpi_state.is_synchronized());
    layout.u32(opened + info.delivered_bytes.div_ceil(mss));
    layout.u32(info.tcpi_delivered_ce);
    layout.u64(info.tcpi_bytes_sent);
    layout.u64(info.tcpi_bytes_retrans);
    layout.u32(info.tcpi_dsack_dups);
    layout.u32(info.tcpi_reord_seen);
    layout.u32(info.tcpi_rcv_ooopack);
    layout.u32(info.tcpi_snd_wnd);
    layout.u32(info.tcpi_rcv_wnd);
    layout.u32(NOT_KNOWN); // tcpi_rehash: there is one path
    layout.u16(info.tcpi_total_rto);
    layout.u16(info.tcpi_total_rto_recoveries);
    layout.millis(info.tcpi_total_rto_time);
}

const fn state(state: State) -> i32 {
    match state {
        State::Established => TCP_ESTABLISHED,
        State::SynSent => TCP_SYN_SENT,
        State::SynReceived => TCP_SYN_RECV,
        State::FinWait1 => TCP_FIN_WAIT1,
        State::FinWait2 => TCP_FIN_WAIT2,
        // A socket whose connection is in TIME-WAIT has left it.
        State::TimeWait | State::Closed => TCP_CLOSE,
        State::CloseWait => TCP_CLOSE_WAIT,
        State::LastAck => TCP_LAST_ACK,
        State::Closing => TCP_CLOSING,
    }
}

/// A structure that is written field by field; what exceeds its field counts as the greatest value.
#[derive(Default)]
struct Layout {
    bytes: Vec<u8>,
}

impl Layout {
    const LEN: usize = 248;

    fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    fn u16(&mut self, value: u64) {
        let value = u16::try_from(value).unwrap_or(u16::MAX);
        self.bytes.extend(value.to_ne_bytes());
    }

    fn u32(&mut self, value: impl TryInto<u32>) {
        let value = value.try_into().unwrap_or(u32::MAX);
        self.bytes.extend(value.to_ne_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes.extend(value.to_ne_bytes());
    }

    fn micros(&mut self, time: Duration) {
        self.u32(time.as_micros());
    }

    fn millis(&mut self, time: Duration) {
        self.u32(time.as_millis());
    }

    fn skip(&mut self, len: usize) {
        self.bytes.resize(self.bytes.len() + len, 0);
    }

    fn finish(mut self) -> Vec<u8> {
        debug_assert!(self.bytes.len() <= Layout::LEN, "no field beyond the last");
        self.bytes.resize(Layout::LEN, 0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u32_at(bytes: &[u8], at: usize) -> u32 {
        u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn fields_lie_where_the_kernel_has_them() {
        let info = TcpInfo {
            tcpi_state: State::CloseWait,
            sack: true,
            timestamps: true,
            tcpi_snd_wscale: Some(7),
            tcpi_rcv_wscale: Some(8),
            tcpi_rto: Duration::from_millis(201),
            tcpi_snd_mss: 1_000,
            tcpi_snd_cwnd: 10_500,
            tcpi_snd_ssthresh: u32::MAX,
            path_mss: 1_460,
            tcpi_rtt: Duration::from_micros(333),
            tcpi_total_retrans: 5,
            tcpi_segs_out: 6,
            tcpi_notsent_bytes: 77,
            tcpi_delivered_ce: 3,
            tcpi_rcv_wnd: 4_096,
            tcpi_total_rto_time: Duration::from_millis(9),
            ..TcpInfo::default()
        };
        let bytes = of_connection(&info, 40);
        assert_eq!(bytes.len(), 248);
        assert_eq!((bytes[0], bytes[5], bytes[6]), (8, 7, 0x87));
        for (at, value) in [
            (8, 201_000),
            (16, 1_000),
            (60, 1_500),
            (68, 333),
            (76, INFINITE),
            (80, 10),
            (100, 5),
            (136, 6),
            (144, 77),
            (196, 3),
            (232, 4_096),
            (244, 9),
        ] {
            assert_eq!(u32_at(&bytes, at), value, "at {at}");
        }
    }

    #[test]
    fn a_listener_tells_of_its_queue() {
        let bytes = of_listener(3, 128);
        assert_eq!(bytes[0], 10);
        assert_eq!((u32_at(&bytes, 24), u32_at(&bytes, 28)), (3, 128));
        assert_eq!(of_closed()[0], 7);
    }
}
