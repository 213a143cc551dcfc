//! An honest peer: one of our own stacks.

use tcp_core::{ConnectionId, PacketMeta, Stack, StackConfig, TcpConfig};

use super::victim::Victim;
use crate::Side;
use crate::world::Host;

/// A stack with one connection to the victim, which reads whatever arrives.
pub(super) struct Receiver {
    pub(super) stack: Stack,
    pub(super) id: ConnectionId,
    buf: Vec<u8>,
}

impl Receiver {
    /// Connects to the victim's listener; everything that has to be said for it is said.
    pub(super) fn connect(victim: &mut Victim, tcp: TcpConfig) -> Receiver {
        let config = StackConfig {
            offload: victim.stack.config().offload,
            ..Host::stack_config(Side::B.index())
        };
        let buf = vec![0; config.largest_packet()];
        let mut stack = Stack::new(config, [0xb0; 32]);
        let tcp = tcp.validate().expect("the configuration is valid");
        let id = stack.connect(victim.now, None, Victim::addr(), tcp);
        let id = id.expect("there are ports enough");
        let mut receiver = Receiver { stack, id, buf };
        let mut packets = receiver.say(victim);
        while !packets.is_empty() {
            packets.iter().for_each(|packet| victim.hand(packet));
            for packet in victim.answers() {
                receiver.hand(victim, &packet);
            }
            packets = receiver.say(victim);
        }
        receiver
    }

    /// A packet arrives, at the victim's time; what it brings is read.
    pub(super) fn hand(&mut self, victim: &Victim, packet: &[u8]) {
        let meta = PacketMeta::default();
        self.stack.handle_packet(victim.now, packet, meta);
        if let Some(mut connection) = self.stack.connection(victim.now, self.id) {
            connection.consume(usize::MAX);
        }
    }

    /// All that it has to say.
    pub(super) fn say(&mut self, victim: &Victim) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        while let Some(transmit) = self.stack.poll_transmit(victim.now, &mut self.buf) {
            packets.push(self.buf[..transmit.len].to_vec());
        }
        while self.stack.poll_event().is_some() {}
        packets
    }
}
