//! From a scenario to a network with applications.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tcp_core::{KeepAlive, ListenConfig, Offload, StackConfig, TcpConfig, ValidConfig};

use super::error::ScenarioError;
use super::flow::{self, Ends, Flow};
use super::hosts::Owners;
use super::seed::{self, Purpose};
use super::watchers::Watchers;
use crate::app::Role;
use crate::link::Link;
use crate::record::{Map, NodeId};
use crate::scenario::{AppConfig, DuplexConfig, FlowConfig, HostConfig, Scenario};
use crate::world::{Family, Host, MAX_HOSTS, Network, Oracles};

/// The first port on which a server listens.
const FIRST_PORT: usize = 1_024;

/// Everything that a run is made of.
pub(super) struct Parts {
    pub(super) map: Map,
    pub(super) network: Network<Watchers>,
    pub(super) owners: Owners,
    pub(super) flows: Vec<Flow>,
}

pub(super) fn build(scenario: &Scenario, oracles: Oracles) -> Result<Parts, ScenarioError> {
    if scenario.flow.is_empty() {
        return Err(ScenarioError::NoFlow);
    }
    if scenario.host.len() > MAX_HOSTS {
        return Err(ScenarioError::TooManyHosts(scenario.host.len()));
    }
    let names = names(scenario)?;
    let mut map = Map {
        nodes: nodes(scenario).map(str::to_owned).collect(),
        links: Vec::new(),
    };
    let tcp = scenario
        .host
        .iter()
        .map(tcp_config)
        .collect::<Result<Vec<_>, _>>()?;
    let mut hosts = Vec::with_capacity(scenario.host.len());
    for (index, config) in scenario.host.iter().enumerate() {
        let secret = seed::secret(scenario.seed, index);
        hosts.push(Host::with_config(
            stack_config(config, index, scenario.family)?,
            secret,
        ));
    }
    let mut links = Vec::with_capacity(2 * scenario.link.len());
    for (index, config) in scenario.link.iter().enumerate() {
        check_mtu(config, index, scenario.family)?;
        links.extend(link(config, index, &names, scenario.seed)?);
    }
    map.links = links.iter().map(|(ends, _)| *ends).collect();
    let network = Network::new(
        hosts,
        scenario.router.len(),
        links,
        Watchers::default(),
        oracles,
    );
    let mut parts = Parts {
        map,
        network,
        owners: Owners::new(scenario.host.len()),
        flows: Vec::with_capacity(scenario.flow.len()),
    };
    for config in &scenario.flow {
        parts.add_flow(scenario, config, &names, &tcp)?;
    }
    Ok(parts)
}

fn nodes(scenario: &Scenario) -> impl Iterator<Item = &str> {
    let hosts = scenario.host.iter().map(|host| host.name.as_str());
    hosts.chain(scenario.router.iter().map(|router| router.name.as_str()))
}

fn names(scenario: &Scenario) -> Result<BTreeMap<&str, NodeId>, ScenarioError> {
    let mut names = BTreeMap::new();
    for (index, name) in nodes(scenario).enumerate() {
        if names.insert(name, NodeId(index)).is_some() {
            return Err(ScenarioError::NameTwice(name.to_owned()));
        }
    }
    Ok(names)
}

fn tcp_config(host: &HostConfig) -> Result<ValidConfig, ScenarioError> {
    let config = TcpConfig {
        // Every connection must come to an end, where its peer has gone without a word, too.
        keep_alive: Some(KeepAlive::default()),
        ..host.tcp.to_config()
    };
    config.validate().map_err(|error| ScenarioError::Tcp {
        host: host.name.clone(),
        field: error.field,
        expected: error.expected,
    })
}

fn stack_config(
    host: &HostConfig,
    index: usize,
    family: Family,
) -> Result<StackConfig, ScenarioError> {
    let least = match family {
        Family::V4 => 576,
        Family::V6 => 1_280,
    };
    if host.mtu < least {
        return Err(ScenarioError::Mtu {
            host: host.name.clone(),
            mtu: host.mtu,
            least,
        });
    }
    Ok(StackConfig {
        mtu: host.mtu,
        offload: if host.large_segments {
            Host::CARD
        } else {
            Offload::NONE
        },
        ..Host::stack_config(index)
    })
}

/// Both directions of a link.
fn link(
    config: &DuplexConfig,
    index: usize,
    names: &BTreeMap<&str, NodeId>,
    seed: u64,
) -> Result<[([NodeId; 2], Link); 2], ScenarioError> {
    let [first, second] = &config.between;
    let node = |name: &String| {
        let node = names.get(name.as_str()).copied();
        node.ok_or_else(|| ScenarioError::UnknownNode {
            link: index + 1,
            name: name.clone(),
        })
    };
    let ends = [node(first)?, node(second)?];
    if first == second {
        return Err(ScenarioError::LinkToItself {
            link: index + 1,
            name: first.clone(),
        });
    }
    let direction = |from: &String, to: &String, config, which| {
        let seed = seed::split(seed, Purpose::Link, (2 * index + which) as u64);
        Link::with_config(config, seed).map_err(|error| ScenarioError::Link {
            from: from.clone(),
            to: to.clone(),
            error,
        })
    };
    let mut there = direction(first, second, &config.there, 0)?;
    let mut back = direction(second, first, &config.back, 1)?;
    there.set_shift_ack(config.back.middlebox.shift_seq);
    back.set_shift_ack(config.there.middlebox.shift_seq);
    let [from, to] = ends;
    Ok([([from, to], there), ([to, from], back)])
}

/// RFC 8200 §5.
const IPV6_MIN_MTU: u16 = 1_280;

fn check_mtu(config: &DuplexConfig, index: usize, family: Family) -> Result<(), ScenarioError> {
    let too_small = [config.there.mtu, config.back.mtu]
        .into_iter()
        .flatten()
        .find(|mtu| *mtu < IPV6_MIN_MTU);
    match (family, too_small) {
        (Family::V6, Some(mtu)) => Err(ScenarioError::LinkMtu {
            link: index + 1,
            mtu,
        }),
        _ => Ok(()),
    }
}

impl Parts {
    fn add_flow(
        &mut self,
        scenario: &Scenario,
        config: &FlowConfig,
        names: &BTreeMap<&str, NodeId>,
        tcp: &[ValidConfig],
    ) -> Result<(), ScenarioError> {
        let index = self.flows.len();
        if let AppConfig::SlowReader { every, .. } = config.app
            && every.is_zero()
        {
            return Err(ScenarioError::NoPause(index + 1));
        }
        let hosts = self.hosts_of(config, names)?;
        let [client, server] = hosts;
        let port = u16::try_from(FIRST_PORT + self.owners.listeners(server));
        let port = port.map_err(|_| ScenarioError::TooManyFlows(config.server.clone()))?;
        let remote = SocketAddr::new(scenario.family.address(server.0), port);
        let backlog = match config.app {
            AppConfig::ManyShort { parallel, .. } => parallel as usize,
            _ => 0,
        };
        let defaults = ListenConfig::default();
        let listening = ListenConfig {
            backlog: defaults.backlog.max(backlog),
            syn_backlog: defaults.syn_backlog.max(backlog),
            tcp: tcp[server.0].clone(),
            ..defaults
        };
        let stack = &mut self.network.host(server).stack;
        let listener = stack
            .listen(remote, listening)
            .map_err(|_| ScenarioError::TooManyFlows(config.server.clone()))?;
        self.owners.listens(server, listener, index);
        let start = tcp_core::Instant::ZERO + config.start;
        self.network
            .wake_at(flow::alarm(index, Role::Client), start);
        let (client_app, server_app) = flow::apps(&config.app);
        self.flows.push(Flow {
            client: client_app,
            server: server_app,
            ends: Ends {
                index,
                hosts,
                remote,
                listener,
                tcp: tcp[client.0].clone(),
                seed: seed::split(scenario.seed, Purpose::Pattern, index as u64),
                start: config.start,
                has_started: false,
                counts: flow::Counts::default(),
            },
        });
        Ok(())
    }

    fn hosts_of(
        &self,
        config: &FlowConfig,
        names: &BTreeMap<&str, NodeId>,
    ) -> Result<[NodeId; 2], ScenarioError> {
        let flow = self.flows.len() + 1;
        let host = |name: &String| {
            let node = names.get(name.as_str()).copied();
            let host = node.filter(|node| node.0 < self.network.hosts());
            host.ok_or_else(|| ScenarioError::UnknownHost {
                flow,
                name: name.clone(),
            })
        };
        let (client, server) = (host(&config.client)?, host(&config.server)?);
        if client == server {
            return Err(ScenarioError::FlowToItself {
                flow,
                name: config.client.clone(),
            });
        }
        let ways = [
            (client, server, &config.client, &config.server),
            (server, client, &config.server, &config.client),
        ];
        for (here, there, from, to) in ways {
            if !self.network.reaches(here, there) {
                return Err(ScenarioError::Unreachable {
                    flow,
                    from: from.clone(),
                    to: to.clone(),
                });
            }
        }
        Ok([client, server])
    }
}
