//! Settings of connections: those of [`TcpConfig`] that a scenario may change.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tcp_core::{EcnMode, TcpConfig, WindowScaling};

use crate::link::config::is_default;
use crate::units::Bytes;

/// What differs from the defaults of [`TcpConfig`]. Names as there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TcpSettings {
    /// See [`TcpConfig::recv_buffer`].
    #[serde(skip_serializing_if = "is_default")]
    pub recv_buffer: Option<Bytes>,
    /// See [`TcpConfig::send_buffer`].
    #[serde(skip_serializing_if = "is_default")]
    pub send_buffer: Option<Bytes>,
    /// See [`TcpConfig::max_segment_size`].
    #[serde(skip_serializing_if = "is_default")]
    pub max_segment_size: Option<u16>,
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
    /// See [`TcpConfig::min_rto`].
    #[serde(with = "humantime_serde", skip_serializing_if = "is_default")]
    pub min_rto: Option<Duration>,
    /// See [`TcpConfig::initial_window`].
    #[serde(skip_serializing_if = "is_default")]
    pub initial_window: Option<u16>,
    /// See [`TcpConfig::slow_start_after_idle`].
    #[serde(skip_serializing_if = "is_default")]
    pub slow_start_after_idle: Option<bool>,
    /// See [`TcpConfig::ecn`].
    #[serde(skip_serializing_if = "is_default")]
    pub ecn: Option<EcnSetting>,
}

/// Congestion notification: [`EcnMode`] by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EcnSetting {
    /// See [`EcnMode::Off`].
    Off,
    /// See [`EcnMode::Accept`].
    Accept,
    /// See [`EcnMode::Request`].
    Request,
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

impl TcpSettings {
    /// The defaults with these settings in their place.
    pub fn to_config(&self) -> TcpConfig {
        let defaults = TcpConfig::default();
        let bytes = |setting: Option<Bytes>, default| setting.map_or(default, |it| it.0 as usize);
        let delayed_ack_max = self.delayed_ack_max.unwrap_or(defaults.delayed_ack_max);
        TcpConfig {
            recv_buffer: bytes(self.recv_buffer, defaults.recv_buffer),
            send_buffer: bytes(self.send_buffer, defaults.send_buffer),
            max_segment_size: self.max_segment_size.or(defaults.max_segment_size),
            window_scaling: match self.window_scaling {
                None => defaults.window_scaling,
                Some(ScalingSetting::Named(ScalingName::Auto)) => WindowScaling::Auto,
                Some(ScalingSetting::Named(ScalingName::Off)) => WindowScaling::Off,
                Some(ScalingSetting::Shift(shift)) => WindowScaling::Fixed(shift),
            },
            timestamps: self.timestamps.unwrap_or(defaults.timestamps),
            sack: self.sack.unwrap_or(defaults.sack),
            dsack: self.dsack.unwrap_or(defaults.dsack),
            nagle: self.nagle.unwrap_or(defaults.nagle),
            delayed_ack_min: defaults.delayed_ack_min.min(delayed_ack_max),
            delayed_ack_max,
            min_rto: self.min_rto.unwrap_or(defaults.min_rto),
            initial_window: self.initial_window.unwrap_or(defaults.initial_window),
            slow_start_after_idle: self
                .slow_start_after_idle
                .unwrap_or(defaults.slow_start_after_idle),
            ecn: match self.ecn {
                None => defaults.ecn,
                Some(EcnSetting::Off) => EcnMode::Off,
                Some(EcnSetting::Accept) => EcnMode::Accept,
                Some(EcnSetting::Request) => EcnMode::Request,
            },
            ..defaults
        }
    }
}
