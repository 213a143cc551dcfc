//! Congestion notification end to end: a queue that marks, and two ends that heed it.

use std::cell::RefCell;
use std::rc::Rc;

use tcp_core::wire::{self, Control, Ecn, Incoming};
use tcp_core::{Instant, ReceiveChecksum};
use tcp_sim::record::{Event, Observer};
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::{Outcome, Simulation};

/// How many segments that arrived had which bits.
#[derive(Default)]
struct Bits {
    marked: u64,
    capable: u64,
    echoes: u64,
    reductions: u64,
}

impl Observer for Bits {
    fn observe(&mut self, _: Instant, event: &Event<'_>) {
        let Event::Arrived { packet, .. } = event else {
            return;
        };
        let Ok(Incoming::Tcp(tcp)) = wire::parse(packet, ReceiveChecksum::Verified) else {
            return;
        };
        let header = &tcp.segment.header;
        if header.control == Control::Syn {
            return;
        }
        self.marked += u64::from(header.ecn == Ecn::CongestionExperienced);
        self.capable += u64::from(header.ecn == Ecn::Capable0);
        self.echoes += u64::from(header.ece);
        self.reductions += u64::from(header.cwr);
    }
}

/// Twenty megabytes over a narrow link with this queue; both ends with this mode.
fn transfer(family: &str, aqm: &str, mode: &str) -> (Outcome, Bits) {
    let text = format!(
        "seed = 3
         family = '{family}'
         host = [{{ name = 'a', tcp = {{ ecn = '{mode}' }} }}, {{ name = 'b', tcp = {{ ecn = '{mode}' }} }}]
         link = [{{ between = ['a', 'b'], both = {{ rate = '20M', delay = '10ms', aqm = {{ {aqm} }} }} }}]
         flow = [{{ client = 'a', server = 'b', app = {{ kind = 'bulk', bytes = '20M' }} }}]"
    );
    let scenario: Scenario = toml::from_str(&text).expect("the scenario can be read");
    let bits = Rc::new(RefCell::new(Bits::default()));
    let mut simulation = Simulation::new(&scenario).expect("the scenario can be run");
    simulation.add_observer(Box::new(Rc::clone(&bits)));
    let outcome = simulation.run(&mut |_| {});
    assert!(outcome.complete, "{:?}", outcome.violations);
    (outcome, bits.take())
}

const QUEUES: [&str; 2] = [
    "kind = 'codel', ecn = true",
    "kind = 'red', min = '15k', max = '500k', probability = 0.1, ecn = true",
];

fn counter(outcome: &Outcome, host: usize, name: &str) -> u64 {
    let counters = &outcome.hosts[host].counters;
    counters.get(name).map_or(0, |it| it.as_u64().unwrap())
}

#[test]
fn a_marking_queue_slows_a_transfer_without_a_loss() {
    for family in ["v4", "v6"] {
        for queue in QUEUES {
            let (outcome, bits) = transfer(family, queue, "request");
            let stats = &outcome.links[0].stats;
            assert!(stats.marked > 3, "{queue}: {stats:?}");
            assert_eq!(stats.dropped.total(), 0, "{queue}: {stats:?}");
            assert_eq!(outcome.retransmitted_segments, 0);
            assert_eq!(bits.marked, stats.marked);
            assert_eq!(counter(&outcome, 1, "IpExtInCEPkts"), stats.marked);
            assert_eq!(counter(&outcome, 1, "IpExtInECT0Pkts"), bits.capable);
            assert!(counter(&outcome, 0, "TcpExtTCPDeliveredCE") >= bits.echoes);
            // Each mark is echoed until a reduction answers it, and one answers many.
            assert!(bits.echoes > bits.reductions, "{queue}");
            assert!((2..=stats.marked).contains(&bits.reductions), "{queue}");
            assert!(outcome.goodput_bps > 0.9 * 20e6, "{}", outcome.goodput_bps);
        }
    }
}

#[test]
fn who_does_not_ask_is_answered_by_losses() {
    for mode in ["off", "accept"] {
        for queue in QUEUES {
            let (outcome, bits) = transfer("v4", queue, mode);
            let stats = &outcome.links[0].stats;
            assert_eq!(
                bits.marked + bits.capable + bits.echoes + bits.reductions,
                0
            );
            assert_eq!(stats.marked, 0, "{mode}");
            assert!(stats.dropped.aqm > 0, "{mode}, {queue}");
            assert!(outcome.retransmitted_segments > 0, "{mode}, {queue}");
        }
    }
}
