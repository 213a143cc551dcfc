//! Tiny segments out of order, to eat memory and time; and overlapping ones that say different things.

use tcp_core::{
    ConnectionId, Limits, ListenConfig, MemoryLimits, StackConfig, TcpConfig, ValidConfig,
};

use super::config::{AttackConfig, millions};
use super::cost::{Meter, at_most};
use super::figure::{Bound, Figures};
use super::puppet::{Offer, Puppet, clock_of};
use super::victim::Victim;
use crate::pattern::words;

/// The victim's receive buffer.
const ROOM: u32 = 4 << 20;
/// A full segment, beside timestamps.
const SEGMENT: usize = 1_448;
/// Segments that are timed together.
const BATCH: usize = 16;
/// How many times an ordinary segment one of a flood may cost.
const MOST: f64 = 5.0;
/// Connections of those who eat memory, and what all may hold.
const EATERS: usize = 400;
const LIMIT: usize = 8 << 20;

/// What each segment costs, and what all hold, when a peer leaves the first byte out for ever.
pub(super) fn flood(config: &AttackConfig, figures: &mut Figures) {
    let floods: [(&str, Spots); 3] = [
        ("every second byte, in order", |index, _| 1 + 2 * index),
        ("every second byte, backwards", |index, count| {
            1 + 2 * (count - index)
        }),
        ("single bytes, drawn", |index, _| {
            let word = words(u64::from(index)).next().unwrap_or_default();
            1 + (word % u64::from(ROOM / 2)) as u32
        }),
    ];
    for (name, spots) in floods {
        let mut hostile = Uploader::new(StackConfig::default());
        let mut full = Uploader::new(StackConfig::default());
        let mut tiny = Uploader::new(StackConfig::default());
        let count = (config.batches * BATCH) as u32;
        let mut index = 0;
        for _ in 0..config.batches {
            full.in_order(SEGMENT);
            tiny.in_order(1);
            let ahead: Vec<u32> = (0..BATCH as u32)
                .map(|it| spots(index + it, count))
                .collect();
            index += BATCH as u32;
            hostile.ahead(&ahead);
        }
        figures.sent(format!("{} {name}, behind a hole", millions(count.into())));
        let ratio = hostile.meter.ratio_to(&full.meter);
        figures.add("cost, in full segments in order", ratio, at_most(MOST));
        let ratio = hostile.meter.ratio_to(&tiny.meter);
        figures.add("cost, in tiny segments in order", ratio, Bound::None);
    }
    memory(config, figures);
}

/// Offsets after the next byte, by the number of the segment and how many there are.
type Spots = fn(u32, u32) -> u32;

/// Many connections, each with as many tiny ranges, and then as many bytes, as it may.
fn memory(config: &AttackConfig, figures: &mut Figures) {
    for (name, len, stride) in [("single bytes", 1, 2), ("full segments", SEGMENT, 2_000)] {
        let limits = Limits {
            memory: MemoryLimits {
                low: LIMIT / 2,
                pressure: LIMIT / 4 * 3,
                high: LIMIT,
            },
            ..Limits::default()
        };
        let before = (config.heap)();
        let mut heap = 0;
        let mut victim = Victim::new(StackConfig {
            limits,
            ..StackConfig::default()
        });
        let listener = victim.listen(listening());
        let payload = vec![b'x'; len];
        let mut opened = 0_usize;
        for number in 0..EATERS {
            let Some(peer) = Puppet::try_open(&mut victim, number, 1, Offer::ALL) else {
                break;
            };
            let _ = victim.stack.accept(listener);
            opened += 1;
            for index in 0..200 {
                let clock = clock_of(&victim);
                victim.hand(&peer.data(clock, 1 + index * stride, &payload));
                victim.hush();
            }
            heap = heap.max((config.heap)().saturating_sub(before));
        }
        figures.sent(format!("{name} behind a hole, {opened} connections"));
        figures.add_memory(victim.peak(), LIMIT);
        if heap > 0 {
            let allowed = LIMIT + opened * CONNECTION;
            let percent = (heap as f64 * 1_000.0 / allowed as f64).round() / 10.0;
            let what = "heap, % of limit and connections";
            figures.add(what, percent, Bound::AtMost(110.0));
        }
    }
}

/// What a connection holds beside what the limit counts: itself, the tables' share, and the first 2 KiB of its buffers.
const CONNECTION: usize = 2_040 + 512 + 2_048;

/// The same bytes sent several times, each time with others: the first that arrived count.
pub(super) fn overlaps(config: &AttackConfig, figures: &mut Figures) {
    let mut scene = Uploader::new(StackConfig::default());
    const LEN: usize = 20_000;
    let mut first: Vec<Option<u8>> = vec![None; LEN];
    let mut words = words(config.seed);
    let mut sent = 0;
    while first.iter().skip(1).any(Option::is_none) {
        let word = words.next().unwrap_or_default();
        let start = 1 + (word % (LEN as u64 - 1)) as usize;
        let len = (1 + (word >> 32) as usize % 300).min(LEN - start);
        let content = (word >> 56) as u8;
        scene.hand_ahead(start as u32, &vec![content; len]);
        first[start..start + len]
            .iter_mut()
            .for_each(|byte| *byte = byte.or(Some(content)));
        sent += 1;
    }
    scene.hand_ahead(0, b"!");
    first[0] = Some(b'!');
    let mut read = Vec::new();
    let _ = scene
        .victim
        .read(scene.id, |bytes| read.extend_from_slice(bytes));
    figures.sent(format!(
        "{sent} segments over {LEN} bytes, each with other content"
    ));
    let differ = first
        .iter()
        .zip(&read)
        .filter(|(one, other)| **one != Some(**other));
    figures.add(
        "bytes that are not the first that arrived",
        differ.count() as f64,
        Bound::AtMost(0.0),
    );
    let delivered = read.len() as f64;
    figures.add("bytes delivered", delivered, Bound::AtLeast(LEN as f64));
    figures.add(
        "bytes delivered twice",
        delivered - LEN as f64,
        Bound::AtMost(0.0),
    );
}

/// A peer that sends to the victim, whose user reads.
struct Uploader {
    victim: Victim,
    peer: Puppet,
    id: ConnectionId,
    meter: Meter,
}

fn listening() -> ListenConfig {
    ListenConfig {
        backlog: EATERS,
        tcp: receiving(),
        ..ListenConfig::default()
    }
}

fn receiving() -> ValidConfig {
    let tcp = TcpConfig {
        recv_buffer: (ROOM as usize).into(),
        ..TcpConfig::default()
    };
    tcp.validate().expect("the configuration is valid")
}

impl Uploader {
    fn new(config: StackConfig) -> Uploader {
        let mut victim = Victim::new(config);
        let listener = victim.listen(listening());
        let peer = Puppet::open(&mut victim, 0, 1_000, Offer::ALL);
        Uploader {
            id: victim.accept(listener),
            victim,
            peer,
            meter: Meter::default(),
        }
    }

    fn hand_ahead(&mut self, ahead: u32, payload: &[u8]) {
        let packet = self.peer.data(clock_of(&self.victim), ahead, payload);
        self.victim.hand(&packet);
        self.victim.hush();
    }

    fn in_order(&mut self, len: usize) {
        let payload = vec![b'x'; len];
        let ahead: Vec<u32> = (0..BATCH).map(|it| (it * len) as u32).collect();
        self.time(&ahead, &payload);
        self.peer.seq = self.peer.seq.advanced_by((BATCH * len) as u32);
        let _ = self.victim.read(self.id, |_| {});
    }

    fn ahead(&mut self, ahead: &[u32]) {
        self.time(ahead, b"x");
    }

    /// Each segment, and what the victim answers to it.
    fn time(&mut self, ahead: &[u32], payload: &[u8]) {
        let clock = clock_of(&self.victim);
        let packets: Vec<Vec<u8>> = { ahead.iter() }
            .map(|&ahead| self.peer.data(clock, ahead, payload))
            .collect();
        let victim = &mut self.victim;
        self.meter.time(packets.len(), || {
            for packet in &packets {
                victim.hand(packet);
                victim.hush();
            }
        });
    }
}
