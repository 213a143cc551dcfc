//! What an acknowledgement with SACK blocks costs while 10,000 segments are outstanding. `--json`
//! prints one object; `--most NANOSECONDS` fails above that.
//!
//! A sender keeps so many segments in flight, one in a hundred of which is lost, that 10,000 are not
//! cumulatively acknowledged. The receiver acknowledges every second segment, with as many SACK blocks
//! as fit, as RFC 2018 orders them. Only
//! the sender's `handle_segment` is timed: neither the making of acknowledgements nor the sending.

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;
use std::time::{Duration, Instant as Clock};

use tcp_core::congestion::{AckSample, CongestionEvent, Controller, ControllerFactory, Repeated};
use tcp_core::seq::{SeqNumber, SeqRange};
use tcp_core::wire::{Control, Header, Segment, Timestamps, WindowScale, WireWindow};
use tcp_core::{
    CongestionAlgorithm, Connection, Counters, Instant, Setup, TcpConfig, WindowScaling,
};

/// Payload of a segment, beside timestamps.
const SEGMENT: u32 = 1_448;
/// Segments in flight; almost as many are reported and wait for the holes before them.
const IN_FLIGHT: u32 = 5_250;
/// How often one is lost on its first way.
const LOSS: u32 = 100;
/// Acknowledgements that are timed: some four windows.
const ACKS: usize = 20_000;
/// The best of so many is what it costs: other work on the machine makes the others slower.
const ROUNDS: usize = 15;
/// Between two segments, so that a window takes some 100 ms.
const GAP: Duration = Duration::from_micros(20);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = (0..ROUNDS).map(|_| measure());
    let best = rounds.min_by(|one, other| one.nanos.total_cmp(&other.nanos));
    let Some(Measured {
        nanos,
        outstanding,
        blocks,
        again,
    }) = best
    else {
        return ExitCode::FAILURE;
    };
    if arguments.iter().any(|it| it == "--json") {
        println!(
            "{{\"nanoseconds_per_ack\": {nanos:.0}, \"acks\": {ACKS}, \"outstanding\": {outstanding:.0}, \
             \"blocks_per_ack\": {blocks:.2}, \"retransmitted\": {again}}}"
        );
    } else {
        println!(
            "{nanos:.0} ns for each of {ACKS} acknowledgements with {blocks:.2} SACK blocks, \
             {outstanding:.0} segments outstanding, {again} sent again"
        );
    }
    let most = arguments.iter().position(|it| it == "--most");
    let most = most.and_then(|index| arguments.get(index + 1)?.parse::<f64>().ok());
    if most.is_some_and(|most| nanos > most) {
        eprintln!("sack_ack: {nanos:.0} ns are more than is allowed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What one round has found, on average over its acknowledgements.
struct Measured {
    nanos: f64,
    /// Segments sent and not cumulatively acknowledged: in flight, or reported.
    outstanding: f64,
    /// SACK blocks of an acknowledgement.
    blocks: f64,
    /// Segments that were sent again, in all.
    again: u64,
}

fn measure() -> Measured {
    let mut sender = Sender::established();
    let mut receiver = Receiver::default();
    let mut wire = VecDeque::new();
    let mut sent = 0;
    let (mut spent, mut outstanding, mut blocks, mut acks) = (Duration::ZERO, 0, 0, 0);
    while acks < ACKS {
        sender.send(&mut wire);
        // The first window is on its way before the first acknowledgement comes.
        for _ in 0..2 {
            let segment = wire.pop_front().expect("the window is never empty");
            sent += 1;
            let is_lost = sent % LOSS == 0;
            if !is_lost {
                receiver.take(segment);
            }
            sender.now += GAP;
        }
        let ack = receiver.acknowledge(sender.now);
        outstanding += sender.connection.info(sender.now).unacked_bytes;
        blocks += ack.options.sack.as_slice().len();
        spent += sender.handle(ack);
        acks += 1;
    }
    let info = sender.connection.info(sender.now);
    assert!(info.sack && info.timestamps, "both were agreed on");
    assert_eq!(info.tcpi_snd_mss, SEGMENT);
    let count = acks as f64;
    Measured {
        nanos: spent.as_nanos() as f64 / count,
        outstanding: outstanding as f64 / f64::from(SEGMENT) / count,
        blocks: blocks as f64 / count,
        again: info.tcpi_total_retrans,
    }
}

/// A connection that always has something to send.
struct Sender {
    connection: Connection,
    counters: Counters,
    now: Instant,
}

/// The peer's initial sequence number.
const PEER_ISN: u32 = 7_000;
/// The sender's.
const ISN: u32 = 1_000;
/// What the peer's windows are counted in.
const SCALE: u8 = 14;

impl Sender {
    fn established() -> Sender {
        let config = TcpConfig {
            send_buffer: (64 << 20).into(),
            recv_buffer: (64 << 20).into(),
            window_scaling: WindowScaling::Fixed(SCALE),
            congestion: CongestionAlgorithm::Custom(ControllerFactory::new("fixed", Fixed::build)),
            pacing: false,
            ..TcpConfig::default()
        };
        let setup = Setup {
            isn: SeqNumber::new(ISN),
            timestamp_offset: 0,
            mss: SEGMENT as u16 + 12,
            gso_max_size: 0,
            default_mss: 536,
        };
        let now = Instant::from_millis(1);
        let config = config.validate().expect("the configuration is valid");
        let mut sender = Sender {
            connection: Connection::connect(now, config, setup),
            counters: Counters::default(),
            now,
        };
        sender.send(&mut VecDeque::new());
        sender.now += Duration::from_millis(100);
        let mut answer = Header::new(SeqNumber::new(PEER_ISN));
        answer.control = Control::Syn;
        answer.ack = Some(SeqNumber::new(ISN + 1));
        answer.window = WireWindow::new(u16::MAX);
        answer.options.mss = Some(SEGMENT as u16 + 12);
        answer.options.window_scale = Some(WindowScale::clamped(SCALE));
        answer.options.sack_permitted = true;
        answer.options.timestamps = Some(sender.timestamps());
        sender.handle(answer);
        sender
    }

    /// The peer's clock is this one's.
    fn timestamps(&self) -> Timestamps {
        let millis = (self.now.as_nanos() / 1_000_000) as u32;
        Timestamps {
            value: millis,
            echo: millis,
        }
    }

    /// How long it takes to hear this.
    fn handle(&mut self, header: Header) -> Duration {
        let segment = Segment::bare(header);
        let before = Clock::now();
        self.connection
            .handle_segment(self.now, &segment, &mut self.counters);
        before.elapsed()
    }

    /// Puts all that may be sent onto the wire: where it begins and ends in the stream.
    fn send(&mut self, wire: &mut VecDeque<(u64, u64)>) {
        let filler = [0; 64 << 10];
        while self.connection.write(self.now, &filler).is_ok() {}
        while let Some(segment) = self.connection.poll_segment(self.now, &mut self.counters) {
            let len = segment.payload.len() as u64;
            if len > 0 {
                // The stream is shorter than the sequence space.
                let start = u64::from(segment.header.seq.get().wrapping_sub(ISN + 1));
                wire.push_back((start, start + len));
            }
        }
        while self.connection.poll_event().is_some() {}
    }
}

/// What has arrived: ranges of the stream, in order up to `next`, and beyond holes.
#[derive(Default)]
struct Receiver {
    next: u64,
    /// Ends by beginnings.
    beyond: BTreeMap<u64, u64>,
    /// Beginnings of what has grown, the latest first.
    recent: VecDeque<u64>,
}

impl Receiver {
    fn take(&mut self, (mut start, mut end): (u64, u64)) {
        if end <= self.next {
            return;
        }
        if let Some((before, until)) = self
            .beyond
            .range(..=start)
            .next_back()
            .map(|it| (*it.0, *it.1))
            && until >= start
        {
            self.beyond.remove(&before);
            (start, end) = (before, end.max(until));
        }
        if let Some(until) = self.beyond.remove(&end) {
            end = until;
        }
        if start <= self.next {
            self.next = end;
        } else {
            self.beyond.insert(start, end);
            self.recent.retain(|it| *it != start);
            self.recent.push_front(start);
            self.recent.truncate(8);
        }
    }

    /// Three blocks fit beside timestamps, that which has grown last first (RFC 2018 §4).
    fn acknowledge(&self, now: Instant) -> Header {
        let seq = |offset: u64| SeqNumber::new(ISN + 1).at_offset(offset);
        let millis = (now.as_nanos() / 1_000_000) as u32;
        let mut header = Header::new(SeqNumber::new(PEER_ISN + 1));
        header.ack = Some(seq(self.next));
        header.window = WireWindow::new(4_096);
        header.options.timestamps = Some(Timestamps {
            value: millis,
            echo: millis.saturating_sub(100),
        });
        let blocks = self.recent.iter().filter_map(|start| {
            let end = self.beyond.get(start)?;
            Some(SeqRange {
                start: seq(*start),
                end: seq(*end),
            })
        });
        for block in blocks.take(3) {
            header.options.sack.push(block);
        }
        header
    }
}

/// A window of so many segments, whatever happens.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Fixed;

impl Fixed {
    fn build(_mss: u32, _initial_window: u32) -> Box<dyn Controller> {
        Box::new(Fixed)
    }
}

impl Controller for Fixed {
    fn name(&self) -> &'static str {
        "fixed"
    }

    fn window(&self) -> u32 {
        IN_FLIGHT * SEGMENT
    }

    fn ssthresh(&self) -> u32 {
        u32::MAX
    }

    fn governs_recovery(&self) -> bool {
        true
    }

    fn on_ack(&mut self, _sample: &AckSample) {}

    fn on_congestion(&mut self, _event: &CongestionEvent) {}

    fn on_timeout(&mut self, _now: Instant, _flight_size: u32, _repeated: Repeated) {}

    fn remember(&mut self) {}

    fn restore(&mut self, _now: Instant) {}

    fn on_idle(&mut self, _now: Instant, _idle: Duration, _rto: Duration) {}

    fn on_mss_change(&mut self, _mss: u32) {}

    fn on_take_over(&mut self, _window: u32, _ssthresh: u32) {}
}
