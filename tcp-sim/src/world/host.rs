//! One host: a stack, its addresses, and what it said of itself.

use std::net::SocketAddr;

use tcp_core::{
    ConnectionEvent, ConnectionId, Event, Instant, Offload, PacketMeta, Stack, StackConfig, State,
};

use super::Side;
use super::address::Family;
use super::card;
use crate::link::offload::Coalescer;

/// A host: its stack, and the events that nobody has asked for yet.
#[derive(Clone, Debug)]
pub struct Host {
    /// The stack. Whoever calls it drains it afterwards, with [`Host::drain`].
    pub stack: Stack,
    events: Vec<Event>,
    /// What arrives is put together here, where the card does that.
    pub(super) coalescer: Option<Coalescer>,
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

    /// What a card does that takes the largest segments, completes checksums, and puts together what
    /// arrives.
    pub const CARD: Offload = Offload {
        max_packet: 65_535,
        checksum: true,
    };

    /// A host with this stack configuration. Where it says that its card takes large segments, the card
    /// also puts together what arrives.
    pub fn with_config(config: StackConfig, secret: [u8; 32]) -> Host {
        let large = config.offload.max_packet > config.mtu.into();
        Host {
            stack: Stack::new(config, secret),
            events: Vec::new(),
            coalescer: large.then(Coalescer::default),
        }
    }

    /// Hands a packet to the stack.
    pub fn receive(&mut self, now: Instant, packet: &[u8]) {
        self.stack.handle_packet(now, packet, PacketMeta::default());
    }

    /// When the host is to be woken: by its stack, or by what waits at its card.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let held = self.coalescer.as_ref().and_then(Coalescer::deadline);
        self.stack.poll_timeout().into_iter().chain(held).min()
    }

    /// Drains the stack as its contract asks: every packet, then every event. Gives the packets as they
    /// go over the wire.
    ///
    /// # Panics
    ///
    /// When a packet is larger than the MTU, or the stack does not come to an end.
    pub fn drain(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mtu = self.stack.config().mtu;
        let mut buffer = vec![0; self.stack.config().largest_packet()];
        let mut packets = Vec::new();
        while let Some(transmit) = self.stack.poll_transmit(now, &mut buffer) {
            let packet = buffer[..transmit.len].to_vec();
            packets.extend(card::on_the_wire(packet, &transmit, mtu));
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
