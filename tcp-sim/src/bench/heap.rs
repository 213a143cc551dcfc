//! What a connection that does nothing holds.

use std::time::Duration;

use serde::Serialize;

use super::config::BenchConfig;
use super::contest::{Contest, Entry, Figures, Trial, contests, rounded};
use super::couple::{Couple, Ends};
use super::host::{Host, HostConfig, Read};
use crate::figures::median;

/// What the connections of a stack hold, with all its tables, by their number. Counted is what is given
/// back when the stack is dropped.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct HeapRun {
    /// Connections, all of them established and idle.
    pub connections: usize,
    /// Bytes for each, at the end that connected.
    pub client_bytes: f64,
    /// Bytes for each, at the end that accepted.
    pub server_bytes: f64,
}

struct HeapTrial<'a> {
    hosts: HostConfig,
    /// Bytes of heap that the program holds.
    held: &'a dyn Fn() -> usize,
}

/// Makes the table, of one row. Nothing is left to chance, so one run will do.
pub(super) fn row(
    config: &BenchConfig,
    held: &dyn Fn() -> usize,
    progress: &dyn Fn(),
) -> Option<Contest<HeapRun>> {
    let trial = |connections| HeapTrial {
        hosts: HostConfig {
            connections,
            ..config.hosts()
        },
        held,
    };
    let entry = Entry {
        ours: trial(config.heap_connections),
        // Each holds its buffers, used or not.
        peers: Some(trial(PEERS_CONNECTIONS)),
    };
    contests(1, &[entry], progress).pop()
}

/// The peer's sockets are all alike.
const PEERS_CONNECTIONS: usize = 100;
/// What each connection has carried, each way; less than the smallest buffer.
const MESSAGE: [u8; 4_000] = [b'm'; 4_000];
/// Turns after which a message that has not arrived will not.
const PATIENCE: u32 = 1_000;

impl Trial for HeapTrial<'_> {
    type Run = HeapRun;

    fn run<H: Host>(&self) -> HeapRun {
        let mut couple = Couple::<H>::new(self.hosts);
        let all = couple.open(self.hosts.connections);
        for ends in &all {
            use_once(&mut couple, ends);
        }
        // Delayed acknowledgements are due by then, and whatever they lead to.
        couple.now += Duration::from_secs(1);
        while couple.exchange() {}
        let Couple { client, server, .. } = couple;
        let bytes_of = |drop_it: &mut dyn FnMut()| {
            let before = (self.held)();
            drop_it();
            let bytes = before.saturating_sub((self.held)());
            rounded(bytes as f64 / self.hosts.connections as f64)
        };
        let (mut client, mut server) = (Some(client), Some(server));
        HeapRun {
            connections: self.hosts.connections,
            client_bytes: bytes_of(&mut || drop(client.take())),
            server_bytes: bytes_of(&mut || drop(server.take())),
        }
    }
}

/// A message there, and the same back.
fn use_once<H: Host>(couple: &mut Couple<H>, ends: &Ends<H>) {
    let mut buf = [0; MESSAGE.len()];
    let (mut arrived, mut returned) = (0, 0);
    let written = couple.client.write(couple.now, ends.client, &MESSAGE);
    assert_eq!(written, MESSAGE.len(), "the buffer is larger");
    for _ in 0..PATIENCE {
        couple.exchange();
        if let Read::Bytes(count) = couple.server.read(couple.now, ends.server, &mut buf) {
            arrived += count;
            let back = couple.server.write(couple.now, ends.server, &buf[..count]);
            assert_eq!(back, count, "the buffer is larger");
        }
        if let Read::Bytes(count) = couple.client.read(couple.now, ends.client, &mut buf) {
            returned += count;
        }
        if returned == MESSAGE.len() {
            break;
        }
    }
    let all = (MESSAGE.len(), MESSAGE.len());
    assert_eq!((arrived, returned), all, "a message is lost");
}

impl Figures for HeapRun {
    fn median(runs: &[HeapRun]) -> HeapRun {
        let of = |figure: fn(&HeapRun) -> f64| median(runs.iter().map(figure));
        HeapRun {
            connections: of(|run| run.connections as f64) as usize,
            client_bytes: of(|run| run.client_bytes),
            server_bytes: of(|run| run.server_bytes),
        }
    }

    fn main(&self) -> f64 {
        self.client_bytes.max(self.server_bytes)
    }
}
