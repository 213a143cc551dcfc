//! Timestamps far in the future, to make those of the honest peer look old (RFC 7323 §5).

use std::time::Duration;

use tcp_core::wire::{Control, Header};
use tcp_core::{ConnectionId, ListenConfig, StackConfig};

use super::config::AttackConfig;
use super::figure::{Bound, Figures};
use super::puppet::{Offer, Puppet, clock_of};
use super::victim::Victim;

/// As far ahead as a timestamp may be without being old.
const FUTURE: u32 = 0x7fff_0000;
/// Forged segments of each kind.
const EACH: u32 = 1_000;

/// Segments outside of the window, beyond a hole, and with acknowledgements of what was not sent, each with a timestamp far
/// ahead: what the peer says after them must count.
pub(super) fn future(_config: &AttackConfig, figures: &mut Figures) {
    let kinds: [(&str, Forge); 5] = [
        ("data before the window", |header, index| {
            header.seq = header.seq.retreated_by(100_000 + index);
        }),
        ("data beyond the window", |header, index| {
            header.seq = header.seq.advanced_by(100_000_000 + index);
        }),
        ("data ahead in the window", |header, index| {
            header.seq = header.seq.advanced_by(1_000 + index);
        }),
        (
            "the next data, with an ACK of what was not sent",
            |header, index| {
                header.ack = header.ack.map(|ack| ack.advanced_by(1 + index));
            },
        ),
        ("SYN in the window", |header, _| {
            header.control = Control::Syn
        }),
    ];
    for (name, forge) in kinds {
        let mut victim = Victim::new(StackConfig::default());
        let listener = victim.listen(ListenConfig::default());
        let mut peer = Puppet::open(&mut victim, 0, 9, Offer::ALL);
        let id = victim.accept(listener);
        for index in 0..EACH {
            let mut header = peer.header(clock_of(&victim).wrapping_add(FUTURE));
            forge(&mut header, index);
            victim.hand(&peer.packet(&header, b"x"));
            victim.hush();
            victim.pass(Duration::from_millis(1), |_| {});
        }
        figures.sent(format!("{EACH} of {name}"));
        let arrived = speak(&mut victim, &mut peer, id);
        figures.add(
            "bytes that arrive after, of 1000",
            arrived,
            Bound::AtLeast(1_000.0),
        );
        let rejected = victim.stack.counters().paws_estab as f64;
        figures.add(
            "honest segments rejected as old",
            rejected,
            Bound::AtMost(0.0),
        );
    }
}

/// What of a segment is forged, beside its timestamp.
type Forge = fn(&mut Header, u32);

/// The honest peer sends a thousand bytes; gives how many arrive.
fn speak(victim: &mut Victim, peer: &mut Puppet, id: ConnectionId) -> f64 {
    for _ in 0..10 {
        victim.hand(&peer.data(clock_of(victim), 0, &[b'h'; 100]));
        peer.seq = peer.seq.advanced_by(100);
        victim.hush();
        victim.pass(Duration::from_millis(1), |_| {});
    }
    let now = victim.now;
    let connection = victim.stack.connection(now, id);
    connection.map_or(0.0, |it| it.info().tcpi_bytes_received.min(1_000) as f64)
}
