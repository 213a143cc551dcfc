//! Reports of many small ranges, to make each acknowledgement dear.

use tcp_core::{ListenConfig, StackConfig, TcpConfig};

use super::config::AttackConfig;
use super::cost::{Meter, at_most};
use super::download::Download;
use super::figure::{Bound, Figures};
use super::puppet::{Offer, clock_of};
use super::receiver::Receiver;
use super::victim::Victim;
use crate::pattern::words;

/// Segments outstanding, in one round trip of a fast and long path.
const SEGMENTS: u32 = 10_000;
/// Payload of each, beside timestamps.
const SEGMENT: u32 = 1_448;
/// Acknowledgements that are timed together.
const BATCH: usize = 16;
/// One in so many segments of an ordinary transfer is lost.
const LOST: u64 = 100;
/// Buffers of both sides: more than all of it.
const ROOM: usize = 2 * (SEGMENTS * SEGMENT) as usize;
/// How many times an ordinary acknowledgement one of a flood may cost.
const MOST: f64 = 5.0;

/// Three reports to each acknowledgement, as many as fit beside timestamps.
pub(super) fn sack_flood(config: &AttackConfig, figures: &mut Figures) {
    let floods: [(&str, Flood); 4] = [
        ("every second segment, in any order", scattered),
        ("every second segment, backwards", backwards),
        ("single bytes", bytes),
        ("odd ranges, over and over", overlapping),
    ];
    for (name, flood) in floods {
        let mut lossy = Acks::ordinary(config.seed, LOST);
        let mut clean = Acks::ordinary(config.seed, u64::MAX);
        let mut hostile = Acks::flood(config.seed, config.batches * BATCH, flood);
        for _ in 0..config.batches {
            for acks in [&mut clean, &mut lossy, &mut hostile] {
                acks.batch();
            }
        }
        figures.sent(format!("SACK of {name}"));
        let what = "cost, in ACKs of a transfer with losses";
        figures.add(what, hostile.meter.ratio_to(&lossy.meter), at_most(MOST));
        let what = "cost, in ACKs without SACK";
        figures.add(what, hostile.meter.ratio_to(&clean.meter), Bound::None);
        let limit = StackConfig::default().limits.memory.high;
        figures.add_memory(hostile.victim.peak(), limit);
    }
}

/// Reports of acknowledgement after acknowledgement, as bytes after the first that is outstanding.
type Flood = fn(u64, usize) -> Vec<[(u32, u32); 3]>;

fn scattered(seed: u64, count: usize) -> Vec<[(u32, u32); 3]> {
    let mut odd: Vec<u32> = (0..SEGMENTS / 2).map(|it| 2 * it + 1).collect();
    for (at, word) in (1..odd.len()).rev().zip(words(seed)) {
        odd.swap(at, (word % (at as u64 + 1)) as usize);
    }
    singles(odd.into_iter(), count)
}

fn backwards(_seed: u64, count: usize) -> Vec<[(u32, u32); 3]> {
    singles((0..SEGMENTS / 2).rev().map(|it| 2 * it + 1), count)
}

fn singles(segments: impl Iterator<Item = u32> + Clone, count: usize) -> Vec<[(u32, u32); 3]> {
    let mut next = segments.cycle();
    let mut one = || {
        let start = next.next().unwrap_or_default() * SEGMENT;
        (start, start + SEGMENT)
    };
    (0..count).map(|_| [one(), one(), one()]).collect()
}

fn bytes(seed: u64, count: usize) -> Vec<[(u32, u32); 3]> {
    drawn(seed, count, |_| 1)
}

fn overlapping(seed: u64, count: usize) -> Vec<[(u32, u32); 3]> {
    drawn(seed, count, |word| 1 + (word % 6_000) as u32)
}

fn drawn(seed: u64, count: usize, len: fn(u64) -> u32) -> Vec<[(u32, u32); 3]> {
    let mut words = words(seed);
    let mut one = || {
        let word = words.next().unwrap_or_default();
        let start = SEGMENT + (word >> 32) as u32 % ((SEGMENTS - 8) * SEGMENT);
        (start, start + len(word))
    };
    (0..count).map(|_| [one(), one(), one()]).collect()
}

/// A victim with much outstanding, and what comes in.
struct Acks {
    victim: Victim,
    packets: Vec<Vec<u8>>,
    at: usize,
    meter: Meter,
}

impl Acks {
    /// Those of an honest receiver that misses one segment in so many.
    fn ordinary(seed: u64, lost: u64) -> Acks {
        let mut victim = Victim::new(StackConfig::default());
        let listener = victim.listen(ListenConfig {
            tcp: sender().validate().expect("the configuration is valid"),
            ..ListenConfig::default()
        });
        let room = TcpConfig {
            recv_buffer: ROOM.into(),
            ..TcpConfig::default()
        };
        let mut receiver = Receiver::connect(&mut victim, room);
        let id = victim.accept(listener);
        let data = vec![0; (SEGMENTS * SEGMENT) as usize];
        assert_eq!(victim.write(id, &data), data.len(), "the buffer is larger");
        let mut packets = Vec::new();
        for (packet, word) in victim.answers().iter().zip(words(seed ^ 1)) {
            if word % lost != 0 {
                receiver.hand(&victim, packet);
                packets.extend(receiver.say(&victim));
            }
        }
        Acks::of(victim, packets)
    }

    fn flood(seed: u64, count: usize, flood: Flood) -> Acks {
        let mut scene = Download::new(StackConfig::default(), sender(), Offer::ALL);
        scene.write();
        scene.say(|_| {});
        let outstanding = scene.outstanding();
        assert!(
            outstanding >= SEGMENTS * SEGMENT,
            "{outstanding} bytes are outstanding"
        );
        let clock = clock_of(&scene.victim);
        let reports = flood(seed, count);
        let packets = { reports.iter() }.map(|it| scene.peer.sack(clock, it));
        let packets = packets.collect();
        Acks::of(scene.victim, packets)
    }

    fn of(victim: Victim, packets: Vec<Vec<u8>>) -> Acks {
        Acks {
            victim,
            packets,
            at: 0,
            meter: Meter::default(),
        }
    }

    /// The next few, while there are any; what is sent because of them is not timed.
    fn batch(&mut self) {
        let end = self.packets.len().min(self.at + BATCH);
        let batch = &self.packets[self.at..end];
        if batch.len() == BATCH {
            let victim = &mut self.victim;
            let hand = || batch.iter().for_each(|packet| victim.hand(packet));
            self.meter.time(BATCH, hand);
            self.victim.hush();
        }
        self.at = end;
    }
}

/// The victim's side: everything may go at once.
fn sender() -> TcpConfig {
    TcpConfig {
        send_buffer: ROOM.into(),
        initial_window: SEGMENTS as u16,
        pacing: false,
        ..TcpConfig::default()
    }
}
