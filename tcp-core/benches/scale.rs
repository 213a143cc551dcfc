//! What connections cost where there are many: opened, used for a byte each way and closed; and a bulk
//! flow beside idle ones. Client and server are in one thread, and checksums are computed and checked.
//!
//! `--connections N` are opened and closed in each round, `--bulk MIB` are sent, `--idle N` are there
//! beside them, and there are `--rounds N`, of which the best counts.

#[path = "../tests/pair/mod.rs"]
mod pair;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant as Clock};

use pair::{Ends, Pair};
use tcp_core::{StackConfig, TcpConfig};

/// Connections that are open at the same time.
const AT_ONCE: u32 = 32;

/// The client's address of all that are opened and closed: another than those that are idle.
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 255, 0, 1)), 0);

fn main() {
    let connections = argument("--connections", 100_000);
    let bulk = argument("--bulk", 1_024);
    let rounds = argument("--rounds", 5);
    let config = StackConfig {
        max_time_wait: 8_192,
        ..StackConfig::default()
    };
    let tcp = TcpConfig {
        pacing: false,
        ..TcpConfig::default()
    };
    let mut pair = Pair::new(config, tcp.validate().expect("within bounds"));
    pair.open_used(argument("--idle", 0));
    if connections > 0 {
        let best = best_of(rounds, || churn(&mut pair, connections));
        println!("{:.0} connections a second", f64::from(connections) / best);
    }
    if bulk > 0 {
        let best = best_of(rounds, || transfer(&mut pair, bulk as usize));
        let gigabits = f64::from(bulk) * f64::from(1 << 23) / 1e9;
        println!("{:.2} Gbit/s", gigabits / best);
    }
}

/// The number after `name` on the command line.
fn argument(name: &str, default: u32) -> u32 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map_or(default, |number| {
        number.parse().expect("a number follows the flag")
    })
}

/// The least seconds that a round takes: other work on the machine makes the others slower.
fn best_of(rounds: u32, mut round: impl FnMut()) -> f64 {
    let times = (0..rounds).map(|_| {
        let start = Clock::now();
        round();
        start.elapsed().as_secs_f64()
    });
    times.min_by(f64::total_cmp).unwrap_or(f64::NAN)
}

/// Opens, uses and closes `count` connections.
fn churn(pair: &mut Pair, count: u32) {
    let mut ends = Vec::new();
    for _ in 0..count / AT_ONCE {
        pair.open((0..AT_ONCE).map(|_| CLIENT), &mut ends);
        pair.ping(&ends);
        for end in &ends {
            if let Some(connection) = pair.client.connection(pair.now, end.client) {
                connection.close();
            }
        }
        pair.exchange();
        for end in &ends {
            if let Some(connection) = pair.server.connection(pair.now, end.server) {
                connection.close();
            }
        }
        pair.exchange();
        // So that deadlines that were left behind come.
        pair.now += Duration::from_millis(1);
        pair.client.handle_timeout(pair.now);
        pair.server.handle_timeout(pair.now);
    }
}

/// Sends `mebibytes` from the client to the server.
fn transfer(pair: &mut Pair, mebibytes: usize) {
    let mut ends = Vec::new();
    pair.open(std::iter::once(CLIENT), &mut ends);
    let Ends { client, server } = ends[0];
    let data = vec![7; 1 << 18];
    let mut buf = vec![0; 1 << 18];
    let (mut unwritten, mut unread) = (mebibytes << 20, mebibytes << 20);
    while unread > 0 {
        if let Some(mut connection) = pair.client.connection(pair.now, client) {
            let wanted = data.len().min(unwritten);
            unwritten -= connection.write(&data[..wanted]).unwrap_or(0);
        }
        pair.exchange();
        if let Some(mut connection) = pair.server.connection(pair.now, server) {
            while let Ok(count @ 1..) = connection.read(&mut buf) {
                unread -= count;
            }
        }
    }
    for (stack, id) in [(&mut pair.client, client), (&mut pair.server, server)] {
        if let Some(connection) = stack.connection(pair.now, id) {
            connection.close();
        }
    }
    pair.exchange();
}
