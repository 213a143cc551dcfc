//! What a run has come to, put into numbers.

use serde_json::Value;
use tcp_core::{Counters, Instant};

use super::flow::{self, Flow};
use super::outcome::{FlowInfo, FlowOutcome, HostOutcome, LinkOutcome, Outcome, Progress};
use super::{Simulation, State};
use crate::record::{LinkId, NodeId};
use crate::scenario::FlowConfig;

impl Simulation {
    /// How far the run is.
    pub fn progress(&self) -> Progress {
        let read = |flow: &Flow| flow.ends.counts.bytes_read.iter().sum::<u64>();
        let wanted = |flow: &FlowConfig| flow::describe(&flow.app).1;
        Progress {
            sim_seconds: seconds(self.network.now()),
            packets: self.network.observer().hash.packets(),
            bytes_done: self.flows.iter().map(read).sum(),
            bytes_total: self.scenario.flow.iter().map(wanted).sum(),
        }
    }

    /// What has come of the run so far.
    pub fn outcome(&self) -> Outcome {
        let flows: Vec<_> = self
            .flows
            .iter()
            .zip(&self.scenario.flow)
            .map(|(flow, config)| self.flow_outcome(flow, config))
            .collect();
        let first = self.flows.iter().map(|flow| flow.ends.start).min();
        let first = Instant::ZERO + first.unwrap_or_default();
        let last = self.flows.iter().map(|flow| self.end_of(flow)).max();
        let last = last.unwrap_or(Instant::ZERO);
        let bits = flows.iter().map(bits).sum();
        let hash = &self.network.observer().hash;
        let sum = |count: fn(&Counters) -> u64| -> u64 {
            let hosts = (0..self.network.hosts()).map(NodeId);
            hosts
                .map(|host| count(self.network.stack(host).counters()))
                .sum()
        };
        Outcome {
            seed: self.scenario.seed,
            trace_hash: hash.digits(),
            sim_seconds: seconds(last),
            end_seconds: seconds(self.network.now()),
            goodput_bps: rate(bits, first, last),
            packets: hash.packets(),
            retransmitted_segments: sum(|counters| counters.retrans_segs + counters.syn_retrans),
            dsack_count: sum(|counters| counters.dsack_recv),
            rto_count: sum(|counters| counters.timeouts),
            loss_probe_count: sum(|counters| counters.loss_probes),
            undo_count: sum(undos),
            wall_seconds: self.began.elapsed().as_secs_f64(),
            complete: self.state == State::Ended
                && self.violations.is_empty()
                && flows.iter().all(|flow| flow.complete),
            time_limit_reached: self.state == State::CutShort,
            violations: self.violations.clone(),
            flows,
            links: self.link_outcomes(),
            hosts: self.host_outcomes(),
        }
    }

    /// When a flow was over, or the time.
    fn end_of(&self, flow: &Flow) -> Instant {
        flow.ends.counts.ended.unwrap_or(self.network.now())
    }

    fn flow_outcome(&self, flow: &Flow, config: &FlowConfig) -> FlowOutcome {
        let counts = &flow.ends.counts;
        let [bytes_to_client, bytes_to_server] = counts.bytes_read;
        let [client, server] = counts.infos;
        let start = Instant::ZERO + flow.ends.start;
        let end = self.end_of(flow);
        let bits = 8 * (bytes_to_client + bytes_to_server);
        FlowOutcome {
            client: config.client.clone(),
            server: config.server.clone(),
            app: flow::describe(&config.app).0,
            complete: flow.is_complete(&config.app),
            error: flow.error(),
            bytes_to_server,
            bytes_to_client,
            seconds: seconds(end) - seconds(start.min(end)),
            goodput_bps: rate(bits, start, end),
            connections: counts.connections[0],
            retransmitted: client.tcpi_total_retrans + server.tcpi_total_retrans,
            tcp_info: FlowInfo { client, server },
        }
    }

    fn link_outcomes(&self) -> Vec<LinkOutcome> {
        let name = |node: NodeId| self.map.nodes[node.0].clone();
        let links = self.map.links.iter().enumerate();
        links
            .map(|(index, [from, to])| LinkOutcome {
                from: name(*from),
                to: name(*to),
                stats: *self.network.link(LinkId(index)).stats(),
            })
            .collect()
    }

    fn host_outcomes(&self) -> Vec<HostOutcome> {
        let hosts = 0..self.network.hosts();
        hosts
            .map(|index| {
                let counters = self.network.stack(NodeId(index)).counters();
                let counted = counters.iter().filter(|(_, value)| *value != 0);
                HostOutcome {
                    name: self.map.nodes[index].clone(),
                    counters: counted
                        .map(|(name, value)| (name.to_owned(), Value::from(value)))
                        .collect(),
                }
            })
            .collect()
    }
}

/// A timeout that F-RTO finds to be spurious is one that is taken back, as Linux counts it.
fn undos(counters: &Counters) -> u64 {
    counters.partial_undo + counters.full_undo + counters.dsack_undo + counters.loss_undo
}

fn bits(flow: &FlowOutcome) -> u64 {
    8 * (flow.bytes_to_client + flow.bytes_to_server)
}

fn seconds(at: Instant) -> f64 {
    at.as_nanos() as f64 / 1e9
}

/// So many bits in the time between, a second; zero where no time has gone by.
fn rate(bits: u64, from: Instant, to: Instant) -> f64 {
    let nanos = to.saturating_duration_since(from).as_nanos();
    if nanos == 0 {
        0.0
    } else {
        bits as f64 * 1e9 / nanos as f64
    }
}
