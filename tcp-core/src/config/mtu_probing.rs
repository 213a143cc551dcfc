//! Finding the path's MTU by sending larger segments, without ICMP (RFC 4821, RFC 8899).

use core::time::Duration;

use super::MIN_MSS;
use crate::error::ConfigError;

/// When and how segments are sent to try how large the path lets them be.
///
/// The default is [`OnBlackHole`](MtuProbing::OnBlackHole), where Linux's is [`Off`](MtuProbing::Off): on a path
/// that delivers, or whose routers say what is too large, it changes nothing until a connection has had
/// [`retries1`](crate::TcpConfig::retries1) retransmissions in a row unanswered. Without it, a connection over a path
/// that swallows large packets in silence (RFC 2923) never moves, and ends after minutes. The price is that
/// after an outage of seconds, which looks the same, segments begin small and grow again in the round trips after.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MtuProbingConfig {
    /// When (`net.ipv4.tcp_mtu_probing`).
    pub mode: MtuProbing,
    /// Payload bytes that the search begins with, options not included (`net.ipv4.tcp_base_mss`). Each further timeout
    /// in a row takes half of it.
    pub base_mss: u16,
    /// The least that it goes down to, in bytes of payload and options (`net.ipv4.tcp_mtu_probe_floor`).
    pub probe_floor: u16,
    /// The least bytes of payload and options of a full segment, whatever the path is found to carry
    /// (`net.ipv4.tcp_min_snd_mss`). A peer's MSS is never taken for less than 88.
    pub min_snd_mss: u16,
    /// Bytes between what passes and what does not, below which the search ends (`net.ipv4.tcp_probe_threshold`).
    pub probe_threshold: u16,
    /// How long after it began the search may begin anew, should the path carry more by now
    /// (`net.ipv4.tcp_probe_interval`).
    pub probe_interval: Duration,
    /// How many probes of the least size that does not pass are lost before it is believed (`MAX_PROBES`,
    /// RFC 8899 §5.1.2); at least 1, which is Linux's. The search goes on below it after the first, and comes back
    /// to it at its end: so what was lost by chance costs no more than a few round trips.
    pub max_probes: u8,
}

/// When a connection searches for its path's MTU (`net.ipv4.tcp_mtu_probing`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MtuProbing {
    /// Never: ICMP alone tells (0).
    Off,
    /// Once timeouts in a row suggest that the path swallows large packets, or ICMP has told of a smaller MTU, which
    /// holds for an interval (1).
    OnBlackHole,
    /// From the beginning, with segments of the base MSS (2).
    Always,
}

impl Default for MtuProbingConfig {
    fn default() -> Self {
        MtuProbingConfig {
            mode: MtuProbing::OnBlackHole,
            base_mss: 1_024,
            probe_floor: 48,
            min_snd_mss: 48,
            probe_threshold: 8,
            probe_interval: Duration::from_secs(600),
            max_probes: 3,
        }
    }
}

impl MtuProbingConfig {
    /// Below it options would leave no room for data.
    const LEAST: u16 = 48;

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |field, expected| Err(ConfigError { field, expected });
        if self.base_mss < MIN_MSS {
            return wrong("mtu_probing.base_mss", "must be at least 88 bytes");
        }
        if self.probe_floor < Self::LEAST {
            return wrong("mtu_probing.probe_floor", "must be at least 48 bytes");
        }
        if self.min_snd_mss < Self::LEAST {
            return wrong("mtu_probing.min_snd_mss", "must be at least 48 bytes");
        }
        if self.max_probes == 0 {
            return wrong("mtu_probing.max_probes", "must be at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TcpConfig;

    #[test]
    fn an_error_names_its_field() {
        let base = MtuProbingConfig::default();
        assert_eq!(base.check(), Ok(()));
        let wrong = [
            (
                MtuProbingConfig {
                    base_mss: 87,
                    ..base
                },
                "mtu_probing.base_mss",
            ),
            (
                MtuProbingConfig {
                    probe_floor: 47,
                    ..base
                },
                "mtu_probing.probe_floor",
            ),
            (
                MtuProbingConfig {
                    min_snd_mss: 47,
                    ..base
                },
                "mtu_probing.min_snd_mss",
            ),
            (
                MtuProbingConfig {
                    max_probes: 0,
                    ..base
                },
                "mtu_probing.max_probes",
            ),
        ];
        for (mtu_probing, field) in wrong {
            let config = TcpConfig {
                mtu_probing,
                ..TcpConfig::default()
            };
            assert_eq!(config.validate().map_err(|error| error.field), Err(field));
        }
    }
}
