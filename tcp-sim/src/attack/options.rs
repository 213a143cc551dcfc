//! Headers full of options: as many as fit, of every kind, malformed, and all at once.

use tcp_core::{StackConfig, State, TcpConfig};

use super::config::{AttackConfig, millions};
use super::cost::{Meter, at_most};
use super::download::Download;
use super::figure::{Bound, Figures};
use super::puppet::{Offer, clock_of};
use crate::pattern::words;

/// Bytes of options, the most that a header has room for.
const MOST: usize = 40;
/// Packets that are timed together.
const BATCH: usize = 32;
/// How many times an ordinary acknowledgement one with a bomb may cost.
const RATIO: f64 = 5.0;

/// Where the options of a TCP segment over IPv4 begin.
const OPTIONS: usize = 40;

/// Acknowledgements of an established connection, with 40 bytes of options.
pub(super) fn bombs(config: &AttackConfig, figures: &mut Figures) {
    let bombs: [(&str, Bomb); 5] = [
        ("nothing but padding", |_| [1; MOST]),
        ("twenty options of two bytes", |_| short(254)),
        ("twenty times SACK permitted", |_| short(4)),
        ("lengths of zero and beyond the end", |word| {
            let mut bytes = [1; MOST];
            let at = (word % 38) as usize;
            (bytes[at], bytes[at + 1]) = (
                (word >> 8) as u8 | 2,
                [0, 1, 255][(word >> 16) as usize % 3],
            );
            bytes
        }),
        ("drawn", |word| {
            let mut bytes = [0; MOST];
            for (chunk, word) in bytes.chunks_mut(8).zip(words(word)) {
                chunk.copy_from_slice(&word.to_le_bytes());
            }
            bytes
        }),
    ];
    for (name, bomb) in bombs {
        let (mut plain, mut armed) = (Meter::default(), Meter::default());
        let mut scene = Download::new(StackConfig::default(), TcpConfig::default(), Offer::ALL);
        let clock = clock_of(&scene.victim);
        let ack = scene.peer.bare_ack(clock);
        let mut words = words(config.seed);
        for _ in 0..config.batches {
            let packets: Vec<Vec<u8>> = { words.by_ref() }
                .take(BATCH)
                .map(|word| loaded(&ack, &bomb(word)))
                .collect();
            let victim = &mut scene.victim;
            plain.time(BATCH, || (0..BATCH).for_each(|_| victim.hand(&ack)));
            armed.time(BATCH, || {
                packets.iter().for_each(|packet| victim.hand(packet))
            });
            victim.hush();
        }
        let count = (config.batches * BATCH) as u64;
        figures.sent(format!("{} ACKs with {name}", millions(count)));
        let ratio = armed.ratio_to(&plain);
        figures.add("cost, in ACKs without", ratio, at_most(RATIO));
        let (now, id) = (scene.victim.now, scene.id);
        let state = scene.victim.stack.connection(now, id).map(|it| it.state());
        let lost = f64::from(u8::from(state != Some(State::Established)));
        figures.add("connections ended", lost, Bound::AtMost(0.0));
    }
}

/// What options a word makes.
type Bomb = fn(u64) -> [u8; MOST];

fn short(kind: u8) -> [u8; MOST] {
    let mut bytes = [2; MOST];
    bytes.iter_mut().step_by(2).for_each(|byte| *byte = kind);
    bytes
}

/// The segment with these options in place of its own.
fn loaded(ack: &[u8], options: &[u8; MOST]) -> Vec<u8> {
    let mut packet = ack[..OPTIONS].to_vec();
    packet.extend_from_slice(options);
    let len = packet.len() as u16;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet[32] = 0xf0;
    write_checksum(&mut packet[..20], 10, 0);
    let pseudo = { packet[12..20].chunks(2) }.map(|it| u32::from(it[0]) << 8 | u32::from(it[1]));
    let pseudo = pseudo.sum::<u32>() + 6 + u32::from(len - 20);
    write_checksum(&mut packet[20..], 16, pseudo);
    packet
}

/// RFC 1071, into the two bytes at `at`.
pub(super) fn write_checksum(bytes: &mut [u8], at: usize, begun: u32) {
    bytes[at..at + 2].fill(0);
    let mut sum = begun;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::TcpPacket;

    #[test]
    fn a_bomb_arrives_intact() {
        let mut scene = Download::new(StackConfig::default(), TcpConfig::default(), Offer::ALL);
        let ack = scene.peer.bare_ack(clock_of(&scene.victim));
        let packet = loaded(&ack, &short(4));
        let read = TcpPacket::parse(&packet).expect("both checksums are right");
        assert!(read.header.options.sack_permitted);
        scene.victim.hand(&packet);
        assert_eq!(scene.victim.stack.counters().in_errs, 0);
    }
}
