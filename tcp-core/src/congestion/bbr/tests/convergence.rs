//! BBR finds the rate and the delay of a path, alone and among its like.

use alloc::vec::Vec;
use core::time::Duration;

use super::path::{Link, MSS, Network};
use crate::time::Instant;

/// 100 Mbit/s.
const RATE: u64 = 12_500_000;
const RTT: Duration = Duration::from_millis(50);
const BDP: u64 = 625_000;
const ROOMY: u32 = 1 << 30;

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1_000)
}

fn alone(queue: u64, loss: u64) -> Network {
    let rate = RATE;
    Network::new(Link { rate, queue, loss }, &[RTT], ROOMY)
}

/// Bytes that the first flow delivered from the second `from` to the second `to`, in hundredths of
/// what `rate` carries.
fn share(network: &mut Network, from: u64, to: u64, rate: u64) -> u64 {
    network.run_until(at(from));
    let before = network.flows[0].delivered;
    network.run_until(at(to));
    (network.flows[0].delivered - before) * 100 / (rate * (to - from))
}

/// Jain's index of the numbers, in hundredths.
fn jain(numbers: &[u64]) -> u64 {
    let sum: u64 = numbers.iter().sum();
    let squares: u64 = numbers.iter().map(|number| number * number).sum();
    sum * sum * 100 / (squares * numbers.len() as u64)
}

#[test]
fn a_path_is_filled_without_a_standing_queue() {
    let mut network = alone(BDP, 0);
    assert!(share(&mut network, 2, 30, RATE) >= 94);
    let flow = &network.flows[0];
    let min_rtt = flow.bbr.probe_rtt.min_rtt().unwrap();
    assert!(min_rtt < RTT + Duration::from_millis(1), "{min_rtt:?}");
    assert!(flow.bbr.bw.abs_diff(RATE) < RATE / 20, "{}", flow.bbr.bw);
    assert!(flow.lost * 1_000 < flow.delivered);
}

#[test]
fn a_shallow_queue_is_enough() {
    let mut network = alone(BDP / 10, 0);
    assert!(share(&mut network, 2, 30, RATE) >= 88);
    assert!(network.flows[0].lost * 100 < network.flows[0].delivered);
}

#[test]
fn one_loss_in_a_hundred_costs_little() {
    let mut network = alone(BDP, 100);
    assert!(share(&mut network, 0, 3, RATE) >= 70);
    assert!(share(&mut network, 3, 30, RATE) >= 72);
}

#[test]
fn a_path_that_slows_down_and_recovers_is_followed() {
    let mut network = alone(BDP, 0);
    network.run_until(at(10));
    network.link.rate = RATE / 4;
    assert!(share(&mut network, 15, 25, RATE / 4) >= 85);
    network.link.rate = RATE;
    assert!(share(&mut network, 35, 45, RATE) >= 85);
}

#[test]
fn losses_beyond_the_threshold_slow_a_transfer_and_do_not_stop_it() {
    for (loss, seconds) in [(500, 3), (1_000, 4), (2_000, 8)] {
        let link = Link {
            rate: 100 * RATE,
            queue: 100 * BDP,
            loss,
        };
        let mut network = Network::new(link, &[2 * RTT], 1 << 20);
        network.flows[0].amount = 10 << 20;
        network.run_until(at(60));
        let finished = network.flows[0].finished;
        assert!(finished < at(seconds), "{loss}: {finished:?}");
    }
}

#[test]
fn a_peer_with_room_for_one_segment_is_served_at_any_loss() {
    let link = Link {
        rate: RATE,
        queue: BDP,
        loss: 3_000,
    };
    let mut network = Network::new(link, &[RTT], MSS);
    let mut before = 0;
    for minute in 1..=5 {
        network.run_until(at(minute * 60));
        let flow = &network.flows[0];
        // A segment takes 50 ms, and with each loss 250 ms more: about six a second.
        assert!(flow.delivered - before > u64::from(300 * MSS), "{minute}");
        assert!(flow.timeouts > 0);
        before = flow.delivered;
    }
}

#[test]
fn many_flows_share_a_shallow_queue() {
    let link = Link {
        rate: 2 * RATE,
        queue: 65_536,
        loss: 0,
    };
    let rtts: Vec<Duration> = (0..64)
        .map(|flow| Duration::from_micros(50_000 + flow * 1_562))
        .collect();
    let mut network = Network::new(link, &rtts, 256 << 10);
    for flow in &mut network.flows {
        flow.amount = 2 << 20;
    }
    network.run_until(at(30));
    let speeds: Vec<u64> = network
        .flows
        .iter()
        .map(|flow| flow.amount * 1_000 / flow.finished.as_millis())
        .collect();
    assert!(speeds.iter().all(|&speed| speed > 0), "{speeds:?}");
    assert!(jain(&speeds) >= 75, "{speeds:?}");
    let lost: u64 = network.flows.iter().map(|flow| flow.lost).sum();
    let delivered: u64 = network.flows.iter().map(|flow| flow.delivered).sum();
    assert!(lost * 100 < delivered * 8, "{lost} of {delivered}");
}
