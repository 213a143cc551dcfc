//! Two ends that disagree about where they stand: each finds the other's acknowledgements unacceptable.

use std::time::Duration;

use tcp_core::{ListenConfig, StackConfig, TcpConfig};

use super::config::AttackConfig;
use super::figure::{Bound, Figures};
use super::puppet::clock_of;
use super::receiver::Receiver;
use super::victim::Victim;
use crate::world::{TcpPacket, write_packet};

/// As long as the two are watched.
const WATCHED: Duration = Duration::from_secs(60);
/// A step of the clock, and the time that a packet takes.
const STEP: Duration = Duration::from_millis(5);

/// Someone on the path gives both ends data that the other never sent; then both are left to themselves.
pub(super) fn ack_storm(_config: &AttackConfig, figures: &mut Figures) {
    let mut victim = Victim::new(StackConfig::default());
    let listener = victim.listen(ListenConfig::default());
    let mut other = Receiver::connect(&mut victim, TcpConfig::default());
    let id = victim.accept(listener);
    desynchronize(&mut victim, &mut other);
    figures.sent("forged data to both ends, once");
    // Both have something to say, so that neither is silent.
    victim.write(id, b"to the other");
    if let Some(mut connection) = other.stack.connection(victim.now, other.id) {
        let _ = connection.write(b"to the victim");
    }
    let mut packets = 0;
    let began = victim.now;
    let (mut there, mut back) = (Vec::new(), Vec::new());
    while victim.now.saturating_duration_since(began) < WATCHED {
        let (mut to_other, mut to_victim) = (Vec::new(), Vec::new());
        victim.pass(STEP, |packet| to_other.push(packet.to_vec()));
        for packet in there.drain(..) {
            victim.hand(&Vec::<u8>::clone(&packet));
        }
        victim.say(|packet| to_other.push(packet.to_vec()));
        other.stack.handle_timeout(victim.now);
        for packet in back.drain(..) {
            other.hand(&victim, &Vec::<u8>::clone(&packet));
        }
        to_victim.extend(other.say(&victim));
        packets += to_other.len() + to_victim.len();
        (there, back) = (to_victim, to_other);
    }
    // At the rate of challenges, two a second from each end, and what both send again.
    let most = WATCHED.as_secs_f64() * 2.0 * 2.0 + 100.0;
    figures.add(
        "packets in a minute, both ends",
        packets as f64,
        Bound::AtMost(most),
    );
    figures.add_memory(victim.peak(), victim.stack.config().limits.memory.high);
}

/// A segment with data to each end, with the numbers that it expects, as the other would send it.
fn desynchronize(victim: &mut Victim, other: &mut Receiver) {
    let id = other.id;
    if let Some(mut connection) = other.stack.connection(victim.now, id) {
        let _ = connection.write(b"seen by the attacker");
    }
    let seen = other.say(victim);
    let seen = { seen.iter() }.find_map(|packet| TcpPacket::parse(packet));
    let seen = seen.expect("what is written is sent");
    let ack = seen.header.ack.expect("it acknowledges");
    let next = seen.header.seq.advanced_by(seen.payload.len() as u32);
    victim.hand(&write_packet(
        seen.src,
        seen.dst,
        &seen.header,
        &seen.payload,
    ));
    let mut forged = seen.header;
    forged.seq = next;
    victim.hand(&write_packet(seen.src, seen.dst, &forged, b"never sent"));
    // The other end hears the same of the victim.
    let mut forged = seen.header;
    (forged.seq, forged.ack) = (ack, Some(next));
    if let Some(timestamps) = &mut forged.options.timestamps {
        (timestamps.value, timestamps.echo) = (timestamps.echo, timestamps.value);
    }
    other.hand(
        victim,
        &write_packet(seen.dst, seen.src, &forged, b"never sent either"),
    );
    victim.hush();
    other.say(victim);
    debug_assert!(clock_of(victim) > 0, "time has passed");
}
