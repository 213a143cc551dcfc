//! Configuration: validated once, then shared.
//!
//! [`TcpConfig`] and [`StackConfig`] are plain values with the defaults of current Linux. Turning
//! a [`TcpConfig`] into a [`ValidConfig`] checks every bound; the stack and its connections take
//! only the checked form, which is cheap to clone.

mod buffer;
mod congestion;
mod fast_open;
mod keep_alive;
mod limits;
mod mtu_discovery;
mod mtu_probing;
mod stack;

use alloc::sync::Arc;
use core::num::NonZeroU32;
use core::ops::Deref;
use core::time::Duration;

use crate::error::ConfigError;
use crate::pack::packs;
pub use buffer::{BufferSize, SendQueue};
pub use congestion::CongestionAlgorithm;
pub use fast_open::{FastOpenConfig, FastOpenKeys, ListenFastOpen};
pub use keep_alive::KeepAlive;
pub use limits::{Limits, MemoryLimits};
pub use mtu_discovery::MtuDiscovery;
pub use mtu_probing::{MtuProbing, MtuProbingConfig};
pub use stack::{Admission, ListenConfig, Offload, Overflow, PortSharing, StackConfig, SynCookies};

/// How one connection, or every connection of one listener, behaves.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TcpConfig {
    /// Bytes that may wait to be read, and so the largest window offered (`SO_RCVBUF`,
    /// `net.ipv4.tcp_rmem`).
    pub recv_buffer: BufferSize,
    /// Bytes that may wait to be sent or acknowledged (`SO_SNDBUF`, `net.ipv4.tcp_wmem`).
    pub send_buffer: BufferSize,
    /// The most that is offered before anything has arrived: from there the window opens by two segments for each that
    /// arrives. Linux up to 6.10 begins with 65,535 (`tcp_select_initial_window`, `tcp_grow_window`); `None` offers the
    /// whole buffer at once, as Linux does since.
    pub first_recv_window: Option<NonZeroU32>,
    /// How far beyond the first hole what arrives is kept, in bytes, which is as much as it can hold; no further
    /// than the receive buffer reaches in any case.
    pub out_of_order_bytes: usize,
    /// How many separate ranges are kept beyond holes; no more than a 128th of the receive buffer's bytes, or 16, in any
    /// case. Each costs up to 48 bytes beside its own.
    pub out_of_order_ranges: usize,
    /// How what is written lies there until it is sent.
    pub send_queue: SendQueue,
    /// Upper bound of the MSS announced and used, below what the MTU allows (`TCP_MAXSEG`).
    pub max_segment_size: Option<u16>,
    /// What becomes of packets that are too large for the path (`IP_MTU_DISCOVER`).
    pub mtu_discovery: MtuDiscovery,
    /// How the path's MTU is found where ICMP does not tell it, RFC 4821 (`net.ipv4.tcp_mtu_probing`).
    pub mtu_probing: MtuProbingConfig,
    /// Window scaling, RFC 7323 (`net.ipv4.tcp_window_scaling`).
    pub window_scaling: WindowScaling,
    /// Timestamps and PAWS, RFC 7323 (`net.ipv4.tcp_timestamps`).
    pub timestamps: bool,
    /// Selective acknowledgements, RFC 2018 (`net.ipv4.tcp_sack`).
    pub sack: bool,
    /// Duplicate SACK, RFC 2883 (`net.ipv4.tcp_dsack`).
    pub dsack: bool,
    /// Whether small segments wait for what is outstanding (Nagle; `TCP_NODELAY` turns it off).
    pub nagle: bool,
    /// What an acknowledgement waits for.
    pub ack_mode: AckMode,
    /// Least delay of an acknowledgement (`TCP_DELACK_MIN`).
    pub delayed_ack_min: Duration,
    /// Greatest delay of an acknowledgement, below 0.5 s (RFC 9293 MUST-40; `TCP_DELACK_MAX`).
    pub delayed_ack_max: Duration,
    /// What `close` does once everything sent is acknowledged.
    pub close_mode: CloseMode,
    /// Retransmission timeout before the first measurement (RFC 6298 §2.1).
    pub initial_rto: Duration,
    /// Least variance term of the retransmission timeout (`net.ipv4.tcp_rto_min_us`).
    pub min_rto: Duration,
    /// Greatest retransmission timeout (`net.ipv4.tcp_rto_max_ms`).
    pub max_rto: Duration,
    /// SYN retransmissions before `connect` fails (`TCP_SYNCNT`, `net.ipv4.tcp_syn_retries`).
    /// Linux gives up after 6; 7 keeps trying for the three minutes that RFC 9293 MUST-23 asks.
    pub syn_retries: u8,
    /// How many of these come at an even pace, before the timeout is doubled for each
    /// (`net.ipv4.tcp_syn_linear_timeouts`). RFC 6298 §5.5 doubles from the first on.
    pub syn_linear_timeouts: u8,
    /// SYN-ACK retransmissions of a half-open connection (`net.ipv4.tcp_synack_retries`).
    pub synack_retries: u8,
    /// For how many timeouts of its SYN-ACK a handshake waits for the peer's first data, a bare ACK
    /// being ignored meanwhile (`TCP_DEFER_ACCEPT`, in timeouts instead of seconds); 0 for none.
    pub defer_accept: u8,
    /// R1: retransmissions after which the user is told of trouble (`net.ipv4.tcp_retries1`).
    pub retries1: u8,
    /// R2: retransmissions after which the connection ends (`net.ipv4.tcp_retries2`).
    pub retries2: u8,
    /// The same, and for window probes as well, once the user has closed the connection (`net.ipv4.tcp_orphan_retries`);
    /// 0, Linux's default, for 8, but none where the timeout has become as large as it may. What was written before the
    /// close is worth as much patience here.
    pub orphan_retries: u8,
    /// How long data may stay unacknowledged before the connection ends (`TCP_USER_TIMEOUT`,
    /// RFC 5482); `None` leaves it to `retries2`.
    pub user_timeout: Option<Duration>,
    /// Keep-alive probes; off by default (RFC 9293 MUST-25; `SO_KEEPALIVE`).
    pub keep_alive: Option<KeepAlive>,
    /// How long a closed connection waits for the peer's FIN (`net.ipv4.tcp_fin_timeout`, `TCP_LINGER2`);
    /// one of zero resets instead.
    pub fin_timeout: Duration,
    /// 2 MSL: how long TIME-WAIT lasts (`TCP_TIMEWAIT_LEN`).
    pub time_wait: Duration,
    /// Whether TIME-WAIT ignores RST (RFC 1337; `net.ipv4.tcp_rfc1337`).
    pub rfc1337: bool,
    /// What close does with data that is still to be sent (`SO_LINGER`). `Some(ZERO)` resets.
    pub linger: Option<Duration>,
    /// Bytes that may wait to be sent for the first time (`TCP_NOTSENT_LOWAT`,
    /// `net.ipv4.tcp_notsent_lowat`); `None` leaves it to the send buffer.
    pub notsent_lowat: Option<u32>,
    /// The initial congestion window in segments (RFC 6928).
    pub initial_window: u16,
    /// Whether cwnd starts anew after an idle period (`net.ipv4.tcp_slow_start_after_idle`).
    pub slow_start_after_idle: bool,
    /// The congestion control (`TCP_CONGESTION`).
    pub congestion: CongestionAlgorithm,
    /// How losses are found and repaired.
    pub recovery: RecoveryConfig,
    /// Whether what is sent is spread over the round trip (`sch_fq`).
    pub pacing: bool,
    /// The most bytes a second that are sent, whatever `pacing` says (`SO_MAX_PACING_RATE`); `None` for no bound.
    pub max_pacing_rate: Option<u64>,
    /// Least number of segments in one large segment, whatever the rate (`net.ipv4.tcp_min_tso_segs`).
    /// This and the next two matter where the [device](Offload::max_packet) takes large segments.
    pub min_tso_segs: u8,
    /// The shorter the path, the larger the segments: each time that 2 to the power of this many
    /// microseconds fit into the least round-trip time halves what they may have beyond a millisecond
    /// at the rate (`net.ipv4.tcp_tso_rtt_log`).
    pub tso_rtt_log: u8,
    /// A large segment waits for more window than there is, but not where this part of the whole window
    /// is open; 0 stands for three segments (`net.ipv4.tcp_tso_win_divisor`).
    pub tso_win_divisor: u8,
    /// Explicit Congestion Notification, RFC 3168 (`net.ipv4.tcp_ecn`).
    pub ecn: EcnMode,
    /// Whether a SYN that asked for ECN and got no answer is repeated without asking
    /// (`net.ipv4.tcp_ecn_fallback`).
    pub ecn_fallback: bool,
    /// TTL or hop limit of every packet (`IP_TTL`, RFC 9293 MUST-49).
    pub hop_limit: u8,
    /// Diffserv code point, 0 to 63 (`IP_TOS >> 2`, RFC 9293 MUST-48). Leave it, unless those who run the
    /// network have said what it stands for there; and do not change it without need while the connection
    /// lives (SHLD-23): packets that are treated differently overtake each other.
    pub dscp: u8,
    /// Whether the user is told of [soft errors](crate::ConnectionEvent::SoftError) (RFC 9293 MUST-47,
    /// SHLD-20). What they say of an end that comes later is remembered in any case.
    pub soft_errors: bool,
}

impl Default for TcpConfig {
    fn default() -> Self {
        TcpConfig {
            recv_buffer: BufferSize::RECV,
            send_buffer: BufferSize::SEND,
            first_recv_window: None,
            out_of_order_bytes: 1 << 30,
            out_of_order_ranges: 16_384,
            send_queue: SendQueue::Stream,
            max_segment_size: None,
            mtu_discovery: MtuDiscovery::Forbid,
            mtu_probing: MtuProbingConfig::default(),
            window_scaling: WindowScaling::Auto,
            timestamps: true,
            sack: true,
            dsack: true,
            nagle: true,
            ack_mode: AckMode::Normal,
            delayed_ack_min: Duration::from_millis(40),
            delayed_ack_max: Duration::from_millis(200),
            close_mode: CloseMode::TimeWait,
            initial_rto: Duration::from_secs(1),
            min_rto: Duration::from_millis(200),
            max_rto: Duration::from_secs(120),
            syn_retries: 7,
            syn_linear_timeouts: 0,
            synack_retries: 5,
            defer_accept: 0,
            retries1: 3,
            retries2: 15,
            orphan_retries: 15,
            user_timeout: None,
            keep_alive: None,
            fin_timeout: Duration::from_secs(60),
            time_wait: Duration::from_secs(60),
            rfc1337: false,
            linger: None,
            notsent_lowat: None,
            initial_window: 10,
            slow_start_after_idle: true,
            congestion: CongestionAlgorithm::CUBIC,
            recovery: RecoveryConfig::default(),
            pacing: true,
            max_pacing_rate: None,
            min_tso_segs: 2,
            tso_rtt_log: 9,
            tso_win_divisor: 3,
            ecn: EcnMode::Accept,
            ecn_fallback: true,
            hop_limit: 64,
            dscp: 0,
            soft_errors: true,
        }
    }
}

impl TcpConfig {
    /// Checks every bound; the result is what connections and listeners take.
    pub fn validate(self) -> Result<ValidConfig, ConfigError> {
        let wrong = |field, expected| Err(ConfigError { field, expected });
        let sizes = "must be 1 byte to 1 GiB, and no less at most than at first";
        if !self.recv_buffer.is_valid() {
            return wrong("recv_buffer", sizes);
        }
        if !self.send_buffer.is_valid() {
            return wrong("send_buffer", sizes);
        }
        if self.max_segment_size.is_some_and(|mss| mss < MIN_MSS) {
            return wrong("max_segment_size", "must be at least 88 bytes");
        }
        if matches!(self.window_scaling, WindowScaling::Fixed(shift) if shift > 14) {
            return wrong(
                "window_scaling",
                "a shift count is at most 14 (RFC 7323 §2.3)",
            );
        }
        if matches!(self.window_scaling, WindowScaling::Fixed(shift) if self.recv_buffer.initial() >> shift == 0)
        {
            return wrong(
                "window_scaling",
                "the receive buffer must hold one unit, 2^shift bytes",
            );
        }
        if self.user_timeout.is_some_and(|limit| limit.is_zero()) {
            return wrong(
                "user_timeout",
                "must be above zero; None leaves it to retries2",
            );
        }
        if self.delayed_ack_min > self.delayed_ack_max {
            return wrong("delayed_ack_min", "must not exceed delayed_ack_max");
        }
        if self.delayed_ack_max >= Duration::from_millis(500) {
            return wrong("delayed_ack_max", "must be below 0.5 s (RFC 9293 MUST-40)");
        }
        if self.min_rto < Duration::from_millis(1) || self.min_rto > self.max_rto {
            return wrong("min_rto", "must be 1 ms to max_rto");
        }
        if self.initial_rto < Duration::from_millis(1) || self.initial_rto > self.max_rto {
            return wrong("initial_rto", "must be 1 ms to max_rto");
        }
        if self.max_rto > Duration::from_secs(3_600) {
            return wrong("max_rto", "must be at most an hour");
        }
        if self.initial_window == 0 {
            return wrong("initial_window", "must be at least one segment");
        }
        if self.min_tso_segs == 0 {
            return wrong("min_tso_segs", "must be at least one segment");
        }
        if self.tso_rtt_log > 31 {
            return wrong("tso_rtt_log", "must be at most 31");
        }
        if let Some(keep_alive) = &self.keep_alive {
            keep_alive.check()?;
        }
        self.mtu_probing.check()?;
        if self.hop_limit == 0 {
            return wrong("hop_limit", "must be 1 to 255");
        }
        if self.dscp > 63 {
            return wrong("dscp", "must be 0 to 63 (RFC 2474)");
        }
        Ok(ValidConfig(Arc::new(self)))
    }
}

/// A [`TcpConfig`] whose bounds hold. Clones share one allocation.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ValidConfig(Arc<TcpConfig>);

impl Deref for ValidConfig {
    type Target = TcpConfig;

    fn deref(&self) -> &TcpConfig {
        &self.0
    }
}

impl Default for ValidConfig {
    fn default() -> Self {
        ValidConfig(Arc::new(TcpConfig::default()))
    }
}

/// The least MSS that either side may impose, as Linux's `TCP_MIN_MSS`: below it a peer could make
/// us spend a packet on each byte.
pub const MIN_MSS: u16 = 88;

/// How the window scale is chosen (RFC 7323 §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WindowScaling {
    /// The option is not sent and not accepted; windows stop at 65,535 bytes.
    Off,
    /// The least shift count that lets the whole receive buffer be offered.
    Auto,
    /// This shift count, 0 to 14.
    Fixed(u8),
}

/// What an acknowledgement waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AckMode {
    /// Data is acknowledged when it has arrived in order (RFC 9293 §3.8.6.3).
    Normal,
    /// Data is acknowledged when the application has read it, so that an acknowledgement is a
    /// receipt from the application itself and an unread byte stays in the sender's hands.
    OnRead,
}

/// What `close` does once everything sent, FIN included, is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CloseMode {
    /// Wait for the peer's FIN, then through TIME-WAIT (RFC 9293 §3.6).
    TimeWait,
    /// Send RST and forget the connection: no FIN-WAIT-2, no TIME-WAIT, no memory kept.
    Reset,
}

/// How losses are found and repaired: each part can be turned off by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RecoveryConfig {
    /// Losses are found by time (RACK, RFC 8985; `net.ipv4.tcp_recovery`). Without it, by what was
    /// reported above a hole (RFC 6675). Needs SACK.
    pub rack: bool,
    /// A tail that nobody acknowledges is probed after two round trips (TLP, RFC 8985 §7;
    /// `net.ipv4.tcp_early_retrans`). Needs SACK.
    pub tail_loss_probe: bool,
    /// The window is led down in proportion to what arrives (PRR, RFC 9937). Without it, it is cut at
    /// once.
    pub proportional_rate_reduction: bool,
    /// A timeout waits for the next two acknowledgements before it sends the rest again (F-RTO,
    /// RFC 5682; `net.ipv4.tcp_frto`).
    pub forward_rto: bool,
    /// What turns out to have been no loss is taken back: by timestamps (Eifel, RFC 3522, RFC 4015),
    /// by duplicate SACK (RFC 3708), or by F-RTO.
    pub undo: bool,
    /// The first two duplicate acknowledgements let new data go (RFC 3042).
    pub limited_transmit: bool,
}

packs!(RecoveryConfig {
    rack,
    tail_loss_probe,
    proportional_rate_reduction,
    forward_rto,
    undo,
    limited_transmit,
});

impl Default for RecoveryConfig {
    fn default() -> Self {
        RecoveryConfig {
            rack: true,
            tail_loss_probe: true,
            proportional_rate_reduction: true,
            forward_rto: true,
            undo: true,
            limited_transmit: true,
        }
    }
}

/// Whether a connection uses Explicit Congestion Notification (`net.ipv4.tcp_ecn`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EcnMode {
    /// Neither asked for nor agreed to.
    Off,
    /// Agreed to when the peer asks: Linux's default.
    Accept,
    /// Asked for as well.
    Request,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert!(TcpConfig::default().validate().is_ok());
    }

    #[test]
    fn an_error_names_its_field() {
        let error = TcpConfig {
            dscp: 64,
            ..TcpConfig::default()
        }
        .validate()
        .unwrap_err();
        assert_eq!(error.field, "dscp");
        let window_scaling = WindowScaling::Fixed(15);
        let error = TcpConfig {
            window_scaling,
            ..TcpConfig::default()
        }
        .validate()
        .unwrap_err();
        assert_eq!(error.field, "window_scaling");
    }
}
