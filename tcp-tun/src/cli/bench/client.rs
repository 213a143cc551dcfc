//! What is measured, from the kernel's end of a path.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::congestion::Congestion;
use super::processors;
use super::services::{CHUNK, Service};

/// How a path is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Load {
    /// The kernel sends.
    ToFarEnd,
    /// The kernel receives.
    FromFarEnd,
    /// One byte there and back, again and again.
    PingPong,
    /// Connections, each for one byte each way.
    Connections,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Bytes carried.
    pub bytes: u64,
    /// Each round trip.
    pub round_trips: Vec<Duration>,
    /// Connections made, used and closed.
    pub connections: u64,
    /// What it took.
    pub took: Duration,
}

/// Where the far end is, and how the near end's sockets control congestion on the way to it.
pub type Server<'a> = (SocketAddr, &'a Congestion);

/// What works at the near end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Near {
    /// Threads, each with a flow.
    pub flows: usize,
    /// The processor that they stay on; else the kernel has them run where it likes.
    pub processor: Option<usize>,
}

/// Loads the path to `server` by a thread for each flow, for about `time`, in the namespace of the calling thread.
pub fn load(load: Load, server: Server<'_>, near: Near, time: Duration) -> io::Result<Outcome> {
    let began = Instant::now();
    let until = began + time;
    let outcomes: io::Result<Vec<Outcome>> = thread::scope(|scope| {
        let one_flow = move || {
            if let Some(processor) = near.processor {
                processors::stay_on(processor)?;
            }
            one_flow(load, server, until)
        };
        let threads: Vec<_> = (0..near.flows).map(|_| scope.spawn(one_flow)).collect();
        threads
            .into_iter()
            .map(|thread| {
                let result = thread.join();
                result.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
            })
            .collect()
    });
    let mut sum = Outcome {
        took: began.elapsed(),
        ..Outcome::default()
    };
    for outcome in outcomes? {
        sum.bytes += outcome.bytes;
        sum.round_trips.extend(outcome.round_trips);
        sum.connections += outcome.connections;
    }
    Ok(sum)
}

fn one_flow(load: Load, server: Server<'_>, until: Instant) -> io::Result<Outcome> {
    match load {
        Load::ToFarEnd => send(connect(server, Service::Sink)?, until),
        Load::FromFarEnd => receive(connect(server, Service::Source)?, until),
        Load::PingPong => ping_pong(connect(server, Service::Echo)?, until),
        Load::Connections => connections(server, until),
    }
}

/// Nothing that works takes as long.
const PATIENCE: Duration = Duration::from_secs(20);

fn connect((server, congestion): Server<'_>, service: Service) -> io::Result<TcpStream> {
    let addr = SocketAddr::new(server.ip(), service.port());
    let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    congestion.apply(&stream)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends, and waits until the far end has taken everything.
fn send(mut stream: TcpStream, until: Instant) -> io::Result<Outcome> {
    let buf = vec![0x5a; CHUNK];
    let mut bytes = 0;
    while Instant::now() < until {
        bytes += stream.write(&buf)? as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    stream.read_exact(&mut [0]).or_else(expect_end)?;
    Ok(Outcome {
        bytes,
        ..Outcome::default()
    })
}

fn expect_end(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Ok(()),
        _ => Err(error),
    }
}

fn receive(mut stream: TcpStream, until: Instant) -> io::Result<Outcome> {
    let mut buf = vec![0; CHUNK];
    let mut bytes = 0;
    while Instant::now() < until {
        bytes += stream.read(&mut buf)? as u64;
    }
    Ok(Outcome {
        bytes,
        ..Outcome::default()
    })
}

fn ping_pong(mut stream: TcpStream, until: Instant) -> io::Result<Outcome> {
    let mut round_trips = Vec::new();
    loop {
        let began = Instant::now();
        if began >= until {
            break;
        }
        stream.write_all(&[7])?;
        stream.read_exact(&mut [0])?;
        round_trips.push(began.elapsed());
    }
    Ok(Outcome {
        round_trips,
        ..Outcome::default()
    })
}

fn connections(server: Server<'_>, until: Instant) -> io::Result<Outcome> {
    let mut connections = 0;
    while Instant::now() < until {
        let mut stream = connect(server, Service::Once)?;
        stream.write_all(&[7])?;
        stream.read_exact(&mut [0])?;
        // The far end closes first, and so it is there that the connection waits to be forgotten.
        stream.read_exact(&mut [0]).or_else(expect_end)?;
        connections += 1;
    }
    Ok(Outcome {
        connections,
        ..Outcome::default()
    })
}
