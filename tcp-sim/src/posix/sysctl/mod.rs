//! The kernel's knobs by their names, for one host.

mod table;
mod value;

use std::time::Duration;

use tcp_core::{
    CongestionAlgorithm, EcnMode, FastOpenConfig, Limits, MemoryLimits, MtuProbing,
    MtuProbingConfig, Overflow, SynCookies,
};
use thiserror::Error;

use super::fast_open_keys::keys_of;
pub use table::Sysctls;
use table::Wrong;

/// Why a sysctl was not set.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SysctlError {
    /// There is none of this name here.
    #[error("{0}: no such sysctl")]
    Unknown(String),
    /// The value is none that it takes.
    #[error("{name}: {value:?} is not a value that it takes")]
    Value {
        /// The sysctl.
        name: String,
        /// What it was to be set to.
        value: String,
    },
}

impl Sysctls {
    /// Sets the sysctl of this name: `net.ipv4.tcp_sack`, `net/ipv4/tcp_sack`, or the file under
    /// `/proc/sys`.
    ///
    /// # Errors
    ///
    /// A name that is not among [`NAMES`](Sysctls::NAMES), or a value out of bounds; nothing changes.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
        let name = canonical(name);
        let wrong = || SysctlError::Value {
            name: name.clone(),
            value: value.to_owned(),
        };
        let mut changed = self.clone();
        match changed.read(&name, value) {
            None => return Err(SysctlError::Unknown(name)),
            Some(Err(Wrong)) => return Err(wrong()),
            Some(Ok(())) => {}
        }
        if !changed.is_consistent() {
            return Err(wrong());
        }
        *self = changed;
        Ok(())
    }

    /// The value of the sysctl of this name, as the kernel shows it.
    pub fn get(&self, name: &str) -> Option<String> {
        self.show(&canonical(name))
    }

    fn is_consistent(&self) -> bool {
        let rises = |[least, default, most]: [u32; 3]| least <= most && default <= most;
        let [first, last] = self.ip_local_port_range;
        rises(self.tcp_rmem)
            && rises(self.tcp_wmem)
            && first <= last
            && self.tcp_rto_min_us / 1_000 <= self.tcp_rto_max_ms
            && CongestionAlgorithm::by_name(&self.tcp_congestion_control).is_some()
            && (self.tcp_fastopen_key.is_empty() || keys_of(&self.tcp_fastopen_key).is_some())
    }

    pub(super) fn congestion(&self) -> CongestionAlgorithm {
        let named = CongestionAlgorithm::by_name(&self.tcp_congestion_control);
        named.unwrap_or(CongestionAlgorithm::CUBIC)
    }

    pub(super) fn ecn(&self) -> EcnMode {
        match self.tcp_ecn {
            0 => EcnMode::Off,
            1 => EcnMode::Request,
            _ => EcnMode::Accept,
        }
    }

    pub(super) fn mtu_probing(&self) -> MtuProbingConfig {
        let bytes = |bytes: u32| u16::try_from(bytes).unwrap_or(u16::MAX);
        MtuProbingConfig {
            mode: match self.tcp_mtu_probing {
                0 => MtuProbing::Off,
                1 => MtuProbing::OnBlackHole,
                _ => MtuProbing::Always,
            },
            base_mss: bytes(self.tcp_base_mss),
            probe_floor: bytes(self.tcp_mtu_probe_floor),
            min_snd_mss: bytes(self.tcp_min_snd_mss),
            probe_threshold: bytes(self.tcp_probe_threshold),
            probe_interval: Duration::from_secs(self.tcp_probe_interval.into()),
            // Linux believes the first loss.
            max_probes: 1,
        }
    }

    pub(super) fn syn_cookies(&self) -> SynCookies {
        match self.tcp_syncookies {
            0 => SynCookies::Never,
            1 => SynCookies::UnderPressure,
            _ => SynCookies::Always,
        }
    }

    pub(super) fn overflow(&self) -> Overflow {
        match self.tcp_abort_on_overflow {
            0 => Overflow::Ignore,
            _ => Overflow::Reset,
        }
    }

    /// Whether clients may send data in the SYN (`TFO_CLIENT_ENABLE`).
    pub(super) fn connects_fast(&self) -> bool {
        self.tcp_fastopen & 0x1 != 0
    }

    /// Whether every listener takes data of a SYN (`TFO_SERVER_ENABLE`, `TFO_SERVER_WO_SOCKOPT1`).
    pub(super) fn listens_fast(&self) -> bool {
        self.tcp_fastopen & 0x402 == 0x402
    }

    pub(super) fn fast_open(&self) -> FastOpenConfig {
        let has = |bit| self.tcp_fastopen & bit != 0;
        let seconds = self.tcp_fastopen_blackhole_timeout_sec;
        FastOpenConfig {
            client: self.connects_fast(),
            server: has(0x2),
            client_without_cookie: has(0x4),
            server_without_cookie: has(0x200),
            keys: keys_of(&self.tcp_fastopen_key),
            blackhole_timeout: Duration::from_secs(seconds.into()),
            ..FastOpenConfig::default()
        }
    }

    pub(super) fn min_rto(&self) -> Duration {
        Duration::from_micros(self.tcp_rto_min_us.into())
    }

    pub(super) fn max_rto(&self) -> Duration {
        Duration::from_millis(self.tcp_rto_max_ms.into())
    }

    /// Those of a whole host. From `i32::MAX` on there is no limit on challenge ACKs, as in Linux.
    pub(super) fn limits(&self) -> Limits {
        let bytes = |pages: u32| (pages as usize).saturating_mul(PAGE);
        let [low, pressure, high] = self.tcp_mem.map(bytes);
        let challenges = self.tcp_challenge_ack_limit;
        Limits {
            orphans: self.tcp_max_orphans as usize,
            memory: MemoryLimits {
                low,
                pressure,
                high,
            },
            challenge_acks: (challenges < i32::MAX as u32).then_some(challenges),
            ..Limits::default()
        }
    }

    pub(super) fn ports(&self) -> (u16, u16) {
        let [first, last] = self.ip_local_port_range;
        let port = |port: u32| port.try_into().unwrap_or(u16::MAX);
        (port(first), port(last))
    }
}

/// Bytes of a page.
const PAGE: usize = 4_096;

/// `/proc/sys/net/ipv4/tcp_sack` is net.ipv4.tcp_sack.
fn canonical(name: &str) -> String {
    let name = name.trim();
    let name = name.strip_prefix("/proc/sys/").unwrap_or(name);
    name.replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_can_be_set_to_what_it_is() {
        let mut sysctls = Sysctls::default();
        for name in Sysctls::NAMES {
            let value = sysctls.get(name).unwrap();
            assert_eq!(sysctls.set(name, &value), Ok(()), "{name} {value}");
        }
        assert_eq!(sysctls, Sysctls::default());
        assert!(sysctls.is_consistent());
    }

    #[test]
    fn a_sysctl_is_found_by_each_of_its_names() {
        let mut sysctls = Sysctls::default();
        let names = [
            "net.ipv4.tcp_sack",
            "net/ipv4/tcp_sack",
            "/proc/sys/net/ipv4/tcp_sack",
        ];
        for (value, name) in [0, 1, 0].into_iter().zip(names) {
            sysctls.set(name, &value.to_string()).unwrap();
            assert_eq!(sysctls.tcp_sack, value);
        }
    }

    #[test]
    fn memory_is_in_pages_and_the_defaults_are_the_stacks() {
        let mut sysctls = Sysctls::default();
        assert_eq!(sysctls.limits(), Limits::default());
        sysctls.set("net.ipv4.tcp_mem", "1 2 3").unwrap();
        sysctls
            .set("net.ipv4.tcp_challenge_ack_limit", "100")
            .unwrap();
        sysctls.set("net.ipv4.tcp_max_orphans", "7").unwrap();
        let limits = sysctls.limits();
        assert_eq!(limits.memory.high, 3 * 4_096);
        assert_eq!((limits.orphans, limits.challenge_acks), (7, Some(100)));
    }

    #[test]
    fn what_is_wrong_changes_nothing() {
        let mut sysctls = Sysctls::default();
        for (name, value) in [
            ("net.ipv4.tcp_rmem", "4096 9000000 6291456"),
            ("net.ipv4.ip_local_port_range", "60000 50000"),
            ("net.ipv4.tcp_congestion_control", "vegas"),
            ("net.ipv4.tcp_syn_retries", "0"),
            ("net.ipv4.tcp_sack", "yes"),
        ] {
            let error = sysctls.set(name, value).unwrap_err();
            assert!(matches!(error, SysctlError::Value { .. }), "{error}");
        }
        let error = sysctls.set("net.ipv4.tcp_nonsense", "1").unwrap_err();
        assert_eq!(error.to_string(), "net.ipv4.tcp_nonsense: no such sysctl");
        assert_eq!(sysctls, Sysctls::default());
    }
}
