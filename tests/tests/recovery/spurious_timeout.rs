//! A path that stops for two seconds and loses nothing: what the timer did is taken back.

use std::time::Duration;

use integration_tests::transfers::{BACK, CLIENT, Delays, Infos, THERE};
use integration_tests::transfers::{complete, scenario, seeds, simulation};
use tcp_core::{Instant, TcpInfo};
use tcp_sim::record::LinkId;
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::Outcome;
use tcp_sim::world::Oracles;

/// When the spike begins.
const SPIKE: Instant = Instant::from_millis(3_000);
/// When what was sent at its beginning arrives, but for the delay that there always is.
const RELEASE: Instant = Instant::from_millis(5_000);

/// Which packets the spike delays.
#[derive(Clone, Copy, Debug)]
enum Direction {
    Data,
    Acknowledgements,
}

impl Direction {
    fn link(self) -> LinkId {
        match self {
            Direction::Data => THERE,
            Direction::Acknowledgements => BACK,
        }
    }
}

/// One loss at the beginning, so that there is a threshold to come back to; then no other.
fn path(seed: u64, direction: Direction, round_trip: u64, options: &str) -> Scenario {
    let spike = "spikes = [{ from = '3s', until = '3200ms', extra = '2s' }]";
    let (there, back) = match direction {
        Direction::Data => (spike, ""),
        Direction::Acknowledgements => ("", spike),
    };
    let one_way = round_trip / 2;
    let text = format!(
        "host = [{{ name = 'client', tcp = {{ {options} }} }}, {{ name = 'server' }}]
         link = [{{
             both = {{ delay = '{one_way}ms', jitter = '1ms' }},
             there = {{ faults = ['drop data 100'], {there} }},
             back = {{ {back} }},
         }}]
         flow = [{{ app = {{ kind = 'bulk', bytes = '40M' }} }}]"
    );
    scenario(seed, &text)
}

const OPTIONS: [&str; 4] = [
    "",
    "timestamps = false",
    "sack = false",
    "timestamps = false, sack = false",
];

#[test]
fn the_spike_lasts_two_seconds_and_loses_nothing() {
    for direction in [Direction::Data, Direction::Acknowledgements] {
        let mut simulation = simulation(&path(1, direction, 100, ""), Oracles::On);
        let delays = Delays::watch(&mut simulation, direction.link());
        let outcome = complete(simulation);
        let longest = delays.borrow().taken.iter().map(|(_, took)| *took).max();
        let longest = longest.unwrap_or_default();
        let two_seconds = Duration::from_millis(2_050);
        assert!(longest >= two_seconds, "{direction:?}: {longest:?}");
        assert!(
            longest <= two_seconds + Duration::from_millis(1),
            "{direction:?}: {longest:?}"
        );
        let drops = outcome.links.iter().map(|link| link.stats.dropped.total());
        assert_eq!(drops.sum::<u64>(), 1, "but for the one at the beginning");
        assert!(outcome.rto_count >= 1, "{direction:?}: the timer expires");
        assert!(outcome.sim_seconds > 6.0, "the spike comes in the middle");
    }
}

/// The sender just before the spike, when the path has answered again for a round trip, and after
/// two seconds more.
struct Story {
    before: TcpInfo,
    after: TcpInfo,
    later: TcpInfo,
    outcome: Outcome,
}

fn tell(scenario: &Scenario, round_trip: u64) -> Story {
    let mut simulation = simulation(scenario, Oracles::On);
    let infos = Infos::watch(&mut simulation, CLIENT);
    let outcome = complete(simulation);
    let infos = infos.borrow();
    let at = |at| infos.before(at).expect("the connection is there").clone();
    let answered = RELEASE + Duration::from_millis(2 * round_trip + 10);
    Story {
        before: at(SPIKE),
        after: at(answered),
        later: at(answered + Duration::from_secs(2)),
        outcome,
    }
}

#[test]
fn a_spurious_timeout_is_taken_back() {
    for options in OPTIONS {
        for direction in [Direction::Data, Direction::Acknowledgements] {
            // Short enough for the timer to expire, and long enough for it to do so no more than twice.
            for round_trip in [100, 150, 250] {
                for seed in seeds(2) {
                    let path = path(seed, direction, round_trip, options);
                    is_taken_back(
                        &tell(&path, round_trip),
                        &format!("{direction:?}, {round_trip} ms, seed {seed}, '{options}'"),
                    );
                }
            }
        }
    }
}

fn is_taken_back(story: &Story, name: &str) {
    let Story {
        before,
        after,
        later,
        outcome,
    } = story;
    let again = later.tcpi_total_retrans - before.tcpi_total_retrans;
    let words = format!(
        "{name}: cwnd {} and ssthresh {} became {} and {}; {again} sent again, {} timeouts, {} undone",
        before.tcpi_snd_cwnd,
        before.tcpi_snd_ssthresh,
        after.tcpi_snd_cwnd,
        after.tcpi_snd_ssthresh,
        outcome.rto_count,
        outcome.undo_count,
    );
    println!("{words}");
    assert!(outcome.rto_count >= 1, "{words}");
    assert_ne!(before.tcpi_snd_ssthresh, u32::MAX, "{words}");
    assert!(after.tcpi_snd_cwnd >= before.tcpi_snd_cwnd, "{words}");
    assert!(
        after.tcpi_snd_ssthresh >= before.tcpi_snd_ssthresh,
        "{words}"
    );
    // Nothing was lost.
    assert!(again <= 2, "{words}");
}
