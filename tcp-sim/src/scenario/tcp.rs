//! Settings of connections: those of [`TcpConfig`] that a scenario may change.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tcp_core::congestion::CubicOptions;
use tcp_core::{
    BufferSize, CongestionAlgorithm, EcnMode, MtuProbing, MtuProbingConfig, RecoveryConfig,
    TcpConfig, WindowScaling,
};

use crate::link::config::is_default;
use crate::units::Bytes;

/// What differs from the defaults of [`TcpConfig`]. Names as there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TcpSettings {
    /// See [`TcpConfig::recv_buffer`]: fixed, unless there is a maximum.
    #[serde(skip_serializing_if = "is_default")]
    pub recv_buffer: Option<Bytes>,
    /// What the receive buffer may grow to.
    #[serde(skip_serializing_if = "is_default")]
    pub recv_buffer_max: Option<Bytes>,
    /// See [`TcpConfig::send_buffer`]: fixed, unless there is a maximum.
    #[serde(skip_serializing_if = "is_default")]
    pub send_buffer: Option<Bytes>,
    /// What the send buffer may grow to.
    #[serde(skip_serializing_if = "is_default")]
    pub send_buffer_max: Option<Bytes>,
    /// See [`TcpConfig::max_segment_size`].
    #[serde(skip_serializing_if = "is_default")]
    pub max_segment_size: Option<u16>,
    /// See [`MtuProbingConfig::mode`].
    #[serde(skip_serializing_if = "is_default")]
    pub mtu_probing: Option<MtuProbingName>,
    /// See [`MtuProbingConfig::base_mss`].
    #[serde(skip_serializing_if = "is_default")]
    pub base_mss: Option<u16>,
    /// See [`MtuProbingConfig::probe_floor`].
    #[serde(skip_serializing_if = "is_default")]
    pub mtu_probe_floor: Option<u16>,
    /// See [`MtuProbingConfig::min_snd_mss`].
    #[serde(skip_serializing_if = "is_default")]
    pub min_snd_mss: Option<u16>,
    /// See [`MtuProbingConfig::probe_threshold`].
    #[serde(skip_serializing_if = "is_default")]
    pub probe_threshold: Option<u16>,
    /// See [`MtuProbingConfig::probe_interval`].
    #[serde(with = "humantime_serde", skip_serializing_if = "is_default")]
    pub probe_interval: Option<Duration>,
    /// See [`MtuProbingConfig::max_probes`].
    #[serde(skip_serializing_if = "is_default")]
    pub max_mtu_probes: Option<u8>,
    /// See [`TcpConfig::window_scaling`].
    #[serde(skip_serializing_if = "is_default")]
    pub window_scaling: Option<ScalingSetting>,
    /// See [`TcpConfig::timestamps`].
    #[serde(skip_serializing_if = "is_default")]
    pub timestamps: Option<bool>,
    /// See [`TcpConfig::sack`].
    #[serde(skip_serializing_if = "is_default")]
    pub sack: Option<bool>,
    /// See [`TcpConfig::dsack`].
    #[serde(skip_serializing_if = "is_default")]
    pub dsack: Option<bool>,
    /// See [`TcpConfig::nagle`].
    #[serde(skip_serializing_if = "is_default")]
    pub nagle: Option<bool>,
    /// See [`TcpConfig::delayed_ack_max`]; the minimum follows where it is larger.
    #[serde(with = "humantime_serde", skip_serializing_if = "is_default")]
    pub delayed_ack_max: Option<Duration>,
    /// See [`TcpConfig::initial_rto`]; it follows `max_rto` where that is smaller.
    #[serde(with = "humantime_serde", skip_serializing_if = "is_default")]
    pub initial_rto: Option<Duration>,
    /// See [`TcpConfig::min_rto`].
    #[serde(with = "humantime_serde", skip_serializing_if = "is_default")]
    pub min_rto: Option<Duration>,
    /// See [`TcpConfig::max_rto`].
    #[serde(with = "humantime_serde", skip_serializing_if = "is_default")]
    pub max_rto: Option<Duration>,
    /// See [`TcpConfig::initial_window`].
    #[serde(skip_serializing_if = "is_default")]
    pub initial_window: Option<u16>,
    /// See [`TcpConfig::slow_start_after_idle`].
    #[serde(skip_serializing_if = "is_default")]
    pub slow_start_after_idle: Option<bool>,
    /// See [`TcpConfig::congestion`].
    #[serde(skip_serializing_if = "is_default")]
    pub congestion: Option<CongestionName>,
    /// See [`CubicOptions::hystart`]; no other controller has it.
    #[serde(skip_serializing_if = "is_default")]
    pub hystart: Option<bool>,
    /// See [`TcpConfig::pacing`].
    #[serde(skip_serializing_if = "is_default")]
    pub pacing: Option<bool>,
    /// See [`TcpConfig::ecn`].
    #[serde(skip_serializing_if = "is_default")]
    pub ecn: Option<EcnName>,
    /// See [`TcpConfig::ecn_fallback`].
    #[serde(skip_serializing_if = "is_default")]
    pub ecn_fallback: Option<bool>,
    /// See [`RecoveryConfig::rack`].
    #[serde(skip_serializing_if = "is_default")]
    pub rack: Option<bool>,
    /// See [`RecoveryConfig::tail_loss_probe`].
    #[serde(skip_serializing_if = "is_default")]
    pub tail_loss_probe: Option<bool>,
    /// See [`RecoveryConfig::proportional_rate_reduction`].
    #[serde(skip_serializing_if = "is_default")]
    pub proportional_rate_reduction: Option<bool>,
    /// See [`RecoveryConfig::forward_rto`].
    #[serde(skip_serializing_if = "is_default")]
    pub forward_rto: Option<bool>,
    /// See [`RecoveryConfig::undo`].
    #[serde(skip_serializing_if = "is_default")]
    pub undo: Option<bool>,
    /// See [`RecoveryConfig::limited_transmit`].
    #[serde(skip_serializing_if = "is_default")]
    pub limited_transmit: Option<bool>,
}

/// Window scaling: `"auto"`, `"off"`, or a shift count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ScalingSetting {
    /// By name.
    Named(ScalingName),
    /// This shift count.
    Shift(u8),
}

/// Window scaling without a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingName {
    /// By the size of the receive buffer.
    Auto,
    /// Not offered.
    Off,
}

/// A congestion control, by the name that `TCP_CONGESTION` has for it.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum CongestionName {
    /// RFC 5681.
    Reno,
    /// RFC 9438.
    Cubic,
    /// Version 3.
    Bbr,
}

/// See [`EcnMode`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum EcnName {
    /// Neither asked for nor agreed to.
    Off,
    /// Agreed to when the peer asks.
    Accept,
    /// Asked for as well.
    Request,
}

/// See [`MtuProbing`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum MtuProbingName {
    /// ICMP alone tells of the path's MTU.
    Off,
    /// Searched for where timeouts suggest that the path swallows large packets.
    OnBlackHole,
    /// Searched for from the beginning.
    Always,
}

impl TcpSettings {
    /// The defaults with these settings in their place.
    pub fn to_config(&self) -> TcpConfig {
        self.over(TcpConfig::default())
    }

    /// `base` with these settings in their place.
    pub fn over(&self, base: TcpConfig) -> TcpConfig {
        let delayed_ack_max = self.delayed_ack_max.unwrap_or(base.delayed_ack_max);
        let max_rto = self.max_rto.unwrap_or(base.max_rto);
        TcpConfig {
            recv_buffer: buffer(self.recv_buffer, self.recv_buffer_max, base.recv_buffer),
            send_buffer: buffer(self.send_buffer, self.send_buffer_max, base.send_buffer),
            max_segment_size: self.max_segment_size.or(base.max_segment_size),
            mtu_probing: self.mtu_probing_over(base.mtu_probing),
            window_scaling: match self.window_scaling {
                None => base.window_scaling,
                Some(ScalingSetting::Named(ScalingName::Auto)) => WindowScaling::Auto,
                Some(ScalingSetting::Named(ScalingName::Off)) => WindowScaling::Off,
                Some(ScalingSetting::Shift(shift)) => WindowScaling::Fixed(shift),
            },
            timestamps: self.timestamps.unwrap_or(base.timestamps),
            sack: self.sack.unwrap_or(base.sack),
            dsack: self.dsack.unwrap_or(base.dsack),
            nagle: self.nagle.unwrap_or(base.nagle),
            delayed_ack_min: base.delayed_ack_min.min(delayed_ack_max),
            delayed_ack_max,
            initial_rto: self.initial_rto.unwrap_or(base.initial_rto.min(max_rto)),
            min_rto: self.min_rto.unwrap_or(base.min_rto),
            max_rto,
            initial_window: self.initial_window.unwrap_or(base.initial_window),
            slow_start_after_idle: self
                .slow_start_after_idle
                .unwrap_or(base.slow_start_after_idle),
            congestion: self.congestion_over(base.congestion.clone()),
            recovery: self.recovery_over(base.recovery),
            pacing: self.pacing.unwrap_or(base.pacing),
            ecn: self.ecn.map_or(base.ecn, EcnName::mode),
            ecn_fallback: self.ecn_fallback.unwrap_or(base.ecn_fallback),
            ..base
        }
    }

    fn mtu_probing_over(&self, base: MtuProbingConfig) -> MtuProbingConfig {
        MtuProbingConfig {
            mode: self.mtu_probing.map_or(base.mode, MtuProbingName::mode),
            base_mss: self.base_mss.unwrap_or(base.base_mss),
            probe_floor: self.mtu_probe_floor.unwrap_or(base.probe_floor),
            min_snd_mss: self.min_snd_mss.unwrap_or(base.min_snd_mss),
            probe_threshold: self.probe_threshold.unwrap_or(base.probe_threshold),
            probe_interval: self.probe_interval.unwrap_or(base.probe_interval),
            max_probes: self.max_mtu_probes.unwrap_or(base.max_probes),
        }
    }

    fn congestion_over(&self, base: CongestionAlgorithm) -> CongestionAlgorithm {
        let algorithm = self.congestion.map_or(base, CongestionName::algorithm);
        match (algorithm, self.hystart) {
            (CongestionAlgorithm::Cubic(options), Some(hystart)) => {
                CongestionAlgorithm::Cubic(CubicOptions { hystart, ..options })
            }
            (other, _) => other,
        }
    }

    fn recovery_over(&self, base: RecoveryConfig) -> RecoveryConfig {
        RecoveryConfig {
            rack: self.rack.unwrap_or(base.rack),
            tail_loss_probe: self.tail_loss_probe.unwrap_or(base.tail_loss_probe),
            proportional_rate_reduction: self
                .proportional_rate_reduction
                .unwrap_or(base.proportional_rate_reduction),
            forward_rto: self.forward_rto.unwrap_or(base.forward_rto),
            undo: self.undo.unwrap_or(base.undo),
            limited_transmit: self.limited_transmit.unwrap_or(base.limited_transmit),
        }
    }
}

/// A size alone is fixed; with a maximum, or with that alone, the buffer grows.
fn buffer(size: Option<Bytes>, max: Option<Bytes>, base: BufferSize) -> BufferSize {
    let bytes = |it: Bytes| it.0 as usize;
    match (size, max) {
        (None, None) => base,
        (Some(size), None) => BufferSize::Fixed(bytes(size)),
        (size, Some(max)) => {
            let max = bytes(max);
            let initial = size.map_or(base.initial().min(max), bytes);
            BufferSize::Auto { initial, max }
        }
    }
}

impl CongestionName {
    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            CongestionName::Reno => "reno",
            CongestionName::Cubic => "cubic",
            CongestionName::Bbr => "bbr",
        }
    }

    /// What it names, with all its parts.
    pub fn algorithm(self) -> CongestionAlgorithm {
        match self {
            CongestionName::Reno => CongestionAlgorithm::Reno,
            CongestionName::Cubic => CongestionAlgorithm::CUBIC,
            CongestionName::Bbr => CongestionAlgorithm::Bbr,
        }
    }
}

impl MtuProbingName {
    /// What it names.
    pub fn mode(self) -> MtuProbing {
        match self {
            MtuProbingName::Off => MtuProbing::Off,
            MtuProbingName::OnBlackHole => MtuProbing::OnBlackHole,
            MtuProbingName::Always => MtuProbing::Always,
        }
    }
}

impl EcnName {
    fn mode(self) -> EcnMode {
        match self {
            EcnName::Off => EcnMode::Off,
            EcnName::Accept => EcnMode::Accept,
            EcnName::Request => EcnMode::Request,
        }
    }
}
