//! Packets by the million, of which few are well-formed.

use std::time::Duration;

use tcp_core::wire::{self, Control, Incoming, ParseError};
use tcp_core::{
    ConnectionId, Counters, Limits, ListenConfig, ListenerId, MemoryLimits, PacketMeta,
    ReceiveChecksum, StackConfig,
};

use super::config::{AttackConfig, millions};
use super::cost::Meter;
use super::figure::{Bound, Figures};
use super::options::write_checksum;
use super::puppet::{Offer, Puppet, clock_of};
use super::victim::Victim;
use crate::bench::stopwatch::Stopwatch;
use crate::pattern::{mix, words};

/// Packets that are prepared; each is sent again and again, often with a bit of it changed.
const POOL: usize = 4_096;
/// Packets in a millisecond, which are timed together.
const RATE: u64 = 1_024;
/// Of so many packets at the beginning it is worked out what each must be counted as.
const JUDGED: u64 = 200_000;
/// Packets a second that one core is to take.
const FAST: f64 = 2_000_000.0;
/// Peers whose connections are under fire, and packets of each.
const PEERS: usize = 64;
const EACH: usize = POOL / PEERS;
/// What tables may keep of their size, when half as much again has passed.
const KEPT: f64 = 65_536.0;
/// What all buffers may hold.
const MEMORY: usize = 8 << 20;

/// Random bytes, valid packets with bits changed, truncated ones, fragments, wrong checksums, all options.
pub(super) fn packets(config: &AttackConfig, figures: &mut Figures) {
    let mut scene = Scene::new(config);
    let half = config.packets / 2;
    let began = Stopwatch::start();
    scene.fire(half);
    scene.end_all();
    let held = (config.heap)();
    scene.fire(config.packets - half);
    let whole = began.elapsed();
    scene.end_all();
    let grown = (config.heap)() as f64 - held as f64;
    figures.sent(format!("{} malformed and random", millions(config.packets)));
    let fast = if cfg!(debug_assertions) {
        Bound::None
    } else {
        Bound::AtLeast(FAST)
    };
    let alone = (1e9 / scene.meter.typical().max(1.0)).round();
    figures.add("packets/s, the stack alone", alone, fast);
    let all = (config.packets as f64 / whole.as_secs_f64()).round();
    figures.add("packets/s, everything included", all, fast);
    let counters = scene.victim.stack.counters();
    let uncounted = config.packets + scene.honest - sum(counters);
    figures.add(
        "packets not counted once",
        uncounted as f64,
        Bound::AtMost(0.0),
    );
    figures.add(
        "packets counted as what they are not",
        scene.misjudged as f64,
        Bound::AtMost(0.0),
    );
    figures.add(
        "connections opened",
        counters.passive_opens as f64,
        Bound::AtLeast(1.0),
    );
    figures.add_memory(scene.victim.peak(), MEMORY);
    let left = u8::from(!scene.victim.stack.is_idle());
    figures.add(
        "something is left at the end",
        f64::from(left),
        Bound::AtMost(0.0),
    );
    let memory = scene.victim.stack.memory() as f64;
    figures.add("bytes in buffers at the end", memory, Bound::AtMost(0.0));
    figures.add(
        "heap after all, more than after half",
        grown,
        Bound::AtMost(KEPT),
    );
}

/// Every packet is in one of these.
fn sum(counters: &Counters) -> u64 {
    counters.ip_in_hdr_errors
        + counters.ip_in_truncated
        + counters.ip_fragments_refused
        + counters.ip_in_unknown_protos
        + counters.ip_in_martians
        + counters.ip_in_addr_errors
        + counters.icmp_in_msgs
        + counters.in_segs
}

struct Scene {
    victim: Victim,
    listener: ListenerId,
    pool: Vec<Vec<u8>>,
    state: u64,
    fired: u64,
    /// Packets of handshakes beside those.
    honest: u64,
    misjudged: u64,
    held: Vec<ConnectionId>,
    meter: Meter,
}

impl Scene {
    fn new(config: &AttackConfig) -> Scene {
        let mut victim = Victim::new(StackConfig {
            limits: Limits {
                memory: MemoryLimits {
                    low: MEMORY / 2,
                    pressure: MEMORY / 4 * 3,
                    high: MEMORY,
                },
                ..Limits::default()
            },
            ..StackConfig::default()
        });
        let listener = victim.listen(ListenConfig::default());
        let mut scene = Scene {
            victim,
            listener,
            pool: vec![Vec::new(); POOL],
            state: config.seed,
            fired: 0,
            honest: 0,
            misjudged: 0,
            held: Vec::new(),
            // What the heap holds at the end is compared.
            meter: Meter::with_room((config.packets / RATE) as usize + 2),
        };
        while scene.fired < PEERS as u64 * RATE {
            scene.renew_one();
            scene.fired += RATE;
        }
        scene.fired = 0;
        scene
    }

    fn fire(&mut self, count: u64) {
        let mut left = count;
        while left > 0 {
            let now = left.min(RATE);
            left -= now;
            self.renew_one();
            if self.fired < JUDGED {
                (0..now).for_each(|_| self.judge());
            } else {
                let mut meter = std::mem::take(&mut self.meter);
                meter.time(now as usize, || {
                    (0..now).for_each(|_| self.hand());
                    self.victim.hush();
                });
                self.meter = meter;
            }
            self.fired += now;
            self.victim.pass(Duration::from_millis(1), |_| {});
            self.use_connections();
        }
    }

    /// The next packet: which of the pool, and what is drawn for it.
    fn draw(&mut self) -> (usize, u64) {
        self.state = self.state.wrapping_add(1);
        let word = mix(self.state);
        (word as usize % POOL, word)
    }

    /// Hands a packet in, damaged or not; the pool stays as it is.
    fn hand(&mut self) {
        let (index, word) = self.draw();
        let (victim, packet) = (&mut self.victim, &mut self.pool[index]);
        damage(packet, word);
        victim.stack.handle_packet(victim.now, packet, meta(word));
        damage(packet, word);
    }

    /// Opens the connection of the next peer anew, where it has ended, and makes its packets.
    fn renew_one(&mut self) {
        let number = (self.fired / RATE) as usize % PEERS;
        let addr = Puppet::addr_of(number);
        let stack = &self.victim.stack;
        if stack.connection_between(Victim::addr(), addr).is_some() {
            return;
        }
        let before = stack.counters().ip_in_receives;
        let isn = self.fired as u32;
        let peer = Puppet::try_open(&mut self.victim, number, isn, Offer::ALL);
        self.honest += self.victim.stack.counters().ip_in_receives - before;
        if let Some(peer) = peer {
            let clock = clock_of(&self.victim);
            for place in number * EACH..(number + 1) * EACH {
                let seed = self.state ^ (place as u64) << 40;
                self.pool[place] = packet(&peer, clock, seed);
            }
        }
    }

    /// Hands a packet in, and compares what was counted with what it is.
    fn judge(&mut self) {
        let (index, word) = self.draw();
        let mut packet = self.pool[index].clone();
        damage(&mut packet, word);
        let (victim, packet) = (&mut self.victim, &packet);
        let before = victim.stack.counters().clone();
        let meta = meta(word);
        victim.stack.handle_packet(victim.now, packet, meta);
        let after = victim.stack.counters();
        let counted = |of: fn(&Counters) -> u64| of(after) - of(&before) == 1;
        let right = match wire::parse(packet, meta.checksum) {
            Err(ParseError::IpHeader) => counted(|it| it.ip_in_hdr_errors),
            Err(ParseError::Truncated) => counted(|it| it.ip_in_truncated),
            Err(ParseError::Fragment) => counted(|it| it.ip_fragments_refused),
            Err(ParseError::Protocol) => counted(|it| it.ip_in_unknown_protos),
            Err(ParseError::Icmp) => counted(|it| it.icmp_in_errors),
            Err(ParseError::TcpHeader) => counted(|it| it.in_errs),
            Err(ParseError::TcpChecksum) => counted(|it| it.in_csum_errors),
            Ok(Incoming::IcmpError(_) | Incoming::IcmpOther) => counted(|it| it.icmp_in_msgs),
            Ok(Incoming::Tcp(_)) => {
                counted(|it| it.in_segs + it.ip_in_martians + it.ip_in_addr_errors)
            }
        };
        let once = sum(after) - sum(&before) == 1;
        self.misjudged += u64::from(!right || !once);
    }

    /// The victim's application takes what comes, reads, answers, and now and then ends one.
    fn use_connections(&mut self) {
        while let Ok(id) = self.victim.stack.accept(self.listener) {
            self.held.push(id);
        }
        if self.held.is_empty() {
            return;
        }
        let at = (self.fired / RATE) as usize % self.held.len();
        let id = self.held[at];
        let ended = self.victim.read(id, |_| {}).is_err();
        self.victim.write(id, &[b'a'; 100]);
        if ended || self.held.len() > PEERS / 2 {
            self.held.swap_remove(at);
            self.close(id);
        }
    }

    fn close(&mut self, id: ConnectionId) {
        if let Some(connection) = self.victim.stack.connection(self.victim.now, id) {
            connection.close();
        }
        self.victim.hush();
    }

    /// Everything is closed, and nobody answers any more.
    fn end_all(&mut self) {
        while let Ok(id) = self.victim.stack.accept(self.listener) {
            self.held.push(id);
        }
        for id in std::mem::take(&mut self.held) {
            self.close(id);
        }
        self.victim.pass(Duration::from_secs(86_400), |_| {});
        while let Ok(id) = self.victim.stack.accept(self.listener) {
            self.close(id);
        }
        self.victim.pass(Duration::from_secs(86_400), |_| {});
    }
}

/// A quarter of the packets come from a device that has checked them, so that damage gets further.
fn meta(word: u64) -> PacketMeta {
    PacketMeta {
        checksum: if word >> 62 == 0 {
            ReceiveChecksum::Verified
        } else {
            ReceiveChecksum::Unchecked
        },
        ..PacketMeta::default()
    }
}

/// Changes a bit of every second packet; the same again changes it back.
fn damage(packet: &mut [u8], word: u64) {
    let (at, bit) = ((word >> 16) as usize & 0xffff, word >> 40 & 7);
    if word >> 61 & 1 == 0 && !packet.is_empty() {
        let at = at % packet.len();
        packet[at] ^= 1 << bit;
    }
}

/// A packet of some kind, about a connection or not: most are as they should be.
fn packet(peer: &Puppet, clock: u32, seed: u64) -> Vec<u8> {
    let [kind, drawn, more] = [1, 2, 3].map(|it| mix(seed.wrapping_mul(4) + it));
    let ahead = (drawn >> 32) as u32 % 70_000;
    let mut packet = match kind % 16 {
        0 => noise(more, 20 + (drawn >> 40) as usize % 180),
        1 => with_ip_header(noise(more, 20 + (drawn >> 40) as usize % 180), peer),
        2 | 3 => Puppet::syn((drawn >> 32) as usize % 10_000, more as u32, Offer::ALL),
        // Seldom the reset that ends the connection, which would be all that there is to see.
        4 if drawn.is_multiple_of(16) => peer.control(clock, Control::Rst),
        5 if drawn.is_multiple_of(16) => peer.control(clock, Control::Fin),
        6 => peer.control(clock, Control::Syn),
        7 => peer.sack(clock, &[(ahead, ahead + 100), (1, 2), (0, u32::MAX)]),
        8 => peer.data(clock, 0, &noise(more, (drawn >> 40) as usize % 300)),
        9 | 10 => peer.data(clock, ahead, &noise(more, (drawn >> 40) as usize % 300)),
        11 => peer.data(clock.wrapping_add(more as u32), ahead, b"time"),
        12 => fragment(peer.data(clock, ahead, b"fragment"), more),
        13 => complaint(peer, more),
        _ => peer.bare_ack(clock),
    };
    if kind >> 32 & 7 == 0 {
        let len = (kind >> 40) as usize % (packet.len() + 1);
        packet.truncate(len);
    }
    packet
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let bytes = words(seed).flat_map(u64::to_le_bytes);
    bytes.take(len).collect()
}

/// Random TCP, or something else, between the right addresses.
fn with_ip_header(bytes: Vec<u8>, peer: &Puppet) -> Vec<u8> {
    let mut packet = peer.bare_ack(1)[..20].to_vec();
    packet.extend_from_slice(&bytes);
    let len = packet.len() as u16;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet[9] = [6, 6, 1, bytes[0]][usize::from(bytes[1]) % 4];
    write_checksum(&mut packet[..20], 10, 0);
    packet
}

fn fragment(mut packet: Vec<u8>, word: u64) -> Vec<u8> {
    packet[6..8].copy_from_slice(&(0x2000 | word as u16 & 0x1fff).to_be_bytes());
    write_checksum(&mut packet[..20], 10, 0);
    packet
}

/// ICMP of some type and code about a segment of the victim's.
fn complaint(peer: &Puppet, word: u64) -> Vec<u8> {
    let header = tcp_core::wire::Header::new(peer.ack);
    let quoted = crate::world::write_packet(peer.victim, peer.addr, &header, &[]);
    let message = crate::link::too_big::reply(&quoted, word as u16);
    let mut message = message.expect("it is an IP packet");
    message[20] = [3, 3, 4, 5, 11, 12][(word >> 16) as usize % 6];
    message[21] = (word >> 24) as u8 % 16;
    write_checksum(&mut message[20..], 2, 0);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_has_packets_of_every_kind() {
        let mut victim = Victim::new(StackConfig::default());
        victim.listen(ListenConfig::default());
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        let peer = Puppet::open(&mut victim, 0, 1, Offer::ALL);
        for seed in 0..POOL as u64 {
            let packet = packet(&peer, 1, seed);
            let kind = match wire::parse(&packet, ReceiveChecksum::Unchecked) {
                Ok(Incoming::Tcp(_)) => "tcp".into(),
                Ok(_) => "icmp".into(),
                Err(error) => format!("{error:?}"),
            };
            *counts.entry(kind).or_default() += 1;
        }
        // TCP, ICMP, and seven ways to be wrong.
        assert_eq!(counts.len(), 9, "{counts:?}");
    }
}
