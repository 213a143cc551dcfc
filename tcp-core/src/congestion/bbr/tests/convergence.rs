//! BBR finds the rate and the delay of a path, alone and among its like.

extern crate std;
use alloc::vec::Vec;
use core::time::Duration;

use super::path::{Link, Network};
use crate::time::Instant;

const RTT: Duration = Duration::from_millis(50);
const RATE: u64 = 12_500_000;
const BDP: u64 = 625_000;
const ROOMY: u32 = 1 << 30;

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1_000)
}

#[test]
fn explore_flows() {
    flows_();
}
#[test]
fn explore_one() {
    for (rate, rtt, queue, loss, window) in [
        (RATE, 50, BDP, 0, ROOMY),
        (RATE, 50, BDP, 100, ROOMY),
        (RATE, 50, BDP, 500, ROOMY),
        (RATE, 50, BDP, 1000, ROOMY),
        (RATE, 50, BDP / 10, 0, ROOMY),
        (125_000_000, 200, 25_000_000, 0, ROOMY),
        (125_000_000, 200, 25_000_000, 100, ROOMY),
        (1_250_000_000, 100, 125_000_000, 0, 1 << 20),
        (1_250_000_000, 100, 125_000_000, 100, 1 << 20),
        (1_250_000_000, 100, 125_000_000, 500, 1 << 20),
        (1_250_000_000, 100, 125_000_000, 1000, 1 << 20),
        (1_250_000_000, 100, 125_000_000, 2000, 1 << 20),
    ] {
        let link = Link { rate, queue, loss };
        let mut network = Network::new(link, &[Duration::from_millis(rtt)], window);
        std::print!("{rate} {rtt} {queue} {loss} {window}:");
        let mut before = 0;
        for s in [1, 2, 3, 5, 10, 20, 30, 60] {
            network.run_until(at(s));
            let d = network.flows[0].delivered;
            let b = &network.flows[0].bbr;
            std::print!(" {s}s {:.2}MB {:?}|", (d - before) as f64 / 1e6, b.state);
            before = d;
        }
        let f = &network.flows[0];
        std::println!(
            "\n  total {:.3} lost {:.4} to {}",
            f.delivered as f64 / 60.0 / rate as f64,
            f.lost as f64 / (f.lost + f.delivered) as f64,
            f.timeouts
        );
    }
}
fn flows_() {
    for flows in [1usize, 2, 4, 8, 16, 32, 64] {
        let link = Link {
            rate: 25_000_000,
            queue: 65536,
            loss: 0,
        };
        let rtts: Vec<Duration> = (0..flows)
            .map(|i| Duration::from_millis(50 + 100 * i as u64 / flows as u64))
            .collect();
        let mut network = Network::new(link, &rtts, 256 * 1024);
        for f in &mut network.flows {
            f.amount = 2 << 20;
        }
        if flows == 32 {
            let mut pb = (0, 0);
            for half in 1..24u64 {
                network.run_until(Instant::from_millis(half * 250));
                let lost: u64 = network.flows.iter().map(|f| f.lost).sum();
                let d: u64 = network.flows.iter().map(|f| f.delivered).sum();
                let mut states: alloc::collections::BTreeMap<
                    std::string::String,
                    (u32, u64, u64, u64, u64),
                > = Default::default();
                for f in &network.flows {
                    if f.finished < Instant::FAR_FUTURE {
                        continue;
                    }
                    let e = states.entry(std::format!("{:?}", f.bbr.state)).or_default();
                    e.0 += 1;
                    e.1 += f.bbr.bw;
                    e.2 += f.bbr.pacing_rate;
                    e.3 += f.bbr.max_bw.max();
                    e.4 += f.bbr.cwnd;
                }
                std::println!(
                    "{} ms: rate {:.2} loss {:.3} {:?}",
                    half * 250,
                    (d - pb.0) as f64 / 6.25e6,
                    (lost - pb.1) as f64 / (lost - pb.1 + d - pb.0 + 1) as f64,
                    states
                );
                pb = (d, lost);
            }
        }
        network.run_until(at(100));
        let shares: Vec<f64> = network
            .flows
            .iter()
            .map(|f| 1e9 / f.finished.as_nanos() as f64)
            .collect();
        let sum: f64 = shares.iter().sum();
        let sq: f64 = shares.iter().map(|s| s * s).sum();
        let lost: u64 = network.flows.iter().map(|f| f.lost).sum();
        let d: u64 = network.flows.iter().map(|f| f.delivered).sum();
        let last = network.flows.iter().map(|f| f.finished).max().unwrap();
        let first = network.flows.iter().map(|f| f.finished).min().unwrap();
        std::println!(
            "{flows} flows: rate {:.3} first {first:?} last {last:?} jain {:.3} lost {:.4} timeouts {}",
            d as f64 / 25e6 / last.as_nanos() as f64 * 1e9,
            sum * sum / sq / flows as f64,
            lost as f64 / (lost + d) as f64,
            network.flows.iter().map(|f| f.timeouts).sum::<u32>()
        );
    }
}
