//! One host: a stack, its addresses, and what it said of itself.

use std::net::SocketAddr;

use tcp_core::{
    ConnectionEvent, ConnectionId, Event, Instant, PacketMeta, Stack, StackConfig, State,
};

use super::Side;
use super::address::Family;

/// A host: its stack, and the events that nobody has asked for yet.
#[derive(Clone, Debug)]
pub struct Host {
    /// The stack. Whoever calls it drains it afterwards, with [`Host::drain`].
    pub stack: Stack,
    events: Vec<Event>,
}

impl Host {
    /// The host of `side`, with both of its addresses.
    pub fn new(side: Side, mtu: u16, secret: [u8; 32]) -> Host {
        let config = StackConfig {
            mtu,
            ..Host::stack_config(side.index())
        };
        Host::with_config(config, secret)
    }

    /// The configuration of the host with this index: its addresses of both families.
    pub fn stack_config(index: usize) -> StackConfig {
        StackConfig {
            addresses: [Family::V4, Family::V6]
                .map(|family| family.address(index))
                .into(),
            ..StackConfig::default()
        }
    }

    /// A host with this stack configuration.
    pub fn with_config(config: StackConfig, secret: [u8; 32]) -> Host {
        Host {
            stack: Stack::new(config, secret),
            events: Vec::new(),
        }
    }

    /// Hands a packet to the stack.
    pub fn receive(&mut self, now: Instant, packet: &[u8]) {
        self.stack.handle_packet(now, packet, PacketMeta::default());
    }

    /// Drains the stack as its contract asks: every packet, then every event. Gives the packets.
    ///
    /// # Panics
    ///
    /// When a packet is larger than the MTU, or the stack does not come to an end.
    pub fn drain(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mtu = usize::from(self.stack.config().mtu);
        let mut buffer = vec![0; mtu];
        let mut packets = Vec::new();
        while let Some(transmit) = self.stack.poll_transmit(now, &mut buffer) {
            assert!(
                transmit.len <= mtu,
                "{} bytes on an MTU of {mtu}",
                transmit.len
            );
            packets.push(buffer[..transmit.len].to_vec());
            assert!(packets.len() < PACKETS_AT_ONCE, "poll_transmit never ends");
        }
        self.collect_events();
        packets
    }

    /// Takes the events that the stack has; gives those.
    pub(super) fn collect_events(&mut self) -> &[Event] {
        let known = self.events.len();
        while let Some(event) = self.stack.poll_event() {
            self.events.push(event);
        }
        &self.events[known..]
    }

    /// Whether there are events that nobody has taken.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Appends every event since they were last taken to `taken`.
    pub fn take_events_into(&mut self, taken: &mut Vec<Event>) {
        taken.append(&mut self.events);
    }

    /// Every event since they were last taken.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The events of one connection since they were last taken; those of others stay.
    pub fn take_events_of(&mut self, wanted: ConnectionId) -> Vec<ConnectionEvent> {
        let mut taken = Vec::new();
        self.events.retain(|event| match event {
            Event::Connection { id, event } if *id == wanted => {
                taken.push(*event);
                false
            }
            _ => true,
        });
        taken
    }

    /// The state of the connection between these addresses, half-open and TIME-WAIT included.
    pub fn state_of(&self, local: SocketAddr, remote: SocketAddr) -> Option<State> {
        let mut sockets = self.stack.sockets();
        let found = sockets.find(|(_, here, there, _)| (*here, *there) == (local, remote));
        found.map(|(_, _, _, state)| state)
    }
}

/// More packets than any window of a test holds.
const PACKETS_AT_ONCE: usize = 100_000;
