//! What the options of one socket are set to, with Linux's defaults.

use std::time::Duration;

use tcp_core::{CongestionAlgorithm, FastOpenKeys};

use super::constants::IP_PMTUDISC_WANT;

/// Options of one socket; an accepted one inherits its listener's. `None` leaves it to the sysctl.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// SO_REUSEADDR.
    pub(super) reuse_address: bool,
    /// SO_REUSEPORT.
    pub(super) reuse_port: bool,
    /// SO_KEEPALIVE.
    pub(super) keep_alive: bool,
    /// SO_OOBINLINE.
    pub(super) urgent_inline: bool,
    /// SO_BROADCAST, SO_DONTROUTE, SO_DEBUG: kept, and without effect on TCP over one device.
    pub(super) broadcast: bool,
    pub(super) dont_route: bool,
    pub(super) debug: bool,
    /// SO_PRIORITY: kept; there is no queueing discipline to ask for it.
    pub(super) priority: i32,
    /// SO_SNDBUF and SO_RCVBUF as set, doubled and bounded: what ends Linux's tuning.
    pub(super) send_buffer: Option<u32>,
    pub(super) recv_buffer: Option<u32>,
    /// SO_RCVLOWAT, at least 1.
    pub(super) recv_low_water: u32,
    /// SO_RCVTIMEO and SO_SNDTIMEO; `None` waits for ever.
    pub(super) recv_timeout: Option<Duration>,
    pub(super) send_timeout: Option<Duration>,
    /// SO_LINGER.
    pub(super) linger: Option<Duration>,
    pub(super) nodelay: bool,
    pub(super) cork: bool,
    /// TCP_MAXSEG as set.
    pub(super) max_segment: Option<u16>,
    /// TCP_KEEPIDLE and TCP_KEEPINTVL in seconds, TCP_KEEPCNT.
    pub(super) keep_idle: Option<u32>,
    pub(super) keep_interval: Option<u32>,
    pub(super) keep_count: Option<u8>,
    /// TCP_SYNCNT.
    pub(super) syn_count: Option<u8>,
    /// TCP_LINGER2.
    pub(super) linger2: Linger2,
    /// TCP_DEFER_ACCEPT, in timeouts of the SYN-ACK.
    pub(super) defer_accept: u8,
    /// TCP_WINDOW_CLAMP.
    pub(super) window_clamp: Option<u32>,
    /// TCP_USER_TIMEOUT.
    pub(super) user_timeout: Option<Duration>,
    /// TCP_NOTSENT_LOWAT; `None` leaves it to the sysctl, as 0 does.
    pub(super) notsent_lowat: Option<u32>,
    /// TCP_CONGESTION.
    pub(super) congestion: Option<CongestionAlgorithm>,
    /// TCP_INQ.
    pub(super) tell_inq: bool,
    /// TCP_FASTOPEN of a listener, cut to somaxconn; 0 for none.
    pub(super) fast_open_queue: u32,
    /// TCP_FASTOPEN_KEY.
    pub(super) fast_open_keys: Option<FastOpenKeys>,
    /// TCP_FASTOPEN_CONNECT.
    pub(super) fast_open_connect: bool,
    /// TCP_FASTOPEN_NO_COOKIE.
    pub(super) fast_open_no_cookie: bool,
    /// SO_ZEROCOPY: MSG_ZEROCOPY asks to be told when the buffer is free.
    pub(super) zerocopy: bool,
    /// SO_TIMESTAMPING, the bits of SOF_TIMESTAMPING.
    pub(super) timestamping: u32,
    /// IP_TOS and IPV6_TCLASS, without the bits of ECN.
    pub(super) tos: u8,
    pub(super) traffic_class: u8,
    /// IP_TTL and IPV6_UNICAST_HOPS.
    pub(super) ttl: Option<u8>,
    pub(super) hops: Option<u8>,
    /// IP_MTU_DISCOVER, where it was set, and IPV6_MTU_DISCOVER.
    pub(super) mtu_discover: Option<i32>,
    pub(super) mtu_discover_v6: i32,
    /// SO_MAX_PACING_RATE, in bytes a second; the greatest number for none.
    pub(super) max_pacing_rate: u64,
    /// IP_FREEBIND or IP_TRANSPARENT.
    pub(super) free_bind: bool,
    /// IP_RECVERR and IPV6_RECVERR.
    pub(super) recv_errors: bool,
    pub(super) recv_errors_v6: bool,
    /// IPV6_V6ONLY.
    pub(super) v6_only: bool,
}

/// How long FIN-WAIT-2 of a closed socket may last (TCP_LINGER2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Linger2 {
    /// As long as net.ipv4.tcp_fin_timeout says.
    Default,
    /// Not at all.
    Never,
    /// So many seconds.
    Seconds(u32),
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            reuse_address: false,
            reuse_port: false,
            keep_alive: false,
            urgent_inline: false,
            broadcast: false,
            dont_route: false,
            debug: false,
            priority: 0,
            send_buffer: None,
            recv_buffer: None,
            recv_low_water: 1,
            recv_timeout: None,
            send_timeout: None,
            linger: None,
            nodelay: false,
            cork: false,
            max_segment: None,
            keep_idle: None,
            keep_interval: None,
            keep_count: None,
            syn_count: None,
            linger2: Linger2::Default,
            defer_accept: 0,
            window_clamp: None,
            user_timeout: None,
            notsent_lowat: None,
            congestion: None,
            tell_inq: false,
            fast_open_queue: 0,
            fast_open_keys: None,
            fast_open_connect: false,
            fast_open_no_cookie: false,
            zerocopy: false,
            timestamping: 0,
            tos: 0,
            traffic_class: 0,
            ttl: None,
            hops: None,
            mtu_discover: None,
            mtu_discover_v6: IP_PMTUDISC_WANT,
            max_pacing_rate: u64::MAX,
            free_bind: false,
            recv_errors: false,
            recv_errors_v6: false,
            v6_only: false,
        }
    }
}
