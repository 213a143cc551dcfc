//! Connections opened, used for one byte each way, and closed.

use serde::Serialize;
use tcp_core::Instant;

use super::config::{BenchConfig, Limit};
use super::contest::{Contest, Entry, Figures, Trial, contests, rounded};
use super::couple::Couple;
use super::host::{Host, HostConfig, Read};
use super::stopwatch::Stopwatch;
use crate::figures::median;

/// What one run reached.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct ChurnRun {
    /// Connections that both users have closed, in a second.
    pub connections_per_second: f64,
    /// Connections that both users have closed.
    pub connections: u64,
    /// How long it took.
    pub seconds: f64,
}

/// So many connections are under way at once.
const AT_ONCE: usize = 16;
/// Of a connection.
const BYTES: u64 = 2;

struct ChurnTrial {
    hosts: HostConfig,
    limit: Limit,
}

/// Makes the table, of one row.
pub(super) fn row(config: &BenchConfig, progress: &dyn Fn()) -> Option<Contest<ChurnRun>> {
    let trial = || ChurnTrial {
        hosts: HostConfig {
            // The server's end of a connection outlives the client's a little.
            connections: 2 * AT_ONCE,
            ..config.hosts()
        },
        limit: config.limit,
    };
    let entry = Entry {
        ours: trial(),
        peers: Some(trial()),
    };
    contests(config.runs, &[entry], progress).pop()
}

impl Trial for ChurnTrial {
    type Run = ChurnRun;

    fn run<H: Host>(&self) -> ChurnRun {
        let mut crowd = Crowd::<H> {
            couple: Couple::new(self.hosts),
            callers: Vec::new(),
            answerers: Vec::new(),
            closed: 0,
        };
        let most = self
            .limit
            .bytes
            .map_or(u64::MAX, |bytes| bytes.div_ceil(BYTES));
        let watch = Stopwatch::start();
        while crowd.closed < most && watch.passed() < self.limit.time {
            crowd.turn();
        }
        let seconds = watch.elapsed().as_secs_f64();
        ChurnRun {
            connections_per_second: rounded(crowd.closed as f64 / seconds),
            connections: crowd.closed,
            seconds,
        }
    }
}

/// Connections that are under way.
struct Crowd<H: Host> {
    couple: Couple<H>,
    callers: Vec<Caller<H::Socket>>,
    answerers: Vec<H::Socket>,
    closed: u64,
}

struct Caller<S> {
    socket: S,
    asked: Asked,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Not,
    Yes,
}

impl<H: Host> Crowd<H> {
    /// Each end takes in what has arrived, its users do what they can, and it sends: what a user answers goes with the
    /// acknowledgement.
    fn turn(&mut self) {
        while self.callers.len() < AT_ONCE {
            let socket = self.couple.connect();
            let asked = Asked::Not;
            self.callers.push(Caller { socket, asked });
        }
        let (callers, answerers) = (&mut self.callers, &mut self.answerers);
        let closed = &mut self.closed;
        self.couple.exchange_around(
            |client, now| call(client, now, callers),
            |server, now| *closed += answer(server, now, answerers),
        );
    }
}

/// Each client writes a byte, waits for one, and closes.
fn call<H: Host>(client: &mut H, now: Instant, callers: &mut Vec<Caller<H::Socket>>) {
    callers.retain_mut(|caller| {
        if caller.asked == Asked::Not && client.write(now, caller.socket, b"?") == 1 {
            caller.asked = Asked::Yes;
        }
        let mut answer = [0];
        match client.read(now, caller.socket, &mut answer) {
            Read::Bytes(_) => assert_eq!(&answer, b"!"),
            Read::Nothing => return true,
            Read::End => panic!("the server has closed without an answer"),
        }
        client.close(now, caller.socket);
        false
    });
}

/// Each server answers a byte by a byte, and closes when its client has; how many did.
fn answer<H: Host>(server: &mut H, now: Instant, answerers: &mut Vec<H::Socket>) -> u64 {
    answerers.extend(std::iter::from_fn(|| server.accept()));
    let mut closed = 0;
    answerers.retain(|&socket| {
        let mut question = [0];
        match server.read(now, socket, &mut question) {
            Read::Bytes(_) => {
                assert_eq!(&question, b"?");
                let written = server.write(now, socket, b"!");
                assert_eq!(written, 1, "there is room for a byte");
                true
            }
            Read::Nothing => true,
            Read::End => {
                server.close(now, socket);
                closed += 1;
                false
            }
        }
    });
    closed
}

impl Figures for ChurnRun {
    fn median(runs: &[ChurnRun]) -> ChurnRun {
        let of = |figure: fn(&ChurnRun) -> f64| median(runs.iter().map(figure));
        ChurnRun {
            connections_per_second: of(|run| run.connections_per_second),
            connections: of(|run| run.connections as f64) as u64,
            seconds: of(|run| run.seconds),
        }
    }

    fn main(&self) -> f64 {
        self.connections_per_second
    }
}
