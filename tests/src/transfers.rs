//! Transfers in simulation, and what is measured of them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use tcp_core::{Instant, TcpInfo};
use tcp_sim::record::{Event, LinkId, NodeId, Observer};
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::{Outcome, Simulation};
use tcp_sim::world::Oracles;

/// The client of a scenario that names no hosts.
pub const CLIENT: NodeId = NodeId(0);
/// From the client to the server, in a scenario of one link.
pub const THERE: LinkId = LinkId(0);
/// From the server to the client.
pub const BACK: LinkId = LinkId(1);

/// The seeds of a test: so many unless `TCP_SEEDS` says otherwise.
pub fn seeds(count: u64) -> RangeInclusive<u64> {
    let wanted = std::env::var("TCP_SEEDS").ok();
    1..=wanted.map_or(count, |it| it.parse().expect("TCP_SEEDS is a number"))
}

/// A scenario from its file.
///
/// # Panics
///
/// When the text is none.
pub fn scenario(seed: u64, text: &str) -> Scenario {
    let mut scenario = Scenario::from_toml(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    scenario.seed = seed;
    scenario
}

/// A run that somebody may watch.
///
/// # Panics
///
/// When the scenario contradicts itself.
pub fn simulation(scenario: &Scenario, oracles: Oracles) -> Simulation {
    Simulation::with_oracles(scenario, oracles).expect("the scenario can be run")
}

/// Runs a scenario to its end.
///
/// # Panics
///
/// When it is not complete, or breaks a rule.
pub fn complete(simulation: Simulation) -> Outcome {
    let outcome = simulation.run(&mut |_| {});
    assert!(outcome.complete, "{outcome:#?}");
    outcome
}

/// Runs to this time, and says what has come of it.
pub fn run_until(simulation: &mut Simulation, at: Instant) -> Outcome {
    while simulation.now() < at && simulation.step() {}
    simulation.outcome()
}

/// What the connections of one host said of themselves, with the time; the last of each moment.
#[derive(Debug)]
pub struct Infos {
    host: NodeId,
    told: Vec<(Instant, TcpInfo)>,
}

impl Infos {
    /// Watches this host.
    pub fn watch(simulation: &mut Simulation, host: NodeId) -> Rc<RefCell<Infos>> {
        let told = Vec::new();
        let infos = Rc::new(RefCell::new(Infos { host, told }));
        simulation.add_observer(Box::new(Rc::clone(&infos)));
        infos
    }

    /// The last one before this time.
    pub fn before(&self, at: Instant) -> Option<&TcpInfo> {
        let earlier = self.told.iter().rfind(|(told, _)| *told < at);
        earlier.map(|(_, info)| info)
    }
}

impl Observer for Infos {
    fn observe(&mut self, at: Instant, event: &Event<'_>) {
        let Event::Connection { host, info, .. } = event else {
            return;
        };
        if *host != self.host {
            return;
        }
        self.told.pop_if(|(last, _)| *last == at);
        self.told.push((at, (*info).clone()));
    }

    fn wants_connections(&self) -> bool {
        true
    }
}

/// How long packets take over one direction of a link that neither loses nor copies them. Packets
/// that pass others keep their own time only where no two are alike.
#[derive(Debug)]
pub struct Delays {
    link: LinkId,
    under_way: VecDeque<(Instant, Vec<u8>)>,
    /// When each packet that has arrived was sent, and how long it took.
    pub taken: Vec<(Instant, Duration)>,
    /// Packets that arrived after one that was sent later.
    pub passed: u64,
}

impl Delays {
    /// Watches this direction.
    pub fn watch(simulation: &mut Simulation, link: LinkId) -> Rc<RefCell<Delays>> {
        let delays = Rc::new(RefCell::new(Delays {
            link,
            under_way: VecDeque::new(),
            taken: Vec::new(),
            passed: 0,
        }));
        simulation.add_observer(Box::new(Rc::clone(&delays)));
        delays
    }
}

impl Observer for Delays {
    fn observe(&mut self, at: Instant, event: &Event<'_>) {
        match event {
            Event::Sent { link, packet, fate } if *link == self.link && fate.dropped.is_none() => {
                self.under_way.push_back((at, packet.to_vec()));
            }
            Event::Arrived { link, packet } if *link == self.link => {
                let is_it = |(_, sent): &(Instant, Vec<u8>)| sent == packet;
                let index = self.under_way.iter().position(is_it);
                let index = index.expect("what arrives was sent");
                // Those before it that have not arrived yet are passed, and found at the front later.
                let was_passed = self
                    .taken
                    .iter()
                    .rev()
                    .take(1_000)
                    .any(|(sent, _)| *sent > self.under_way[index].0);
                self.passed += u64::from(was_passed);
                let (sent, _) = self.under_way.remove(index).expect("it is there");
                self.taken.push((sent, at.saturating_duration_since(sent)));
            }
            _ => {}
        }
    }
}
