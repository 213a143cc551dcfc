//! The names, what they mean, their defaults and bounds.

use super::value::Value;

macro_rules! sysctls {
    ($( $(#[$doc:meta])* $name:literal $field:ident: $type:ty = $default:expr, $least:expr, $most:expr; )*) => {
        /// The sysctls of one host: a field has the last word of its name, and the kernel's default.
        /// Sockets read them when they connect or listen, so a change holds for what comes later.
        /// Those of which the documentation says what holds in any case are kept and have no effect.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct Sysctls {
            $( $(#[$doc])* #[doc = concat!("\n\n`", $name, "`")] pub $field: $type, )*
        }

        impl Default for Sysctls {
            fn default() -> Self {
                Sysctls { $( $field: $default, )* }
            }
        }

        impl Sysctls {
            /// Every name, as `sysctl -a` shows them.
            pub const NAMES: &[&str] = &[ $( $name, )* ];

            pub(super) fn read(&mut self, name: &str, text: &str) -> Option<Result<(), Wrong>> {
                match name {
                    $( $name => Some(
                        Value::read(text, $least, $most)
                            .map(|value| self.$field = value)
                            .ok_or(Wrong),
                    ), )*
                    _ => None,
                }
            }

            pub(super) fn show(&self, name: &str) -> Option<String> {
                match name {
                    $( $name => Some(Value::show(&self.$field)), )*
                    _ => None,
                }
            }
        }
    };
}

/// A value out of its bounds, or not written as it must be.
pub(super) struct Wrong;

sysctls! {
    /// Receive buffer in bytes of memory: least, at first, at most. Half of it is offered as window.
    "net.ipv4.tcp_rmem" tcp_rmem: [u32; 3] = [4_096, 131_072, 6_291_456], 1, 1 << 30;
    /// Send buffer in bytes: least, at first, at most.
    "net.ipv4.tcp_wmem" tcp_wmem: [u32; 3] = [4_096, 16_384, 4_194_304], 1, 1 << 30;
    /// Whether receive buffers grow by need.
    "net.ipv4.tcp_moderate_rcvbuf" tcp_moderate_rcvbuf: u8 = 1, 0, 1;
    /// Bytes of window before anything has arrived; it opens by two segments for each that arrives. 0 for all at once, as
    /// Linux from 6.11 on, which has no such sysctl.
    "net.ipv4.tcp_initial_rwnd" tcp_initial_rwnd: u32 = 65_535, 0, 1 << 30;
    /// The most that SO_RCVBUF takes, before it is doubled.
    "net.core.rmem_max" rmem_max: u32 = 212_992, 2_304, 1 << 30;
    /// The most that SO_SNDBUF takes, before it is doubled.
    "net.core.wmem_max" wmem_max: u32 = 212_992, 4_608, 1 << 30;
    /// The most that a backlog counts for.
    "net.core.somaxconn" somaxconn: u32 = 4_096, 0, 65_535;
    /// Half-open connections of one listener.
    "net.ipv4.tcp_max_syn_backlog" tcp_max_syn_backlog: u32 = 1_024, 1, 1 << 20;
    /// Whether a SYN is answered by a cookie: never, where the SYN queue is full, always. 0 bounds that queue by
    /// the backlog, too.
    "net.ipv4.tcp_syncookies" tcp_syncookies: u8 = 1, 0, 2;
    /// Whether a handshake that finds the accept queue full is reset.
    "net.ipv4.tcp_abort_on_overflow" tcp_abort_on_overflow: u8 = 0, 0, 1;
    /// First and last ephemeral port.
    "net.ipv4.ip_local_port_range" ip_local_port_range: [u32; 2] = [32_768, 60_999], 1, 65_535;
    /// Whether `bind` takes addresses that are not ours.
    "net.ipv4.ip_nonlocal_bind" ip_nonlocal_bind: u8 = 0, 0, 1;
    /// Beyond 0, IP_MTU_DISCOVER begins with DONT.
    "net.ipv4.ip_no_pmtu_disc" ip_no_pmtu_disc: u8 = 0, 0, 3;
    /// TTL and hop limit.
    "net.ipv4.ip_default_ttl" ip_default_ttl: u8 = 64, 1, 255;
    /// Retransmissions of a SYN.
    "net.ipv4.tcp_syn_retries" tcp_syn_retries: u8 = 6, 1, 127;
    /// Retransmissions of a SYN before its timeout is doubled for each.
    "net.ipv4.tcp_syn_linear_timeouts" tcp_syn_linear_timeouts: u8 = 4, 0, 127;
    /// Retransmissions of a SYN-ACK.
    "net.ipv4.tcp_synack_retries" tcp_synack_retries: u8 = 5, 0, 255;
    /// Retransmissions after which the path is doubted.
    "net.ipv4.tcp_retries1" tcp_retries1: u8 = 3, 0, 255;
    /// Retransmissions after which a connection ends.
    "net.ipv4.tcp_retries2" tcp_retries2: u8 = 15, 0, 255;
    /// Seconds that FIN-WAIT-2 of a closed socket lasts.
    "net.ipv4.tcp_fin_timeout" tcp_fin_timeout: u32 = 60, 0, 1 << 20;
    /// Idle seconds before the first keep-alive probe.
    "net.ipv4.tcp_keepalive_time" tcp_keepalive_time: u32 = 7_200, 1, 1 << 20;
    /// Seconds between keep-alive probes.
    "net.ipv4.tcp_keepalive_intvl" tcp_keepalive_intvl: u32 = 75, 1, 1 << 20;
    /// Unanswered probes that end a connection.
    "net.ipv4.tcp_keepalive_probes" tcp_keepalive_probes: u8 = 9, 1, 255;
    /// Least segments of a large one.
    "net.ipv4.tcp_min_tso_segs" tcp_min_tso_segs: u8 = 2, 1, 255;
    /// The part of the window that one large segment may take.
    "net.ipv4.tcp_tso_win_divisor" tcp_tso_win_divisor: u8 = 3, 0, 255;
    /// How large segments grow on short paths.
    "net.ipv4.tcp_tso_rtt_log" tcp_tso_rtt_log: u8 = 9, 0, 255;
    /// reno, cubic or bbr.
    "net.ipv4.tcp_congestion_control" tcp_congestion_control: String = "cubic".to_owned(), 0, 0;
    /// 0: no ECN; 1: asked for and agreed to; 2: agreed to.
    "net.ipv4.tcp_ecn" tcp_ecn: u8 = 2, 0, 2;
    /// Whether a SYN that asked for ECN in vain is repeated without.
    "net.ipv4.tcp_ecn_fallback" tcp_ecn_fallback: u8 = 1, 0, 1;
    /// Selective acknowledgements.
    "net.ipv4.tcp_sack" tcp_sack: u8 = 1, 0, 1;
    /// Reports of duplicates.
    "net.ipv4.tcp_dsack" tcp_dsack: u8 = 1, 0, 1;
    /// Timestamps; 1 and 2 are the same here, with a random offset always.
    "net.ipv4.tcp_timestamps" tcp_timestamps: u8 = 1, 0, 2;
    /// Window scaling.
    "net.ipv4.tcp_window_scaling" tcp_window_scaling: u8 = 1, 0, 1;
    /// Tail loss probes from 3 on.
    "net.ipv4.tcp_early_retrans" tcp_early_retrans: u8 = 3, 0, 4;
    /// Bit 0: losses are found by RACK.
    "net.ipv4.tcp_recovery" tcp_recovery: u8 = 1, 0, 255;
    /// F-RTO.
    "net.ipv4.tcp_frto" tcp_frto: u8 = 2, 0, 255;
    /// Whether the window starts anew after a pause.
    "net.ipv4.tcp_slow_start_after_idle" tcp_slow_start_after_idle: u8 = 1, 0, 1;
    /// Bytes that may wait to be sent.
    "net.ipv4.tcp_notsent_lowat" tcp_notsent_lowat: u32 = u32::MAX, 0, u32::MAX;
    /// Least retransmission timeout, in microseconds.
    "net.ipv4.tcp_rto_min_us" tcp_rto_min_us: u32 = 200_000, 1_000, 120_000_000;
    /// Greatest retransmission timeout, in milliseconds.
    "net.ipv4.tcp_rto_max_ms" tcp_rto_max_ms: u32 = 120_000, 1_000, 120_000;
    /// Retransmissions and probes after which a closed socket's connection ends; 0 for 8.
    "net.ipv4.tcp_orphan_retries" tcp_orphan_retries: u8 = 0, 0, 255;
    /// Closed sockets whose connections still send or wait; one more is reset.
    "net.ipv4.tcp_max_orphans" tcp_max_orphans: u32 = 65_536, 0, u32::MAX;
    /// Pages of memory of all buffers: where pressure ends, where it begins, and the most.
    "net.ipv4.tcp_mem" tcp_mem: [u32; 3] = [196_608, 262_144, 393_216], 0, u32::MAX;
    /// Challenge ACKs a second of all connections together.
    "net.ipv4.tcp_challenge_ack_limit" tcp_challenge_ack_limit: u32 = i32::MAX as u32, 0, u32::MAX;
    /// Connections in TIME-WAIT; one more takes the place of the oldest.
    "net.ipv4.tcp_max_tw_buckets" tcp_max_tw_buckets: u32 = 65_536, 0, u32::MAX;
    /// Whether TIME-WAIT ignores RST.
    "net.ipv4.tcp_rfc1337" tcp_rfc1337: u8 = 0, 0, 1;
    /// Bits: 0x1 data in the SYN of clients, 0x2 of servers, 0x4 clients without cookies, 0x200 servers without,
    /// 0x400 every listener, and not only those with TCP_FASTOPEN.
    "net.ipv4.tcp_fastopen" tcp_fastopen: u32 = 1, 0, u32::MAX;
    /// For so many seconds clients do without data in the SYN when the network seems to swallow it; 0 for never.
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec" tcp_fastopen_blackhole_timeout_sec: u32 = 0, 0, u32::MAX;
    /// One key or two, each four words in hexadecimal digits; empty for one that the host chooses.
    "net.ipv4.tcp_fastopen_key" tcp_fastopen_key: String = String::new(), 0, 0;

    /// When the path's MTU is searched for by probes. 0: never; 1: after timeouts in a row; 2: always.
    "net.ipv4.tcp_mtu_probing" tcp_mtu_probing: u8 = 0, 0, 2;
    /// Payload bytes that the search for the path's MTU begins with.
    "net.ipv4.tcp_base_mss" tcp_base_mss: u32 = 1_024, 88, 65_535;
    /// The least payload that timeouts in a row lead to.
    "net.ipv4.tcp_mtu_probe_floor" tcp_mtu_probe_floor: u32 = 48, 48, 65_535;
    /// Seconds after which the search for the path's MTU may begin anew.
    "net.ipv4.tcp_probe_interval" tcp_probe_interval: u32 = 600, 0, u32::MAX;
    /// Bytes between what passes and what does not, below which the search ends.
    "net.ipv4.tcp_probe_threshold" tcp_probe_threshold: u32 = 8, 0, u32::MAX;
    /// The least MSS that the path's MTU leads to; a peer's is never taken for less than 88.
    "net.ipv4.tcp_min_snd_mss" tcp_min_snd_mss: u32 = 48, 48, 65_535;

    /// With `fq` every connection is paced; there is no queue else.
    "net.core.default_qdisc" default_qdisc: String = "pfifo_fast".to_owned(), 0, 0;

    // Kept, and without effect.

    /// No metrics are saved, as if it were 1.
    "net.ipv4.tcp_no_metrics_save" tcp_no_metrics_save: u8 = 0, 0, 1;
    /// There is no device queue to wait for.
    "net.ipv4.tcp_autocorking" tcp_autocorking: u8 = 1, 0, 1;
    /// There is no device queue to bound.
    "net.ipv4.tcp_limit_output_bytes" tcp_limit_output_bytes: u32 = 4_194_304, 0, u32::MAX;
    /// Obsolete in Linux as well.
    "net.ipv4.tcp_adv_win_scale" tcp_adv_win_scale: u32 = 1, 0, u32::MAX;
    /// Nothing of the window is kept back.
    "net.ipv4.tcp_app_win" tcp_app_win: u8 = 31, 0, 31;
    /// Obsolete in Linux as well.
    "net.ipv4.tcp_fack" tcp_fack: u8 = 0, 0, 255;
    /// Obsolete in Linux as well.
    "net.ipv4.tcp_low_latency" tcp_low_latency: u32 = 0, 0, u32::MAX;
    /// What arrives finds its connection in any case.
    "net.ipv4.tcp_early_demux" tcp_early_demux: u8 = 1, 0, 1;
    /// The least round-trip time is of the whole connection.
    "net.ipv4.tcp_min_rtt_wlen" tcp_min_rtt_wlen: u32 = 300, 0, 86_400;
    /// No metrics are saved.
    "net.ipv4.tcp_no_ssthresh_metrics_save" tcp_no_ssthresh_metrics_save: u8 = 1, 0, 1;
    /// No option of AccECN is sent.
    "net.ipv4.tcp_ecn_option" tcp_ecn_option: u8 = 2, 0, 2;
    /// No option of AccECN is sent.
    "net.ipv4.tcp_ecn_option_beacon" tcp_ecn_option_beacon: u8 = 3, 0, 3;
    /// What is sent again is joined with its neighbours in any case.
    "net.ipv4.tcp_retrans_collapse" tcp_retrans_collapse: u8 = 1, 0, 1;
    /// Answers have the Diffserv code point of the socket.
    "net.ipv4.tcp_reflect_tos" tcp_reflect_tos: u8 = 0, 0, 1;
    /// The flow label of a connection stays.
    "net.ipv4.tcp_plb_enabled" tcp_plb_enabled: u8 = 0, 0, 1;
    /// A port in TIME-WAIT is not used for the same destination.
    "net.ipv4.tcp_tw_reuse_delay" tcp_tw_reuse_delay: u32 = 1_000, 0, 60_000;
    /// Reordering is learnt from what arrives.
    "net.ipv4.tcp_reordering" tcp_reordering: u32 = 3, 1, 300;
    /// Reordering is learnt from what arrives.
    "net.ipv4.tcp_max_reordering" tcp_max_reordering: u32 = 300, 1, u32::MAX;
    /// Answers to what is unacceptable are 500 ms apart.
    "net.ipv4.tcp_invalid_ratelimit" tcp_invalid_ratelimit: u32 = 500, 0, u32::MAX;
    /// A port in TIME-WAIT is not used for the same destination.
    "net.ipv4.tcp_tw_reuse" tcp_tw_reuse: u8 = 2, 0, 2;
    /// The rate is 200 % of window and round trip in slow start.
    "net.ipv4.tcp_pacing_ss_ratio" tcp_pacing_ss_ratio: u32 = 200, 0, 1_000;
    /// The rate is 120 % of it after.
    "net.ipv4.tcp_pacing_ca_ratio" tcp_pacing_ca_ratio: u32 = 120, 0, 1_000;
    /// Acknowledgements are not compressed.
    "net.ipv4.tcp_comp_sack_delay_ns" tcp_comp_sack_delay_ns: u32 = 1_000_000, 0, u32::MAX;
    /// Acknowledgements are not compressed.
    "net.ipv4.tcp_comp_sack_slack_ns" tcp_comp_sack_slack_ns: u32 = 100_000, 0, u32::MAX;
    /// Acknowledgements are not compressed.
    "net.ipv4.tcp_comp_sack_nr" tcp_comp_sack_nr: u8 = 44, 0, 255;
    /// There is no backlog.
    "net.ipv4.tcp_backlog_ack_defer" tcp_backlog_ack_defer: u8 = 1, 0, 1;
    /// Timeouts are doubled always.
    "net.ipv4.tcp_thin_linear_timeouts" tcp_thin_linear_timeouts: u8 = 0, 0, 1;
    /// Windows are unsigned.
    "net.ipv4.tcp_workaround_signed_windows" tcp_workaround_signed_windows: u8 = 0, 0, 1;
    /// The urgent pointer points behind the urgent octet.
    "net.ipv4.tcp_stdurg" tcp_stdurg: u8 = 0, 0, 1;
    /// One answer makes a session interactive.
    "net.ipv4.tcp_pingpong_thresh" tcp_pingpong_thresh: u8 = 1, 1, 255;
    /// The right edge of the window does not move back.
    "net.ipv4.tcp_shrink_window" tcp_shrink_window: u8 = 0, 0, 1;
    /// No port is kept from ephemeral use.
    "net.ipv4.ip_local_reserved_ports" ip_local_reserved_ports: String = String::new(), 0, 0;
    /// Ephemeral ports of `bind` are not shared.
    "net.ipv4.ip_autobind_reuse" ip_autobind_reuse: u8 = 0, 0, 1;
    /// The bound is fixed.
    "net.ipv4.route.min_pmtu" min_pmtu: u32 = 552, 68, u32::MAX;
    /// A connection keeps what it has learnt.
    "net.ipv4.route.mtu_expires" mtu_expires: u32 = 600, 0, u32::MAX;
    /// TCP has tcp_rmem.
    "net.core.rmem_default" rmem_default: u32 = 212_992, 2_304, u32::MAX;
    /// TCP has tcp_wmem.
    "net.core.wmem_default" wmem_default: u32 = 212_992, 4_608, u32::MAX;
    /// Ancillary memory is not counted.
    "net.core.optmem_max" optmem_max: u32 = 131_072, 0, u32::MAX;
}
