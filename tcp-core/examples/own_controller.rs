//! A congestion control of one's own: it watches the round-trip time, and leaves the queue at the
//! bottleneck nearly empty, where Reno fills it.
//!
//! Run it with `cargo run --release -p tcp-core --example own_controller`. Two stacks in memory send
//! 10 MB over 20 Mbit/s and 40 ms, first with Reno and then with [`Gentle`]; it prints what each made
//! of the round trip, and ends with `own_controller: ok`.

use std::collections::VecDeque;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use tcp_core::congestion::{AckSample, CongestionEvent, Controller, ControllerFactory, Repeated};
use tcp_core::{
    CongestionAlgorithm, ConnectionId, Instant, ListenConfig, PacketMeta, Stack, StackConfig,
    TcpConfig,
};

const BYTES: u64 = 10_000_000;
/// Bytes a second of the bottleneck: 20 Mbit/s.
const RATE: u64 = 2_500_000;
/// From one end to the other.
const DELAY: Duration = Duration::from_millis(20);

/// Adds a segment each round trip while the queue that it causes is short, and takes one away where it
/// is long, as TCP Vegas does (Brakmo and Peterson, 1995). A loss halves the window.
///
/// The five derives are all that a connection needs to clone, compare and hash its controller.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Gentle {
    mss: u32,
    window: u32,
    ssthresh: u32,
    /// The end of the round trip that is under way, as an offset in the stream.
    round_end: u64,
    /// The least round-trip time of that round.
    round_rtt: Option<Duration>,
    /// The window and the threshold before the last reduction.
    before: (u32, u32),
}

/// Segments of its own that it wants to see in the queue: at least, and at most.
const QUEUED: (u64, u64) = (2, 4);

impl Gentle {
    /// What a connection calls when it begins: see [`ControllerFactory`].
    fn build(mss: u32, initial_window: u32) -> Box<dyn Controller> {
        Box::new(Gentle {
            mss,
            window: initial_window,
            ssthresh: u32::MAX,
            round_end: 0,
            round_rtt: None,
            before: (initial_window, u32::MAX),
        })
    }

    fn reduce_to(&mut self, window: u32) {
        self.ssthresh = window.max(2 * self.mss);
        self.window = self.ssthresh;
    }

    /// A round trip is over: `rtt` was the least in it, and `base` is the least of all.
    fn judge(&mut self, rtt: Duration, base: Duration) {
        // Of a window, the share of the round trip that is spent in queues is what waits there.
        let waiting = rtt.saturating_sub(base).as_nanos() as u64;
        let queued = u64::from(self.window) * waiting / (rtt.as_nanos() as u64).max(1);
        let segment = u64::from(self.mss);
        if queued > QUEUED.1 * segment {
            let slow_start = self.window < self.ssthresh;
            let excess = if slow_start { queued as u32 } else { self.mss };
            self.reduce_to(self.window.saturating_sub(excess));
        } else if queued < QUEUED.0 * segment {
            let step = if self.window < self.ssthresh {
                self.window / 2
            } else {
                self.mss
            };
            self.window = self.window.saturating_add(step);
        }
    }
}

impl Controller for Gentle {
    fn name(&self) -> &'static str {
        "gentle"
    }

    fn window(&self) -> u32 {
        self.window
    }

    fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    fn on_ack(&mut self, sample: &AckSample) {
        self.round_rtt = match (self.round_rtt, sample.rtt) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if sample.una < self.round_end {
            return;
        }
        self.round_end = sample.nxt;
        let rtt = self.round_rtt.take();
        if let (Some(rtt), Some(base), true) = (rtt, sample.min_rtt, sample.may_grow()) {
            self.judge(rtt, base);
        }
    }

    fn on_congestion(&mut self, event: &CongestionEvent) {
        self.reduce_to(event.flight_size / 2);
    }

    fn on_timeout(&mut self, _now: Instant, flight_size: u32, repeated: Repeated) {
        if repeated == Repeated::First {
            self.ssthresh = (flight_size / 2).max(2 * self.mss);
        }
        self.window = self.mss;
    }

    fn remember(&mut self) {
        self.before = (self.window, self.ssthresh);
    }

    fn restore(&mut self, _now: Instant) {
        let (window, ssthresh) = self.before;
        self.window = self.window.max(window);
        self.ssthresh = self.ssthresh.max(ssthresh);
    }

    fn on_idle(&mut self, _now: Instant, _idle: Duration, _rto: Duration) {
        // What it knew of the path is old: half of it will do to begin with.
        self.window = (self.window / 2).max(2 * self.mss);
    }

    fn on_mss_change(&mut self, mss: u32) {
        self.mss = mss;
        self.window = self.window.max(2 * mss);
    }

    fn on_take_over(&mut self, window: u32, ssthresh: u32) {
        self.window = window;
        self.ssthresh = ssthresh;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let reno = transfer(CongestionAlgorithm::Reno)?;
    let factory = ControllerFactory::new("gentle", Gentle::build);
    let gentle = transfer(CongestionAlgorithm::Custom(factory))?;
    assert_eq!(gentle.controller, "gentle");
    assert!(gentle.rtt < reno.rtt, "its queue is shorter");
    assert!(gentle.took < reno.took * 11 / 10, "and it is about as fast");
    println!("own_controller: ok");
    Ok(())
}

/// What came of a transfer.
struct Transferred {
    controller: &'static str,
    took: Duration,
    /// The round-trip time at its end, queue included.
    rtt: Duration,
}

fn transfer(congestion: CongestionAlgorithm) -> Result<Transferred, Box<dyn Error>> {
    let config = TcpConfig {
        congestion,
        // More than the path holds, so that it is the controller that decides.
        send_buffer: (1 << 19).into(),
        recv_buffer: (1 << 19).into(),
        ..TcpConfig::default()
    };
    let mut path = Path::new(config)?;
    let mut read = 0;
    let mut buffer = vec![0; 1 << 16];
    let mut accepted = None;
    while read < BYTES {
        path.step();
        let now = path.now;
        accepted = accepted.or_else(|| path.server.accept(path.listener).ok());
        if let Some(mut connection) = accepted.and_then(|id| path.server.connection(now, id)) {
            while let Ok(count) = connection.read(&mut buffer) {
                read += count as u64;
            }
        }
        let mut connection = path.client.connection(now, path.id).ok_or("it is gone")?;
        while connection.write(&buffer).is_ok() {}
    }
    let connection = path.client.connection(path.now, path.id);
    let info = connection.ok_or("it is gone")?.info();
    let took = path.now.saturating_duration_since(Instant::ZERO);
    println!(
        "{:<8} {took:>8.3?}, window {:>7} bytes, round trip {:>7.1?}",
        info.congestion, info.tcpi_snd_cwnd, info.tcpi_rtt
    );
    Ok(Transferred {
        controller: info.congestion,
        took,
        rtt: info.tcpi_rtt,
    })
}

/// Two stacks in virtual time; what the client sends waits for the bottleneck.
struct Path {
    now: Instant,
    client: Stack,
    server: Stack,
    listener: tcp_core::ListenerId,
    id: ConnectionId,
    /// Packets and when they arrive: at the server, and at the client.
    under_way: [VecDeque<(Instant, Vec<u8>)>; 2],
    /// When the bottleneck has sent all that waits for it.
    free_at: Instant,
}

impl Path {
    fn new(config: TcpConfig) -> Result<Path, Box<dyn Error>> {
        let stack = |last: u8| {
            let config = StackConfig {
                addresses: vec![[10, 0, 0, last].into()],
                ..StackConfig::default()
            };
            // A real program takes 32 random bytes from its operating system.
            Stack::new(config, [last; 32])
        };
        let (mut client, mut server) = (stack(1), stack(2));
        let address = SocketAddr::from(([10, 0, 0, 2], 80));
        let config = config.validate()?;
        let listening = ListenConfig {
            tcp: config.clone(),
            ..ListenConfig::default()
        };
        Ok(Path {
            now: Instant::ZERO,
            listener: server.listen(address, listening)?,
            id: client.connect(Instant::ZERO, None, address, config)?,
            client,
            server,
            under_way: Default::default(),
            free_at: Instant::ZERO,
        })
    }

    /// Sends what there is to send, and goes on to the next thing that is due.
    fn step(&mut self) {
        let mut buffer = [0; 1_500];
        while let Some(transmit) = self.client.poll_transmit(self.now, &mut buffer) {
            let nanos = transmit.len as u64 * 1_000_000_000 / RATE;
            self.free_at = self.free_at.max(self.now) + Duration::from_nanos(nanos);
            let packet = buffer[..transmit.len].to_vec();
            self.under_way[0].push_back((self.free_at + DELAY, packet));
        }
        while let Some(transmit) = self.server.poll_transmit(self.now, &mut buffer) {
            let packet = buffer[..transmit.len].to_vec();
            self.under_way[1].push_back((self.now + DELAY, packet));
        }
        while self.client.poll_event().is_some() || self.server.poll_event().is_some() {}
        let arrivals = self.under_way.iter().filter_map(|way| Some(way.front()?.0));
        let timers = [self.client.poll_timeout(), self.server.poll_timeout()];
        let next = arrivals.chain(timers.into_iter().flatten()).min();
        self.now = self.now.max(next.unwrap_or(self.now));
        for (stack, way) in [&mut self.server, &mut self.client]
            .into_iter()
            .zip(&mut self.under_way)
        {
            while way.front().is_some_and(|(at, _)| *at <= self.now) {
                if let Some((_, packet)) = way.pop_front() {
                    stack.handle_packet(self.now, &packet, PacketMeta::default());
                }
            }
            stack.handle_timeout(self.now);
        }
    }
}
