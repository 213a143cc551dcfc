//! A transfer so long that sequence numbers wrap hundreds of times, and timestamps once.

use std::time::Duration;

use tcp_core::{
    ConnectionId, Instant, ListenConfig, Offload, PacketMeta, ReceiveChecksum, Stack, StackConfig,
    TcpConfig, Transmit, TransmitChecksum, ValidConfig,
};

use super::config::AttackConfig;
use super::figure::{Bound, Figures};
use crate::Side;
use crate::pattern::Pattern;
use crate::world::Host;

/// Buffers of both ends: a window that needs to be scaled.
const BUFFER: usize = 1 << 20;
/// What is written, and read, at a time.
const PIECE: usize = 64 << 10;
/// A little more than 2^32 milliseconds.
const AGE: Duration = Duration::from_secs(51 * 86_400);

/// All of it in order, with large segments; both ends by the clock of 51 days.
pub(super) fn long_transfer(config: &AttackConfig, figures: &mut Figures) {
    let mut scene = Scene::new();
    let began = scene.now;
    let rounds = config.bytes.div_ceil(BUFFER as u64).max(1);
    let mut wrong = 0;
    for round in 0..rounds {
        let end = config.bytes.min((round + 1) * BUFFER as u64);
        while scene.read < end {
            let before = (scene.written, scene.read);
            scene.write(end);
            wrong += scene.exchange();
            if before == (scene.written, scene.read) {
                scene.leap();
            }
        }
        let share = (round + 1) as f64 / rounds as f64;
        scene.pass_to(began + AGE.mul_f64(share));
    }
    let kib = config.bytes / 1_024;
    figures.sent(format!("{kib} KiB in 51 simulated days"));
    figures.add("bytes that differ", wrong as f64, Bound::AtMost(0.0));
    let whole = scene.read as f64 / config.bytes as f64;
    figures.add("bytes read, of those written", whole, Bound::AtLeast(1.0));
    let wraps = (config.bytes >> 32) as f64;
    figures.add("wraps of the sequence space", wraps, Bound::None);
    let millis = scene.now.saturating_duration_since(began).as_millis() as f64;
    let stamps = (millis / 4_294_967_296.0).floor();
    figures.add("wraps of the timestamp", stamps, Bound::AtLeast(1.0));
    let counters = scene.ends[0].stack.counters();
    figures.add(
        "retransmissions",
        counters.retrans_segs as f64,
        Bound::AtMost(0.0),
    );
    let rejected = scene.ends[1].stack.counters().paws_estab as f64;
    figures.add("segments rejected as old", rejected, Bound::AtMost(0.0));
}

/// The writer and the reader.
struct Scene {
    ends: [End; 2],
    now: Instant,
    stream: Pattern,
    written: u64,
    read: u64,
    piece: Vec<u8>,
}

struct End {
    stack: Stack,
    id: ConnectionId,
    buf: Vec<u8>,
}

impl Scene {
    fn new() -> Scene {
        let tcp = TcpConfig {
            send_buffer: BUFFER.into(),
            recv_buffer: BUFFER.into(),
            slow_start_after_idle: false,
            pacing: false,
            ..TcpConfig::default()
        };
        let tcp = tcp.validate().expect("the configuration is valid");
        let now = Instant::from_millis(1_000);
        let [mut writer, mut reader] = Side::BOTH.map(stack);
        let listener = reader.listen(
            Side::B.addr(crate::world::Family::V4, 80),
            ListenConfig {
                tcp: ValidConfig::clone(&tcp),
                ..ListenConfig::default()
            },
        );
        let listener = listener.expect("nobody else listens");
        let remote = Side::B.addr(crate::world::Family::V4, 80);
        let id = writer.connect(now, None, remote, tcp);
        let id = id.expect("there are ports enough");
        let mut buf = vec![0; usize::from(u16::MAX)];
        for _ in 0..2 {
            carry(&mut writer, &mut reader, now, &mut buf);
            carry(&mut reader, &mut writer, now, &mut buf);
        }
        let accepted = reader.accept(listener).expect("it is established");
        let ends = [(writer, id), (reader, accepted)].map(|(stack, id)| End {
            stack,
            id,
            buf: buf.clone(),
        });
        Scene {
            ends,
            now,
            stream: Pattern::new(3),
            written: 0,
            read: 0,
            piece: vec![0; PIECE],
        }
    }

    /// Writes up to `end`, as far as there is room.
    fn write(&mut self, end: u64) {
        let [writer, _] = &mut self.ends;
        while self.written < end {
            let len = PIECE.min((end - self.written) as usize);
            let Some(mut connection) = writer.stack.connection(self.now, writer.id) else {
                return;
            };
            let room = connection.send_room().min(len);
            if room == 0 {
                return;
            }
            self.stream.fill(self.written, &mut self.piece[..room]);
            self.written += connection.write(&self.piece[..room]).unwrap_or(0) as u64;
        }
    }

    /// Everything that both have to say, and what there is to read; gives how often that was wrong.
    fn exchange(&mut self) -> u64 {
        let [writer, reader] = &mut self.ends;
        carry(
            &mut writer.stack,
            &mut reader.stack,
            self.now,
            &mut writer.buf,
        );
        let mut wrong = 0;
        while let Some(mut connection) = reader.stack.connection(self.now, reader.id) {
            let Ok(count @ 1..) = connection.read(&mut self.piece) else {
                break;
            };
            let differs = self
                .stream
                .first_difference(self.read, &self.piece[..count]);
            wrong += u64::from(differs.is_some());
            self.read += count as u64;
        }
        carry(
            &mut reader.stack,
            &mut writer.stack,
            self.now,
            &mut reader.buf,
        );
        wrong
    }

    fn deadline(&self) -> Option<Instant> {
        self.ends
            .iter()
            .filter_map(|end| end.stack.poll_timeout())
            .min()
    }

    /// To the next deadline, and no further.
    fn leap(&mut self) {
        let due = self
            .deadline()
            .expect("a transfer goes on, or waits for something");
        self.now = self.now.max(due);
        for end in &mut self.ends {
            end.stack.handle_timeout(self.now);
        }
    }

    /// What is due until then happens in its time.
    fn pass_to(&mut self, until: Instant) {
        while self.deadline().is_some_and(|due| due <= until) {
            self.leap();
            self.exchange();
        }
        self.now = self.now.max(until);
    }
}

/// A stack whose device takes large segments, and checksums.
fn stack(side: Side) -> Stack {
    let config = StackConfig {
        offload: Offload {
            checksum: true,
            ..Host::CARD
        },
        ..Host::stack_config(side.index())
    };
    Stack::new(config, [side.index() as u8 + 1; 32])
}

/// All that `from` has to say, to the other.
fn carry(from: &mut Stack, to: &mut Stack, now: Instant, buf: &mut [u8]) {
    while let Some(transmit) = from.poll_transmit(now, buf) {
        let Transmit {
            len,
            segment_size,
            checksum,
        } = transmit;
        let meta = PacketMeta {
            checksum: match checksum {
                TransmitChecksum::Partial { .. } => ReceiveChecksum::Verified,
                TransmitChecksum::Complete => ReceiveChecksum::Unchecked,
            },
            segment_size,
            ..PacketMeta::default()
        };
        to.handle_packet(now, &buf[..len], meta);
    }
    while from.poll_event().is_some() {}
}
