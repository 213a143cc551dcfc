//! The paths that every packet takes, each by itself, through the public interface of the core.
//!
//! Criterion keeps its figures as JSON: `target/criterion/GROUP/NAME/new/estimates.json`, in nanoseconds.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use tcp_core::seq::{SeqNumber, SeqRange};
use tcp_core::wire::{
    self, Control, Fragments, Header, IpFields, Options, Payload, SackBlocks, Segment, Timestamps,
    WindowScale,
};
use tcp_core::{
    ConnectionId, Instant, ListenAddr, ListenConfig, ListenerId, PacketMeta, ReceiveChecksum,
    Stack, StackConfig, ValidConfig,
};

/// Packets of a batch: what an initial window lets go.
const BATCH: u64 = 10;
/// Connections of a stack with many.
const MANY: usize = 10_000;

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 80))
}

fn fields() -> IpFields {
    IpFields {
        src: address(1),
        dst: address(2),
        dscp: 0,
        hop_limit: 64,
        identification: 0,
        fragments: Fragments::Forbidden,
    }
}

fn data_header() -> Header {
    Header {
        ack: Some(SeqNumber::new(7)),
        options: Options {
            timestamps: Some(Timestamps { value: 1, echo: 2 }),
            ..Options::NONE
        },
        ..Header::new(SeqNumber::new(1))
    }
}

fn wire_formats(c: &mut Criterion) {
    let payload = vec![0x5a; 1 << 16];
    let mut buf = vec![0; 1 << 16];
    let mut group = c.benchmark_group("wire");
    for len in [0, 1_448, 65_483] {
        let payload = Payload::from(&payload[..len]);
        let segment = Segment::new(data_header(), payload);
        let packet = wire::emit(&fields(), &segment, &mut buf).expect("it fits");
        group.throughput(Throughput::Bytes(packet.len as u64));
        let mut out = vec![0; 1 << 16];
        group.bench_function(format!("emit, with checksum, {len} bytes"), |b| {
            b.iter(|| wire::emit(&fields(), black_box(&segment), &mut out));
        });
        for (name, checksum) in [
            ("with checksum", ReceiveChecksum::Unchecked),
            ("without checksum", ReceiveChecksum::Verified),
        ] {
            group.bench_function(format!("parse, {name}, {len} bytes"), |b| {
                b.iter(|| wire::parse(black_box(&buf[..packet.len]), checksum).is_ok());
            });
        }
    }
    group.finish();
}

fn options(c: &mut Criterion) {
    let mut sack = SackBlocks::NONE;
    for block in 1..=3 {
        let start = SeqNumber::new(block * 3_000);
        let end = start.advanced_by(1_448);
        assert!(sack.push(SeqRange { start, end }), "there is room for four");
    }
    let full = Options {
        sack,
        ..data_header().options
    };
    let syn = Options {
        mss: Some(1_460),
        window_scale: Some(WindowScale::clamped(7)),
        sack_permitted: true,
        ..data_header().options
    };
    let mut group = c.benchmark_group("options");
    for (name, control, options) in [
        ("of a SYN", Control::Syn, syn),
        ("SACK with three blocks", Control::None, full),
    ] {
        let header = Header {
            control,
            options,
            ..data_header()
        };
        let segment = Segment::bare(header);
        let mut buf = [0; 128];
        group.bench_function(format!("written and read, {name}"), |b| {
            b.iter(|| {
                let packet = wire::emit(&fields(), black_box(&segment), &mut buf)?;
                wire::parse(&buf[..packet.len], ReceiveChecksum::Verified).ok()?;
                Some(packet.len)
            });
        });
    }
    group.finish();
}

/// A stack that connects and one that listens, and what is under way between them.
#[derive(Clone)]
struct Ends {
    client: Stack,
    server: Stack,
    listener: ListenerId,
    now: Instant,
}

impl Ends {
    fn new() -> Ends {
        let stack = |last| {
            let addresses = vec![address(last).ip()];
            let config = StackConfig {
                addresses,
                ..StackConfig::default()
            };
            Stack::new(config, [last; 32])
        };
        let mut server = stack(2);
        let listening = ListenConfig {
            backlog: MANY,
            syn_backlog: MANY,
            ..ListenConfig::default()
        };
        let listener = server.listen(ListenAddr::from(address(2)), listening);
        Ends {
            client: stack(1),
            server,
            listener: listener.expect("the port is free"),
            now: Instant::from_millis(1),
        }
    }

    /// Connections of the client, established, each with this much written.
    fn connect(&mut self, count: usize, written: usize) -> Vec<ConnectionId> {
        let data = vec![0x5a; written];
        let open = |client: &mut Stack, now| {
            let config = ValidConfig::default();
            client.connect(now, None, address(2), config)
        };
        let ids = (0..count).map(|_| open(&mut self.client, self.now).expect("there are ports"));
        let ids: Vec<_> = ids.collect();
        for _ in 0..2 {
            let now = self.now;
            hand_over(now, &mut self.client, &mut self.server);
            hand_over(now, &mut self.server, &mut self.client);
        }
        while self.server.accept(self.listener).is_ok() {}
        for id in &ids {
            let connection = self.client.connection(self.now, *id);
            let mut connection = connection.expect("it is open");
            assert_eq!(connection.write(&data).unwrap_or(0), written);
        }
        ids
    }
}

/// What `from` has to send.
fn drain(now: Instant, from: &mut Stack) -> Vec<Vec<u8>> {
    let mut buf = [0; 1_500];
    let next = || {
        let packet = from.poll_transmit(now, &mut buf)?;
        Some(buf[..packet.len].to_vec())
    };
    std::iter::from_fn(next).collect()
}

fn hand_over(now: Instant, from: &mut Stack, to: &mut Stack) {
    for packet in drain(now, from) {
        to.handle_packet(now, &packet, PacketMeta::default());
    }
}

fn segments(c: &mut Criterion) {
    let mut ends = Ends::new();
    ends.connect(1, 1 << 16);
    let now = ends.now;
    let mut group = c.benchmark_group("segments");
    group.throughput(Throughput::Elements(BATCH));
    let idle = ends.clone();
    group.bench_function("output of data", |b| {
        let mut buf = [0; 1_500];
        let output = |mut ends: Ends| {
            for _ in 0..BATCH {
                let packet = ends.client.poll_transmit(now, &mut buf);
                assert!(packet.is_some(), "an initial window can be sent");
            }
            ends
        };
        b.iter_batched(|| idle.clone(), output, BatchSize::SmallInput);
    });
    let data = drain(now, &mut ends.client);
    assert_eq!(data.len() as u64, BATCH);
    let take = |stack: &mut Stack, packets: &[Vec<u8>]| {
        for packet in packets {
            stack.handle_packet(now, packet, PacketMeta::default());
        }
    };
    group.bench_function("input of data", |b| {
        let input = |mut server: Stack| {
            take(&mut server, &data);
            server
        };
        b.iter_batched(|| ends.server.clone(), input, BatchSize::SmallInput);
    });
    let mut acks = Vec::new();
    for packet in &data {
        take(&mut ends.server, std::slice::from_ref(packet));
        acks.extend(drain(now, &mut ends.server));
    }
    group.throughput(Throughput::Elements(acks.len() as u64));
    group.bench_function("input of acknowledgements", |b| {
        let input = |mut client: Stack| {
            take(&mut client, &acks);
            client
        };
        b.iter_batched(|| ends.client.clone(), input, BatchSize::SmallInput);
    });
    group.finish();
}

fn many_connections(c: &mut Criterion) {
    let mut ends = Ends::new();
    let ids = ends.connect(MANY, 0);
    let connection = |ends: &mut Ends, id| {
        let connection = ends.client.connection(ends.now, id);
        connection.expect("it is open").local_addr()
    };
    let locals: Vec<_> = ids.iter().map(|id| connection(&mut ends, *id)).collect();
    let mut group = c.benchmark_group("many connections");
    group.bench_function("demultiplexing, one of 10,000", |b| {
        let mut next = (0..locals.len()).cycle();
        b.iter(|| {
            let local = locals[next.next().unwrap_or(0)];
            assert!(ends.client.connection_between(local, address(2)).is_some());
        });
    });
    let mut ends = Ends::new();
    ends.connect(1_000, 100);
    drain(ends.now, &mut ends.client);
    let late = ends.now + Duration::from_secs(10);
    group.throughput(Throughput::Elements(1_000));
    group.sample_size(20);
    group.bench_function("timers, 1,000 due", |b| {
        let fire = |mut client: Stack| {
            client.handle_timeout(late);
            client
        };
        b.iter_batched(|| ends.client.clone(), fire, BatchSize::LargeInput);
    });
    group.finish();
}

fn main() {
    let mut c = Criterion::default()
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500))
        .configure_from_args();
    wire_formats(&mut c);
    options(&mut c);
    segments(&mut c);
    many_connections(&mut c);
    c.final_summary();
}
