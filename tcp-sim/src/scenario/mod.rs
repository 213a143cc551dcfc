//! A run in words: who is there, what lies between them, and what they do. The same
//! [`Scenario`] with the same seed gives the same run, packet by packet.

mod app;
mod tcp;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use app::AppConfig;
pub use tcp::TcpSettings;

use crate::link::LinkConfig;
use crate::link::config::is_default;
use crate::world::Family;

/// A run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Where all that is random comes from.
    #[serde(default)]
    pub seed: u64,
    /// Virtual time after which the run is cut short.
    #[serde(with = "humantime_serde", default = "default_time_limit")]
    pub time_limit: Duration,
    /// Which addresses the flows use; every host has both.
    #[serde(default, skip_serializing_if = "is_default")]
    pub family: Family,
    /// Those who have a TCP.
    pub host: Vec<HostConfig>,
    /// Those who only forward.
    #[serde(default, skip_serializing_if = "is_default")]
    pub router: Vec<RouterConfig>,
    /// What joins them.
    pub link: Vec<DuplexConfig>,
    /// What the applications do.
    pub flow: Vec<FlowConfig>,
}

/// A day: longer than anything that comes to an end by itself.
fn default_time_limit() -> Duration {
    Duration::from_secs(86_400)
}

/// A host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostConfig {
    /// What links and flows call it.
    pub name: String,
    /// Bytes of the largest IP packet that it sends.
    #[serde(default = "default_mtu", skip_serializing_if = "is_default_mtu")]
    pub mtu: u16,
    /// Settings of its connections.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tcp: TcpSettings,
}

/// Ethernet's.
fn default_mtu() -> u16 {
    1_500
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_default_mtu(mtu: &u16) -> bool {
    *mtu == default_mtu()
}

/// A router. It forwards along the path of fewest links, and leaves packets as they are: queues,
/// losses and all else belong to the links.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouterConfig {
    /// What links call it.
    pub name: String,
}

/// A link between two nodes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplexConfig {
    /// Names of its ends.
    pub between: [String; 2],
    /// From the first to the second.
    #[serde(default, skip_serializing_if = "is_default")]
    pub there: LinkConfig,
    /// From the second to the first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub back: LinkConfig,
}

/// Two applications, and the connections between them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowConfig {
    /// The host that connects.
    pub client: String,
    /// The host that listens.
    pub server: String,
    /// When it begins.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "is_default")]
    pub start: Duration,
    /// What it does.
    pub app: AppConfig,
}
