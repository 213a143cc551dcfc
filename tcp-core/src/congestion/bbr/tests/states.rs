//! One state after the other, by acknowledgements that each answer a whole round trip.

use core::time::Duration;

use crate::congestion::bbr::Bbr;
use crate::congestion::bbr::arithmetic::UNBOUNDED;
use crate::congestion::bbr::state::State;
use crate::congestion::{
    AckSample, CongestionEvent, CongestionSignal, Controller, LostSample, Phase, RateSample,
    Repeated, SentSample,
};
use crate::time::Instant;

const MSS: u32 = 1_000;
const RTT: Duration = Duration::from_millis(100);
const RATE: u64 = 10_000_000;
const BDP: u32 = 1_000_000;

/// A path that delivers at `rate`, with `in_flight` bytes in the network.
struct Script {
    bbr: Bbr,
    now: Instant,
    delivered: u64,
    rate: u64,
    rtt: Duration,
    in_flight: u32,
    cwnd_limited: bool,
    phase: Phase,
}

impl Script {
    fn new() -> Self {
        Script {
            bbr: Bbr::new(MSS, 10 * MSS),
            now: Instant::from_millis(1_000),
            delivered: 0,
            rate: RATE,
            rtt: RTT,
            in_flight: 2 * BDP,
            cwnd_limited: false,
            phase: Phase::Open,
        }
    }

    /// In Cruise, with a model that fits the path.
    fn cruising() -> Self {
        let mut script = Script::new();
        for _ in 0..4 {
            script.round(0);
        }
        script.in_flight = BDP;
        script.run_to(State::Cruise);
        script
    }

    fn in_up() -> Self {
        let mut script = Script::cruising();
        script.run_to(State::Up);
        script
    }

    /// Round trips until `state`; returns the time that passed.
    fn run_to(&mut self, state: State) -> Duration {
        let start = self.now;
        while self.bbr.state != state {
            self.round(0);
            assert!(
                self.passed(start) < Duration::from_secs(20),
                "{:?}",
                self.bbr
            );
        }
        self.passed(start)
    }

    fn passed(&self, since: Instant) -> Duration {
        self.now.saturating_duration_since(since)
    }

    fn ack(&mut self, delivered: u32, lost: u32, rate: Option<RateSample>) {
        let in_flight = self.in_flight.min(self.bbr.window());
        self.bbr.on_ack(&AckSample {
            delivered,
            lost,
            prior_in_flight: in_flight,
            in_flight,
            cwnd_limited: self.cwnd_limited,
            phase: self.phase,
            rtt: rate.map(|rate| rate.rtt),
            rate,
            total_delivered: self.delivered,
            ..AckSample::of_round(self.now, 0, 0)
        });
    }

    /// A segment of the present round is lost, as one of `lost` so far.
    fn lose(&mut self, lost: u32) {
        self.bbr.on_lost(&LostSample {
            now: self.now,
            bytes: MSS,
            tx_in_flight: self.in_flight,
            lost_since_sent: u64::from(lost * MSS),
            prior_delivered: self.delivered,
            total_delivered: self.delivered,
            app_limited: false,
        });
    }

    /// A round trip in which `losses` segments are found lost one by one.
    fn round(&mut self, losses: u32) {
        for lost in 1..=losses {
            self.lose(lost);
            self.ack(0, MSS, None);
        }
        let delivered = self.rate / 10;
        let rate = RateSample {
            delivered,
            interval: RTT,
            prior_delivered: self.delivered,
            tx_in_flight: self.in_flight,
            lost: u64::from(losses * MSS),
            rtt: self.rtt,
            app_limited: false,
        };
        self.now += self.rtt;
        if self.rtt == RTT {
            // As if a lower one had been seen by now.
            self.bbr.probe_rtt.schedule_next(self.now);
        }
        self.delivered += delivered;
        self.ack(delivered as u32, 0, Some(rate));
    }

    fn mark(&mut self) {
        self.bbr.remember();
        self.bbr.on_congestion(&CongestionEvent {
            now: self.now,
            signal: CongestionSignal::Ecn,
            flight_size: self.in_flight,
        });
    }

    /// The pacing rate in hundredths of the path's.
    fn pace(&self) -> u64 {
        (self.bbr.pacing_rate().unwrap() * 100 + RATE / 2) / RATE
    }
}

#[test]
fn startup_paces_the_initial_window_before_anything_is_measured() {
    let bbr = Bbr::new(MSS, 10 * MSS);
    assert_eq!(bbr.pacing_rate(), Some(27_700_000));
    assert_eq!((bbr.window(), bbr.ssthresh()), (10 * MSS, u32::MAX));
}

#[test]
fn a_plateau_ends_startup_and_an_empty_queue_ends_drain() {
    let mut script = Script::new();
    for _ in 0..3 {
        script.round(0);
        assert_eq!((script.bbr.state, script.pace()), (State::Startup, 274));
    }
    script.round(0);
    assert_eq!((script.bbr.state, script.pace()), (State::Drain, 50));
    script.round(0);
    assert_eq!(script.bbr.state, State::Drain);
    script.in_flight = BDP;
    script.round(0);
    assert_eq!((script.bbr.state, script.pace()), (State::Cruise, 99));
    assert_eq!(script.bbr.ssthresh(), script.bbr.window());
}

#[test]
fn startup_goes_on_while_the_rate_grows_and_losses_are_few() {
    let mut script = Script::new();
    script.in_flight = BDP;
    for round in 0..10 {
        script.round(round * 2);
        script.rate = script.rate * 13 / 10;
        assert_eq!(script.bbr.state, State::Startup, "{round}");
    }
    assert_eq!(script.bbr.bounds.bw_shortterm, UNBOUNDED);
}

#[test]
fn a_round_of_high_loss_without_growth_ends_startup() {
    let mut script = Script::new();
    script.in_flight = 3 * BDP;
    script.round(0);
    script.rate *= 2;
    // Whatever is lost while the rate doubles is no want of room.
    script.round(100);
    assert_eq!(script.bbr.state, State::Startup);
    script.round(100);
    assert_eq!(script.bbr.state, State::Drain);
    assert_eq!(script.bbr.bounds.inflight_longterm, u64::from(2 * BDP));
}

#[test]
fn the_phases_follow_each_other_in_their_time() {
    let mut script = Script::cruising();
    let cruised = script.run_to(State::Refill).as_millis();
    assert!((1_800..=3_200).contains(&cruised), "{cruised}");
    assert_eq!(script.pace(), 99);
    assert_eq!(script.run_to(State::Up), RTT);
    assert_eq!(script.pace(), 124);
    script.in_flight = BDP / 4 * 5;
    assert_eq!(script.run_to(State::Down), 3 * RTT);
    assert_eq!(script.pace(), 89);
    script.round(0);
    assert_eq!(script.bbr.state, State::Down);
    script.in_flight = BDP;
    assert_eq!(script.run_to(State::Cruise), RTT);
}

#[test]
fn what_was_measured_two_cycles_ago_is_forgotten() {
    let mut script = Script::cruising();
    script.rate = RATE / 2;
    script.in_flight = BDP / 2;
    script.run_to(State::Up);
    assert_eq!(script.bbr.bw, RATE);
    script.run_to(State::Cruise);
    script.run_to(State::Up);
    script.run_to(State::Cruise);
    script.round(0);
    assert_eq!(script.bbr.bw, RATE / 2);
}

#[test]
fn a_quiet_moment_comes_every_five_seconds_and_lasts_two_hundred_milliseconds() {
    let mut script = Script::cruising();
    script.rtt = RTT + Duration::from_millis(1);
    let first = script.run_to(State::ProbeRtt).as_millis();
    assert!((4_000..5_200).contains(&first), "{first}");
    assert_eq!(script.bbr.window() / 10_000, BDP / 20_000);
    let quiet = script.run_to(State::Cruise).as_millis();
    assert!((300..=404).contains(&quiet), "{quiet}");
    script.round(0);
    assert!(script.bbr.window() > BDP);
    let next = script.run_to(State::ProbeRtt).as_millis();
    assert!((4_700..=5_200).contains(&next), "{next}");
}

#[test]
fn too_much_loss_ends_a_probe_and_bounds_what_is_in_the_network() {
    let mut script = Script::in_up();
    for lost in 1..=20 {
        script.lose(lost);
    }
    assert_eq!(script.bbr.state, State::Up);
    script.lose(21);
    assert_eq!(script.bbr.state, State::Down);
    // 980,000 of 1,000,000 and a little before: where 2 % of it was lost.
    let bound = script.bbr.bounds.inflight_longterm;
    assert!((998_000..BDP.into()).contains(&bound), "{bound}");
    script.lose(300);
    assert_eq!(script.bbr.bounds.inflight_longterm, bound);
    script.in_flight = BDP / 5 * 4;
    script.run_to(State::Cruise);
    assert!(u64::from(script.bbr.window()) <= bound * 85 / 100);
}

#[test]
fn a_probe_with_little_in_the_network_proves_nothing() {
    let mut script = Script::in_up();
    script.in_flight = BDP / 2;
    script.lose(300);
    assert_eq!(script.bbr.state, State::Up);
    assert_eq!(script.bbr.bounds.inflight_longterm, UNBOUNDED);
}

#[test]
fn the_repair_of_a_timeout_is_no_plateau() {
    for (phase, reached) in [(Phase::Loss, false), (Phase::Open, true)] {
        let mut script = Script::new();
        script.phase = phase;
        for _ in 0..4 {
            script.round(0);
        }
        assert_eq!(script.bbr.full_bw.reached(), reached, "{phase:?}");
    }
}

#[test]
fn a_bound_that_is_used_in_full_without_loss_grows_ever_faster() {
    let mut script = Script::in_up();
    script.bbr.bounds.lower_longterm(u64::from(BDP), 0);
    script.cwnd_limited = true;
    let mut grown = script.bbr.bounds.inflight_longterm;
    let mut last = 0;
    for _ in 0..5 {
        script.round(0);
        let growth = script.bbr.bounds.inflight_longterm - grown;
        assert!(growth > last, "{growth}");
        (grown, last) = (grown + growth, growth);
    }
    assert_eq!(script.bbr.state, State::Up);
}

#[test]
fn losses_between_probes_bind_for_a_while() {
    let mut script = Script::cruising();
    script.rate = RATE / 2;
    script.round(0);
    script.round(5);
    assert_eq!(script.bbr.bw, RATE, "1 % is no sign of a bound");
    script.round(15);
    assert!(script.bbr.bw <= RATE * 7 / 10 && script.bbr.bw >= RATE / 2);
    script.rate = RATE;
    script.run_to(State::Refill);
    assert_eq!(script.bbr.bw, RATE);
}

#[test]
fn a_mark_shrinks_the_window_once_a_round_and_ends_a_probe() {
    let mut script = Script::cruising();
    let window = script.bbr.window();
    script.mark();
    script.mark();
    script.round(0);
    assert_eq!(script.bbr.window(), window / 10 * 7);

    let mut script = Script::in_up();
    script.mark();
    assert_eq!(script.bbr.state, State::Down);
    assert_eq!(script.bbr.bounds.inflight_longterm, u64::from(BDP / 10 * 7));

    let mut script = Script::new();
    script.round(0);
    script.mark();
    script.round(0);
    assert_eq!(script.bbr.state, State::Drain);
}

#[test]
fn losses_that_were_none_leave_no_trace() {
    let mut script = Script::in_up();
    for lost in 1..=100 {
        script.lose(lost);
    }
    script.bbr.remember();
    script
        .bbr
        .on_timeout(script.now, script.in_flight, Repeated::First);
    assert_eq!((script.bbr.state, script.bbr.window()), (State::Down, MSS));
    script.bbr.restore(script.now);
    assert_eq!(script.bbr.state, State::Up);
    assert_eq!(script.bbr.bounds.inflight_longterm, UNBOUNDED);
    assert!(script.bbr.window() > BDP);
}

#[test]
fn startup_that_false_losses_ended_goes_on() {
    let mut script = Script::new();
    script.round(0);
    script.round(0);
    script.lose(1);
    script.bbr.remember();
    script.round(50);
    assert_eq!(script.bbr.state, State::Drain);
    script.bbr.restore(script.now);
    script.round(0);
    assert_eq!(script.bbr.state, State::Startup);
}

#[test]
fn a_timeout_leaves_one_segment_and_the_repair_gives_the_window_back() {
    let mut script = Script::cruising();
    let window = script.bbr.window();
    script.bbr.remember();
    script.bbr.on_timeout(script.now, BDP, Repeated::First);
    script.bbr.on_timeout(script.now, BDP, Repeated::Again);
    assert_eq!(script.bbr.window(), MSS);
    script.in_flight = 0;
    script.phase = Phase::Loss;
    script.ack(MSS, 0, None);
    assert_eq!(script.bbr.window(), 4 * MSS);
    script.phase = Phase::Open;
    script.ack(0, 0, None);
    assert_eq!(script.bbr.window(), window);
}

#[test]
fn a_flow_that_was_idle_starts_again_at_the_bandwidth() {
    let mut script = Script::in_up();
    assert_eq!(script.pace(), 124);
    script.bbr.on_sent(&SentSample {
        now: script.now,
        bytes: MSS,
        prior_in_flight: 0,
        app_limited: true,
    });
    assert_eq!(script.pace(), 99);
    // It has been quiet anyway: no moment of quiet is due.
    script.rtt += Duration::from_secs(6);
    script.round(0);
    assert_ne!(script.bbr.state, State::ProbeRtt);
}
