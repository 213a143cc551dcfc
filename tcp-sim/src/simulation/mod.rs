//! A [`Scenario`] run from its beginning to its end.
//!
//! ```
//! use tcp_sim::scenario::Scenario;
//! use tcp_sim::simulation::Simulation;
//!
//! let scenario: Scenario = toml::from_str(r#"
//!     seed = 7
//!     host = [{ name = "a" }, { name = "b" }]
//!     link = [{ between = ["a", "b"], there = { rate = "100M", delay = "50ms" }, back = { delay = "50ms" } }]
//!     flow = [{ client = "a", server = "b", app = { kind = "bulk", bytes = "100k" } }]
//! "#).unwrap();
//! let outcome = Simulation::new(&scenario).unwrap().run(&mut |_| {});
//! assert!(outcome.complete);
//! assert_eq!(outcome.flows[0].bytes_to_server, 100_000);
//! ```

mod build;
mod error;
mod flow;
mod hash;
mod hosts;
mod outcome;
mod seed;
mod summary;
mod sums;
mod watchers;

use std::time;

use tcp_core::{Event, Instant};

pub use error::ScenarioError;
pub use hash::TraceHash;
pub use outcome::{FlowInfo, FlowOutcome, HostOutcome, LinkOutcome, Outcome, Progress};
pub use sums::InfoSums;

use crate::app::{Cause, Role};
use crate::record::{Map, NodeId, Observer};
use crate::scenario::Scenario;
use crate::world::{Network, Oracles, Step};
use build::Parts;
use flow::{Flow, Hands};
use hosts::Owners;
use watchers::Watchers;

/// A run of a scenario.
pub struct Simulation {
    scenario: Scenario,
    map: Map,
    network: Network<Watchers>,
    owners: Owners,
    flows: Vec<Flow>,
    /// When the run is cut short.
    limit: Instant,
    state: State,
    violations: Vec<String>,
    began: time::Instant,
    /// Events that are being handed out.
    events: Vec<Event>,
    /// Room for what applications write and read.
    buffer: Box<[u8]>,
}

/// How far the run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Running,
    /// Nothing is left to happen, or a rule is broken.
    Ended,
    /// The time limit has come before.
    CutShort,
}

/// Steps between two reports of progress.
const STEPS_PER_REPORT: u32 = 1 << 16;

/// Bytes that an application writes or reads at once.
const BUFFER: usize = 64 * 1_024;

impl Simulation {
    /// The scenario at time zero.
    ///
    /// # Errors
    ///
    /// Where the scenario contradicts itself; the error names what is wrong.
    pub fn new(scenario: &Scenario) -> Result<Simulation, ScenarioError> {
        Simulation::with_oracles(scenario, Oracles::On)
    }

    /// As [`new`](Simulation::new), with or without the rules being checked.
    ///
    /// # Errors
    ///
    /// Where the scenario contradicts itself; the error names what is wrong.
    pub fn with_oracles(
        scenario: &Scenario,
        oracles: Oracles,
    ) -> Result<Simulation, ScenarioError> {
        let Parts {
            map,
            network,
            owners,
            flows,
        } = build::build(scenario, oracles)?;
        Ok(Simulation {
            scenario: scenario.clone(),
            map,
            network,
            owners,
            flows,
            limit: Instant::ZERO + scenario.time_limit,
            state: State::Running,
            violations: Vec::new(),
            began: time::Instant::now(),
            events: Vec::new(),
            buffer: vec![0; BUFFER].into(),
        })
    }

    /// Lets somebody watch.
    pub fn add_observer(&mut self, observer: Box<dyn Observer>) {
        self.network.observer_mut().others.push(observer);
    }

    /// The names of what observers are told of.
    pub fn map(&self) -> Map {
        self.map.clone()
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.network.now()
    }

    /// Runs the next thing that is due; says whether there was one.
    pub fn step(&mut self) -> bool {
        if self.state != State::Running {
            return false;
        }
        if self.network.next_event().is_some_and(|at| at > self.limit) {
            self.state = State::CutShort;
            return false;
        }
        match self.network.step() {
            Step::Idle => {
                self.state = State::Ended;
                if self.network.breach().is_none() {
                    self.judge_the_end();
                }
                return false;
            }
            Step::Network => {}
            Step::Host(host) => self.hand_out_events(host),
            Step::Alarm(alarm) => {
                let (flow, role) = flow::sleeper(alarm);
                let ends = &mut self.flows[flow].ends;
                let cause = if ends.has_started {
                    Cause::Woken
                } else {
                    ends.has_started = true;
                    Cause::Start
                };
                let host = ends.hosts[role.index()];
                self.act(flow, role, cause);
                self.hand_out_events(host);
            }
        }
        if let Some(breach) = self.network.breach() {
            let name = &self.map.nodes[breach.host.0];
            let words = format!("{name} at {:?}: {}", breach.at, breach.violation);
            self.violations.push(words);
            self.state = State::Ended;
            return false;
        }
        true
    }

    /// Runs to the end, and says what came of it; tells its progress every now and then.
    pub fn run(mut self, progress: &mut dyn FnMut(&Progress)) -> Outcome {
        let mut steps: u32 = 0;
        while self.step() {
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(STEPS_PER_REPORT) {
                progress(&self.progress());
            }
        }
        progress(&self.progress());
        self.outcome()
    }

    /// Gives each event of a host to whom it concerns, and sends what comes of it, until there are
    /// no more.
    fn hand_out_events(&mut self, host: NodeId) {
        let mut events = std::mem::take(&mut self.events);
        loop {
            self.network.take_events(host, &mut events);
            for event in events.drain(..) {
                self.hand_out(host, event);
            }
            self.network.settle(host);
            if !self.network.has_events(host) || self.network.breach().is_some() {
                break;
            }
        }
        self.events = events;
    }

    fn hand_out(&mut self, host: NodeId, event: Event) {
        match event {
            Event::Connection { id, event } => {
                if let Some((flow, role)) = self.owners.of(host, id) {
                    self.act(flow, role, Cause::Told(id, event));
                }
            }
            Event::Incoming { listener } => {
                if let Some(flow) = self.owners.of_listener(host, listener) {
                    self.act(flow, Role::Server, Cause::Incoming);
                }
            }
            Event::Syn { .. } => {}
        }
    }

    fn act(&mut self, flow: usize, role: Role, cause: Cause) {
        let flow = &mut self.flows[flow];
        let app = match role {
            Role::Client => &mut flow.client,
            Role::Server => &mut flow.server,
        };
        let mut hands = Hands {
            network: &mut self.network,
            owners: &mut self.owners,
            ends: &mut flow.ends,
            role,
            buffer: &mut self.buffer,
        };
        app.act(cause, &mut hands);
        if flow.ends.counts.ended.is_none() && flow.is_over() {
            flow.ends.counts.ended = Some(self.network.now());
        }
    }

    /// Nothing is due any more: so nothing may be left.
    fn judge_the_end(&mut self) {
        for index in 0..self.network.hosts() {
            let stack = self.network.stack(NodeId(index));
            let name = &self.map.nodes[index];
            for (_, local, remote, state) in stack.sockets().take(8) {
                self.violations.push(format!(
                    "{name} keeps a connection from {local} to {remote} in {state}, and nothing is due"
                ));
            }
            if stack.sockets().next().is_none() && !stack.is_idle() {
                self.violations.push(format!(
                    "{name} has no connection, and keeps something of one"
                ));
            }
            let established = stack.counters().curr_estab;
            if established != 0 {
                self.violations.push(format!(
                    "{name} counts {established} connections when none is left"
                ));
            }
        }
        for (flow, config) in self.flows.iter().zip(&self.scenario.flow) {
            if !flow.is_over() {
                self.violations.push(format!(
                    "the flow from {} to {} has come to a standstill",
                    config.client, config.server
                ));
            }
        }
    }
}
