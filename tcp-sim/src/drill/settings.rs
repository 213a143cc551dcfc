//! What a script runs with: packetdrill's options, from the script's first lines and the command line.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use super::ast::{OptionLine, Script};

/// Over what a script's sockets speak.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// IPv4 sockets.
    V4,
    /// IPv6 sockets.
    V6,
    /// IPv6 sockets that speak IPv4.
    Mapped,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 3] = [Family::V4, Family::V6, Family::Mapped];

    /// As `--ip_version` says it.
    pub const fn name(self) -> &'static str {
        match self {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
            Family::Mapped => "ipv4-mapped-ipv6",
        }
    }

    /// The one that a script insists on, by its option `--ip_version`.
    pub fn asked_for(script: &Script) -> Option<Family> {
        let option = script.options.iter().find(|line| line.name == "ip_version");
        option?.value.as_deref()?.parse().ok()
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> Result<Family, String> {
        Family::ALL
            .into_iter()
            .find(|family| family.name() == text)
            .ok_or_else(|| format!("'{text}' is neither ipv4, ipv6 nor ipv4-mapped-ipv6"))
    }
}

/// Whether commands that are not understood are given to a shell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Shell {
    /// They are noted, and not run.
    #[default]
    Forbidden,
    /// They are run.
    Allowed,
}

/// What a script runs with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Over what its sockets speak.
    pub family: Family,
    /// How much earlier or later than written an event may be.
    pub tolerance: Duration,
    /// Our address.
    pub local: IpAddr,
    /// The address of the script's side.
    pub remote: IpAddr,
    /// Bytes of the largest IP packet of the device.
    pub mtu: u16,
    /// The port of `bind(3, ..., ...)`.
    pub bind_port: u16,
    /// The port of `connect(3, ..., ...)`.
    pub connect_port: u16,
    /// What a timestamp counts; `None` where values are not compared.
    pub timestamp_tick: Option<Duration>,
    /// Words that stand for values.
    pub defines: BTreeMap<String, String>,
    /// Scripts of the shell that are run first.
    pub init_scripts: Vec<String>,
    /// Whether other commands are run.
    pub shell: Shell,
}

impl Settings {
    /// packetdrill's defaults. An IPv6 device has an MTU 20 bytes larger, so that both have one MSS, as in
    /// the kernel's own runs.
    pub fn new(family: Family) -> Settings {
        let (local, remote, mtu) = match family {
            Family::V4 | Family::Mapped => (
                Ipv4Addr::new(192, 168, 0, 1).into(),
                Ipv4Addr::new(192, 0, 2, 1).into(),
                1_500,
            ),
            Family::V6 => (
                Ipv6Addr::new(0xfd3d, 0x0a0b, 0x17d6, 0, 0, 0, 0, 1).into(),
                Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1).into(),
                1_520,
            ),
        };
        Settings {
            family,
            tolerance: Duration::from_millis(4),
            local,
            remote,
            mtu,
            bind_port: 8_080,
            connect_port: 8_080,
            timestamp_tick: None,
            defines: defines(family),
            init_scripts: Vec::new(),
            shell: Shell::Forbidden,
        }
    }

    /// Whether the option of this name is one of packetdrill's that is followed by a value; `None` where there is none
    /// of that name.
    pub fn takes_value(name: &str) -> Option<bool> {
        if WITH_MEANING.contains(&name) || WITHOUT_MEANING.contains(&name) {
            Some(true)
        } else {
            SWITCHES.contains(&name).then_some(false)
        }
    }

    /// Takes an option.
    ///
    /// # Errors
    ///
    /// Why it cannot be taken.
    pub fn apply(&mut self, option: &OptionLine) -> Result<(), String> {
        let value = option.value.as_deref();
        let name = option.name.as_str();
        match name {
            "ip_version" => self.family = required(name, value)?,
            "tolerance_usecs" => self.tolerance = Duration::from_micros(required(name, value)?),
            "local_ip" => keep(&mut self.local, required(name, value)?),
            "remote_ip" => keep(&mut self.remote, address_or_net(name, value)?),
            "mtu" => self.mtu = required(name, value)?,
            "bind_port" => self.bind_port = required(name, value)?,
            "connect_port" => self.connect_port = required(name, value)?,
            "tcp_ts_tick_usecs" => {
                let tick = Duration::from_micros(required(name, value)?);
                self.timestamp_tick = (!tick.is_zero()).then_some(tick);
            }
            "define" => {
                let text: String = required(name, value)?;
                let (word, meaning) = text
                    .split_once('=')
                    .ok_or_else(|| format!("--define={text} has no '='"))?;
                self.defines.insert(word.to_owned(), meaning.to_owned());
            }
            "init_scripts" => {
                let text: String = required(name, value)?;
                let scripts = text.split([',', ' ']).filter(|script| !script.is_empty());
                self.init_scripts.extend(scripts.map(str::to_owned));
            }
            _ if WITHOUT_MEANING.contains(&name) || SWITCHES.contains(&name) => {}
            _ => return Err(format!("there is no option --{name}")),
        }
        Ok(())
    }
}

/// Options that a script or a command line may change something by.
const WITH_MEANING: [&str; 10] = [
    "bind_port",
    "connect_port",
    "define",
    "init_scripts",
    "ip_version",
    "local_ip",
    "mtu",
    "remote_ip",
    "tcp_ts_tick_usecs",
    "tolerance_usecs",
];

/// Options of packetdrill about devices, processes and machines, of which there are none here.
const WITHOUT_MEANING: [&str; 22] = [
    "code_command",
    "code_format",
    "code_sockopt",
    "fm_filter_dir",
    "gateway_ip",
    "local_linklocal_ip",
    "mss",
    "netmask_ip",
    "non_fatal",
    "so_filename",
    "so_flags",
    "speed",
    "tcp_ts_ecr_scaled",
    "tolerance_percent",
    "udp_encaps",
    "wire_client_dev",
    "wire_client_device",
    "wire_server_at",
    "wire_server_dev",
    "wire_server_device",
    "wire_server_ip",
    "wire_server_port",
];

/// The same, where no value follows.
const SWITCHES: [&str; 9] = [
    "debug",
    "dry_run",
    "is_anyip",
    "persistent_tun_dev",
    "send_omit_free",
    "strict_segments",
    "verbose",
    "wire_client",
    "wire_server",
];

/// Words of the kernel's own runs: Fast Open cookies for the default addresses and the key of
/// `defaults.sh`, and how an IP error is told to a socket.
fn defines(family: Family) -> BTreeMap<String, String> {
    let words = match family {
        Family::V4 => [
            "3021b9d889017eeb",
            "b7c12350a90dc8f5",
            "SOL_IP",
            "IP_RECVERR",
        ],
        Family::V6 => [
            "c1d1e9742a47a9bc",
            "82af1a8f9a205c34",
            "SOL_IPV6",
            "IPV6_RECVERR",
        ],
        Family::Mapped => [
            "3021b9d889017eeb",
            "b7c12350a90dc8f5",
            "SOL_IPV6",
            "IPV6_RECVERR",
        ],
    };
    let names = [
        "TFO_COOKIE",
        "TFO_COOKIE_ZERO",
        "CMSG_LEVEL_IP",
        "CMSG_TYPE_RECVERR",
    ];
    names
        .map(str::to_owned)
        .into_iter()
        .zip(words.map(str::to_owned))
        .collect()
}

fn required<T: FromStr>(name: &str, value: Option<&str>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("--{name} needs a value"))?;
    value
        .parse()
        .map_err(|_| format!("--{name} does not take '{value}'"))
}

/// An address, of which a net's length is left out.
fn address_or_net(name: &str, value: Option<&str>) -> Result<IpAddr, String> {
    required(name, value.and_then(|value| value.split('/').next()))
}

/// Takes an address of the same version; a script that runs over both may name one of each.
fn keep(address: &mut IpAddr, new: IpAddr) {
    if address.is_ipv4() == new.is_ipv4() {
        *address = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::parse::parse;

    fn applied(text: &str) -> Result<Settings, String> {
        let mut settings = Settings::new(Family::V4);
        for line in parse(text).unwrap().options {
            settings.apply(&line)?;
        }
        Ok(settings)
    }

    #[test]
    fn options_are_taken() {
        let text = "--tolerance_usecs=10000\n--mtu=1400 --remote_ip=198.51.100.9/24\n\
                    --local_ip=::5 --define=A=1 -D B=2\n--send_omit_free";
        let settings = applied(text).unwrap();
        assert_eq!(settings.tolerance, Duration::from_millis(10));
        assert_eq!(settings.mtu, 1_400);
        assert_eq!(settings.remote.to_string(), "198.51.100.9");
        // One of the other version says nothing about this one.
        assert_eq!(settings.local.to_string(), "192.168.0.1");
        assert_eq!(settings.defines["A"], "1");
        assert_eq!(settings.defines["B"], "2");
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for text in [
            "--bogus=1",
            "--mtu",
            "--mtu=x",
            "--ip_version=ipv5",
            "--define=A",
        ] {
            assert!(applied(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_option_is_known_by_whether_it_takes_a_value() {
        assert_eq!(Settings::takes_value("mtu"), Some(true));
        assert_eq!(Settings::takes_value("gateway_ip"), Some(true));
        assert_eq!(Settings::takes_value("dry_run"), Some(false));
        assert_eq!(Settings::takes_value("json"), None);
        for name in WITH_MEANING {
            let line = OptionLine {
                name: name.to_owned(),
                value: None,
                span: Default::default(),
            };
            let refused = Settings::new(Family::V4).apply(&line).unwrap_err();
            assert!(refused.contains("needs a value"), "{refused}");
        }
    }

    #[test]
    fn a_script_may_insist_on_a_family() {
        let asked = |text| Family::asked_for(&parse(text).unwrap());
        assert_eq!(asked("--ip_version=ipv6"), Some(Family::V6));
        assert_eq!(asked("--mtu=1500"), None);
    }
}
