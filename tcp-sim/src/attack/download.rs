//! The victim as the sender of much data.

use std::time::Duration;

use tcp_core::{ConnectionId, ListenConfig, StackConfig, TcpConfig};

use super::puppet::{Offer, Puppet};
use super::victim::Victim;

/// A connection on which the victim sends as much as it may.
pub(super) struct Download {
    pub(super) victim: Victim,
    pub(super) id: ConnectionId,
    pub(super) peer: Puppet,
}

/// The scale of the peer's window: room for everything.
const SCALE: u8 = 10;

impl Download {
    pub(super) fn new(stack: StackConfig, tcp: TcpConfig, offer: Offer) -> Download {
        let mut victim = Victim::new(stack);
        let listener = victim.listen(ListenConfig {
            tcp: tcp.validate().expect("the configuration is valid"),
            ..ListenConfig::default()
        });
        let offer = Offer {
            scale: SCALE,
            ..offer
        };
        let peer = Puppet::open(&mut victim, 0, 0x2468_ace0, offer);
        Download {
            id: victim.accept(listener),
            victim,
            peer,
        }
    }

    /// Writes as much as there is room for.
    pub(super) fn write(&mut self) {
        let zeros = [0; 1 << 16];
        while self.victim.write(self.id, &zeros) > 0 {}
    }

    /// What the victim has to say; the peer hears it, and `take` gets it.
    pub(super) fn say(&mut self, mut take: impl FnMut(&[u8])) -> usize {
        let peer = &mut self.peer;
        self.victim.say(|packet| {
            peer.hear(packet);
            take(packet);
        })
    }

    /// Time passes; the peer hears what the victim says.
    pub(super) fn pass(&mut self, span: Duration) {
        let peer = &mut self.peer;
        self.victim.pass(span, |packet| {
            peer.hear(packet);
        });
    }

    /// Bytes that the victim has sent and the peer not acknowledged.
    pub(super) fn outstanding(&self) -> u32 {
        self.peer.sent.distance_from(self.peer.ack).unsigned_abs()
    }

    /// The victim's congestion window.
    pub(super) fn window(&mut self) -> u32 {
        let now = self.victim.now;
        let connection = self.victim.stack.connection(now, self.id);
        connection.map_or(0, |it| it.info().tcpi_snd_cwnd)
    }
}
