//! Buffers of the default sizes, which follow the need.

use integration_tests::transfers::{CLIENT, Infos, run_until, scenario, simulation};
use tcp_core::Instant;
use tcp_sim::record::NodeId;
use tcp_sim::world::Oracles;

const SERVER: NodeId = NodeId(1);

/// Bytes a second from the first second to the sixth, and the buffers of sender and receiver then.
fn transfer(tcp: &str, both: &str) -> (f64, usize, usize) {
    let text = format!(
        "time_limit = '60s'
         host = [{{ name = 'client' }}, {{ name = 'server', tcp = {{ {tcp} }} }}]
         link = [{{ both = {{ {both}, queue = {{ bytes = '4M' }} }} }}]
         flow = [{{ app = {{ kind = 'bulk', bytes = '10G' }} }}]"
    );
    let mut simulation = simulation(&scenario(1, &text), Oracles::On);
    let infos = [CLIENT, SERVER].map(|host| Infos::watch(&mut simulation, host));
    let at = [1, 6].map(|seconds| Instant::from_millis(1_000 * seconds));
    let [early, late] = at.map(|at| run_until(&mut simulation, at).flows[0].bytes_to_server);
    let [sender, receiver] = infos.map(|infos| {
        let infos = infos.borrow();
        let info = infos.before(at[1]).expect("it has begun");
        (info.send_buffer, info.recv_buffer)
    });
    let rate = (late - early) as f64 / 5.0;
    (rate, sender.0, receiver.1)
}

/// 100 Mbit/s over 100 ms hold 1.25 MB, twenty times what both buffers begin with.
#[test]
fn they_grow_to_what_the_path_holds() {
    let (rate, sender, receiver) = transfer("", "rate = '100M', delay = '50ms'");
    println!("{rate:.0} bytes a second, buffers of {sender} and {receiver}");
    assert!(rate > 0.9 * 12.5e6 * 0.94, "{rate}");
    assert!((1 << 20..=4 << 20).contains(&sender), "{sender}");
    assert!((2 << 20..=6 << 20).contains(&receiver), "{receiver}");
}

#[test]
fn without_timestamps_they_do_as_well() {
    let (rate, _, receiver) = transfer("timestamps = false", "rate = '100M', delay = '50ms'");
    println!("{rate:.0} bytes a second, a buffer of {receiver}");
    assert!(rate > 0.9 * 12.5e6 * 0.94, "{rate}");
}

#[test]
fn a_short_path_needs_little() {
    let (rate, sender, receiver) = transfer("", "rate = '10M', delay = '1ms'");
    println!("{rate:.0} bytes a second, buffers of {sender} and {receiver}");
    assert!(rate > 0.9 * 1.25e6 * 0.94, "{rate}");
    assert!(receiver <= 6 << 20, "{receiver}");
}

#[test]
fn a_fixed_one_holds_the_transfer_to_a_window_in_each_round_trip() {
    let (rate, _, receiver) = transfer("recv_buffer = '64Ki'", "rate = '100M', delay = '50ms'");
    assert_eq!(receiver, 65_536);
    assert!((0.8..1.01).contains(&(rate / 655_360.0)), "{rate}");
}
