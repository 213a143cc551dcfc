//! A run in words: who is there, what lies between them, and what they do. The same
//! [`Scenario`] with the same seed gives the same run, packet by packet.

mod app;
mod command_line;
mod duplex;
mod flags;
mod overlay;
mod part;
mod tcp;
mod tcp_args;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use app::AppConfig;
pub use duplex::DuplexConfig;
pub use flags::ScenarioArgs;
pub use overlay::WrittenError;
pub use part::Part;
pub use tcp::{CongestionName, EcnName, MtuProbingName, ScalingName, ScalingSetting, TcpSettings};
pub use tcp_args::TcpArgs;

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
    /// Those who have a TCP; without a word of them, `client` and `server`.
    #[serde(default = "client_and_server")]
    pub host: Vec<HostConfig>,
    /// Those who only forward.
    #[serde(default, skip_serializing_if = "is_default")]
    pub router: Vec<RouterConfig>,
    /// What joins them.
    pub link: Vec<DuplexConfig>,
    /// What the applications do.
    pub flow: Vec<FlowConfig>,
}

/// The hosts of a scenario that names none.
fn client_and_server() -> Vec<HostConfig> {
    [default_client(), default_server()]
        .map(HostConfig::named)
        .into()
}

fn default_client() -> String {
    "client".into()
}

fn default_server() -> String {
    "server".into()
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
    /// Whether its network card takes large segments, which it cuts, and puts together what arrives.
    #[serde(default, skip_serializing_if = "is_default")]
    pub large_segments: bool,
    /// Settings of its connections.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tcp: TcpSettings,
}

impl Scenario {
    /// Reads a scenario file (TOML).
    ///
    /// # Errors
    ///
    /// The place of what cannot be read, and what is expected there.
    pub fn from_toml(text: &str) -> Result<Scenario, toml::de::Error> {
        toml::from_str(text)
    }

    /// The scenario as a file (TOML).
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a scenario holds nothing that TOML cannot say")
    }
}

impl HostConfig {
    /// A host with all defaults.
    pub fn named(name: String) -> HostConfig {
        HostConfig {
            name,
            mtu: default_mtu(),
            large_segments: false,
            tcp: TcpSettings::default(),
        }
    }
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

/// Two applications, and the connections between them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowConfig {
    /// The host that connects.
    #[serde(default = "default_client")]
    pub client: String,
    /// The host that listens.
    #[serde(default = "default_server")]
    pub server: String,
    /// When it begins.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "is_default")]
    pub start: Duration,
    /// What it does.
    pub app: AppConfig,
}

impl FlowConfig {
    /// A flow between `client` and `server`, from the beginning.
    pub fn of_client_and_server(app: AppConfig) -> FlowConfig {
        FlowConfig {
            client: default_client(),
            server: default_server(),
            start: Duration::ZERO,
            app,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tcp_core::{CongestionAlgorithm, TcpConfig};

    use super::*;
    use crate::link::config::{LossConfig, QueueLimit};
    use crate::units::{Bytes, Probability, Rate};

    /// A program that takes a scenario.
    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: ScenarioArgs,
    }

    fn from_line(line: &str) -> anyhow::Result<Scenario> {
        let words = shlex::split(line).expect("the quotes are closed");
        let words = words.iter().map(String::as_str).filter(|it| *it != "run");
        Program::try_parse_from(words)?.args.scenario()
    }

    #[test]
    fn flags_say_what_a_file_says() {
        let by_file = "
            seed = 7
            [[link]]
            both = { rate = '100M', delay = '50ms', loss = 0.01 }
            back = { loss = 0.5, queue = { bytes = '64Ki' }, aqm = { kind = 'codel' } }
            [[flow]]
            app = { kind = 'bulk', bytes = '10M' }
        ";
        let by_flags = "tcp-sim run --bytes 10M --rtt 100ms --rate 100M --loss 0.01 --seed 7 \
            --back 'loss = 0.5, queue = { bytes = \"64Ki\" }, aqm = { kind = \"codel\" }'";
        let scenario = from_line(by_flags).unwrap();
        assert_eq!(Scenario::from_toml(by_file), Ok(scenario.clone()));
        assert_eq!(scenario.link[0].there.rate, Some(Rate(100_000_000)));
        assert_eq!(
            scenario.link[0].back.queue,
            QueueLimit::Bytes(Bytes(65_536))
        );
        let half = Probability::new(0.5).unwrap();
        assert_eq!(scenario.link[0].back.loss, LossConfig::Independent(half));
    }

    #[test]
    fn a_scenario_prints_as_a_command_and_as_a_file_that_give_it_again() {
        let lines = [
            "tcp-sim",
            "tcp-sim --large-segments --loss 0.1",
            "tcp-sim --ipv6 --mtu 9000 --time-limit 90s --queue 100p --flows 2",
            "tcp-sim --app 'many-short, connections = 9, parallel = 3, request = 1, response = \"1k\"'",
            "tcp-sim --app 'half_close, request = 1, response = 2' --app bulk,bytes=5 --jitter 3ms",
            "tcp-sim --reorder 0.05:30ms --blackhole 5s..7s --blackhole 8s..9s --spike 3s..4s:250ms",
            "tcp-sim --fault 'drop data 3' --fault 'drop syn 1' --client 'sack = false' \
             --server 'window_scaling = \"off\", recv_buffer = \"64Ki\", min_rto = \"1s\"'",
            "tcp-sim --congestion bbr --ecn request --without rack --without tail-loss-probe \
             --tcp 'max_rto = \"5s\", pacing = false' --server 'rack = true, congestion = \"reno\"'",
            "tcp-sim --path-mtu 1400 --too-big silence --mtu-change 12m:1500 --mtu-probing always \
             --tcp 'base_mss = 512, probe_interval = \"10s\", max_mtu_probes = 1'",
            "tcp-sim --spike 1s..1500ms:2s --spike 9s..10s:1ms --corrupt 0.001",
            "tcp-sim --there 'loss = { to_bad = 0.1, to_good = 0.5 }' \
             --back 'middlebox = { strip = [\"timestamps\"], strip_from = \"all\" }'",
        ];
        for line in lines {
            let scenario = from_line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let printed = scenario.command_line().expect("it came from flags");
            let again = from_line(&printed).unwrap_or_else(|error| panic!("{printed}: {error}"));
            assert_eq!(again, scenario, "{printed}");
            assert_eq!(Scenario::from_toml(&scenario.to_toml()), Ok(scenario));
        }
    }

    #[test]
    fn what_is_said_of_an_end_goes_before_what_is_said_of_both() {
        let line = "tcp-sim --congestion bbr --without rack --tcp 'max_rto = \"500ms\"' \
            --server 'rack = true, congestion = \"cubic\", hystart = false'";
        let [client, server] = from_line(line).unwrap().host.try_into().unwrap();
        let (client, server) = (client.tcp.to_config(), server.tcp.to_config());
        assert_eq!(client.congestion, CongestionAlgorithm::Bbr);
        assert_eq!((client.recovery.rack, server.recovery.rack), (false, true));
        let CongestionAlgorithm::Cubic(options) = server.congestion else {
            panic!("{:?}", server.congestion);
        };
        assert!(!options.hystart);
        // Nothing waits for longer than the greatest timeout, and the rest is as by default.
        assert_eq!(server.initial_rto, Duration::from_millis(500));
        assert_eq!(server.pacing, TcpConfig::default().pacing);
    }

    #[test]
    fn what_flags_cannot_say_needs_a_file() {
        let mut scenario = from_line("tcp-sim").unwrap();
        scenario.flow[0].start = Duration::from_secs(1);
        assert_eq!(scenario.command_line(), None);
    }

    #[test]
    fn errors_say_where_and_what() {
        let cases = [
            ("--app flood", "flood"),
            ("--app 'bulk, byte = 1'", "byte"),
            ("--app slow-reader", "bytes"),
            ("--there 'speed = 1'", "speed"),
            ("--loss 2", "probability"),
            ("--rate 0", "above zero"),
            ("--fault 'lose everything'", "lose everything"),
            (
                "--fault 'drop data 3' --there 'faults = [\"drop data 5\"]'",
                "in one place",
            ),
            ("--seed -1", "invalid digit"),
            ("--reorder 0.1", "0.05:30ms"),
            ("--spike 1s..2s", "5s..6s:2s"),
            ("--client 'sack = maybe'", "sack"),
            (
                "--client 'congestion = \"vegas\"'",
                "`reno`, `cubic`, `bbr`",
            ),
            ("--tcp 'ecn = \"on\"'", "`off`, `accept`, `request`"),
            ("--congestion vegas", "reno, cubic, bbr"),
            ("--without sleep", "tail-loss-probe"),
            ("--mtu-probing sometimes", "off, on-black-hole, always"),
            ("--mtu-change 1500", "12m:1500"),
            ("nowhere.toml", "nowhere.toml"),
            ("a.toml --congestion reno", "cannot be used with"),
            ("a.toml --loss 0.1", "cannot be used with"),
        ];
        for (flags, expected) in cases {
            let error = from_line(&format!("tcp-sim {flags}")).unwrap_err();
            let text = format!("{error:#}");
            assert!(text.contains(expected), "{flags}: {text}");
        }
    }
}
