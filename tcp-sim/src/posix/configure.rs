//! How the core is to run a socket: what its options say, and the sysctls where they say nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use tcp_core::config::MIN_MSS;
use tcp_core::congestion::CubicOptions;
use tcp_core::{
    Admission, BufferSize, CloseMode, CongestionAlgorithm, KeepAlive, ListenConfig, ListenFastOpen,
    MtuDiscovery, PortSharing, RecoveryConfig, SendQueue, TcpConfig, ValidConfig, WindowScaling,
};

use super::address::Domain;
use super::constants::{
    IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_INTERFACE, IP_PMTUDISC_OMIT, IP_PMTUDISC_PROBE,
    IP_PMTUDISC_WANT,
};
use super::settings::{Linger2, Settings};
use super::sysctl::Sysctls;

/// What Linux counts for a piece of the send queue beside its payload (`SKB_TRUESIZE(0)` and headers).
const CHUNK_OVERHEAD: u32 = 1_280;

/// What a connection is configured as.
pub(super) struct Configuration<'a> {
    pub(super) sysctls: &'a Sysctls,
    pub(super) settings: &'a Settings,
    pub(super) domain: Domain,
    /// Of the device, in bytes.
    pub(super) mtu: u16,
}

impl Configuration<'_> {
    /// The configuration of a connection. What options and sysctls may be set to lies within the bounds.
    pub(super) fn tcp(&self) -> ValidConfig {
        let config = self.unchecked();
        let valid = config.validate();
        debug_assert!(valid.is_ok(), "{valid:?}");
        valid.unwrap_or_default()
    }

    /// The configuration of a listener with room for `backlog` connections.
    pub(super) fn listen(&self, backlog: usize) -> ListenConfig {
        let sysctls = self.sysctls;
        let syn_backlog = sysctls.tcp_max_syn_backlog as usize;
        ListenConfig {
            backlog,
            // `tcp_conn_request`: with cookies the queue may be as long as it likes, but here it has a bound.
            syn_backlog: if sysctls.tcp_syncookies == 0 {
                (backlog + 1).min(syn_backlog - syn_backlog / 4).max(1)
            } else {
                syn_backlog.max(1)
            },
            admission: Admission::Accept,
            sharing: if self.settings.reuse_port {
                PortSharing::Shared
            } else {
                PortSharing::Exclusive
            },
            syn_cookies: sysctls.syn_cookies(),
            overflow: sysctls.overflow(),
            fast_open: ListenFastOpen {
                queue: self.settings.fast_open_queue as usize,
                keys: self.settings.fast_open_keys,
                without_cookie: self.settings.fast_open_no_cookie,
            },
            tcp: self.tcp(),
        }
    }

    fn unchecked(&self) -> TcpConfig {
        let (sysctls, settings) = (self.sysctls, self.settings);
        let congestion = self.congestion();
        let (recv_buffer, window_scaling) = self.recv_buffer();
        let delayed_ack_max = Duration::from_millis(200);
        TcpConfig {
            recv_buffer,
            send_buffer: self.send_buffer(),
            first_recv_window: NonZeroU32::new(sysctls.tcp_initial_rwnd),
            out_of_order_bytes: TcpConfig::default().out_of_order_bytes,
            out_of_order_ranges: TcpConfig::default().out_of_order_ranges,
            send_queue: SendQueue::Chunks {
                overhead: CHUNK_OVERHEAD,
            },
            max_segment_size: settings.max_segment,
            mtu_discovery: self.mtu_discovery(),
            mtu_probing: sysctls.mtu_probing(),
            window_scaling,
            timestamps: sysctls.tcp_timestamps != 0,
            sack: sysctls.tcp_sack != 0,
            dsack: sysctls.tcp_dsack != 0,
            nagle: !settings.nodelay,
            ack_mode: tcp_core::AckMode::Normal,
            delayed_ack_min: Duration::from_millis(40).min(delayed_ack_max),
            delayed_ack_max,
            close_mode: CloseMode::TimeWait,
            initial_rto: Duration::from_secs(1),
            min_rto: sysctls.min_rto(),
            max_rto: sysctls.max_rto(),
            syn_retries: settings.syn_count.unwrap_or(sysctls.tcp_syn_retries),
            syn_linear_timeouts: sysctls.tcp_syn_linear_timeouts,
            synack_retries: sysctls.tcp_synack_retries,
            defer_accept: settings.defer_accept,
            retries1: sysctls.tcp_retries1,
            retries2: sysctls.tcp_retries2,
            orphan_retries: sysctls.tcp_orphan_retries,
            user_timeout: settings.user_timeout,
            keep_alive: self.keep_alive(),
            fin_timeout: self.fin_timeout(),
            time_wait: Duration::from_secs(60),
            rfc1337: sysctls.tcp_rfc1337 != 0,
            // What is longer, `close` waits for by itself.
            linger: settings.linger.filter(Duration::is_zero),
            notsent_lowat: self.notsent_lowat(),
            initial_window: 10,
            slow_start_after_idle: sysctls.tcp_slow_start_after_idle != 0,
            // Without sch_fq Linux spreads for BBR alone.
            pacing: congestion == CongestionAlgorithm::Bbr || sysctls.default_qdisc == "fq",
            max_pacing_rate: self.max_pacing_rate(),
            congestion,
            recovery: RecoveryConfig {
                rack: sysctls.tcp_recovery & 1 != 0,
                tail_loss_probe: sysctls.tcp_early_retrans >= 3,
                forward_rto: sysctls.tcp_frto != 0,
                ..RecoveryConfig::default()
            },
            min_tso_segs: sysctls.tcp_min_tso_segs.max(1),
            tso_rtt_log: sysctls.tcp_tso_rtt_log.min(31),
            tso_win_divisor: sysctls.tcp_tso_win_divisor,
            ecn: sysctls.ecn(),
            ecn_fallback: sysctls.tcp_ecn_fallback != 0,
            hop_limit: self.hop_limit(),
            dscp: self.dscp(),
            soft_errors: true,
        }
    }

    pub(super) fn congestion(&self) -> CongestionAlgorithm {
        let chosen = self.settings.congestion.clone();
        match chosen.unwrap_or_else(|| self.sysctls.congestion()) {
            // Linux's takes as much from the window for a mark as for a loss.
            CongestionAlgorithm::Cubic(options) => CongestionAlgorithm::Cubic(CubicOptions {
                mark_backoff: false,
                ..options
            }),
            other => other,
        }
    }

    /// Linux counts the memory that segments take, of which it offers half as window at first
    /// (`tcp_win_from_space`), in whole segments (`tcp_select_initial_window`); the core counts bytes of the stream.
    pub(super) fn recv_buffer(&self) -> (BufferSize, WindowScaling) {
        let (sysctls, settings) = (self.sysctls, self.settings);
        let [_, default, max] = sysctls.tcp_rmem;
        let mss = self.mss();
        let window_of = |space: u32| match space / 2 {
            part if part < mss => part.max(1),
            part => part - part % mss,
        };
        let clamp = settings.window_clamp.unwrap_or(u32::MAX);
        let size = match settings.recv_buffer {
            Some(size) => BufferSize::Fixed(window_of(size).min(clamp) as usize),
            None if sysctls.tcp_moderate_rcvbuf == 0 => {
                BufferSize::Fixed(window_of(default).min(clamp) as usize)
            }
            None => {
                let initial = window_of(default).min(clamp);
                BufferSize::Auto {
                    initial: initial as usize,
                    max: window_of(max).clamp(initial, clamp.max(initial)) as usize,
                }
            }
        };
        // `tcp_select_initial_window`: a size that the user has set bounds what is to be scaled.
        let space = match settings.recv_buffer {
            Some(size) => size / 2,
            None => max.max(sysctls.rmem_max),
        };
        let shift = space.min(clamp).max(1).ilog2().saturating_sub(15).min(14);
        let scaling = match sysctls.tcp_window_scaling {
            0 => WindowScaling::Off,
            // One unit of the window must fit into what is offered at first.
            _ => WindowScaling::Fixed(shift.min(size.initial().ilog2()) as u8),
        };
        (size, scaling)
    }

    pub(super) fn send_buffer(&self) -> BufferSize {
        match self.settings.send_buffer {
            Some(size) => BufferSize::Fixed(size as usize),
            None => {
                let [_, default, max] = self.sysctls.tcp_wmem;
                let initial = default.max(initial_send_buffer(self.mss()));
                BufferSize::Auto {
                    initial: initial.min(max) as usize,
                    max: max as usize,
                }
            }
        }
    }

    /// The MSS that the device allows, and the user.
    fn mss(&self) -> u32 {
        let headers = match self.domain {
            Domain::Inet => 40,
            Domain::Inet6 => 60,
        };
        let mss = self.mtu.saturating_sub(headers).max(MIN_MSS);
        mss.min(self.settings.max_segment.unwrap_or(mss)).into()
    }

    pub(super) fn keep_alive(&self) -> Option<KeepAlive> {
        let (sysctls, settings) = (self.sysctls, self.settings);
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds.max(1)));
        settings.keep_alive.then(|| KeepAlive {
            idle: seconds(settings.keep_idle.unwrap_or(sysctls.tcp_keepalive_time)),
            interval: seconds(
                settings
                    .keep_interval
                    .unwrap_or(sysctls.tcp_keepalive_intvl),
            ),
            count: settings.keep_count.unwrap_or(sysctls.tcp_keepalive_probes),
        })
    }

    pub(super) fn fin_timeout(&self) -> Duration {
        let default = u64::from(self.sysctls.tcp_fin_timeout);
        match self.settings.linger2 {
            Linger2::Default => Duration::from_secs(default),
            Linger2::Never => Duration::ZERO,
            Linger2::Seconds(seconds) => Duration::from_secs(seconds.into()),
        }
    }

    pub(super) fn notsent_lowat(&self) -> Option<u32> {
        let lowat = self.settings.notsent_lowat;
        let lowat = lowat.unwrap_or(self.sysctls.tcp_notsent_lowat);
        (lowat != u32::MAX).then_some(lowat)
    }

    /// SO_MAX_PACING_RATE.
    pub(super) fn max_pacing_rate(&self) -> Option<u64> {
        let rate = self.settings.max_pacing_rate;
        (rate != u64::MAX).then_some(rate)
    }

    /// What Linux makes of each mode (`ip_dont_fragment`, `ip_sk_accept_pmtu`, `tcp_v4_mtu_reduced`). IPv6 packets are
    /// never cut, and its mode DONT is as WANT.
    pub(super) fn mtu_discovery(&self) -> MtuDiscovery {
        match (self.domain, self.settings.mtu_discover_v6) {
            (Domain::Inet6, IP_PMTUDISC_INTERFACE | IP_PMTUDISC_OMIT) => MtuDiscovery::Ignore,
            (Domain::Inet6, _) => MtuDiscovery::Forbid,
            (Domain::Inet, _) => match self.mtu_discover() {
                IP_PMTUDISC_WANT | IP_PMTUDISC_DO => MtuDiscovery::Forbid,
                IP_PMTUDISC_PROBE => MtuDiscovery::Allow,
                _ => MtuDiscovery::Ignore,
            },
        }
    }

    /// IP_MTU_DISCOVER as a number.
    pub(super) fn mtu_discover(&self) -> i32 {
        let default = match self.sysctls.ip_no_pmtu_disc {
            0 => IP_PMTUDISC_WANT,
            _ => IP_PMTUDISC_DONT,
        };
        self.settings.mtu_discover.unwrap_or(default)
    }

    pub(super) fn hop_limit(&self) -> u8 {
        let chosen = match self.domain {
            Domain::Inet => self.settings.ttl,
            Domain::Inet6 => self.settings.hops,
        };
        chosen.unwrap_or(self.sysctls.ip_default_ttl).max(1)
    }

    pub(super) fn dscp(&self) -> u8 {
        let byte = match self.domain {
            Domain::Inet => self.settings.tos,
            Domain::Inet6 => self.settings.traffic_class,
        };
        byte >> 2
    }
}

/// What Linux lets a connection buffer at first (`tcp_sndbuf_expand`): twice an initial window of
/// segments, each with the memory of its headers and its bookkeeping.
fn initial_send_buffer(mss: u32) -> u32 {
    const HEADERS: u32 = 320;
    const SHARED_INFO: u32 = 320;
    const BUFFER: u32 = 256;
    const INITIAL_WINDOW: u32 = 10;
    let segment = (mss + HEADERS + SHARED_INFO).next_power_of_two() + BUFFER;
    2 * INITIAL_WINDOW * segment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(settings: Settings, sysctls: Sysctls) -> ValidConfig {
        let configuration = Configuration {
            sysctls: &sysctls,
            settings: &settings,
            domain: Domain::Inet,
            mtu: 1_500,
        };
        configuration.tcp()
    }

    #[test]
    fn the_defaults_are_linuxs() {
        let config = with(Settings::default(), Sysctls::default());
        assert_eq!(config.recv_buffer.initial(), 44 * 1_460);
        assert_eq!(config.window_scaling, WindowScaling::Fixed(7));
        assert_eq!(config.send_buffer.initial(), 87_040);
        assert_eq!(config.syn_retries, 6);
        assert_eq!(config.notsent_lowat, None);
    }

    #[test]
    fn half_of_the_receive_buffer_is_offered_in_whole_segments_and_scaled_for() {
        let settings = Settings {
            recv_buffer: Some(400_000),
            send_buffer: Some(42_000),
            ..Settings::default()
        };
        let config = with(settings, Sysctls::default());
        assert_eq!(config.recv_buffer, BufferSize::Fixed(136 * 1_460));
        assert_eq!(config.window_scaling, WindowScaling::Fixed(2));
        assert_eq!(config.send_buffer, BufferSize::Fixed(42_000));
    }

    #[test]
    fn any_buffer_that_can_be_set_is_valid() {
        for recv_buffer in [Some(2_304), Some(425_984), None] {
            for window_clamp in [None, Some(1), Some(1_152), Some(1 << 30)] {
                let settings = Settings {
                    recv_buffer,
                    window_clamp,
                    ..Settings::default()
                };
                let sysctls = Sysctls::default();
                let configuration = Configuration {
                    sysctls: &sysctls,
                    settings: &settings,
                    domain: Domain::Inet6,
                    mtu: 1_280,
                };
                let config = configuration.unchecked().validate();
                assert!(
                    config.is_ok(),
                    "{recv_buffer:?} {window_clamp:?} {config:?}"
                );
            }
        }
    }
}
