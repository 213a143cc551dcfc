//! A scenario as flags of a command line: a client, a server, and a link between them.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::overlay::{overlaid, parse_pairs, read_pairs};
use super::tcp_args::{TcpArgs, parse_end};
use super::{
    AppConfig, DuplexConfig, FlowConfig, HostConfig, Scenario, WrittenError, default_time_limit,
};
use crate::link::LinkConfig;
use crate::link::config::{
    Blackhole, LossConfig, MtuChange, QueueLimit, ReorderConfig, Spike, TooBig,
};
use crate::units::{Bytes, Probability, Rate};
use crate::world::Family;

/// What is run: a file, or flags.
#[derive(Args, Clone, Debug, Default)]
pub struct ScenarioArgs {
    /// A scenario file (TOML); `--seed` and `--time-limit` replace what it says, all else is its
    #[arg(value_name = "FILE", conflicts_with_all = ["congestion", "ecn", "mtu_probing", "without", "tcp"])]
    pub file: Option<PathBuf>,

    /// Where all that is random comes from [default: 0]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub seed: Option<u64>,

    /// Virtual time after which the run is cut short; TIME-WAIT is the last minute of a run
    /// [default: 1day]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub time_limit: Option<Duration>,

    #[command(flatten)]
    apps: AppArgs,
    #[command(flatten)]
    links: LinkArgs,
    #[command(flatten)]
    tcp: TcpArgs,
    #[command(flatten)]
    hosts: HostArgs,
}

/// What the applications do.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Applications")]
struct AppArgs {
    /// The client sends so many bytes: short for --app 'bulk, bytes = "..."' [default: 10M]
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true, conflicts_with_all = ["file", "app"])]
    bytes: Option<Bytes>,

    /// What the applications do: a kind of a scenario file's flow.app, and its settings; may be
    /// repeated
    #[arg(long, value_name = "KIND, NAME = VALUE...", value_parser = parse_app, conflicts_with = "file")]
    app: Vec<AppConfig>,

    /// How often the same at the same time [default: 1]
    #[arg(long, value_name = "NUMBER", conflicts_with = "file", value_parser = clap::value_parser!(u32).range(1..))]
    flows: Option<u32>,
}

/// The link: what is said here is so in both directions, unless `--there` or `--back` differ.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Link, in both directions")]
struct LinkArgs {
    /// Twice the propagation delay [default: 50ms]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, conflicts_with = "file")]
    rtt: Option<Duration>,

    /// Bits a second: 100M [default: no limit]
    #[arg(long, value_name = "RATE", conflicts_with = "file")]
    rate: Option<Rate>,

    /// What waits for the rate: 100p is packets, 64Ki bytes [default: 1000p]
    #[arg(long, value_name = "LIMIT", value_parser = parse_queue, conflicts_with = "file")]
    queue: Option<QueueLimit>,

    /// How often a packet is lost: 0.01
    #[arg(long, value_name = "PROBABILITY", conflicts_with = "file")]
    loss: Option<Probability>,

    /// Further delay, evenly from zero to this
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, conflicts_with = "file")]
    jitter: Option<Duration>,

    /// How often a packet is late, and passed by others, and by how much: 0.05:30ms
    #[arg(long, value_name = "PROBABILITY:TIME", value_parser = parse_reorder, conflicts_with = "file")]
    reorder: Option<ReorderConfig>,

    /// How often a packet arrives twice
    #[arg(long, value_name = "PROBABILITY", conflicts_with = "file")]
    duplicate: Option<Probability>,

    /// How often one bit of a packet is inverted
    #[arg(long, value_name = "PROBABILITY", conflicts_with = "file")]
    corrupt: Option<Probability>,

    /// When nothing passes: 5s..7s; may be repeated
    #[arg(long, value_name = "TIME..TIME", value_parser = parse_blackhole, conflicts_with = "file")]
    blackhole: Vec<Blackhole>,

    /// When packets take longer, and by how much: 5s..6s:2s; may be repeated
    #[arg(long, value_name = "TIME..TIME:TIME", value_parser = parse_spike, conflicts_with = "file")]
    spike: Vec<Spike>,

    /// Bytes of the largest IP packet that passes [default: any]
    #[arg(long, value_name = "BYTES", conflicts_with = "file")]
    path_mtu: Option<u16>,

    /// What the sender of a larger one hears [default: icmp]
    #[arg(long, value_name = "ANSWER", conflicts_with = "file")]
    too_big: Option<TooBig>,

    /// From when on other packets pass, and how large ones: 12m:1500; may be repeated
    #[arg(long, value_name = "TIME:BYTES", value_parser = parse_mtu_change, conflicts_with = "file")]
    mtu_change: Vec<MtuChange>,

    /// A fault from client to server: 'drop data 3'; may be repeated
    #[arg(long, value_name = "FAULT", conflicts_with = "file")]
    fault: Vec<String>,

    /// What is different from client to server, as in a scenario file's link.there
    #[arg(long, value_name = "NAME = VALUE...", value_parser = parse_pairs, conflicts_with = "file")]
    there: Option<toml::Table>,

    /// What is different from server to client
    #[arg(long, value_name = "NAME = VALUE...", value_parser = parse_pairs, conflicts_with = "file")]
    back: Option<toml::Table>,
}

/// The hosts.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Hosts")]
struct HostArgs {
    /// Bytes of the largest IP packet that the hosts send [default: 1500]
    #[arg(long, value_name = "BYTES", conflicts_with = "file")]
    mtu: Option<u16>,

    /// The hosts' network cards take large segments, which they cut, and put together what arrives
    #[arg(long, conflicts_with = "file")]
    large_segments: bool,

    /// Over IPv6
    #[arg(long, conflicts_with = "file")]
    ipv6: bool,

    /// Settings of the client's connections, as those of --tcp and before them
    #[arg(long, value_name = "NAME = VALUE...", value_parser = parse_end, conflicts_with = "file")]
    client: Option<toml::Table>,

    /// Settings of the server's connections
    #[arg(long, value_name = "NAME = VALUE...", value_parser = parse_end, conflicts_with = "file")]
    server: Option<toml::Table>,
}

impl ScenarioArgs {
    /// The scenario that these flags, or the file that they name, tell.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, or with which flag.
    pub fn scenario(&self) -> anyhow::Result<Scenario> {
        let mut scenario = match &self.file {
            Some(file) => {
                let text = fs::read_to_string(file)
                    .with_context(|| format!("cannot read the scenario {}", file.display()))?;
                Scenario::from_toml(&text)
                    .with_context(|| format!("{} is not a scenario", file.display()))?
            }
            None => self.flags_scenario()?,
        };
        scenario.seed = self.seed.unwrap_or(scenario.seed);
        scenario.time_limit = self.time_limit.unwrap_or(scenario.time_limit);
        Ok(scenario)
    }

    fn flags_scenario(&self) -> anyhow::Result<Scenario> {
        let (there, back) = self.links.directions()?;
        let hosts = &self.hosts;
        let host = |name: &str, tcp: &Option<toml::Table>| -> anyhow::Result<HostConfig> {
            let tcp = self.tcp.settings_of(tcp.as_ref());
            Ok(HostConfig {
                mtu: hosts.mtu.unwrap_or(super::default_mtu()),
                large_segments: hosts.large_segments,
                tcp: tcp.with_context(|| format!("--{name}"))?,
                ..HostConfig::named(name.into())
            })
        };
        Ok(Scenario {
            seed: 0,
            time_limit: default_time_limit(),
            family: if hosts.ipv6 { Family::V6 } else { Family::V4 },
            host: vec![
                host("client", &hosts.client)?,
                host("server", &hosts.server)?,
            ],
            router: Vec::new(),
            link: vec![DuplexConfig::of_client_and_server(there, back)],
            flow: self.apps.flows(),
        })
    }
}

/// What is sent unless the flags say otherwise.
const DEFAULT_BYTES: Bytes = Bytes(10_000_000);
/// The round trip unless the flags say otherwise.
const DEFAULT_RTT: Duration = Duration::from_millis(50);

impl AppArgs {
    fn flows(&self) -> Vec<FlowConfig> {
        let bulk = AppConfig::Bulk {
            bytes: self.bytes.unwrap_or(DEFAULT_BYTES),
        };
        let apps = if self.app.is_empty() {
            vec![bulk]
        } else {
            self.app.clone()
        };
        let copies = self.flows.unwrap_or(1) as usize;
        apps.iter()
            .flat_map(|app| vec![FlowConfig::of_client_and_server(app.clone()); copies])
            .collect()
    }
}

impl LinkArgs {
    fn directions(&self) -> anyhow::Result<(LinkConfig, LinkConfig)> {
        let both = LinkConfig {
            rate: self.rate,
            delay: self.rtt.unwrap_or(DEFAULT_RTT) / 2,
            jitter: self.jitter.unwrap_or_default(),
            queue: self.queue.unwrap_or_default(),
            loss: LossConfig::Independent(self.loss.unwrap_or_default()),
            duplicate: self.duplicate.unwrap_or_default(),
            reorder: self.reorder,
            corrupt: self.corrupt.unwrap_or_default(),
            blackholes: self.blackhole.clone(),
            spikes: self.spike.clone(),
            mtu: self.path_mtu,
            mtu_changes: self.mtu_change.clone(),
            too_big: self.too_big.unwrap_or_default(),
            ..LinkConfig::default()
        };
        let over = |base: &LinkConfig, pairs: toml::Table, flag| {
            overlaid(base, pairs).with_context(|| format!("--{flag}"))
        };
        let pairs = |written: &Option<toml::Table>| written.clone().unwrap_or_default();
        let names_faults = |written: &Option<toml::Table>| {
            written
                .as_ref()
                .is_some_and(|pairs| pairs.contains_key("faults"))
        };
        anyhow::ensure!(
            self.fault.is_empty() || !names_faults(&self.there),
            "--fault and the faults of --there are the same: write all of them in one place"
        );
        let mut faults = toml::Table::new();
        if !self.fault.is_empty() {
            faults.insert("faults".into(), self.fault.clone().into());
        }
        let there = over(&both, faults, "fault")?;
        Ok((
            over(&there, pairs(&self.there), "there")?,
            over(&both, pairs(&self.back), "back")?,
        ))
    }
}

/// `bulk, bytes = "10M"`: the kind, and what belongs to it.
fn parse_app(text: &str) -> Result<AppConfig, WrittenError> {
    let (kind, settings) = text.split_once(',').unwrap_or((text, ""));
    let separator = if settings.trim().is_empty() { "" } else { "," };
    let kind = kind.trim().replace('-', "_");
    read_pairs(&format!("kind = \"{kind}\"{separator} {settings}"))
}

/// What was expected where something else was found.
#[derive(Debug)]
struct Expected(&'static str);

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for Expected {}

fn parse_queue(text: &str) -> Result<QueueLimit, Expected> {
    let expected = || Expected("packets as 100p, or bytes as 64Ki");
    match text.strip_suffix('p') {
        Some(packets) => packets
            .parse()
            .map(QueueLimit::Packets)
            .map_err(|_| expected()),
        None => text.parse().map(QueueLimit::Bytes).map_err(|_| expected()),
    }
}

fn parse_reorder(text: &str) -> Result<ReorderConfig, Expected> {
    let (probability, by) = halves(text, ":", Probability::from_str, humantime::parse_duration)
        .ok_or(Expected("a probability and a time, as 0.05:30ms"))?;
    Ok(ReorderConfig { probability, by })
}

fn parse_blackhole(text: &str) -> Result<Blackhole, Expected> {
    let time = humantime::parse_duration;
    let (from, until) = halves(text, "..", time, time).ok_or(Expected("two times, as 5s..7s"))?;
    Ok(Blackhole { from, until })
}

fn parse_mtu_change(text: &str) -> Result<MtuChange, Expected> {
    let (at, mtu) = halves(text, ":", humantime::parse_duration, u16::from_str)
        .ok_or(Expected("a time and bytes, as 12m:1500"))?;
    Ok(MtuChange { at, mtu })
}

fn parse_spike(text: &str) -> Result<Spike, Expected> {
    let time = humantime::parse_duration;
    let (Blackhole { from, until }, extra) = halves(text, ":", parse_blackhole, time)
        .ok_or(Expected("two times, and how much longer, as 5s..6s:2s"))?;
    Ok(Spike { from, until, extra })
}

fn halves<A, B, E, F>(
    text: &str,
    between: &str,
    first: impl Fn(&str) -> Result<A, E>,
    second: impl Fn(&str) -> Result<B, F>,
) -> Option<(A, B)> {
    let (left, right) = text.split_once(between)?;
    Some((first(left).ok()?, second(right).ok()?))
}
